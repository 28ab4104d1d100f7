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

import sys, tempfile, time, types
from dataclasses import replace
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
from weights_options import RATE_HZ, weights_parser


def transkun():
    "Samples -> Notes, by Transkun's released weights."
    import librosa, moduleconf, transkun as package

    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        # its compiled part must fit PyTorch's; only its mel filters are wanted: librosa has them

        def melscale_fbanks(n_freqs, f_min, f_max, n_mels, sample_rate):
            return torch.from_numpy(
                librosa.filters.mel(
                    sr=sample_rate,
                    n_fft=2 * (n_freqs - 1),
                    n_mels=n_mels,
                    fmin=f_min,
                    fmax=f_max,
                    htk=True,
                    norm=None,
                ).T.copy()
            )

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
            import contextlib, io

            with contextlib.redirect_stdout(io.StringIO()):
                found = predict(path, model)[2]
        found = [e for e in found if 21 <= e[2] <= 108]
        return Notes.from_arrays(
            [e[0] for e in found],
            [max(e[1], e[0] + 0.001) for e in found],
            [int(e[2]) for e in found],
        )

    return notes_of


def middle_segment(recording, data, seconds):
    """The segment around the middle of a recording; a recording with loose notes of its own is cut
    as well."""
    segments = evaluation_segments(
        [replace(recording, loose=None)], replace(data, segment_s=seconds)
    )
    segment = segments[len(segments) // 2]
    if recording.loose is None:
        return segment
    rows = np.flatnonzero(
        (recording.reference.onset_s >= segment.start_s)
        & (recording.reference.onset_s < segment.end_s)
    )
    part = lambda notes: notes[rows].shifted(-segment.start_s)
    return replace(
        segment,
        recording=recording,
        reference=part(recording.reference),
        loose=part(recording.loose),
    )


def main():
    parser = weights_parser(__doc__, "transcribers.csv")
    parser.add_argument("--maps", required=True, help="folder of MAPS")
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="length of the segment of each recording"
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        default=["test", "unseen", "recordings"],
        help="of test, unseen, recordings",
    )
    parser.add_argument(
        "--transcribers",
        nargs="+",
        default=["transkun", "basic_pitch"],
        help="of transkun, basic_pitch",
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    engine = open_engine(device="cpu")
    data, fps = engine.experiment.data, engine.experiment.audio.fps
    corpus = experiment_corpus(replace(data, corpus="maps"), given.maps, repo_root() / "corpus")
    ways = {
        name: dict(transkun=transkun, basic_pitch=basic_pitch)[name]()
        for name in given.transcribers
    }
    rows, errors, seconds, matched = [], {}, {}, {}
    for name in given.sets:
        recordings = [r for r in corpus if r.split == name]
        features = feature_store(recordings, engine.experiment.audio, given.cache / "features")
        for r in tqdm(recordings, desc=name, unit="recording"):
            s = middle_segment(r, data, given.seconds)
            samples = s.samples(RATE_HZ)

            def add(method, aligned, took_s):
                errors.setdefault((name, method), {})[r.id] = onset_errors(s.reference, aligned)
                seconds.setdefault((name, method), []).append(took_s / (s.end_s - s.start_s))

            add("unaligned", s.loose, 0.0)
            begun = time.perf_counter()
            answer = ask(
                engine.walker,
                engine.experiment,
                np.asarray(features[r.id][s.frames(fps)], np.float32),
                s.loose,
            )
            add(
                "high_resolution",
                decode(s.loose, answer, fps, ALIGNER_WALK).notes,
                time.perf_counter() - begun,
            )
            for method, transcribe in ways.items():
                begun = time.perf_counter()
                found = transcribe(samples)
                took_s = time.perf_counter() - begun
                index = match_notes(s.loose, found)
                add(f"{method}_match", retime(s.loose, found, index), took_s)
                matched.setdefault((name, f"{method}_match"), []).append(index >= 0)
        for (of, method), pieces in errors.items():
            if of != name:
                continue
            row = summary_row(pieces)
            more, low, high = compare(errors[name, "high_resolution"], pieces)["within_10_pct"]
            rows.append(
                dict(set=name, method=method)
                | row
                | dict(
                    high_resolution_more_within_10_pct=more,
                    high_resolution_more_within_10_pct_lo=low,
                    high_resolution_more_within_10_pct_hi=high,
                    matched_pct=100 * np.concatenate(matched[name, method]).mean()
                    if (name, method) in matched
                    else np.nan,
                    seconds_per_second=np.median(seconds[name, method]),
                    segment_s=given.seconds,
                    seed=data.seed,
                )
            )
        tables.write_table(pd.DataFrame(rows), given.out)  # what is finished so far
    print(
        pd.DataFrame(rows)[
            [
                "set",
                "method",
                "median_ms",
                "within_10_pct",
                "within_25_pct",
                "within_50_pct",
                "matched_pct",
                "notes",
                "pieces",
            ]
        ]
        .round(1)
        .to_string(index=False)
    )


if __name__ == "__main__":
    main()
