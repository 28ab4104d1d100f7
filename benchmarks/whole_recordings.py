"""Transkun on whole recordings of real pianos, beside DTW and the weights that ship.

usage: python benchmarks/whole_recordings.py --maps FOLDER [--scores FOLDER] [--pieces NAME ...]
       [--out results/weights/whole_recordings.csv] [--notes results/weights/whole_notes.csv]

`transcribers.py` gives a transcriber 12 seconds of each recording; here it hears whole recordings,
once (70 to 90 processor seconds a minute of sound), and its notes are kept in `--cache`. They are
matched to the given notes in three ways: `match` takes the nearest note of the pitch in order,
`decode` walks through them as the aligner walks through the peaks of its network, and `parangonar`
(Peter and Widmer, a symbolic matcher that knows no seconds) matches a flat score.

The given notes are the labels, jittered as the paper jitters; with `--scores`, also the notes of a
score at one tempo for the whole recording, chords struck at once (FOLDER/PIANO/PIECE.tsv.gz, as
`scores.py` reads them). Rows with `loud` count notes struck at velocity 50 or more: Disklaviers
strike softer ones later than their labels say. In rows with `shift_removed` each recording's median
error is subtracted. `--notes` has a row for each note of the jittered files: how far network and
transcriber (`transkun, match`) lie from the label, and what the network heard there.

Needs packages of others in an environment of its own, or in a folder on PYTHONPATH:
    pip install --no-deps --target FOLDER transkun moduleconf ncls parangonar partitura \\
        lxml xmlschema elementpath
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pianoalign.baselines import dtw_align
from pianoalign.datasets import cached_spectrogram, evaluation_segments, load_corpus, MAPS_SPLITS
from pianoalign.decoding import ALIGNER_WALK, decode, Heard
from pianoalign.files import InputError, repo_root, whole_file
from pianoalign.metrics import onset_errors, remove_shift, summarise
from pianoalign.notes import LOWEST_PITCH, Notes
from pianoalign.postprocessing import match_notes, retime
from pianoalign.preprocessing import load_audio
from pianoalign.report import tables
from pianoalign.tool.aligner import ask, open_engine
from pianoalign.tool.confidence import highest_near
from weights_options import LOUD, RATE_HZ, weights_parser, WHOLE_S, WITHIN

SAME_NOTE_S = 0.002  # a score's true onset and the label that it was taken from
PIECES = (  # of the two Disklaviers, short ones; all but the étude have a flat score
    *("scn15_6_ENSTDkAm", "scn15_9_ENSTDkAm", "scn15_11_ENSTDkAm", "grieg_kobold_ENSTDkAm"),
    *("chpn-e01_ENSTDkCl", "chpn-p19_ENSTDkCl", "scn15_11_ENSTDkCl", "scn15_12_ENSTDkCl"),
    "grieg_butterfly_ENSTDkCl",
)


def transcribed(recording, folder: Path, opened: dict) -> Notes:
    "Transkun's notes of a whole recording, from the cache or made now."
    path = folder / f"{recording.id}.csv"
    if not path.exists():
        if "transkun" not in opened:
            from transcribers import transkun

            opened["transkun"] = transkun()
        begun_s = time.process_time()
        found = opened["transkun"](load_audio(recording.audio, RATE_HZ))
        columns = ("onset_s", "offset_s", "pitch")
        table = pd.DataFrame({name: getattr(found, name) for name in columns})
        table["processor_s"] = time.process_time() - begun_s
        with whole_file(path, make_folder=True) as temporary:
            table.round(5).to_csv(temporary, index=False)
    table = pd.read_csv(path)
    return Notes.from_arrays(table.onset_s, table.offset_s, table.pitch.astype(int))


def as_heard(found: Notes) -> Heard:
    "Transcribed notes as peaks of an onset head: all equally sure."
    found = found[np.lexsort((found.onset_s, found.pitch))]
    return Heard(None, found.onset_s, found.pitch, np.ones(len(found)))


def by_parangonar(given: Notes, found: Notes) -> np.ndarray:  # (n,) row of `found`, -1: none
    "The partner of each note of a score, by notes and their order alone."
    import parangonar

    score = np.zeros(
        len(given),
        dtype=[("onset_beat", "f4"), ("duration_beat", "f4"), ("pitch", "i4")]
        + [("duration_div", "i4"), ("is_grace", "b1"), ("id", "U16")],
    )
    length_s = given.offset_s - given.onset_s
    score["onset_beat"], score["duration_beat"] = 2 * given.onset_s, 2 * length_s
    score["pitch"], score["duration_div"] = given.pitch, np.rint(960 * length_s)
    score["id"] = [f"s{row}" for row in range(len(given))]
    played = np.zeros(
        len(found),
        dtype=[("onset_sec", "f4"), ("duration_sec", "f4"), ("pitch", "i4")]
        + [("velocity", "i4"), ("id", "U16")],
    )
    played["onset_sec"], played["duration_sec"] = found.onset_s, found.offset_s - found.onset_s
    played["pitch"], played["velocity"] = found.pitch, 64
    played["id"] = [f"p{row}" for row in range(len(found))]
    score = score[np.lexsort((score["pitch"], score["onset_beat"]))]
    played = played[np.lexsort((played["pitch"], played["onset_sec"]))]
    index = np.full(len(given), -1)
    for pair in parangonar.DualDTWNoteMatcher()(score, played):
        if pair["label"] == "match":
            index[int(pair["score_id"][1:])] = int(pair["performance_id"][1:])
    return index


def flat_score(recording, path: Path) -> tuple[Notes, Notes]:
    "The labels that stand in a score, and the score at the recording's mean pace, row by row."
    table = pd.read_csv(path, sep="\t").dropna()
    labels = recording.reference
    rows, kept = [], []
    for number, note in enumerate(table.itertuples()):
        near_s = np.abs(labels.onset_s - note.true_onset_s) + 9.0 * (labels.pitch != note.pitch)
        if near_s.min() < SAME_NOTE_S and near_s.argmin() not in rows:
            rows.append(int(near_s.argmin()))
            kept.append(number)
    table, reference = table.iloc[kept], labels[np.array(rows)]
    pace_s, begin_s = np.polyfit(table.onset_quarter, reference.onset_s, 1)
    onset_s = begin_s + pace_s * table.onset_quarter.to_numpy()
    onset_s = onset_s - min(onset_s.min(), 0)
    length_s = np.maximum(pace_s * table.length_quarter.to_numpy(), 0.03)
    return reference, reference.at_times(onset_s, onset_s + length_s)


def outcomes(recording, given: Notes, found: Notes, engine, cache: str, flat: bool):
    "Each method's notes: name and Notes, rows as given."
    samples = load_audio(recording.audio, RATE_HZ)
    engine = engine.for_labels(recording.id)
    experiment = engine.experiment
    image = np.asarray(cached_spectrogram(recording, experiment.audio, cache), np.float32)
    fps = experiment.audio.fps

    def by_network(notes):
        heard = engine.refined(notes, ask(engine.walker, experiment, image, notes), image)
        return decode(notes, heard, fps, ALIGNER_WALK, image, engine.confidence).notes

    warped = dtw_align(samples, RATE_HZ, given)
    yield "unaligned", given
    yield "dtw", warped
    near = warped if flat else given
    yield ("dtw+network" if flat else "network"), by_network(near)
    if flat:
        yield "transkun, parangonar", retime(given, found, by_parangonar(given, found))
    yield "transkun, match", retime(near, found, match_notes(near, found))
    yield "transkun, decode", decode(near, as_heard(found), fps, ALIGNER_WALK).notes


def rise_db(image: np.ndarray, fps: float, pitch: int, time_s: float) -> float:
    "How much louder a key's own band is in the 60 ms from an onset on than in the 60 ms before."
    band, frame, reach = image[:, pitch - LOWEST_PITCH], round(time_s * fps), round(0.06 * fps)
    before, after = band[max(frame - reach, 0) : frame], band[frame : frame + reach + 1]
    if len(before) == 0 or len(after) == 0:
        return np.nan
    return float((after.max() - np.median(before)) * 20 / np.log(10))


def note_by_note(segment, found: Notes, engine, cache: str) -> pd.DataFrame:
    "One row a note of a jittered file: both systems' errors, and what the network heard."
    engine = engine.for_labels(segment.recording.id)
    experiment, labels, given = engine.experiment, segment.reference, segment.loose
    image = np.asarray(cached_spectrogram(segment.recording, experiment.audio, cache), np.float32)
    fps = experiment.audio.fps
    heard = engine.refined(given, ask(engine.walker, experiment, image, given), image)
    ours = decode(given, heard, fps, ALIGNER_WALK, image, engine.confidence).notes
    theirs = retime(given, found, match_notes(given, found))
    error_s = onset_errors(labels, ours)
    sounds_s = labels.onset_s + np.median(error_s)  # the labels are off as a whole
    columns = dict(
        id=segment.recording.id,
        onset_s=labels.onset_s,
        pitch=labels.pitch,
        velocity=labels.velocity,
        moved_ms=1000 * (given.onset_s - labels.onset_s),
        network_ms=1000 * error_s,
        transkun_ms=1000 * onset_errors(labels, theirs),
        peak_at_label=highest_near(heard, labels.pitch, sounds_s, 0.025),
        peak_taken=highest_near(heard, labels.pitch, labels.onset_s + error_s, 0.003),
        rise_db=[rise_db(image, fps, key, at_s) for key, at_s in zip(labels.pitch, sounds_s)],
    )
    return pd.DataFrame(columns)


def rows_of(errors: dict, velocity: dict) -> list[dict]:
    "A row for each set, input and method, all notes and loud ones, raw and with the shift removed."
    rows = []
    for (name, given, method), pieces in errors.items():
        for loud in (False, True):
            part = {i: e[velocity[i, given] >= LOUD] for i, e in pieces.items()} if loud else pieces
            for removed in (False, True):
                values = remove_shift(part)[0] if removed else part
                about = dict(set=name, given=given, method=method)
                about |= dict(loud=int(loud), shift_removed=int(removed))
                rows.append(about | summarise(values))
    return rows


def wanted_recordings(maps: str, pieces: list[str]) -> list:
    "Recordings of the Disklaviers by name. Raises `InputError` for names that are not there."
    found = load_corpus("maps", maps, tuple(MAPS_SPLITS.values()))
    named = {r.id.removeprefix("MAPS_MUS-"): r for r in found}
    unknown = [name for name in pieces if name not in named]
    if unknown:
        raise InputError(f"{maps} has no recording {unknown[0]}: name some of {', '.join(named)}")
    return [named[name] for name in pieces]


def main():
    parser = weights_parser(__doc__, "whole_recordings.csv", "maps")
    parser.add_argument("--scores", help="folder of flat scores, PIANO/PIECE.tsv.gz")
    parser.add_argument(
        "--pieces",
        nargs="+",
        default=list(PIECES),
        help="recordings of the two Disklaviers",
    )
    parser.add_argument(
        "--notes",
        default=str(repo_root() / "results" / "weights" / "whole_notes.csv"),
        help="table of single notes to write",
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    engine = open_engine(device="cpu")
    data = replace(engine.experiment.data, corpus="maps", segment_s=WHOLE_S)
    features, opened = str(asked.cache / "features"), {}
    errors, velocity, every_note = {}, {}, []
    for recording in wanted_recordings(asked.maps, asked.pieces):
        found = transcribed(recording, asked.cache / "transcribed" / "transkun", opened)
        (segment,) = evaluation_segments([recording], data)
        inputs = {"jittered": (segment.reference, segment.loose)}
        every_note.append(note_by_note(segment, found, engine, features))
        piece, piano = recording.id.removeprefix("MAPS_MUS-").rsplit("_", 1)
        score = Path(asked.scores or "nowhere") / piano / f"{piece}.tsv.gz"
        if score.exists():
            inputs["flat score"] = flat_score(recording, score)
        for name, (reference, given) in inputs.items():
            velocity[recording.id, name] = reference.velocity
            told = recording, given, found, engine, features, name == "flat score"
            for method, notes in outcomes(*told):
                of_method = errors.setdefault((recording.split, name, method), {})
                of_method[recording.id] = onset_errors(reference, notes)
        print(f"{recording.id}: {len(recording.reference)} notes", flush=True)
        table = pd.DataFrame(rows_of(errors, velocity))
        tables.write_table(table, asked.out)  # what is finished so far
        tables.write_table(pd.concat(every_note), asked.notes)
    shown = table[(table.loud == 1) & (table.shift_removed == 1)]
    columns = ["set", "given", "method", "median_ms", *WITHIN, "notes", "pieces"]
    print(f"Velocity {LOUD} and more, shift removed:")
    print(shown[columns].round(1).to_string(index=False))


if __name__ == "__main__":
    main()
