#!/usr/bin/env python3
"""The neighbours in figures: parameters, error of the invertible transform, speed on one core.

usage: python benchmarks/neighbours.py [--seconds 60] [--repeat 3]
Networks are not trained: neither their size nor their speed depends on it. The paper's network
stands beside them, on the same sound.
"""

import argparse, os

os.environ.setdefault("OMP_NUM_THREADS", "1")
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from speed import best_of
from pianoalign.datasets import load_corpus
from pianoalign.neighbours.icqt import CQTSettings, analyse, synthesise_cqt
from pianoalign.network import CRNN, NetworkSettings, parameter_count, predict
from pianoalign.files import repo_root
from pianoalign.preprocessing import load_audio, piano_roll, resample, spectrogram
from pianoalign.neighbours.timbre import SMALL_FORM, TimbreSettings, TimbreTrap, answers_of
from pianoalign.experiments import load_plan
from pianoalign.neighbours.transcriber import (
    LAYOUTS,
    Transcriber,
    TranscriberSettings,
    audio_of,
    decode_notes,
    fps_of,
    posteriorgrams,
)


def signals(n, rate_hz):
    "What the transform must give back."
    rng, t = np.random.default_rng(0), np.arange(n) / rate_hz
    clicks = np.zeros(n)
    clicks[rng.integers(0, n, 20)] = 1
    return dict(
        noise=rng.standard_normal(n),
        chirp=np.sin(2 * np.pi * (30 * t + (rate_hz / 2 - 60) * t**2 / (2 * t[-1]))),
        clicks=clicks,
    )


def inversion(layout, seconds=7.3):
    "Largest relative error of analysis and synthesis: norm of the difference over the signal's."

    def error(x):
        x = torch.as_tensor(x, dtype=torch.float32)
        c, rest = analyse(x, layout)
        return float((synthesise_cqt(c, rest, len(x), layout) - x).norm() / x.norm())

    return max(
        error(x)
        for x in signals(int(seconds * layout.sample_rate_hz), layout.sample_rate_hz).values()
    )


def whole_chain(samples, notes, repeat):
    "Name -> parameters, seconds from samples at 16 kHz to what the system answers."
    rows, plan = {}, load_plan()
    for name, settings in {
        "CRNN, the paper's size": NetworkSettings(),
        "CRNN, tier demo": plan.experiment("crnn", "demo").network,
        "transformer, tier demo": replace(
            plan.experiment("crnn", "demo").network, recurrent="transformer"
        ),
        "conformer, tier demo": replace(
            plan.experiment("crnn", "demo").network, recurrent="conformer"
        ),
    }.items():
        network = CRNN(settings).eval()

        def work(network=network):
            image = spectrogram(samples)
            predict(network, image, piano_roll(notes, len(image)))

        rows[f"{name}: CQT and answer"] = parameter_count(network), best_of(repeat, work)
    for name, changes in {
        "transcriber of the report": {},
        "transcriber, Basic Pitch's layout": LAYOUTS["basic_pitch"],
    }.items():
        settings = TranscriberSettings(**changes)
        network = Transcriber(settings).eval()

        def work(network=network, s=settings):
            _, note, onset = posteriorgrams(
                network, spectrogram(resample(samples, 16000, s.sample_rate_hz), audio_of(s))
            )
            decode_notes(onset, note, fps_of(s))

        rows[f"{name}: CQT, answer, notes"] = parameter_count(network), best_of(repeat, work)
    for name, changes in {
        "Timbre-Trap, small form": SMALL_FORM,
        "Timbre-Trap, as published": {},
    }.items():
        network = TimbreTrap(TimbreSettings(**changes)).eval()
        network.scale.fill_(1.0)
        rate = network.settings.transform.sample_rate_hz
        rows[f"{name}: salience and both sounds"] = (
            parameter_count(network),
            best_of(
                1 if not changes else repeat,
                lambda: answers_of(network, resample(samples, 16000, rate)),
            ),
        )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    r = load_corpus("demo", repo_root() / "corpus", ("test",))[0]
    samples = load_audio(r.audio)[: int(options.seconds * 16000)]
    length_s = len(samples) / 16000
    rows = [
        dict(what=name, parameters=n, x_real_time=length_s / took_s)
        for name, (n, took_s) in whole_chain(samples, r.reference, options.repeat).items()
    ]
    for name, layout in {
        "invertible transform, published layout": CQTSettings(),
        "invertible transform, small form": SMALL_FORM["transform"],
    }.items():
        x = torch.as_tensor(resample(samples, 16000, layout.sample_rate_hz))

        def both():
            c, rest = analyse(x, layout)
            synthesise_cqt(c, rest, len(x), layout)

        rows.append(
            dict(
                what=f"{name}: there and back",
                x_real_time=length_s / best_of(options.repeat, both),
                relative_error=inversion(layout),
            )
        )
    table = pd.DataFrame(rows)
    print(
        table.to_string(
            index=False,
            formatters=dict(
                parameters=lambda v: "" if pd.isna(v) else f"{v:,.0f}",
                x_real_time="{:.1f}".format,
                relative_error=lambda v: "" if pd.isna(v) else f"{v:.1e}",
            ),
        )
    )
