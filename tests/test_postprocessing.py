"Decoding, tried on many random cases, on awkward and on long ones, and by a perfect network."

from functools import lru_cache

import numpy as np
import pytest

from pianoalign.datasets import DataSettings, evaluation_segments, load_corpus
from pianoalign.experiments import load_plan
from pianoalign.files import InputError, repo_root
from pianoalign.judging import matching_limits, perfect_answer, perfect_errors
from pianoalign.notes import frame_of, Notes
from pianoalign.decoding import align_by_onsets, WalkSettings
from pianoalign.postprocessing import (
    align_notes,
    by_pitch,
    cut_overlaps,
    estimate_tempo,
    match_in_order,
    match_notes,
    note_blocks,
    onset_candidates,
    retime,
)
from pianoalign.preprocessing import piano_roll
from pianoalign.targets import onset_target
from waiting import growth, lines_run


def random_notes(rng, n, length_s, pitches=88, shortest_s=0.012):
    "Notes anywhere: overlapping, in unison, of one frame, in no order."
    onset_s = rng.uniform(0, length_s, n)
    onset_s[rng.random(n) < 0.05] = rng.choice(onset_s)
    return Notes.from_arrays(
        onset_s,
        onset_s + shortest_s + rng.exponential(0.2, n),
        rng.integers(21, 21 + pitches, n),
        rng.integers(1, 128, n),
    )


def separate_notes(rng, n_a_pitch, pitches=88):
    "Notes of each pitch one after the other, a third of them struck again at once."
    rest_s = np.where(
        rng.random((pitches, n_a_pitch)) < 1 / 3,
        0,
        0.06 + rng.exponential(0.8, (pitches, n_a_pitch)),
    )
    length_s = 0.06 + rng.exponential(0.3, (pitches, n_a_pitch))
    offset_s = np.cumsum(rest_s + length_s, axis=1)
    pitch = np.repeat(np.arange(21, 21 + pitches)[:, None], n_a_pitch, axis=1)
    return Notes.from_arrays((offset_s - length_s).ravel(), offset_s.ravel(), pitch.ravel())


def nudged(notes, rng, by_s=0.1):
    onset_s = np.maximum(notes.onset_s + rng.uniform(-by_s, by_s, len(notes)), 0)
    return notes.at_times(
        onset_s, np.maximum(notes.offset_s + rng.uniform(-by_s, by_s, len(notes)), onset_s + 0.03)
    )


def least_cost(given_s, found_s, alone_s, limit_s):
    "The textbook table, filled cell by cell."
    cost = alone_s * np.add.outer(np.arange(len(given_s) + 1.0), np.arange(len(found_s) + 1.0))
    for i, g in enumerate(given_s, 1):
        for j, f in enumerate(found_s, 1):
            pair = cost[i - 1, j - 1] + abs(g - f) if abs(g - f) <= limit_s else np.inf
            cost[i, j] = min(cost[i - 1, j] + alone_s, cost[i, j - 1] + alone_s, pair)
    return cost[-1, -1]


@pytest.mark.parametrize("fps", [25, 50, 100, 200])
def test_blocks_give_back_the_roll(fps):
    rng = np.random.default_rng(fps)
    roll = (rng.random((500, 88)) < 0.3).astype(np.float32)
    blocks = note_blocks(roll, fps=fps)
    assert (piano_roll(blocks, 500, fps, gap=False) == roll).all()
    assert (np.lexsort((blocks.onset_s, blocks.pitch)) == np.arange(len(blocks))).all()


@pytest.mark.parametrize("seed", range(20))
def test_matching_is_the_cheapest(seed):
    rng = np.random.default_rng(seed)
    for _ in range(30):
        alone_s, limit_s = (
            rng.choice([0.01, 0.075, 0.15, 0.4, 2.0]),
            rng.choice([0.0501, 0.5003, 3.0007]),
        )
        given_s, found_s = (
            np.sort(rng.uniform(0, rng.choice([0.3, 2, 8]), rng.integers(0, 30))).round(
                rng.choice([1, 2, 6])
            )
            for _ in range(2)
        )
        index = match_in_order(given_s, found_s, 2 * alone_s, limit_s)
        pairs = index >= 0
        away_s = np.abs(given_s[pairs] - found_s[index[pairs]])
        assert (np.diff(index[pairs]) > 0).all() and (away_s <= limit_s).all()
        cost = away_s.sum() + alone_s * (len(given_s) + len(found_s) - 2 * pairs.sum())
        assert cost == pytest.approx(least_cost(given_s, found_s, alone_s, limit_s), abs=1e-9)


