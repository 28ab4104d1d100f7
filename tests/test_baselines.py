"DTW and its run folder: what the chapter does not show, above all odd input and interruption."

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pianoalign import baselines
from pianoalign.baselines import (
    RECIPES,
    DTWSettings,
    cut_silence,
    _cut_otherwise,
    align_recording,
    align_segment,
    audio_features,
    baseline_errors,
    calibration_segments,
    dtw_align,
    dtw_path,
    end_of_sound,
    file_side,
    find_path,
    middle_mean,
    move_along,
    moved,
    oracle_path_errors,
    recording_side,
    run_baselines,
)
from pianoalign.datasets import DataSettings, Recording, Segment, evaluation_segments
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.report.plots import synthesise
from pianoalign.judging import read_aligned
from pianoalign.runs import read_errors, read_npz, write_npz

RATE_HZ = 16000


def scale(n=8, start_s=0.4, step_s=0.3):
    onset_s = start_s + step_s * np.arange(n)
    return Notes.from_arrays(onset_s, onset_s + 0.25, 60 + 2 * (np.arange(n) % 7))


@pytest.fixture(scope="module")
def played():
    return scale()


@pytest.fixture(scope="module")
def sound(played):
    return synthesise(played)


@pytest.fixture(scope="module")
def features(sound, played):
    return audio_features(cut_silence(sound, RATE_HZ, played), RATE_HZ)


def test_rows_come_back_in_their_order(played, features):
    mixed = played[np.random.default_rng(0).permutation(len(played))]
    there = moved(mixed, find_path(recording_side(features), file_side(mixed)))
    assert (
        (there.pitch == mixed.pitch).all()
        and (there.velocity == mixed.velocity).all()
        and (there.source == mixed.source).all()
    )
    assert (there.offset_s > there.onset_s).all() and (there.onset_s >= 0).all()


def test_path_is_strictly_monotonic_and_repeatable(played, sound, features):
    first, second = (
        dtw_path(sound, RATE_HZ, played),
        find_path(recording_side(features), file_side(played)),
    )
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(first, second)


def test_a_stretched_file_is_found(played, features):
    slow = played.at_times(played.onset_s * 1.1, played.offset_s * 1.1)
    error_s = (
        moved(slow, find_path(recording_side(features), file_side(slow))).onset_s - played.onset_s
    )
    assert np.abs(slow.onset_s - played.onset_s).max() > 0.2 and np.median(np.abs(error_s)) < 0.045


def test_silence_after_the_end_changes_nothing(played, sound):
    hiss = np.random.default_rng(0).normal(0, 1e-4, 3 * RATE_HZ).astype(np.float32)
    for tail in (np.zeros_like(hiss), hiss):
        assert (
            len(cut_silence(np.concatenate([sound, tail]), RATE_HZ, played))
            <= len(sound) + RATE_HZ // 10
        )


def test_notes_later_than_the_sound_are_no_error(features):
    late = Notes.from_arrays([0.5, 9.0], [0.9, 9.5], [60, 62])
    assert len(moved(late, find_path(recording_side(features), file_side(late)))) == 2


@pytest.mark.parametrize(
    "notes",
    [
        Notes.from_arrays([0.0], [0.004], [108]),  # one note, shorter than a frame
        Notes.from_arrays([-0.2, 0.5], [0.1, 1.9999], [50, 52]),
        Notes.from_arrays([0.5, 0.6], [1.2, 1.3], [12, 60]),
    ],
)  # one outside the keys
def test_tiny_pieces(notes):
    sound = synthesise(notes, n_samples=2 * RATE_HZ)
    there = dtw_align(sound, RATE_HZ, notes)
    assert (
        len(there) == len(notes)
        and np.isfinite(there.onset_s).all()
        and (there.offset_s > there.onset_s).all()
    )


