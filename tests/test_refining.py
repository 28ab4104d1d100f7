"The second look at each note: what it may and may not do to notes."

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pianoalign.datasets import load_corpus
from pianoalign.decoding import decode, Heard
from pianoalign.files import InputError, repo_root
from pianoalign.metrics import onset_errors
from pianoalign.notes import N_PITCHES, Notes
from pianoalign.preprocessing import LOG_FLOOR, load_audio, spectrogram
from pianoalign.tool.aligner import open_engine, shipped_weights
from pianoalign.tool.listening import hear
from pianoalign.tool.refining import (
    ABOUT_FILE,
    FURTHEST_S,
    kept_apart,
    load_refiner,
    Refiner,
    REFINED_FPS,
    REFINER_FILE,
    views,
)
from waiting import most_bytes

LISTENED_SETS = ("maps", "free")
NO_ROLL = np.zeros((0, N_PITCHES), np.uint8)


def copied(tmp_path, name="maps"):
    "The shipped weights and their refiner, to be spoilt."
    home = shipped_weights()[name]
    for file in ("weights.safetensors", REFINER_FILE, ABOUT_FILE):
        shutil.copy(home / file, tmp_path / file)
    return tmp_path


@pytest.mark.parametrize("name", LISTENED_SETS)
def test_both_sets_of_weights_have_a_refiner_of_their_own(name):
    refiner = load_refiner(shipped_weights()[name])
    assert refiner is not None and refiner.made["steps"] > 0
    assert all(array.dtype == np.float32 for array in refiner.weights.values())


def test_a_refiner_of_other_weights_is_not_used(tmp_path):
    folder = copied(tmp_path)
    about = json.loads((folder / ABOUT_FILE).read_text())
    (folder / ABOUT_FILE).write_text(json.dumps(about | {"network": "0" * 64}))
    assert load_refiner(folder) is None
    (folder / REFINER_FILE).unlink()
    assert load_refiner(folder) is None


@pytest.mark.parametrize("spoilt", ["bytes", "shape", "missing", "nan", "about", "no about"])
def test_a_damaged_refiner_is_named(spoilt, tmp_path):
    folder = copied(tmp_path)
    weights = load_file(folder / REFINER_FILE)
    if spoilt == "shape":
        weights["second.weight"] = weights["second.weight"][:2].copy()
    if spoilt == "missing":
        del weights["last.bias"]
    if spoilt == "nan":
        weights["third.bias"][0] = np.nan
    save_file(weights, folder / REFINER_FILE)
    if spoilt == "bytes":
        (folder / REFINER_FILE).write_bytes(b"no weights")
    if spoilt == "about":
        (folder / ABOUT_FILE).write_text("{}")
    if spoilt == "no about":
        (folder / ABOUT_FILE).unlink()
    with pytest.raises(InputError, match="refiner.*train_refiner"):
        load_refiner(folder)


def test_corrections_keep_the_order_of_a_key():
    rng = np.random.default_rng(0)
    pitch = rng.integers(60, 63, 300)
    onset_s = np.sort(rng.uniform(0, 5, 300))
    for key in (60, 61, 62):  # as a walk leaves them: at least 20 ms apart
        rows = np.flatnonzero(pitch == key)
        onset_s[rows] += 0.02 * np.arange(len(rows))
    moved_s = onset_s + kept_apart(pitch, onset_s, rng.normal(0, 0.05, 300), 0.02)
    assert np.abs(moved_s - onset_s).max() < FURTHEST_S + 1e-9
    for key in (60, 61, 62):
        assert np.diff(moved_s[pitch == key]).min() > 0.02 - 1e-9


class Confident:
    "A model that believes each peak."

    least = 0.5

    def believe(self, given, heard, image, way, fps):
        return np.where(way.matched, 0.9, 0.1)


class Later:
    "A refiner that would move all notes by 7 ms."

    def correction_s(self, pitch, onset_s, heard, image, least_gap_s):
        return np.full(len(pitch), 0.007)


