"Tables and ledger from run folders: figures worked out on paper, damage, and what is refused."

import json, os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pianoalign.report import claims, pages, tables
from pianoalign.files import InputError
from pianoalign.report.example import example_tier
from pianoalign.report.claims import FAILS, HOLDS, OPEN
from pianoalign.report.tables import Interval, Row, Runs
from pianoalign.experiments import load_plan
from pianoalign.runs import write_npz

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    "The package's own made-up tier."
    return example_tier(tmp_path_factory.mktemp("tier") / "example")


def write_run(tier, name, sets, hash8="00000000", **metrics):
    "A run folder by hand: {(set, method): {piece: signed milliseconds}}."
    folder = tier / "runs" / f"{name}-{hash8}"
    folder.mkdir(parents=True)
    write_npz(
        folder / "errors.npz",
        {
            f"{s}/{m}/{piece}": np.array(ms, np.float32) / 1000
            for (s, m), pieces in sets.items()
            for piece, ms in pieces.items()
        },
    )
    (folder / "config.json").write_text(
        json.dumps({"experiment": {"name": name, "data": {"corpus": "demo"}}})
    )
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def rewrite_errors(tier, name, change):
    "Replace a run's errors by change(key, errors)."
    path = next((tier / "runs").glob(f"{name}-*")) / "errors.npz"
    with np.load(path) as stored:
        kept = {key: change(key, stored[key]) for key in stored.files}
    write_npz(path, kept)


def hand_made(tier, crnn=(10.0, -10.0, 0.0, 30.0)):
    "Three pieces alike, so that every draw is alike and every interval has length 0."
    loose, uniform = (
        {f"p{k}": [40.0, -40.0, 20.0, 60.0] for k in range(3)},
        {f"p{k}": [80.0, -80.0, 90.0, 10.0] for k in range(3)},
    )
    right = {f"p{k}": list(crnn) for k in range(3)}
    sets = ("valid", "test", "recordings")
    write_run(
        tier,
        "dtw",
        {
            (s, m): loose if m != "unaligned_uniform" else uniform
            for s in sets
            for m in ("unaligned", "dtw", "unaligned_uniform")
        },
    )
    for name in load_plan().names:
        write_run(
            tier,
            name,
            {
                (s, m): right if m != "unaligned" else loose
                for s in sets
                for m in ("unaligned", "crnn", "dtw_crnn")
            },
            seconds_trained=12.5,
            steps_trained=7,
            seed=3,
        )
    return tier


# ------------------------------ figures


def test_a_row_worked_out_by_hand(tmp_path):
    table = tables.table1(hand_made(tmp_path / "x"))
    row = table[(table.dataset == "demo") & (table.method == "crnn")].iloc[0]
    assert (
        row.mean_ms,
        row.median_ms,
        row.within_10_pct,
        row.within_25_pct,
        row.within_50_pct,
    ) == pytest.approx((12.5, 10.0, 75.0, 75.0, 100.0))
    assert row.std_ms == pytest.approx(np.std([10, 10, 0, 30]))
    assert (
        row.notes,
        row.pieces,
        row.seconds_trained,
        row.steps_trained,
        row.seed,
        row.learned,
    ) == (12, 3, 12.5, 7, 3, "yes")
    assert (row.within_10_pct_lo, row.within_10_pct_hi) == pytest.approx(
        (75.0, 75.0)
    )  # pieces alike: nothing varies
    assert row.published_within_10_pct == 40.78 and row.difference_within_10_pct == pytest.approx(
        75 - 40.78
    )


def test_ten_milliseconds_count_as_within_ten(tmp_path):
    hand_made(tmp_path / "x", crnn=(10.0, 10.001, -10.0, 0.0))
    assert tables.cell(Runs(tmp_path / "x"), Row("test", "crnn"), "within_10_pct") == pytest.approx(
        75.0
    )


def test_a_shift_common_to_all_notes_is_removed_and_listed(tmp_path):
    hand_made(tmp_path / "x", crnn=(25.0, 25.0, 25.0, 35.0))
    raw, removed = (
        tables.table1(tmp_path / "x", shift_removed=s)
        .query("dataset == 'demo' and method == 'crnn'")
        .iloc[0]
        for s in (False, True)
    )
    assert (raw.median_ms, removed.median_ms, removed.within_10_pct) == pytest.approx(
        (25.0, 0.0, 100.0), abs=1e-4
    )
    listed = tables.shifts(tmp_path / "x").query("dataset == 'demo' and method == 'crnn'")
    assert listed.signed_median_ms.to_numpy() == pytest.approx([25.0, 25.0, 25.0], abs=1e-4)