@pytest.mark.parametrize(
    "notes",
    [Notes.empty(), Notes.from_arrays([0.5], [1.0], [20]), Notes.from_arrays([0.5], [1.0], [109])],
)
def test_nothing_to_align(sound, notes):
    with pytest.raises(InputError, match="no note between pitch 21 and 108"):
        dtw_align(sound, RATE_HZ, notes)


@pytest.mark.parametrize(
    "samples, says",
    [(np.full(RATE_HZ, np.nan, np.float32), "recording"), (np.zeros(0, np.float32), "recording")],
)
def test_no_sound(played, samples, says):
    with pytest.raises(InputError, match=says):
        dtw_align(samples, RATE_HZ, played)


def test_short_sound_at_another_rate(played):
    one = played[:1]
    assert len(dtw_align(synthesise(one, 8000, n_samples=4000), 8000, one)) == 1


def test_lag_is_taken_off(played, features):
    plain, shifted = (
        find_path(recording_side(features), file_side(played), DTWSettings(remove_lag_ms=lag))
        for lag in (0.0, 15.0)
    )
    np.testing.assert_allclose(plain[0] - shifted[0], 0.015)
    np.testing.assert_array_equal(plain[1], shifted[1])


def test_move_along_keeps_the_delay_beyond_the_ends():
    path = np.array([[0.1, 1.1, 2.3], [0.0, 1.0, 2.0]])
    np.testing.assert_allclose(move_along(path, [-1.0, 0.5, 3.0]), [-0.9, 0.6, 3.3])


def test_the_manual_offset_is_the_toolboxes(sound):
    "Shifting the peaks ourselves is what `manual_offset` does."
    from synctoolbox.feature.pitch_onset import audio_to_pitch_onset_features

    wide = np.asarray(baselines.resample(sound, RATE_HZ, 22050), np.float32)
    with baselines._quiet():
        plain, theirs = (
            audio_to_pitch_onset_features(f_audio=wide, Fs=22050, manual_offset=offset)
            for offset in (0, -25)
        )
    for pitch in (60, 64, 90):
        ours = plain[pitch][0] - 25
        np.testing.assert_allclose(ours[ours > 0], np.ravel(theirs[pitch][0]))


def test_rates_that_divide_are_themselves():
    for rate in (25, 50, 75, 90, 210):
        assert DTWSettings(feature_rate_hz=rate).rate_hz == rate
    assert DTWSettings(feature_rate_hz=100, exact_rate=False).rate_hz == 100


def test_shared_features_change_nothing(sound, played):
    loose = played.shifted(0.03)
    both = align_segment(
        sound, RATE_HZ, loose, {m: RECIPES[m] for m in ("dtw", "dtw_unit_velocity")}
    )
    np.testing.assert_array_equal(both["dtw"].onset_s, dtw_align(sound, RATE_HZ, loose).onset_s)


def test_end_of_sound():
    sound = np.concatenate([np.full(RATE_HZ, 0.5), np.full(RATE_HZ, 1e-4)])
    assert end_of_sound(sound, RATE_HZ) == pytest.approx(1.0, abs=0.051)
    assert end_of_sound(np.zeros(RATE_HZ), RATE_HZ) == 1.0


def test_oracle_path_is_no_worse_than_any_single_delay():
    rng = np.random.default_rng(0)
    truth = Notes.from_arrays(
        np.sort(rng.uniform(0, 30, 200)), np.full(200, 31.0), rng.integers(40, 80, 200)
    )
    loose = truth.at_times(truth.onset_s + rng.uniform(-0.1, 0.1, 200), truth.offset_s)
    assert (oracle_path_errors(truth, loose) ** 2).sum() <= (
        (loose.onset_s - truth.onset_s) ** 2
    ).sum()
    assert len(oracle_path_errors(Notes.empty(), Notes.empty())) == 0


def test_middle_mean():
    assert middle_mean([100.0, 1, 2, 3, -50, 2, 2, 2]) == pytest.approx(2.0)


