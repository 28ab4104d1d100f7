"Labels from aligners: bad input, and counts that must not depend on chance."

from pathlib import Path

import numpy as np
import pytest

from pianoalign.baselines import RECIPES
from pianoalign.datasets import DataSettings, Recording, evaluation_segments
from pianoalign.neighbours.labels import (
    dtw_labels,
    f1_of_seeds,
    hits_at,
    label_errors,
    network_labels,
    relabelled,
)
from pianoalign.network import CRNN, NetworkSettings
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.experiments import Experiment
from pianoalign.neighbours.transcriber import note_hits


def recordings(n=2, notes=40, seed=0):
    rng, made = np.random.default_rng(seed), []
    for k in range(n):
        onset_s = np.sort(rng.uniform(0, 70, notes))
        made.append(
            Recording(
                f"r{k}",
                "train",
                "p",
                Path(f"r{k}"),
                75.0,
                Notes.from_arrays(
                    onset_s, onset_s + 0.4, rng.permutation(np.arange(30, 30 + notes))
                ),
            )
        )
    return made


SEGMENTS = evaluation_segments(recordings(), DataSettings("demo"))
EXACT, LOOSE = ({s.id: getattr(s, kind) for s in SEGMENTS} for kind in ("reference", "loose"))


# ---- whole recordings from segments


def test_exact_labels_give_the_recordings_back():
    assert len(SEGMENTS) > 3
    for made, r in zip(relabelled(SEGMENTS, EXACT), recordings()):
        a, b = made.reference.sorted(), r.reference.sorted()
        assert (made.id, made.split, made.audio) == (r.id, "train", r.audio)
        assert (
            np.allclose(a.onset_s, b.onset_s)
            and (a.pitch == b.pitch).all()
            and (a.offset_s <= b.offset_s + 1e-9).all()
        )


def test_errors_of_labels_are_those_of_the_segments():
    errors = label_errors(SEGMENTS, LOOSE)
    assert (
        set(errors) == {"r0", "r1"}
        and [len(e) for e in errors.values()] == [40, 40]
        and all(np.abs(e).max() <= 0.1 + 1e-9 and np.abs(e).mean() > 0.01 for e in errors.values())
    )
    assert all((e == 0).all() for e in label_errors(SEGMENTS, EXACT).values())


def test_a_segment_without_labels_and_labels_of_other_notes_are_refused():
    with pytest.raises(InputError, match=f"{SEGMENTS[-1].id} has no labels"):
        relabelled(SEGMENTS, {s.id: s.loose for s in SEGMENTS[:-1]})
    with pytest.raises(InputError, match="rows correspond"):
        label_errors(SEGMENTS, {s.id: s.loose[1:] for s in SEGMENTS})


# ---- aligners


def test_a_network_labels_every_note_and_says_what_it_cannot_do():
    network = CRNN(NetworkSettings(filters=(2, 2, 2), dense=8, hidden=8)).eval()
    e = Experiment("x", network=network.settings)
    images = {r.id: np.full((7500, 88), -9.0, np.float16) for r in recordings()}
    labels = network_labels(network, e, SEGMENTS, images)
    assert [len(labels[s.id]) for s in SEGMENTS] == [len(s.loose) for s in SEGMENTS] and all(
        (labels[s.id].pitch == s.loose.pitch).all() for s in SEGMENTS
    )
    with pytest.raises(InputError, match="onset head"):
        network_labels(network, e, SEGMENTS[:1], images, method="crnn_high_resolution")


def test_dtw_is_given_whole_recordings_and_read_from_its_cache(tmp_path, monkeypatch):
    import pianoalign.neighbours.labels as module

    seen = []

    def aligned(group, recipes, cache_dir):
        seen.append(([s.id for s in group], recipes))
        path = tmp_path / f"{group[0].recording.id}.npz"
        np.savez(
            path,
            **{
                f"dtw/{s.id}/{c}": getattr(s.reference, c)
                for s in group
                for c in ("onset_s", "offset_s")
            },
        )
        return path

    monkeypatch.setattr(module, "align_recording", aligned)
    labels = dtw_labels(SEGMENTS, tmp_path)
    assert [ids for ids, _ in seen] == [
        [s.id for s in SEGMENTS if s.recording.id == r] for r in ("r0", "r1")
    ] and seen[0][1] == {"dtw": RECIPES["dtw"]}
    assert all((labels[s.id].onset_s == s.reference.onset_s).all() for s in SEGMENTS)


# ---- counts


def test_counts_agree_with_the_transcribers_own_and_shrink_with_the_tolerance():
    r = recordings(1, 60)[0].reference
    rng = np.random.default_rng(1)
    onset_s = r.onset_s + rng.normal(0, 0.02, 60)
    found = r.at_times(onset_s, onset_s + rng.uniform(0.3, 0.5, 60))
    counts = hits_at(r, found)
    assert (
        counts["note", 50][0] == note_hits(r, found)
        and counts["note", 50][0] < counts["onset", 50][0]
    )
    for level in ("note", "onset"):
        assert counts[level, 50][0] > counts[level, 25][0] > counts[level, 10][0]
    assert hits_at(Notes.empty(), found)["note", 50].tolist() == [0, 60, 0]


def test_the_interval_counts_the_luck_of_a_training():
    rng = np.random.default_rng(0)
    hits = rng.integers(40, 60, 12)

    def table(shift):
        return np.stack([hits + shift, np.full(12, 100), np.full(12, 100)], 1)

    (same, calm), (value, wild) = (
        f1_of_seeds([table(0)] * 3),
        f1_of_seeds([table(-20), table(0), table(20)]),
    )
    assert (
        abs(same - hits.sum() / 1200) < 1e-9
        and abs(value - same) < 1e-9
        and wild.std() > 2 * calm.std()
    )
    again = f1_of_seeds([table(0)] * 3, seed=5)[1]
    assert np.allclose(again, calm)  # the same pieces, whatever the draw of trainings
