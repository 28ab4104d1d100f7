"""Make scores for real recordings out of editions that know nothing of them.

    python benchmarks/engraved_scores.py --asap FOLDER --scores FOLDER --out FOLDER

The scores that come with MAPS are its sequencer's own files: the notes agree to the last one. An
edition of the same piece, engraved by somebody else, has other ornaments, ties and voices. --asap
is the (n)ASAP data set as `corpus/make_corpus.py` reads it, which has seven pieces of MAPS;
--scores holds PIANO/PIECE.tsv.gz, the sequencer's notes and when they sound (see `scores.py`).

Notes of both are paired, one to one, that have a pitch in common and lie within a fifth of a
quarter of each other, after the distance that most pairs have is taken off. A piece is left out
where fewer than 95 % of the edition's notes find a partner; a note without one has no time. What is
written to --out has the same form as --scores, and `scores.py --scores` reads it."""

import argparse, csv, gzip, sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scores import read_table

from pianoalign.files import whole_file

PIECES = {  # of MAPS, and what (n)ASAP calls the same
    "chpn_op10_e01": "Etudes_op_10_1",
    "chpn_op10_e12": "Etudes_op_10_12",
    "chpn_op25_e4": "Etudes_op_25_4",
    "liz_et_trans5": "Transcendental_Etudes_5",
    "pathetique_2": "Piano_Sonatas_8-2",
    "pathetique_3": "Piano_Sonatas_8-3",
    "waldstein_2": "Piano_Sonatas_21-2",
}
UNITS_A_QUARTER = 10080  # of the arrays of (n)ASAP
AS_NEAR_QUARTERS = 0.2
LEAST_PAIRED = 0.95


def edition(performance: Path) -> np.ndarray:  # (n, 3): onset and length in quarters, pitch
    "The score that a performance was matched to, doubles in unison once."
    with np.load(performance) as z:
        played = z["match"] == 1
        names = (("score_q", "miss_q"), ("score_dur_q", "miss_dur_q"), ("pitch", "miss_pitch"))
        rows = np.stack([np.append(z[a][played], z[b]) for a, b in names], axis=1)
    first = np.unique(rows[:, [0, 2]], axis=0, return_index=True)[1]
    return rows[first] / [UNITS_A_QUARTER, UNITS_A_QUARTER, 1]


def usual_distance(edited, sequenced) -> float:  # in quarters
    "By how much the sequencer's notes mostly lie after the edition's of the same pitch."
    votes = Counter()
    for onset, _, pitch in edited:
        there = sequenced[sequenced[:, 2] == pitch, 0]
        votes.update(np.round(there - onset, 2).tolist())
    return votes.most_common(1)[0][0]


def true_times(edited, sequenced) -> np.ndarray:  # (n,) seconds, NaN where there is no partner
    "When each note of the edition sounds."
    distance, time_s = usual_distance(edited, sequenced), np.full(len(edited), np.nan)
    free = np.isfinite(sequenced[:, 3])
    for row, (onset, _, pitch) in enumerate(edited):
        away = np.where(
            free & (sequenced[:, 2] == pitch), np.abs(sequenced[:, 0] - onset - distance), np.inf
        )
        nearest = int(np.argmin(away))
        if away[nearest] <= AS_NEAR_QUARTERS:
            time_s[row], free[nearest] = sequenced[nearest, 3], False
    return time_s


def write_table(path: Path, edited, time_s) -> None:
    "The edition's notes, and when they sound, as a table of the same form."
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, gzip.open(part, "wt", encoding="utf-8") as f:
        f.write("onset_quarter\tlength_quarter\tpitch\ttrue_onset_s\n")
        for (onset, length, pitch), time in zip(edited, time_s):
            true = f"{time:.4f}" if np.isfinite(time) else ""
            f.write(f"{onset:.5f}\t{length:.5f}\t{int(pitch)}\t{true}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--asap", "--scores", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    with open(options.asap / "index.csv", newline="", encoding="utf-8") as f:
        performances = {row["title"]: row["id"] for row in csv.DictReader(f)}
    for piece, title in PIECES.items():
        edited = edition(options.asap / "performances" / f"{performances[title]}.npz")
        for path in sorted(options.scores.glob(f"*/{piece}.tsv.gz")):
            time_s = true_times(edited, read_table(path))
            paired, where = np.isfinite(time_s).mean(), f"{path.parent.name} {piece}"
            if paired < LEAST_PAIRED:
                print(f"{where}: left out, {100 * paired:.1f} % of {len(edited)} notes are paired")
                continue
            write_table(options.out / path.parent.name / path.name, edited, time_s)
            print(f"{where}: {100 * paired:.1f} % of {len(edited)} notes are paired")


if __name__ == "__main__":
    main()
