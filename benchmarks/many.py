"""A data set of short pairs through `align-set`: how well, how fast, with how much memory?

    python benchmarks/many.py OUT [--pairs 1000] [--cores 2]

Cuts so many pairs of 8 to 16 s out of the demo corpus, varies them, writes OUT/manifest.csv and
aligns them. The k-th pair is the same on every run and what is done is not done again, so that
--pairs 50 may be followed by --pairs 1000. A pair is of one of these groups:

    loose    every note up to 80 ms off
    late     the same, and the whole file up to 1.5 s early
    pace     the score at half to double the recording's tempo
    cut      the recording ends after two thirds of the score
    other    the score of another piece

A row is a group: shares of the played notes within 25, 50 and 100 ms, confidence, how many pairs
are said to be doubtful. Then the cost, and at its rate a plan for two collections."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import soundfile

from pianoalign.files import repo_root, write_text
from pianoalign.midi import read_midi, write_midi
from pianoalign.notes import Notes
from pianoalign.tool.sets import align_set, DONE, in_words, read_manifest, set_rows

GROUPS = ("loose", "late", "pace", "cut", "other")
LIMITS_MS = (25, 50, 100)
COLLECTIONS = {"MAESTRO": 200, "GiantMIDI-Piano": 1200}  # hours of recordings, rounded


@dataclass(frozen=True)
class Example:
    "A pair whose true onsets are known."

    name: str
    group: str
    given: Notes  # the file, by onset
    true_s: np.ndarray  # (n,) seconds; NaN: not in the recording
    samples: np.ndarray
    rate_hz: int


def cut_notes(notes: Notes, start_s: float, end_s: float) -> Notes:
    "The notes that begin in a stretch, on its own clock."
    inside = (notes.onset_s >= start_s) & (notes.onset_s < end_s)
    return notes[inside].shifted(-start_s)


def loosened(notes: Notes, rng) -> Notes:
    "Every onset up to 80 ms off, lengths kept."
    moved_s = np.maximum(notes.onset_s + rng.uniform(-0.08, 0.08, len(notes)), 0)
    return notes.at_times(moved_s, moved_s + notes.offset_s - notes.onset_s)


def scaled(notes: Notes, factor: float) -> Notes:
    "The same notes at another pace."
    return notes.at_times(notes.onset_s * factor, notes.offset_s * factor)


def varied(group: str, true: Notes, other: Notes, length_s: float, rng) -> tuple:
    "The file to give, its true onsets, and how much of the recording is kept (seconds)."
    given, true_s = loosened(true, rng), true.onset_s
    if group == "late":
        given = given.shifted(float(rng.uniform(0.2, 1.5)))
    elif group == "pace":
        given = scaled(true, float(2 ** rng.uniform(-1, 1)))
    elif group == "cut":
        length_s *= 2 / 3
        true_s = np.where(true_s < length_s - 0.05, true_s, np.nan)
    elif group == "other":
        given, true_s = other, np.full(len(other), np.nan)
    order = np.lexsort((given.pitch, given.onset_s))
    return given[order], true_s[order], length_s


def pieces(corpus: Path) -> list:  # of (path of the sound, Notes, seconds)
    "The corpus's recordings with their true notes."
    table = pd.read_csv(corpus / "index.csv")
    return [
        (corpus / "audio" / f"{row.id}.ogg", read_midi(corpus / "midi" / f"{row.id}.mid").notes)
        + (float(row.duration_s),)
        for row in table.itertuples()
    ]


def examples(corpus: Path, count: int):  # yields Example
    "Pairs cut out of the corpus; the k-th is always the same."
    sources = pieces(corpus)
    for k in range(count):
        rng = np.random.default_rng([20, k])
        path, notes, duration_s = sources[int(rng.integers(len(sources)))]
        length_s = float(rng.uniform(8, 16))
        start_s = float(rng.uniform(0, duration_s - length_s))
        true = cut_notes(notes, start_s, start_s + length_s)
        _, far, far_s = sources[int(rng.integers(len(sources)))]
        begin_s = far_s / 2
        other = cut_notes(far, begin_s, begin_s + length_s)
        group = GROUPS[k % len(GROUPS)]
        if len(true) < 10 or len(other) < 10:
            continue
        given, true_s, kept_s = varied(group, true, other, length_s, rng)
        rate_hz = soundfile.info(path).samplerate
        first = int(start_s * rate_hz)
        samples, _ = soundfile.read(path, start=first, stop=first + int(kept_s * rate_hz))
        yield Example(f"{k:04d}", group, given, true_s, samples, rate_hz)


def write_examples(folder: Path, corpus: Path, count: int) -> Path:  # the manifest
    "The files of all pairs, and their manifest. Those that are there stay."
    rows = ["audio,midi,out,group"]
    (folder / "pairs").mkdir(parents=True, exist_ok=True)
    for example in examples(corpus, count):
        place = folder / "pairs" / example.name
        if not place.with_suffix(".csv").exists():
            soundfile.write(place.with_suffix(".flac"), example.samples, example.rate_hz)
            write_midi(example.given, place.with_suffix(".mid"))
            columns = dict(pitch=example.given.pitch, true_s=example.true_s)
            pd.DataFrame(columns).to_csv(place.with_suffix(".csv"), index=False)
        rows.append(f"pairs/{example.name}.flac,pairs/{example.name}.mid,,{example.group}")
    return write_text(folder / "manifest.csv", "\n".join(rows) + "\n")


def errors_s(pair, out: Path) -> np.ndarray:  # (k,) of the notes that are played
    "How far off the aligned notes are: the k-th of a pitch is the k-th of that pitch."
    truth, found = pd.read_csv(pair.midi.with_suffix(".csv")), read_midi(out).notes
    off = []
    for pitch, some in truth.groupby("pitch"):
        found_s = np.sort(found.onset_s[found.pitch == pitch])
        off.append(found_s - some.true_s.to_numpy())
    off = np.abs(np.concatenate(off))
    return off[np.isfinite(off)]


def percent_within(off_s: np.ndarray, limit_ms: float) -> float:
    "The share of errors up to a limit; NaN without any."
    return 100 * float(np.mean(off_s <= limit_ms / 1000)) if len(off_s) else float("nan")


def show_groups(pairs: list, table, folder: Path):
    "A row a group."
    print("group   pairs  notes  " + "  ".join(f"{ms:3d} ms" for ms in LIMITS_MS), end="")
    print("  confidence %  doubtful  failed  median processor s a minute")
    for group in GROUPS:
        mine = table[table.group == group]
        whole = set(mine.pair[mine.state.isin(DONE)])
        done = [pair for pair in pairs if pair.name in whole]
        off = np.concatenate([np.zeros(0), *(errors_s(p, folder / f"{p.name}.mid") for p in done)])
        shares = [f"{percent_within(off, ms):6.1f}" for ms in LIMITS_MS]
        sure = mine.confidence_pct.astype(float).mean()
        counts = [int((mine.state == state).sum()) for state in ("doubtful", "failed")]
        print(f"{group:6s} {len(mine):6d} {len(off):6d}  {'  '.join(shares)}", end="")
        rate = 60 * (mine.cpu_s.astype(float) / mine.duration_s.astype(float)).median()
        print(f"  {sure:12.1f}  {counts[0]:8d}  {counts[1]:6d}  {rate:27.1f}")


def show_plan(table, folder: Path):
    "What it took, and what two collections would take at that rate."
    done = table[table.state.isin(DONE)]
    audio_s, cpu_s = done.duration_s.astype(float).sum(), done.cpu_s.astype(float).sum()
    rate = cpu_s / audio_s
    results = [folder / f"{name}{ending}" for name in done.pair for ending in (".mid", ".json")]
    size = sum(path.stat().st_size for path in results)
    print(
        f"\n{len(done)} pairs, {in_words(audio_s)} of audio: {60 * rate:.2f} processor seconds a "
        f"minute of audio, largest process {done.peak_mib.astype(float).max():.0f} MiB, "
        f"{size / len(done) / 1024:.1f} KiB written a pair"
    )
    print("\ncollection       hours of audio  processor hours  on 16 cores  results MiB")
    for name, hours in COLLECTIONS.items():
        work_h, mib = hours * rate, size / audio_s * hours * 3600 / 2**20
        print(f"{name:16s} {hours:14d}  {work_h:15.0f}  {work_h / 16:9.1f} h  {mib:11.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--corpus", type=Path, default=repo_root() / "corpus")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    pairs = read_manifest(write_examples(asked.out, asked.corpus, asked.pairs))
    align_set(pairs, asked.out / "aligned", asked.cores)
    table = pd.DataFrame(set_rows(pairs, asked.out / "aligned"))
    show_groups(pairs, table, asked.out / "aligned")
    show_plan(table, asked.out / "aligned")


if __name__ == "__main__":
    main()
