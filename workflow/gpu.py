#!/usr/bin/env python3
"""Measure what a graphics card does with the paper's network; see workflow/gpu.sh.

usage: python workflow/gpu.py [--device cuda] [--steps 20] [--out results/gpu]
`--device cpu --steps 2 --out FOLDER` rehearses the script on a processor, with a small network.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pianoalign.datasets import experiment_corpus, feature_store
from pianoalign.experiments import Experiment, TrainingSettings, load_plan
from pianoalign.files import InputError, repo_root, write_json
from pianoalign.network import CRNN, NetworkSettings, choose_device
from pianoalign.runs import commit, device_name, processor_name, versions
from pianoalign.training import Examples, Run, drawn_ahead, loss_of, tune_allocator

TOLERANCE = 1e-3  # between CUDA and processor, of logits and loss
SMALL = NetworkSettings(filters=(4, 4, 8), dense=16, hidden=16)
NEEDS = (
    "workflow/gpu.sh needs an NVIDIA graphics card with 8 GB of memory or more, its driver, and a "
    "PyTorch built for CUDA (environment.yml says which line); PyTorch finds none on this machine."
)


def settings(network: NetworkSettings, crop_s: float, precision: str = "float32") -> Experiment:
    "The printed experiment on the demo corpus's recordings; in crops where asked."
    printed = load_plan().experiment("crnn", "printed")
    return replace(
        printed,
        network=network,
        data=replace(printed.data, corpus="demo", per_split=12),
        training=TrainingSettings(crop_s=crop_s, precision=precision, steps=10_000),
    )


def close_to_the_processor(examples, network, device) -> dict:
    "Logits and loss of one batch on both: they must agree to `TOLERANCE`."
    batch = [None if x is None else torch.from_numpy(x) for x in examples.batch(0)]
    torch.manual_seed(0)
    net = CRNN(network).eval()
    net.mean.fill_(-5.8)
    net.deviation.fill_(1.9)
    with torch.inference_mode():
        here, loss = net(*batch[:2]), float(loss_of(net, batch))
        there = [None if x is None else x.to(device) for x in batch]
        net.to(device)
        logits, other_loss = net(*there[:2]).cpu(), float(loss_of(net, there))
    far = float((here - logits).abs().max())
    if max(far, abs(loss - other_loss)) > TOLERANCE:
        raise InputError(
            f"logits on {device} and on the processor differ by {far:.1e}, the loss by "
            f"{abs(loss - other_loss):.1e}; {TOLERANCE:.0e} is allowed: update driver and PyTorch"
        )
    return dict(logits=far, loss=abs(loss - other_loss))


def advanced(experiment, examples, device, steps, state=None) -> Run:
    "A run that has gone to `steps`, from its start or from a state."
    run = Run(experiment, examples, device)
    if state:
        run.load(state)
    for batch in drawn_ahead(examples, run.step, steps, device):
        run.advance(batch)
    return run


def distance(a: Run, b: Run) -> float:
    "Largest difference between two runs' weights."
    one, other = a.network.state_dict(), b.network.state_dict()
    return max(float((one[k].float() - other[k].float()).abs().max()) for k in one)


def resumed_as_straight(experiment, examples, device) -> dict:
    "Twelve steps in one go, twice, and six, a stop, and six more."
    straight, again = (advanced(experiment, examples, device, 12) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        advanced(experiment, examples, device, 6).save(path)
        resumed = advanced(experiment, examples, device, 12, path)
    spread, far = distance(straight, again), distance(straight, resumed)
    if far > max(TOLERANCE, 2 * spread):
        raise InputError(
            f"a resumed run's weights differ by {far:.1e} from those of one that was not "
            f"interrupted, two of which differ by {spread:.1e}: do not trust results of this card"
        )
    return dict(two_straight_runs=spread, straight_and_resumed=far)


def frames_a_second(experiment, examples, device, steps) -> tuple:  # frames/s, MiB at most
    "Throughput of training, examples drawn ahead, and the memory that it takes."
    on_card = torch.device(device).type == "cuda"
    if on_card:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    run, frames, began = Run(experiment, examples, device), 0, None
    for k, batch in enumerate(drawn_ahead(examples, 0, steps + 3, device)):
        if k == 3:  # the first steps choose their kernels
            run.losses  # waits for the card
            began = time.monotonic()
        run.advance(batch)
        frames += batch[0].shape[0] * batch[0].shape[1] if k >= 3 else 0
    run.losses
    rate = frames / (time.monotonic() - began)
    return round(rate), round(torch.cuda.max_memory_reserved() / 2**20) if on_card else 0


def frames_drawn(examples, device, seconds=5.0) -> dict:
    "Frames of examples drawn in a second by one thread, and by as many as a card would get."
    rates = {}
    for name, workers in (("one thread", 1), ("all threads", 0)):
        began, frames = time.monotonic(), 0
        batches = drawn_ahead(examples, 0, 10**6, device, workers)
        for batch in batches:
            frames += batch[0].shape[0] * batch[0].shape[1]
            if time.monotonic() - began > seconds:
                break
        batches.close()
        rates[name] = round(frames / (time.monotonic() - began))
    return rates


def measure(device: str, steps: int) -> dict:
    "All of it."
    network = NetworkSettings() if device != "cpu" else SMALL
    kinds = {"whole segments": 0.0, "crops of 3.2 s": 3.2}
    first = settings(network, 3.2)
    corpus = experiment_corpus(first.data, repo_root() / "corpus")
    recordings = [r for r in corpus if r.split == "train"]
    features = feature_store(recordings, first.audio, repo_root() / ".cache" / "features", True)
    features = {k: np.asarray(v) for k, v in features.items()}  # in memory, not on a slow disk
    examples = {k: Examples(recordings, features, settings(network, s)) for k, s in kinds.items()}
    told = dict(
        device=device_name(device),
        processor=processor_name(),
        commit=commit(),
        versions=versions() | {"cuda": torch.version.cuda or ""},
        against_the_processor=close_to_the_processor(examples["crops of 3.2 s"], network, device),
        resumed=resumed_as_straight(first, examples["crops of 3.2 s"], device),
        frames_a_second={},
        memory_mib={},
    )
    bfloat16 = device != "cpu" and torch.cuda.is_bf16_supported(including_emulation=False)
    for precision in ("float32", "bfloat16") if bfloat16 or device == "cpu" else ("float32",):
        for kind, crop_s in kinds.items():
            e = settings(network, crop_s, precision)
            rate, mib = frames_a_second(e, examples[kind], device, steps)
            told["frames_a_second"].setdefault(precision, {})[kind] = rate
            told["memory_mib"].setdefault(precision, {})[kind] = mib
    told["frames_drawn_a_second"] = {k: frames_drawn(x, device) for k, x in examples.items()}
    told["runs_at_once"] = 1
    if device != "cpu":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**20
        context = 600  # MiB that each process takes for itself
        told["memory_of_the_card_mib"] = round(memory)
        each = told["memory_mib"]["float32"]["whole segments"] + context
        told["runs_at_once"] = max(1, int(0.9 * memory / each))
    return told


def main() -> int:
    "The command."
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each kind")
    parser.add_argument("--out", default=str(repo_root() / "results" / "gpu"))
    a = parser.parse_args()
    if a.device == "cuda" and not torch.cuda.is_available():
        print(NEEDS, file=sys.stderr)
        return 3
    tune_allocator()
    try:
        told = measure(choose_device(a.device), a.steps)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    name = re.sub(r"[^a-z0-9]+", "-", told["device"].lower()).strip("-")
    write_json(Path(a.out) / f"{name}.json", told)
    print(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
