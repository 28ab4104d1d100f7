"""Transcribe, then match: what a ready-made piano transcriber is worth for alignment, beside the
weights that ship.

usage: python benchmarks/transcribers.py --maps FOLDER [--seconds 12]
       [--out results/weights/transcribers.csv]

Needs two packages in an environment of its own, or in a folder on PYTHONPATH (they bring their own
weights):
    pip install --no-deps --target FOLDER transkun moduleconf ncls basic-pitch resampy onnxruntime
Both are programs of others: Transkun 2 (Yan and Duan 2024) is a large one for pianos, Basic Pitch
(Bittner et al. 2022) a small one for any instrument. Transkun's weights are unpickled by PyTorch,
which is why no part of the package does this.

Sets: the 14 Disklavier recordings ENSTDkCl, the sampled piano that the shipped weights were not
trained on, and the demo corpus's recordings. Of each recording one segment of about `--seconds`
from its middle, the same loose notes for all.
"""

import contextlib, io, sys, tempfile, time, types
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from tqdm import tqdm

from pianoalign.report import tables
from pianoalign.decoding import ALIGNER_WALK, decode
from pianoalign.tool.aligner import ask, open_engine
from pianoalign.datasets import evaluation_segments, experiment_corpus, feature_store
from pianoalign.metrics import compare, onset_errors, summary_row
from pianoalign.notes import Notes
from pianoalign.files import repo_root
from pianoalign.postprocessing import match_notes, retime
from weights_options import RATE_HZ, weights_parser, WITHIN


def transkun():
    "Samples -> Notes, by Transkun's released weights."
    import librosa, moduleconf, transkun as package

    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        # its compiled part must fit PyTorch's; only its mel filters are wanted: librosa has them

        def melscale_fbanks(n_freqs, f_min, f_max, n_mels, sample_rate):
            filters = librosa.filters.mel(
                sr=sample_rate,
                n_fft=2 * (n_freqs - 1),
                n_mels=n_mels,
                fmin=f_min,
                fmax=f_max,
                htk=True,
                norm=None,
            )
            return torch.from_numpy(filters.T.copy())

        sys.modules["torchaudio"] = types.SimpleNamespace(
            functional=types.SimpleNamespace(melscale_fbanks=melscale_fbanks)
        )
    home = Path(package.__file__).parent / "pretrained"
    configuration = moduleconf.parseFromFile(str(home / "2.0.conf"))["Model"]
    model = configuration.module.TransKun(conf=configuration.config)
    saved = torch.load(home / "2.0.pt", map_location="cpu", weights_only=False)
    model.load_state_dict(saved.get("best_state_dict", saved.get("state_dict")), strict=False)
    model.eval()

    def notes_of(samples):
        x = librosa.resample(samples, orig_sr=RATE_HZ, target_sr=model.fs)
        with torch.no_grad():
            found = model.transcribe(torch.from_numpy(np.stack([x, x], 1)))
        found = [n for n in found if n.pitch > 0]  # pedals have numbers below 0
        return Notes.from_arrays(
            [n.start for n in found],
            [max(n.end, n.start + 0.001) for n in found],
            [n.pitch for n in found],
        )

    return notes_of


def basic_pitch():
    "Samples -> Notes, by the released Basic Pitch."
    import basic_pitch as package
    from basic_pitch.inference import Model, predict

    model = Model(Path(package.__file__).parent / "saved_models" / "icassp_2022" / "nmp.onnx")

    def notes_of(samples):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.wav"
            soundfile.write(path, samples, RATE_HZ)
            with contextlib.redirect_stdout(io.StringIO()):
                found = predict(path, model)[2]
        found = [e for e in found if 21 <= e[2] <= 108]
        return Notes.from_arrays(
            [e[0] for e in found],
            [max(e[1], e[0] + 0.001) for e in found],
            [int(e[2]) for e in found],
        )

    return notes_of


TRANSCRIBERS = dict(transkun=transkun, basic_pitch=basic_pitch)
SETS = ["test", "unseen", "recordings"]
OURS = "high_resolution"  # the weights that ship