@pytest.mark.parametrize("name", list(tables.KEYS))
def test_columns_and_rows_as_published(example, name):
    table, printed = getattr(tables, name)(example), tables.published(name)
    columns = tables.measures(name)
    assert list(table.columns) == [
        *printed.columns,
        *(f"published_{c}" for c in columns),
        *(f"difference_{c}" for c in columns),
        *(f"{c}_{e}" for c in columns for e in ("lo", "hi")),
        "notes",
        "pieces",
        "seconds_trained",
        "steps_trained",
        "seed",
        "learned",
        "started_from",
        "width",
        "epochs",
        "recipe",
        "precision",
        "device",
    ]
    ours = table if name != "table1" else table[table.method.isin(tables.TABLE1_METHODS)]
    assert len(ours) == len(printed)
    assert ours[[f"published_{c}" for c in columns]].to_numpy() == pytest.approx(
        printed[columns].to_numpy()
    )
    if name != "table1":
        assert (
            table[list(tables.KEYS[name])]
            .astype(str)
            .equals(printed[list(tables.KEYS[name])].astype(str))
        )


def test_own_rows_follow_and_have_nothing_published(example):
    table = tables.table1(example)
    for _, rows in table.groupby("dataset", sort=False):
        assert list(rows.method[:5]) == list(tables.TABLE1_METHODS)
        assert list(rows.method[5:]) == [
            m for m in tables.OWN_METHODS if m in set(rows.method)
        ] and {"unaligned_uniform", "crnn_rank"} <= set(rows.method)
        assert rows.published_mean_ms.isna().tolist() == [False] * 5 + [True] * (len(rows) - 5)


def test_further_runs_of_table1_get_rows_of_their_own(example):
    plan = load_plan()
    plan.tables["table1"] = [
        *(e for e in plan.tables["table1"] if e["run"] != "gru"),
        dict(method="crnn_gru", run="gru"),
    ]
    rows = tables.table1(example, plan).query("dataset == 'demo'").set_index("method")
    assert {"gru", "dtw_gru"} <= set(rows.index)
    assert rows.mean_ms["gru"] == pytest.approx(
        tables.cell(Runs(example), Row("test", "gru"), "mean_ms")
    )


def test_maps_has_two_forms_for_each_set(example, tmp_path):
    tier = maps_like(tmp_path / "paper-like")
    assert list(tables.variants("table4", tier)) == [
        "table4",
        "table4_shift_removed",
        "table4_test",
        "table4_test_shift_removed",
        "table4_recordings",
        "table4_recordings_shift_removed",
    ]
    assert set(tables.table1(tier).dataset) == {"maps", "recordings"}
    assert list(tables.variants("table4", example)) == ["table4"]


def maps_like(folder):
    "The made-up tier, as if it were of MAPS."
    tier = example_tier(folder)
    for path in tier.glob("runs/*/config.json"):
        path.write_text(path.read_text().replace('"demo"', '"maps"'))
    return tier


def without_set(tier, name, split):
    "Take a set away from a run, as if it had not been judged there."
    path = next((tier / "runs").glob(f"{name}-*")) / "errors.npz"
    with np.load(path) as stored:
        kept = {key: stored[key] for key in stored.files if not key.startswith(f"{split}/")}
    write_npz(path, kept)


def test_a_table_on_another_set_has_the_rows_that_were_judged_and_the_page_names_the_others(
    tmp_path,
):
    tier = maps_like(tmp_path / "x")
    without_set(tier, "fps50", "recordings")
    found = tables.variants("table4", tier)
    assert list(found["table4"].fps) == [200, 100, 50, 25]
    assert list(found["table4_recordings"].fps) == [200, 100, 25]
    shown = pages.other_forms(Runs(tier), "table4", tmp_path / "out")
    row = next(row for row in shown.rows if row[0] == "50")
    at = shown.heads.index("recordings (exact labels)")
    assert row[at] == "not judged" and shown.rows[-1][at] == "rows missing"
    assert "Not judged on recordings (exact labels): 50 fps." in shown.note
    raw, removed = (
        found[f"table4_recordings{end}"].set_index("fps").within_10_pct[100]
        for end in ("", "_shift_removed")
    )
    base = next(row for row in shown.rows if row[0] == "100")
    assert base[at] == [f"{raw:.1f}", f"({removed:.1f})"]
    for name in ("fps200", "fps25"):
        without_set(tier, name, "recordings")
    assert "table4_recordings" not in tables.variants("table4", tier)  # one row compares nothing
    with pytest.raises(InputError, match="no run of table4 in .* was judged on the set 'record'"):
        tables.table4(tier, split="record")


