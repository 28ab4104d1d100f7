"""Pieces made up for training: exercises of piano writing, strung together. Numpy alone.

A piece is sections of a few bars; a section is one figure (`FIGURES`) in one key, register and
speed, often repeated and transposed. The figures are chosen for what an aligner has to tell apart:
dense and sparse, fast and slow, repeated keys, wide chords, both ends of the keyboard.

Scores are rows (onset, length, pitch), onset and length in quarters.
"""

from __future__ import annotations

import numpy as np

SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 11),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 6, 8, 10),
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    (0, 2, 4, 7, 9),
)
CHORDS = (
    (0, 4, 7),
    (0, 3, 7),
    (0, 4, 7, 10),
    (0, 3, 6, 9),
    (0, 4, 8),
    (0, 3, 7, 10),
    (0, 5, 7),
    (0, 4, 7, 11),
)
STEPS_Q = (1 / 8, 1 / 6, 1 / 4, 1 / 4, 1 / 3, 1 / 2, 1)  # the speeds of a figure


def keys_of(rng: np.random.Generator, steps: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """All keys of a scale or chord on some root, between `low` and `high`."""
    root = rng.integers(12)
    every = np.arange(low, high + 1)
    return every[np.isin((every - root) % 12, steps)]


def row_of_notes(pitches: np.ndarray, step_q: float, length_q: float | None = None) -> np.ndarray:
    """One note after another, `step_q` apart."""
    onset_q = np.arange(len(pitches)) * step_q
    return np.stack([onset_q, np.full(len(pitches), length_q or step_q), pitches], axis=1)


def together(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


def scale(rng, low, high, step_q):
    """Up and down, sometimes with the other hand in octaves, tenths or the other way round."""
    keys = keys_of(rng, SCALES[rng.integers(len(SCALES))], low, high)
    run = np.concatenate([keys, keys[-2:0:-1]])
    run = run if rng.random() < 0.5 else run[::-1]
    other = rng.choice([0, -12, -16, 12])
    first = row_of_notes(run, step_q)
    return together(first, row_of_notes(run + other, step_q)) if other else first


def arpeggio(rng, low, high, step_q):
    keys = keys_of(rng, CHORDS[rng.integers(len(CHORDS))], low, high)
    return row_of_notes(np.concatenate([keys, keys[-2:0:-1]]), step_q, step_q * rng.choice([1, 4]))


def broken_chords(rng, low, high, step_q):
    keys = keys_of(rng, CHORDS[rng.integers(len(CHORDS))], low, high)
    figure = rng.permutation(min(4, len(keys)))
    starts = range(max(1, len(keys) - 3))
    return row_of_notes(
        np.concatenate([keys[s : s + 4][figure[figure < len(keys[s : s + 4])]] for s in starts]),
        step_q,
    )


def repeated(rng, low, high, step_q):
    """One key or chord again and again, with more or less of a gap."""
    keys = rng.choice(keys_of(rng, SCALES[0], low, high), rng.integers(1, 4), replace=False)
    count, out = rng.integers(4, 16), []
    for number in range(rng.integers(2, 5)):
        run = row_of_notes(np.zeros(count), step_q, step_q * rng.uniform(0.3, 1.0))
        out += [run + [number * count * step_q, 0, k + number * rng.integers(-2, 3)] for k in keys]
    return together(*out)


def trill(rng, low, high, step_q):
    """A trill or tremolo, and slow notes of the other hand."""
    pitch, width = rng.integers(low, high), rng.choice([1, 2, 3, 4, 7, 12])
    count = int(rng.integers(16, 48))
    fast = row_of_notes(np.where(np.arange(count) % 2, pitch + width, pitch), min(step_q, 1 / 6))
    slow = keys_of(rng, SCALES[0], 36, 60)
    return together(fast, row_of_notes(rng.choice(slow, max(1, int(count * fast[0, 1]))), 1.0))


def octaves(rng, low, high, step_q):
    run = motif(rng, keys_of(rng, SCALES[rng.integers(3)], low, high), int(rng.integers(6, 20)))
    return together(row_of_notes(run, step_q), row_of_notes(run + 12, step_q))


def alberti(rng, low, high, step_q):
    """Alberti bass under a melody."""
    step_q = min(step_q, 1 / 2)
    out, at_q = [], 0.0
    for _ in range(rng.integers(3, 7)):
        chord = rng.integers(36, 56) + np.array(CHORDS[rng.integers(2)])
        out.append(row_of_notes(np.tile(chord[[0, 2, 1, 2]], 2), step_q) + [at_q, 0, 0])
        melody = motif(rng, keys_of(rng, SCALES[0], 62, 96), int(rng.integers(1, 5)))
        out.append(row_of_notes(melody, 8 * step_q / len(melody)) + [at_q, 0, 0])
        at_q += 8 * step_q
    return together(*out)


def chords(rng, low, high, step_q):
    """Chords of three to ten keys in both hands."""
    out, step_q = [], max(step_q, 1 / 4) * rng.choice([1, 2, 4])
    for number in range(rng.integers(4, 14)):
        keys = keys_of(rng, CHORDS[rng.integers(len(CHORDS))], low, high)
        keys = rng.choice(keys, min(len(keys), int(rng.integers(3, 11))), replace=False)
        out += [(number * step_q, step_q * rng.choice([0.5, 1.0]), k) for k in keys]
    return np.array(out, float)


def polyphony(rng, low, high, step_q):
    """Two to five voices that walk on their own, each with its own speeds."""
    keys, length_q, out = keys_of(rng, SCALES[rng.integers(4)], 24, 104), 8.0, []
    for voice in range(rng.integers(2, 6)):
        centre, at_q = rng.integers(len(keys)), 0.0
        while at_q < length_q:
            centre = int(np.clip(centre + rng.integers(-3, 4), 0, len(keys) - 1))
            note_q = float(rng.choice([0.25, 0.5, 1.0, 2.0])) * (2 * step_q if step_q < 0.5 else 1)
            out.append((at_q, note_q, keys[centre]))
            at_q += note_q
    return np.array(out)


def scattered(rng, low, high, step_q):
    """Keys from anywhere on the keyboard, each alone or in small groups, with silences."""
    count = int(rng.integers(6, 24))
    onset_q = np.cumsum(
        rng.choice([0.0, 0.5, 1.0, 2.0], count, p=[0.2, 0.4, 0.25, 0.15]) * rng.uniform(0.5, 1.5)
    )
    return np.stack(
        [onset_q, rng.choice([0.1, 0.5, 1.0, 3.0], count), rng.integers(21, 109, count)], axis=1
    )


def motif(rng: np.random.Generator, keys: np.ndarray, count: int) -> np.ndarray:
    """A walk on `keys`, mostly by step."""
    at = int(rng.integers(len(keys)))
    walk = [
        at := int(np.clip(at + rng.choice([-4, -2, -1, -1, 0, 1, 1, 2, 4]), 0, len(keys) - 1))
        for _ in range(count)
    ]
    return keys[walk]


def walked_motif(rng, low, high, step_q):
    """A motif, repeated and transposed, over held notes of the other hand."""
    run = motif(rng, keys_of(rng, SCALES[rng.integers(3)], low, high), int(rng.integers(3, 9)))
    moves = np.cumsum(np.append(0, rng.choice([-5, -2, 0, 0, 2, 3, 7], rng.integers(2, 6))))
    upper = row_of_notes(np.concatenate([run + move for move in moves]), step_q)
    held_q = len(run) * step_q
    return together(
        upper,
        row_of_notes(rng.integers(28, 52) + moves, held_q),
        row_of_notes(rng.integers(40, 60) + moves, held_q),
    )


FIGURES = (
    scale,
    arpeggio,
    broken_chords,
    repeated,
    trill,
    octaves,
    alberti,
    chords,
    polyphony,
    scattered,
    walked_motif,
)


def section(rng: np.random.Generator) -> np.ndarray:
    """One figure in a register of one to five octaves anywhere on the keyboard."""
    width = int(rng.integers(14, 61))
    low = int(rng.integers(21, 109 - width))
    rows = FIGURES[rng.integers(len(FIGURES))](rng, low, low + width, float(rng.choice(STEPS_Q)))
    return rows[(rows[:, 2] >= 21) & (rows[:, 2] <= 108)]


def generate(rng: np.random.Generator, length_q: float) -> np.ndarray:
    "A piece of at least `length_q` quarters: sections, some played twice and moved to other keys."
    out, at_q = [], 0.0
    while at_q < length_q:
        rows = section(rng)
        if not len(rows):
            continue
        rows[:, 0] -= rows[:, 0].min()
        for move in [0] if rng.random() < 0.6 else [0, rng.choice([-12, -7, -5, 0, 2, 5, 12])]:
            out.append(rows + [at_q, 0, move])
            at_q += float((rows[:, 0] + np.minimum(rows[:, 1], 1.0)).max()) + float(
                rng.choice([0, 0, 0.5, 1])
            )
    return np.concatenate(out)
