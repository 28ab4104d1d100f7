"""How well are flat, scaled, cut, repeated and detuned scores aligned?

    python benchmarks/scores.py [--corpus corpus | --scores FOLDER --audio FOLDER] [--limit N]
        [--methods dtw hires score] [--cases flat third ...] [--weights NAME]
        [--onsets sound | keys] [--csv FILE]

Without --scores the six recordings of the demo corpus are used, whose scores lie in corpus/score. A
folder of scores holds PIECE.tsv.gz with the columns onset_quarter, length_quarter, pitch and
true_onset_s (empty: not played), and --audio a recording for each, with PIECE in its name.

Every case makes a score and a recording out of them whose true onsets are known:

    flat      one tempo, chords struck at once
    third     the same, three times as slow as the recording
    three     the same, three times as fast
    slowing   the recording slows down over its last tenth, and the score does not say so
    cut       the recording ends after seven tenths
    late      the recording begins after three tenths
    end       the score holds the last four tenths only
    omitted   a quarter of the music is not played
    twice     a quarter of the music is played twice (the first time counts)
    once      a quarter is written out twice and played once (the first one counts)
    lacks     the score lacks a quarter of what is played
    a415      the recording sounds a semitone lower, at its own pace
    wrong     one note in twenty is written a tone or a semitone off
    part      a part that is not played holds chords of four notes, four seconds each
    track     the same part, in a track of its own as a notation program would write it

A key that the score strikes at the same moment anyway is heard, so no note of `wrong`, `part` or
`track` stands on one: it would be a doubling and no absent note.

A row is a case and a method: the shares of the played notes within 25, 50 and 100 ms, a 95 %
interval of the first (bootstrap over pieces); of the notes that are not played how many were
called matched and how many have a confidence over 0.8; how many of them were said not to be played
or not to be in the recording, and how much of what was said so is true. `said_pct` is the mean
confidence of all notes, and `so_pct` how many of them lie within 25 ms; `surer_than_90` counts the
notes with a confidence over 0.9, and `of_these_so_pct` says how many of those do. `given` is the
score as it is. A method that refuses its input counts as if nothing had moved.

Music repeats itself. Where a passage that is left out is alike to another one, nothing but its end
may tell which of the two it was. So `omitted`, `twice`, `once` and `lacks` have two rows. In one of
them `passes` is `written`: the notes are those of the cut that was made. In the other it is
`either`: in at least four chords in a row that are alike, a note that stands where its double is
played, while the double stands nowhere, counts as that one."""

import argparse, csv, sys, tempfile, time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pretty_midi, soundfile, soxr

from pianoalign import align
from pianoalign.datasets import load_corpus
from pianoalign.files import InputError, whole_file
from pianoalign.metrics import draw_pieces, interval
from pianoalign.midi import read_midi, sounding_notes, write_midi
from pianoalign.notes import Notes
from pianoalign.preprocessing import load_audio
from pianoalign.tool.confidence import on_one_line
from pianoalign.tool.presence import NOT_PLAYED
from pianoalign.tool.results import NOT_IN_RECORDING

RATE_HZ = 16000
LIMITS_S = (0.025, 0.05, 0.1)
LEAST_ALIKE = 4  # so many chords in a row at least make a passage that has a double
ABOUT_ABSENT = (
    *("absent_matched_pct", "absent_surer_than_80_pct"),
    *("absent_found_pct", "absent_precision_pct"),
)


def paired(score: Notes, played: Notes) -> np.ndarray:  # (n,) seconds
    "When each note of a score sounds: the k-th of a pitch goes with the k-th; NaN without one."
    out = np.full(len(score), np.nan)
    for pitch in np.unique(score.pitch):
        a, b = (np.flatnonzero(notes.pitch == pitch) for notes in (score, played))
        if len(a) != len(b):
            continue
        a, b = a[np.argsort(score.onset_s[a])], b[np.argsort(played.onset_s[b])]
        out[a] = played.onset_s[b]
    return out


def demo_pieces(corpus):  # yields name, samples, score, (n,) true onsets
    "The recordings of the demo corpus that have a score with the same notes."
    for recording in load_corpus("demo", corpus, ("recordings",)):
        path = Path(corpus) / "score" / f"{recording.id}.mid"
        if path.exists():
            score = sounding_notes(read_midi(path))
            true_s = paired(score, recording.reference)
            known = np.isfinite(true_s)
            yield recording.id, load_audio(recording.audio, RATE_HZ), score[known], true_s[known]


