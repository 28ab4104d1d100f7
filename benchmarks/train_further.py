"""Train weights that ship further on a recorded piano: the run `recorded_piano`.

usage: python benchmarks/train_further.py free [--corpus FOLDER] [--runs FOLDER]
       python benchmarks/train_further.py maps --corpus MAPS [--runs FOLDER]

Takes the recorded piano from corpus/salamander and the free corpus from corpus/free, where the
scripts that make them put them (`--out corpus/salamander`, `--out corpus/free`), and the start from
`pianoalign/weights`. A call that was interrupted is gone on with by the same call. Prints the
folder of the run, which `two_networks.py` judges.
"""

import shutil
from pathlib import Path

import torch

from pianoalign.experiments import load_plan
from pianoalign.files import repo_root
from pianoalign.runs import RunFolder
from pianoalign.tool.aligner import weights_folder
from pianoalign.training import train
from weights_options import parser_about

TIERS = {"free": "free", "maps": "weights"}
RUN = "recorded_piano"


def put_start(weights: str, name: str, runs: Path) -> Path:  # its folder
    "The run that the training starts from: its kept figures, and the weights that ship."
    kept = repo_root() / "results" / TIERS[weights] / "runs" / name
    folder = RunFolder(runs / name)
    folder.checkpoint.mkdir(parents=True, exist_ok=True)
    for file in ("config.json", "metrics.json"):
        shutil.copy(kept / file, folder.path / file)
    for file in ("config.json", "weights.safetensors"):
        shutil.copy(weights_folder(weights) / file, folder.checkpoint / file)
    return folder.path


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
    put_start(asked.weights, experiment.training.init_from, runs)
    sets = plan.run(RUN, TIERS[asked.weights])["sets"]
    corpus = repo_root() / "corpus"
    print(train(experiment, runs, asked.corpus, corpus, asked.cache, sets=sets))


if __name__ == "__main__":
    main()
