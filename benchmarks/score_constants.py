"""What if a constant of the search for a score were half as large, or twice as large?

    python benchmarks/score_constants.py [--corpus corpus] [--limit N] [--seconds S] [--csv FILE]

Seven constants of the chapters `16_from_a_score`, `16a_tuning`, `21_presence` and `01_aligner`
follow from no theory. Each is tried at half and at twice its value on recordings of the demo
corpus's validation split, on which no table of scores reports. Their notes are made into scores:
chords struck at once, at a pace that wanders. The cases are those of `scores.py`.

Each row has one figure, in percent, and says of how many:

    placed    notes that the search puts within 100 ms of where they are, or rightly leaves out
    moved     notes within 25 ms after the network has moved them, or rightly left out
    accepted  scores at their own pitch, less scores a semitone off, that are taken at once
    judged    notes rightly said to be played or not, by a model that was fitted anew, with this
              value, on every second recording, and is asked about the others

Of a share (`CLEARLY_BETTER`, `KEPT_PLACES`) it is the distance from 1 that is doubled or halved.
Few recordings are used; differences of a few tenths are chance."""

import argparse, sys, tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scores import case_of, RATE_HZ, write_rows

from pianoalign.datasets import load_corpus
from pianoalign.decoding import NEAR_S
from pianoalign.notes import HIGHEST_PITCH, LOWEST_PITCH, Notes
from pianoalign.preprocessing import load_audio
from pianoalign.tool import aligner, coarse, presence, tuning
from pianoalign.tool.listening import hear, listen_to

CASES = ("omitted", "twice", "once", "lacks", "late", "end")
SHARES = ("CLEARLY_BETTER", "KEPT_PLACES")
PLACES = dict.fromkeys(("CLEARLY_BETTER", "KEPT_PLACES", "LAST_CHORDS"), coarse)
SEARCH_S = 0.1  # what the search must reach; the network must reach `NEAR_S`


def as_score(reference: Notes, rng) -> tuple:  # Notes in order, (n,) true onsets
    "A performance as a score might have it: chords struck at once, at another, wandering pace."
    notes = reference[np.argsort(reference.onset_s, kind="stable")]
    chords = coarse.chords_of(notes, within_s=0.05)
    knots_s = np.linspace(0, chords.time_s[-1] + 1, 8)
    pace = np.exp(rng.uniform(-0.7, 0.7) + rng.uniform(-0.2, 0.2, len(knots_s)))
    at_s = np.concatenate([[0.0], np.cumsum(np.diff(knots_s) * (pace[1:] + pace[:-1]) / 2)])
    onset_s = np.interp(chords.time_s, knots_s, at_s)[chords.of_note]
    length_s = np.maximum(notes.offset_s - notes.onset_s, 0.05)
    return Notes.from_arrays(onset_s, onset_s + length_s, notes.pitch), notes.onset_s


def values_of(name: str, value) -> dict:  # "half", "as it is", "double" -> value
    "What is tried."
    if name in SHARES:
        return {"half": 1 - 2 * (1 - value), "as it is": value, "double": 1 - (1 - value) / 2}
    half, double = (type(value)(factor * value) for factor in (0.5, 2))
    return {"half": half, "as it is": value, "double": double}