def read_table(path: Path) -> np.ndarray:  # (n, 4): onset, length, pitch, true onset; NaN: none
    "The notes of a score in quarters, and when they sound in seconds."
    return pd.read_csv(path, sep="\t", float_precision="round_trip").to_numpy(float)


def scored_pieces(scores, audio):  # yields the same
    "Recordings with a table each, the shortest first."
    tables = []
    for path in sorted(Path(scores).glob("*.tsv.gz")):
        rows = read_table(path)
        tables.append((len(rows), path.name.removesuffix(".tsv.gz"), rows))
    for _, name, rows in sorted(tables, key=lambda t: t[:2]):
        sounds = sorted(Path(audio).glob(f"*{name}_*.ogg"))
        if sounds:
            rows = rows[np.isfinite(rows[:, 3])]
            onset_s, length_s = rows[:, 0] / 2, np.maximum(rows[:, 1] / 2, 0.03)
            notes = Notes.from_arrays(onset_s, onset_s + length_s, rows[:, 2].astype(int))
            yield name, load_audio(sounds[0], RATE_HZ), notes, rows[:, 3]


def at_pace(score: Notes, factor: float) -> Notes:
    "The score slower (or faster) by a factor."
    return score.at_times(score.onset_s * factor, score.offset_s * factor)


def hurried(score: Notes, true_s, from_s: float, most: float = 2.0) -> Notes:
    "The score ever faster from a time of the recording on, at the end by a factor."
    begin_s, end_s = score.onset_s[true_s >= from_s].min(), score.onset_s.max()
    grid_s = np.linspace(begin_s, end_s, 200)
    speed = np.geomspace(1.0, most, len(grid_s))
    after_s = np.cumsum(np.diff(grid_s, prepend=begin_s) / speed)
    moved_s = begin_s + np.interp(score.onset_s, grid_s, after_s)
    onset_s = np.where(score.onset_s < begin_s, score.onset_s, moved_s)
    return score.at_times(onset_s, onset_s + score.offset_s - score.onset_s)


def joined(samples, *spans_s) -> np.ndarray:
    "Parts of a recording one after another, faded over 10 ms at the seams."
    parts = [samples[int(a * RATE_HZ) : int(b * RATE_HZ)].copy() for a, b in spans_s]
    fade = np.linspace(0, 1, 160, dtype=np.float32)
    for part in parts:
        part[:160] *= fade
        part[-160:] *= fade[::-1]
    return np.concatenate(parts)


def usual_pace(score: Notes, true_s) -> float:
    "Seconds of the recording for one of the score."
    return float(np.polyfit(score.onset_s, true_s, 1)[0])


def without(score: Notes, kept, a_s: float) -> Notes:
    "Some notes of a score, with the gap in their middle closed."
    onset_s, offset_s = score.onset_s[kept], score.offset_s[kept]
    after = onset_s > a_s
    gap_s = onset_s[after].min() - onset_s[~after].max() - 0.3
    return Notes.from_arrays(onset_s - gap_s * after, offset_s - gap_s * after, score.pitch[kept])


def written_twice(score: Notes, true_s, a_s: float, b_s: float):  # -> score, (n,) true onsets
    "A section, by seconds of the recording, is written out twice; the second one is not played."
    begin_s = score.onset_s[true_s >= a_s].min()
    end_s = score.onset_s[true_s >= b_s].min()
    again = (score.onset_s >= begin_s) & (score.onset_s < end_s)
    later_s = np.where(score.onset_s >= end_s, end_s - begin_s, 0.0)
    notes = Notes.from_arrays(
        np.append(score.onset_s + later_s, score.onset_s[again] + end_s - begin_s),
        np.append(score.offset_s + later_s, score.offset_s[again] + end_s - begin_s),
        np.append(score.pitch, score.pitch[again]),
    )
    return notes, np.append(true_s, np.full(again.sum(), np.nan))


def is_struck(score: Notes, onset_s, pitch, within_s: float = 0.03) -> np.ndarray:  # (n,) bool
    "Which keys the score strikes at these times."
    order = np.lexsort((score.onset_s, score.pitch))
    struck, there = on_one_line(score.pitch, score.onset_s)[order], on_one_line(pitch, onset_s)
    low, high = (np.searchsorted(struck, there + d) for d in (-within_s, within_s))
    return high > low


def with_wrong_notes(score: Notes, true_s, share: float = 0.05):  # -> score, (n,) true onsets
    "Some notes a tone or a semitone off."
    rng = np.random.default_rng(1)
    wrong = rng.random(len(score)) < share
    pitch = score.pitch + wrong * rng.choice((-2, -1, 1, 2), len(score))
    wrong &= ~is_struck(score, score.onset_s, pitch)
    pitch = np.where(wrong, pitch, score.pitch)
    notes = Notes.from_arrays(score.onset_s, score.offset_s, pitch)
    return notes, np.where(wrong, np.nan, true_s)


