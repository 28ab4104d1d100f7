"""Two networks on the same notes: what has a further training changed?

usage: python benchmarks/two_networks.py FIRST SECOND --maps FOLDER [--salamander FOLDER]
       [--limit N] [--shares 0.5 1] [--out results/weights/further_free.csv]

FIRST and SECOND are names of weights that ship or folders of finished runs. Both are judged on what
validates and on nothing that tests: the Disklavier ENSTDkAm, the sampled piano AkPnCGdD, the demo
corpus's split `valid`, and that of the recorded piano (`corpus/salamander/make_salamander.py`).
Notes are jittered as published and read from the onset head. Labels of a Disklavier are off note by
note, so notes that stand alone are also judged by the attacks that the chapter on real pianos found
in the sound (`results/weights/attacks.npz`; sets that end in "by the sound").

With `--shares`, the second network is averaged with the first, weight by weight: at 0.5 both count
alike, at 1 it stands alone.

Rows: share, set, all notes or those struck at velocity 50 or more (`loud`), raw or with each
recording's median error subtracted (`shift_removed`): what both networks reach, and second less
first with the 95 % interval over recordings. Errors are kept in the cache by the bytes of the
weights, so that a network is judged once.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pianoalign.datasets import cached_spectrogram, evaluation_segments, load_corpus
from pianoalign.datasets import segment_image, spread
from pianoalign.decoding import align_by_onsets
from pianoalign.files import InputError, repo_root
from pianoalign.metrics import compare, onset_errors, remove_shift, summarise
from pianoalign.network import predict
from pianoalign.notes import N_PITCHES
from pianoalign.preprocessing import piano_roll
from pianoalign.report import tables
from pianoalign.runs import load_network, read_npz, write_npz
from pianoalign.tool.aligner import weights_folder
from weights_options import LOUD, TOLERANCES_MS, weights_parser

HELD_OUT = "AkPnCGdD"
ATTACKS = repo_root() / "results" / "weights" / "attacks.npz"
SPLIT_OF_ATTACKS = {"ENSTDkAm": "valid", HELD_OUT: "unseen"}
FEWEST_ATTACKS = 10  # in a recording, as in the chapter


def folder_of(weights: str) -> Path:
    "The folder of a finished run, or of weights that ship. Raises `InputError`."
    return Path(weights) if Path(weights).is_dir() else weights_folder(weights)


def averaged(first: dict, second: dict, share: float) -> dict:  # name -> tensor
    "Weights on the way from one network to another: `share` of the second, the rest of the first."
    if share == 1:
        return second
    return {name: (1 - share) * values + share * second[name] for name, values in first.items()}


def weights_hash(network) -> str:  # 12 hex digits
    "What names a network in the cache: its parameters, to the last bit."
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()[:12]


def validation_sets(maps: str, salamander: str, limit: int) -> dict:  # name -> list of Recording
    "Sets that validate and test nothing, `limit` recordings of each (0: all). Raises `InputError`."
    held = dict(pedal=True)  # notes as long as the pedal holds them, as the networks learned them
    sampled = load_corpus("maps", maps, ("train",), **held)
    found = {
        "ENSTDkAm": load_corpus("maps", maps, ("valid",), **held),
        HELD_OUT: [r for r in sampled if r.piano == HELD_OUT],
        "demo": load_corpus("demo", repo_root() / "corpus", ("valid",), **held),
        "Salamander": load_corpus("salamander", salamander, ("valid",), **held),
    }
    empty = [name for name, recordings in found.items() if not recordings]
    if empty:
        raise InputError(f"no recordings for the set {empty[0]}: see --maps and --salamander")
    return {name: spread(recordings, limit) for name, recordings in found.items()}


def judged(network, experiment, recording, features: str) -> np.ndarray:  # (2, n)
    "A recording's onset errors in seconds, and how hard its notes were struck."
    fps, parts = experiment.audio.fps, []
    image_of = {recording.id: cached_spectrogram(recording, experiment.audio, features)}
    for segment in evaluation_segments([recording], experiment.data):
        image = segment_image(segment, image_of, experiment.audio)
        roll = piano_roll(segment.loose, len(image), fps)
        answer, onsets = predict(network, image, roll)
        found = align_by_onsets(segment.loose, onsets[:, :N_PITCHES], fps, probabilities=answer)[0]
        parts.append([onset_errors(segment.reference, found), segment.reference.velocity])
    return np.concatenate([np.array(part, float) for part in parts], axis=1)


def errors_of(network, experiment, recordings: list, cache: Path) -> dict:  # id -> (2, n)
    "A network's errors on recordings, from the cache or found now."
    kept, out = cache / "two_networks" / weights_hash(network), {}
    for recording in recordings:
        path = kept / f"{recording.id}.npz"
        if not path.exists():
            values = judged(network, experiment, recording, str(cache / "features"))
            write_npz(path, {"values": values})
        out[recording.id] = read_npz(path)["values"]
        print(f"{kept.name}: {recording.id}", flush=True)
    return out


def by_the_sound(errors: dict, name: str) -> dict:  # id -> (2, n), of notes that stand alone
    "A set's errors from the attack that is heard instead of the label; empty where none is known."
    kept, split = read_npz(ATTACKS), SPLIT_OF_ATTACKS.get(name)
    out = {}
    for piece, values in errors.items():
        attacks = kept.get(f"{split}/{piece}", np.zeros((0, 4))).astype(float)
        if len(attacks) >= FEWEST_ATTACKS:
            row, late_ms, _, velocity = attacks.T
            out[piece] = np.stack([values[0, row.astype(int)] - late_ms / 1000, velocity])
    return out


def rows_of(name: str, first: dict, second: dict) -> list[dict]:
    "A set's rows: loud notes or all, raw or with the shift removed."
    rows = []
    for loud in (False, True):
        struck = {i: values[1] >= LOUD * loud for i, values in first.items()}
        struck = {i: mask for i, mask in struck.items() if mask.any()}
        for removed in (False, True):
            both = [{i: values[0] for i, values in e.items()} for e in (first, second)]
            both = [remove_shift(e)[0] if removed else e for e in both]
            before, after = ({i: e[i][mask] for i, mask in struck.items()} for e in both)
            gains, of_first, of_second = compare(after, before), summarise(before), summarise(after)
            row = {"set": name, "loud": int(loud), "shift_removed": int(removed)}
            for w in TOLERANCES_MS:
                key = f"within_{w}_pct"
                row |= {f"first_{key}": of_first[key], f"second_{key}": of_second[key]}
                gain = zip(("", "_lo", "_hi"), gains[key])
                row |= {f"gain_{key}{end}": value for end, value in gain}
            row |= {"first_median_ms": of_first["median_ms"]}
            row |= {"second_median_ms": of_second["median_ms"]}
            rows.append(row | {"notes": of_first["notes"], "pieces": of_first["pieces"]})
    return rows


def main():
    parser = weights_parser(__doc__, "further_free.csv", "maps", "salamander")
    parser.add_argument("first", help="name of weights, or folder of a run")
    parser.add_argument("second", help="the same, of the network that was trained further")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[1.0], help="of the second network, 0 to 1"
    )
    parser.add_argument("--limit", type=int, default=0, help="recordings of each set; 0: all")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    (network, experiment), (other, _) = (
        load_network(folder_of(weights)) for weights in (asked.first, asked.second)
    )
    first, second = ({k: v.clone() for k, v in n.state_dict().items()} for n in (network, other))
    rows = []
    for name, recordings in validation_sets(asked.maps, asked.salamander, asked.limit).items():
        network.load_state_dict(first)
        before = errors_of(network, experiment, recordings, asked.cache)
        for share in asked.shares:
            network.load_state_dict(averaged(first, second, share))
            after = errors_of(network, experiment, recordings, asked.cache)
            rows += [{"share": share} | row for row in rows_of(name, before, after)]
            heard, then = by_the_sound(before, name), by_the_sound(after, name)
            if heard:
                of_sound = rows_of(f"{name}, by the sound", heard, then)
                rows += [{"share": share} | row for row in of_sound]
    table = pd.DataFrame(rows)
    tables.write_table(table, asked.out)
    columns = ["share", "set", "loud", "shift_removed"]
    columns += [f"{who}_within_{w}_pct" for w in TOLERANCES_MS for who in ("first", "gain")]
    print(table[columns].round(2).to_string(index=False))


if __name__ == "__main__":
    main()
