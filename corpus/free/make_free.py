"""Make the free corpus: invented performances of free scores and generated pieces, many timbres.

Everything that goes in may be used by anyone for any purpose, so that weights trained on it may
be, too: README.md beside this script names each input and its terms. Notes come from `pieces.py`
and from scores that come with music21, hands from `performer.py`, sound from two free sound fonts
and the additive piano of `make_corpus.py` one folder up, whose ways of rendering and labelling
are used throughout.

    python make_free.py --soundfonts DIR --out DIR [--recordings N]
    python make_free.py --check-only --out DIR

`--soundfonts` holds the two files named in `SOUND_FONTS` of make_corpus.py. Needs what that
script needs, and music21.

Names carry their unit: `_s` seconds, `_q` quarters of the score, `_db` decibels, `_n` samples.
"""

from __future__ import annotations

import re
import sys
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import butter, lfilter

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
import make_corpus as house  # noqa: E402
import performer  # noqa: E402
import pieces  # noqa: E402

SEED = 20262
LICENCE = "CC0 1.0"
RECORDINGS = 150
VALID_SHARE = 0.08
SCORE_SHARE = 0.5  # of the recordings; the others are generated
NOTES_PER_SECOND = (2.5, 14.0)  # a score's tempo is chosen for a density in this range
QUARTER_S = (0.28, 1.6)  # but a quarter stays within this


# ---------------------------------------------------------------- timbres


@dataclass(frozen=True)
class Timbre:
    """A piano, or another preset and the keys that it has."""

    piano: house.Piano
    low: int = performer.LOWEST
    high: int = performer.HIGHEST


def preset(name: str, font: str, program: int, low: int, high: int) -> Timbre:
    piano = house.Piano(
        f"{font} {name} (bank 0, program {program})", (house.Layer(font, 0, program),)
    )
    return Timbre(piano, low, high)


ADDITIVE = [Timbre(house.ADDITIVE)]
FLUID = [
    Timbre(p) for p in (house.GRAND, house.BRIGHT, house.ELECTRIC, house.HONKY_TONK, house.LAYERED)
]
MUSESCORE = [Timbre(p) for p in (house.RECORDINGS_PIANO, house.VALID_PIANO, house.TEST_PIANO)]
OTHERS = [
    preset("Electric Piano 1", "FluidR3", 4, 21, 108),
    preset("Electric Piano 2", "FluidR3", 5, 21, 108),
    preset("Harpsichord", "FluidR3", 6, 29, 89),
    preset("Clavinet", "FluidR3", 7, 29, 96),
    preset("Celesta", "FluidR3", 8, 60, 108),
    preset("Vibraphone", "FluidR3", 11, 53, 89),
    preset("Marimba", "FluidR3", 12, 36, 96),
    preset("Dulcimer", "FluidR3", 15, 48, 88),
    preset("Nylon Guitar", "FluidR3", 24, 40, 88),
    preset("Steel Guitar", "FluidR3", 25, 40, 88),
    preset("Harp", "FluidR3", 46, 24, 103),
]
TRAIN_TIMBRES = (
    (ADDITIVE, 0.30),
    (FLUID, 0.34),
    (MUSESCORE, 0.26),
    (OTHERS, 0.10),
)  # and their shares
VALID_TIMBRES = (ADDITIVE[0], MUSESCORE[2], FLUID[1])  # in turn


# ---------------------------------------------------------------- scores