class Case:
    "A recording, a score, and what the network hears without its notes."

    def __init__(self, engine, samples, score: Notes, true_s):
        self.score, self.true_s = score, true_s
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "piece.wav"
            soundfile.write(path, np.clip(samples, -1, 1), RATE_HZ)
            image, facts = listen_to(path, engine.experiment.audio)
        told_nothing = image, Notes.empty(), len(image)
        self.heard = hear(engine.walker, engine.experiment.audio, *told_nothing)
        self.listened = aligner.Listened(image, facts, engine, [image, self.heard])

    def right(self, onset_s, there, within_s: float) -> np.ndarray:  # (n,) bool
        "Which notes are in their place, or rightly left out."
        away_s = np.abs(onset_s - self.true_s)
        return np.where(np.isnan(self.true_s), ~there, there & (away_s <= within_s))

    def placed(self) -> np.ndarray:  # (n,) bool
        found = coarse.find_in_recording(self.heard, self.score)
        return self.right(found.notes.onset_s, found.in_recording, SEARCH_S)

    def moved(self) -> np.ndarray:  # (n,) bool
        found = coarse.find_in_recording(self.heard, self.score)
        there, one_part = found.in_recording, np.zeros(len(self.score), int)
        path = self.score, found.notes, there, one_part, "high-resolution"
        _, moved = aligner.move_from_path(self.listened, *path)
        return self.right(moved.notes.onset_s, there, NEAR_S)

    def nats(self, semitones: int) -> float:
        "What the search finds for each note of the score at another pitch; 0 where nothing fits."
        pitch = np.clip(self.score.pitch + semitones, LOWEST_PITCH, HIGHEST_PITCH)
        notes = Notes.from_arrays(self.score.onset_s, self.score.offset_s, pitch)
        return coarse.find_in_recording(self.heard, notes).score / len(notes)


def rows_of(name: str, module, measure: str, figure) -> list:  # of dicts
    "A constant at its three values; `figure` gives (right, of how many)."
    rows = []
    for size, value in values_of(name, getattr(module, name)).items():
        with patch.object(module, name, value):
            right, of = figure()
        percent = round(100 * right / of, 2)
        row = dict(constant=name, size=size, value=round(value, 4), figure=measure)
        rows.append(row | dict(percent=percent, of=of))
        print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
    return rows


def share(parts) -> tuple:  # right, of how many
    "Counted over all notes."
    right = np.concatenate(list(parts))
    return int(right.sum()), len(right)


def judged(fit_on: list, test_on: list) -> tuple:  # right, of how many
    "Notes rightly said to be played or not, by a model of the constants as they are now."
    model, right = presence.fit_presence(fit_on, ""), []
    for file in test_on:
        absent = model.by_both(file.found.notes, file.both, file.part)
        said = presence.without_absent(file.found, *absent, of_a_score=True)
        right.append(((said.status != presence.NOT_PLAYED) == file.played)[file.counts])
    return share(right)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="corpus")
    parser.add_argument("--limit", type=int, default=6, help="recordings at most, 2 or more")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each recording")
    parser.add_argument("--csv")
    options = parser.parse_args()
    engine = aligner.open_engine()
    if options.limit < 2:
        parser.error("--limit: give 2 at least; one is fitted on, another asked about")
    recordings = load_corpus("demo", options.corpus, ("valid",))[: options.limit]
    rows, cases = [], []
    for k, recording in enumerate(recordings):
        rng = np.random.default_rng(k)
        samples = load_audio(recording.audio, RATE_HZ)[: int(options.seconds * RATE_HZ)]
        reference = recording.reference
        inside = reference.in_range() & (reference.onset_s < options.seconds - 1)
        score, true_s = as_score(reference[inside], rng)
        cases += [Case(engine, *case_of(case, samples, score, true_s)) for case in CASES]
        print(f"{recording.id}: {len(score)} notes", flush=True)
    for name, module in PLACES.items():
        rows += rows_of(name, module, "placed", lambda: share(c.placed() for c in cases))
    here, beside = (np.array([c.nats(semitones) for c in cases]) for semitones in (0, 1))
    taken = lambda nats: int(np.sum(nats >= tuning.GOOD_NATS))
    accepted = lambda: (taken(here) - taken(beside), len(cases))
    rows += rows_of("GOOD_NATS", tuning, "accepted", accepted)
    rows += rows_of("ELSEWHERE_S", aligner, "moved", lambda: share(c.moved() for c in cases))
    told = engine.walker.network, engine.experiment, engine.confidence, recordings
    files = list(presence.spoilt_files(*told, longest_s=options.seconds))
    fitted = {recording.id for recording in recordings[::2]}
    fit_on = [file for file in files if file.recording in fitted]
    test_on = [file for file in files if file.recording not in fitted]
    for name in ("AROUND_NOTES", "SAME_KEY_S"):
        rows += rows_of(name, presence, "judged", lambda: judged(fit_on, test_on))
    if options.csv:
        write_rows(options.csv, rows)


if __name__ == "__main__":
    main()
