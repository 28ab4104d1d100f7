"""A real piano that no weights have heard: Salamander Grand, sixteen velocity layers, exact labels.

usage: python benchmarks/new_piano.py --salamander FOLDER [--limit N]
       [--out results/weights/new_piano.csv]

FOLDER holds recordings that `corpus/salamander/make_salamander.py --music demo` has made: the real
performances of the demo corpus's split `test`, played by the samples of a Yamaha C5. The same
performances stand in the demo corpus on a sampled Steinway, which the weights `maps` have not heard
either. So the two pianos are judged on the same notes, each method on the same jittered files.

Rows: piano, method, and notes by velocity (0 to 128: all) and by `company`: `any`, `alone` (no
other note begins in the 120 ms before or the 80 ms after) or `others`. In rows with `shift_removed`
each recording's median error is subtracted.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from pianoalign.baselines import dtw_align
from pianoalign.datasets import cached_spectrogram, evaluation_segments, load_corpus
from pianoalign.decoding import ALIGNER_WALK, decode
from pianoalign.files import InputError, repo_root
from pianoalign.metrics import onset_errors, remove_shift, summarise
from pianoalign.preprocessing import load_audio
from pianoalign.report import tables
from pianoalign.tool.aligner import ask, open_engine
from weights_options import RATE_HZ, weights_parser, WHOLE_S, WITHIN

VELOCITIES = (0, 30, 50, 70, 128)
WEIGHTS = ("maps", "free")
NAMES = {"salamander": "Salamander", "demo": "MuseScore"}
ALONE_S = (0.12, 0.08)  # before and after, as in the chapter on real pianos


def outcomes(segment, engines: dict, cache: str):
    "Each method's notes: name and Notes, rows as given."
    recording, given = segment.recording, segment.loose
    yield "unaligned", given
    yield "dtw", dtw_align(load_audio(recording.audio, RATE_HZ), RATE_HZ, given)
    for name, engine in engines.items():
        audio = engine.experiment.audio
        image = np.asarray(cached_spectrogram(recording, audio, cache), np.float32)
        heard = ask(engine.walker, engine.experiment, image, given)
        heard = engine.refined(given, heard, image)
        found = decode(given, heard, audio.fps, ALIGNER_WALK, image, engine.confidence)
        yield name, found.notes


def stand_alone(onset_s: np.ndarray) -> np.ndarray:  # (n,) bool
    "Which notes have no other one near?"
    order = np.argsort(onset_s, kind="stable")
    gap_s = np.diff(onset_s[order], prepend=-np.inf, append=np.inf)
    out = np.zeros(len(onset_s), bool)
    out[order] = (gap_s[:-1] > ALONE_S[0]) & (gap_s[1:] > ALONE_S[1])
    return out


def classes_of(notes: dict):
    "Classes by velocity and company: what a row says of itself, and a mask for each piece."
    edges = [(VELOCITIES[0], VELOCITIES[-1]), *zip(VELOCITIES[:-1], VELOCITIES[1:])]
    alone = {piece: stand_alone(n.onset_s) for piece, n in notes.items()}
    for low, below in edges:
        struck = {piece: (n.velocity >= low) & (n.velocity < below) for piece, n in notes.items()}
        yield dict(low=low, below=below, company="any"), struck
        for name, wanted in (("alone", True), ("others", False)):
            masks = {piece: mask & (alone[piece] == wanted) for piece, mask in struck.items()}
            yield dict(low=low, below=below, company=name), masks


def rows_of(piano: str, method: str, pieces: dict, notes: dict) -> list[dict]:
    "A row for each class of notes, raw and with the shift of a recording removed."
    rows = []
    for removed in (False, True):
        values = remove_shift(pieces)[0] if removed else pieces
        for about, masks in classes_of(notes):
            part = {piece: errors[masks[piece]] for piece, errors in values.items()}
            part = {piece: errors for piece, errors in part.items() if len(errors)}
            if part:
                row = dict(piano=piano, method=method) | about
                rows.append(row | dict(shift_removed=int(removed)) | summarise(part))
    return rows


def tested(name: str, folder, limit: int) -> list:
    "The recordings of a corpus's split `test`. Raises `InputError` where there are none."
    found = load_corpus(name, folder, ("test",), per_split=limit)
    if not found:
        raise InputError(f"{folder} has no split test: make it with --music demo")
    return found


def main():
    parser = weights_parser(__doc__, "new_piano.csv", "salamander")
    parser.add_argument("--limit", type=int, default=0, help="so many recordings; 0: all")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    engines = {name: open_engine(name, "cpu") for name in WEIGHTS}
    data = replace(engines["maps"].experiment.data, segment_s=WHOLE_S)
    folders = {"salamander": asked.salamander, "demo": repo_root() / "corpus"}
    rows = []
    for name, folder in folders.items():
        errors, notes = {}, {}
        for segment in evaluation_segments(tested(name, folder, asked.limit), data):
            piece = segment.recording.id
            notes[piece] = segment.reference
            for method, aligned in outcomes(segment, engines, str(asked.cache / "features")):
                errors.setdefault(method, {})[piece] = onset_errors(segment.reference, aligned)
            print(f"{piece}: {len(segment.reference)} notes", flush=True)
        for method, pieces in errors.items():
            rows += rows_of(NAMES[name], method, pieces, notes)
    table = pd.DataFrame(rows)
    tables.write_table(table, asked.out)
    shown = table[(table.below - table.low == VELOCITIES[-1]) & (table.company == "any")]
    columns = ["piano", "method", "shift_removed", "median_ms", *WITHIN, "notes", "pieces"]
    print(shown[columns].round(1).to_string(index=False))


if __name__ == "__main__":
    main()
