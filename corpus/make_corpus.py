"""Make the demo corpus: piano recordings whose notes are known to the millisecond.

Played notes and loosely aligned scores come from a note-aligned set of piano
performances derived from (n)ASAP; the sound comes from free sound fonts and from
a small additive piano written out below. README.md beside this script says what
the input looks like, what the output is and how exact it is.

    python make_corpus.py --asap DIR --soundfonts DIR --out DIR

`--asap` holds `index.csv` and `performances/<id>.npz`; `--soundfonts` holds the
two sound font files named in `SOUND_FONTS`. Needs numpy, scipy, pandas, mido,
soundfile, soxr, pyfluidsynth and the FluidSynth library.

Names carry their unit: `_s` seconds, `_ms` milliseconds, `_hz` hertz, `_db`
decibels, `_n` samples. Notes are stored where the sound rises, not where the key
is pressed: `attack_delay_s` defines "rises", `AttackTable` holds the difference.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np
import pandas as pd
import soundfile
import soxr
from scipy.interpolate import CubicSpline
from scipy.signal import fftconvolve, lfilter

SEED = 20260

RATE_HZ = 16_000  # of the files written
SYNTH_RATE_HZ = 48_000  # of FluidSynth; three times RATE_HZ
SYNTH_BLOCK_N = 64  # FluidSynth acts on events at the borders of such blocks only
SYNTH_BLOCK_S = SYNTH_BLOCK_N / SYNTH_RATE_HZ

TICKS_PER_QUARTER = 4_800
TEMPO_US_PER_QUARTER = 500_000  # 120 quarters a minute
TICKS_PER_SECOND = TICKS_PER_QUARTER * 1_000_000 / TEMPO_US_PER_QUARTER

VORBIS_LEVEL = 0.82  # soundfile's compression_level; about 27 kbit/s at 16 kHz mono
WRITE_BLOCK_N = 65_536  # libsndfile can crash on one very long write of Vorbis

EXCERPT_S = 60.0
LEAD_RANGE_S = (0.3, 0.6)  # silence before the first note
LAST_ONSET_MARGIN_S = 0.25  # no note starts later than this before the end
FADE_S = 0.030
NOTES_PER_MINUTE_RANGE = (150, 900)
SHORTEST_RENDERED_S = 0.020

RECORDING_IDS = (
    "bach_prelude_bwv_891_blinov04m",
    "beethoven_piano_sonatas_5_1_wong01",
    "beethoven_piano_sonatas_18_2_no_repeat_schmitt01",
    "chopin_etudes_op_10_8_leehwakyu02",
    "haydn_keyboard_sonatas_48_2_prjevalskayam03m",
    "mozart_piano_sonatas_12_1_tet01",
)
RECORDING_LONGEST_S = 180.0  # a longer one is cut at the last barline before this
RECORDING_LEAD_S = 0.5
RECORDING_TAIL_S = 0.5
LARGEST_TRUSTED_DEV_S = 0.250  # beyond this the match itself is doubtful
SAME_KEY_SHORTEST_GAP_S = 0.030  # between two onsets of one key in the score
ORNAMENT_S = 0.060  # written length of a grace note in the loose score

PUBLISHED_UNALIGNED_ROW = (30.56, 27.78, 19.69, 20.67, 47.56, 82.68, 98.34)


# ---------------------------------------------------------------- pianos


@dataclass(frozen=True)
class Layer:
    """One preset of one sound font; `level` is its share in a layered piano."""

    font: str
    bank: int
    program: int
    level: float = 1.0


@dataclass(frozen=True)
class Piano:
    """A named timbre: one or two sound font layers, or none for the additive piano."""

    name: str
    layers: tuple[Layer, ...] = ()


SOUND_FONTS = {"FluidR3": "FluidR3_GM.sf2", "MuseScore": "MuseScore_General_Full.sf3"}

GRAND = Piano("FluidR3 Yamaha Grand Piano (bank 0, program 0)", (Layer("FluidR3", 0, 0),))
BRIGHT = Piano("FluidR3 Bright Yamaha Grand (bank 0, program 1)", (Layer("FluidR3", 0, 1),))
ELECTRIC = Piano("FluidR3 Electric Piano (bank 0, program 2)", (Layer("FluidR3", 0, 2),))
HONKY_TONK = Piano("FluidR3 Honky Tonk (bank 0, program 3)", (Layer("FluidR3", 0, 3),))
LAYERED = Piano(
    "FluidR3 Yamaha Grand Piano + Electric Piano (programs 0 and 2)",
    (Layer("FluidR3", 0, 0, 0.8), Layer("FluidR3", 0, 2, 0.6)),
)
ADDITIVE = Piano("additive piano of make_corpus.py, own parameters for each recording")
VALID_PIANO = Piano(
    "MuseScore General HQ Bright Grand Piano (bank 0, program 1)", (Layer("MuseScore", 0, 1),)
)
TEST_PIANO = Piano(
    "MuseScore General HQ Mellow Grand Piano (bank 8, program 0)", (Layer("MuseScore", 8, 0),)
)
RECORDINGS_PIANO = Piano(
    "MuseScore General HQ Grand Piano (bank 0, program 0)", (Layer("MuseScore", 0, 0),)
)

TRAIN_PIANOS = (
    [GRAND] * 11
    + [BRIGHT] * 10
    + [ELECTRIC] * 7
    + [HONKY_TONK] * 4
    + [LAYERED] * 6
    + [ADDITIVE] * 16
)
SPLIT_SIZES = {"train": len(TRAIN_PIANOS), "valid": 12, "test": 12}


class CorpusError(Exception):
    """A condition the user can act on; the message says what and where."""


# ---------------------------------------------------------------- notes


@dataclass(frozen=True)
class Performance:
    """Notes sorted by onset, then pitch, and the sustain pedal. Times in seconds."""

    onset_s: np.ndarray
    offset_s: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    pedal_s: np.ndarray
    pedal_value: np.ndarray

    def __len__(self) -> int:
        return len(self.pitch)

    def take(self, rows: np.ndarray) -> Performance:
        """The notes at `rows`; the pedal stays whole."""
        return replace(
            self,
            onset_s=self.onset_s[rows],
            offset_s=self.offset_s[rows],
            pitch=self.pitch[rows],
            velocity=self.velocity[rows],
        )

    def sorted(self) -> Performance:
        return self.take(np.lexsort((self.pitch, self.onset_s)))


def without_same_key_overlap(notes: Performance) -> Performance:
    """End each note at the next onset of its key at the latest."""
    offset_s = notes.offset_s.copy()
    for pitch in np.unique(notes.pitch):
        rows = np.flatnonzero(notes.pitch == pitch)
        rows = rows[np.argsort(notes.onset_s[rows], kind="stable")]
        offset_s[rows[:-1]] = np.minimum(offset_s[rows[:-1]], notes.onset_s[rows[1:]])
    return replace(notes, offset_s=offset_s)


def write_midi(path: Path, notes: Performance) -> None:
    """One track at tempo 120; a tick is about 0.1 ms; key-up is note-off."""
    note_off, pedal, note_on = 0, 1, 2  # order within one tick
    onset_tick = np.rint(notes.onset_s * TICKS_PER_SECOND).astype(int)
    offset_tick = np.rint(notes.offset_s * TICKS_PER_SECOND).astype(int)
    events = []
    for row in range(len(notes)):
        pitch, velocity = int(notes.pitch[row]), int(notes.velocity[row])
        events.append((onset_tick[row], note_on, pitch, velocity))
        events.append((max(offset_tick[row], onset_tick[row] + 1), note_off, pitch, 64))
    for time_s, value in zip(notes.pedal_s, notes.pedal_value, strict=True):
        events.append((int(round(time_s * TICKS_PER_SECOND)), pedal, 64, int(value)))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO_US_PER_QUARTER, time=0)])
    track.append(mido.Message("program_change", program=0, time=0))
    now_tick = 0
    for tick, kind, number, value in sorted(events):
        delta = int(tick - now_tick)
        if kind == pedal:
            message = mido.Message("control_change", control=number, value=value, time=delta)
        else:
            name = "note_on" if kind == note_on else "note_off"
            message = mido.Message(name, note=number, velocity=value, time=delta)
        track.append(message)
        now_tick = tick
    midi = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[track])
    midi.save(path)


def read_midi(path: Path) -> Performance:
    """Read a file written by `write_midi` (one tempo, no overlap on a key)."""
    now_s, held, rows, pedal = 0.0, {}, [], []
    for message in mido.MidiFile(path):
        now_s += message.time
        if message.type == "note_on":
            if message.note in held:
                raise CorpusError(
                    f"{path.name}: key {message.note} struck while held, at {now_s:.4f} s"
                )
            held[message.note] = (now_s, message.velocity)
        elif message.type == "note_off":
            onset_s, velocity = held.pop(message.note)
            rows.append((onset_s, now_s, message.note, velocity))
        elif message.type == "control_change" and message.control == 64:
            pedal.append((now_s, message.value))
    if held:
        raise CorpusError(f"{path.name}: keys never released: {sorted(held)}")
    table, pedals = np.array(rows, float).reshape(-1, 4), np.array(pedal, float).reshape(-1, 2)
    return Performance(
        table[:, 0],
        table[:, 1],
        table[:, 2].astype(int),
        table[:, 3].astype(int),
        pedals[:, 0],
        pedals[:, 1].astype(int),
    ).sorted()


# ---------------------------------------------------------------- performances


def load_arrays(asap: Path, performance_id: str) -> dict[str, np.ndarray]:
    path = asap / "performances" / f"{performance_id}.npz"
    if not path.is_file():
        raise CorpusError(f"performance not found: {path}")
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def played_notes(arrays: dict[str, np.ndarray]) -> Performance:
    return Performance(
        onset_s=arrays["onset"] / 1e4,
        offset_s=arrays["offset"] / 1e4,
        pitch=arrays["pitch"].astype(int),
        velocity=arrays["velocity"].astype(int),
        pedal_s=arrays["pedal_time"] / 1e4,
        pedal_value=arrays["pedal_value"].astype(int),
    )


def choose_excerpt_start(notes: Performance, rng: np.random.Generator) -> float | None:
    """Onset to start at: a usual density, and as few keys held over as can be found."""
    last_start_s = notes.onset_s[-1] - EXCERPT_S + 1.0
    candidates_s = np.unique(notes.onset_s[notes.onset_s <= max(last_start_s, notes.onset_s[0])])
    candidates_s = rng.permutation(candidates_s)[:60]
    best: tuple[int, float] | None = None
    for start_s in candidates_s:
        inside = (notes.onset_s >= start_s) & (notes.onset_s < start_s + EXCERPT_S)
        per_minute = inside.sum() * 60 / EXCERPT_S
        if not NOTES_PER_MINUTE_RANGE[0] <= per_minute <= NOTES_PER_MINUTE_RANGE[1]:
            continue
        held = int(((notes.onset_s < start_s) & (notes.offset_s > start_s)).sum())
        if best is None or held < best[0]:
            best = (held, float(start_s))
    return None if best is None else best[1]


def cut_excerpt(notes: Performance, start_s: float, lead_s: float) -> Performance:
    """The notes from `start_s` on, moved to `lead_s`, ended where the excerpt ends."""
    shift_s = lead_s - start_s
    rows = np.flatnonzero(
        (notes.onset_s >= start_s) & (notes.onset_s + shift_s <= EXCERPT_S - LAST_ONSET_MARGIN_S)
    )
    cut = notes.take(rows)
    return replace(
        cut,
        onset_s=cut.onset_s + shift_s,
        offset_s=np.minimum(cut.offset_s + shift_s, EXCERPT_S - FADE_S),
        **cut_pedal(notes, shift_s, EXCERPT_S),
    )


def cut_pedal(notes: Performance, shift_s: float, duration_s: float) -> dict[str, np.ndarray]:
    """Pedal events moved by `shift_s`; the state at 0 is written as an event at 0."""
    time_s = notes.pedal_s + shift_s
    before = np.flatnonzero(time_s <= 0)
    inside = np.flatnonzero((time_s > 0) & (time_s < duration_s))
    start_value = notes.pedal_value[before[-1]] if len(before) else 0
    return {
        "pedal_s": np.concatenate([[0.0], time_s[inside]]),
        "pedal_value": np.concatenate([[start_value], notes.pedal_value[inside]]).astype(int),
    }


def choose_performances(
    index: pd.DataFrame, split: str, count: int, closed_works: set[str], rng: np.random.Generator
) -> pd.DataFrame:
    """Take turns among the composers; within one prefer works, then titles, not yet taken."""
    long_enough = index.duration_s >= EXCERPT_S + 5
    usual_density = (index.notes / index.duration_s * 60).between(*NOTES_PER_MINUTE_RANGE)
    open_works = ~index.work.isin(closed_works)
    pool = index[(index.split == split) & open_works & long_enough & usual_density]
    pool = pool.iloc[rng.permutation(len(pool))]
    chosen: list[int] = []
    while len(chosen) < count:
        size_before = len(chosen)
        for composer in sorted(pool.composer.unique()):
            taken = index.loc[chosen]
            rest = pool[(pool.composer == composer) & ~pool.title.isin(taken.title)]
            fresh = rest[~rest.work.isin(taken.work)]
            choice = fresh if len(fresh) else rest
            if len(choice) and len(chosen) < count:
                chosen.append(choice.index[0])
        if len(chosen) == size_before:
            raise CorpusError(f"split {split}: only {size_before} of {count} performances found")
    return index.loc[chosen]


# ---------------------------------------------------------------- recordings on a metronome


@dataclass(frozen=True)
class Recording:
    """A performance warped onto a metronome and its loose score, note by note."""

    played: Performance
    score: Performance


def soft_ms(x_ms: np.ndarray) -> np.ndarray:
    return 100 * np.tanh(x_ms / 100)


def last_barline_beat(arrays: dict[str, np.ndarray], beat_s: float) -> float:
    """Beat of the last downbeat that lies within RECORDING_LONGEST_S of the first note."""
    first_beat = arrays["score_beat"][arrays["match"] == 1].min() / 10080
    downbeats = np.flatnonzero(arrays["beat_down"] == 1)
    fitting = downbeats[(downbeats - first_beat) * beat_s <= RECORDING_LONGEST_S]
    return float(fitting[-1])


def warp_to_metronome(arrays: dict[str, np.ndarray], bpm: float, beat_quarters: float) -> Recording:
    """Keep the player's micro-timing, bound the drift, put the rest on a metronome.

    The input's own recipe: onset = grid + D + soft(dev4) with
    D = 45 tanh(1.1 drift32 / 45) ms; other times follow the piecewise linear map
    through (onset - dev4 -> grid + D) of the matched notes that are no ornaments.
    """
    notes, beat_s = played_notes(arrays), 60.0 / bpm
    matched = arrays["match"] == 1
    beat = arrays["score_beat"] / 10080
    dev_s = arrays["dev4"] / 1e4
    grid_s = beat * beat_s
    drift_s = 45 * np.tanh(1.1 * arrays["drift32"].astype(float) / 45) / 1e3
    ornament = (arrays["flags"] & 1) == 1

    anchors = np.flatnonzero(matched & ~ornament)
    anchors = anchors[np.argsort(beat[anchors], kind="stable")]
    from_s, first = np.unique((notes.onset_s - dev_s)[anchors], return_index=True)
    to_s = np.maximum.accumulate((grid_s + drift_s)[anchors][first])

    def mapped_s(time_s: np.ndarray) -> np.ndarray:
        """The map F; outside its points it goes on at the mean tempo of the piece."""
        slope = (to_s[-1] - to_s[0]) / (from_s[-1] - from_s[0])
        inside = np.interp(time_s, from_s, to_s)
        return inside + slope * (
            np.minimum(time_s - from_s[0], 0) + np.maximum(time_s - from_s[-1], 0)
        )

    onset_s = grid_s + drift_s + soft_ms(dev_s * 1e3) / 1e3
    offset_s = onset_s + mapped_s(notes.offset_s) - mapped_s(notes.onset_s)
    offset_s = np.maximum(offset_s, onset_s + SHORTEST_RENDERED_S)

    kept = np.flatnonzero(
        matched
        & (np.abs(dev_s) <= LARGEST_TRUSTED_DEV_S)
        & (beat < last_barline_beat(arrays, beat_s))
    )
    score_length_s = arrays["score_dur_q"] / 10080 / beat_quarters * beat_s
    score_length_s = np.where(ornament, ORNAMENT_S, np.maximum(score_length_s, SHORTEST_RENDERED_S))
    kept = kept[unambiguous_rows(notes.pitch[kept], grid_s[kept], onset_s[kept])]

    shift_s = RECORDING_LEAD_S - min(grid_s[kept].min(), onset_s[kept].min())
    played = replace(
        notes.take(kept), onset_s=onset_s[kept] + shift_s, offset_s=offset_s[kept] + shift_s
    )
    score = replace(
        notes.take(kept),
        onset_s=grid_s[kept] + shift_s,
        offset_s=(grid_s + score_length_s)[kept] + shift_s,
        velocity=np.full(len(kept), 64),
        pedal_s=np.empty(0),
        pedal_value=np.empty(0, int),
    )
    end_s = played.offset_s.max()
    moved_pedal = replace(notes, pedal_s=mapped_s(notes.pedal_s))
    pedal = cut_pedal(moved_pedal, shift_s, end_s)
    pedal["pedal_s"] = np.append(pedal["pedal_s"], end_s)
    pedal["pedal_value"] = np.append(pedal["pedal_value"], 0)
    return Recording(
        without_same_key_overlap(replace(played, **pedal)), without_same_key_overlap(score)
    )


def unambiguous_rows(pitch: np.ndarray, score_s: np.ndarray, played_s: np.ndarray) -> np.ndarray:
    """Rows left when, on each key, score order and played order agree with room to spare.

    Of two neighbours on one key whose order differs, or whose onsets lie closer
    than SAME_KEY_SHORTEST_GAP_S in either, both are dropped until none is left.
    """
    kept = np.ones(len(pitch), bool)
    for key in np.unique(pitch):
        rows = np.flatnonzero(pitch == key)
        rows = rows[np.lexsort((played_s[rows], score_s[rows]))]
        while len(rows) > 1:
            closest = np.minimum(np.diff(score_s[rows]), np.diff(played_s[rows]))
            bad = np.flatnonzero(closest < SAME_KEY_SHORTEST_GAP_S)
            if not len(bad):
                break
            kept[rows[[bad[0], bad[0] + 1]]] = False
            rows = np.delete(rows, [bad[0], bad[0] + 1])
    return np.flatnonzero(kept)


# ---------------------------------------------------------------- sound


def attack_delay_s(samples: np.ndarray, from_s: float = 0.0, share: float = 0.1) -> float:
    """Time after `from_s` at which |samples| first passes `share` of its largest within 50 ms.

    Samples at RATE_HZ. Where the result is a label, `share` is 0.1.
    """
    window = np.abs(samples[int(round(from_s * RATE_HZ)) :][: int(0.050 * RATE_HZ)])
    return float(np.argmax(window >= share * window.max()) / RATE_HZ)


@dataclass(frozen=True)
class AttackTable:
    """Delay from key-down to the rise of the sound, by pitch and velocity.

    Sampled pianos change sample, and so delay, every few keys and at some velocity:
    a smooth curve over the keys would be wrong by milliseconds, hence a table.
    """

    velocities: np.ndarray
    measured_s: np.ndarray  # 128 pitches by velocities; outside 21..108 the nearest key's
    residual_s: np.ndarray  # measured minus table at velocities between those of the table

    @classmethod
    def measure(cls, strike, pitch_step: int = 1) -> AttackTable:
        """`strike(pitch, velocity)` gives samples at RATE_HZ that start at key-down."""
        pitches = np.arange(21, 109, pitch_step)
        velocities = np.arange(8, 128, 8)
        measured_s = np.array(
            [[attack_delay_s(strike(p, v)) for v in velocities] for p in pitches.tolist()]
        )
        by_pitch_s = np.stack(
            [np.interp(np.arange(128), pitches, column) for column in measured_s.T], axis=1
        )
        table = cls(velocities, by_pitch_s, np.empty(0))
        between = [(p, v) for p in pitches.tolist()[::3] for v in (37, 53, 69, 85, 101)]
        found_s = np.array([attack_delay_s(strike(p, v)) for p, v in between])
        pitch, velocity = np.array(between).T
        return replace(table, residual_s=found_s - table.delay_s(pitch, velocity))

    def delay_s(self, pitch: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        """Delay of each note; the nearest velocity measured stands for its own."""
        column = np.abs(np.asarray(velocity)[:, None] - self.velocities).argmin(axis=1)
        return self.measured_s[pitch, column]


class FontPiano:
    """FluidSynth driven event by event, every event on the border of a block."""

    def __init__(self, piano: Piano, soundfonts: Path):
        try:  # imported here so that --check-only works without the library
            import fluidsynth
        except ImportError as error:
            raise CorpusError(
                f"pyfluidsynth and the FluidSynth library are needed: {error}"
            ) from error

        # The wrapper offers 16-bit samples only; take the library's own float function.
        self._write_float = fluidsynth._fl.fluid_synth_write_float
        address, integer = ctypes.c_void_p, ctypes.c_int
        self._write_float.argtypes = (
            address,
            integer,
            address,
            integer,
            integer,
            address,
            integer,
            integer,
        )
        self._synth = fluidsynth.Synth(
            gain=0.15,
            samplerate=SYNTH_RATE_HZ,
            channels=16,
            **{
                "synth.reverb.active": 0,
                "synth.chorus.active": 0,
                "synth.polyphony": 1024,
                "synth.cpu-cores": 1,
            },
        )
        self._layers = piano.layers
        for channel, layer in enumerate(piano.layers):
            path = soundfonts / SOUND_FONTS[layer.font]
            if not path.is_file():
                raise CorpusError(f"sound font not found: {path}")
            font = self._synth.sfload(str(path))
            if font < 0 or self._synth.program_select(channel, font, layer.bank, layer.program) < 0:
                raise CorpusError(f"{path.name} has no preset {layer.bank}:{layer.program}")
        self._reset(0.0)
        self.attack = AttackTable.measure(self._strike)

    def close(self) -> None:
        self._synth.delete()

    def _reset(self, tuning_cents: float) -> None:
        fine = int(round(8192 + tuning_cents / 100 * 8192))
        for channel, layer in enumerate(self._layers):
            for control, value in (
                (120, 0),
                (64, 0),
                (7, int(round(100 * layer.level**0.5))),
                (101, 0),
                (100, 1),
                (6, fine >> 7),
                (38, fine & 127),
                (101, 127),
                (100, 127),
            ):
                self._synth.cc(channel, control, value)
        self._blocks(400)

    def _blocks(self, count: int) -> np.ndarray:
        """The next `count` blocks, both channels mixed, at SYNTH_RATE_HZ."""
        n = count * SYNTH_BLOCK_N
        buffer = np.zeros(2 * n, np.float32)
        address = buffer.ctypes.data
        self._write_float(self._synth.synth, n, address, 0, 2, address, 1, 2)
        return buffer.reshape(-1, 2).mean(axis=1)

    def _strike(self, pitch: int, velocity: int) -> np.ndarray:
        before = self._blocks(75)  # 0.1 s of silence, so that resampling has room
        for channel in range(len(self._layers)):
            self._synth.noteon(channel, pitch, velocity)
        sound = np.concatenate([before, self._blocks(75)])
        for channel in range(len(self._layers)):
            self._synth.cc(channel, 120, 0)
        self._blocks(8)
        return soxr.resample(sound, SYNTH_RATE_HZ, RATE_HZ, quality="VHQ")[1600:]

    def render(
        self, wanted: Performance, duration_s: float, tuning_cents: float
    ) -> tuple[np.ndarray, Performance]:
        """Samples at RATE_HZ and the notes as they truly sound in them."""
        delay_s = self.attack.delay_s(wanted.pitch, wanted.velocity)
        on = np.rint((wanted.onset_s - delay_s) / SYNTH_BLOCK_S).astype(int)
        off = np.rint(wanted.offset_s / SYNTH_BLOCK_S).astype(int)
        shortest_s = SHORTEST_RENDERED_S + delay_s.max()
        off = np.maximum(off, on + int(np.ceil(shortest_s / SYNTH_BLOCK_S)))
        for pitch in np.unique(wanted.pitch):  # a key must be up before it is struck again
            rows = np.flatnonzero(wanted.pitch == pitch)
            off[rows[:-1]] = np.minimum(off[rows[:-1]], on[rows[1:]])
        pedal = np.rint(wanted.pedal_s / SYNTH_BLOCK_S).astype(int)
        sounding = replace(
            wanted,
            onset_s=on * SYNTH_BLOCK_S + delay_s,
            offset_s=off * SYNTH_BLOCK_S,
            pedal_s=pedal * SYNTH_BLOCK_S,
        )
        if np.any(sounding.offset_s <= sounding.onset_s):
            raise CorpusError("a key is struck again before its first stroke has sounded")
        note_off, pedal_move, note_on = 0, 1, 2  # order within one block
        events = sorted(
            [(b, note_off, int(p), 0) for b, p in zip(off, wanted.pitch, strict=True)]
            + [(b, pedal_move, 64, int(v)) for b, v in zip(pedal, wanted.pedal_value, strict=True)]
            + [
                (b, note_on, int(p), int(v))
                for b, p, v in zip(on, wanted.pitch, wanted.velocity, strict=True)
            ]
        )
        sound = self._play(events, int(round(duration_s / SYNTH_BLOCK_S)), tuning_cents)
        return soxr.resample(sound, SYNTH_RATE_HZ, RATE_HZ, quality="VHQ"), sounding.sorted()

    def _play(self, events: list, end: int, tuning_cents: float) -> np.ndarray:
        self._reset(tuning_cents)
        pieces, now = [], 0
        for block, order, number, value in events:
            if block > now:
                pieces.append(self._blocks(min(block, end) - now))
                now = min(block, end)
            for channel in range(len(self._layers)):
                if order == 0:
                    self._synth.noteoff(channel, number)
                elif order == 1:
                    self._synth.cc(channel, number, value)
                else:
                    self._synth.noteon(channel, number, value)
        if end > now:
            pieces.append(self._blocks(end - now))
        return np.concatenate(pieces)


class AdditivePiano:
    """Sum of stiff-string partials; parameters drawn from `rng`, once for a recording.

    Each note has partials at k f0 sqrt(1 + B k^2), a comb from the hammer's place,
    a tilt that opens with velocity, two decay times, slightly mistuned double
    strings and a short knock. Onsets are exact to a fraction of a sample.
    """

    def __init__(self, rng: np.random.Generator):
        self._stiffness_scale = np.exp(rng.normal(0, 0.4))
        self._hammer_place = rng.uniform(0.09, 0.16)
        self._tilt_db_per_octave = rng.uniform(4.0, 10.0)
        self._velocity_tilt_db = rng.uniform(3.0, 7.0)
        self._decay_scale = np.exp(rng.normal(0, 0.3))
        self._fast_share = rng.uniform(0.4, 0.8)
        self._unison_cents = rng.uniform(0.2, 1.2)
        self._rise_ms = rng.uniform(0.6, 2.0)
        self._knock_level = rng.uniform(0.05, 0.4)
        self._knock_pole = rng.uniform(0.75, 0.95)
        self._damper_s = rng.uniform(0.03, 0.09)
        self._dynamic_db = rng.uniform(25, 40)
        self._key_colour_db = rng.normal(0, 2.0, (128, 40))
        self._seed = int(rng.integers(2**31))
        self.attack = AttackTable.measure(self._strike, pitch_step=3)

    def _strike(self, pitch: int, velocity: int) -> np.ndarray:
        return self._note(pitch, velocity, 0.0, 0.1, 0.0)

    def _note(
        self, pitch: int, velocity: int, fraction_n: float, held_s: float, tuning_cents: float
    ) -> np.ndarray:
        """One note that starts `fraction_n` samples after the first sample returned."""
        rng = np.random.default_rng([self._seed, pitch])
        f0_hz = 440 * 2 ** ((pitch - 69 + tuning_cents / 100) / 12)
        stiffness = self._stiffness_scale * np.exp(-9.6 + 0.075 * abs(pitch - 45) ** 1.05)
        k = np.arange(1, 41)
        freq_hz = k * f0_hz * np.sqrt(1 + stiffness * k**2)
        level_db = -self._tilt_db_per_octave * np.log2(k) * (1 + max(0, pitch - 60) / 60)
        level_db = level_db - self._velocity_tilt_db * np.log2(k) * (1 - velocity / 100)
        level_db = level_db + self._key_colour_db[pitch]
        if f0_hz < 110:  # small soundboards carry the lowest fundamentals poorly
            level_db = level_db - 12 * np.maximum(0, np.log2(110 / freq_hz))
        amplitude = 10 ** (level_db / 20) * np.abs(np.sin(np.pi * k * self._hammer_place))
        amplitude *= 10 ** (self._dynamic_db * (velocity / 127 - 1) / 20)
        audible = (freq_hz < 7_600) & (amplitude > amplitude.max() * 1e-3)
        freq_hz, amplitude = freq_hz[audible], amplitude[audible]

        slow_s = self._decay_scale * 5.0 * 2 ** (-(pitch - 45) / 17) / (1 + freq_hz / 2500)
        slow_s = np.maximum(slow_s, 0.05)
        fast_s = slow_s / 5
        length_s = min(held_s + 6 * self._damper_s, 5 * slow_s.max() + 0.05)
        n = int(length_s * RATE_HZ) + 2
        t = (np.arange(n) - fraction_n) / RATE_HZ
        detune = 2 ** (self._unison_cents * rng.uniform(0.5, 1.5) / 1200)
        phase = rng.uniform(0, 2 * np.pi, 2 * len(freq_hz))
        sound = decaying_sines(
            np.concatenate([freq_hz, freq_hz * detune]),
            np.concatenate([fast_s, slow_s]),
            np.concatenate([amplitude * self._fast_share, amplitude * (1 - self._fast_share)]),
            phase,
            fraction_n,
            n,
        )
        knock = lfilter([1 - self._knock_pole], [1, -self._knock_pole], rng.normal(0, 1, n))
        knock *= np.exp(-t / 0.012) * self._knock_level * amplitude.max() / knock.std()
        sound += knock
        rise = np.clip(t * 1e3 / (self._rise_ms * (1.5 - velocity / 127)), 0, 1)
        damper = np.exp(-np.maximum(t - held_s, 0) / self._damper_s)
        return sound * np.sin(rise * np.pi / 2) ** 2 * damper * (t >= 0)

    def render(
        self, wanted: Performance, duration_s: float, tuning_cents: float
    ) -> tuple[np.ndarray, Performance]:
        """Samples at RATE_HZ and the notes as they truly sound in them."""
        n = int(round(duration_s * RATE_HZ))
        sound = np.zeros(n)
        sounding = without_same_key_overlap(
            replace(
                wanted,
                offset_s=np.maximum(wanted.offset_s, wanted.onset_s + SHORTEST_RENDERED_S + 0.005),
            )
        )
        damped_s = damper_times_s(sounding)
        delay_s = self.attack.delay_s(sounding.pitch, sounding.velocity)
        for row in range(len(sounding)):
            pitch = int(sounding.pitch[row])
            key_down_n = (sounding.onset_s[row] - delay_s[row]) * RATE_HZ
            first = int(np.floor(key_down_n))
            held_s = damped_s[row] - sounding.onset_s[row]
            note = self._note(
                pitch, int(sounding.velocity[row]), key_down_n - first, held_s, tuning_cents
            )[: n - first]
            sound[first : first + len(note)] += note
        return sound, sounding

    def close(self) -> None:
        pass


def decaying_sines(
    freq_hz: np.ndarray,
    tau_s: np.ndarray,
    amplitude: np.ndarray,
    phase: np.ndarray,
    fraction_n: float,
    n: int,
) -> np.ndarray:
    """Sum of a exp(-t/tau) sin(2 pi f t + phase) at t = (0..n-1 - fraction_n) / RATE_HZ.

    With t split into rows of 256 samples the sum is one matrix product.
    """
    rate = -1 / tau_s + 2j * np.pi * freq_hz
    row_start_s = (np.arange(0, n, 256) - fraction_n) / RATE_HZ
    starts = np.exp(np.outer(row_start_s, rate)) * (amplitude * np.exp(1j * phase))
    steps = np.exp(np.outer(rate, np.arange(256) / RATE_HZ))
    return (starts @ steps).imag.ravel()[:n]


def damper_times_s(notes: Performance) -> np.ndarray:
    """When the damper falls: at key-up, or when the pedal next goes below 64, or at a re-strike."""
    down = notes.pedal_value >= 64
    lifts_s = notes.pedal_s[1:][down[:-1] & ~down[1:]]
    state = np.searchsorted(notes.pedal_s, notes.offset_s, side="right") - 1
    held = (state >= 0) & down[np.maximum(state, 0)] if len(down) else np.zeros(len(notes), bool)
    next_lift = np.append(lifts_s, np.inf)[np.searchsorted(lifts_s, notes.offset_s, side="right")]
    damped_s = np.where(held, next_lift, notes.offset_s)
    for pitch in np.unique(notes.pitch):
        rows = np.flatnonzero(notes.pitch == pitch)
        damped_s[rows[:-1]] = np.minimum(damped_s[rows[:-1]], notes.onset_s[rows[1:]])
    return np.minimum(damped_s, notes.onset_s.max() + EXCERPT_S)


# ---------------------------------------------------------------- room, tone, noise


@dataclass(frozen=True)
class Surroundings:
    """What stands between the piano and the file; no part of it moves an onset."""

    tuning_cents: float
    reverb_s: float  # time to fall by 60 dB
    reverb_db: float  # energy of the reverberation against the direct sound
    equaliser_db: tuple[float, ...]  # gains at EQUALISER_HZ
    noise_db: float  # root mean square against the peak
    peak_db: float

    @classmethod
    def varied(cls, rng: np.random.Generator) -> Surroundings:
        return cls(
            tuning_cents=float(rng.uniform(-15, 15)),
            reverb_s=float(rng.uniform(0.2, 0.9)),
            reverb_db=float(rng.uniform(-24, -8)),
            equaliser_db=tuple(np.clip(rng.normal(0, 3.5, len(EQUALISER_HZ)), -8, 8)),
            noise_db=float(rng.uniform(-75, -60)),
            peak_db=float(rng.uniform(-10, -1.5)),
        )

    @classmethod
    def light(cls, rng: np.random.Generator) -> Surroundings:
        return cls(
            tuning_cents=0.0,
            reverb_s=float(rng.uniform(0.25, 0.45)),
            reverb_db=float(rng.uniform(-22, -16)),
            equaliser_db=(0.0,) * len(EQUALISER_HZ),
            noise_db=float(rng.uniform(-75, -70)),
            peak_db=-3.0,
        )


EQUALISER_HZ = (40, 100, 250, 630, 1_600, 4_000, 8_000)


def room_response(surroundings: Surroundings, rng: np.random.Generator) -> np.ndarray:
    """Direct sound at lag 0, then decaying low-passed noise."""
    n = int(surroundings.reverb_s * RATE_HZ)
    tail = lfilter([0.5], [1, -0.5], rng.normal(0, 1, n))
    tail *= 10 ** (-3 * np.arange(n) / n)
    tail[0] = 0
    tail *= 10 ** (surroundings.reverb_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return tail


def minimum_phase_equaliser(surroundings: Surroundings) -> np.ndarray:
    """Smooth in the logarithm of frequency; minimum phase by folding the cepstrum."""
    n = 4096
    freq_hz = np.clip(np.fft.rfftfreq(n, 1 / RATE_HZ), EQUALISER_HZ[0], EQUALISER_HZ[-1])
    curve = CubicSpline(np.log(EQUALISER_HZ), surroundings.equaliser_db, bc_type="natural")
    log_gain = np.clip(curve(np.log(freq_hz)), -10, 10) * np.log(10) / 20
    cepstrum = np.fft.irfft(log_gain, n)
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), n)


def place_in_surroundings(
    dry: np.ndarray, surroundings: Surroundings, rng: np.random.Generator
) -> np.ndarray:
    """Equaliser, room, end fade, noise floor, level: in that order."""
    n = len(dry)
    sound = fftconvolve(dry.astype(float), minimum_phase_equaliser(surroundings))[:n]
    sound = fftconvolve(sound, room_response(surroundings, rng))[:n]
    fade_n = int(FADE_S * RATE_HZ)
    sound[-fade_n:] *= np.linspace(1, 0, fade_n)
    peak = np.abs(sound).max()
    if peak == 0:
        raise CorpusError("a piano rendered silence")
    sound += rng.normal(0, peak * 10 ** (surroundings.noise_db / 20), n)
    return sound * 10 ** (surroundings.peak_db / 20) / np.abs(sound).max()


def write_ogg(path: Path, samples: np.ndarray) -> None:
    with soundfile.SoundFile(
        path, "w", RATE_HZ, 1, format="OGG", subtype="VORBIS", compression_level=VORBIS_LEVEL
    ) as file:
        for start in range(0, len(samples), WRITE_BLOCK_N):
            file.write(samples[start : start + WRITE_BLOCK_N].astype(np.float32))


def read_ogg(path: Path) -> np.ndarray:
    """The samples as 16-bit integers."""
    samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=False)
    if rate_hz != RATE_HZ or samples.ndim != 1:
        raise CorpusError(f"{path.name}: expected mono at {RATE_HZ} Hz")
    return samples


# ---------------------------------------------------------------- the corpus


@dataclass(frozen=True)
class Entry:
    """One recording to make."""

    split: str
    row: pd.Series  # of the input's index.csv
    piano: Piano

    @property
    def id(self) -> str:
        return str(self.row.id)

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers that depend on the recording alone, not on the order of making."""
        return np.random.default_rng([SEED, zlib.crc32(f"{self.id} {purpose}".encode())])