@pytest.mark.parametrize("method", ["nearest", "rank"])
def test_matching_ignores_the_order_of_rows(method):
    rng = np.random.default_rng(1)
    given, found = random_notes(rng, 200, 20, 5), random_notes(rng, 180, 20, 5)
    order, other = rng.permutation(200), rng.permutation(180)
    index = match_notes(given, found, method)
    assert (given.pitch[index >= 0] == found.pitch[index[index >= 0]]).all() and len(
        set(index[index >= 0])
    ) == (index >= 0).sum()
    unique = len(np.unique(given.onset_s)) == 200  # rows in unison may take each other's partner
    times = np.where(index >= 0, found.onset_s[index], np.nan)
    shuffled = match_notes(given[order], found[other], method)
    shuffled_times = np.where(shuffled >= 0, found[other].onset_s[shuffled], np.nan)
    if unique:
        assert np.array_equal(shuffled_times, times[order], equal_nan=True)
    else:
        assert np.array_equal(np.sort(shuffled_times), np.sort(times), equal_nan=True)


def test_by_rank_the_kth_block_of_a_key_is_that_of_its_kth_row():
    given = Notes.from_arrays([2.0, 1.0, 3.0, 1.0], [2.5, 1.5, 3.5, 1.5], [60, 60, 60, 61])
    found = Notes.from_arrays([9.0, 8.0], [9.5, 8.5], [60, 60])
    assert match_notes(given, found, "rank").tolist() == [0, 1, -1, -1]


@pytest.mark.parametrize("seed", range(10))
def test_result_is_always_valid(seed):
    rng = np.random.default_rng(seed)
    given = random_notes(rng, 300, 12, rng.choice([2, 20, 88]))
    roll = rng.random((int(rng.choice([1, 30, 1300])), 88)) ** rng.choice([0.5, 2, 8])
    curve = rng.random(roll.shape).astype(np.float32)
    for notes, matched in (
        align_notes(given, roll),
        align_notes(given, roll, method="rank"),
        align_by_onsets(given, curve),
        align_by_onsets(given, curve, probabilities=roll),
    ):
        assert len(notes) == 300 and matched.dtype == bool and matched.shape == (300,)
        assert (notes.offset_s > notes.onset_s).all() and np.isfinite(
            notes.offset_s
        ).all()  # checked by Notes as well
        for field in ("pitch", "velocity", "source"):
            assert (getattr(notes, field) == getattr(given, field)).all()
        assert (notes.onset_s[~matched] == given.onset_s[~matched]).all()
    notes, matched = align_by_onsets(given, curve, settings=WalkSettings(reach_s=0.2))
    assert np.abs(notes.onset_s - given.onset_s).max() <= 0.2 + 0.001


def test_unmatched_notes_keep_their_times_to_the_bit():
    given = random_notes(np.random.default_rng(0), 500, 30)
    for notes, matched in (
        align_notes(given, np.zeros((3000, 88))),
        align_by_onsets(given, np.zeros((3000, 88)), probabilities=np.zeros((3000, 88))),
    ):
        assert (
            not matched.any()
            and (notes.onset_s == given.onset_s).all()
            and (notes.offset_s == given.offset_s).all()
        )


def test_no_new_overlaps():
    rng = np.random.default_rng(2)
    truth = separate_notes(rng, 40, 30)
    given = truth.at_times(truth.onset_s + 0.004, truth.offset_s - 0.01)  # apart, as given
    roll = piano_roll(truth, 6000, gap=False)  # every repeated note is swallowed
    for notes in (
        align_notes(given, roll)[0],
        align_by_onsets(given, onset_target(truth, 6000, 100), probabilities=roll)[0],
    ):
        order = np.lexsort((notes.onset_s, notes.pitch))
        same = np.diff(notes.pitch[order]) == 0
        assert (notes.offset_s[order][:-1] <= notes.onset_s[order][1:] + 1e-9)[same].all()
    kept = cut_overlaps(given, given.onset_s, given.offset_s)
    assert (kept == given.offset_s).all()


