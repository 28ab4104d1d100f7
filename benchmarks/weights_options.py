"""What the benchmarks of the weights that ship have in common: their options, and what they count.
"""

import argparse
from pathlib import Path

from pianoalign.files import repo_root

RATE_HZ = 16000
WHOLE_S = 3600.0  # longer than any recording: one segment, nothing is cut
LOUD = 50  # velocity; Disklaviers strike softer notes later than their labels say
TOLERANCES_MS = (10, 25, 50)
WITHIN = tuple(f"within_{ms}_pct" for ms in TOLERANCES_MS)  # columns of `metrics.summarise`
CORPORA = {  # options that say where recordings lie
    "maps": dict(required=True, help="folder of MAPS"),
    "salamander": dict(
        default=str(repo_root() / "corpus" / "salamander"),
        help="folder of the recorded piano, as corpus/salamander makes it",
    ),
}


def parser_about(
    about: str,  # a benchmark's docstring, of which the first paragraph is shown
) -> argparse.ArgumentParser:
    "A command line whose help texts say their defaults."
    return argparse.ArgumentParser(
        description=about.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )


def weights_parser(
    about: str,  # a benchmark's docstring, of which the first paragraph is shown
    table: str,  # file name in `results/weights`
    *corpora: str,  # names of `CORPORA`
) -> argparse.ArgumentParser:
    "A command line that has `--out`, `--cache`, and an option for each corpus."
    parser = parser_about(about)
    for name in corpora:
        parser.add_argument(f"--{name}", **CORPORA[name])
    parser.add_argument(
        "--cache",
        type=Path,
        default=repo_root() / ".cache",
        help="folder of what is kept: spectrograms in `features`, others' notes in `transcribed`",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=repo_root() / "results" / "weights" / table,
        help="table to write",
    )
    return parser