@pytest.fixture()
def corpus(tmp_path, played, sound):
    soundfile.write(tmp_path / "a.wav", sound, RATE_HZ)
    whole = Recording("a", "test", "toy", tmp_path / "a.wav", len(sound) / RATE_HZ, played)
    given = Recording(
        "b",
        "recordings",
        "toy",
        tmp_path / "a.wav",
        len(sound) / RATE_HZ,
        played,
        played.shifted(0.02),
    )
    return whole, given


def test_cutting_the_other_way_covers_every_note(corpus):
    whole, given = corpus
    halves = evaluation_segments([whole], DataSettings(corpus="demo", segment_s=1.0))
    assert len(halves) > 1
    ((start_s, end_s, shares, loose),) = _cut_otherwise(halves)
    assert (start_s, len(loose)) == (0.0, sum(len(s.loose) for s in halves)) and len(shares) == len(
        halves
    )
    np.testing.assert_allclose(
        np.concatenate([s.loose.onset_s + s.start_s for s in halves]), loose.onset_s
    )
    (segment,) = evaluation_segments([given], DataSettings(corpus="demo"))
    rows = np.concatenate(
        [rows for _, _, shares, _ in _cut_otherwise([segment]) for _, rows in shares]
    )
    assert sorted(rows) == list(range(len(segment.loose)))


def test_recording_is_cached_and_the_cache_knows_its_input(corpus, tmp_path):
    segments = evaluation_segments(corpus[:1], DataSettings(corpus="demo"))
    recipe = {"dtw": RECIPES["dtw"]}
    path = align_recording(segments, recipe, tmp_path / "cache", otherwise=True)
    with np.load(path) as z:
        assert {k.split("/")[0] for k in z.files} == {"dtw", "dtw_cut_otherwise"}
        for k in z.files:
            assert np.isfinite(z[k]).all() and len(z[k]) == len(segments[0].loose)
        np.testing.assert_allclose(
            z["dtw/a#0/onset_s"], z["dtw_cut_otherwise/a#0/onset_s"], atol=1e-9
        )
    stamp = path.stat().st_mtime_ns
    assert (
        align_recording(segments, recipe, tmp_path / "cache", otherwise=True) == path
        and path.stat().st_mtime_ns == stamp
    )
    moved_notes = [
        Segment(s.id, s.recording, s.start_s, s.end_s, s.reference, s.loose.shifted(0.01))
        for s in segments
    ]
    key = baselines._cache_key(segments, recipe, True)
    finer = {"dtw": DTWSettings(feature_rate_hz=75)}
    assert baselines._cache_key(moved_notes, recipe, True) != key
    assert baselines._cache_key(segments, finer, True) != key
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_errors_have_the_promised_names(corpus):
    segments = evaluation_segments(corpus[:1], DataSettings(corpus="demo"))
    aligned = {"dtw": {s.id: (s.loose.onset_s + 0.01, s.loose.offset_s) for s in segments}}
    errors = baseline_errors({"test": segments}, {"test": segments}, aligned, lag_s=0.01)
    assert set(errors) == {
        f"test/{m}/a"
        for m in ("unaligned", "oracle_path", "dtw", "dtw_lag_removed", "unaligned_uniform")
    }
    np.testing.assert_allclose(
        errors["test/dtw_lag_removed/a"], errors["test/unaligned/a"], atol=1e-12
    )


