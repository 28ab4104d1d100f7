"""Train weights that ship further on a recorded piano: the run `recorded_piano`.

usage: python benchmarks/train_further.py free [--corpus FOLDER] [--runs FOLDER]
       python benchmarks/train_further.py maps --corpus MAPS [--runs FOLDER]

Takes the recorded piano from corpus/salamander and the free corpus from corpus/free, where the
scripts that make them put them (`--out corpus/salamander`, `--out corpus/free`), and goes on from
the weights that ship. A call that was interrupted is gone on with by the same call. Prints the
folder of the run, which `two_networks.py` judges.
"""

from pathlib import Path

import torch

from pianoalign.experiments import load_plan
from pianoalign.files import repo_root
from pianoalign.training import train
from weights_options import parser_about

TIERS = {"free": "free", "maps": "weights"}
RUN = "recorded_piano"


def main():
    parser = parser_about(__doc__)
    parser.add_argument("weights", choices=TIERS, help="which weights to go on from")
    parser.add_argument(
        "--corpus",
        default=str(repo_root() / "corpus" / "free"),
        help="folder of the free corpus, or of MAPS for the weights maps",
    )
    parser.add_argument(
        "--runs", default=str(repo_root() / ".cache" / "further"), help="folder of the run"
    )
    parser.add_argument(
        "--cache", default=str(repo_root() / ".cache" / "features"), help="folder of spectrograms"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    plan, runs = load_plan(), Path(asked.runs) / asked.weights
    experiment = plan.experiment(RUN, TIERS[asked.weights])
    sets = plan.run(RUN, TIERS[asked.weights])["sets"]
    corpus = repo_root() / "corpus"
    print(train(experiment, runs, asked.corpus, corpus, asked.cache, sets=sets))


if __name__ == "__main__":
    main()
