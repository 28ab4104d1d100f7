#!/usr/bin/env python3
"""Train the refiner of weights that ship: the second look at each note.

usage: python workflow/train_refiner.py maps --maps MAPS --free FREE
       python workflow/train_refiner.py free --free FREE

`maps` learns from what the weights of that name may know: MAPS's sampled pianos but AkPnCGdD, whose
labels are freed of their step; the demo corpus's training recordings; and the free corpus
(`corpus/free/make_free.py`) less what MuseScore General plays there. `free` learns from the free
corpus alone. Of each recording a minute is taken, as it is and as it might sound in another room,
and of each of these at most 400 notes. The minutes are those of files jittered as published. What
the refiners that ship were made with, steps and recordings, stands in `refiner.json` beside them.

Writes `refiner.safetensors` and `refiner.json` beside the weights. To be run again whenever the
weights change, and `calibrate.py` after it.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from tqdm.auto import tqdm

from pianoalign.datasets import cached_spectrogram, degrade, evaluation_segments
from pianoalign.datasets import load_corpus, remove_step
from pianoalign.files import InputError, repo_root, whole_file, write_json
from pianoalign.notes import Notes
from pianoalign.tool.aligner import Engine, open_engine, weights_folder
from pianoalign.tool.confidence import network_fingerprint
from pianoalign.tool.listening import hear
from pianoalign.tool.refiner_training import examples_of, NoteViews, train_refiner
from pianoalign.tool.refining import ABOUT_FILE, REFINED_FPS, REFINER_FILE

WHOLE_S = 3600.0  # longer than any recording: one segment
EXCERPT_S = 60.0
MARGIN_S = 0.5  # at the excerpt's ends, where notes are cut
MOST_NOTES = 400
HELD_OUT = "AkPnCGdD"


def read_options():
    "The command line."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("weights", choices=("maps", "free"), help="which set of weights")
    add("--maps", help="folder of MAPS, for the weights maps")
    add("--free", default=str(repo_root() / "corpus" / "free"), help="folder of the free corpus")
    add("--steps", type=int, default=4000, help="of training (default: %(default)s)")
    add("--seed", type=int, default=0)
    add("--cache", default=str(repo_root() / ".cache" / "features"), help="folder of spectrograms")
    options = parser.parse_args()
    if options.weights == "maps" and not options.maps:
        parser.error("the weights maps need --maps, the folder of MAPS")
    return options


def recordings_of(options) -> dict:  # corpus -> list of Recording
    "What is learned from."
    held = dict(pedal=True)
    free = load_corpus("free", options.free, ("train",), **held)
    if options.weights == "free":
        return {"free": free}
    maps = load_corpus("maps", options.maps, ("train",), **held)
    return {
        "maps": [remove_step(r) for r in maps if r.piano != HELD_OUT],
        "demo": load_corpus("demo", repo_root() / "corpus", ("train",), **held),
        "free": [r for r in free if "MuseScore" not in r.piano],
    }


def excerpt(recording, engine: Engine, cache: str, rng) -> tuple:  # truth, loose notes, image
    "A minute of a recording, from anywhere in it."
    image = np.asarray(cached_spectrogram(recording, engine.experiment.audio, cache))
    whole = replace(engine.experiment.data, segment_s=WHOLE_S, seed=int(rng.integers(1 << 30)))
    (segment,) = evaluation_segments([recording], whole)
    first = int(rng.integers(max(len(image) - round(EXCERPT_S * REFINED_FPS), 0) + 1))
    image = image[first : first + round(EXCERPT_S * REFINED_FPS)]
    begins_s, length_s = first / REFINED_FPS, len(image) / REFINED_FPS
    onset_s = segment.reference.onset_s - begins_s
    rows = np.flatnonzero((onset_s > MARGIN_S) & (onset_s < length_s - MARGIN_S))

    def moved(notes: Notes) -> Notes:
        return notes[rows].shifted(-begins_s)

    return moved(segment.reference), moved(segment.loose), image


def lessons(recordings: list, engine: Engine, cache: str, rng) -> Iterator[NoteViews]:
    "Examples of each recording, as it is and in another room."
    audio, data = engine.experiment.audio, engine.experiment.data
    for recording in recordings:
        reference, loose, image = excerpt(recording, engine, cache, rng)
        in_a_room = degrade(image.astype(np.float32), rng, data, audio.fps)
        for seen in (image, in_a_room):
            heard = hear(engine.walker, audio, seen, loose, len(seen))
            found = examples_of(reference, loose, heard, seen, engine.confidence, rng)
            kept = rng.permutation(len(found.place_s))[:MOST_NOTES]
            yield NoteViews(found.seen[kept], found.place_s[kept])


def main():
    options = read_options()
    torch.set_num_threads(1)
    began_s = time.process_time()
    engine = open_engine(weights_folder(options.weights), device="cpu")
    if engine.confidence is None:
        raise InputError(f"{engine.folder}: has no confidence.json; make it with calibrate.py")
    rng, parts, counts = np.random.default_rng(options.seed), [], {}
    for name, recordings in recordings_of(options).items():
        bar = tqdm(recordings, name, dynamic_ncols=True, mininterval=10)
        found = list(lessons(bar, engine, options.cache, rng))
        parts += found
        notes = sum(len(part.place_s) for part in found)
        counts[name] = {"recordings": len(recordings), "examples": notes}
    examples = NoteViews.together(parts)
    with tqdm(total=options.steps, desc="training", dynamic_ncols=True, mininterval=10) as bar:
        say = lambda step, loss: bar.update()
        weights = train_refiner(examples, options.steps, options.seed, say=say)
    made = {
        "corpora": counts,
        "steps": options.steps,
        "seed": options.seed,
        "processor_seconds": round(time.process_time() - began_s),
    }
    folder = Path(engine.folder)
    halves = {name: values.astype(np.float16) for name, values in weights.items()}
    with whole_file(folder / REFINER_FILE) as temporary:
        save_file(halves, temporary)
    write_json(folder / ABOUT_FILE, {"network": network_fingerprint(folder), "made": made})
    print(f"{folder / REFINER_FILE}: learned from {len(examples.place_s):,} views of notes, {made}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from None
