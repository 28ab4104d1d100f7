"""Make the instrument corpus: chorales and chamber scores played by sampled strings, winds, brass,
organs, plucked strings and voices.

Scores come with music21, the sound from two free sound fonts. Training and test share
no work, no instrument and no sample. README.md beside this script says what the
output is; the ways of rendering and labelling are those of `make_corpus.py` one folder up.

    python make_instruments.py --soundfonts DIR --out DIR
    python make_instruments.py --check-only --out DIR

`--soundfonts` holds the two files named in `SOUND_FONTS` of make_corpus.py. Needs what that
script needs, and music21.

Names carry their unit: `_s` seconds, `_q` quarters of the score, `_db` decibels, `_n` samples.
"""

from __future__ import annotations

import re
import struct
import sys
import warnings
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import make_corpus as house  # noqa: E402

SEED = 20261
LICENCE = "CC BY-NC-SA 4.0"
LEAD_S = 0.5  # silence before the first note, about
TAIL_S = 0.4  # no note is held longer than to this before the end
SECONDS = {"train": 30.0, "valid": 20.0, "test": 30.0, "solo": 12.0}


# ---------------------------------------------------------------- instruments


@dataclass(frozen=True)
class Instrument:
    """A preset of a sound font, and the keys that players of it have."""

    name: str
    family: str  # strings, woodwinds, brass, organ, plucked or voice
    font: str
    program: int
    low: int
    high: int
    chords: bool = False  # may play all parts of a score alone


def _pool(font: str, rows) -> dict[str, Instrument]:
    return {name: Instrument(name, family, font, *rest) for name, family, *rest in rows}


SEEN = _pool(
    "FluidR3",
    [  # train and valid
        ("violin", "strings", 40, 55, 98),
        ("viola", "strings", 41, 48, 88),
        ("cello", "strings", 42, 36, 80),
        ("flute", "woodwinds", 73, 60, 96),
        ("clarinet", "woodwinds", 71, 50, 91),
        ("bassoon", "woodwinds", 70, 34, 72),
        ("trumpet", "brass", 56, 54, 84),
        ("horn", "brass", 60, 36, 77),
        ("church organ", "organ", 19, 36, 96, True),
        ("nylon guitar", "plucked", 24, 40, 84, True),
        ("harpsichord", "plucked", 6, 36, 88, True),
        ("choir aahs", "voice", 52, 40, 81),
    ],
)
UNSEEN = _pool(
    "MuseScore",
    [  # test and solo
        ("string section", "strings", 48, 36, 93, True),
        ("oboe", "woodwinds", 68, 58, 91),
        ("english horn", "woodwinds", 69, 52, 81),
        ("alto sax", "woodwinds", 65, 49, 82),
        ("trombone", "brass", 57, 40, 72),
        ("tuba", "brass", 58, 28, 60),
        ("reed organ", "organ", 20, 36, 96, True),
        ("steel guitar", "plucked", 25, 40, 84, True),
        ("harp", "plucked", 46, 31, 96, True),
        ("voice oohs", "voice", 53, 40, 81),
    ],
)
POOLS = {"train": SEEN, "valid": SEEN, "test": UNSEEN, "solo": UNSEEN}

CHORALES = {
    "train": (
        "bwv253",
        "bwv254",
        "bwv255",
        "bwv256",
        "bwv257",
        "bwv258",
        "bwv259",
        "bwv260",
        "bwv261",
        "bwv262",
        "bwv263",
    ),
    "valid": ("bwv420", "bwv421"),
    "test": ("bwv300", "bwv301", "bwv302", "bwv303", "bwv304"),
    "solo": ("bwv340", "bwv341", "bwv342", "bwv343", "bwv344", "bwv345"),
}
OTHERS = {  # music21's name, composer, work, first quarter, quarters a minute
    "train": (
        ("haydn/opus1no1/movement1", "Haydn", "Quartet op. 1 no. 1", 0, 108),
        ("haydn/opus1no1/movement3", "Haydn", "Quartet op. 1 no. 1", 0, 52),
        ("haydn/opus74no1/movement1", "Haydn", "Quartet op. 74 no. 1", 60, 120),
        ("haydn/opus74no1/movement2", "Haydn", "Quartet op. 74 no. 1", 0, 76),
        ("mozart/k155/movement1", "Mozart", "Quartet K. 155", 0, 116),
        ("mozart/k155/movement2", "Mozart", "Quartet K. 155", 0, 58),
        ("mozart/k155/movement3", "Mozart", "Quartet K. 155", 0, 104),
    ),
    "valid": (("corelli/opus3no1/1grave", "Corelli", "Trio sonata op. 3 no. 1", 0, 60),),
    "test": (
        ("mozart/k156/movement1", "Mozart", "Quartet K. 156", 0, 132),
        ("mozart/k156/movement2", "Mozart", "Quartet K. 156", 0, 52),
        ("beethoven/opus18no1/movement1", "Beethoven", "Quartet op. 18 no. 1", 0, 132),
        ("beethoven/opus18no1/movement2", "Beethoven", "Quartet op. 18 no. 1", 0, 80),
    ),
    "solo": (
        ("mozart/k80/movement1", "Mozart", "Quartet K. 80", 0, 60),
        ("mozart/k80/movement2", "Mozart", "Quartet K. 80", 0, 116),
        ("mozart/k80/movement3", "Mozart", "Quartet K. 80", 0, 108),
        ("mozart/k80/movement4", "Mozart", "Quartet K. 80", 0, 110),
    ),
}


