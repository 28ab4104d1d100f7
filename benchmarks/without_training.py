"""What could be won without training: other ways of decoding, and whose the lost notes are.

usage: python benchmarks/without_training.py --maps FOLDER --scores FOLDER [--salamander FOLDER]
       [--asap FOLDER] [--limit 6] [--test] [--out results/weights/decoding_trials.csv]
       [--lost results/weights/lost_notes.csv]

The weights `maps` hear whole recordings once; their curves are kept in `--cache`, under a key of
network, sound and notes, and everything else takes seconds. What validates: ENSTDkAm (notes struck
at velocity 50 or more: a Disklavier's softer labels are off), AkPnCGdD, the demo corpus's split
`valid`, and that of the recorded piano.

Files are jittered as published, by up to 250 ms (`far`), or are scores at one tempo that DTW has
laid along the recording (`flat`, FOLDER/PIANO/PIECE.tsv.gz as `scores.py` reads them). With
`--asap` (the folder that `corpus/make_corpus.py` reads) performances of the demo corpus are also
given with their own timing taken out (`score`): each note lies where the tempo curve has it, as in
the scores of the split `recordings`.

`--out` has a row for each way of decoding, set and kind of file: shares within 10, 25 and 50 ms,
each recording's shift removed, and the difference from what `align` does with its interval over
recordings; all without the second look that `align` takes at each peak. `--lost` counts, for what
`align` does with it (asked for onsets as the labels have them), the notes that lie farther off, by
whose they are (see `whose`). With `--test` it also counts those of ENSTDkCl and of the demo
corpus's `recordings`: sets that nothing may be chosen on, and no other way is tried there.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from pianoalign import decoding
from pianoalign.baselines import dtw_align
from pianoalign.datasets import cached_spectrogram, evaluation_segments, load_corpus, spread
from pianoalign.decoding import ALIGNER_WALK, decode, Decoded, Heard, in_steps
from pianoalign.decoding import LOWEST_PEAK, NEAR_S, price_of_moving, walk, Way
from pianoalign.files import repo_root
from pianoalign.metrics import compare, onset_errors, summarise
from pianoalign.notes import frame_of, LOWEST_PITCH, N_PITCHES, Notes
from pianoalign.postprocessing import onset_candidates
from pianoalign.preprocessing import load_audio, LOG_FLOOR, note_frames, paint_roll, spectrogram
from pianoalign.report import tables
from pianoalign.runs import read_npz, write_npz
from pianoalign.tool.aligner import open_engine, weights_folder
from pianoalign.tool.confidence import (
    highest_near,
    nearest_place,
    network_fingerprint,
    on_one_line,
)
from two_networks import validation_sets
from weights_options import LOUD, RATE_HZ, TOLERANCES_MS, weights_parser, WHOLE_S
from whole_recordings import flat_score

DISKLAVIERS = ("ENSTDkAm", "ENSTDkCl")
COVERING = (12, 19, 24, 28, 31, 34, 36)  # semitones up to a note that partials of this one cover
CLEAR_DB = 6.0  # a rise that can be heard
TRUSTED_MS = 250  # a note further from the tempo curve is matched wrongly
SAME_NOTE_S = 0.03  # two onsets of one key lie further apart
SAME_PEAK_S = 0.003  # a note that took a peak lies so near to it
LEVEL_NATS = 0.7  # 6 dB
TUNING_CENTS = 20
ONE_ATTACK_S, APART_S = 0.015, 0.05  # so near in the sound, so far in the file
LOW, HIGH = 0.3, 0.6  # heights of peaks


@dataclass(frozen=True, eq=False)
class File:
    "A recording, the truth about its notes, and a file that is to be aligned with it."

    set: str
    id: str
    given_as: str  # jittered, far, flat, score
    reference: Notes
    given: Notes  # rows of `reference`, in sounding lengths
    image: np.ndarray  # (N, 88) log magnitudes
    curves: Callable  # weights, told notes, image, name -> roll, onsets
    seen: Callable  # seconds that are cut off, cents -> image of the recording

    def heard(self, weights: str = "maps") -> tuple:  # roll (N, 88) uint8, onsets (N, 88)
        "What a network makes of the recording, told the notes of the file."
        return self.curves(weights, self.given, self.image, self.given_as)


def as_curves(engine, image: np.ndarray, told: Notes) -> tuple:
    "The network's whole answer: roll in steps of 1/256, onset curves as float16."
    fps = engine.experiment.audio.fps
    frames, n = note_frames(told, fps), len(image) + fps // 2
    silence = np.log(LOG_FLOOR)

    def image_of(a, b):
        part = image[a:b].astype(np.float32)
        return np.pad(part, ((0, b - a - len(part)), (0, 0)), constant_values=silence)

    parts = []
    for start in range(0, n, engine.walker.window):
        roll_of = functools.partial(paint_roll, frames)
        parts.append(engine.walker.answer([start], n, image_of, roll_of))
    rolls, onsets = zip(*parts)
    whole = np.concatenate(onsets)[:, :N_PITCHES]
    return in_steps(np.concatenate(rolls)), whole.astype(np.float16)


def key_of(*parts: np.ndarray | str | float) -> str:  # 12 hexadecimal digits
    "A name for what was made of these; of others it is another one."
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()[:12]


def times_of(notes: Notes) -> tuple:
    "What a network or DTW is told of notes."
    return notes.onset_s, notes.offset_s, notes.pitch


def curves_from(engines: dict, recording_id: str, cache: Path) -> Callable:
    "A recording's curves, from the cache or found now."

    def curves(weights: str, told: Notes, image: np.ndarray, name: str) -> tuple:
        network = network_fingerprint(engines[weights].folder)
        key = key_of(network, image, *times_of(told))
        path = cache / "curves" / f"{weights}_{name}_{recording_id}_{key}.npz"
        if not path.exists():
            roll, on = as_curves(engines[weights], image, told)
            write_npz(path, {"roll": roll, "on": on})
            print(path.name, flush=True)
        kept = read_npz(path)
        return kept["roll"], kept["on"].astype(np.float32)

    return curves


def seen_otherwise(recording, audio, cut_s: float, cents: float) -> np.ndarray:  # (N, 88)
    "The image of a recording that begins later, or whose keys are looked for elsewhere."
    tuned = replace(audio, fmin_hz=audio.fmin_hz * 2 ** (cents / 1200))
    samples = load_audio(recording.audio, audio.sample_rate_hz)
    return spectrogram(samples[round(cut_s * audio.sample_rate_hz) :], tuned).astype(np.float16)


def moves_of_a_player(arrays: dict) -> np.ndarray:  # (m,) seconds; NaN: not in the score
    """How far each played note lies from the score on a metronome, by the recipe of the split
    `recordings` (`warp_to_metronome` in corpus/make_corpus.py)."""
    drift_ms = 45 * np.tanh(1.1 * arrays["drift32"].astype(float) / 45)
    own_ms = arrays["dev4"] / 10
    known = (arrays["match"] == 1) & (np.abs(own_ms) <= TRUSTED_MS)
    return np.where(known, drift_ms + 100 * np.tanh(own_ms / 100), np.nan) / 1000


def clock_of(notes: Notes, pitch: np.ndarray, onset_s: np.ndarray, about_s: float) -> float:
    "What is to be added to times of `notes` to find them among these: what most of them agree on."
    found = [
        onset_s[pitch == key] - time_s for key, time_s in zip(notes.pitch[:60], notes.onset_s[:60])
    ]
    all_s = np.sort(np.concatenate(found))
    all_s = all_s[np.abs(all_s - about_s) < 2]
    many = np.searchsorted(all_s, all_s + SAME_NOTE_S) - np.arange(len(all_s))
    first = int(np.argmax(many))
    return float(np.median(all_s[first : first + many[first]]))


def apart(reference: Notes, given: Notes) -> np.ndarray:  # rows
    "Notes of which no two of one key are swapped or nearer than 30 ms, as in the demo corpus."
    kept = np.ones(len(reference), bool)
    for key in np.unique(reference.pitch):
        rows = np.flatnonzero(reference.pitch == key)
        rows = rows[np.lexsort((reference.onset_s[rows], given.onset_s[rows]))]
        while len(rows) > 1:
            gaps_s = (np.diff(notes.onset_s[rows]) for notes in (reference, given))
            bad = np.flatnonzero(np.minimum(*gaps_s) < SAME_NOTE_S)
            if not len(bad):
                break
            kept[rows[[bad[0], bad[0] + 1]]] = False
            rows = np.delete(rows, [bad[0], bad[0] + 1])
    return np.flatnonzero(kept)


def without_own_timing(recording, asap: Path) -> tuple[Notes, Notes]:
    "The notes of a performance that stand in its score, and the same where the score has them."
    listed = pd.read_csv(repo_root() / "corpus" / "index.csv").set_index("id").loc[recording.id]
    performances = pd.read_csv(asap / "index.csv").set_index("source")
    name = performances.loc[listed.source, "id"]
    with np.load(asap / "performances" / f"{name}.npz") as arrays:
        pitch, onset_s = arrays["pitch"], arrays["onset"] / 1e4
        moves_s = moves_of_a_player(arrays)
    played = recording.reference
    clock_s = clock_of(played, pitch, onset_s, float(listed.source_start_s))
    where = on_one_line(pitch, onset_s)
    order = np.argsort(where)
    sought = on_one_line(played.pitch, played.onset_s + clock_s)
    place, away_s = nearest_place(where[order], sought)
    move_s = np.where(away_s < SAME_NOTE_S, moves_s[order[place]], np.nan)
    known = np.isfinite(move_s)
    reference = played[known]
    onset_s = np.maximum(reference.onset_s - move_s[known], 0.0)
    given = reference.at_times(onset_s, onset_s + reference.offset_s - reference.onset_s)
    rows = apart(reference, given)
    return reference[rows], given[rows]


def laid_along(recording, score: Path, cache: Path) -> tuple[Notes, Notes]:
    "The labels that stand in a score, and the score after DTW, row by row."
    reference, given = flat_score(recording, score)
    sound = load_audio(recording.audio, RATE_HZ)
    path = cache / "curves" / f"flat_{recording.id}_{key_of(sound, *times_of(given))}.npz"
    if not path.exists():
        warped = dtw_align(sound, RATE_HZ, given)
        write_npz(path, {"on": warped.onset_s, "off": warped.offset_s})
    kept = read_npz(path)
    return reference, given.at_times(kept["on"], kept["off"])


def kinds_of_file(recording, data, scores: Path, asap: Path | None, cache: Path) -> Iterator[tuple]:
    "The files that a recording is aligned with: kind, truth, notes."
    if recording.loose is not None:
        yield "score", recording.reference, recording.loose
        return
    for kind, most_s in (("jittered", data.max_jitter_s), ("far", 0.25)):
        looser = replace(data, max_jitter_s=most_s, segment_s=WHOLE_S)
        (whole,) = evaluation_segments([recording], looser)
        yield kind, whole.reference, whole.loose
    piece, piano = recording.id.removeprefix("MAPS_MUS-").rsplit("_", 1)
    score = scores / piano / f"{piece}.tsv.gz"
    if score.exists():
        yield "flat", *laid_along(recording, score, cache)
    if asap:
        yield "score", *without_own_timing(recording, asap)


def recordings_of(asked) -> dict:  # set -> list of Recording
    "What is judged. With `--test`, also what nothing may be chosen on."
    found = validation_sets(asked.maps, asked.salamander, asked.limit)
    if asked.test:
        held, corpus = dict(pedal=True), repo_root() / "corpus"
        of_disklavier = load_corpus("maps", asked.maps, ("test",), **held)
        with_scores = load_corpus("demo", corpus, ("recordings",), **held)
        found["ENSTDkCl"] = spread(of_disklavier, asked.limit)
        found["recordings"] = spread(with_scores, asked.limit)
    return found


def files(asked, engines: dict) -> Iterator[File]:
    "All files, one after the other."
    experiment = engines["maps"].experiment
    for name, recordings in recordings_of(asked).items():
        for r in recordings:
            features = str(asked.cache / "features")
            image = np.asarray(cached_spectrogram(r, experiment.audio, features), np.float16)
            curves = curves_from(engines, r.id, asked.cache)
            seen = functools.partial(seen_otherwise, r, experiment.audio)
            asap = asked.asap if name == "demo" else None
            kinds = kinds_of_file(r, experiment.data, Path(asked.scores), asap, asked.cache)
            for kind, reference, given in kinds:
                yield File(name, r.id, kind, reference, given, image, curves, seen)


def peaks(roll: np.ndarray, onsets: np.ndarray, fps: int) -> Heard:
    "What decoding looks at."
    return Heard(roll, *onset_candidates(onsets, fps, LOWEST_PEAK))


def averaged(*answers: tuple) -> tuple:  # roll, onsets
    "The mean of several answers, as long as the shortest."
    length = min(len(roll) for roll, _ in answers)
    roll = np.mean([roll[:length].astype(np.float32) for roll, _ in answers], axis=0)
    return roll.astype(np.uint8), np.mean([onsets[:length] for _, onsets in answers], axis=0)


def in_between(onsets: np.ndarray, between: np.ndarray) -> np.ndarray:  # (2 N, 88)
    "Curves at twice the rate, from those at the frames and those half a frame later, smoothed."
    length = min(len(onsets), len(between))
    both = np.stack([onsets[:length], between[:length]], axis=1).reshape(2 * length, -1)
    padded = np.pad(both, ((1, 1), (0, 0)), mode="edge")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def on_far_attacks(given: Notes, heard: Heard, way: Way) -> np.ndarray:  # rows of the peaks
    "Low peaks that lie on high ones, all taken, whose notes begin apart in the file."
    notes = np.flatnonzero(way.matched & (way.leader == np.arange(len(given))))
    notes = notes[np.argsort(heard.time_s[way.index[notes]])]
    peak, given_s = way.index[notes], given.onset_s[notes]
    time_s, height = heard.time_s[peak], heard.height[peak]
    first = np.searchsorted(time_s, time_s - ONE_ATTACK_S)
    after = np.searchsorted(time_s, time_s + ONE_ATTACK_S, side="right")
    found = []
    for k in np.flatnonzero(height <= LOW):
        others_s = given_s[first[k] : after[k]][height[first[k] : after[k]] > HIGH]
        if len(others_s) and np.abs(others_s - given_s[k]).min() > APART_S:
            found.append(peak[k])
    return np.array(found, dtype=int)


class Trials:
    """Ways of decoding: each takes a file and gives its notes. `shipped` is what `align` does.

    All are compared on the peaks of the first network, and without a model of confidence, which has
    learned from peaks that were looked at twice."""

    def __init__(self, engine):
        self.fps = engine.experiment.audio.fps

    def decoded(self, file: File, answer: tuple, settings=ALIGNER_WALK) -> Notes:
        return self.judged(file, peaks(*answer, self.fps), settings).notes

    def judged(self, file: File, heard: Heard, settings=ALIGNER_WALK) -> Decoded:
        "As `align` walks."
        return decode(file.given, heard, self.fps, settings)

    def shipped(self, file: File) -> Notes:
        return self.decoded(file, file.heard())

    def each_by_itself(self, file: File) -> Notes:
        "Neighbours are followed in no file."
        price_s = price_of_moving(file.given, peaks(*file.heard(), self.fps))
        return self.decoded(file, file.heard(), replace(ALIGNER_WALK, scale_s=price_s))

    def always_followed(self, file: File) -> Notes:
        "Neighbours are followed in every file, also where they tell nothing."
        with patch.object(decoding, "FOLLOWED", np.inf):
            return self.shipped(file)

    def as_steep_as_before(self, file: File) -> Notes:
        "A note that lies apart from its neighbours costs what it did, and certainty is worth 0."
        with patch.multiple(decoding, FOLLOWED_LEAST_S=0.02, FOLLOWED_CERTAINTY=0.0):
            return self.shipped(file)

    def always_certain(self, file: File) -> Notes:
        "A peak's certainty counts in every file, not only where neighbours are followed."
        certainty = decoding.FOLLOWED_CERTAINTY
        return self.decoded(file, file.heard(), replace(ALIGNER_WALK, certainty=certainty))

    def explained_away(self, file: File) -> Notes:
        """A peak counts less where a lower key's peak at the same time has partials that cover it
        and its own band does not rise."""
        roll, onsets = file.heard()
        heard = peaks(roll, onsets, self.fps)
        covered = np.zeros(len(heard.height))
        at = np.clip(frame_of(heard.time_s, self.fps), 0, len(onsets) - 1)
        highest = np.max([np.roll(onsets, step, axis=0) for step in range(-2, 3)], axis=0)
        for steps in COVERING:
            lower = heard.pitch - LOWEST_PITCH - steps
            there = np.where(lower >= 0, highest[at, np.maximum(lower, 0)], 0.0)
            covered = np.maximum(covered, there)
        unclear = rises_db(file.image, heard.time_s, heard.pitch, self.fps) < CLEAR_DB
        height = heard.height * np.where(unclear, 1 - 0.9 * covered, 1.0)
        return self.judged(file, Heard(roll, heard.time_s, heard.pitch, height)).notes

    def not_on_another(self, file: File) -> Notes:
        """A low peak counts half where it lies on the attack of another key, whose note is far from
        this one in the file."""
        roll, onsets = file.heard()
        heard = peaks(roll, onsets, self.fps)
        rows = on_far_attacks(file.given, heard, walk(file.given, heard))
        height = heard.height.copy()
        height[rows] *= 0.5
        return self.judged(file, replace(heard, height=height)).notes

    def two_networks(self, file: File) -> Notes:
        return self.decoded(file, averaged(file.heard(), file.heard("free")))

    def told_nothing_too(self, file: File) -> Notes:
        "The answer averaged with that of the network when it is told no notes."
        nothing = file.curves("maps", file.given[:0], file.image, "nothing")
        return self.decoded(file, averaged(file.heard(), nothing))

    def asked_again(self, file: File) -> Notes:
        "The network is asked again, and told what was decoded the first time."
        told = self.shipped(file)
        answer = file.curves("maps", told, file.image, f"again_{file.given_as}")
        return self.decoded(replace(file, given=told), answer)

    def three_levels(self, file: File) -> Notes:
        "Answers to the recording as it is, 6 dB louder and 6 dB softer, averaged."
        image, others = file.image.astype(np.float32), []
        for name, more_nats in (("louder", LEVEL_NATS), ("softer", -LEVEL_NATS)):
            at_level = np.maximum(image + more_nats, np.log(LOG_FLOOR))
            others.append(file.curves("maps", file.given, at_level, f"{name}_{file.given_as}"))
        return self.decoded(file, averaged(file.heard(), *others))

    def three_tunings(self, file: File) -> Notes:
        "Answers to the recording as it is, 20 cents sharper and 20 cents flatter, averaged."
        others = []
        for name, cents in (("sharper", -TUNING_CENTS), ("flatter", TUNING_CENTS)):
            image = file.seen(0.0, cents)
            others.append(file.curves("maps", file.given, image, f"{name}_{file.given_as}"))
        return self.decoded(file, averaged(file.heard(), *others))

    def half_a_hop(self, file: File) -> Notes:
        "Frames in between: the curves have twice as many, each the mean of itself and its two."
        hop_s = 1 / self.fps
        roll, onsets = file.heard()
        told, image = file.given.shifted(-hop_s / 2), file.seen(hop_s / 2, 0.0)
        between = file.curves("maps", told, image, f"between_{file.given_as}")[1]
        both = in_between(onsets, between)
        heard = Heard(roll, *onset_candidates(both, 2 * self.fps, LOWEST_PEAK))
        return self.judged(file, heard).notes


TRIALS = (
    "shipped",
    "each_by_itself",
    "always_followed",
    "as_steep_as_before",
    "always_certain",
    "explained_away",
    "not_on_another",
    "two_networks",
    "told_nothing_too",
    "asked_again",
    "three_levels",
    "three_tunings",
    "half_a_hop",
)
TRIED_ON = ("jittered", "flat", "score")  # kinds of file
ON_DISKLAVIERS_ALONE = ("told_nothing_too", "three_levels")  # and jittered: they take longest
ON_JITTERED_ALONE = ("three_tunings", "half_a_hop")  # and not where nearly all is right
NEARLY_ALL_RIGHT = ("AkPnCGdD",)
NOT_TRIED_ON = ("ENSTDkCl", "recordings")  # sets that test


def rises_db(image: np.ndarray, time_s: np.ndarray, pitch: np.ndarray, fps: int) -> np.ndarray:
    "How much a key's own band grows, from 20 to 60 ms before a time to 10 to 50 ms after it."
    frame, row = frame_of(time_s, fps), pitch - LOWEST_PITCH

    def level(first_ms, last_ms):
        steps = np.arange(round(first_ms * fps / 1000), round(last_ms * fps / 1000) + 1)
        at = np.clip(frame[:, None] + steps, 0, len(image) - 1)
        return image[at, row[:, None]].astype(np.float32).mean(axis=1)

    return (level(10, 50) - level(-60, -20)) * 20 / np.log(10)


def another_attack(reference: Notes, rows, place_s, label_s, related: bool) -> np.ndarray:
    "Does another note begin where these were put? `related`: one whose partials they share."
    out = np.zeros(len(rows), dtype=bool)
    for k, (row, at_s) in enumerate(zip(rows, place_s)):
        near = np.abs(label_s - at_s) <= NEAR_S
        near[row] = False
        steps = np.abs(reference.pitch - reference.pitch[row])
        out[k] = (near & (np.isin(steps, (0, 1, 2, *COVERING)) if related else True)).any()
    return out


def counted(file: File) -> np.ndarray:  # (n,) bool
    "Notes whose labels can judge."
    loud = file.reference.velocity >= LOUD
    return loud if file.set in DISKLAVIERS else np.ones(len(loud), dtype=bool)


OWNERS = ("beside", "label", "sound", "network", "decoding")


def judged_errors(file: File, found: Notes) -> np.ndarray:  # (n,) seconds
    "Errors less their median over the notes whose labels can judge."
    error_s = onset_errors(file.reference, found)
    return error_s - np.median(error_s[counted(file)])


def whose(file: File, found: Notes, heard: Heard, rows: np.ndarray, fps: int) -> tuple:
    """Whose the lost notes `rows` are, asked in this order, and which lie on another note's attack.

    `beside`: it lies within 25 ms, so the attack is the right one, and label or network read it a
    little early or late. `label`: the note's own band rises by 6 dB where it was put, and by 6 dB
    more than at its label, and no other note that shares partials with it begins there. `sound`:
    at the label its band rises by less than 6 dB, so there is little to hear. `network`: it rises,
    but the onset head has no peak there (within 25 ms) that is as high as the one where the note
    was put. `decoding`: it has such a peak."""
    reference = file.reference
    error_s = judged_errors(file, found)
    label_s = found.onset_s - error_s  # where the labels are, the recording's shift added
    pitch, put_s, should_s = reference.pitch[rows], found.onset_s[rows], label_s[rows]
    rise_put = rises_db(file.image, put_s, pitch, fps)
    rise_label = rises_db(file.image, should_s, pitch, fps)
    explained = another_attack(reference, rows, put_s, label_s, related=True)
    speaks_for_put = (rise_put >= CLEAR_DB) & (rise_put >= rise_label + CLEAR_DB) & ~explained
    peak_put = highest_near(heard, pitch, put_s, SAME_PEAK_S)
    peak_label = highest_near(heard, pitch, should_s, NEAR_S)
    network = (peak_label == 0) | (peak_label < peak_put)
    out = np.where(network, "network", "decoding")
    out = np.where(rise_label < CLEAR_DB, "sound", out)
    out = np.where(speaks_for_put, "label", out)
    out = np.where(np.abs(error_s[rows]) <= NEAR_S, "beside", out)
    return out, another_attack(reference, rows, put_s, label_s, related=False)


def lost_notes(file: File, found: Notes, heard: Heard, fps: int) -> Iterator[tuple]:
    "Tolerance, and how many notes of each class lie farther off."
    error_s = judged_errors(file, found)
    for tolerance_ms in TOLERANCES_MS:
        rows = np.flatnonzero(counted(file) & (np.abs(error_s) > tolerance_ms / 1000))
        owner, elsewhere = whose(file, found, heard, rows, fps)
        counts = {name: int((owner == name).sum()) for name in OWNERS}
        yield tolerance_ms, counts | {"on_another_attack": int(elsewhere.sum())}


def lost_rows(counts: dict, errors: dict, confidence: dict) -> list[dict]:
    "Counts of one tolerance after the other, beside the share that is reached."
    rows = []
    for (name, given_as, tolerance_ms), parts in counts.items():
        figures = summarise(errors[name, given_as])
        row = {"set": name, "given": given_as, "tolerance_ms": tolerance_ms}
        key = f"within_{tolerance_ms}_pct"
        row |= {f"reached{end}": figures[key + end] for end in ("", "_lo", "_hi")}
        row |= {"median_ms": figures["median_ms"]}
        row["confidence_pct"] = 100 * np.mean(np.concatenate(confidence[name, given_as]))
        row |= {owner: sum(part[owner] for part in parts) for owner in parts[0]}
        rows.append(row | {"notes": figures["notes"], "pieces": figures["pieces"]})
    return rows


def trial_rows(errors: dict) -> list[dict]:  # (set, given, trial) -> id -> errors
    "Every way of decoding beside what ships."
    rows = []
    for (name, given_as, trial), pieces in errors.items():
        of_trial, of_shipped = pieces, errors[name, given_as, "shipped"]
        figures, gains = summarise(of_trial), compare(of_trial, of_shipped)
        row = {"set": name, "given": given_as, "trial": trial}
        for w in TOLERANCES_MS:
            key = f"within_{w}_pct"
            row[key] = figures[key]
            row |= {f"gain_{key}{end}": g for end, g in zip(("", "_lo", "_hi"), gains[key])}
        rows.append(row | {"notes": figures["notes"], "pieces": figures["pieces"]})
    return rows


def ways_tried(file: File, names: list[str]) -> list[str]:
    "Which ways of decoding are tried on a file."
    if file.set in NOT_TRIED_ON or file.given_as not in TRIED_ON:
        return []
    jittered, left_out = file.given_as == "jittered", set()
    if not jittered or file.set in NEARLY_ALL_RIGHT:
        left_out |= set(ON_JITTERED_ALONE)
    if not (jittered and file.set in DISKLAVIERS):
        left_out |= set(ON_DISKLAVIERS_ALONE)
    return [name for name in names if name not in left_out]


def main():
    parser = weights_parser(__doc__, "decoding_trials.csv", "maps", "salamander")
    parser.add_argument("--scores", required=True, help="folder of flat scores")
    parser.add_argument("--asap", type=Path, help="folder that corpus/make_corpus.py reads")
    parser.add_argument("--limit", type=int, default=6, help="recordings of each set; 0: all")
    parser.add_argument("--test", action="store_true", help="count the test sets' lost notes too")
    parser.add_argument("--trials", nargs="+", default=list(TRIALS), choices=TRIALS)
    lost_notes_csv = repo_root() / "results" / "weights" / "lost_notes.csv"
    parser.add_argument("--lost", default=str(lost_notes_csv), help="table of lost notes to write")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    engines = {name: open_engine(weights_folder(name), device="cpu") for name in ("maps", "free")}
    trials = Trials(engines["maps"])
    names = list(dict.fromkeys(["shipped", *asked.trials]))  # all are compared with that
    of_trials, of_align, counts, confidence = {}, {}, {}, {}
    for file in files(asked, engines):
        judged = counted(file)
        here, engine = (file.set, file.given_as), engines["maps"].for_labels(file.id)
        heard = engine.refined(file.given, peaks(*file.heard(), trials.fps), file.image)
        about = file.given, heard, trials.fps, ALIGNER_WALK, file.image, engine.confidence
        decoded = decode(*about)
        found = decoded.notes
        confidence.setdefault(here, []).append(decoded.confidence[judged])
        of_align.setdefault(here, {})[file.id] = judged_errors(file, found)[judged]
        for tolerance_ms, part in lost_notes(file, found, heard, trials.fps):
            counts.setdefault((*here, tolerance_ms), []).append(part)
        for name in ways_tried(file, names):
            other = judged_errors(file, getattr(trials, name)(file))
            of_trials.setdefault((*here, name), {})[file.id] = other[judged]
        print(f"{file.set}, {file.given_as}: {file.id}", flush=True)
    table = pd.DataFrame(trial_rows(of_trials))
    lost = pd.DataFrame(lost_rows(counts, of_align, confidence))
    tables.write_table(table, asked.out)
    tables.write_table(lost, asked.lost)
    print(table.round(2).to_string(index=False))
    print(lost.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
