#!/usr/bin/env python3
"""The neighbours in figures: parameters, error of the invertible transform, speed on one core.

usage: python benchmarks/neighbours.py [--seconds 60] [--repeat 3]
Networks are not trained: neither their size nor their speed depends on it. The paper's network
stands beside them, on the same sound.
"""

import argparse, os

os.environ.setdefault("OMP_NUM_THREADS", "1")
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from speed import best_of
from pianoalign.datasets import load_corpus
from pianoalign.neighbours.icqt import CQTSettings, analyse, synthesise_cqt
from pianoalign.network import CRNN, NetworkSettings, parameter_count, predict
from pianoalign.notes import Notes
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

RATE_HZ = 16000


def signals(n: int, rate_hz: int) -> dict:  # name -> (n,) samples
    "What the transform must give back."
    rng, t = np.random.default_rng(0), np.arange(n) / rate_hz
    clicks = np.zeros(n)
    clicks[rng.integers(0, n, 20)] = 1
    return dict(
        noise=rng.standard_normal(n),
        chirp=np.sin(2 * np.pi * (30 * t + (rate_hz / 2 - 60) * t**2 / (2 * t[-1]))),
        clicks=clicks,
    )


def there_and_back(x: torch.Tensor, layout: CQTSettings) -> torch.Tensor:  # (n,) each
    "A signal, analysed and put together again."
    coefficients, rest = analyse(x, layout)
    return synthesise_cqt(coefficients, rest, len(x), layout)


def inversion(layout: CQTSettings, seconds: float = 7.3) -> float:
    "Largest relative error of analysis and synthesis: norm of the difference over the signal's."
    errors, rate_hz = [], layout.sample_rate_hz
    for samples in signals(int(seconds * rate_hz), rate_hz).values():
        x = torch.as_tensor(samples, dtype=torch.float32)
        errors.append(float((there_and_back(x, layout) - x).norm() / x.norm()))
    return max(errors)


# What a system does with samples at 16 kHz, from its own picture of them to its answer.


def by_crnn(network: CRNN, samples: np.ndarray, notes: Notes) -> None:
    "The paper's way, given these notes."
    image = spectrogram(samples)
    predict(network, image, piano_roll(notes, len(image)))


def by_transcriber(network: Transcriber, samples: np.ndarray) -> None:
    "Notes, given none."
    s = network.settings
    image = spectrogram(resample(samples, RATE_HZ, s.sample_rate_hz), audio_of(s))
    _, note, onset = posteriorgrams(network, image)
    decode_notes(onset, note, fps_of(s))


def by_timbre_trap(network: TimbreTrap, samples: np.ndarray) -> None:
    "The salience of pitch, and both sounds."
    answers_of(network, resample(samples, RATE_HZ, network.settings.transform.sample_rate_hz))


def whole_chain(samples: np.ndarray, notes: Notes, repeat: int) -> dict:
    "Name -> parameters, seconds from samples at 16 kHz to what the system answers."
    rows, of_demo = {}, load_plan().experiment("crnn", "demo").network

    def measure(name, network, work, times=repeat):
        rows[name] = parameter_count(network), best_of(times, work)

    crnns = {
        "CRNN, the paper's size": NetworkSettings(),
        "CRNN, tier demo": of_demo,
        "transformer, tier demo": replace(of_demo, recurrent="transformer"),
        "conformer, tier demo": replace(of_demo, recurrent="conformer"),
    }
    for name, settings in crnns.items():
        network = CRNN(settings).eval()
        work = partial(by_crnn, network, samples, notes)
        measure(f"{name}: CQT and answer", network, work)
    transcribers = {
        "transcriber of the report": {},
        "transcriber, Basic Pitch's layout": LAYOUTS["basic_pitch"],
    }
    for name, changes in transcribers.items():
        network = Transcriber(TranscriberSettings(**changes)).eval()
        work = partial(by_transcriber, network, samples)
        measure(f"{name}: CQT, answer, notes", network, work)
    timbre_traps = {"Timbre-Trap, small form": SMALL_FORM, "Timbre-Trap, as published": {}}
    for name, changes in timbre_traps.items():
        network = TimbreTrap(TimbreSettings(**changes)).eval()
        network.scale.fill_(1.0)
        work = partial(by_timbre_trap, network, samples)
        times = repeat if changes else 1  # as published it takes long
        measure(f"{name}: salience and both sounds", network, work, times)
    return rows


def transforms(samples: np.ndarray, repeat: int) -> list:  # of dicts, a row each
    "Speed and error of the invertible transform."
    rows, length_s = [], len(samples) / RATE_HZ
    layouts = {"published layout": CQTSettings(), "small form": SMALL_FORM["transform"]}
    for name, layout in layouts.items():
        x = torch.as_tensor(resample(samples, RATE_HZ, layout.sample_rate_hz))
        took_s = best_of(repeat, partial(there_and_back, x, layout))
        row = dict(what=f"invertible transform, {name}: there and back")
        row |= dict(x_real_time=length_s / took_s, relative_error=inversion(layout))
        rows.append(row)
    return rows


def shown(table: pd.DataFrame) -> str:
    "The table as text; a cell without a figure is empty."
    forms = dict(parameters="{:,.0f}", x_real_time="{:.1f}", relative_error="{:.1e}")
    formatters = {column: form.format for column, form in forms.items()}
    return table.to_string(index=False, formatters=formatters, na_rep="")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recording = load_corpus("demo", repo_root() / "corpus", ("test",))[0]
    samples = load_audio(recording.audio)[: int(options.seconds * RATE_HZ)]
    length_s = len(samples) / RATE_HZ
    rows = [
        dict(what=name, parameters=n, x_real_time=length_s / took_s)
        for name, (n, took_s) in whole_chain(samples, recording.reference, options.repeat).items()
    ]
    print(shown(pd.DataFrame(rows + transforms(samples, options.repeat))))


if __name__ == "__main__":
    main()