# ---------------------------------------------------------------- sound fonts


def samples_of_presets(path: Path) -> dict[int, set[str]]:
    """Program of bank 0 -> names of its samples, without what tells left from right.

    Both fonts descend from Fluid (R3), so many presets of one are those of the other.
    """
    data = path.read_bytes()
    at, chunks = data.rfind(b"pdta") + 4, {}
    while len(chunks) < 9 and at + 8 <= len(data):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        chunks[data[at : at + 4].decode()] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    rows = lambda name, form: list(struct.iter_unpack(form, chunks[name]))
    presets, instruments = rows("phdr", "<20sHHHIII"), rows("inst", "<20sH")
    names = [r[0].split(b"\0")[0].decode("latin-1") for r in rows("shdr", "<20sIIIIIBbHH")]

    def generators(bag, generator, first, last, wanted):
        bags, values = rows(bag, "<HH"), rows(generator, "<HH")
        return [
            v
            for k in range(first, last)
            for op, v in values[bags[k][0] : bags[k + 1][0]]
            if op == wanted
        ]

    def plain(name):
        name = re.sub(r"\((l|r)\)|[-_ ](l|r)$", "", name.lower())
        return re.sub(r"[^a-z0-9#]", "", name)

    found: dict[int, set[str]] = {}
    for this, after in zip(presets, presets[1:]):
        if this[2] == 0:
            used = generators("pbag", "pgen", this[3], after[3], 41)
            ids = [
                s
                for i in used
                for s in generators("ibag", "igen", instruments[i][1], instruments[i + 1][1], 53)
            ]
            found[this[1]] = {plain(names[s]) for s in ids}
    return found


def check_samples(soundfonts: Path) -> None:
    """Refuse instruments of the test that are built on samples of the training's."""
    fonts = {
        name: samples_of_presets(soundfonts / file) for name, file in house.SOUND_FONTS.items()
    }
    trained = set().union(*(fonts[i.font][i.program] for i in SEEN.values()))
    for i in UNSEEN.values():
        both = fonts[i.font][i.program] & trained
        if both:
            raise house.CorpusError(
                f"{i.name} uses samples that training hears: {sorted(both)[:5]}"
            )
    print(
        f"{sum(len(fonts[i.font][i.program]) for i in UNSEEN.values())} samples of the test, none "
        f"of them among {len(trained)} of the training"
    )


class Orchestra(house.FontPiano):
    """One sound font, one preset at a time."""

    def __init__(self, font: str, soundfonts: Path):
        self._tables: dict[str, house.AttackTable] = {}
        first = house.Layer(font, 0, 0)
        measure, house.AttackTable.measure = (
            house.AttackTable.measure,
            classmethod(lambda cls, strike: None),
        )
        try:
            super().__init__(house.Piano(font, (first,)), soundfonts)
        finally:
            house.AttackTable.measure = measure
        self._font = 1  # FluidSynth counts fonts from 1

    def choose(self, instrument: Instrument) -> None:
        if self._synth.program_select(0, self._font, 0, instrument.program) < 0:
            raise house.CorpusError(f"{instrument.font} has no preset 0:{instrument.program}")
        if instrument.name not in self._tables:
            self._reset(0.0)
            self._tables[instrument.name] = house.AttackTable.measure(self._strike)
        self.attack = self._tables[instrument.name]


# ---------------------------------------------------------------- scores


