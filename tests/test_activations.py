"Behaviour of the transcribers' parts in alignment that is too long or too dull for the notebook."

import numpy as np
import pandas as pd
import pytest

from pianoalign.neighbours.activations import (
    key_salience,
    ledger_of,
    note_energy,
    onset_peaks,
    peaks_between,
)
from pianoalign.baselines import DTWSettings, audio_features, recording_side
from pianoalign.files import InputError
from pianoalign.notes import LOWEST_PITCH, Notes
from pianoalign.report.plots import synthesise


def test_peaks_lie_between_frames_and_at_no_negative_time():
    onset = np.zeros((4, 88))
    onset[0, 5] = 0.9
    onset[1, 5] = 0.3
    onset[3, 5] = 0.7
    ((pitch, (time_ms, height_pct)),) = onset_peaks(onset, 100).items()
    assert (
        pitch == LOWEST_PITCH + 5
        and (time_ms >= 0).all()
        and np.allclose(time_ms, [10 * 0.25, 30])
        and np.allclose(height_pct, [90, 70])
    )


def test_a_flat_peak_counts_once():
    onset = np.zeros((9, 88))
    onset[3:6, 0] = 0.5
    assert onset_peaks(onset, 100)[LOWEST_PITCH][0].tolist() == [35.0]  # at most half a frame away


def test_stretches_hold_their_own_peaks():
    peaks = {60: np.array([[0.0, 999.9, 1000.0, 1500.0], [1.0, 2.0, 3.0, 4.0]])}
    assert (
        peaks_between(peaks, 1.0, 1.5)[60].tolist() == [[0.0], [3.0]]
        and peaks_between(peaks, 2.0, 3.0) == {}
    )


def test_energy_takes_the_nearest_frame_and_goes_on_at_the_end():
    note = np.zeros((3, 88))
    note[1, 0] = 1
    note[2, 87] = 0.5
    energy = note_energy(note, 10, 50, 20, start_s=0.05)
    assert (
        energy.shape == (128, 20)
        and energy[LOWEST_PITCH, 2] == 1
        and (energy[108, 12:] == 0.5).all()
        and energy[:LOWEST_PITCH].sum() == 0
    )
    with pytest.raises(InputError, match="shorter"):
        note_energy(np.zeros((0, 88)), 10, 50, 5)


def test_known_peaks_take_the_filter_banks_place():
    played = Notes.from_arrays([0.5, 1.0], [0.9, 1.4], [60, 67])
    sound = synthesise(played)
    known = {60: np.array([[500.0], [90.0]])}
    given, own = audio_features(sound, 16000, peaks=known), audio_features(sound, 16000)
    assert (
        given.peaks is known and np.array_equal(given.energy, own.energy) and set(own.peaks) != {60}
    )
    dlnco = recording_side(given, DTWSettings(onset_offset_ms=0.0))[1]
    assert set(np.flatnonzero(dlnco.sum(1))) == {0} and dlnco[0].argmax() == round(
        0.5 * DTWSettings().rate_hz
    )


def test_salience_of_keys_outside_the_transform_is_zero():
    image = key_salience(
        np.ones((10, 24)), np.arange(10) / 100, 440.0 * 2.0 ** (np.arange(24) / 24), 12, 100
    )
    low, high = 69 - LOWEST_PITCH, 81 - LOWEST_PITCH
    assert (
        image.shape == (12, 88)
        and (image[:, low:high] == 1).all()
        and image[:, :low].max() == 0
        and image[:, high + 1 :].max() == 0
    )


def test_the_ledger_gathers_what_there_is(tmp_path):
    assert len(ledger_of(tmp_path)) == 0
    pd.DataFrame(
        [
            dict(
                claim="a",
                difference=1.0,
                difference_lo=0.5,
                difference_hi=2.0,
                unit="points",
                verdict="holds",
                notes=7,
            )
        ]
    ).to_csv(tmp_path / "claims71.csv", index=False)
    pd.DataFrame(
        [
            dict(
                claim="b",
                difference=-1.0,
                difference_lo=np.nan,
                difference_hi=np.nan,
                unit="dB",
                verdict="cannot be told at this tier",
            )
        ]
    ).to_csv(tmp_path / "claims72.csv", index=False)
    pd.DataFrame([dict(claim="not a chapter's")]).to_csv(tmp_path / "claims.csv", index=False)
    ledger = ledger_of(tmp_path)
    assert (
        ledger.chapter.tolist() == [71, 72]
        and ledger.claim.tolist() == ["a", "b"]
        and list(ledger)[0] == "chapter"
    )
