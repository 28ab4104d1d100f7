"""Tables from run folders: hand-made folders whose figures can be worked out on paper, and folders that are damaged."""

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


# ---------------------------------------------------------------- figures


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


def test_shift_removed(tmp_path):
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
    ]
    ours = table if name != "table1" else table[table.method.isin(tables.METHODS)]
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
        assert list(rows.method[:5]) == list(tables.METHODS)
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


def test_maps_has_four_forms(example, tmp_path):
    tier = example_tier(tmp_path / "paper-like")
    for path in tier.glob("runs/*/config.json"):
        path.write_text(path.read_text().replace('"demo"', '"maps"'))
    assert list(tables.variants("table4", tier)) == [
        "table4",
        "table4_shift_removed",
        "table4_test",
        "table4_test_shift_removed",
    ]
    assert set(tables.table1(tier).dataset) == {"maps", "recordings"}
    assert list(tables.variants("table4", example)) == ["table4"]


# ---------------------------------------------------------------- same runs, same bytes


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


# ---------------------------------------------------------------- not learned


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
    assert (ledger.verdict.drop("c01") == OPEN).all() and ledger.reason[
        "c11"
    ] == "crnn, gru: not learned yet"
    assert ledger.verdict["c01"] == HOLDS  # DTW against unaligned needs no training


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


# ---------------------------------------------------------------- claims


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
def test_verdicts(interval, margin, rule, verdict):
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
        "id",
        "section",
        "claim",
        "published",
        "ours",
        "difference",
        "difference_lo",
        "difference_hi",
        "unit",
        "verdict",
        "reason",
        "reading",
        "tables",
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
    assert row.verdict == OPEN and row.reason.startswith(
        "runs has no finished run 'gru'"
    )  # no path of this machine
    with pytest.raises(InputError, match="no finished run 'gru'; run `pianoalign reproduce"):
        tables.table2(tier)


def test_raw_blocks(tmp_path):
    tier = example_tier(tmp_path / "x")
    path = tier / "runs" / "crnn-00000000" / "metrics.json"
    verdict = lambda: claims.claims(tier).set_index("id").loc["c09"]
    assert verdict().verdict == HOLDS and "956 blocks for 1,000 notes" in verdict().ours
    metrics = json.loads(path.read_text())
    metrics["raw_blocks"]["test"] |= dict(precision=0.8, recall=0.9)
    path.write_text(json.dumps(metrics))
    assert verdict().verdict == FAILS
    del metrics["raw_blocks"]
    path.write_text(json.dumps(metrics))
    assert verdict().verdict == OPEN and "no counts" in verdict().reason


# ---------------------------------------------------------------- folders that are not as they should be


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


# ---------------------------------------------------------------- made-up numbers stay away from results


def test_made_up_runs_go_to_new_folders_only(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        example_tier(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_a_tier_without_folder_is_shown_made_up_and_written_elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("IN_TEST", raising=False)
    here = pages.open_tier("demo", tmp_path / "results", tmp_path / "figures")
    assert here.made_up and "made up" in str(here)
    assert (
        tmp_path not in here.out.parents
        and tmp_path not in here.figures.parents
        and not (tmp_path / "results").exists()
    )


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


# ---------------------------------------------------------------- the committed results


@pytest.mark.parametrize("tier", ["demo", "maps"])
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


def test_claims_are_put_to_another_set(tmp_path):
    runs = tables.Runs(example_tier(tmp_path / "tier"))
    claim = claims.CLAIMS["c10"]
    there = claims.asked_of(claim, "test")
    sets = lambda c: {row.set for check in (*c.checks, *c.steps) for _, row, _ in check.terms}
    assert (
        sets(claim) == {"valid"}
        and sets(there) == {"test"}
        and claims.asked_of(claim, "valid") == claim
    )
    table1 = claims.CLAIMS["c01"]
    assert sets(claims.asked_of(table1, "test")) == sets(
        table1
    )  # §4.1 is about the test set and the recordings already
    assert set(claims.claims(runs, split="valid").id) == set(claims.claims(runs).id)