def middle_segment(recording, data, seconds):
    """The segment around the middle of a recording; a recording with loose notes of its own is cut
    as well."""
    segments = evaluation_segments(
        [replace(recording, loose=None)], replace(data, segment_s=seconds)
    )
    segment = segments[len(segments) // 2]
    if recording.loose is None:
        return segment
    onset_s = recording.reference.onset_s
    inside = (onset_s >= segment.start_s) & (onset_s < segment.end_s)
    reference, loose = (
        notes[inside].shifted(-segment.start_s) for notes in (recording.reference, recording.loose)
    )
    return replace(segment, recording=recording, reference=reference, loose=loose)


def outcomes(segment, image: np.ndarray, engine, ways: dict):
    "Each method's notes of a segment: name, Notes, which notes had a partner or None, seconds."
    given, fps = segment.loose, engine.experiment.audio.fps
    yield "unaligned", given, None, 0.0
    begun = time.perf_counter()
    answer = ask(engine.walker, engine.experiment, image, given)
    found = decode(given, answer, fps, ALIGNER_WALK)
    yield OURS, found.notes, None, time.perf_counter() - begun
    samples = segment.samples(RATE_HZ)
    for name, transcribe in ways.items():
        begun = time.perf_counter()
        found = transcribe(samples)
        took_s = time.perf_counter() - begun
        index = match_notes(given, found)
        yield f"{name}_match", retime(given, found, index), index >= 0, took_s


@dataclass
class MethodResults:
    "What a method made of the segments of a set."

    errors: dict = field(default_factory=dict)  # recording -> (n,) signed seconds
    matched: list = field(default_factory=list)  # of (n,) bool: which notes had a partner
    seconds: list = field(default_factory=list)  # that it took for one of sound

    def row(self, ours: "MethodResults") -> dict:
        "The columns of a method, beside the weights that ship."
        more, low, high = compare(ours.errors, self.errors)["within_10_pct"]
        return summary_row(self.errors) | dict(
            high_resolution_more_within_10_pct=more,
            high_resolution_more_within_10_pct_lo=low,
            high_resolution_more_within_10_pct_hi=high,
            matched_pct=100 * np.concatenate(self.matched).mean() if self.matched else np.nan,
            seconds_per_second=np.median(self.seconds),
        )


def heard_in(recordings: list, name: str, engine, ways: dict, cache: Path, length_s: float) -> dict:
    "A set's middle segments by each method: name -> `MethodResults`."
    audio, data = engine.experiment.audio, engine.experiment.data
    features = feature_store(recordings, audio, cache)
    found = {}
    for recording in tqdm(recordings, desc=name, unit="recording"):
        segment = middle_segment(recording, data, length_s)
        image = np.asarray(features[recording.id][segment.frames(audio.fps)], np.float32)
        for method, notes, matched, took_s in outcomes(segment, image, engine, ways):
            of_method = found.setdefault(method, MethodResults())
            of_method.errors[recording.id] = onset_errors(segment.reference, notes)
            of_method.seconds.append(took_s / (segment.end_s - segment.start_s))
            if matched is not None:
                of_method.matched.append(matched)
    return found


def main():
    parser = weights_parser(__doc__, "transcribers.csv", "maps")
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="length of the segment of each recording"
    )
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS, help="what is judged on")
    parser.add_argument(
        "--transcribers",
        nargs="+",
        default=list(TRANSCRIBERS),
        choices=TRANSCRIBERS,
        help="whom to ask",
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    engine = open_engine(device="cpu")
    data, cache = engine.experiment.data, given.cache / "features"
    corpus = experiment_corpus(replace(data, corpus="maps"), given.maps, repo_root() / "corpus")
    ways = {name: TRANSCRIBERS[name]() for name in given.transcribers}
    rows = []
    for name in given.sets:
        recordings = [r for r in corpus if r.split == name]
        found = heard_in(recordings, name, engine, ways, cache, given.seconds)
        for method, of_method in found.items():
            row = dict(set=name, method=method) | of_method.row(found[OURS])
            rows.append(row | dict(segment_s=given.seconds, seed=data.seed))
        tables.write_table(pd.DataFrame(rows), given.out)  # what is finished so far
    columns = ["set", "method", "median_ms", *WITHIN, "matched_pct", "notes", "pieces"]
    print(pd.DataFrame(rows)[columns].round(1).to_string(index=False))


if __name__ == "__main__":
    main()
