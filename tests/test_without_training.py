"""What the benchmark on decoding without training counts, and whose it says that a note is."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import without_training as bench  # noqa: E402

from pianoalign.decoding import Heard  # noqa: E402
from pianoalign.notes import LOWEST_PITCH, Notes  # noqa: E402

FPS = 100
LABELS_S = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
PITCH = np.array([40, 50, 60, 70, 80, 90])
PUT_S = LABELS_S + np.array([0.0, 0.2, 0.2, 0.2, 0.2, 0.02])
SOUNDS_S = np.array([1.0, 2.2, 9.0, 4.0, 5.0, 6.0])  # the third note is not heard anywhere


def file(**changes):
    "Six notes: right, of a wrong label, silent, and three that sound where their labels are."
    image = np.full((1000, 88), -5.0)
    for pitch, at_s in zip(PITCH, SOUNDS_S):
        image[round(at_s * FPS) :, pitch - LOWEST_PITCH] = 0.0
    notes = Notes.from_arrays(LABELS_S, LABELS_S + 0.5, PITCH, np.full(6, 90))
    about = dict(set="demo", id="a", given_as="jittered", reference=notes, given=notes)
    return bench.File(**(about | dict(image=image, curves=None) | changes))


def heard(*peaks):
    "Peaks of key, seconds and height."
    pitch, time_s, height = (np.array(x) for x in zip(*sorted(peaks)))
    return Heard(None, time_s, pitch, height)


def with_more(onset_s, put_s, pitch):
    "These notes and where they were put, among others that are right, so that no shift is left."
    others_s = 7 + 0.2 * np.arange(9)
    labels_s, places_s = (np.concatenate([x, others_s]) for x in (onset_s, put_s))
    keys = np.concatenate([pitch, np.full(9, 100)])
    notes = Notes.from_arrays(labels_s, labels_s + 0.1, keys, np.full(len(keys), 90))
    return file(reference=notes, given=notes), notes.at_times(places_s, places_s + 0.1)


def test_each_lost_note_is_given_to_its_owner():
    whole, found = with_more(LABELS_S, PUT_S, PITCH)
    answer = heard((70, 4.0, 0.1), (70, 4.2, 0.5), (80, 5.0, 0.9), (80, 5.2, 0.5))
    owner, elsewhere = bench.whose(whole, found, answer, np.arange(1, 6), FPS)
    assert owner.tolist() == ["label", "sound", "network", "decoding", "beside"]
    assert not elsewhere.any()


def test_a_note_on_the_attack_of_an_octave_is_not_blamed_on_its_label():
    onset_s = np.append(LABELS_S, 2.2)
    pitch = np.append(PITCH, 38)  # an octave under the second note, which was put there
    put_s = np.where(pitch == 50, 2.2, onset_s)
    whole, found = with_more(onset_s, put_s, pitch)
    owner, elsewhere = bench.whose(whole, found, heard((50, 2.2, 0.5)), np.array([1]), FPS)
    assert owner.tolist() == ["sound"] and elsewhere.all()


def test_soft_notes_of_a_disklavier_do_not_judge():
    velocity = np.array([90, 90, 90, 20, 90, 90])
    notes = Notes.from_arrays(LABELS_S, LABELS_S + 0.5, PITCH, velocity)
    assert bench.counted(file(reference=notes)).all()
    of_disklavier = bench.counted(file(reference=notes, set="ENSTDkAm"))
    assert of_disklavier.tolist() == (velocity >= 50).tolist()


def test_nothing_is_tried_where_nothing_may_be_chosen():
    assert bench.ways_tried(file(set="ENSTDkCl"), ["shipped"]) == []
    assert bench.ways_tried(file(given_as="far"), ["shipped"]) == []
    ways = ["shipped", "three_levels"]
    assert bench.ways_tried(file(set="ENSTDkAm"), ways) == ways
    assert bench.ways_tried(file(set="ENSTDkAm", given_as="flat"), ways) == ["shipped"]
    assert bench.ways_tried(file(), ways) == ["shipped"]
    assert all(hasattr(bench.Trials, name) for name in bench.TRIALS)


def test_answers_are_averaged_over_their_common_length():
    long, short = (np.full((n, 88), level, np.uint8) for n, level in ((9, 100), (7, 50)))
    roll, onsets = bench.averaged((long, long / 200), (short, short / 200))
    assert roll.shape == onsets.shape == (7, 88)
    assert (roll == 75).all() and onsets == pytest.approx(np.full((7, 88), 0.375))


def test_kept_curves_are_of_the_same_network_recording_and_notes(tmp_path, monkeypatch):
    asked = []

    def as_curves(engine, image, told):
        asked.append(engine)
        return np.zeros((3, 88), np.uint8), np.zeros((3, 88), np.float16)

    monkeypatch.setattr(bench, "as_curves", as_curves)
    monkeypatch.setattr(bench, "network_fingerprint", lambda folder: folder)
    engines = {"maps": SimpleNamespace(folder="old"), "free": SimpleNamespace(folder="free")}
    image, told = np.full((3, 88), -5.0, np.float16), file().given
    curves = bench.curves_from(engines, "a", image, tmp_path)
    for _ in range(2):
        curves("maps", told, 0.0, "jittered")
    assert len(asked) == 1
    curves("maps", told.shifted(0.1), 0.0, "jittered")
    curves("maps", told, 0.7, "jittered")
    bench.curves_from(engines, "a", image + 1, tmp_path)("maps", told, 0.0, "jittered")
    engines["maps"] = SimpleNamespace(folder="new")
    curves("maps", told, 0.0, "jittered")
    assert len(asked) == 5