SCORES = {  # music21's name without .mxl -> (composer, work)
    "train": {
        **{f"haydn/opus74no1/movement{n}": ("Haydn", "Quartet op. 74 no. 1") for n in (1, 2, 3, 4)},
        **{f"mozart/k80/movement{n}": ("Mozart", "Quartet K. 80") for n in (1, 2, 3, 4)},
        **{f"mozart/k155/movement{n}": ("Mozart", "Quartet K. 155") for n in (1, 2, 3)},
        **{f"mozart/k458/movement{n}": ("Mozart", "Quartet K. 458") for n in (1, 2, 3, 4)},
        "mozart/k545/movement1_exposition": ("Mozart", "Sonata K. 545"),
        **{
            f"beethoven/opus18no1/movement{n}": ("Beethoven", "Quartet op. 18 no. 1")
            for n in (1, 2, 3, 4)
        },
        "beethoven/opus18no3": ("Beethoven", "Quartet op. 18 no. 3"),
        "beethoven/opus18no4": ("Beethoven", "Quartet op. 18 no. 4"),
        **{
            f"beethoven/opus59no1/movement{n}": ("Beethoven", "Quartet op. 59 no. 1")
            for n in (1, 2, 3, 4)
        },
        **{
            f"beethoven/opus59no2/movement{n}": ("Beethoven", "Quartet op. 59 no. 2")
            for n in (1, 2, 3, 4)
        },
        **{
            f"beethoven/opus59no3/movement{n}": ("Beethoven", "Quartet op. 59 no. 3")
            for n in (1, 2, 3, 4)
        },
        "beethoven/opus74": ("Beethoven", "Quartet op. 74"),
        **{
            f"schumann_robert/opus41no1/movement{n}": ("Schumann", "Quartet op. 41 no. 1")
            for n in (1, 2, 3, 4, 5)
        },
        "schumann_robert/opus48no2": ("Schumann", "Dichterliebe"),
        "cpebach/h186": ("C. P. E. Bach", "Sonata H. 186"),
        "weber/concertino_clarinet": ("Weber", "Concertino"),
        "liliuokalani/aloha_oe": ("Liliuokalani", "Aloha Oe"),
    },
    "valid": {
        **{f"mozart/k156/movement{n}": ("Mozart", "Quartet K. 156") for n in (1, 2, 4)},
        **{f"haydn/opus1no1/movement{n}": ("Haydn", "Quartet op. 1 no. 1") for n in (1, 5)},
        "beethoven/opus18no5": ("Beethoven", "Quartet op. 18 no. 5"),
    },
}
CLAIM = re.compile(
    r"©|copyright|licen[cs]e|permission|all rights|commercial|arranged by|transcri", re.I
)
RELEASED = re.compile(r"public domain|\bCC0\b", re.I)  # a claim beside one of these is none


def claims_of(text: str) -> list[str]:
    """What the text of a MusicXML file says on rights: its <rights>, credits and comments that
    claim some."""
    said = re.findall(
        r"<(?:rights|credit-words|miscellaneous-field|source|words)\b[^>]*>([^<]*)<", text
    )
    said += re.findall(r"<!--(.*?)-->", text, re.S)
    if any(RELEASED.search(words) for words in said):
        return []
    return [words.strip() for words in said if CLAIM.search(words)]


def score_text(path: Path) -> str:
    """The MusicXML inside a compressed score."""
    with zipfile.ZipFile(path) as archive:
        names = [
            n for n in archive.namelist() if n.endswith("xml") and not n.startswith("META-INF")
        ]
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in names)