def score_parts(source: str) -> list[np.ndarray]:
    """Parts of a score, each (n, 3): onset and length in quarters, pitch."""
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = music21.corpus.parse(source)
    parts = []
    for part in score.parts:
        rows = []
        for note in part.stripTies().flatten().notes:
            length = float(note.duration.quarterLength)
            if length > 0 and not isinstance(note, music21.harmony.Harmony):
                rows += [(float(note.offset), length, p.midi) for p in note.pitches]
        parts.append(np.array(sorted(set(rows))).reshape(-1, 3))
    return [p for p in parts if len(p)]


def play(
    parts: list[np.ndarray], first_q: float, per_minute: float, length_s: float, rng
) -> list[house.Performance]:
    """Parts as people might play them: a tempo that breathes, attacks that differ, phrases that
    swell."""
    quarter_s = 60 / per_minute
    turns = [
        (rng.uniform(0.02, 0.07), rng.uniform(3, 9), rng.uniform(0, 2 * np.pi)) for _ in range(3)
    ]

    def time_s(q):
        t = (np.asarray(q) - first_q) * quarter_s
        sway = sum(a * np.sin(2 * np.pi * t / period + phase) for a, period, phase in turns)
        return LEAD_S + t + sway - sum(a * np.sin(phase) for a, _, phase in turns)

    played = []
    for part in parts:
        part = part[part[:, 0] >= first_q - 1e-6]
        lag_s, legato = rng.normal(0, 0.008), rng.uniform(0.82, 1.0)
        onset_s = time_s(part[:, 0]) + lag_s + rng.normal(0, 0.010, len(part))
        onset_s = np.maximum(onset_s, 0.15)
        offset_s = onset_s + np.maximum(
            (time_s(part[:, 0] + part[:, 1]) - time_s(part[:, 0])) * legato, 0.06
        )
        swell = 12 * np.sin(2 * np.pi * onset_s / rng.uniform(4, 10) + rng.uniform(0, 6))
        velocity = np.clip(
            np.rint(rng.uniform(66, 92) + swell + rng.normal(0, 4, len(part))), 30, 120
        ).astype(int)
        keep = onset_s < length_s - TAIL_S - 0.3
        notes = house.Performance(
            onset_s[keep],
            np.minimum(offset_s[keep], length_s - TAIL_S),
            part[keep, 2].astype(int),
            velocity[keep],
            np.empty(0),
            np.empty(0, int),
        ).sorted()
        apart = house.unambiguous_rows(notes.pitch, notes.onset_s, notes.onset_s)
        played.append(house.without_same_key_overlap(notes.take(apart)))
    return played


def cast(
    parts: list[house.Performance], pool: dict[str, Instrument], uses: dict[str, int], rng
) -> list[Instrument]:
    """An instrument for each part whose range holds it; those used least so far first."""
    chosen: list[Instrument] = []
    for part in parts:
        low, high = part.pitch.min(), part.pitch.max()
        fitting = [i for i in pool.values() if i.low <= low and high <= i.high]
        if not fitting:
            raise house.CorpusError(f"no instrument plays from {low} to {high}")
        order = sorted(fitting, key=lambda i: (i in chosen, uses.get(i.name, 0), rng.random()))
        chosen.append(order[0])
        uses[order[0].name] = uses.get(order[0].name, 0) + 1
    return chosen


# ---------------------------------------------------------------- files


def write_parts(path: Path, parts: list[house.Performance], instruments: list[Instrument]) -> None:
    "One track and one channel a part, named after its instrument; otherwise as in make_corpus.py."
    ticks = lambda t: np.rint(np.asarray(t) * house.TICKS_PER_SECOND).astype(int)
    midi = mido.MidiFile(type=1, ticks_per_beat=house.TICKS_PER_QUARTER)
    midi.tracks.append(
        mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=house.TEMPO_US_PER_QUARTER, time=0)])
    )
    for channel, (part, instrument) in enumerate(zip(parts, instruments, strict=True)):
        on, off = ticks(part.onset_s), ticks(part.offset_s)
        events = [(int(max(b, a + 1)), 0, int(p), 64) for a, b, p in zip(on, off, part.pitch)]
        events += [(int(a), 1, int(p), int(v)) for a, p, v in zip(on, part.pitch, part.velocity)]
        track, now = (
            mido.MidiTrack([mido.MetaMessage("track_name", name=instrument.name, time=0)]),
            0,
        )
        track.append(
            mido.Message("program_change", channel=channel, program=instrument.program, time=0)
        )
        for tick, kind, pitch, velocity in sorted(events):
            track.append(
                mido.Message(
                    ("note_off", "note_on")[kind],
                    channel=channel,
                    note=pitch,
                    velocity=velocity,
                    time=tick - now,
                )
            )
            now = tick
        midi.tracks.append(track)
    midi.save(path)