def test_click_test_no_bias():
    rng = np.random.default_rng(3)
    truth = separate_notes(rng, 200)  # 17,600 notes
    n_frames = frame_of(truth.offset_s.max(), 100) + 2
    notes, matched = align_notes(nudged(truth, rng, 0.01), piano_roll(truth, n_frames))
    error_ms = 1000 * (notes.onset_s - truth.onset_s)
    assert matched.all() and abs(error_ms.mean()) < 0.1 and np.abs(error_ms).max() < 5.3
    notes, matched = align_by_onsets(nudged(truth, rng, 0.01), onset_target(truth, n_frames, 100))
    first_frame = truth.onset_s < 0.005  # has no left neighbour to compare with
    error_ms = 1000 * (notes.onset_s - truth.onset_s)[~first_frame]
    assert matched.all() and np.abs(error_ms).max() < 0.1


@pytest.mark.parametrize("fps", [50, 100, 200])
def test_training_target_is_read_back_exactly(fps):
    rng = np.random.default_rng(fps)
    onset_s = 0.2 * np.arange(1, 500) + rng.uniform(0, 0.08, 499)
    truth = Notes.from_arrays(onset_s, onset_s + 0.05, np.full(499, 60))
    time_s, pitch, height = onset_candidates(onset_target(truth, 110 * fps, fps), fps)
    assert len(time_s) == 499 and np.abs(time_s - onset_s).max() < 1e-6 and (height <= 1).all()


def test_noise_does_not_bias_the_reading():
    rng = np.random.default_rng(4)
    onset_s = 0.2 * np.arange(1, 4000) + rng.uniform(0, 0.08, 3999)
    truth = Notes.from_arrays(onset_s, onset_s + 0.05, np.full(3999, 60))
    curve = np.clip(
        0.8 * onset_target(truth, 81_000, 100) + rng.normal(0, 0.02, (81_000, 88)), 0, 1
    )
    notes, matched = align_by_onsets(truth.shifted(0.02), curve, settings=WalkSettings(floor=0.3))
    error_ms = 1000 * (notes.onset_s - onset_s)
    assert (
        matched.all()
        and abs(error_ms.mean()) < 4 * error_ms.std() / np.sqrt(3999)
        and error_ms.std() < 1.5
    )


def test_unison_moves_together_and_outsiders_stay():
    given = Notes.from_arrays(
        [1.05, 1.05, 1.0504, 0.5, 2.0], [1.4, 1.3, 1.4, 0.9, 2.2], [60, 60, 60, 10, 120]
    )
    true = Notes.from_arrays([1.0123], [1.3], [60])
    notes, matched = align_by_onsets(given, onset_target(true, 300, 100))
    assert notes.onset_s == pytest.approx(
        [1.0123, 1.0123, 1.0127, 0.5, 2.0], abs=1e-6
    ) and matched.tolist() == [True, True, True, False, False]


def test_offsets_come_from_the_roll_if_it_falls_near_them():
    given = Notes.from_arrays([1.03, 2.03, 3.03], [1.80, 2.2, 3.4], [60, 60, 60])
    true = Notes.from_arrays([1.0, 2.0, 3.0], [1.71, 2.9, 3.9], [60, 60, 60])
    roll = piano_roll(true[:2], 500)  # nothing for the third
    notes, _ = align_by_onsets(given, onset_target(true, 500, 100), probabilities=roll)
    assert notes.offset_s == pytest.approx(
        [1.71, 2.17, 3.37], abs=1e-6
    )  # the second falls too late to be its end


def test_ends_do_not_come_before_their_notes_and_follow_a_drift():
    rng = np.random.default_rng(4)
    true = separate_notes(rng, 40)
    n_frames = frame_of(true.offset_s.max(), 100) + 60
    drift_s = 0.15 * np.sin(true.onset_s / 9)  # slow, and larger than the reach
    given = true.at_times(
        true.onset_s + drift_s, true.offset_s + drift_s + rng.uniform(-0.04, 0.04, len(true))
    )
    notes, matched = align_by_onsets(
        given, onset_target(true, n_frames, 100), probabilities=piano_roll(true, n_frames)
    )
    rests = np.append(
        true.onset_s[1:] > true.offset_s[:-1] + 0.02, True
    )  # what follows at once has no end to be heard
    error_s = np.abs(notes.offset_s - true.offset_s)[matched & rests]
    assert (
        rests.sum() > 2000
        and matched.mean() > 0.99
        and np.mean(error_s < 0.0051) > 0.95
        and (notes.offset_s > notes.onset_s).all()
    )


