#!/usr/bin/env python3
"""How fast each step is, on one core: x real time for what works on audio, frames a second for
training, notes a second for decoding.

usage: python benchmarks/speed.py [--minutes 2] [--repeat 3]

Prints one row a step and its share of the whole chain. Needs the demo corpus and no trained
weights: a network's speed does not depend on them.
"""

import argparse, os, time

os.environ.setdefault("OMP_NUM_THREADS", "1")
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from pianoalign.baselines import dtw_align
from pianoalign.datasets import (
    DataSettings,
    experiment_corpus,
    evaluation_segments,
    feature_store,
    jitter_notes,
)
from pianoalign.network import CRNN, NetworkSettings, predict
from pianoalign.notes import Notes
from pianoalign.files import repo_root
from pianoalign.postprocessing import align_notes
from pianoalign.preprocessing import piano_roll, spectrogram
from pianoalign.training import Examples, Run, tune_allocator
from pianoalign.experiments import load_plan


def best_of(repeat: int, work: Callable) -> float:  # seconds
    "Shortest of several runs, after one that is not counted."
    work()
    took_s = []
    for _ in range(repeat):
        start_s = time.perf_counter()
        work()
        took_s.append(time.perf_counter() - start_s)
    return min(took_s)


def chain(minutes: float, repeat: int) -> tuple:  # seconds of sound, step -> seconds
    "How long each step takes for one stretch of the corpus."
    root = repo_root() / "corpus"
    corpus = experiment_corpus(DataSettings(corpus="demo", per_split=1), root, root)
    segment = evaluation_segments([r for r in corpus if r.split == "recordings"])[0]
    samples = segment.samples()[: int(minutes * 60 * 16000)]
    loose = segment.loose[segment.loose.onset_s < len(samples) / 16000]
    image = spectrogram(samples)
    roll = piano_roll(loose, len(image))
    truth = piano_roll(segment.reference, len(image))
    steps = {
        "spectrogram (CQT)": lambda: spectrogram(samples),
        "piano roll": lambda: piano_roll(loose, len(image)),
        "matching and new times": lambda: align_notes(loose, truth),
    }
    sizes = {
        "network, paper's size": NetworkSettings(),
        "network, tier demo": load_plan().experiment("crnn", "demo").network,
    }
    for name, settings in sizes.items():
        steps[name] = partial(predict, CRNN(settings).eval(), image, roll)
    took_s = {name: best_of(repeat, work) for name, work in steps.items()}
    took_s["DTW (synctoolbox)"] = best_of(1, lambda: dtw_align(samples, 16000, loose))
    return len(samples) / 16000, took_s


def training(repeat: int, n_steps: int = 6) -> dict:  # name -> frames a second, share
    "Frames a second of optimiser steps, and the share of them that preparing the examples takes."
    plan, root = load_plan(), repo_root() / "corpus"
    rows = {}
    for name, tier in (("tier demo", "demo"), ("half the paper's width, same examples", "maps")):
        settings = plan.experiment("crnn", tier)
        e = replace(plan.experiment("crnn", "demo"), network=settings.network)
        corpus = experiment_corpus(replace(e.data, per_split=2), root)
        recordings = [r for r in corpus if r.split == "train"]
        features = feature_store(recordings, e.audio, repo_root() / ".cache" / "features")
        examples = Examples(recordings, features, e)
        run = Run(e, examples)
        frames = e.training.batch * e.training.crop_s * e.audio.fps * n_steps
        step_s = best_of(repeat, lambda: [run.advance() for _ in range(n_steps)])
        load_s = best_of(repeat, lambda: [examples.batch(k) for k in range(n_steps)])
        rows[name] = (frames / step_s, load_s / step_s)
    return rows


def decoding(repeat: int, n: int = 20_000) -> float:
    "Notes a second of the paper's postprocessing on a long piece."
    rng = np.random.default_rng(0)
    onset_s = np.sort(rng.uniform(0, n / 15, n))
    notes = Notes.from_arrays(onset_s, onset_s + 0.2, rng.integers(30, 95, n))
    roll = piano_roll(notes, int(n / 15 * 100) + 100)

    def work():
        align_notes(jitter_notes(notes, np.random.default_rng(1)), roll)

    return n / best_of(repeat, work)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tune_allocator()
    length_s, seconds = chain(options.minutes, options.repeat)
    for name, took_s in seconds.items():
        print(f"{name:32s} {length_s / took_s:10.0f} x real time")
    for name, (rate, share) in training(options.repeat).items():
        print(
            f"training, {name:22s} {rate:10.0f} frames a second, {100 * share:.0f} % of it "
            f"preparing examples"
        )
    print(f"{'decoding 20,000 notes':32s} {decoding(options.repeat):10.0f} notes a second")


if __name__ == "__main__":
    main()
