"A short piece whose notes are exactly known, as recording and as loose MIDI file."

import shlex
import sys
from pathlib import Path

import numpy as np
import soundfile

from pianoalign.midi import write_midi
from pianoalign.notes import Notes

RATE_HZ = 16_000


def make_piece(folder, n=40, seed=0, last_s=8.0):
    "A recording with exactly known notes, and a MIDI file of them that is loose by up to 80 ms."
    from pianoalign.report.plots import synthesise

    rng = np.random.default_rng(seed)
    on = np.sort(rng.uniform(0.2, last_s, n)) + 0.04 * np.arange(n)
    truth = Notes.from_arrays(
        on, on + rng.uniform(0.1, 0.5, n), 30 + 7 * np.arange(n) % 70, rng.integers(40, 100, n)
    )
    soundfile.write(folder / "piece.wav", synthesise(truth), RATE_HZ, subtype="FLOAT")
    shift = rng.uniform(-0.08, 0.08, n)
    loose = truth.at_times(
        np.maximum(truth.onset_s + shift, 0),
        np.maximum(truth.offset_s + rng.uniform(-0.08, 0.08, n), truth.onset_s + shift + 0.04),
    )
    order = np.lexsort((loose.pitch, loose.onset_s))
    write_midi(loose[order], folder / "piece.mid", pedal=[(1.0, 2.0), (3.0, 4.0)])
    return truth[order]


def program(path: Path, code: str) -> None:
    "Python code as a program; an interpreter whose path has spaces cannot stand after `#!`."
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    path.chmod(0o755)