def plan(index: pd.DataFrame) -> list[Entry]:
    """Which performance goes into which split and onto which piano."""
    missing = set(RECORDING_IDS) - set(index.id)
    if missing:
        raise CorpusError(f"index.csv lacks {sorted(missing)}")
    recordings = index[index.id.isin(RECORDING_IDS)]
    rng = np.random.default_rng(SEED)
    entries = []
    for split, count in SPLIT_SIZES.items():
        closed = set(recordings.work)
        chosen = choose_performances(index, split, count, closed, rng)
        pianos = {
            "train": TRAIN_PIANOS,
            "valid": [VALID_PIANO] * count,
            "test": [TEST_PIANO] * count,
        }
        order = rng.permutation(count)
        entries += [
            Entry(split, row, pianos[split][order[number]])
            for number, (_, row) in enumerate(chosen.iterrows())
        ]
    return entries + [
        Entry("recordings", row, RECORDINGS_PIANO) for _, row in recordings.iterrows()
    ]


def excerpt_of(entry: Entry, asap: Path) -> tuple[Performance, float]:
    """The notes of the excerpt and where it starts in the source, in seconds."""
    notes, rng = played_notes(load_arrays(asap, entry.id)), entry.rng("excerpt")
    start_s = choose_excerpt_start(notes, rng)
    if start_s is None:
        raise CorpusError(f"{entry.id}: no excerpt of usual density")
    return cut_excerpt(notes, start_s, float(rng.uniform(*LEAD_RANGE_S))), start_s


