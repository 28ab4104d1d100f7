"""Play a score as a pianist might: arrays in, arrays out, numpy alone.

`perform` is the whole of it. Nobody played this: tempo, loudness, touch and pedal are
drawn from the ranges in `Style.drawn`, which are wider than one player's.

Names carry their unit: `_s` seconds, `_q` quarters of the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOWEST, HIGHEST = 21, 108  # keys of a piano
REPEAT_S = 0.060  # no key is struck again sooner than this
SHORTEST_S = 0.035  # no note is held for less


@dataclass(frozen=True)
class Style:
    """How one recording is played; every number holds for the whole of it."""

    quarter_s: float  # mean length of a quarter
    phrase_q: float  # length of a phrase
    arch: float  # how much slower a phrase begins and ends than its middle, as a share
    drift: float  # slow sway of the tempo, as a share
    ritardando: float  # by how much longer the last quarter is, as a share
    melody_lead_s: float  # the top note of a chord comes so much earlier
    bass_lead_s: float  # and so does the lowest note of some chords
    scatter_s: float  # deviation of each note's onset
    rolled: float  # share of chords that are rolled upwards
    level: float  # mean velocity
    swing: float  # deviation of a phrase's velocity
    swell: float  # by how much the middle of a phrase is louder than its ends
    melody_plus: float  # the top note of a chord is so much louder
    uneven: float  # deviation of each note's velocity
    legato: float  # share of its written length that a note is held; above 1: into the next
    bar_q: float  # the sustain pedal is changed so often; 0: no pedal
    ornaments: float  # share of melody notes with a grace note or a trill

    @classmethod
    def drawn(cls, rng: np.random.Generator, quarter_s: float) -> Style:
        return cls(
            quarter_s=quarter_s,
            phrase_q=float(rng.choice([4, 6, 8, 12, 16])),
            arch=float(rng.uniform(0.0, 0.25)),
            drift=float(rng.uniform(0.0, 0.10)),
            ritardando=float(rng.uniform(0.0, 1.0)),
            melody_lead_s=float(rng.uniform(0.0, 0.030)),
            bass_lead_s=float(rng.choice([0.0, rng.uniform(0.0, 0.060)])),
            scatter_s=float(rng.uniform(0.005, 0.012)),
            rolled=float(rng.choice([0.0, 0.05, 0.3], p=[0.5, 0.35, 0.15])),
            level=float(rng.uniform(36, 96)),
            swing=float(rng.uniform(3, 22)),
            swell=float(rng.uniform(0, 20)),
            melody_plus=float(rng.uniform(0, 16)),
            uneven=float(rng.uniform(2, 9)),
            legato=float(
                rng.choice([rng.uniform(0.2, 0.6), rng.uniform(0.6, 0.95), rng.uniform(0.95, 1.2)])
            ),
            bar_q=float(rng.choice([0, 1, 2, 4, 8], p=[0.5, 0.1, 0.15, 0.15, 0.1])),
            ornaments=float(rng.choice([0.0, rng.uniform(0.0, 0.08)])),
        )


def time_curve_s(
    position_q: np.ndarray, end_q: float, style: Style, rng: np.random.Generator
) -> np.ndarray:
    """Where positions in the score (quarters from 0 to `end_q`) fall in time; strictly rising.

    A quarter is longer at both ends of a phrase, sways slowly, and grows over the last four
    quarters.
    """
    grid_q = np.arange(0, end_q + 9, 1 / 16)
    in_phrase = grid_q / style.phrase_q % 1
    arch = style.arch * ((2 * in_phrase - 1) ** 2 - 1 / 3)
    sway = style.drift * np.sin(
        2 * np.pi * grid_q / rng.uniform(15, 50) + rng.uniform(0, 2 * np.pi)
    )
    late = style.ritardando * np.clip((grid_q - end_q + 4) / 4, 0, 1) ** 2
    quarter_s = style.quarter_s * np.maximum(1 + arch + sway + late, 0.4)
    time_s = np.concatenate([[0], np.cumsum((quarter_s[1:] + quarter_s[:-1]) / 2 / 16)])
    return np.interp(position_q, grid_q, time_s)


def chord_shifts_s(chord: np.ndarray, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Shift of each note against its chord. `chord`: number of each note's chord; within one by
    pitch."""
    n = len(chord)
    first = np.append(True, np.diff(chord) > 0)
    last = np.append(first[1:], True)
    alone = first & last
    size = np.bincount(chord)[chord]
    rank = np.arange(n) - np.maximum.accumulate(np.where(first, np.arange(n), 0))
    count = chord[-1] + 1
    early_bass = (rng.random(count) < 0.5)[chord] & first & ~alone
    rolled = (rng.random(count) < style.rolled)[chord] & (size > 2)
    shift_s = rng.normal(0, style.scatter_s, n) + rng.normal(0, 0.006, count)[chord]
    shift_s -= style.melody_lead_s * (last & ~alone & ~rolled) + style.bass_lead_s * (
        early_bass & ~rolled
    )
    return shift_s + np.where(rolled, rank * rng.uniform(0.015, 0.060, count)[chord], 0)


