"The second look at each peak: what it may and may not do to peaks and notes."

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pianoalign.datasets import load_corpus
from pianoalign.decoding import decode, Heard, LOWEST_PEAK
from pianoalign.files import InputError, repo_root
from pianoalign.metrics import onset_errors
from pianoalign.notes import N_PITCHES, Notes
from pianoalign.preprocessing import LOG_FLOOR, load_audio, spectrogram
from pianoalign.tool.aligner import align, open_engine, shipped_weights
from pianoalign.tool.listening import hear
from pianoalign.tool.refiner_training import as_a_score, in_a_room
from pianoalign.tool.refining import (
    ABOUT_FILE,
    FURTHEST_S,
    KEY_ONSETS,
    load_refiner,
    onsets_of_labels,
    Refiner,
    REFINED_FPS,
    REFINER_FILE,
    Scene,
    SOUND_ONSETS,
    views,
)
from waiting import most_bytes

LISTENED_SETS = ("maps", "free")
NO_ROLL = np.zeros((0, N_PITCHES), np.uint8)
SILENCE = np.full((60, N_PITCHES), np.log(LOG_FLOOR), np.float32)


def copied(tmp_path, name="maps"):
    "The shipped weights and their refiner, to be spoilt."
    home = shipped_weights()[name]
    for file in ("weights.safetensors", REFINER_FILE, ABOUT_FILE):
        shutil.copy(home / file, tmp_path / file)
    return tmp_path


def notes_at(onset_s, pitch) -> Notes:
    "Notes of a fifth of a second."
    onset_s = np.asarray(onset_s, float)
    return Notes.from_arrays(onset_s, onset_s + 0.2, np.asarray(pitch))


def with_weights(**changed) -> Refiner:
    "A refiner of zeros but for these arrays."
    arrays = load_refiner(shipped_weights()["maps"]).weights
    nothing = {name: np.zeros_like(array) for name, array in arrays.items()}
    known = {name.replace("_", "."): values for name, values in changed.items()}
    return Refiner(nothing | known, "", {})


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


@pytest.mark.parametrize(
    "spoilt", ["bytes", "shape", "missing", "nan", "about", "no about", "onsets", "made"]
)
def test_a_damaged_refiner_is_named(spoilt, tmp_path):
    folder = copied(tmp_path)
    weights = load_file(folder / REFINER_FILE)
    if spoilt == "shape":
        weights["second.weight"] = weights["second.weight"][:2].copy()
    if spoilt == "missing":
        del weights["places.bias"]
    if spoilt == "nan":
        weights["third.bias"][0] = np.nan
    save_file(weights, folder / REFINER_FILE)
    if spoilt == "bytes":
        (folder / REFINER_FILE).write_bytes(b"no weights")
    if spoilt == "about":
        (folder / ABOUT_FILE).write_text("{}")
    if spoilt in ("onsets", "made"):
        about = json.loads((folder / ABOUT_FILE).read_text())
        about["made"] = {"onsets": ["hammers"]} if spoilt == "onsets" else []
        (folder / ABOUT_FILE).write_text(json.dumps(about))
    if spoilt == "no about":
        (folder / ABOUT_FILE).unlink()
    with pytest.raises(InputError, match="refiner.*train_refiner"):
        load_refiner(folder)


def test_peaks_stay_in_order_and_none_is_moved_far():
    rng = np.random.default_rng(0)
    pitch, time_s = rng.integers(60, 63, 300), rng.uniform(0.1, 5, 300)
    order = np.lexsort((time_s, pitch))
    heard = Heard(NO_ROLL, time_s[order], pitch[order], rng.uniform(0.01, 1, 300))
    image = rng.normal(-5, 2, (520, N_PITCHES)).astype(np.float32)
    refiner = load_refiner(shipped_weights()["maps"])
    found = refiner.refined(notes_at(time_s[::3], pitch[::3]), heard, image)
    assert (np.diff(found.pitch) >= 0).all()
    for key in (60, 61, 62):
        mine = found.time_s[found.pitch == key]
        before = heard.time_s[heard.pitch == key]
        assert (np.diff(mine) >= 0).all()
        away = np.abs(mine[:, None] - before).min(axis=1)
        assert away.max() <= FURTHEST_S + 1e-9
    assert (found.height >= LOWEST_PEAK).all() and (found.height <= 1).all()


def test_peaks_of_keys_that_the_file_lacks_stay_as_they_are():
    heard = Heard(NO_ROLL, np.array([0.2, 0.21]), np.array([60, 72]), np.array([0.5, 0.4]))
    found = load_refiner(shipped_weights()["maps"]).refined(notes_at([0.25], [60]), heard, SILENCE)
    kept = found.pitch == 72
    np.testing.assert_array_equal(found.time_s[kept], [0.21])
    np.testing.assert_array_equal(found.height[kept], [0.4])


def test_an_hour_takes_no_more_memory_than_its_notes():
    refiner = load_refiner(shipped_weights()["maps"])
    n_frames = 3600 * REFINED_FPS
    image = np.full((n_frames, N_PITCHES), np.log(LOG_FLOOR), np.float16)
    onset_s = np.linspace(1, 3599, 600)
    heard = Heard(NO_ROLL, onset_s, np.full(600, 60), np.full(600, 0.9))
    asked = notes_at(onset_s, np.full(600, 60)), heard, image
    assert most_bytes(lambda: refiner.refined(*asked)) < 150 * 2**20