def read_parts(path: Path) -> dict[int, house.Performance]:
    """Channel -> its notes; refuses a key struck while held on its channel."""
    held, rows, now_s = {}, {}, 0.0
    for message in mido.MidiFile(path):
        now_s += message.time
        if message.type == "note_on":
            if (message.channel, message.note) in held:
                raise house.CorpusError(
                    f"{path.name}: key {message.note} struck while held, at {now_s:.4f} s"
                )
            held[message.channel, message.note] = now_s, message.velocity
        elif message.type == "note_off":
            onset_s, velocity = held.pop((message.channel, message.note))
            rows.setdefault(message.channel, []).append((onset_s, now_s, message.note, velocity))
    if held:
        raise house.CorpusError(f"{path.name}: keys never released: {sorted(held)}")
    tables = {channel: np.array(r, float) for channel, r in rows.items()}
    return {
        channel: house.Performance(
            t[:, 0],
            t[:, 1],
            t[:, 2].astype(int),
            t[:, 3].astype(int),
            np.empty(0),
            np.empty(0, int),
        ).sorted()
        for channel, t in tables.items()
    }


@dataclass(frozen=True)
class Entry:
    """One recording to make."""

    id: str
    split: str
    source: str
    composer: str
    work: str
    first_q: float
    per_minute: float
    solo: str = ""  # instrument that plays alone

    def rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([SEED, zlib.crc32(f"{self.id} {purpose}".encode())])


def chorale(number: str, per_minute: float) -> tuple:
    """A chorale of Bach's as a row of `OTHERS`."""
    return f"bach/{number}", "Bach", f"Chorale {number.upper()}", 0, per_minute


def ensemble_entries(split: str) -> list[Entry]:
    """The chorales of a split, each at a tempo of its own, then its other scores."""
    tempi = {number: 72 + zlib.crc32(number.encode()) % 20 for number in CHORALES[split]}
    named = [(number, chorale(number, tempo)) for number, tempo in tempi.items()]
    named += [(row[0].replace("/", "_"), row) for row in OTHERS[split]]
    return [Entry(f"{split}_{name}", split, *row) for name, row in named]


def solo_entries() -> list[Entry]:
    """One recording for each instrument of the test, alone.

    Whoever plays chords has a whole chorale, the others a part of a quartet or, when these are
    used up, of a chorale."""
    chorales = [chorale(number, 76) for number in CHORALES["solo"]]
    quartets, entries = list(OTHERS["solo"]), []
    for instrument in UNSEEN.values():
        row = (chorales if instrument.chords or not quartets else quartets).pop(0)
        name = instrument.name.replace(" ", "_")
        entries.append(Entry(f"solo_{name}", "solo", *row, instrument.name))
    return entries


def plan() -> list[Entry]:
    """All recordings, in the order of index.csv."""
    splits = ("train", "valid", "test")
    return [entry for split in splits for entry in ensemble_entries(split)] + solo_entries()


def solo_parts(parts: list[house.Performance], instrument: Instrument) -> list[house.Performance]:
    "What one instrument can play alone: all parts as one, or the busiest part that fits its range."
    if instrument.chords:
        table = {
            name: np.concatenate([getattr(p, name) for p in parts])
            for name in ("onset_s", "offset_s", "pitch", "velocity")
        }
        whole = replace(parts[0], **table).sorted()
        keep = whole.take(house.unambiguous_rows(whole.pitch, whole.onset_s, whole.onset_s))
        return [house.without_same_key_overlap(keep)]
    fits = lambda p: np.mean((p.pitch >= instrument.low) & (p.pitch <= instrument.high))
    best = max(parts, key=lambda p: (fits(p), len(p)))
    return [best.take((best.pitch >= instrument.low) & (best.pitch <= instrument.high))]