def test_claims_about_loose_notes_are_not_put_to_a_set_where_all_rows_are_given_the_same(tmp_path):
    tier = maps_like(tmp_path / "x")

    def sets(id):
        return list(dict.fromkeys(case.split for case in claims.cases(Runs(tier), id)))

    assert sets("c14") == sets("c16") == ["valid", "test", "recordings"]
    base = Row("recordings", "crnn", "unaligned").errors(Runs(tier))
    for name in ("jitter050", "jitter150", "jitter200"):
        rewrite_errors(
            tier,
            name,
            lambda key, e: base[key.split("/")[2]].astype(np.float32)
            if key.startswith("recordings/unaligned/")
            else e,
        )
    assert sets("c16") == ["valid", "test"] and sets("c14") == ["valid", "test", "recordings"]
    note = pages.other_forms(Runs(tier), "table5", tmp_path / "out").note
    assert "On recordings (exact labels) all rows were given the same loose notes" in note


def test_a_verdict_that_depends_on_the_labels_is_told_set_by_set(tmp_path):
    tier = maps_like(tmp_path / "x")
    said = str(pages.verdicts(Runs(tier), "c11"))
    assert "The verdict is the same in all 6 cases." in said
    rewrite_errors(
        tier, "gru", lambda key, e: e / 20 if key.startswith("recordings/crnn/") else e
    )
    said = str(pages.verdicts(Runs(tier), "c11"))
    assert f"recordings (exact labels): {FAILS}." in said
    assert "recordings (exact labels): does not hold" in said and "; test set: " in said


def judged_on_demo(tier, *names):
    "Give runs a set `demo_test`: the errors of their test set, under other pieces' names."
    for name in names:
        path = next((tier / "runs").glob(f"{name}-*")) / "errors.npz"
        with np.load(path) as stored:
            kept = {key: stored[key] for key in stored.files}
        lent = {"demo_" + k: 1.5 * e for k, e in kept.items() if k.startswith("test/")}
        write_npz(path, kept | lent)
    for path in tier.glob("runs/*/config.json"):
        path.write_text(path.read_text().replace('"demo"', '"maps"'))
    return Runs(tier)


def test_a_tier_of_maps_has_rows_for_the_demo_corpus_where_they_were_judged(tmp_path):
    tier = hand_made(tmp_path / "x")
    runs = judged_on_demo(tier, "dtw", "crnn")
    table = tables.table1(runs)
    assert list(dict.fromkeys(table.dataset)) == ["maps", "recordings", "demo"]
    demo, maps = (table[table.dataset == name].set_index("method") for name in ("demo", "maps"))
    assert list(demo.index) == ["unaligned", "dtw", "crnn", "dtw_crnn", "unaligned_uniform"]
    assert demo.mean_ms.crnn == pytest.approx(1.5 * maps.mean_ms.crnn)
    assert demo.published_mean_ms.crnn == maps.published_mean_ms.crnn  # what it stands beside
    every = claims.ledger(runs, ids=["c02", "c03", "c05", "c10"]).set_index("id").set
    assert list(every["c02"]) == ["test", "test", "demo_test", "demo_test"]
    assert "demo_test" not in " ".join([*every["c03"], *every["c05"], *every["c10"]])
    other = claims.judge_claim(runs, "c02", claims.Case(test="demo_test"))
    assert other.ours != claims.judge_claim(runs, "c02").ours


def test_without_a_base_run_that_was_judged_there_no_row_is_of_the_demo_corpus(tmp_path):
    runs = judged_on_demo(hand_made(tmp_path / "x"), "dtw", "crnn_onsets")
    assert set(tables.table1(runs).dataset) == {"maps", "recordings"}


# ------------------------------ same runs, same bytes