def test_only_notes_that_were_heard_are_corrected():
    given = Notes.from_arrays([1.0, 2.0, 3.0], [1.5, 2.5, 3.5], [60, 62, 64])
    heard = Heard(NO_ROLL, np.array([1.01, 3.02]), np.array([60, 64]), np.array([0.9, 0.9]))
    image = np.zeros((400, N_PITCHES), np.float32)
    plain = decode(given, heard, image=image, model=Confident())
    later = decode(given, heard, image=image, model=Confident(), refiner=Later())
    moved_s = later.notes.onset_s - plain.notes.onset_s
    np.testing.assert_allclose(moved_s, np.where(plain.matched, 0.007, 0), atol=1e-9)
    assert plain.matched.tolist() == [True, False, True]
    np.testing.assert_array_equal(later.confidence[plain.matched], [0.9, 0.9])


def test_an_hour_takes_no_more_memory_than_its_notes():
    refiner = load_refiner(shipped_weights()["maps"])
    n_frames = 3600 * REFINED_FPS
    image = np.full((n_frames, N_PITCHES), np.log(LOG_FLOOR), np.float16)
    onset_s = np.linspace(1, 3599, 600)
    pitch = np.full(600, 60)
    heard = Heard(NO_ROLL, onset_s, pitch, np.full(600, 0.9))
    asked = pitch, onset_s, heard, image
    assert most_bytes(lambda: refiner.correction_s(*asked)) < 150 * 2**20


def test_nothing_to_refine():
    none = np.zeros(0)
    refiner = load_refiner(shipped_weights()["maps"])
    heard = Heard(NO_ROLL, none, none.astype(int), none)
    image = np.full((10, N_PITCHES), np.log(LOG_FLOOR), np.float32)
    assert len(refiner.correction_s(none.astype(int), none, heard, image)) == 0
    one = refiner.correction_s(np.array([21]), np.array([0.0]), heard, image)
    assert np.isfinite(one).all() and abs(one[0]) <= FURTHEST_S
    assert np.isfinite(views(np.array([108]), np.array([9]), heard, image)).all()


@pytest.mark.parametrize("name", LISTENED_SETS)
def test_more_notes_of_a_recording_lie_within_10_ms(name):
    "On a recording that no weights have learned from."
    engine = open_engine(shipped_weights()[name], device="cpu")
    recording = load_corpus("demo", repo_root() / "corpus", ("recordings",), pedal=True)[0]
    reference, loose = recording.reference, recording.loose
    image = spectrogram(load_audio(recording.audio), engine.experiment.audio)
    heard = hear(engine.walker, engine.experiment.audio, image, loose, len(image))
    within = []
    for refiner in (None, engine.refiner):
        models = dict(model=engine.confidence, refiner=refiner)
        found = decode(loose, heard, REFINED_FPS, image=image, **models)
        error_s = onset_errors(reference, found.notes)
        within.append(np.mean(np.abs(error_s - np.median(error_s)) <= 0.01))
    assert within[1] > within[0] + 0.01


def test_a_refiner_that_has_learned_nothing_only_rounds_to_frames():
    shapes = load_refiner(shipped_weights()["maps"]).weights
    nothing = {name: np.zeros_like(array) for name, array in shapes.items()}
    blank = Refiner(nothing, "", {}, share=1.0)
    onset_s = np.array([0.1234, 0.118, 0.1])
    heard = Heard(NO_ROLL, onset_s, np.array([60, 61, 62]), np.ones(3))
    image = np.full((60, N_PITCHES), np.log(LOG_FLOOR), np.float32)
    moved_s = onset_s + blank.correction_s(np.array([60, 61, 62]), onset_s, heard, image)
    np.testing.assert_allclose(moved_s, [0.12, 0.12, 0.1], atol=1e-6)


def test_no_note_is_moved_to_before_the_recording():
    refiner = load_refiner(shipped_weights()["maps"])
    earlier = {**refiner.weights, "last.weight": 0 * refiner.weights["last.weight"]}
    earlier["last.bias"] = np.array([90.0, 0, 0, 0], np.float32)
    for bias in (earlier["last.bias"], earlier["last.bias"][::-1].copy()):
        moving = Refiner({**earlier, "last.bias": bias}, "", {}, share=1.0)
        heard = Heard(NO_ROLL, np.array([0.001]), np.array([60]), np.ones(1))
        image = np.full((60, N_PITCHES), np.log(LOG_FLOOR), np.float32)
        onset_s = np.array([0.001])
        assert (onset_s + moving.correction_s(np.array([60]), onset_s, heard, image) >= 0).all()
