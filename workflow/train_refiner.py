#!/usr/bin/env python3
"""Train the refiner of weights that ship: the second look at each peak.

usage: python workflow/train_refiner.py maps --maps MAPS --free FREE
       python workflow/train_refiner.py free --free FREE

`maps` learns from what the weights of that name may know: MAPS's sampled pianos but AkPnCGdD, whose
labels are freed of their step and say when a key strikes; the demo corpus's training recordings;
and the free corpus (`corpus/free/make_free.py`) less what MuseScore General plays there, whose
labels both say when a note sounds. `free` learns from the free corpus alone. Of each recording a
minute is taken several times, once as it is and otherwise as it might sound in another room, each
time with another loose file: jittered as published, by up to 250 ms, or moved as a score that time
warping has laid along; one in three has notes too many or too few. What the refiners that ship
were made with, steps and recordings, stands in `refiner.json` beside them.

Writes `refiner.safetensors` and `refiner.json` beside the weights. To be run again whenever the
weights change, and `calibrate.py` after it.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from safetensors.numpy import save_file
from tqdm.auto import tqdm

from pianoalign.datasets import cached_spectrogram, degrade, evaluation_segments
from pianoalign.datasets import load_corpus, remove_step
from pianoalign.experiments import Experiment
from pianoalign.files import InputError, repo_root, whole_file, write_json
from pianoalign.notes import Notes
from pianoalign.tool.aligner import weights_folder
from pianoalign.tool.confidence import network_fingerprint
from pianoalign.tool.inference import open_network
from pianoalign.tool.listening import hear, Walker
from pianoalign.tool.presence import SPOILT
from pianoalign.tool.refiner_training import as_a_score, examples_of, in_a_room
from pianoalign.tool.refiner_training import PeakViews, train_refiner
from pianoalign.tool.refining import ABOUT_FILE, KEY_ONSETS, onsets_of_labels
from pianoalign.tool.refining import REFINED_FPS, REFINER_FILE, SOUND_ONSETS

WHOLE_S = 3600.0  # longer than any recording: one segment
EXCERPT_S = 60.0
MARGIN_S = 0.5  # at the excerpt's ends, where notes are cut
FEWEST_NOTES = 5  # in a minute
FAR_S, FAR_SHARE = 0.25, 0.25  # some files are off by up to so much
SCORE_SHARE = 0.3  # others are like scores
FAULTY_SHARE = 1 / 3  # of the files have wrong notes, more notes, or lack some
FAULTS = ("wrong_notes", "many_wrong_notes", "held_chords", "second_voice")  # of `presence.SPOILT`
MOST_LACKING = 0.15  # of the notes
ROOM_SHARE = 0.5  # of the minutes that are changed are given a room of their own
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
    add("--steps", type=int, default=6000, help="of training (default: %(default)s)")
    add("--times", type=int, default=5, help="that each recording is heard (default: %(default)s)")
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


def excerpt(recording, experiment: Experiment, most_s: float, cache: str, rng) -> tuple:
    "A minute of a recording, from anywhere in it. -> truth, loose notes, image"
    image = np.asarray(cached_spectrogram(recording, experiment.audio, cache))
    seed = int(rng.integers(1 << 30))
    whole = replace(experiment.data, segment_s=WHOLE_S, max_jitter_s=most_s, seed=seed)
    (segment,) = evaluation_segments([recording], whole)
    first = int(rng.integers(max(len(image) - round(EXCERPT_S * REFINED_FPS), 0) + 1))
    image = image[first : first + round(EXCERPT_S * REFINED_FPS)]
    begins_s, length_s = first / REFINED_FPS, len(image) / REFINED_FPS
    onset_s = segment.reference.onset_s - begins_s
    rows = np.flatnonzero((onset_s > MARGIN_S) & (onset_s < length_s - MARGIN_S))

    def moved(notes: Notes) -> Notes:
        return notes[rows].shifted(-begins_s)

    return moved(segment.reference), moved(segment.loose), image


def with_faults(loose: Notes, rng) -> Notes:
    "A file that has wrong notes, more notes than are played, or that lacks some."
    kind = rng.choice([*FAULTS, "lacks"])
    if kind == "lacks":
        return loose[rng.random(len(loose)) >= rng.uniform(0, MOST_LACKING)]
    return SPOILT[kind](loose, rng)[0]


def lessons(recordings: list, asked: tuple, times: int, cache: str, rng) -> Iterator[PeakViews]:
    "Examples of each recording, once as it is, then in other rooms."
    walker, experiment = asked
    audio, data = experiment.audio, experiment.data
    for recording in recordings:
        for time in range(times):
            kind = rng.random()
            most_s = FAR_S if kind < FAR_SHARE else data.max_jitter_s
            reference, loose, image = excerpt(recording, experiment, most_s, cache, rng)
            if len(reference) < FEWEST_NOTES:
                continue
            if kind > 1 - SCORE_SHARE:
                loose = as_a_score(reference, rng)
            if rng.random() < FAULTY_SHARE:
                loose = with_faults(loose, rng)
            if time > 0:
                image = image.astype(np.float32)
                if rng.random() < ROOM_SHARE:
                    image = in_a_room(image, rng)
                image = degrade(image, rng, data, audio.fps)
            heard = hear(walker, audio, image, loose, len(image))
            onsets = onsets_of_labels(recording.id)
            yield examples_of(reference, loose, heard, image, onsets, rng)


def main():
    options = read_options()
    torch.set_num_threads(1)
    began_s = time.process_time()
    folder = weights_folder(options.weights)
    network, experiment = open_network(folder, "cpu")
    asked = Walker(network), experiment
    rng, parts, counts = np.random.default_rng(options.seed), [], {}
    for name, recordings in recordings_of(options).items():
        bar = tqdm(recordings, name, dynamic_ncols=True, mininterval=10)
        found = list(lessons(bar, asked, options.times, options.cache, rng))
        parts += found
        peaks = sum(len(part.seen) for part in found)
        counts[name] = {"recordings": len(recordings), "examples": peaks}
    examples = PeakViews.together(parts)
    parts.clear()
    with tqdm(total=options.steps, desc="training", dynamic_ncols=True, mininterval=10) as bar:
        say = lambda step, loss: bar.update()
        weights = train_refiner(examples, options.steps, options.seed, say=say)
    made = {
        "corpora": counts,
        "onsets": [SOUND_ONSETS, KEY_ONSETS] if options.weights == "maps" else [SOUND_ONSETS],
        "times": options.times,
        "steps": options.steps,
        "seed": options.seed,
        "processor_seconds": round(time.process_time() - began_s),
    }
    halves = {name: values.astype(np.float16) for name, values in weights.items()}
    with whole_file(folder / REFINER_FILE) as temporary:
        save_file(halves, temporary)
    write_json(folder / ABOUT_FILE, {"network": network_fingerprint(folder), "made": made})
    print(f"{folder / REFINER_FILE}: learned from {len(examples.seen):,} views of peaks, {made}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from None