def test_nothing_to_refine():
    none = np.zeros(0)
    refiner = load_refiner(shipped_weights()["maps"])
    nothing = Heard(NO_ROLL, none, none.astype(int), none)
    image = SILENCE[:10]
    assert refiner.refined(notes_at([0.1], [60]), nothing, image) is nothing
    heard = Heard(NO_ROLL, np.zeros(1), np.array([21]), np.ones(1))
    assert refiner.refined(Notes.empty(), heard, image) is heard
    one = refiner.refined(notes_at([0.0], [21]), heard, image)
    assert np.isfinite(one.time_s).all() and np.isfinite(one.height).all()
    scene = Scene.of(image, heard, notes_at([0.0], [21]))
    assert np.isfinite(views(np.array([108]), np.array([9]), scene)).all()


@pytest.mark.parametrize("name", LISTENED_SETS)
def test_more_notes_of_a_recording_lie_within_10_ms(name):
    "On a recording that no weights have learned from."
    engine = open_engine(shipped_weights()[name], device="cpu")
    recording = load_corpus("demo", repo_root() / "corpus", ("recordings",), pedal=True)[0]
    reference, loose = recording.reference, recording.loose
    image = spectrogram(load_audio(recording.audio), engine.experiment.audio)
    heard = hear(engine.walker, engine.experiment.audio, image, loose, len(image))
    within = []
    for peaks in (heard, engine.refined(loose, heard, image)):
        found = decode(loose, peaks, REFINED_FPS)
        error_s = onset_errors(reference, found.notes)
        within.append(np.mean(np.abs(error_s - np.median(error_s)) <= 0.01))
    assert within[1] > within[0] + 0.01


def test_a_refiner_that_has_learned_nothing_only_rounds_to_frames():
    heard = Heard(NO_ROLL, np.array([0.1234, 0.118, 0.1]), np.array([60, 61, 62]), np.ones(3))
    found = with_weights().refined(notes_at(heard.time_s, heard.pitch), heard, SILENCE)
    np.testing.assert_allclose(found.time_s, [0.12, 0.12, 0.1], atol=1e-6)
    assert len(set(found.height.tolist())) == 1


def test_no_peak_is_moved_to_before_the_recording():
    early = np.array([90.0, 0, 0, 0], np.float32)
    for bias in (early, early[::-1].copy()):
        heard = Heard(NO_ROLL, np.array([0.001]), np.array([60]), np.ones(1))
        moving = with_weights(places_bias=bias)
        assert (moving.refined(notes_at([0.0], [60]), heard, SILENCE).time_s >= 0).all()


def test_what_is_not_believed_is_not_taken():
    "Of two peaks the one that the refiner believes; here it believes what the file expects."
    given = notes_at([0.3], [60])
    heard = Heard(NO_ROLL, np.array([0.2, 0.4]), np.array([60, 60]), np.array([0.6, 0.5]))
    doubting = with_weights(begins_bias=np.array([-20.0], np.float32))
    assert len(doubting.refined(given, heard, SILENCE).time_s) == 0
    sure = with_weights(begins_bias=np.array([20.0], np.float32)).refined(given, heard, SILENCE)
    np.testing.assert_array_equal(sure.height > 0.7, [True, True])


def test_labels_of_maps_say_when_keys_strike():
    assert onsets_of_labels("MAPS_MUS-bach_846_AkPnBcht") == KEY_ONSETS
    assert onsets_of_labels("bach_fugue_bwv_854_lua01m") == SOUND_ONSETS


def test_keys_strike_before_they_sound():
    "The same recording, asked both ways: soft notes are heard later than their keys strike."
    engine = open_engine(shipped_weights()["maps"], device="cpu")
    recording = load_corpus("demo", repo_root() / "corpus", ("valid",), pedal=True)[0]
    image = spectrogram(load_audio(recording.audio), engine.experiment.audio)
    loose = recording.reference
    heard = hear(engine.walker, engine.experiment.audio, image, loose, len(image))
    found = {}
    for onsets in (SOUND_ONSETS, KEY_ONSETS):
        peaks = engine.asked_for(onsets).refined(loose, heard, image)
        found[onsets] = decode(loose, peaks, REFINED_FPS)
    both = found[SOUND_ONSETS].matched & found[KEY_ONSETS].matched
    later_s = (found[SOUND_ONSETS].notes.onset_s - found[KEY_ONSETS].notes.onset_s)[both]
    assert 0.0005 < np.median(later_s) < 0.02


def test_weights_that_learned_sounds_alone_refuse_keys(tmp_path):
    audio, midi = (next((repo_root() / "corpus" / d).iterdir()) for d in ("audio", "midi"))
    with pytest.raises(InputError, match="keys.*choose sound"):
        align(audio, midi, tmp_path / "out.mid", weights="free", onsets="keys")
    with pytest.raises(InputError, match="onsets 'hammers' is unknown"):
        align(audio, midi, tmp_path / "out.mid", onsets="hammers")
    assert not list(tmp_path.iterdir())


def test_a_room_adds_and_a_score_keeps_its_notes():
    rng = np.random.default_rng(0)
    image = rng.normal(-5, 2, (300, N_PITCHES)).astype(np.float32)
    assert (in_a_room(image, rng) >= image - 1e-4).all()
    played = notes_at(np.sort(rng.uniform(0, 20, 90)), rng.integers(30, 90, 90))
    score = as_a_score(played, rng)
    np.testing.assert_array_equal(score.pitch, played.pitch)
    assert np.isfinite(score.onset_s).all() and (score.offset_s > score.onset_s).all()
    alone = as_a_score(played[:1], rng)
    assert np.isfinite(alone.onset_s).all()
