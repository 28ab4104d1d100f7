#!/usr/bin/env python3
"""A long recording through the whole `pianoalign align`: seconds, times real time, processor
seconds, peak memory.

usage: python benchmarks/long.py [--minutes 1 10 60] [--cores 2] [--python PYTHON]
       [-- extra arguments of align]

A minute of the demo corpus is repeated at 44.1 kHz in stereo (FLAC). Each call is a process of its
own, held to so many cores, start of Python and reading of the file included; a first short call
that is not counted lets compiled files land on disk. First comes the time that passes before
`align` says its first word. With --python it is the `align` of another environment, say one without
PyTorch; the recording is made in this one.
"""

import argparse, subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np
import soundfile

from pianoalign.datasets import jitter_notes, load_corpus
from pianoalign.notes import Notes
from pianoalign.files import repo_root
from pianoalign.midi import write_midi
from pianoalign.preprocessing import load_audio

CALL = """
import os, resource, sys
if hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:int(sys.argv.pop(1))])
from pianoalign.tool.cli import main
try: main(["align", *sys.argv[1:], "--quiet", "--force"])
except SystemExit as e: code = e.code or 0
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, used.ru_utime, used.ru_stime, used.ru_maxrss / 1024)
"""


def make(folder, minutes):
    "The repeated minute and its loose notes; returns seconds and the number of notes."
    r = load_corpus("demo", repo_root() / "corpus", ("test",))[0]
    samples = load_audio(r.audio)[: 60 * 16000]
    minute = np.interp(
        np.arange(0, len(samples) - 1, 16000 / 44100), np.arange(len(samples)), samples
    )
    part_s = len(minute) / 44100
    with soundfile.SoundFile(folder / "long.flac", "w", 44100, 2) as f:
        for _ in range(minutes):
            f.write(np.stack([minute, minute], 1))
    inside = r.reference[r.reference.onset_s < 59.0]
    column = lambda name, step: np.concatenate(
        [getattr(inside, name) + k * step for k in range(minutes)]
    )
    notes = Notes.from_arrays(
        column("onset_s", part_s), column("offset_s", part_s), column("pitch", 0)
    )
    write_midi(jitter_notes(notes, np.random.default_rng(1)), folder / "long.mid")
    return minutes * part_s, len(notes)


def first_word_s(folder, python):
    "Seconds from the start of Python to the first line that `align` prints."
    words = ["align", "no.wav", "no.mid", "no.out.mid", "--verbose"]
    line = [python, "-m", "pianoalign", *words]
    start_s = time.perf_counter()
    with subprocess.Popen(line, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert "starting" in process.stderr.readline()
        took_s = time.perf_counter() - start_s
        process.stderr.read()
    return took_s


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 10, 60])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has `align`")
    parser.add_argument("align", nargs="*", help="after --: arguments of `pianoalign align`")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(
            f"first word after {min(first_word_s(folder, options.python) for _ in range(5)):.2f} s"
        )
        for k, minutes in enumerate([1, *options.minutes]):
            length_s, n = make(folder, minutes)
            start_s = time.perf_counter()
            done = subprocess.run(
                [
                    options.python,
                    "-c",
                    CALL,
                    str(options.cores),
                    folder / "long.flac",
                    folder / "long.mid",
                    "-o",
                    folder / "out.mid",
                    *options.align,
                ],
                cwd=folder,  # not the clone, whose package would come first
                capture_output=True,
                text=True,
            )
            took_s = time.perf_counter() - start_s
            if done.returncode:
                sys.exit(done.stderr)
            code, user_s, system_s, mib = map(float, done.stdout.split())
            if k:
                print(
                    f"{minutes:4d} min, {n:6d} notes: {took_s:7.1f} s = {length_s / took_s:5.0f} "
                    f"x real time; processor {user_s + system_s:7.1f} s; peak memory {mib:5.0f} "
                    f"MiB; exit code {code:.0f}",
                    flush=True,
                )