def test_same_runs_same_bytes(example, tmp_path):
    written = [
        [
            tables.write_table(
                make(Runs(example)), tmp_path / f"{k}-{make.__name__}.csv"
            ).read_bytes()
            for make in (tables.table1, tables.table4, tables.table6, claims.claims)
        ]
        for k in range(2)
    ]
    assert written[0] == written[1]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        f"{k}-{n}.csv" for k in range(2) for n in ("table1", "table4", "table6", "claims")
    )


def test_a_table_that_cannot_be_written_leaves_the_old_one(example, tmp_path, monkeypatch):
    path = tables.write_table(tables.table2(example), tmp_path / "table2.csv")
    before = path.read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space"):
        tables.write_table(tables.table3(example), path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["table2.csv"]


# ------------------------------ not learned


def test_a_run_that_does_not_beat_its_input_is_marked_everywhere(tmp_path):
    tier = hand_made(tmp_path / "x", crnn=(40.0, -40.0, 20.0, 60.0))
    runs = Runs(tier)
    table = tables.table2(runs)
    assert table.learned.tolist() == ["no"] * 3
    assert (
        repr(tables.show(table)).count("not learned yet") == 3
        and tables.show(table)._repr_html_().count("not learned yet") == 3
    )
    assert "Nothing follows" in pages.sentence(
        runs, Row("valid", "crnn"), Row("valid", "gru"), "within_10_pct"
    )
    ledger = claims.claims(runs).set_index("id")
    baselines = ["c01", "c21", "c22", "c25"]  # what needs no training
    assert (ledger.verdict.drop(baselines) == OPEN).all()
    assert ledger.reason["c11"] == "crnn, gru: not learned yet"
    assert ledger.verdict["c01"] == HOLDS  # DTW is no better than unaligned


def test_learning_is_judged_against_the_runs_own_input(example):
    runs = Runs(example)
    assert tables.input_of(runs, Row("valid", "jitter200")) == Row(
        "valid", "jitter200", "unaligned"
    )
    assert tables.input_of(runs, Row("test", "dtw", "dtw")) == Row("test", "dtw", "unaligned")
    assert [tables.learned(runs, name) for name in ("crnn", "cnn", "dtw")] == [
        "yes",
        "no",
        "baseline",
    ]


# ------------------------------ claims


@pytest.mark.parametrize(
    "interval,margin,rule,verdict",
    [
        ((5, 3, 7), 0, "above", HOLDS),
        ((5, -1, 7), 0, "above", OPEN),
        ((-5, -7, -3), 0, "above", FAILS),
        ((12, 9, 15), 10, "above", OPEN),
        ((5, 3, 7), 10, "above", FAILS),
        ((13, 11, 15), 10, "above", HOLDS),
        ((-3, -5, -1), 1, "no better", HOLDS),
        ((0.2, -0.5, 0.9), 1, "no better", HOLDS),
        ((0.2, -0.5, 1.9), 1, "no better", OPEN),
        ((5, 3, 7), 1, "no better", FAILS),
        ((5, np.nan, np.nan), 0, "above", OPEN),
    ],
)
def test_a_check_holds_or_fails_only_where_its_whole_interval_does(interval, margin, rule, verdict):
    assert claims.Check((), "", rule, margin).verdict(Interval(*interval)) == verdict


def test_a_series_fails_when_one_step_goes_back(tmp_path):
    tier = example_tier(tmp_path / "x")
    assert claims.claims(tier).set_index("id").verdict["c17"] == HOLDS
    rewrite_errors(tier, "tempo010", lambda key, e: e / 20 if "/crnn/" in key else e)
    row = claims.claims(tier).set_index("id").loc["c17"]
    assert row.verdict == FAILS and "tempo ±10 %" in row.ours


def test_every_claim_has_a_verdict_and_its_columns(example):
    ledger = claims.claims(example)
    assert list(ledger.id) == list(tables.published("claims").id)
    assert list(ledger.columns) == [
        *("id", "section", "claim", "published", "printed", "runs", "recipe", "set", "shifts"),
        *("ours", "difference", "difference_lo", "difference_hi", "unit", "verdict", "reason"),
        *("elsewhere", "cases", "reading", "tables"),
    ]
    assert (
        set(ledger.verdict) <= {HOLDS, FAILS, OPEN}
        and (ledger[ledger.verdict == OPEN].reason != "").all()
    )


def test_missing_runs_leave_claims_open_and_tables_refused(tmp_path):
    tier = example_tier(tmp_path / "x")
    for path in (tier / "runs" / "gru-00000000").iterdir():
        path.unlink()
    row = claims.claims(tier).set_index("id").loc["c11"]
    assert row.verdict == OPEN and row.reason == "this tier has no run gru"
    with pytest.raises(InputError, match="no finished run 'gru'; run `pianoalign reproduce"):
        tables.table2(tier)


def test_the_claim_on_raw_blocks_is_open_where_nothing_was_counted(tmp_path):
    tier = example_tier(tmp_path / "x")
    path = tier / "runs" / "crnn-00000000" / "metrics.json"

    def verdict():
        return claims.judge_claim(Runs(tier), "c09", claims.Case(split="test"))

    assert verdict().verdict == HOLDS and "956 blocks for 1,000 notes" in verdict().ours
    metrics = json.loads(path.read_text())
    metrics["raw_blocks"]["test"] |= dict(precision=0.8, recall=0.9)
    path.write_text(json.dumps(metrics))
    assert verdict().verdict == FAILS
    del metrics["raw_blocks"]
    path.write_text(json.dumps(metrics))
    assert verdict().verdict == OPEN and "no counts" in verdict().reason


# ------------------------------ folders that are not as they should be


def test_rows_on_other_notes_are_not_compared(tmp_path):
    tier = example_tier(tmp_path / "x")
    rewrite_errors(tier, "gru", lambda key, e: e[:-1] if key.endswith("03") else e)
    with pytest.raises(InputError, match="different notes"):
        tables.contrast(
            Runs(tier), [(1, Row("valid", "crnn"), "mean_ms"), (-1, Row("valid", "gru"), "mean_ms")]
        )


def test_damaged_settings_are_named(tmp_path):
    tier = example_tier(tmp_path / "x")
    (tier / "runs" / "crnn-00000000" / "config.json").write_text("{")
    with pytest.raises(InputError, match="config.json is damaged"):
        tables.table1(tier)


def test_missing_method_is_named(example):
    with pytest.raises(InputError, match="no errors of 'oracle' on the set 'test'"):
        Row("test", "crnn", "oracle").errors(Runs(example))


def test_the_plans_folder_is_taken_and_no_other(tmp_path):
    plan, tier = load_plan(), tmp_path / "demo"
    one = {("valid", "crnn"): {"p": [1.0, 2.0]}}
    other = write_run(tier, "gru", one, "0badc0de")
    with pytest.raises(InputError, match="gru-0badc0de, but the plan's settings of 'gru' make"):
        Runs(tier, plan).folder("gru")
    planned = write_run(tier, "gru", one, plan.experiment("gru", "demo").hash8)
    assert Runs(tier, plan).folder("gru") == planned != other


def test_an_unfinished_run_does_not_count(tmp_path):
    tier = example_tier(tmp_path / "x")
    (tier / "runs" / "crnn-00000000" / "metrics.json").unlink()
    with pytest.raises(InputError, match="no finished run 'crnn'"):
        tables.table1(tier)


# ------------------------------ made-up numbers stay away from results


def test_made_up_runs_go_to_new_folders_only(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        example_tier(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize(
    "tier,says",
    [
        ("demo", "holds no run folders; run `pianoalign reproduce --tier demo` first"),
        ("papr", "there is no tier 'papr'"),
        ("dmeo", "did you mean 'demo'"),
    ],
)
def test_no_tier_no_numbers(tmp_path, monkeypatch, tier, says):
    for testing in (True, False):
        monkeypatch.setenv("IN_TEST", "1") if testing else monkeypatch.delenv("IN_TEST")
        with pytest.raises(InputError, match=says):
            pages.open_tier(tier, tmp_path / "results", tmp_path / "figures")
    assert not list(tmp_path.iterdir())


def test_the_example_says_that_it_is_made_up_and_is_written_elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("IN_TEST", raising=False)
    here = pages.open_tier("demo", tmp_path / "results", tmp_path / "figures", example=True)
    assert here.made_up and "made up" in str(here)
    assert tmp_path not in here.out.parents and tmp_path not in here.figures.parents
    assert not (tmp_path / "results").exists()


def test_a_folder_of_made_up_runs_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("IN_TEST", raising=False)
    example_tier(tmp_path / "demo")
    assert "made up" in str(pages.open_tier("demo", tmp_path, tmp_path / "figures"))


def test_a_tier_with_runs_is_used_or_refused_but_never_made_up(tmp_path, monkeypatch):
    monkeypatch.delenv("IN_TEST", raising=False)
    write_run(tmp_path / "demo", "dtw", {("valid", "unaligned"): {"p": [1.0]}})
    here = pages.open_tier("demo", tmp_path, tmp_path / "figures")
    assert (
        not here.made_up and here.out == tmp_path / "demo" and here.figures == tmp_path / "figures"
    )
    with pytest.raises(InputError, match="no finished run"):
        tables.table2(here.runs)


def test_testing_writes_nothing_into_results(tmp_path, monkeypatch):
    example_tier(tmp_path / "mine")
    monkeypatch.setenv("IN_TEST", "1")
    here = pages.open_tier("mine", tmp_path, tmp_path / "figures")
    assert (
        here.runs.tier_dir == tmp_path / "mine"
        and tmp_path not in here.out.parents
        and tmp_path not in here.figures.parents
    )


def test_the_same_made_up_runs_every_time(example, tmp_path):
    again = example_tier(tmp_path / "again")
    for folder in sorted((example / "runs").iterdir()):
        with (
            np.load(folder / "errors.npz") as a,
            np.load(again / "runs" / folder.name / "errors.npz") as b,
        ):
            assert all(np.array_equal(a[k], b[k]) for k in a.files) and a.files == b.files


# ------------------------------ the committed results


@pytest.mark.parametrize("tier", ["demo", "maps", "printed"])
@pytest.mark.parametrize("name", [*tables.KEYS, "claims"])
def test_committed_tables_follow_from_the_committed_runs(name, tier):
    path = ROOT / "results" / tier / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"no {name} of tier {tier} yet")
    kept, now = (
        pd.read_csv(path),
        (claims.claims if name == "claims" else getattr(tables, name))(ROOT / "results" / tier),
    )
    assert list(kept.columns) == list(now.columns) and len(kept) == len(now)
    for column in kept.columns.drop("started_from", errors="ignore"):
        if pd.api.types.is_numeric_dtype(kept[column]):
            assert now[column].to_numpy(float, na_value=np.nan) == pytest.approx(
                kept[column].to_numpy(float), abs=1e-3, nan_ok=True
            ), column
    for column in {"dataset", "method", "learned", "started_from", "id", "verdict"} & set(kept):
        assert kept[column].fillna("").tolist() == now[column].fillna("").tolist(), column


def sets_of(claim):
    "The sets that a claim is about."
    return {row.set for row in claim.all_rows}


def test_claims_are_put_to_other_cases():
    claim, table1 = claims.CLAIMS["c10"], claims.CLAIMS["c02"]
    there = claims.Case("crnn", "test", True).put(claim)
    assert sets_of(claim) == {"valid"} and sets_of(there) == {"test"}
    assert all(row.shift_removed for row in there.all_rows)
    assert claims.Case().put(claim) == claim
    other = claims.Case("crnn_as_printed", "recordings").put(table1)
    assert sets_of(other) == {"test"}  # §4.1 names its sets
    assert {row.run for row in other.all_rows} == {"crnn_as_printed", "dtw"}


def test_every_case_names_its_runs_and_set(example):
    every = claims.ledger(example)
    assert (every.runs != "").all() and (every[every.id != "c24"].set != "").all()
    assert set(every.shifts) == {"raw", "removed"}
    assert (every[every.verdict == OPEN].reason != "").all()


def test_what_the_printed_figures_do_not_bear_out():
    plan, printed = load_plan(), claims.published("claims").set_index("id").tables
    doubtful = {
        id
        for id, claim in claims.CLAIMS.items()
        if claims.borne_out(claim, printed[id], plan) == claims.NOT_BORNE_OUT
    }
    assert doubtful == {"c19", "c23", "c25"}


def change_settings(tier, name, **training):
    "Write settings of the training into a made-up run."
    path = tier / "runs" / f"{name}-00000000" / "config.json"
    config = json.loads(path.read_text())
    config["experiment"]["training"] = training
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    "training,says",
    [
        (dict(optimiser="adamw"), "unequal recipe: crnn printed, gru ours"),
        (dict(steps=1000), "unequal recipe: crnn printed, gru printed optimiser"),
    ],
)
def test_networks_that_were_not_trained_alike_are_not_compared(tmp_path, training, says):
    tier = example_tier(tmp_path / "x")
    assert claims.judge_claim(Runs(tier), "c11").verdict != OPEN or claims.judge_claim(
        Runs(tier), "c11"
    ).reason == ("the interval includes the margin")
    change_settings(tier, "gru", **training)
    found = claims.judge_claim(Runs(tier), "c11")
    assert found.verdict == OPEN and found.reason == says


def test_an_unequal_budget_is_a_reason(tmp_path):
    tier = example_tier(tmp_path / "x")
    change_settings(tier, "gru", steps=1000, crop_s=3.2)
    change_settings(tier, "crnn", steps=1000, crop_s=3.3)
    assert tables.unequal(Runs(tier), ["crnn", "gru", "dtw"]) == ""  # five percent are allowed
    change_settings(tier, "crnn", steps=1000, crop_s=3.2, batch=16)
    reason = claims.judge_claim(Runs(tier), "c11").reason
    assert reason == "unequal budget: crnn 1,000 steps, gru 1,000 steps"


def test_a_row_trained_for_another_time_is_left_out_of_its_series(tmp_path):
    tier = example_tier(tmp_path / "x")
    change_settings(tier, "crnn", steps=500)
    for k in ("050", "150", "200"):
        change_settings(tier, f"jitter{k}", steps=1000, batch=16)
    found = claims.judge_claim(Runs(tier), "c16")
    assert found.verdict == HOLDS and "base CRNN left out" in found.reason
    assert "of 9 checks hold, 0 fail" in found.ours


def test_a_threshold_needs_a_row_that_beats_doing_nothing(tmp_path):
    tier = hand_made(tmp_path / "x")
    nothing, worse = [50.0, -50.0, 15.0, 60.0], [90.0, -90.0, 90.0, 90.0]
    for name, ms in (("crnn", nothing), ("cnn", worse)):
        rewrite_errors(
            tier,
            name,
            lambda key, e, ms=ms: np.array(ms, np.float32) / 1000 if "/crnn/" in key else e,
        )
    runs = Runs(tier)
    row = Row("valid", "crnn")
    check = claims.better(row, Row("valid", "cnn"), "within_25_pct", 10.0)
    assert check.verdict(tables.contrast(runs, check.terms)) == HOLDS  # 25 points more than nothing
    assert check.working == (row,)
    runs._learned = {("crnn", "valid"): "yes", ("cnn", "valid"): "yes"}
    reason = claims._why_open(runs, check)
    assert reason == "base CRNN is not better than the loose notes that it was given"


def test_a_comparison_needs_one_row_that_beats_doing_nothing(tmp_path):
    tier = hand_made(tmp_path / "x")
    bad, worse, good = [70.0, -70.0, 25.1, 60.0], [90.0] * 4, [1.0, -2.0, 3.0, 4.0]

    def reasons(column="within_25_pct", **errors_ms):
        for name, ms in errors_ms.items():
            rewrite_errors(
                tier,
                name,
                lambda key, e, ms=ms: np.array(ms, np.float32) / 1000 if "/crnn/" in key else e,
            )
        runs, rows = Runs(tier), (Row("valid", "crnn"), Row("valid", "cnn"))
        checks = claims.better(*rows, column), claims.no_better(*rows[::-1], column)
        return [claims._idle(runs, check) for check in checks]

    both = ["neither row is better than the loose notes that it was given"] * 2
    assert reasons(crnn=bad, cnn=worse) == reasons(crnn=worse, cnn=bad) == both
    assert reasons("mean_ms", crnn=worse, cnn=bad) == both
    assert reasons("std_ms", crnn=worse, cnn=bad) == ["", ""]  # loose notes have a small one
    assert reasons(crnn=good, cnn=worse) == reasons(crnn=worse, cnn=good) == ["", ""]


def test_another_recipe_is_a_case_of_its_own(tmp_path):
    tier = example_tier(tmp_path / "maps")
    change_settings(tier, "crnn", optimiser="adamw")
    cases = claims.cases(Runs(tier), "c02")
    assert [case.run for case in cases] == ["crnn", "crnn", "crnn_as_printed", "crnn_as_printed"]
    every = claims.ledger(Runs(tier), ids=["c02", "c06"])
    assert set(every[every.id == "c02"].recipe) == {"ours", "printed"}
    assert set(every[every.id == "c06"].recipe) == {"ours"}  # it needs the blind network too


def test_training_columns_come_from_the_settings():
    row = tables.table1(ROOT / "results" / "maps").set_index("method").loc["crnn"].iloc[0]
    assert 0.2 < row.width < 0.3 and row.recipe == "ours" and row.precision == "float32"
    assert 0.9 < row.epochs < 1.1 and row.device == "cpu"
    blind = tables.training_of(Runs(ROOT / "results" / "maps"), "crnn_as_printed")
    assert blind["recipe"] == "printed optimiser"  # not printed: narrower, on crops, for one epoch


def test_two_trainings_that_pause_at_unequal_epochs_say_so_wherever_they_stand_together(tmp_path):
    "In the row, in the line under the table, beside a comparison and in the ledger."
    tier = example_tier(tmp_path / "x")
    for run, epochs, steps in (("crnn", 20.0, 2180), ("crnn_blind", 8.0, 872)):
        path = tier / "runs" / f"{run}-00000000" / "metrics.json"
        told = dict(finished=False, epochs=epochs, steps_trained=steps)
        path.write_text(json.dumps(json.loads(path.read_text()) | told))
    runs = Runs(tier)
    table = tables.table1(runs)
    table = table[table.method.isin(tables.TABLE1_METHODS)]
    shown = repr(tables.show(table))
    assert "8.0 epochs, not finished" in shown and "20.0 epochs, not finished" in shown
    words = "8.0 epochs for CRNN (blind) to 20.0 for CRNN (training not finished)"
    assert words in tables.trained_in_words(table)
    apart = "unequal budget: crnn 2,180 steps, crnn_blind 872 steps"
    pair = [Row("test", run) for run in ("crnn", "crnn_blind")]
    assert f"not trained alike ({apart})" in pages.sentence(runs, *pair, "within_10_pct")
    found = claims.judge_claim(runs, "c03")
    unfinished = "the training of crnn, crnn_blind is not finished"
    assert (found.verdict, found.reason) == (OPEN, f"{unfinished}, {apart}")


def test_a_training_that_pauses_is_shown_and_nothing_is_concluded_from_it(tmp_path):
    "Its row says how far it is; its claims cannot be told; rows of runs that are missing go."
    tier = example_tier(tmp_path / "x")
    whole = tables.table1(tier)
    assert "finished" not in whole
    path = tier / "runs" / "crnn-00000000" / "metrics.json"
    told = json.loads(path.read_text()) | dict(finished=False, epochs=6.25, precision="bfloat16")
    path.write_text(json.dumps(told))
    for file in (tier / "runs" / "crnn_blind-00000000").iterdir():
        file.unlink()
    table = tables.table1(tier)
    assert set(whole.method) - set(table.method) == {"crnn_blind"}
    rows = table.set_index(["dataset", "method"])
    assert list(rows.loc[("demo", "crnn"), ["finished", "epochs", "precision"]]) == [
        "no",
        6.25,
        "bfloat16",
    ]
    assert rows.loc[("demo", "dtw"), "finished"] == ""
    assert "6.2 epochs, not finished" in repr(tables.show(table))
    assert "training not finished" in tables.trained_in_words(table)
    for id in ("c02", "c09"):
        found = claims.judge_claim(Runs(tier), id)
        assert (found.verdict, found.reason) == (OPEN, "the training of crnn is not finished")
    assert claims.judge_claim(Runs(tier), "c01").verdict != OPEN  # no network in it


def test_committed_tables_of_maps_have_the_rows_that_were_judged_with_their_figures():
    runs = Runs(ROOT / "results" / "maps")
    for name in [name for name in tables.KEYS if name != "table1"]:
        column = tables.measures(name)[0]
        for split in tables.MORE_SETS:
            judged = tables.judged_on(runs, name, split)
            path = runs.tier_dir / f"{name}_{split}.csv"
            assert path.is_file() == (len(judged) > 1), path.name
            if path.is_file():
                ours = [tables.cell(runs, Row(split, run), column) for run in judged]
                assert pd.read_csv(path)[column].to_numpy() == pytest.approx(ours, abs=1e-4)