def make_entry(
    entry: Entry, out: Path, orchestras: dict[str, Orchestra], uses: dict[str, int]
) -> dict:
    """Render one recording, write its files, return its row of index.csv."""
    length_s, pool = SECONDS[entry.split], POOLS[entry.split]
    parts = play(
        score_parts(entry.source), entry.first_q, entry.per_minute, length_s, entry.rng("play")
    )
    parts = [p for p in parts if len(p) >= 5]
    if entry.solo:
        instruments = [pool[entry.solo]]
        parts = solo_parts(parts, instruments[0])
    else:
        instruments = cast(parts, pool, uses, entry.rng("cast"))
    rng = entry.rng("surroundings")
    surroundings = (
        house.Surroundings.varied(rng) if entry.split == "train" else house.Surroundings.light(rng)
    )
    dry, sounding = 0, []
    for part, instrument in zip(parts, instruments, strict=True):
        orchestra = orchestras[instrument.font]
        orchestra.choose(instrument)
        sound, notes = orchestra.render(part, length_s, surroundings.tuning_cents)
        sounding.append(replace(notes, offset_s=np.minimum(notes.offset_s, length_s - 0.05)))
        loud = np.sqrt(np.mean(np.square(sound)))
        dry = dry + sound / loud * 10 ** (rng.uniform(-3, 3) / 20)
    samples = house.place_in_surroundings(dry, surroundings, rng)
    audio = out / "audio" / f"{entry.id}.ogg"
    house.write_ogg(audio, samples)
    write_parts(out / "midi" / f"{entry.id}.mid", sounding, instruments)
    return {
        "id": entry.id,
        "split": entry.split,
        "composer": entry.composer,
        "work": entry.work,
        "source": entry.source,
        "source_start_q": f"{entry.first_q:g}",
        "quarters_a_minute": f"{entry.per_minute:g}",
        "instruments": ";".join(i.name for i in instruments),
        "families": ";".join(i.family for i in instruments),
        "sound_font": instruments[0].font,
        "license": LICENCE,
        **house.columns_of_files(audio, sum(map(len, sounding))),
    }


def make_corpus(soundfonts: Path, out: Path) -> None:
    check_samples(soundfonts)
    for folder in ("audio", "midi"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    orchestras = {font: Orchestra(font, soundfonts) for font in house.SOUND_FONTS}
    rows, uses = [], {split: {} for split in SECONDS}
    for entry in plan():
        rows.append(make_entry(entry, out, orchestras, uses[entry.split]))
        print(
            f"{entry.id}: {rows[-1]['instruments']}, {rows[-1]['notes']} notes, "
            f"{rows[-1]['bytes']} bytes",
            flush=True,
        )
    pd.DataFrame(rows).to_csv(out / "index.csv", index=False, lineterminator="\n")


# ---------------------------------------------------------------- checks


def check_corpus(out: Path) -> list[str]:
    """Read everything back, print what was found, return what is wrong."""
    table, problems, errors_s = pd.read_csv(out / "index.csv"), [], {}

    def expect(condition, message):
        if not condition:
            problems.append(message)

    for row in table.itertuples():
        samples = house.read_ogg(out / "audio" / f"{row.id}.ogg")
        parts, names = read_parts(out / "midi" / f"{row.id}.mid"), row.instruments.split(";")
        problems += house.sound_problems(row, samples)
        expect(sorted(parts) == list(range(len(names))), f"{row.id}: parts")
        expect(
            sum(map(len, parts.values())) == row.notes and row.notes >= 10,
            f"{row.id}: number of notes",
        )
        for channel, part in parts.items():
            instrument = POOLS[row.split][names[channel]]
            expect(
                part.pitch.min() >= instrument.low and part.pitch.max() <= instrument.high,
                f"{row.id}: range of {instrument.name}",
            )
            expect(part.offset_s.max() <= row.duration_s, f"{row.id}: note after the end")
        if row.split == "solo":
            errors_s[names[0]] = house.isolated_onset_errors_s(samples, parts[0])
    problems += house.index_problems(table, out)
    expect(not set(SEEN) & set(UNSEEN), "an instrument stands in training and test")
    print(
        table.groupby("split", sort=False)
        .agg(
            files=("id", "size"),
            minutes=("duration_s", lambda d: round(d.sum() / 60, 2)),
            notes=("notes", "sum"),
            bytes=("bytes", "sum"),
        )
        .to_string()
    )
    print("all bytes:", table.bytes.sum())
    print("Onsets found in the decoded files minus labels, isolated notes of solos, ms:")
    for name, seconds in errors_s.items():
        if len(seconds):
            ms = 1e3 * seconds
            print(
                f"  {name}: {len(ms)} notes, median {np.median(ms):+.2f}, largest "
                f"{np.abs(ms).max():.2f}"
            )
    ms = 1e3 * np.concatenate(list(errors_s.values()))
    expect(np.median(np.abs(ms)) < 1, "median onset error of isolated notes is 1 ms or more")
    return problems


def main() -> int:
    return house.command_line(
        __doc__.split("\n")[0],
        lambda a: make_corpus(a.soundfonts, a.out),
        check_corpus,
        {"soundfonts": house.FONTS},
    )


if __name__ == "__main__":
    sys.exit(main())