def columns_of_files(audio: Path, n_notes: int) -> dict:
    """The last columns of a row of index.csv: what is measured in a recording's files."""
    decoded = read_ogg(audio)
    return {
        "duration_s": f"{len(decoded) / RATE_HZ:.4f}",
        "notes": n_notes,
        "sha256_samples": hashlib.sha256(decoded.tobytes()).hexdigest(),
        "bytes": audio.stat().st_size,
    }


def make_entry(entry: Entry, asap: Path, out: Path, piano) -> dict:
    """Render one recording, write its files, return its row of index.csv."""
    start_s = 0.0
    if entry.split == "recordings":
        recording = warp_to_metronome(
            load_arrays(asap, entry.id), entry.row.tempo_bpm, entry.row.beat_quarters
        )
        wanted = recording.played
        duration_s = round(wanted.offset_s.max() + RECORDING_TAIL_S, 1)
        write_midi(out / "score" / f"{entry.id}.mid", recording.score)
    else:
        wanted, start_s = excerpt_of(entry, asap)
        duration_s = EXCERPT_S
    rng = entry.rng("surroundings")
    surroundings = Surroundings.varied(rng) if entry.split == "train" else Surroundings.light(rng)
    dry, sounding = piano.render(wanted, duration_s, surroundings.tuning_cents)
    samples = place_in_surroundings(dry, surroundings, rng)
    audio = out / "audio" / f"{entry.id}.ogg"
    write_ogg(audio, samples)
    write_midi(out / "midi" / f"{entry.id}.mid", sounding)
    return {
        "id": entry.id,
        "split": entry.split,
        "composer": entry.row.composer,
        "title": entry.row.title,
        "work": entry.row.work,
        "performer": entry.row.performer,
        "source": entry.row.source,
        "source_start_s": f"{start_s:.4f}",
        "piano": entry.piano.name,
        "license": "CC BY-NC-SA 4.0",
        **columns_of_files(audio, len(sounding)),
    }


