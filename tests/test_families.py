"Other instruments: notes keep their rows and families from the corpus to the table."

from pathlib import Path

import numpy as np
import pytest

from pianoalign.tool.aligner import open_engine
from pianoalign.neighbours.families import AlignedEnsemble, align_ensemble, as_recording, family_row
from pianoalign.neighbours.instruments import load_instruments
from pianoalign.files import InputError
from pianoalign.preprocessing import load_audio, spectrogram

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "instruments"


def test_a_solo_is_aligned_row_by_row():
    guitar = next(
        r for r in load_instruments(CORPUS, ("solo",)) if r.instruments == ("steel guitar",)
    )
    engine = open_engine(device="cpu")
    image = spectrogram(load_audio(guitar.audio), engine.experiment.audio)
    out = align_ensemble(engine, guitar, image, np.random.default_rng(0))
    same = align_ensemble(engine, guitar, image, np.random.default_rng(0))
    assert (
        len(out.error_s) == len(out.sure) == len(guitar.notes)
        and set(out.family) == {"plucked"}
        and np.array_equal(out.error_s, same.error_s)
    )
    assert np.abs(out.unaligned_s).max() <= 0.1 + 1e-9 and np.all((0 <= out.sure) & (out.sure <= 1))
    assert np.median(np.abs(out.error_s)) < np.median(
        np.abs(out.unaligned_s)
    )  # a plucked string is enough of a piano for that
    assert len(as_recording(guitar).reference) == len(guitar.notes)


def test_rows_count_what_they_say():
    outcomes = {
        k: AlignedEnsemble(
            np.array([0.0, 0.03, 0.3]),
            np.full(3, 0.02),
            np.array([0.9, 0.6, 0.2]),
            np.array(["brass", "organ", "organ"], object),
        )
        for k in "abc"
    }
    row = family_row(outcomes, "organ")
    assert (
        row["within_50_pct"],
        row["within_25_pct"],
        row["unsure_pct"],
        row["notes"],
        row["pieces"],
    ) == (50, 0, 50, 6, 3) and row["unaligned_within_25_pct"] == 100
    assert row["unsure_pct_lo"] == row["unsure_pct_hi"] == 50
    with pytest.raises(InputError, match="voice"):
        family_row(outcomes, "voice")
