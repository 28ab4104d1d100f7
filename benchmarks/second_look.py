"""What a second look at each note gains: `align`'s decoding without and with the refiner.

usage: python benchmarks/second_look.py --maps FOLDER [--salamander FOLDER] [--limit N] [--test]
       [--weights maps free] [--out results/weights/second_look.csv]

Both sets of weights that ship are judged, on what validates: the Disklavier ENSTDkAm, the sampled
piano AkPnCGdD, the demo corpus's split `valid`, and that of the recorded piano (made from the demo
corpus's performances by `corpus/salamander/make_salamander.py --music demo`); with `--test` also on
the Disklavier ENSTDkCl and the demo corpus's `recordings`. Files are jittered as published, in
segments of 30 s; `recordings` have loose notes of their own. Notes that stand alone on ENSTDkAm and
AkPnCGdD are also judged by their attacks in the sound (see `two_networks.py`).

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
from pianoalign.tool.refining import SHARE
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


def judged(engine: Engine, recording, features: str) -> tuple:  # two arrays (2, n)
    "Errors in seconds and velocities of a recording's notes, without and with the second look."
    audio, data = engine.experiment.audio, engine.experiment.data
    image_of = {recording.id: cached_spectrogram(recording, audio, features)}
    parts = []
    for segment in evaluation_segments([recording], data):
        image = segment_image(segment, image_of, audio)
        heard = hear(engine.walker, audio, image, segment.loose, len(image))
        about = segment.loose, heard, audio.fps, ALIGNER_WALK, image, engine.confidence
        for refiner in (None, engine.refiner):
            found = decode(*about, refiner).notes
            velocity = segment.reference.velocity
            parts.append(np.array([onset_errors(segment.reference, found), velocity], float))
    return np.concatenate(parts[::2], axis=1), np.concatenate(parts[1::2], axis=1)


def rows_about(engine: Engine, name: str, recordings: list, features: str) -> list[dict]:
    "A set's rows, and those of its notes whose attacks are known from the sound."
    first, second = {}, {}
    for recording in recordings:
        first[recording.id], second[recording.id] = judged(engine, recording, features)
        print(f"{engine.folder.name}: {name}, {recording.id}", flush=True)
    rows = rows_of(name, first, second)
    heard = [by_the_sound(errors, name) for errors in (first, second)]
    return rows + (rows_of(f"{name}, by the sound", *heard) if heard[0] else [])


def main():
    parser = weights_parser(__doc__, "second_look.csv", "maps", "salamander")
    parser.add_argument("--limit", type=int, default=0, help="recordings of each set; 0: all")
    parser.add_argument("--test", action="store_true", help="judge on the test sets too")
    parser.add_argument(
        "--weights", nargs="+", default=["maps", "free"], help="names of weights that ship"
    )
    parser.add_argument(
        "--share", type=float, default=SHARE, help="of the way that a note is moved, 0 to 1"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sets, rows = sets_of(asked), []
    for weights in asked.weights:
        engine = open_engine(weights_folder(weights), device="cpu")
        if engine.refiner is None:
            raise InputError(f"{engine.folder}: these weights have no refiner")
        engine = replace(engine, refiner=replace(engine.refiner, share=asked.share))
        for name, recordings in sets.items():
            found = rows_about(engine, name, recordings, str(asked.cache / "features"))
            rows += [{"weights": weights} | row for row in found]
    table = pd.DataFrame(rows)
    tables.write_table(table, asked.out)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