def open_piano(entry: Entry, soundfonts: Path, opened: dict):
    """Sound font pianos are opened once; an additive piano is made for each recording."""
    if not entry.piano.layers:
        return AdditivePiano(entry.rng("additive piano"))
    if entry.piano not in opened:
        opened[entry.piano] = FontPiano(entry.piano, soundfonts)
    return opened[entry.piano]


def make_corpus(asap: Path, soundfonts: Path, out: Path) -> pd.DataFrame:
    index_path = asap / "index.csv"
    if not index_path.is_file():
        raise CorpusError(f"not found: {index_path}")
    for folder in ("audio", "midi", "score"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    opened: dict[Piano, FontPiano] = {}
    residuals_s: dict[str, list[np.ndarray]] = {}
    rows = []
    entries = plan(pd.read_csv(index_path))
    for number, entry in enumerate(entries, 1):
        piano = open_piano(entry, soundfonts, opened)
        residuals_s.setdefault(entry.piano.name, []).append(piano.attack.residual_s)
        rows.append(make_entry(entry, asap, out, piano))
        print(f"{number:3d}/{len(entries)} {entry.split:10s} {entry.id}", flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(out / "index.csv", index=False, lineterminator="\n")
    print("\nAttack delay minus the key's table value, over keys and velocities:")
    for name, values in residuals_s.items():
        ms = 1e3 * np.concatenate(values)
        print(
            f"  {name}: median |.| {np.median(abs(ms)):.3f}, 95 % within "
            f"{np.percentile(abs(ms), 95):.3f}, largest {abs(ms).max():.3f} ms"
        )
    print_chain_check(opened, out)
    for piano in opened.values():
        piano.close()
    return table


# ---------------------------------------------------------------- checks


def unaligned_row(errors_s: np.ndarray) -> tuple[float, ...]:
    """Mean, median, standard deviation of |error| in ms; share within 10, 25, 50, 100 ms."""
    ms = 1e3 * np.abs(errors_s)
    shares = [100 * np.mean(ms <= limit) for limit in (10, 25, 50, 100)]
    return (ms.mean(), np.median(ms), ms.std(), *shares)


def recording_errors_s(out: Path, recording_id: str) -> np.ndarray:
    """Score onset minus played onset; the k-th note of a key in one is the k-th in the other."""
    played = read_midi(out / "midi" / f"{recording_id}.mid")
    score = read_midi(out / "score" / f"{recording_id}.mid")
    errors = []
    if sorted(played.pitch) != sorted(score.pitch):
        raise CorpusError(f"{recording_id}: score and performance differ in their notes")
    for pitch in np.unique(played.pitch):
        errors.append(
            np.sort(score.onset_s[score.pitch == pitch])
            - np.sort(played.onset_s[played.pitch == pitch])
        )
    return np.concatenate(errors)


def isolated_onset_errors_s(
    samples: np.ndarray, notes: Performance, rows: list[int] | None = None
) -> np.ndarray:
    """Measured minus labelled onset for notes that start out of (near) silence.

    A note counts if no other starts within 60 ms and the 40 ms until 5 ms before it
    stay 30 dB below the 50 ms after it; measured by `attack_delay_s` from 5 ms before the label.
    """
    x = samples / 32768.0
    errors = []
    for row in range(len(notes)) if rows is None else rows:
        onset_s = notes.onset_s[row]
        others = np.delete(notes.onset_s, row)
        at = int(round(onset_s * RATE_HZ))
        before, after = x[max(0, at - 720) : at - 80], x[at : at + 800]
        if len(before) < 320 or len(after) < 800 or np.abs(others - onset_s).min() < 0.060:
            continue
        if np.abs(before).max() < 10 ** (-30 / 20) * np.abs(after).max():
            from_s = (at - 80) / RATE_HZ
            errors.append(from_s + attack_delay_s(x, from_s) - onset_s)
    return np.array(errors)


def single_notes(rng: np.random.Generator) -> Performance:
    """Each of the 88 keys once, about a second apart, in random order and loudness."""
    onset_s = 0.5 + np.arange(88) + rng.uniform(0, 0.1, 88)
    return Performance(
        onset_s,
        onset_s + 0.4,
        rng.permutation(np.arange(21, 109)),
        rng.integers(35, 116, 88),
        np.zeros(1),
        np.zeros(1, int),
    )


def print_chain_check(opened: dict[Piano, FontPiano], out: Path) -> None:
    """Single notes through the whole chain, effects and Vorbis included, against their labels."""
    print(
        "\nSingle notes through the whole chain, found minus labelled, ms; and how long each "
        "takes from 10 % to 50 %:"
    )
    scratch = out / "chain_check.ogg"
    pianos = list(opened.items()) + [(ADDITIVE, None)]
    for kind, piano in pianos:
        errors_s, rises_s, pitches = [], [], []
        for trial in range(3):
            rng = np.random.default_rng([SEED, zlib.crc32(kind.name.encode()), trial])
            player = piano or AdditivePiano(rng)
            held_out = kind in (VALID_PIANO, TEST_PIANO, RECORDINGS_PIANO)
            surroundings = Surroundings.light(rng) if held_out else Surroundings.varied(rng)
            dry, notes = player.render(single_notes(rng), 90.0, surroundings.tuning_cents)
            write_ogg(scratch, place_in_surroundings(dry, surroundings, rng))
            samples = read_ogg(scratch)
            for row, onset_s in enumerate(notes.onset_s):
                error_s = isolated_onset_errors_s(samples, notes, [row])
                if len(error_s):
                    errors_s.append(error_s[0])
                    rises_s.append(
                        attack_delay_s(samples, onset_s - 0.005, 0.5)
                        - attack_delay_s(samples, onset_s - 0.005)
                    )
                    pitches.append(notes.pitch[row])
        ms, rise_ms, low = 1e3 * np.array(errors_s), 1e3 * np.array(rises_s), np.array(pitches) < 48
        print(
            f"  {kind.name}: {len(ms)} notes, median {np.median(ms):+.2f}, median |.| "
            f"{np.median(abs(ms)):.2f}, 95 % within {np.percentile(abs(ms), 95):.2f}; rise "
            f"{np.median(rise_ms[low]):.1f} below C3, {np.median(rise_ms[~low]):.1f} above"
        )
    scratch.unlink()


def named(checks: dict[str, bool], about: str) -> list[str]:
    """The checks (what would be wrong: is it right?) that fail, each as a problem."""
    return [f"{about}: {wrong}" for wrong, right in checks.items() if not right]


def sound_problems(row, samples: np.ndarray) -> list[str]:
    """What is wrong with a recording's samples, beside its row of index.csv."""
    checks = {
        "length": abs(len(samples) / RATE_HZ - row.duration_s) < 1e-4,
        "hash": hashlib.sha256(samples.tobytes()).hexdigest() == row.sha256_samples,
        "clipped": np.abs(samples.astype(int)).max() < 32_700,
        "silent": samples.std() > 50,
    }
    return named(checks, row.id)


def note_problems(row, notes: Performance, least: int) -> list[str]:
    """What is wrong with a recording's notes, of which `least` are wanted."""
    checks = {
        "number of notes": len(notes) == row.notes and len(notes) >= least,
        "pitch range": notes.pitch.min() >= 21 and notes.pitch.max() <= 108,
        "note without length": bool(np.all(notes.offset_s > notes.onset_s)),
        "note after the end": notes.offset_s.max() <= row.duration_s,
    }
    return named(checks, row.id)


def index_problems(
    table: pd.DataFrame, out: Path, folders=("audio", "midi"), of_one_split=("work",)
) -> list[str]:
    """Files that index.csv does not name, and works (or the like) that stand in two splits."""
    listed = set(table.id)
    problems = [
        f"{folder}/{path.name} is not in index.csv"
        for folder in folders
        for path in sorted((out / folder).iterdir())
        if path.stem not in listed
    ]
    for column in of_one_split:
        splits = table.groupby(column).split.nunique()
        if (splits > 1).any():
            problems.append(f"{column} in two splits: {list(splits[splits > 1].index)}")
    return problems


def print_onset_errors(errors_s: dict[str, list[np.ndarray]]) -> np.ndarray:
    """Print how well onsets and labels agree, by group and in all; returns all errors in ms."""
    print("\nOnsets found in the decoded files minus labels, isolated notes, ms:")
    for group, parts in {**errors_s, "all": sum(errors_s.values(), [])}.items():
        ms = 1e3 * np.concatenate(parts)
        if len(ms):
            print(
                f"  {group}: {len(ms)} notes, median {np.median(ms):+.2f}, median |.| "
                f"{np.median(abs(ms)):.2f}, 95 % within {np.percentile(abs(ms), 95):.2f}"
            )
    return ms


def label_problems(ms: np.ndarray) -> list[str]:
    """Do the onsets of isolated notes lie where the labels say?"""
    if len(ms) and np.median(abs(ms)) < 1.0:
        return []
    return ["median onset error of isolated notes is 1 ms or more"]


def check_corpus(out: Path) -> list[str]:
    """Read everything back, print what was found, return what is wrong."""
    table = pd.read_csv(out / "index.csv")
    problems: list[str] = []
    onset_errors_s: dict[str, list[np.ndarray]] = {}
    for row in table.itertuples():
        samples = read_ogg(out / "audio" / f"{row.id}.ogg")
        notes = read_midi(out / "midi" / f"{row.id}.mid")  # raises on same-key overlap
        problems += sound_problems(row, samples) + note_problems(row, notes, least=100)
        onset_errors_s.setdefault(row.piano, []).append(isolated_onset_errors_s(samples, notes))
    problems += index_problems(table, out, ("audio", "midi", "score"), ("work", "title"))

    print("\nsplit        files  minutes  notes   bytes")
    for split, part in table.groupby("split", sort=False):
        print(
            f"{split:12s} {len(part):5d}  {part.duration_s.sum() / 60:7.2f}  {part.notes.sum():6d}"
            f"  {part.bytes.sum()}"
        )
    print(
        f"all          {len(table):5d}  {table.duration_s.sum() / 60:7.2f}  {table.notes.sum():6d}"
        f"  {table.bytes.sum()}"
    )

    problems += label_problems(print_onset_errors(onset_errors_s))

    print("\nLoose score against performance (mean, median, std ms; % within 10, 25, 50, 100 ms):")
    print("  published     " + " ".join(f"{v:6.2f}" for v in PUBLISHED_UNALIGNED_ROW))
    ids = list(table[table.split == "recordings"].id)
    errors_s = {recording_id: recording_errors_s(out, recording_id) for recording_id in ids}
    pooled = unaligned_row(np.concatenate(list(errors_s.values())))
    print("  all           " + " ".join(f"{v:6.2f}" for v in pooled))
    for recording_id, values in errors_s.items():
        print(f"  {recording_id}: " + " ".join(f"{v:6.2f}" for v in unaligned_row(values)))
    return problems


def command_line(about: str, make, check, needs: dict[str, str], more=None) -> int:
    """Parse the arguments, make the corpus unless told not to, check it, say what is wrong: the
    exit status.

    `make(arguments)` is called when all folders that it `needs` (option: help) are named,
    `check(folder)` returns problems, `more(parser)` adds options of a corpus's own.
    """
    parser = argparse.ArgumentParser(description=about)
    for option, text in needs.items():
        parser.add_argument(f"--{option}", type=Path, help=text)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the corpus to")
    if more is not None:
        more(parser)
    parser.add_argument("--check-only", action="store_true", help="check a corpus that is there")
    arguments = parser.parse_args()
    try:
        if not arguments.check_only:
            if missing := [f"--{option}" for option in needs if getattr(arguments, option) is None]:
                parser.error(f"to make the corpus, give {' and '.join(missing)}")
            make(arguments)
        if not (arguments.out / "index.csv").is_file():
            raise CorpusError(
                f"not found: {arguments.out / 'index.csv'}; name the folder of a corpus"
            )
        problems = check(arguments.out)
    except CorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(f"PROBLEM {problem}", file=sys.stderr)
    print(f"\n{len(problems)} problems" if problems else "\nall checks passed")
    return 1 if problems else 0


FONTS = "folder with the sound font files"


def main() -> int:
    return command_line(
        __doc__.split("\n")[0],
        lambda a: make_corpus(a.asap, a.soundfonts, a.out),
        check_corpus,
        {"asap": "folder with index.csv and performances/", "soundfonts": FONTS},
    )


if __name__ == "__main__":
    sys.exit(main())
