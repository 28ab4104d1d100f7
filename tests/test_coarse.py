"Where is a score's music in a recording? Made-up music, heard perfectly or with notes missing."

from dataclasses import replace

import numpy as np
import pytest

from pianoalign.notes import N_PITCHES, Notes
from pianoalign.tool import aligner, tuning
from pianoalign.tool.coarse import (
    at_their_own_peaks,
    begun_backwards,
    chords_of,
    events_of,
    find_in_recording,
    Passage,
    search,
    whole_passes,
)
from pianoalign.decoding import Heard
from pianoalign.tool.tuning import find_at_any_pitch, tuning_of


def music(n_chords=160, seed=0):
    "Chords of one to three notes, a quarter to a second apart, by the metronome."
    rng = np.random.default_rng(seed)
    onset_s, pitch = [], []
    for chord_s in np.cumsum(rng.choice([0.25, 0.25, 0.5, 1.0], n_chords)):
        size = rng.integers(1, 4)
        onset_s += [chord_s] * size
        pitch += list(rng.choice(np.arange(40, 88), size, replace=False))
    onset_s = np.array(onset_s)
    return Notes.from_arrays(onset_s, onset_s + 0.2, np.array(pitch))


def heard_of(time_s, pitch, share=0.85, seed=1, end_s=2.0):
    "What a network hears: some notes not at all, the others at any height, and chance peaks."
    rng = np.random.default_rng(seed)
    kept = rng.random(len(time_s)) < share
    false = max(len(time_s) // 5, 1)
    time_s = np.append(time_s[kept], rng.uniform(0, np.max(time_s), false))
    pitch = np.append(pitch[kept], rng.integers(40, 88, false))
    height = np.append(rng.uniform(0.05, 0.9, kept.sum()), rng.uniform(0.01, 0.1, false))
    order = np.lexsort((time_s, pitch))
    roll = np.zeros((int(100 * (np.max(time_s) + end_s)), N_PITCHES), np.uint8)
    return Heard(roll, time_s[order], pitch[order], height[order])


def written_twice(score, begin_s, end_s):
    "A section of a score, written out twice."
    section = (score.onset_s >= begin_s) & (score.onset_s < end_s)
    later_s = np.where(score.onset_s >= end_s, end_s - begin_s, 0.0)
    return Notes.from_arrays(
        np.append(score.onset_s + later_s, score.onset_s[section] + end_s - begin_s),
        np.append(score.offset_s + later_s, score.offset_s[section] + end_s - begin_s),
        np.append(score.pitch, score.pitch[section]),
    )


def away(found, true_s):
    return np.abs(found.notes.onset_s - true_s)


@pytest.mark.parametrize("pace", [1 / 3, 0.6, 1.0, 3.0])
def test_any_pace_that_changes(pace):
    score = music()
    true_s = 2.0 + pace * (score.onset_s + 2.5 * np.sin(score.onset_s / 12))
    found = find_in_recording(heard_of(true_s, score.pitch), score)
    assert found.in_recording.mean() > 0.98 and found.jumps == 0
    assert np.mean(away(found, true_s) < 0.1) > 0.97
    assert found.absent_s == ()


def test_cut_at_the_end_and_begun_late():
    score = music()
    low_s, high_s = np.quantile(score.onset_s, [0.2, 0.7])
    there = (score.onset_s >= low_s) & (score.onset_s < high_s)
    true_s = score.onset_s - low_s + 0.1
    heard = heard_of(true_s[there], score.pitch[there], end_s=0.2)
    found = find_in_recording(heard, score)
    assert np.mean(found.in_recording == there) > 0.97
    assert np.mean(away(found, true_s)[there] < 0.1) > 0.95
    assert found.presence[there].mean() > 0.9 and found.presence[~there].mean() < 0.1
    # what is not there keeps its spacing
    late = score.onset_s >= high_s
    gaps_s = np.diff(np.sort(found.notes.onset_s[late & ~found.in_recording]))
    assert gaps_s.max() < 1.3 and np.ptp(found.notes.onset_s[late]) > 0.8 * np.ptp(
        score.onset_s[late]
    )
    assert found.notes.onset_s.min() >= 0


@pytest.mark.parametrize(
    "left, room_s, asked", [(3, 5.0, True), (3, 0.2, False), (12, 30.0, False)]
)
def test_few_silent_chords_at_the_end_are_asked_for_where_there_is_room(left, room_s, asked):
    score = music()
    chord_s = np.unique(score.onset_s)
    heard = score.onset_s < chord_s[-left]
    listened = heard_of(1.0 + score.onset_s[heard], score.pitch[heard], 1.0)
    frames = int(100 * (1.0 + score.onset_s[heard].max() + room_s))
    listened = replace(listened, roll=np.zeros((frames, N_PITCHES), np.uint8))
    found = find_in_recording(listened, score)
    assert found.in_recording[heard].all()
    assert found.in_recording[~heard].all() if asked else not found.in_recording[~heard].any()
    last_s = found.notes.onset_s[~heard]
    assert np.abs(last_s - 1.0 - score.onset_s[~heard]).max() < 0.3  # their spacing stays


def test_a_recording_lasts_as_long_as_its_frames_say_at_their_own_rate():
    score = music()
    heard = score.onset_s < np.unique(score.onset_s)[-3]
    listened = heard_of(1.0 + score.onset_s[heard], score.pitch[heard], 1.0)
    frames = int(50 * (1.0 + score.onset_s[heard].max() + 5.0))
    listened = replace(listened, roll=np.zeros((frames, N_PITCHES), np.uint8))
    found, _ = find_at_any_pitch(score, 0.0, 0.0, None, lambda image: listened, fps=50)
    assert found.in_recording.all()  # there is room for the last chords, which are silent


def test_music_that_is_written_twice_and_played_once_is_said_to_be_either():
    score = music()
    begin_s, end_s = np.unique(score.onset_s)[[40, 80]]
    twice = written_twice(score, begin_s, end_s)
    found = find_in_recording(heard_of(1.0 + score.onset_s, score.pitch, 0.95), twice)
    (absent_s, like_s), *others = found.doubles_s
    assert not others and absent_s == found.absent_s[0]
    np.testing.assert_allclose(np.subtract(absent_s, like_s), end_s - begin_s)
    (said,) = [remark for remark in found.remarks() if "same music" in remark]
    assert f"{absent_s[0]:.1f} to" in said and f"{like_s[0]:.1f} to" in said


@pytest.mark.parametrize("seed", range(4))
def test_a_recording_of_a_section_that_is_written_twice_is_its_first_pass(seed):
    score = music(seed=seed)
    begin_s, end_s = np.unique(score.onset_s)[[0, 80]]
    twice = written_twice(score, begin_s, end_s)
    rounding_s = np.random.default_rng(seed).uniform(-1e-4, 1e-4, len(twice))
    twice = twice.at_times(twice.onset_s + rounding_s, twice.offset_s)  # as ticks do
    played = score.onset_s < np.unique(score.onset_s)[60]
    heard = heard_of(5.0 + score.onset_s[played], score.pitch[played], 0.95)
    found = find_in_recording(heard, twice)
    first = twice.onset_s < end_s - 0.01
    assert found.fits and not found.in_recording[~first].any()
    assert found.in_recording[first].sum() >= 0.95 * played.sum()


def test_absent_music_that_has_no_like_is_absent_and_nothing_else():
    score = music()
    there = score.onset_s < np.quantile(score.onset_s, 0.6)
    found = find_in_recording(heard_of(score.onset_s[there], score.pitch[there], 0.95), score)
    assert found.absent_s and found.doubles_s == ()


def test_each_note_of_a_chord_begins_at_its_own_peak():
    score = music()
    late_s = np.random.default_rng(4).uniform(-0.03, 0.03, len(score))
    true_s = 1.0 + score.onset_s + late_s
    found = find_in_recording(heard_of(true_s, score.pitch, 1.0), score)
    assert np.mean(away(found, true_s) < 0.002) > 0.97
    onset_s = np.array([1.0, 1.06, 3.0])  # two strokes of one key, of which the second is heard
    twice = Notes.from_arrays(onset_s, onset_s + 0.05, np.array([60, 60, 62]))
    silent = np.zeros((500, N_PITCHES), np.uint8)
    heard = Heard(silent, np.array([1.05, 3.02]), np.array([60, 62]), np.array([0.5, 0.005]))
    moved = at_their_own_peaks(twice, np.array([True, True, True]), heard)
    np.testing.assert_allclose(moved.onset_s, [1.0, 1.05, 3.0])  # the last peak is too low
    moved = at_their_own_peaks(twice, np.array([True, False, True]), heard)
    np.testing.assert_allclose(moved.onset_s, [1.05, 1.06, 3.0])


def test_a_cut_is_a_jump():
    score = music()
    a, b = np.quantile(score.onset_s, [0.3, 0.5])
    there = (score.onset_s < a) | (score.onset_s >= b)
    true_s = np.where(score.onset_s < a, score.onset_s, score.onset_s - b + a)
    found = find_in_recording(heard_of(true_s[there], score.pitch[there]), score)
    assert found.jumps == 1
    assert np.mean(found.in_recording == there) > 0.97
    assert np.mean(away(found, true_s)[there] < 0.1) > 0.97
    (absent,) = found.absent_s
    assert abs(absent[0] - a) < 1.5 and abs(absent[1] - b) < 1.5


def test_a_section_played_twice_is_named():
    score = music()
    a, b = np.quantile(score.onset_s, [0.4, 0.7])
    once, rest = score.onset_s < b, score.onset_s >= a
    played_s = np.append(score.onset_s[once], score.onset_s[rest] + b - a)
    pitch = np.append(score.pitch[once], score.pitch[rest])
    found = find_in_recording(heard_of(played_s, pitch), score)
    true_s = np.where(once, score.onset_s, score.onset_s + b - a)
    assert found.jumps == 1 and found.in_recording.mean() > 0.99
    assert np.mean(away(found, true_s) < 0.1) > 0.97  # the first time counts
    (extra,) = found.extra_s
    assert abs(extra[0] - b) < 1.5 and abs(extra[1] - 2 * b + a) < 1.5


def test_strange_music_around():
    score, other = music(seed=0), music(seed=5)
    begin_s = other.onset_s.max() + 3
    time_s = np.concatenate([other.onset_s, score.onset_s + begin_s])
    heard = heard_of(time_s, np.append(other.pitch, score.pitch))
    found = find_in_recording(heard, score)
    assert np.mean(away(found, score.onset_s + begin_s) < 0.1) > 0.97
    assert found.extra_s and found.extra_s[0][1] < begin_s


def test_another_piece_is_not_found():
    heard = heard_of(music(seed=7).onset_s, music(seed=7).pitch)
    found = find_in_recording(heard, music(seed=8))
    assert not found.fits and found.presence.max() < 0.5
    assert np.array_equal(found.notes.onset_s, music(seed=8).onset_s)


def test_silence_and_a_single_note():
    empty = Heard(np.zeros((500, 88), np.uint8), np.zeros(0), np.zeros(0, int), np.zeros(0))
    assert len(events_of(empty)) == 0
    assert not find_in_recording(empty, music(5)).fits
    single = Notes.from_arrays([1.0], [2.0], [60])
    assert not find_in_recording(heard_of(np.array([0.5]), np.array([60]), 1.0), single).fits


def test_transposed_by_a_semitone_and_a_half():
    score = music()

    def hear_blind(cents):  # the "image" is how far the filters are tuned away
        away = round((150 - cents) / 100)
        share = 0.85 if abs(150 - cents - 100 * away) < 10 else 0.1
        return heard_of(score.onset_s + 1.0, score.pitch + away, share)

    found, image = find_at_any_pitch(score, 0.0, -49.0, lambda cents: cents, hear_blind)
    assert found.transposed_cents == image == 151.0
    assert found.in_recording.mean() > 0.95
    plain, image = find_at_any_pitch(music(seed=9), 0.0, -49.0, lambda cents: cents, hear_blind)
    assert plain.transposed_cents == image == 0.0 and not plain.fits


@pytest.mark.parametrize("octaves, side", [(-1, "lower"), (1, "higher")])
def test_a_file_an_octave_off_is_found_and_that_is_said(octaves, side):
    score, asked = music(), []
    image = np.tile(np.arange(N_PITCHES, dtype=float), (3, 1))  # each bin holds its number

    def hear_blind(image):
        asked.append(int(image[0, 44]) - 44)  # by how many bins the picture was moved
        return heard_of(score.onset_s + 1.0, score.pitch + 12 * octaves - asked[-1])

    found, moved = find_at_any_pitch(score, image, 0.0, None, hear_blind)
    assert found.transposed_cents == 1200 * octaves and found.in_recording.mean() > 0.95
    assert f"sound an octave {side} than the file is written" in found.remarks()[0]
    assert asked == [0, 12 * octaves] and moved.shape == image.shape


def test_a_key_at_the_end_of_the_keyboard_may_be_heard_beside_a_transposed_score():
    score = music()
    heard = heard_of(np.append(score.onset_s, 1.0), np.append(score.pitch + 2, 108), 1.0)
    heard = replace(heard, pitch=np.where(heard.pitch < 42, 21, heard.pitch))
    found, _ = find_at_any_pitch(score, 0.0, 0.0, lambda cents: cents, lambda image: heard)
    assert found.transposed_cents == 0.0  # the picture is heard the same at any tuning


def test_tuning_is_found_within_three_cents():
    rate_hz, rng = 16000, np.random.default_rng(0)
    for cents in (-40.0, -7.0, 0.0, 25.0):
        sound = []
        for pitch in rng.integers(48, 76, 12):
            hz = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
            t = np.arange(rate_hz // 2) / rate_hz
            tones = (np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 5))
            sound.append(sum(tones) * np.exp(-3 * t))
        sound = np.concatenate(sound).astype(np.float32)
        assert abs(tuning_of([sound], rate_hz) - cents) < 3
    assert tuning_of([np.zeros(100, np.float32)], rate_hz) == 0.0


def test_a_way_begins_anywhere_at_no_cost():
    "A note that happens to be in the score, long before the music, must not be joined to it."
    pitch = np.array([60, 64, 62, 67, 65, 71])
    score = Notes.from_arrays(0.5 * np.arange(6), 0.5 * np.arange(1, 7), pitch)
    time_s = np.append(1.0, 30.0 + 0.5 * np.arange(6))
    order = np.lexsort((time_s, np.append(71, pitch)))
    heard = Heard(
        np.zeros((3500, N_PITCHES), np.uint8),
        time_s[order],
        np.append(71, pitch)[order],
        np.full(7, 0.9),
    )
    (way,) = search(events_of(heard), chords_of(score))
    assert list(way.chord) == list(range(6))


def test_of_two_passes_the_one_with_which_the_recording_ends():
    "That it is the softer one does not count."
    other, section = music(30, seed=1), music(40, seed=2)
    after = lambda notes, before: notes.shifted(before.onset_s.max() + 1.0)
    loud = after(section, other)
    between = after(other, loud)
    soft = after(section, between)
    parts = other, loud, between, soft
    pitch = np.concatenate([part.pitch for part in parts])
    heard = heard_of(np.concatenate([part.onset_s for part in parts]), pitch)
    height = np.where(heard.time_s > between.onset_s.max() + 0.5, 0.3, 1.0) * heard.height
    found = find_in_recording(replace(heard, height=height), section)
    assert found.jumps == 0
    assert np.mean(away(found, soft.onset_s) < 0.1) > 0.9


def test_a_section_written_twice_and_played_once():
    "The second pass is absent, as a whole."
    score = music(120)
    begin_s, end_s = score.onset_s[90], score.onset_s[170]
    section = (score.onset_s >= begin_s) & (score.onset_s < end_s)
    paper = written_twice(score, begin_s, end_s)
    played = np.arange(len(paper)) < len(score)
    true_s = 1.0 + np.append(score.onset_s, np.zeros(section.sum()))
    found = find_in_recording(heard_of(1.0 + score.onset_s, score.pitch), paper)
    assert not found.in_recording[~played].any()
    assert found.in_recording[played].mean() > 0.98
    assert np.mean(away(found, true_s)[played] < 0.1) > 0.97


def passage_of(chord, event):
    "A passage in which every chord is worth as much."
    worth = np.full(len(chord), 5.0)
    return Passage(np.array(chord), np.array(event), worth, worth, np.zeros(len(chord)))


@pytest.mark.parametrize("too_far", [-12, 0, 12])
def test_the_second_pass_is_absent_wherever_the_search_leaves_the_first(too_far):
    "It may go on in the second pass a dozen chords before or after where it left the first one."
    score = music(200)
    instant_s = np.unique(score.onset_s)
    paper = chords_of(written_twice(score, instant_s[60], instant_s[120]))
    chords = np.arange(len(paper))
    left_at = 90  # in the middle of the first pass, which ends with chord 119
    went_on = left_at - too_far + 60
    before = passage_of(chords[: left_at + 1], np.arange(left_at + 1))
    after = passage_of(chords[went_on:], np.arange(len(chords) - went_on) + left_at + 1)
    whole = whole_passes([before, after], paper, 0.25 * np.arange(len(chords)))
    had = np.concatenate([p.chord for p in whole])
    assert not np.isin(np.arange(120, 180), had).any()
    for passage in whole:
        assert np.all(np.diff(passage.chord) > 0) and np.all(np.diff(passage.event) >= 0)
    assert had[0] == 0 and had[-1] == len(paper) - 1
    assert len(had) >= len(paper) - 60 - max(-too_far, 0) - 1


def test_music_that_goes_back_is_no_repeat_of_the_score():
    paper = chords_of(written_twice(music(60), 5.0, 9.0))
    before = passage_of(np.arange(50), np.arange(50))
    after = passage_of(np.arange(45, len(paper)), np.arange(50, len(paper) + 5))
    assert whole_passes([before, after], paper, 0.25 * np.arange(200)) == [before, after]


def test_bars_that_are_not_heard_are_not_taken_for_a_repeat_that_is_not_played():
    "The same bars come once more right after them."
    score = music(200)
    instant_s = np.unique(score.onset_s)
    paper = chords_of(written_twice(score, instant_s[60], instant_s[80]))
    heard = np.delete(np.arange(len(paper)), slice(62, 70))  # silent early in the first pass
    before, after = (passage_of(part, part) for part in (heard[:62], heard[62:]))
    (whole,) = whole_passes([before, after], paper, 1.0 + paper.time_s)
    np.testing.assert_array_equal(whole.chord, heard)
    np.testing.assert_array_equal(whole.event, heard)
    gap_s = paper.time_s[70] - paper.time_s[61]
    rushed_s = paper.time_s - np.where(np.arange(len(paper)) >= 70, 0.9 * gap_s, 0.0)
    first, _ = whole_passes([before, after], paper, rushed_s)  # no time for eight chords
    assert first.chord[-1] == 79


def test_an_event_is_no_more_than_a_few_chords_close_together():
    "Of a long trill on one key a single onset is not the whole trill."
    n = 40
    trill = Notes.from_arrays(0.09 * np.arange(n), 0.09 * np.arange(1, n + 1), np.full(n, 60))
    time_s, key = np.arange(1.0, 9.0), np.array([40, 45, 50, 55, 60, 65, 70, 75])
    once = Heard(np.zeros((1000, N_PITCHES), np.uint8), time_s, key, np.full(8, 0.9))
    once = replace(once, time_s=once.time_s[[3, 6, 1, 0, 4, 2, 5, 7]])  # in no order
    ways = search(events_of(once), chords_of(trill))
    assert sum(len(way.chord) for way in ways) in range(1, 5)


def test_a_key_is_struck_once_at_a_time():
    "Of two notes of a key that the score has close together, one onset is one of them."
    steps = music(60)
    apart_s = np.where(steps.onset_s > steps.onset_s[40], 0.09, 0.0)
    score = Notes.from_arrays(steps.onset_s + apart_s, steps.offset_s + apart_s, steps.pitch)
    again_s, key = score.onset_s[40] + 0.09, score.pitch[40]  # a second stroke that nobody plays
    paper = Notes.from_arrays(
        np.append(score.onset_s, again_s),
        np.append(score.offset_s, again_s + 0.05),
        np.append(score.pitch, key),
    )
    heard = heard_of(1.0 + score.onset_s, score.pitch, share=1.0)
    chords = chords_of(paper)
    for way in search(events_of(heard), chords):
        for event in np.unique(way.event):
            keys = np.concatenate([chords.keys(c) for c in way.chord[way.event == event]])
            assert len(keys) == len(np.unique(keys))
    found = find_in_recording(heard, paper)
    assert np.abs(found.notes.onset_s[-1] - found.notes.onset_s[40]) > 0.04
    assert np.mean(away(found, 1.0 + np.append(score.onset_s, again_s))[:-1] < 0.05) > 0.98


def test_a_beginning_that_was_dragged_along_is_found_again_from_behind():
    score = music(80)
    early = score[score.onset_s < score.onset_s[12]]  # its first chords, at no steady pace, before
    pitch = np.append(early.pitch, score.pitch)
    time_s = np.append(1.0 + 0.3 * early.onset_s**1.5, 20.0 + score.onset_s)
    events, chords = events_of(heard_of(time_s, pitch, share=1.0)), chords_of(score)
    (found,) = search(events, chords, np.inf)
    true_s = 20.0 + chords.time_s[found.chord]
    assert np.mean(np.abs(events.time_s[found.event] - true_s) < 0.05) > 0.97
    event = found.event.copy()
    event[:6] = np.arange(6)  # before the music
    dragged = replace(found, event=event)
    mended = begun_backwards(dragged, 0, events, chords)
    away_s = events.time_s[mended.event] - 20.0 - chords.time_s[mended.chord]
    assert np.abs(away_s[:10]).max() < 0.05
    assert list(mended.chord[-20:]) == list(found.chord[-20:])
    assert list(mended.event[-20:]) == list(found.event[-20:])
    short = dragged.part(0, 20)
    assert begun_backwards(short, 0, events, chords) is short


@pytest.mark.parametrize("surer", [True, False])
def test_where_told_notes_are_heard_elsewhere_the_network_is_asked_from_there(surer, monkeypatch):
    from types import SimpleNamespace as Named

    score, asked = music(), []
    true_s = score.onset_s + 1.0
    strays = (score.onset_s > 20) & (score.onset_s < 22)
    path = score.at_times(true_s - 0.5 * strays, true_s - 0.5 * strays + 0.2)
    there = score.onset_s < score.onset_s.max() - 5  # the rest is not in the recording
    heard = heard_of(true_s[there], score.pitch[there], 1.0)

    def answer(listened, start, there, part, decoding, progress, of_a_score):
        assert of_a_score and part is parts
        asked.append(start)
        sure = np.full(len(start), 0.9 if surer == (len(asked) == 2) else 0.8)
        return aligner.Moved(start, np.full(len(start), "matched"), sure, there, heard=heard)

    monkeypatch.setattr(aligner, "_move", answer)
    engine = Named(experiment=Named(audio=Named(fps=100)))
    parts, listened = np.arange(len(score)) % 2, Named(engine=engine)
    go = lambda path: aligner.move_from_path(listened, score, path, there, parts, "")
    start, moved = go(path)
    assert len(asked) == 2 and asked[0] is path
    assert np.abs(asked[1].onset_s - true_s).max() < 0.05
    assert np.array_equal(asked[1].onset_s[~strays], path.onset_s[~strays])
    assert start is asked[1 if surer else 0] and moved.confidence[0] == 0.9
    go(start.at_times(true_s, true_s + 0.2))  # a path with which the network agrees
    assert len(asked) == 3


def test_a_score_is_looked_for_at_the_frame_rate_of_the_weights(monkeypatch):
    from types import SimpleNamespace as Named

    monkeypatch.setattr(aligner, "stream_audio", lambda *_: [])
    monkeypatch.setattr(tuning, "tuning_of", lambda *_: 0.0)
    monkeypatch.setattr(tuning, "find_at_any_pitch", lambda *args: (args, None))
    network = Named(onset_head=True, midi_branch=True)
    engine = Named(experiment=Named(network=network, audio=Named(fps=50, sample_rate_hz=16000)))
    job = Named(audio=None, listened=aligner.Listened(None, None, engine), tell=lambda *_: None)
    asked, _ = aligner._find(job, music())
    assert asked[-1] == 50


def test_an_image_is_heard_once_without_a_note(monkeypatch):
    from types import SimpleNamespace as Named

    heard = []
    monkeypatch.setattr(
        aligner, "hear", lambda walker, audio, image, *_: heard.append(image) or image
    )
    network = Named(onset_head=True, midi_branch=True)
    engine = Named(experiment=Named(network=network, audio=None), walker=None)
    one, other = np.zeros((3, 88)), np.zeros((3, 88))
    listened = aligner.Listened(one, None, engine)
    for image in (one, one, other, other, one):
        assert aligner._blind(listened)(image) is image
    assert aligner._blind(replace(listened, image=other))(one) is one
    assert [image is one for image in heard] == [True, False, True]
