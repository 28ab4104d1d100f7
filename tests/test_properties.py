"What holds for any notes, tempos, times and tables; the examples are made up, always the same."

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as some

from pianoalign.midi import midi_bytes, parse_midi, read_midi, tempo_map, write_midi
from pianoalign.notes import frame_of, Notes, read_note_table, time_of
from pianoalign.retiming import TimeMap, write_retimed_midi
from pianoalign.tool.exchange import pitch_name
from pianoalign.tool.tables import pitch_of
from test_midi_files import body, END, smf

EXAMPLES = settings(max_examples=60, derandomize=True, deadline=None, database=None)
LATE_S = 1.1e-3  # what a note may be off after it was written and read

milliseconds = some.integers(0, 600_000)
rows = some.tuples(milliseconds, some.integers(5, 4_000), some.integers(21, 108))
lists_of_notes = some.lists(some.tuples(rows, some.integers(1, 127)), min_size=1, max_size=40)


def notes_of(made) -> Notes:
    "Notes from onsets and lengths in milliseconds, pitches and velocities."
    values = [(on / 1000, (on + ms) / 1000, pitch, velocity) for (on, ms, pitch), velocity in made]
    return Notes.from_arrays(*zip(*values))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    "One file that each example replaces."
    return tmp_path_factory.mktemp("properties") / "a.mid"


def by_key(notes: Notes) -> np.ndarray:  # (n, 2): pitch, onset in seconds
    order = np.lexsort((notes.onset_s, notes.pitch))
    return np.column_stack([notes.pitch, notes.onset_s])[order]


# ---- MIDI files ----


@EXAMPLES
@given(made=lists_of_notes)
def test_written_notes_are_read_again(path, made):
    "None is lost, none changes its pitch or velocity, and none begins elsewhere."
    notes = notes_of(made)
    write_midi(notes, path)
    again = read_midi(path).notes
    np.testing.assert_allclose(by_key(again), by_key(notes), atol=LATE_S, rtol=0)
    kinds = [Counter(zip(n.pitch.tolist(), n.velocity.tolist())) for n in (again, notes)]
    assert kinds[0] == kinds[1]


@EXAMPLES
@given(made=lists_of_notes, pace=some.floats(0.3, 3), later_s=some.floats(0, 60))
def test_notes_at_new_times_are_read_at_those_times(path, made, pace, later_s):
    "At another pace, and later, in the order of the file."
    write_midi(notes_of(made), path)
    score = read_midi(path)
    old = score.notes
    new = old.at_times(old.onset_s * pace + later_s, old.offset_s * pace + later_s)
    write_retimed_midi(score, new, path)
    again = read_midi(path).notes
    np.testing.assert_allclose(by_key(again), by_key(new), atol=LATE_S, rtol=0)
    assert sorted(again.velocity) == sorted(new.velocity)


data_byte = some.integers(0, 127)
texts = some.binary(max_size=9)
events = some.one_of(
    some.tuples(some.integers(0x80, 0xBF), data_byte, data_byte).map(bytes),
    some.tuples(some.integers(0xC0, 0xDF), data_byte).map(bytes),
    some.tuples(some.integers(0xE0, 0xEF), data_byte, data_byte).map(bytes),
    some.tuples(some.integers(1, 15), texts).map(lambda x: bytes([0xFF, x[0], len(x[1])]) + x[1]),
    some.binary(min_size=3, max_size=3).map(lambda tempo: b"\xff\x51\3" + tempo),
)
waits = some.one_of(some.integers(0, 2_000), some.integers(0, 2**28 - 1))


@EXAMPLES
@given(track=some.lists(some.tuples(waits, events), max_size=30))
def test_every_event_of_a_track_is_kept_as_it_was(track):
    "With the ticks before it, and also when the file is written and read once more."
    track = [*track, END]
    midi = parse_midi(smf(body(*track), kind=0))
    ticks = np.cumsum([wait for wait, _ in track]).tolist()
    for midi in (midi, parse_midi(midi_bytes(midi))):
        assert midi.tracks[0].tick.tolist() == ticks
        assert list(midi.tracks[0].data) == [event for _, event in track]


