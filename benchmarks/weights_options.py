"""What the benchmarks of the weights that ship are told alike: where their table goes, and where
they keep what takes long to make."""

import argparse
from pathlib import Path

from pianoalign.files import repo_root

RATE_HZ = 16000


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
) -> argparse.ArgumentParser:
    "A command line that has `--out` and `--cache`."
    parser = parser_about(about)
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
