"The benchmark of scores counts what is played, and takes doubles for each other."

import importlib.util
from pathlib import Path

import numpy as np

from pianoalign.notes import Notes

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("scores", ROOT / "benchmarks" / "scores.py")
scores = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(scores)

PITCH = np.array([60, 62, 64, 65, 67, 60, 62, 64, 65, 72])  # four chords come twice


def score_of(pitch):
    onset_s = 0.5 * np.arange(len(pitch))
    return Notes.from_arrays(onset_s, onset_s + 0.4, np.asarray(pitch))


def said_of(onset_s, absent):
    absent = np.asarray(absent)
    return scores.Outcome(np.asarray(onset_s, float), ~absent, absent, 1.0 - absent)


def test_chords_are_alike_in_runs_of_four():
    keys, _ = scores.in_chords(score_of(PITCH), np.arange(10))
    assert keys[4] == (67,)
    other = scores.alike(keys, keys)
    pairs = {(a, b) for a, b in other.tolist() if a != b}
    assert pairs == {(k, k + 5) for k in range(4)} | {(k + 5, k) for k in range(4)}
    assert len(scores.alike(keys, keys, least=11)) == 0


def judged(truth_s, said, played_pitch, played_s):
    "The errors of the ten notes before and after doubles were taken for each other."
    notes = score_of(PITCH)
    before_s = np.abs(said.onset_s - truth_s)
    played = scores.in_chords(score_of(played_pitch), np.asarray(played_s, float))
    return before_s, scores.exchanged(before_s, truth_s, said, notes, played)


def test_a_double_is_taken_where_nobody_stands_for_it():
    # the first five chords are not played; the tool takes the last five to be missing
    truth_s = np.append(np.full(5, np.nan), np.arange(5.0))
    onset_s = np.append(np.arange(5.0), 50 + np.arange(5.0))
    said = said_of(onset_s, np.arange(10) >= 5)
    before_s, after_s = judged(truth_s, said, PITCH[5:], np.arange(5.0))
    assert np.isnan(before_s[:5]).all() and (before_s[5:] == 50).all()
    np.testing.assert_array_equal(after_s[:4], 0)
    assert np.isnan(after_s[4]) and np.isnan(after_s[5:9]).all()  # exchanged, chord by chord
    assert after_s[9] == 50  # this one has no double


def test_a_double_that_stands_in_its_own_place_is_not_taken():
    truth_s = np.append(np.full(5, np.nan), np.arange(5.0))
    onset_s = np.append(np.arange(5.0), np.arange(5.0))  # both passes in one place
    said = said_of(onset_s, np.zeros(10, bool))
    before_s, after_s = judged(truth_s, said, PITCH[5:], np.arange(5.0))
    np.testing.assert_array_equal(before_s, after_s)


def test_notes_elsewhere_are_wrong_with_or_without_doubles():
    truth_s = np.append(np.full(5, np.nan), np.arange(5.0))
    said = said_of(np.append(20 + np.arange(5.0), np.arange(5.0)), np.zeros(10, bool))
    before_s, after_s = judged(truth_s, said, PITCH[5:], np.arange(5.0))
    np.testing.assert_array_equal(before_s, after_s)


def test_a_score_that_hurries_keeps_its_order_and_its_beginning():
    score = score_of(np.full(100, 60))
    hurried = scores.hurried(score, score.onset_s, 40.0)
    early = score.onset_s < 40
    np.testing.assert_array_equal(hurried.onset_s[early], score.onset_s[early])
    steps_s = np.diff(hurried.onset_s[~early])
    assert (np.diff(steps_s) < 1e-9).all() and 0.25 < steps_s[-1] < 0.27