@cache
def score_rows(source: str) -> np.ndarray:
    """All parts of a score as one: rows (onset, length, pitch); sounding pitch, ties joined, no
    repeats."""
    try:
        import music21  # imported here so that --check-only works without it
    except ImportError as error:
        raise house.CorpusError(f"music21 is needed for the scores: {error}") from error
    try:
        path = Path(music21.corpus.getWork(f"{source}.mxl"))
    except music21.exceptions21.Music21Exception as error:
        raise house.CorpusError(
            f"music21 comes without the score {source}: install it with its corpus"
        ) from error
    claims = claims_of(score_text(path))
    if claims:
        raise house.CorpusError(
            f"{source} states terms of its own ({claims[0][:80]!r}): leave it out"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = music21.converter.parse(path)
        score = score.toSoundingPitch(inPlace=True) or score
    rows = []
    for part in score.parts:
        notes = part.flatten().notes
        singles = [
            (float(n.offset), single)
            for n in notes
            if not isinstance(n, music21.harmony.Harmony)
            for single in getattr(n, "notes", (n,))
        ]
        rows += joined_ties(
            (
                at_q,
                float(n.duration.quarterLength),
                float(n.pitch.midi),
                n.tie.type if n.tie else "",
            )
            for at_q, n in singles
        )
    return np.array(sorted(set(rows)))


def joined_ties(notes) -> list[tuple[float, float, float]]:
    """(onset, length, pitch) of notes with a `tie` ("start", "continue", "stop" or none), by onset.

    Grace notes, which have no length, are left out.
    """
    rows: list[list[float]] = []
    tied: dict[float, list[float]] = {}  # pitch -> the row that goes on
    for onset_q, length_q, pitch, tie in notes:
        if not length_q > 0:
            continue
        row = tied.pop(pitch, None) if tie in ("continue", "stop") else None
        if row is None or abs(row[0] + row[1] - onset_q) > 1e-3:
            row = [onset_q, 0.0, pitch]
            rows.append(row)
        row[1] += length_q
        if tie in ("start", "continue"):
            tied[pitch] = row
    return [tuple(row) for row in rows]


def arranged(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moved to another key and octave; sometimes with the top or the bottom doubled in octaves."""
    rows = rows + [0, 0, rng.integers(-6, 7) + 12 * rng.choice([-1, 0, 0, 0, 1])]
    rows = rows[np.lexsort((rows[:, 2], rows[:, 0]))]
    chord = np.cumsum(np.append(False, np.diff(rows[:, 0]) > 1e-4))
    top, bottom = np.append(np.diff(chord) > 0, True), np.append(True, np.diff(chord) > 0)
    more = [
        rows[mask] + [0, 0, move]
        for mask, move in ((top, 12), (bottom, -12))
        if rng.random() < 0.35
    ]
    return np.concatenate([rows, *more])


def excerpt(
    rows: np.ndarray, seconds: float, rng: np.random.Generator
) -> tuple[np.ndarray, float, float]:
    """Rows for `seconds` from somewhere in a score, seconds a quarter, and where it starts in
    quarters.

    A score that ends too soon begins again, in another key.
    """
    length_q = float((rows[:, 0] + rows[:, 1]).max())
    wanted = np.exp(rng.uniform(*np.log(NOTES_PER_SECOND)))
    quarter_s = float(np.clip(len(rows) / length_q / wanted, *QUARTER_S))
    needed_q = seconds / quarter_s
    start_q = float(np.floor(rng.uniform(0, max(length_q - needed_q, 0) + 1e-6)))
    out, at_q, from_q = [], 0.0, start_q
    while at_q < needed_q:
        piece = arranged(rows[rows[:, 0] >= from_q - 1e-6], rng)
        out.append(piece + [at_q - from_q, 0, 0])
        at_q, from_q = at_q + length_q - from_q + 1, 0.0
    out = np.concatenate(out)
    return out[out[:, 0] < needed_q], quarter_s, start_q


# ---------------------------------------------------------------- recordings


@dataclass(frozen=True)
class Entry:
    """One recording to make; `source` is empty for a generated piece."""

    id: str
    split: str
    composer: str
    work: str
    source: str
    timbre: Timbre

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers that depend on the recording alone, not on the order of making."""
        return np.random.default_rng([SEED, zlib.crc32(f"{self.id} {purpose}".encode())])


def timbre_of(split: str, number: int) -> Timbre:
    """Dealt so that any run of recordings has nearly the shares of `TRAIN_TIMBRES`: steps of
    irrational length."""
    if split == "valid":
        return VALID_TIMBRES[number // 2 % len(VALID_TIMBRES)]
    pools, shares = zip(*TRAIN_TIMBRES, strict=True)
    pool = pools[
        min(int(np.searchsorted(np.cumsum(shares), number * 0.6180339887 % 1)), len(pools) - 1)
    ]
    return pool[int((number * 0.7548776662 + 0.5) % 1 * len(pool))]


def plan(recordings: int) -> list[Entry]:
    """All recordings, in the order of index.csv: scores and generated pieces by turns."""
    if recordings < 4:
        raise house.CorpusError(f"{recordings} recordings cannot be split: ask for four or more")
    valid = max(2, round(VALID_SHARE * recordings))
    entries = []
    for split, count in (("train", recordings - valid), ("valid", valid)):
        scores = list(SCORES[split].items())
        for number in range(count):
            source, (composer, work) = "", ("generated", f"Generated piece {split} {number:03d}")
            if int(number * SCORE_SHARE) != int((number + 1) * SCORE_SHARE):
                source, (composer, work) = scores[int(number * SCORE_SHARE) % len(scores)]
            name = re.sub(r"[^a-z0-9]+", "_", source or "generated")
            recording_id = f"{split}_{number:03d}_{name}"
            entries.append(
                Entry(recording_id, split, composer, work, source, timbre_of(split, number))
            )
    return entries


def into_range(pitch: np.ndarray, low: int, high: int) -> np.ndarray:
    """Pitches moved by octaves to where an instrument has keys (an octave or more of them)."""
    pitch = pitch + 12 * np.ceil(np.maximum(low - pitch, 0) / 12)
    return pitch - 12 * np.ceil(np.maximum(pitch - high, 0) / 12)


def played(entry: Entry) -> tuple[house.Performance, float]:
    """The notes of a recording and where its score starts, in seconds of its mean tempo."""
    rng, start_q = entry.rng("music"), 0.0
    if entry.source:
        rows, quarter_s, start_q = excerpt(score_rows(entry.source), house.EXCERPT_S, rng)
    else:
        quarter_s = float(np.exp(rng.uniform(*np.log((0.35, 1.1)))))
        rows = pieces.generate(rng, house.EXCERPT_S / quarter_s)
    pitch = into_range(rows[:, 2], entry.timbre.low, entry.timbre.high)
    rng = entry.rng("performer")
    style = performer.Style.drawn(rng, quarter_s)
    notes = house.Performance(**performer.perform(rows[:, 0], rows[:, 1], pitch, style, rng))
    lead_s = float(rng.uniform(*house.LEAD_RANGE_S))
    return house.cut_excerpt(notes, float(notes.onset_s.min()), lead_s), start_q * quarter_s


def surroundings_of(entry: Entry) -> house.Surroundings:
    "The house's variety, somewhat widened; one recording in four with a strong room or much noise."
    rng = entry.rng("surroundings")
    if entry.split == "valid":
        return house.Surroundings.light(rng)
    hard = rng.random(2) < 0.13
    return house.Surroundings(
        tuning_cents=float(rng.uniform(-30, 30)),
        reverb_s=float(rng.uniform(0.8, 1.8) if hard[0] else rng.uniform(0.15, 1.0)),
        reverb_db=float(rng.uniform(-8, -1) if hard[0] else rng.uniform(-24, -7)),
        equaliser_db=tuple(np.clip(rng.normal(0, 4.5, len(house.EQUALISER_HZ)), -10, 10)),
        noise_db=float(rng.uniform(-50, -36) if hard[1] else rng.uniform(-75, -52)),
        peak_db=float(rng.uniform(-14, -1.5)),
    )


def compressed(samples: np.ndarray, power: float) -> np.ndarray:
    """Loudness of the last 50 ms raised to `power` below 1: quiet passages come up."""
    pole = np.exp(-1 / (0.050 * house.RATE_HZ))
    loud = np.sqrt(lfilter([1 - pole], [1, -pole], samples**2))
    floor = 0.05 * loud.max()
    return samples * ((loud + floor) / (loud.max() + floor)) ** (power - 1)


def through_recorder(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a poor recorder does, each to about one recording in ten: band of a phone, compression,
    clipping."""
    peak = np.abs(samples).max()
    narrow, squeezed, clipped = rng.random(3) < 0.10
    if narrow:
        band_hz = [rng.uniform(120, 350), rng.uniform(3_000, 5_000)]
        samples = lfilter(*butter(1, band_hz, "bandpass", fs=house.RATE_HZ), samples)
    if squeezed:
        samples = compressed(samples, rng.uniform(0.5, 0.8))
    if clipped:
        limit = rng.uniform(0.35, 0.8) * np.abs(samples).max()
        samples = limit * np.tanh(samples / limit)
    return samples * peak / np.abs(samples).max()


def written(path: Path, write) -> None:
    "`write(temporary path)`, then the name that counts: a run that is stopped leaves no half file."
    part = path.with_name(f".{path.name}.part{path.suffix}")
    write(part)
    part.replace(path)


def make_entry(entry: Entry, out: Path, piano) -> dict:
    """Render one recording, write its files, return its row of index.csv."""
    wanted, start_s = played(entry)
    surroundings = surroundings_of(entry)
    dry, sounding = piano.render(wanted, house.EXCERPT_S, surroundings.tuning_cents)
    samples = house.place_in_surroundings(dry, surroundings, entry.rng("room"))
    if entry.split == "train":
        samples = through_recorder(samples, entry.rng("recorder"))
    audio = out / "audio" / f"{entry.id}.ogg"
    written(audio, lambda path: house.write_ogg(path, samples))
    written(out / "midi" / f"{entry.id}.mid", lambda path: house.write_midi(path, sounding))
    return {
        "id": entry.id,
        "split": entry.split,
        "composer": entry.composer,
        "title": entry.source or entry.work,
        "work": entry.work,
        "performer": "performer.py",
        "source": f"music21 {entry.source}.mxl" if entry.source else "pieces.py",
        "source_start_s": f"{start_s:.4f}",
        "piano": entry.timbre.piano.name,
        "license": LICENCE,
        **house.columns_of_files(audio, len(sounding)),
    }


def make_corpus(soundfonts: Path, out: Path, recordings: int) -> None:
    "All recordings, one timbre after the other: a font is large, and its delays are measured once."
    for folder in ("audio", "midi"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    entries, rows = plan(recordings), {}
    piano, name = None, ""
    for number, entry in enumerate(sorted(entries, key=lambda e: e.timbre.piano.name), 1):
        if entry.timbre.piano.name != name:
            if piano:
                piano.close()
            piano, name = None, entry.timbre.piano.name
        if not entry.timbre.piano.layers:
            piano = house.AdditivePiano(entry.rng("additive piano"))
        piano = piano or house.FontPiano(entry.timbre.piano, soundfonts)
        rows[entry.id] = make_entry(entry, out, piano)
        print(
            f"{number:3d}/{len(entries)} {entry.id}: {rows[entry.id]['notes']} notes, {name}",
            flush=True,
        )
    table = pd.DataFrame([rows[entry.id] for entry in entries])
    written(out / "index.csv", lambda path: table.to_csv(path, index=False, lineterminator="\n"))


# ---------------------------------------------------------------- checks


def kind_of(name: str) -> str:
    for kind, pool in (
        ("additive", ADDITIVE),
        ("FluidR3 pianos", FLUID),
        ("MuseScore grands", MUSESCORE),
    ):
        if name in {t.piano.name for t in pool}:
            return kind
    return "others"


def music_of(source: str) -> str:
    """Where the notes of a recording come from, by the index's `source`."""
    if source == "pieces.py":
        return "generated"
    return "scores" if source.startswith("music21") else "performances"


def print_summary(table: pd.DataFrame, notes: list[house.Performance], kind=kind_of) -> None:
    """Counts, shares of the timbres, and how keys, velocities and densities are spread."""
    totals = dict(
        files=("id", "size"),
        minutes=("duration_s", lambda d: round(d.sum() / 60, 1)),
        notes=("notes", "sum"),
        bytes=("bytes", "sum"),
    )
    print(table.groupby("split", sort=False).agg(**totals).to_string())
    print(table.groupby(table.piano.map(kind)).agg(**totals).to_string())
    print(table.groupby(table.source.map(music_of)).agg(**totals).to_string())
    keys = np.bincount(np.concatenate([n.pitch for n in notes]), minlength=128)[21:109]
    velocity = np.concatenate([n.velocity for n in notes])
    print(
        f"keys: all but {np.sum(keys == 0)} of 88 struck, least {keys.min()}, median "
        f"{np.median(keys):.0f} times; "
        f"lowest octave {keys[:12].sum()}, highest {keys[-12:].sum()}"
    )
    print("velocities, deciles:", *np.percentile(velocity, range(0, 101, 10)).astype(int))
    print("notes a recording, deciles:", *np.percentile(table.notes, range(0, 101, 10)).astype(int))
    print(f"with pedal: {sum(n.pedal_value.max() >= 64 for n in notes)} of {len(notes)}")


def check_corpus(out: Path, kind=kind_of) -> list[str]:
    """Read everything back, print what was found, return what is wrong.

    `kind(name of the piano)` names the groups that are counted.
    """
    table, problems, every, errors_s = pd.read_csv(out / "index.csv"), [], [], {}
    for row in table.itertuples():
        samples = house.read_ogg(out / "audio" / f"{row.id}.ogg")
        notes = house.read_midi(out / "midi" / f"{row.id}.mid")  # raises on same-key overlap
        problems += house.sound_problems(row, samples)
        problems += house.note_problems(row, notes, least=30)
        every.append(notes)
        errors_s.setdefault(kind(row.piano), []).append(
            house.isolated_onset_errors_s(samples, notes)
        )
    problems += house.index_problems(table, out)
    print_summary(table, every, kind)
    return problems + house.label_problems(house.print_onset_errors(errors_s))


def how_many(parser):
    parser.add_argument(
        "--recordings",
        type=int,
        default=RECORDINGS,
        help="how many, a minute each (default: %(default)s)",
    )


def main() -> int:
    return house.command_line(
        __doc__.split("\n")[0],
        lambda a: make_corpus(a.soundfonts, a.out, a.recordings),
        check_corpus,
        {"soundfonts": house.FONTS},
        how_many,
    )


if __name__ == "__main__":
    sys.exit(main())