def test_calibration_takes_the_middle_segment_of_recordings_spread_over_the_list():
    notes = scale(100, step_s=0.9)  # 90 s: three segments of half a minute
    recordings = [Recording(f"r{k}", "train", "", Path("r.wav"), 90.0, notes) for k in range(9)]
    data = DataSettings(corpus="demo")
    chosen = calibration_segments(recordings, data, 3)
    assert [s.recording.id for s in chosen] == ["r0", "r4", "r8"]
    for s in chosen:
        of_recording = [x.id for x in evaluation_segments([s.recording], data)]
        assert len(of_recording) >= 3 and s.id == of_recording[len(of_recording) // 2]
    assert calibration_segments([], data) == []


@pytest.fixture()
def small_world(monkeypatch, played, sound, tmp_path):
    "A corpus of four toy recordings in place of the real one."

    def load(name, root, splits, pedal=False, per_split=0):
        made = []
        for k, split in enumerate(("train", "valid", "test", "recordings")):
            if split not in splits:
                continue
            audio = Path(root) / f"{split}.wav"
            if not audio.exists():
                soundfile.write(audio, sound, RATE_HZ)
            made.append(
                Recording(
                    split if name == "demo" else f"{name}_{split}",
                    split,
                    "toy",
                    audio,
                    len(sound) / RATE_HZ,
                    played,
                    played.shifted(0.02) if split == "recordings" else None,
                )
            )
        return made

    import pianoalign.datasets

    monkeypatch.setattr(pianoalign.datasets, "load_corpus", load)
    return tmp_path


def test_run_folder(small_world, monkeypatch):
    data = DataSettings(corpus="demo")
    run = lambda: run_baselines(
        data, small_world / "runs", small_world, small_world, small_world / "cache", progress=False
    )
    calls, patience = [], 3

    def quick(samples, sample_rate_hz, loose, recipes):  # the real one is tested above
        calls.append(1)
        if len(calls) == patience:
            raise KeyboardInterrupt
        return {method: loose.shifted(0.01) for method in recipes}

    monkeypatch.setattr(baselines, "align_segment", quick)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert not list(
        (small_world / "runs").glob("*/metrics.json")
    )  # nothing half-written looks finished
    patience = None
    folder = run()
    assert len(calls) == 3 + 2  # the first two were not done again
    assert folder.name.startswith("dtw-") and {p.name for p in folder.iterdir()} == {
        "config.json",
        "metrics.json",
        "errors.npz",
        "aligned.npz",
    }
    errors, times = read_errors(folder), read_aligned(folder)
    assert set(times) == {("valid", "valid#0"), ("test", "test#0"), ("recordings", "recordings#0")}
    assert ("test", "unaligned_uniform") in errors and (
        "recordings",
        "unaligned_uniform",
    ) not in errors
    np.testing.assert_allclose(
        times["test", "test#0"][0] - scale().onset_s, errors["test", "dtw"]["test"], atol=1e-6
    )
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert run() == folder and len(calls) == 5  # finished: left alone
    (folder / "metrics.json").unlink()
    run()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before  # the same to the last byte


def test_a_folder_that_lacks_a_set_gets_it_and_no_other_work_is_done(small_world, monkeypatch):
    "As those did that were made before networks of MAPS were judged on the demo corpus."
    aligned = []

    def quick(samples, sample_rate_hz, loose, recipes):
        aligned.append(len(loose))
        return {method: loose.shifted(0.01) for method in recipes}

    def run(cache):
        roots = small_world / "runs", small_world, small_world, small_world / cache
        return run_baselines(DataSettings(corpus="maps"), *roots, progress=False)

    monkeypatch.setattr(baselines, "align_segment", quick)
    folder = run("cache")
    assert len(aligned) == 5 and len({s for s, _ in read_aligned(folder)}) == 4
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for name in ("errors.npz", "aligned.npz"):
        kept = read_npz(folder / name)
        write_npz(folder / name, {k: v for k, v in kept.items() if not k.startswith("demo_test/")})
    metrics = json.loads(before["metrics.json"])
    del metrics["sets"]["demo_test"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    aligned.clear()
    assert run("another cache") == folder and len(aligned) == 1
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_the_same_arrays_give_the_same_file_in_whatever_order(tmp_path):
    arrays = {"a/b": np.arange(3), "c": np.ones((2, 2), np.float32)}
    write_npz(tmp_path / "x.npz", arrays)
    write_npz(tmp_path / "y.npz", dict(reversed(arrays.items())))
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()
    stored = read_npz(tmp_path / "x.npz")
    assert stored.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(stored[name], array)
