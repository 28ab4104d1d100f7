"Figures and intervals: equal to plain formulas and to mir_eval, honest at the edges."

import mir_eval
import numpy as np
import pandas as pd
import pytest

from pianoalign.metrics import (
    COLUMNS,
    TOLERANCES_MS,
    checked,
    compare,
    draw_pieces,
    figures,
    figures_by_mir_eval,
    figures_of_draws,
    interval,
    median_of_draws,
    onset_errors,
    remove_shift,
    summarise,
    within,
)
from pianoalign.files import InputError, repo_root
from pianoalign.notes import Notes
from pianoalign.report.tables import Row, Runs, rows_of_table1
from waiting import growth, lines_run


def some_pieces(rng, n_pieces=8, most=300):
    return {
        f"p{k}": rng.normal(0, 0.01)
        + rng.laplace(0, rng.uniform(0.005, 0.05), rng.integers(1, most))
        for k in range(n_pieces)
    }


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_mir_eval(seed):
    rng = np.random.default_rng(seed)
    true_s = 1 + np.arange(500) + rng.uniform(0, 0.1, 500)
    estimated_s = true_s + rng.laplace(0, 0.04, 500).clip(-0.4, 0.4)
    ours = figures(estimated_s - true_s)
    median_s, mean_s = mir_eval.alignment.absolute_error(true_s, estimated_s)
    assert ours["median_ms"] == pytest.approx(1000 * median_s, rel=0, abs=1e-9)
    assert ours["mean_ms"] == pytest.approx(1000 * mean_s, rel=0, abs=1e-9)
    for t in TOLERANCES_MS:
        share = mir_eval.alignment.percentage_correct(true_s, estimated_s, window=t / 1000)
        assert ours[f"within_{t}_pct"] == pytest.approx(100 * share, rel=0, abs=1e-9)


@pytest.mark.parametrize("tolerance_ms", TOLERANCES_MS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_edge_counts(tolerance_ms, dtype):
    starts_s = np.arange(0, 600, 7.3)
    errors_s = ((starts_s + tolerance_ms / 1000) - starts_s).astype(dtype)
    assert within(errors_s, tolerance_ms).all() and within(-errors_s, tolerance_ms).all()
    assert not within(errors_s + 2e-6, tolerance_ms).any()


@pytest.mark.parametrize("seed", range(5))
def test_draws_equal_pooling(seed):
    rng = np.random.default_rng(seed)
    pieces = checked(some_pieces(rng))
    weights = draw_pieces(len(pieces), 30, seed)
    fast, arrays = figures_of_draws(pieces, weights), list(pieces.values())
    for draw, counts in enumerate(weights):
        slow = figures(
            np.concatenate([e for e, times in zip(arrays, counts) for _ in range(times)])
        )
        for column in COLUMNS:
            assert fast[column][draw] == pytest.approx(slow[column], abs=1e-9), column


def test_medians_with_ties_and_zero_weights():
    values = [np.array([1.0, 1.0, 2.0]), np.array([2.0]), np.array([2.0, 5.0, 5.0, 5.0])]
    weights = np.array([[1, 1, 1], [3, 0, 0], [0, 2, 1], [0, 0, 3], [1, 2, 0]])
    slow = [
        np.median(np.concatenate([np.tile(v, w) for v, w in zip(values, row)])) for row in weights
    ]
    assert median_of_draws(values, weights).tolist() == slow


def test_draws_are_fair_and_repeatable():
    weights = draw_pieces(10, 2000, 3)
    assert (
        weights.shape == (2000, 10)
        and (weights.sum(axis=1) == 10).all()
        and (weights == draw_pieces(10, 2000, 3)).all()
    )
    assert (
        np.abs(weights.mean(axis=0) - 1).max() < 0.1 and (weights != draw_pieces(10, 2000, 4)).any()
    )
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975)) and interval(
        np.arange(1001.0), 0.5
    ) == pytest.approx((250, 750))


def test_summary_keys_and_types():
    summary = summarise(some_pieces(np.random.default_rng(0)))
    wanted = {
        f"{prefix}{c}{suffix}"
        for c in COLUMNS
        for prefix, suffix in (("", ""), ("", "_lo"), ("", "_hi"), ("macro_", ""))
    } | {"notes", "pieces"}
    assert set(summary) == wanted and all(
        type(v) in (int, float) for v in summary.values()
    )  # goes into JSON as it is
    assert summary == summarise(some_pieces(np.random.default_rng(0)))


def test_order_of_pieces_and_storage_do_not_matter():
    pieces = some_pieces(np.random.default_rng(1))
    assert summarise(pieces) == summarise(dict(reversed(pieces.items())))
    single = summarise({k: v.astype(np.float32) for k, v in pieces.items()})
    for key, value in summarise(pieces).items():
        assert single[key] == pytest.approx(value, abs=1e-3), key