# ---- time ----

tempos_us = some.integers(20_000, 2_000_000)  # 30 to 3,000 quarters a minute
changes = some.lists(some.tuples(some.integers(0, 10**6), tempos_us), max_size=20)


@EXAMPLES
@given(changes=changes, ticks=some.lists(some.integers(0, 2 * 10**6), min_size=1, max_size=30))
def test_ticks_and_seconds_are_one_another_s_inverse(changes, ticks):
    clock, ticks = tempo_map(changes, 480), np.sort(ticks)
    seconds = clock.seconds_of(ticks)
    assert (np.diff(seconds) >= 0).all() and seconds[0] >= 0
    np.testing.assert_array_equal(clock.tick_of(seconds), ticks)


@EXAMPLES
@given(
    old_ms=some.lists(milliseconds, min_size=1, max_size=30, unique=True),
    new_ms=some.lists(milliseconds, min_size=30, max_size=30),
    asked_ms=some.lists(milliseconds, min_size=2, max_size=30),
)
def test_a_time_map_never_goes_back_and_goes_through_what_is_in_order(old_ms, new_ms, asked_ms):
    old_s = np.sort(old_ms) / 1000
    in_order_s = np.sort(new_ms[: len(old_ms)]) / 1000
    asked_s = np.sort(asked_ms) / 1000
    for new_s in (in_order_s, np.array(new_ms[: len(old_ms)]) / 1000):
        assert (np.diff(TimeMap.through(old_s, new_s)(asked_s)) >= -1e-9).all()
    to_new = TimeMap.through(old_s, in_order_s)
    np.testing.assert_allclose(to_new(old_s[old_s > 0]), in_order_s[old_s > 0], atol=1e-9)
    beyond_s = to_new(old_s[-1] + np.array([1.0, 3.0]))
    np.testing.assert_allclose(np.diff(beyond_s), 2.0)


@EXAMPLES
@given(fps=some.sampled_from([50, 100, 200]), frame=some.integers(0, 10**7), part=some.floats(0, 1))
def test_a_time_lies_within_half_a_frame_of_its_frame(fps, frame, part):
    assert frame_of(time_of(frame, fps), fps) == frame
    time_s = (frame + part) / fps
    assert abs(time_of(frame_of(time_s, fps), fps) - time_s) <= 0.5 / fps + 1e-9


# ---- tables ----


@EXAMPLES
@given(
    made=lists_of_notes,
    mark=some.sampled_from([",", ";", "\t"]),
    heading=some.booleans(),
    begins=some.sampled_from(["", "\ufeff"]),
    ends=some.sampled_from(["\n", "\r\n"]),
)
def test_a_table_of_notes_is_read_as_it_was_written(path, made, mark, heading, begins, ends):
    "Whatever stands between its cells, at the end of its lines and before the first one."
    notes = notes_of(made)
    columns = zip(notes.onset_s, notes.offset_s, notes.pitch, notes.velocity)
    lines = [mark.join(map(str, row)) for row in columns]
    if mark == ";":  # as programs write that have a comma in their numbers
        lines = [line.replace(".", ",") for line in lines]
    if heading:
        lines.insert(0, mark.join(["onset", "offset", "pitch", "velocity"]))
    table = path.with_suffix(".csv")
    table.write_bytes((begins + ends.join([*lines, ""])).encode())
    again = read_note_table(table)
    for name in ("onset_s", "offset_s", "pitch", "velocity"):
        np.testing.assert_allclose(getattr(again, name), getattr(notes, name), atol=1e-9)


@pytest.mark.parametrize("pitch", range(128))
def test_a_pitch_has_a_name_that_is_read_again(pitch):
    assert pitch_of(pitch_name(pitch)) == pitch
