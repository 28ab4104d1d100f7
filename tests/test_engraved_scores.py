"Editions are paired with the sequencer's notes, which say when each note sounds."

import runpy
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "engraved_scores.py"))
LATER = 2.5  # quarters by which the sequencer's file begins later


def sequenced(onset, pitch):
    "Notes of the sequencer, one second a quarter."
    onset = np.asarray(onset, float)
    return np.stack([onset + LATER, np.full(len(onset), 0.5), pitch, onset + 10], axis=1)


def edited(onset, pitch):
    "Notes of an edition, three tenths of a quarter long."
    return np.stack([np.asarray(onset, float), np.full(len(onset), 0.3), pitch], axis=1)


def test_a_note_sounds_when_its_partner_does():
    onset, pitch = np.arange(8.0), np.arange(60, 68)
    near = onset + np.where(np.arange(8) == 3, 0.15, 0)  # an ornament written before the beat
    time_s = SCRIPT["true_times"](edited(near, pitch), sequenced(onset, pitch))
    np.testing.assert_allclose(time_s, onset + 10)


def test_each_note_has_a_partner_of_its_own_or_no_time():
    pitch = np.full(5, 60)
    twice = edited([0, 1, 2, 2.1, 3], pitch)  # the sequencer strikes once where the edition has two
    time_s = SCRIPT["true_times"](twice, sequenced([0, 1, 2, 3, 4], pitch))
    np.testing.assert_allclose(time_s, [10, 11, 12, np.nan, 13])
    far = edited([0, 1, 2, 3.4], pitch[:4])
    assert np.isnan(SCRIPT["true_times"](far, sequenced([0, 1, 2, 3], pitch[:4]))[3])


def test_what_is_written_is_read_as_it_was(tmp_path):
    notes, time_s = edited([0, 1 / 3], [60, 61]), np.array([0.25, np.nan])
    SCRIPT["write_table"](tmp_path / "piano" / "piece.tsv.gz", notes, time_s)
    rows = SCRIPT["read_table"](tmp_path / "piano" / "piece.tsv.gz")
    np.testing.assert_allclose(rows, np.column_stack([notes, time_s]), atol=1e-5)
