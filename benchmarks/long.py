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


HEARD_HZ, WRITTEN_HZ = 16000, 44100  # rates of the corpus and of the file that is made


def repeated(notes: Notes, times: int, every_s: float) -> Notes:
    "Notes that come again and again, each time so much later."
    again = [notes.shifted(k * every_s) for k in range(times)]
    names = ("onset_s", "offset_s", "pitch", "velocity")
    return Notes.from_arrays(*(np.concatenate([getattr(n, name) for n in again]) for name in names))


def make(folder: Path, minutes: int) -> tuple:  # seconds, number of notes
    "Write a minute so many times over, long.flac, and its loose notes, long.mid."
    recording = load_corpus("demo", repo_root() / "corpus", ("test",))[0]
    samples = load_audio(recording.audio)[: 60 * HEARD_HZ]
    places = np.arange(0, len(samples) - 1, HEARD_HZ / WRITTEN_HZ)
    minute = np.interp(places, np.arange(len(samples)), samples)
    part_s = len(minute) / WRITTEN_HZ
    with soundfile.SoundFile(folder / "long.flac", "w", WRITTEN_HZ, 2) as f:
        for _ in range(minutes):
            f.write(np.stack([minute, minute], 1))
    inside = recording.reference[recording.reference.onset_s < 59.0]
    notes = repeated(inside, minutes, part_s)
    write_midi(jitter_notes(notes, np.random.default_rng(1)), folder / "long.mid")
    return minutes * part_s, len(notes)


def first_word_s(folder: Path, python: str) -> float:
    "Seconds from the start of Python to the first line that `align` prints."
    words = ["align", "no.wav", "no.mid", "no.out.mid", "--verbose"]
    line = [python, "-m", "pianoalign", *words]
    start_s = time.perf_counter()
    with subprocess.Popen(line, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert "starting" in process.stderr.readline()
        took_s = time.perf_counter() - start_s
        process.stderr.read()
    return took_s


def measure(folder: Path, minutes: int, options) -> str:  # the line to print
    "Align a recording of so many minutes in a process of its own."
    length_s, n = make(folder, minutes)
    files = [folder / "long.flac", folder / "long.mid", "-o", folder / "out.mid"]
    line = [options.python, "-c", CALL, str(options.cores), *files, *options.align]
    start_s = time.perf_counter()
    done = subprocess.run(
        line,
        cwd=folder,  # not the clone, whose package would come first
        capture_output=True,
        text=True,
    )
    took_s = time.perf_counter() - start_s
    if done.returncode:
        sys.exit(done.stderr)
    code, user_s, system_s, mib = map(float, done.stdout.split())
    return (
        f"{minutes:4d} min, {n:6d} notes: {took_s:7.1f} s = {length_s / took_s:5.0f} x real time; "
        f"processor {user_s + system_s:7.1f} s; peak memory {mib:5.0f} MiB; exit code {code:.0f}"
    )


def main():
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
        waits_s = [first_word_s(folder, options.python) for _ in range(5)]
        print(f"first word after {min(waits_s):.2f} s")
        measure(folder, 1, options)  # not counted: compiled files land on disk
        for minutes in options.minutes:
            print(measure(folder, minutes, options), flush=True)


if __name__ == "__main__":
    main()