def with_a_part(score: Notes, true_s):  # -> score, (n,) true onsets
    "Chords of C major under the music, four seconds each by the recording's clock."
    step_s = 4 / usual_pace(score, true_s)
    begin_s = np.repeat(np.arange(score.onset_s.min(), score.onset_s.max(), step_s), 4)
    pitch = np.tile((48, 55, 64, 72), len(begin_s) // 4)
    new = ~is_struck(score, begin_s, pitch)
    begin_s, pitch = begin_s[new], pitch[new]
    both = Notes.from_arrays(
        np.append(score.onset_s, begin_s),
        np.append(score.offset_s, begin_s + 0.97 * step_s),
        np.append(score.pitch, pitch),
    )
    return both, np.append(true_s, np.full(len(pitch), np.nan))


def in_chords(score: Notes, values) -> tuple:  # list of tuples of pitches, list of arrays
    "The pitches of each chord from the lowest up, and of each of these notes its value."
    begin_ms = np.round(1000 * score.onset_s)
    order = np.lexsort((score.pitch, begin_ms))
    chords = np.split(order, np.flatnonzero(np.diff(begin_ms[order])) + 1)
    return [tuple(score.pitch[rows].tolist()) for rows in chords], [values[r] for r in chords]


def alike(some: list, others: list, least: int = LEAST_ALIKE) -> np.ndarray:  # (m, 2) numbers
    "Which chords of two sequences have the same keys, in runs of at least so many."
    number = {keys: k for k, keys in enumerate(dict.fromkeys([*some, *others]))}
    a, b = (np.array([number[keys] for keys in chords]) for chords in (some, others))
    pairs = []
    for by in range(1 - len(a), len(b)):
        first = np.arange(max(-by, 0), min(len(a), len(b) - by))
        same = np.concatenate([[False], a[first] == b[first + by], [False]])
        edges = np.flatnonzero(np.diff(same.astype(int))).reshape(-1, 2)
        for begin, end in edges[np.diff(edges)[:, 0] >= least]:
            run = first[begin:end]
            pairs.append(np.stack([run, run + by], axis=1))
    return np.concatenate([np.zeros((0, 2), int), *pairs])


def played_chords(case, samples, score, true_s) -> tuple:  # as of `in_chords`, with seconds
    "What a recording plays, chord by chord in the order of the score that it was made from."
    a, b, _ = quarter_of(samples)
    if case == "twice":
        first, again = true_s < b, true_s >= a
        parts = (score[first], true_s[first]), (score[again], true_s[again] + b - a)
        return tuple(one + two for one, two in zip(*(in_chords(*part) for part in parts)))
    if case == "omitted":
        _, score, true_s = case_of(case, samples, score, true_s)
        score, true_s = score[np.isfinite(true_s)], true_s[np.isfinite(true_s)]
    return in_chords(score, true_s)


def exchanged(errors_s, here_s, said, notes: Notes, played: tuple) -> np.ndarray:  # (n,) seconds
    """Errors, NaN: not played, of notes that may each be taken for its double elsewhere.

    A double can be taken that the score does not have, or that is said to be absent, and only
    once."""
    errors_s, (played_keys, played_s) = errors_s.copy(), played
    keys, rows = in_chords(notes, np.arange(len(notes)))
    near_s, taken = LIMITS_S[-1], set()
    right = np.nan_to_num(errors_s, nan=9.0) <= near_s
    there = np.flatnonzero(np.isfinite(here_s)).tolist()
    owner = {(int(notes.pitch[n]), float(here_s[n])): n for n in there}
    for chord, place in alike(keys, played_keys):
        for n, time_s in zip(rows[chord].tolist(), played_s[place].tolist()):
            double = int(notes.pitch[n]), time_s
            away_s, mine = abs(said.onset_s[n] - time_s), owner.get(double)
            is_free = double not in taken and (mine is None or said.absent[mine])
            if right[n] or away_s > near_s or not is_free:
                continue
            taken.add(double)
            if mine is not None:
                errors_s[mine] = np.nan
            errors_s[n], right[n] = away_s, True
    return errors_s


def quarter_of(samples) -> tuple:  # seconds: where it begins and ends, and the recording's end
    "The quarter of a recording that is left out or comes twice."
    end_s = len(samples) / RATE_HZ
    return 0.35 * end_s, 0.6 * end_s, end_s


def case_of(case, samples, score, true_s):  # -> samples, score, (n,) true onsets
    "One awkward version of a piece."
    a, b, end_s = quarter_of(samples)
    if case in ("third", "three"):
        factor = usual_pace(score, true_s) * (3 if case == "third" else 1 / 3)
        return samples, at_pace(score, factor), true_s
    if case == "slowing":
        return samples, hurried(score, true_s, float(np.quantile(true_s, 0.9))), true_s
    if case == "cut":
        there = true_s < 0.7 * end_s - 0.05
        return joined(samples, (0, 0.7 * end_s)), score, np.where(there, true_s, np.nan)
    if case == "late":
        here_s = true_s - 0.3 * end_s
        return joined(samples, (0.3 * end_s, end_s)), score, np.where(here_s > 0, here_s, np.nan)
    if case == "end":
        kept = true_s > 0.6 * end_s
        return samples, score[kept].shifted(-score.onset_s[kept].min()), true_s[kept]
    if case == "omitted":
        here_s = np.where(true_s < a, true_s, np.where(true_s < b, np.nan, true_s - b + a))
        return joined(samples, (0, a), (b, end_s)), score, here_s
    if case == "twice":
        here_s = np.where(true_s < b, true_s, true_s + b - a)
        return joined(samples, (0, b), (a, end_s)), score, here_s
    if case == "once":
        return samples, *written_twice(score, true_s, a, b)
    if case == "lacks":
        kept = (true_s < a) | (true_s > b)
        last_s = score.onset_s[true_s < a].max()
        return samples, without(score, kept, last_s), true_s[kept]
    if case == "a415":
        stretched = soxr.resample(samples, RATE_HZ, RATE_HZ * 440 / 415).astype(np.float32)
        return stretched, score, true_s * 440 / 415
    if case == "wrong":
        return samples, *with_wrong_notes(score, true_s)
    if case in ("part", "track"):
        return samples, *with_a_part(score, true_s)
    return samples, score, true_s


CASES = (
    *("flat", "third", "three", "slowing", "cut", "late", "end"),
    *("omitted", "twice", "once", "lacks", "a415", "wrong", "part", "track"),
)
WITH_DOUBLES = ("omitted", "twice", "once", "lacks")


@dataclass
class Outcome:
    "What a method makes of a case, in the order of the score's notes."

    onset_s: np.ndarray  # (n,)
    matched: np.ndarray  # (n,) bool
    absent: np.ndarray  # (n,) bool: said not to be played, or not to be in the recording
    confidence: np.ndarray  # (n,)

    @classmethod
    def nothing(cls, score: Notes) -> "Outcome":
        "The score as it is."
        no = np.zeros(len(score), bool)
        return cls(score.onset_s, no, no, np.zeros(len(score)))

    @classmethod
    def joined(cls, parts: list) -> "Outcome":
        "Several pieces as one."
        columns = zip(*((p.onset_s, p.matched, p.absent, p.confidence) for p in parts))
        return cls(*map(np.concatenate, columns))


def write_two_tracks(score: Notes, second, path) -> None:
    "Write a score of which some notes, (n,) bool, lie in a second track."
    midi = pretty_midi.PrettyMIDI(resolution=960)
    for chosen in (~second, second):
        track = pretty_midi.Instrument(program=0)
        columns = score.velocity, score.pitch, score.onset_s, score.offset_s
        rows = zip(*(column[chosen].tolist() for column in columns))
        track.notes = [pretty_midi.Note(*row) for row in rows]
        midi.instruments.append(track)
    midi.write(str(path))


def outcome(method, samples, score, folder, chosen: dict, second=None) -> Outcome:
    "Run `align` on a case, with options; `second`, (n,) bool, are the notes of a second track."
    order = np.lexsort((score.onset_s, score.pitch))
    if method == "given":
        return Outcome.nothing(score)
    soundfile.write(folder / "piece.wav", np.clip(samples, -1, 1), RATE_HZ)
    if second is None:
        write_midi(score, folder / "score.mid")
    else:
        write_two_tracks(score, second, folder / "score.mid")
    try:
        result = align(folder / "piece.wav", folder / "score.mid", method=method, **chosen)
    except InputError as error:
        print(f"# {method} refused: {error}", file=sys.stderr)
        return Outcome.nothing(score)
    before = result.notes_before
    found = np.empty(len(score), np.int64)
    found[order] = np.lexsort((before.onset_s, before.pitch))
    return Outcome(
        result.notes_after.onset_s[found],
        result.matched[found],
        np.isin(result.status, (NOT_IN_RECORDING, NOT_PLAYED))[found],
        np.nan_to_num(result.confidence)[found],
    )


def said_of_absent(there, said: Outcome) -> dict:
    "What was said of the notes that are not played, in percent; empty where all are."
    if there.all():
        return dict(absent=0, **dict.fromkeys(ABOUT_ABSENT, ""))
    values = (
        said.matched[~there].mean(),
        (said.confidence[~there] > 0.8).mean(),
        said.absent[~there].mean(),
        (~there)[said.absent].mean() if said.absent.any() else 0.0,
    )
    percent = [round(100 * float(value), 1) for value in values]
    return dict(absent=int((~there).sum()), **dict(zip(ABOUT_ABSENT, percent)))


def row_of(case, method, passes, results) -> dict:
    "A row of the table from (errors of all notes, NaN: not played; `Outcome`; seconds) a piece."
    everywhere = np.concatenate([np.nan_to_num(e, nan=9.0) for e, _, _ in results])
    there = np.concatenate([np.isfinite(e) for e, _, _ in results])
    said = Outcome.joined([o for _, o, _ in results])
    results = [(e[np.isfinite(e)], o, s) for e, o, s in results]
    errors = np.concatenate([e for e, _, _ in results])
    row = dict(case=case, method=method, passes=passes, pieces=len(results), notes=len(errors))
    for limit_s in LIMITS_S:
        row[f"within_{1000 * limit_s:.0f}_pct"] = round(100 * np.mean(errors <= limit_s), 2)
    near = np.array([np.sum(e <= LIMITS_S[0]) for e, _, _ in results])
    drawn = draw_pieces(len(results))
    low, high = interval(100 * (drawn @ near) / (drawn @ [len(e) for e, _, _ in results]))
    row |= dict(low_25=round(low, 2), high_25=round(high, 2))
    row["said_pct"] = round(100 * float(said.confidence.mean()), 2)
    row["so_pct"] = round(100 * float(np.mean(everywhere <= LIMITS_S[0])), 2)
    sure = said.confidence > 0.9
    so = 100 * np.mean(everywhere[sure] <= LIMITS_S[0]) if sure.any() else np.nan
    row |= dict(surer_than_90=int(sure.sum()), of_these_so_pct=round(float(so), 2))
    row |= said_of_absent(there, said)
    row["cpu_s"] = round(sum(s for _, _, s in results), 1)
    return row


def judged(case, method, pieces, folder: Path, chosen: dict) -> dict:  # passes -> for `row_of`
    "What a method makes of a case of every piece."
    results = {"written": []} | ({"either": []} if case in WITH_DOUBLES else {})
    for _, samples, score, true_s in pieces:
        sound, notes, here_s = case_of(case, samples, score, true_s)
        second = np.isnan(here_s) if case == "track" else None
        begun = time.process_time()
        said = outcome(method, sound, notes, folder, chosen, second)
        seconds = time.process_time() - begun
        errors_s = np.abs(said.onset_s - here_s)
        results["written"].append((errors_s, said, seconds))
        if case in WITH_DOUBLES:
            played = played_chords(case, samples, score, true_s)
            errors_s = exchanged(errors_s, here_s, said, notes, played)
            results["either"].append((errors_s, said, seconds))
    return results


def write_rows(path, rows) -> None:
    "Write the table."
    with whole_file(path) as part, open(part, "w", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, rows[0], lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="corpus")
    parser.add_argument("--scores")
    parser.add_argument("--audio")
    parser.add_argument("--limit", type=int, default=6, help="pieces at most")
    parser.add_argument("--methods", nargs="+", default=["dtw", "hires", "dtw+crnn", "score"])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--weights", help="a name or a folder (default: those of `align`)")
    parser.add_argument(
        "--onsets",
        default="sound",
        choices=("sound", "keys"),
        help="what true_onset_s is (default: when a note sounds; keys for labels of MAPS)",
    )
    parser.add_argument("--csv")
    options = parser.parse_args()
    if options.scores:
        pieces = scored_pieces(options.scores, options.audio)
    else:
        pieces = demo_pieces(options.corpus)
    pieces = [piece for _, piece in zip(range(options.limit), pieces)]
    rows, chosen = [], dict(weights=options.weights, onsets=options.onsets)
    with tempfile.TemporaryDirectory() as folder:
        for case in options.cases:
            for method in ["given", *options.methods]:
                found = judged(case, method, pieces, Path(folder), chosen)
                for passes, results in found.items():
                    rows.append(row_of(case, method, passes, results))
                    print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
            if options.csv:
                write_rows(options.csv, rows)  # after every case: what is measured is kept


if __name__ == "__main__":
    main()