@pytest.mark.parametrize(
    "bad, says",
    [
        (np.zeros((5, 87)), "88 columns"),
        (np.zeros(88), "shape"),
        (np.full((5, 88), np.nan), "not numbers"),
        (np.full((5, 88), np.inf), "not numbers"),
    ],
)
def test_bad_rolls_are_refused(bad, says):
    given = Notes.from_arrays([0.0], [1.0], [60])
    for decode in (
        note_blocks,
        lambda x: align_notes(given, x),
        onset_candidates,
        lambda x: align_by_onsets(given, x),
    ):
        with pytest.raises(InputError, match=says):
            decode(bad)


def test_bad_settings_are_refused():
    given = Notes.from_arrays([0.0], [1.0], [60])
    with pytest.raises(InputError, match="nearest"):
        match_notes(given, given, "closest")
    with pytest.raises(InputError, match="1 given"):
        retime(given, given, [0, 0])


def test_without_notes_or_frames_there_is_nothing_to_match():
    none = Notes.empty()
    assert (
        by_pitch(none) == {}
        and match_notes(none, none).shape == (0,)
        and len(retime(none, none, [])) == 0
    )
    for n_frames in (0, 1, 50):
        blank = np.zeros((n_frames, 88))
        assert len(note_blocks(blank)) == 0 and len(onset_candidates(blank)[0]) == 0
        assert len(align_notes(none, blank)[0]) == len(align_by_onsets(none, blank)[0]) == 0


@lru_cache(None)
def on_all_keys(n):
    "So many notes on each key, given a little off; what a perfect network hears of them."
    rng = np.random.default_rng(5)
    truth = separate_notes(rng, n)
    n_frames = frame_of(truth.offset_s.max(), 100) + 2
    return nudged(truth, rng), piano_roll(truth, n_frames), onset_target(truth, n_frames, 100)


def by_blocks(n):
    given, roll, _ = on_all_keys(n)
    align_notes(given, roll)


def by_onsets(n):
    given, roll, curve = on_all_keys(n)
    align_by_onsets(given, curve, probabilities=roll)


@pytest.mark.parametrize("decode", [by_blocks, by_onsets])
def test_work_grows_with_the_number_of_notes(decode):
    "Ten times as many notes are ten times the work, and few lines of Python each."
    assert max(growth(decode, 10, 100)) < 2
    assert lines_run(lambda: decode(10)) < 120 * 88 * 10


def test_one_key_struck_without_end_stays_quick():
    "All notes on one pitch: the work must not grow with the square of their number."

    def match(n):
        given_s = np.arange(n) * 0.02
        found_s = np.sort(given_s + np.random.default_rng(6).uniform(-0.01, 0.01, n))
        assert (match_in_order(given_s, found_s, 0.3, 0.5) >= 0).mean() > 0.99

    assert max(growth(match, 400, 4_000)) < 2


# ---- a perfect network: no limit of the postprocessing may hide behind "not learned yet"


PLAN = load_plan()
ROWS = sorted({row["run"] for rows in PLAN.tables.values() for row in rows})


@lru_cache
def valid_recordings():
    return load_corpus("demo", repo_root() / "corpus", ("valid",))