def velocities(
    onset_q: np.ndarray, top: np.ndarray, style: Style, rng: np.random.Generator
) -> np.ndarray:
    """Phrases differ and swell, the top note is louder, each note differs; 4 to 127."""
    phrase = (onset_q / style.phrase_q).astype(int)
    in_phrase = onset_q / style.phrase_q % 1
    level = style.level + style.swing * rng.standard_normal(phrase.max() + 1)[phrase]
    level = (
        level + style.swell * (np.sin(np.pi * in_phrase) - 0.64) + style.melody_plus * (top - 0.3)
    )
    return np.clip(np.rint(level + rng.normal(0, style.uneven, len(onset_q))), 4, 127).astype(int)


def with_ornaments(
    notes: np.ndarray, top: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    "Rows (onset_s, offset_s, pitch, velocity), and grace notes before or trills in some top notes."
    more = []
    for row in np.flatnonzero(top & (rng.random(len(notes)) < share)):
        onset_s, offset_s, pitch, velocity = notes[row]
        neighbour = pitch + rng.choice([-2, -1, 1, 2])
        if offset_s - onset_s > 0.6:  # long enough for a trill
            step_s = rng.uniform(0.070, 0.110)
            times_s = np.arange(onset_s + step_s, min(offset_s, onset_s + 2.5) - step_s, step_s)
            times_s = times_s + rng.normal(0, 0.004, len(times_s))
            turns = np.where(np.arange(len(times_s)) % 2, pitch, pitch + abs(neighbour - pitch))
            more += [(t, t + step_s, p, velocity - 6) for t, p in zip(times_s, turns)]
            notes[row, 1] = onset_s + step_s
        else:
            lead_s = rng.uniform(0.050, 0.100)
            more.append((onset_s - lead_s, onset_s + 0.01, neighbour, velocity - 8))
    return np.concatenate([notes, np.reshape(more, (-1, 4))]) if more else notes


def playable(notes: np.ndarray) -> np.ndarray:
    """Rows by onset, then pitch; no key struck again within REPEAT_S or while it is held."""
    notes = notes[(notes[:, 2] >= LOWEST) & (notes[:, 2] <= HIGHEST)]
    notes = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    kept = []
    last: dict[int, np.ndarray] = {}
    for row in notes:
        before = last.get(int(row[2]))
        if before is not None:
            if row[0] - before[0] < REPEAT_S:
                continue
            before[1] = min(before[1], row[0] - 0.002)
        row[1] = max(row[1], row[0] + SHORTEST_S)
        kept.append(row)
        last[int(row[2])] = row
    return np.array(kept).reshape(-1, 4)


def pedal_moves(
    end_q: float, curve, style: Style, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of the sustain pedal: up with each bar, down again a moment later."""
    if not style.bar_q:
        return np.zeros(1), np.zeros(1, int)
    bars_s = curve(np.arange(0, end_q, style.bar_q))
    up_s = np.maximum(bars_s + rng.uniform(-0.02, 0.04, len(bars_s)), 0)
    length_s = np.diff(np.append(bars_s, bars_s[-1] + 1.0))
    down_s = up_s + np.minimum(rng.uniform(0.05, 0.20, len(bars_s)), length_s / 3)
    time_s = np.append(np.stack([up_s, down_s], axis=1).ravel(), curve(np.array([end_q]))[0] + 0.5)
    value = np.append(
        np.stack([np.zeros(len(bars_s)), rng.integers(80, 128, len(bars_s))], axis=1).ravel(), 0
    )
    return time_s, value.astype(int)


def perform(
    onset_q: np.ndarray,
    length_q: np.ndarray,
    pitch: np.ndarray,
    style: Style,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """A performance of score notes: onset and length in quarters (any order), pitch as MIDI number.

    Returns `onset_s`, `offset_s`, `pitch`, `velocity` by onset, then pitch, and `pedal_s`,
    `pedal_value`. The first onset lies near 0 and may be earlier. Notes outside the 88 keys and
    strikes of a key within 60 ms of the one before are left out; no key is struck while held.
    """
    order = np.lexsort((pitch, onset_q))
    onset_q = np.asarray(onset_q, float)[order] - np.min(onset_q)
    length_q, pitch = np.asarray(length_q, float)[order], np.asarray(pitch, float)[order]
    end_q = float((onset_q + length_q).max())
    seed = int(rng.integers(2**31))

    def curve(q):
        return time_curve_s(q, end_q, style, np.random.default_rng(seed))

    chord = np.cumsum(np.append(False, np.diff(onset_q) > 1e-4))
    top = np.append(np.diff(chord) > 0, True)
    onset_s = curve(onset_q) + chord_shifts_s(chord, style, rng)
    held_s = (
        (curve(onset_q + length_q) - curve(onset_q))
        * style.legato
        * rng.uniform(0.9, 1.1, len(pitch))
    )
    velocity = velocities(onset_q, top, style, rng)
    notes = np.stack([onset_s, onset_s + np.maximum(held_s, SHORTEST_S), pitch, velocity], axis=1)
    notes = playable(with_ornaments(notes, top, style.ornaments, rng))
    pedal_s, pedal_value = pedal_moves(end_q, curve, style, rng)
    return {
        "onset_s": notes[:, 0],
        "offset_s": notes[:, 1],
        "pitch": notes[:, 2].astype(int),
        "velocity": np.clip(notes[:, 3], 4, 127).astype(int),
        "pedal_s": pedal_s,
        "pedal_value": pedal_value,
    }
