#!/usr/bin/env python3
"""Draw the README's picture: three seconds of a recording, before and after alignment.

usage: python workflow/picture.py [--out figures/aligned.png]
The recording ships with the project, on a sampled piano that no training saw; the score stands
where a player on a metronome would have it. Weights and settings are those of `pianoalign align`.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PIECE = "mozart_piano_sonatas_12_1_tet01"
START_S, LENGTH_S = 10.0, 3.0
TOLERANCE_S = 0.010


def layers_of(piece):
    "Notes of the score, of the alignment and of the performance, row by row."
    from pianoalign import align
    from pianoalign.datasets import load_corpus, pair_by_rank
    from pianoalign.lab.explorer import result_layers

    found = load_corpus("demo", ROOT / "corpus", ("recordings",))
    recording = next(r for r in found if r.id == piece)
    layers = result_layers(align(recording.audio, ROOT / "corpus" / "score" / f"{piece}.mid"))
    given = layers.pop("unaligned")
    (aligned,) = layers.values()
    return recording, given, aligned, pair_by_rank(given, recording.reference)


def draw(out):
    "One figure of two rows: the notes before, and after with an arrow for each."
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.patches import Patch

    recording, given, aligned, truth = layers_of(PIECE)
    near = (truth.onset_s >= START_S) & (truth.onset_s < START_S + LENGTH_S)
    figure, axes = plt.subplots(2, 1, figsize=(10, 4.6), sharex=True, layout="constrained")
    rows = (("Before", given, "#E69F00"), ("After", aligned, "#009E73"))
    for ax, (name, notes, colour) in zip(axes, rows):
        share = 100 * np.mean(np.abs(notes.onset_s - truth.onset_s) <= TOLERANCE_S)
        ax.set_title(
            f"{name}: {share:.0f} % of all {len(truth):,} notes within 10 ms", loc="left", size=10
        )
        for k in np.flatnonzero(near):
            pitch, height = truth.pitch[k], 0.8
            place = (truth.onset_s[k], pitch - height / 2)
            size = (truth.offset_s[k] - truth.onset_s[k], height)
            ax.add_patch(plt.Rectangle(place, *size, color="#d9d9d9", lw=0))
            ax.plot([notes.onset_s[k]] * 2, [pitch - 0.8, pitch + 0.8], color=colour, lw=2)
            if notes is aligned and abs(given.onset_s[k] - aligned.onset_s[k]) > 0.02:
                ends = dict(xy=(aligned.onset_s[k], pitch), xytext=(given.onset_s[k], pitch))
                ax.annotate("", **ends, arrowprops=dict(arrowstyle="->", color="#E69F00", lw=1))
        pitches = truth.pitch[near]
        ax.set(ylim=(pitches.min() - 2, pitches.max() + 2), ylabel="Pitch (MIDI)")
    axes[1].set(xlim=(START_S, START_S + LENGTH_S), xlabel="Time (s)")
    marks = [
        Patch(color="#d9d9d9", label="as played"),
        Patch(color="#E69F00", label="onset in the score"),
        Patch(color="#009E73", label="onset after alignment"),
    ]
    figure.legend(handles=marks, loc="outside upper right", ncols=3, frameon=False, fontsize=9)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    print(f"{out}: {recording.composition}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "figures" / "aligned.png")
    draw(parser.parse_args().out)
