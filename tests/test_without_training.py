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
    return bench.File(**(about | dict(image=image, curves=None, seen=None) | changes))


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


def test_a_low_peak_on_a_far_notes_attack_is_found():
    onset_s, pitch = np.array([1.0, 1.1, 2.0, 2.0, 3.0]), np.array([60, 64, 60, 64, 67])
    given = Notes.from_arrays(onset_s, onset_s + 0.1, pitch)
    answer = heard((60, 1.0, 0.9), (64, 1.005, 0.1), (60, 2.0, 0.9), (64, 2.0, 0.1), (67, 3.0, 0.1))
    way = bench.walk(given, answer)
    rows = bench.on_far_attacks(given, answer, way)
    # of the chord at 2 s both are given together, and at 3 s the low peak is alone
    assert [(answer.pitch[k], answer.time_s[k]) for k in rows] == [(64, 1.005)]


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
    ways = ["shipped", "half_a_hop"]
    assert bench.ways_tried(file(), ways) == ways
    assert bench.ways_tried(file(given_as="score"), ways) == ["shipped"]
    assert bench.ways_tried(file(set="AkPnCGdD"), ways) == ["shipped"]
    assert all(hasattr(bench.Trials, name) for name in bench.TRIALS)


def test_answers_are_averaged_over_their_common_length():
    long, short = (np.full((n, 88), level, np.uint8) for n, level in ((9, 100), (7, 50)))
    roll, onsets = bench.averaged((long, long / 200), (short, short / 200))
    assert roll.shape == onsets.shape == (7, 88)
    assert (roll == 75).all() and onsets == pytest.approx(np.full((7, 88), 0.375))


def test_frames_in_between_put_an_onset_where_both_have_it():
    onset_s = 0.5130
    at_s = np.arange(200) / FPS
    triangle = lambda time_s: np.maximum(0, 1 - np.abs(time_s - onset_s) * FPS / 3)
    curves, between = (np.zeros((200, 88)) for _ in range(2))
    curves[:, 39], between[:, 39] = triangle(at_s), triangle(at_s + 0.5 / FPS)
    both = bench.in_between(curves, between)
    assert both.shape == (400, 88)
    time_s, pitch, _ = bench.onset_candidates(both, 2 * FPS, 0.02)
    assert pitch.tolist() == [60] and time_s == pytest.approx([onset_s], abs=5e-4)


def test_a_players_moves_are_drift_and_own_timing_of_notes_that_the_score_has():
    arrays = {
        "match": np.array([1, 1, 0, 1]),
        "dev4": np.array([0, 500, 0, 4000]),  # 0, 50 and 400 ms
        "drift32": np.array([30, 0, 0, 0]),
    }
    first, second, inserted, wrong = 1000 * bench.moves_of_a_player(arrays)
    assert first == pytest.approx(45 * np.tanh(33 / 45))
    assert second == pytest.approx(100 * np.tanh(0.5))
    assert np.isnan(inserted) and np.isnan(wrong)


def test_a_performances_clock_is_what_most_of_its_notes_agree_on():
    played = file().reference
    others_s, others = np.array([3.3, 8.1]), np.array([40, 60])
    onset_s = np.concatenate([played.onset_s + 12.5, others_s])
    pitch = np.concatenate([played.pitch, others])
    assert bench.clock_of(played, pitch, onset_s, 12.0) == pytest.approx(12.5)


def test_notes_that_are_swapped_or_too_near_are_left_out_in_pairs():
    onset_s, given_s = np.array([1.0, 2.0, 3.0, 3.5, 1.0]), np.array([1.0, 2.0, 3.1, 3.05, 1.0])
    pitch = np.array([60, 60, 60, 60, 62])
    reference = Notes.from_arrays(onset_s, onset_s + 0.1, pitch)
    given = Notes.from_arrays(given_s, given_s + 0.1, pitch)
    assert bench.apart(reference, given).tolist() == [0, 1, 4]


def test_kept_curves_are_of_the_same_network_recording_and_notes(tmp_path, monkeypatch):
    asked = []

    def as_curves(engine, image, told):
        asked.append(engine)
        return np.zeros((3, 88), np.uint8), np.zeros((3, 88), np.float16)

    monkeypatch.setattr(bench, "as_curves", as_curves)
    monkeypatch.setattr(bench, "network_fingerprint", lambda folder: folder)
    engines = {"maps": SimpleNamespace(folder="old"), "free": SimpleNamespace(folder="free")}
    image, told = np.full((3, 88), -5.0, np.float16), file().given
    curves = bench.curves_from(engines, "a", tmp_path)
    for _ in range(2):
        curves("maps", told, image, "jittered")
    assert len(asked) == 1
    curves("maps", told.shifted(0.1), image, "jittered")
    curves("maps", told, image + 1, "jittered")
    engines["maps"] = SimpleNamespace(folder="new")
    curves("maps", told, image, "jittered")
    assert len(asked) == 4
