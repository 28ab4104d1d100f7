"""What is no fitting pair: another piece, speech, another order. It is said, in one sentence, with
exit status 3, and nothing is matched with confidence."""

import csv

import numpy as np
import pytest
import soundfile

from pianoalign.decoding import MATCHED
from pianoalign.files import repo_root
from pianoalign.midi import read_midi, write_midi
from pianoalign.notes import Notes
from pianoalign.tool.aligner import choose_coarse, shipped_weights
from pianoalign.tool.results import AlignmentResult, NOT_IN_RECORDING
from test_align_cli import command

RATE_HZ, LASTS_S = 16_000, 15.0
FUGUE, SONATA = "bach_fugue_bwv_857_lisiecki04m", "beethoven_piano_sonatas_16_1_shybayeva02"
CORPUS = repo_root() / "corpus"

pytestmark = pytest.mark.skipif(
    "maps" not in shipped_weights() or not (CORPUS / "audio" / f"{FUGUE}.ogg").exists(),
    reason="needs the weights that ship and the demo corpus",
)


def sound(piece):
    return soundfile.read(CORPUS / "audio" / f"{piece}.ogg", stop=int(LASTS_S * RATE_HZ))[0]


def notes(piece):
    found = read_midi(CORPUS / "midi" / f"{piece}.mid").notes
    return found[found.onset_s < LASTS_S - 0.5]


def joined(first, then):
    "One piece of music after another, as notes."
    parts = first, then.shifted(LASTS_S)
    return Notes(
        *(
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("onset_s", "offset_s", "pitch", "velocity", "source")
        )
    )


def speech():
    "Syllables of a made-up voice: a buzz or a hiss through three resonances."
    rng, out = np.random.default_rng(0), np.zeros(int(LASTS_S * RATE_HZ))
    at_s = 0.3
    while at_s < LASTS_S - 1:
        n = int(rng.uniform(0.08, 0.25) * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        glide = np.cumsum(rng.uniform(90, 180) * (1 + 0.2 * np.sin(2 * np.pi * 3 * t))) / RATE_HZ
        voice = rng.normal(size=n) if rng.random() < 0.25 else np.diff(glide % 1, prepend=0)
        spectrum, hz = np.fft.rfft(voice), np.fft.rfftfreq(n, 1 / RATE_HZ)
        for low, high in ((300, 800), (900, 2200), (2300, 3000)):
            spectrum *= 1 + 20 / (1 + ((hz - rng.uniform(low, high)) / 80) ** 2)
        begin = int(at_s * RATE_HZ)
        out[begin : begin + n] += np.fft.irfft(spectrum, n) * np.hanning(n)
        at_s += n / RATE_HZ * rng.uniform(0.8, 1.1) + 0.4 * (rng.random() < 0.12)
    return 0.5 * out / np.abs(out).max()


def surest_match(report):
    "The greatest confidence of a note that was matched."
    with open(report, newline="") as f:
        rows = [row for row in csv.DictReader(f) if row["status"] == MATCHED]
    return max((float(row["confidence"]) for row in rows), default=0.0)


def aligned(tmp_path, samples, given, ok):
    "The report of the command, which must leave with this status."
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ)
    write_midi(given, tmp_path / "a.mid")
    words = tmp_path / "a.wav", tmp_path / "a.mid", tmp_path / "out.mid"
    command("align", *words, "--report", tmp_path / "out.csv", "--weights", "maps", ok=ok)
    return tmp_path / "out.csv"


WRONG = {
    "another piece": lambda: (sound(FUGUE), notes(SONATA)),
    "speech": lambda: (speech(), notes(FUGUE)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_said(tmp_path, capsys, case):
    report = aligned(tmp_path, *WRONG[case](), ok=3)
    said = [line for line in capsys.readouterr().err.splitlines() if "hardly anything" in line]
    assert len(said) == 1 and "is it this recording" in said[0]
    assert surest_match(report) < 0.8


def with_absent(piece, absent_share, confidence):
    "A result of method score that calls so many notes absent and is so sure of the others."
    score = read_midi(piece[0] / "piece.mid")
    absent = np.arange(len(score.notes)) < absent_share * len(score.notes)
    return AlignmentResult(
        notes_before=score.notes,
        notes_after=score.notes,
        status=np.where(absent, NOT_IN_RECORDING, MATCHED),
        confidence=np.where(absent, 0.02, confidence),
        score=score,
        audio=piece[0] / "piece.wav",
        duration_s=10.0,
        method="score",
        decoding="high-resolution",
        weights=None,
        offset_s=0.0,
    )


@pytest.mark.parametrize(
    "absent_share, confidence, believed",
    ((0.7, 0.63, False), (0.7, 0.9, True), (0.3, 0.63, True), (0.3, 0.4, False)),
)
def test_a_few_notes_that_fit_somewhere_are_no_find(piece, absent_share, confidence, believed):
    "The share and the confidence with which the score of another piece was once taken for a find."
    found = with_absent(piece, absent_share, confidence)
    assert found.doubtful is not believed
    chosen = choose_coarse(None, {"score": lambda: found})
    assert (chosen is not None) is believed


def test_two_pieces_in_the_other_order_are_found(tmp_path, capsys):
    true = joined(notes(FUGUE), notes(SONATA))
    given = joined(notes(SONATA), notes(FUGUE))
    aligned(tmp_path, np.concatenate([sound(FUGUE), sound(SONATA)]), given, ok=0)
    assert "does not keep to the order of the file" in capsys.readouterr().err
    found = read_midi(tmp_path / "out.mid").notes
    off_s = []
    for pitch in np.unique(true.pitch):
        pairs = (np.sort(x.onset_s[x.pitch == pitch]) for x in (found, true))
        off_s.append(np.subtract(*pairs))
    assert np.mean(np.abs(np.concatenate(off_s)) < 0.05) > 0.95
