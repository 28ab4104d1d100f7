"""What a second look at each peak gains: `align`'s decoding without and with the refiner.

usage: python benchmarks/second_look.py --maps FOLDER [--salamander FOLDER] [--limit N] [--test]
       [--weights maps free] [--out results/weights/second_look.csv]

Both sets of weights that ship are judged, on what validates: the Disklavier ENSTDkAm, the sampled
piano AkPnCGdD, the demo corpus's split `valid`, and that of the recorded piano (made from the demo
corpus's performances by `corpus/salamander/make_salamander.py --music demo`); with `--test` also on
the Disklavier ENSTDkCl and the demo corpus's `recordings`. Files are jittered as published, in
segments of 30 s; `recordings` have loose notes of their own. The refiner is asked for what a set's
labels call an onset, if it has learned that: MAPS's say when a key strikes, the others when a note
sounds. Notes that stand alone on ENSTDkAm and AkPnCGdD are also judged by their attacks in the
sound (see `two_networks.py`); there it is asked when they sound. Both ways are decoded without the
model of confidence, which has learned from peaks that were looked at twice.

Rows: weights, set, all notes or those struck at velocity 50 or more (`loud`), raw or with each
recording's median error subtracted (`shift_removed`): shares without (`first`) and with the second
look (`second`), and the gain with its 95 % interval over recordings.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from pianoalign.datasets import cached_spectrogram, evaluation_segments, load_corpus
from pianoalign.datasets import segment_image, spread
from pianoalign.decoding import ALIGNER_WALK, decode
from pianoalign.files import InputError, repo_root
from pianoalign.metrics import onset_errors
from pianoalign.report import tables
from pianoalign.tool.aligner import Engine, open_engine, weights_folder
from pianoalign.tool.listening import hear
from pianoalign.tool.refining import FURTHEST_S
from two_networks import by_the_sound, rows_of, validation_sets
from weights_options import weights_parser


def sets_of(asked) -> dict:  # name -> list of Recording
    "What is judged."
    found = validation_sets(asked.maps, asked.salamander, asked.limit)
    if asked.test:
        test = load_corpus("maps", asked.maps, ("test",), pedal=True)
        ours = load_corpus("demo", repo_root() / "corpus", ("recordings",), pedal=True)
        found |= {"ENSTDkCl": spread(test, asked.limit), "recordings": spread(ours, asked.limit)}
    return found


def judged(engine: Engine, recording, features: str) -> list:  # three arrays (2, n)
    """Errors in seconds and velocities of a recording's notes: without the second look, with one
    that is asked for onsets as the labels have them, and with one that is asked when they sound."""
    audio, data = engine.experiment.audio, engine.experiment.data
    image_of = {recording.id: cached_spectrogram(recording, audio, features)}
    as_labelled, parts = engine.for_labels(recording.id), []
    for segment in evaluation_segments([recording], data):
        image, given = segment_image(segment, image_of, audio), segment.loose
        heard = hear(engine.walker, audio, image, given, len(image))
        looked_at = [heard, *(e.refined(given, heard, image) for e in (as_labelled, engine))]
        found = [decode(given, peaks, audio.fps, ALIGNER_WALK).notes for peaks in looked_at]
        velocity = segment.reference.velocity
        parts.append([[onset_errors(segment.reference, notes), velocity] for notes in found])
    return [np.concatenate(part, axis=1) for part in zip(*(np.array(p, float) for p in parts))]


def rows_about(engine: Engine, name: str, recordings: list, features: str) -> list[dict]:
    "A set's rows, and those of its notes whose attacks are known from the sound."
    first, second, sounding = {}, {}, {}
    for recording in recordings:
        of_three = judged(engine, recording, features)
        first[recording.id], second[recording.id], sounding[recording.id] = of_three
        print(f"{engine.folder.name}: {name}, {recording.id}", flush=True)
    rows = rows_of(name, first, second)
    heard = [by_the_sound(errors, name) for errors in (first, sounding)]
    return rows + (rows_of(f"{name}, by the sound", *heard) if heard[0] else [])


def main():
    parser = weights_parser(__doc__, "second_look.csv", "maps", "salamander")
    parser.add_argument("--limit", type=int, default=0, help="recordings of each set; 0: all")
    parser.add_argument("--test", action="store_true", help="judge on the test sets too")
    parser.add_argument(
        "--weights", nargs="+", default=["maps", "free"], help="names of weights that ship"
    )
    parser.add_argument(
        "--furthest-ms",
        type=float,
        default=1000 * FURTHEST_S,
        help="that a peak is moved by (default: %(default)g)",
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sets, rows = sets_of(asked), []
    for weights in asked.weights:
        engine = open_engine(weights_folder(weights), device="cpu")
        if engine.refiner is None:
            raise InputError(f"{engine.folder}: these weights have no refiner")
        refiner = replace(engine.refiner, furthest_s=asked.furthest_ms / 1000)
        engine = replace(engine, refiner=refiner)
        for name, recordings in sets.items():
            found = rows_about(engine, name, recordings, str(asked.cache / "features"))
            rows += [{"weights": weights} | row for row in found]
    table = pd.DataFrame(rows)
    tables.write_table(table, asked.out)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
