"""What the benchmark on whole recordings does with a transcriber's notes and with a score."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pianoalign.datasets import jitter_notes
from pianoalign.decoding import ALIGNER_WALK, decode, Heard
from pianoalign.notes import Notes

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import whole_recordings as bench  # noqa: E402


def piece(n=60, seed=0):
    rng = np.random.default_rng(seed)
    onset_s = 0.5 + np.cumsum(rng.uniform(0.1, 0.4, n))
    velocity = rng.integers(20, 100, n)
    return Notes.from_arrays(onset_s, onset_s + 0.3, rng.integers(48, 72, n), velocity)


def test_a_perfect_transcription_puts_every_note_right():
    truth = piece()
    found = truth[np.random.default_rng(1).permutation(len(truth))]
    given = jitter_notes(truth, np.random.default_rng(2), 0.08)
    aligned = decode(given, bench.as_heard(found), 100, ALIGNER_WALK).notes
    assert np.abs(given.onset_s - truth.onset_s).max() > 0.03
    assert np.abs(aligned.onset_s - truth.onset_s).max() < 1e-9


def test_a_score_and_its_labels_correspond_row_by_row(tmp_path):
    truth = piece()
    order = np.random.default_rng(3).permutation(len(truth))
    table = pd.DataFrame(
        dict(
            onset_quarter=2 * (truth.onset_s - 0.5)[order],
            length_quarter=0.5,
            pitch=truth.pitch[order],
            true_onset_s=truth.onset_s[order].round(6),
        )
    )
    table.loc[3, "true_onset_s"] = np.nan  # nobody plays this one
    table.to_csv(tmp_path / "score.tsv", sep="\t", index=False)
    reference, score = bench.flat_score(SimpleNamespace(reference=truth), tmp_path / "score.tsv")
    assert len(reference) == len(truth) - 1
    assert (reference.pitch == score.pitch).all()
    assert set(reference.velocity) <= set(truth.velocity)
    assert np.abs(score.onset_s - reference.onset_s).max() < 1e-6  # its pace is the recording's


def test_rows_count_loud_notes_and_remove_each_shift():
    velocity = {("a", "jittered"): np.array([30, 50, 90]), ("b", "jittered"): np.array([80, 81])}
    errors = {
        ("test", "jittered", "dtw"): {
            "a": np.array([0.5, 0.02, 0.02]),
            "b": np.array([-0.03, -0.03]),
        }
    }
    rows = pd.DataFrame(bench.rows_of(errors, velocity)).set_index(["loud", "shift_removed"])
    assert rows.notes.to_dict() == {(0, 0): 5, (0, 1): 5, (1, 0): 4, (1, 1): 4}
    assert rows.loc[(1, 0)].within_10_pct == 0 and rows.loc[(1, 1)].within_10_pct == 100
    assert rows.loc[(0, 1)].within_50_pct == 80


def test_what_was_heard_of_a_note_is_looked_up_at_its_key_and_place():
    heard = Heard(None, np.array([1.0, 1.02, 2.0]), np.array([60, 60, 62]), np.array([0.2, 0.7, 1]))
    keys, time_s = np.array([60, 60, 62]), np.array([1.01, 1.0, 1.0])
    heights = [bench.highest_near(heard, keys, time_s, within_s) for within_s in (0.025, 0.003)]
    np.testing.assert_allclose(heights, [[0.7, 0.7, 0], [0, 0.2, 0]])
    image = np.zeros((300, 88), np.float32)
    image[100:, 60 - 21] = np.log(10)  # ten times the amplitude from one second on: 20 dB
    assert bench.rise_db(image, 100, 60, 1.0) == pytest.approx(20)
    assert bench.rise_db(image, 100, 61, 1.0) == 0
    assert np.isnan(bench.rise_db(image, 100, 60, 0.0))  # nothing lies before it


def test_parangonar_finds_the_partners_of_a_score():
    pytest.importorskip("parangonar")
    truth = piece()
    score = truth.at_times(2 * truth.onset_s, 2 * truth.offset_s)
    order = np.random.default_rng(4).permutation(len(truth))
    index = bench.by_parangonar(score, truth[order])
    assert (order[index] == np.arange(len(truth))).mean() > 0.95


def test_classes_of_the_new_piano_divide_the_notes():
    import new_piano

    onset_s = np.array([1.0, 1.01, 1.5, 2.0, 2.3])
    velocity = np.array([10, 40, 60, 90, 90])
    notes = {"a": Notes.from_arrays(onset_s, onset_s + 0.2, [60, 64, 60, 62, 65], velocity)}
    assert new_piano.stand_alone(onset_s).tolist() == [False, False, True, True, True]
    errors = {"a": np.array([0.1, 0.0, 0.02, 0.0, 0.0])}
    rows = pd.DataFrame(new_piano.rows_of("p", "dtw", errors, notes))
    rows = rows[rows.shift_removed == 0].set_index(["low", "below", "company"])
    assert rows.loc[(0, 128, "any")].notes == 5 and rows.loc[(0, 128, "alone")].notes == 3
    assert rows.loc[(0, 128, "others")].within_50_pct == 50
    assert rows.loc[(0, 30, "others")].notes == 1 and (0, 30, "alone") not in rows.index
    assert rows.loc[(70, 128, "any")].notes == 2