@pytest.mark.parametrize("tier", ["demo", "printed"])
@pytest.mark.parametrize("run", ROWS)
def test_a_perfect_network_loses_nothing_but_its_frames(run, tier):
    if run not in PLAN.runs_of(tier):
        pytest.skip("this tier does not train it")
    e = PLAN.experiment(run, tier)
    segments = evaluation_segments(valid_recordings()[:: 3 if tier == "demo" else 6], e.data)
    frame_ms = 1000 / e.audio.fps
    for segment in segments:
        reference = segment.reference
        n_frames = int(np.ceil((segment.end_s - segment.start_s) * e.audio.fps)) + 1
        answer = perfect_answer(reference, n_frames, e.audio.fps)
        found = note_blocks(answer, fps=e.audio.fps)
        limits = matching_limits(e.data)
        notes, _ = align_notes(segment.loose, answer, e.audio.fps, **limits)
        error_ms = 1000 * np.abs(notes.onset_s - reference.onset_s)
        for pitch, rows in by_pitch(reference).items():
            if np.sum(found.pitch == pitch) == len(rows):
                assert error_ms[rows].max() <= 0.53 * frame_ms, (segment.id, pitch)
    plain = e if not e.network.onset_head else PLAN.experiment("crnn", tier)
    error_ms = 1000 * np.abs(perfect_errors(segments, plain)["crnn"])
    assert error_ms.mean() < (3.5 if e.audio.fps == 100 else frame_ms / 3)


@pytest.mark.parametrize("max_jitter_s", [0.1, 0.15, 0.2])
def test_a_partner_is_no_further_away_however_loose_the_notes_are(max_jitter_s):
    "A note whose block is missing takes one 0.28 s away, as in Table 1, and none 0.32 s away."
    limits = matching_limits(DataSettings(max_jitter_s=max_jitter_s))
    given = Notes.from_arrays([1.0, 3.0], [1.5, 3.5], [60, 62])
    blocks = Notes.from_arrays([1.28, 3.32], [1.6, 3.6], [60, 62])
    assert match_notes(given, blocks, **limits).tolist() == [0, -1]


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.0, 1.05, 1.3])
@pytest.mark.parametrize("lost, extra", [(0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.4, 0.1)])
def test_the_tempo_is_found_among_losses_and_false_blocks(factor, lost, extra):
    rng = np.random.default_rng([int(100 * factor), int(100 * lost)])
    truth = separate_notes(rng, 20, 24)
    truth = truth[truth.onset_s < 30]
    false = random_notes(rng, 1 + int(extra * len(truth)), 30, 24)
    seen = truth[rng.random(len(truth)) >= lost]
    found = Notes.from_arrays(
        *(
            np.concatenate([getattr(seen, f), getattr(false, f)])
            for f in ("onset_s", "offset_s", "pitch")
        )
    )
    given = nudged(truth.at_times(factor * truth.onset_s, factor * truth.offset_s), rng)
    slope, shift_s = estimate_tempo(given, found, 0.3)
    at_end_s = slope * given.onset_s.max() + shift_s
    half_the_jitter_s = 0.05  # what the matching bears easily
    assert abs(at_end_s - given.onset_s.max() / factor) < half_the_jitter_s
    assert abs(shift_s) < half_the_jitter_s


def test_no_tempo_is_made_up_where_nothing_is_heard():
    rng = np.random.default_rng(8)
    given, none = separate_notes(rng, 10, 20), Notes.empty()
    assert estimate_tempo(given, none, 0.3) == (1.0, 0.0)
    assert estimate_tempo(none, given, 0.3) == (1.0, 0.0)
    elsewhere = Notes.from_arrays([1.0, 2.0], [1.1, 2.1], [100, 101])  # keys that nobody plays
    assert estimate_tempo(given, elsewhere, 0.3) == (1.0, 0.0)
    notes, matched = align_notes(given, np.zeros((500, 88)), max_tempo_factor=0.3)
    assert not matched.any() and (notes.onset_s == given.onset_s).all()


def test_a_lost_note_goes_where_the_tempo_has_it():
    truth = Notes.from_arrays(
        np.arange(1.0, 25.0), np.arange(1.0, 25.0) + 0.5, [60, 64, 67, 72] * 6
    )
    given = truth.at_times(1.2 * truth.onset_s, 1.2 * truth.offset_s)
    seen = truth[np.arange(24) != 17]
    notes, matched = align_notes(given, piano_roll(seen, 2600), max_tempo_factor=0.3)
    assert not matched[17] and matched.sum() == 23
    assert np.abs(notes.onset_s - truth.onset_s).max() < 0.01
    literal, _ = align_notes(given, piano_roll(seen, 2600), method="rank", max_tempo_factor=0.3)
    assert np.abs(literal.onset_s - truth.onset_s).max() > 3  # by rank is left to the letter