def test_perfect_and_constant():
    row = summarise({"a": np.zeros(5), "b": np.zeros(9)})
    assert (
        row["mean_ms"] == row["std_ms"] == row["median_ms"] == row["std_ms_hi"] == 0
        and row["within_10_pct"] == row["within_10_pct_lo"] == 100
    )
    row = summarise({"a": np.full(5, -0.03), "b": np.full(9, -0.03)})
    assert (
        row["signed_median_ms"] == pytest.approx(-30)
        and row["mean_ms_lo"] == pytest.approx(30)
        and row["std_ms_hi"] < 1e-5
    )
    assert row["within_25_pct_hi"] == 0 and row["within_50_pct_lo"] == 100


def test_one_piece_has_no_interval():
    row, difference = (
        summarise({"a": [0.01, 0.02]}),
        compare({"a": [0.01, 0.02]}, {"a": [0.02, 0.04]}),
    )
    assert all(np.isnan(row[f"{c}_lo"]) and np.isnan(row[f"{c}_hi"]) for c in COLUMNS)
    assert (
        difference["mean_ms"][0] == pytest.approx(-15) and np.isnan(difference["mean_ms"][1:]).all()
    )


def test_compare_is_paired():
    rng = np.random.default_rng(2)
    a = some_pieces(rng, 20)
    b = {k: v + rng.normal(0, 0.001, len(v)) for k, v in a.items()}
    one, two, both = summarise(a), summarise(b), compare(a, b)
    for c in COLUMNS:
        difference, low, high = both[c]
        assert difference == pytest.approx(one[c] - two[c], abs=1e-9) and low <= high
        if c != "within_100_pct":
            assert high - low < (one[f"{c}_hi"] - one[f"{c}_lo"]) + (
                two[f"{c}_hi"] - two[f"{c}_lo"]
            )
    assert all(v == (0, 0, 0) for v in compare(a, dict(reversed(a.items()))).values())
    swapped = compare(b, a)
    for c in COLUMNS:
        assert swapped[c] == pytest.approx((-both[c][0], -both[c][2], -both[c][1]), abs=1e-6)


def test_remove_shift():
    pieces = {"a": np.array([0.01, 0.02, 0.06]), "b": np.array([-0.005]), "silent": np.zeros(0)}
    centred, shifts_ms = remove_shift(pieces)
    assert (
        shifts_ms == pytest.approx({"a": 20, "b": -5, "silent": 0})
        and centred["a"] == pytest.approx([-0.01, 0, 0.04])
        and len(centred["silent"]) == 0
    )
    assert pieces["a"].tolist() == [0.01, 0.02, 0.06] and remove_shift(centred)[1] == pytest.approx(
        dict.fromkeys(pieces, 0)
    )


@pytest.mark.parametrize(
    "bad, says",
    [
        ({}, "not one note"),
        ({"a": []}, "not one note"),
        ({"a": [np.nan, 0.1]}, "'a'"),
        ({"b": [np.inf]}, "finite"),
        ({"a": [[0.1]]}, "shape"),
    ],
)
def test_bad_errors_are_refused(bad, says):
    with pytest.raises(InputError, match=says):
        summarise(bad)


@pytest.mark.parametrize(
    "a, b, says",
    [
        ({"x": [0.1]}, {"y": [0.1]}, "'x'"),
        ({"x": [0.1]}, {"x": [0.1, 0.2]}, "1 notes"),
        ({"x": [0.1]}, {"x": [np.nan]}, "finite"),
    ],
)
def test_bad_pairs_are_refused(a, b, says):
    with pytest.raises(InputError, match=says):
        compare(a, b)


@pytest.mark.parametrize("tier", ["demo", "maps"])
@pytest.mark.parametrize("name", [f"table{k}" for k in range(1, 7)])
def test_committed_tables_are_those_of_mir_eval(tier, name):
    "Each figure in the CSV file, from the errors in the run folders, computed by mir_eval."
    folder = repo_root() / "results" / tier
    written, runs = pd.read_csv(folder / f"{name}.csv"), Runs(folder)
    rows = list(rows_of_table1(runs).values())
    if name != "table1":
        rows = [Row("valid", entry["run"]) for entry in runs.plan.tables[name]]
    assert len(rows) == len(written)
    for row, (_, ours) in zip(rows, written.iterrows()):
        theirs = figures_by_mir_eval(np.concatenate(list(row.errors(runs).values())))
        columns = [column for column in theirs if column in written]
        assert len(columns) >= 2
        for column in columns:
            assert ours[column] == pytest.approx(theirs[column], abs=1e-3), (row, column)


def test_rows_must_correspond():
    notes = Notes.from_arrays([1.0, 2.0], [1.5, 2.5], [60, 61])
    assert onset_errors(notes, notes.shifted(-0.25)).tolist() == [-0.25, -0.25]
    with pytest.raises(InputError, match="2 notes and the estimate 1"):
        onset_errors(notes, notes[:1])
    with pytest.raises(InputError, match="note 0 has pitch 60"):
        onset_errors(notes, notes[[1, 0]])


def test_work_grows_with_the_number_of_pieces_and_not_with_the_draws():
    def summary(n):
        rng = np.random.default_rng(3)
        summarise({f"p{k}": rng.laplace(0, 0.03, 500) for k in range(n)})

    assert max(growth(summary, 4, 40)) < 2
    assert lines_run(lambda: summary(4)) < 3_000 * 4  # one loop over draws alone would be more
