"Reading MIDI and writing it back: what the chapters show on small files, on many random ones."

import os
from collections import Counter

import mido
import numpy as np
import pretty_midi
import pytest

from pianoalign.midi import DRUMS, read_midi, sounding_notes, tempo_map, write_midi
from pianoalign.retiming import TimeMap, write_retimed_midi
from pianoalign.files import InputError
from pianoalign.notes import Notes, read_note_table
from midi_messages import off, on

TICK_S = 3e-4  # a written file's rounding


def random_midi(path, rng, division=None, kind=1, tracks=3, events=80):
    "A file with everything in it: tracks, channels, tempo changes, strays, hanging notes."
    division = int(division or rng.choice([24, 96, 120, 384, 480, 960, 1000, 10000]))
    midi = mido.MidiFile(type=kind, ticks_per_beat=division)
    for i in range(1 if kind == 0 else tracks):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=f"track {i}")])
        midi.tracks.append(track)
        for _ in range(events):
            wait = int(rng.choice([0, 0, 1, 2, division // 8, division // 2]))
            what, key, channel = (
                rng.random(),
                int(rng.choice([20, 60, 61, 64, 109])),
                int(rng.choice([0, 0, 0, 3, DRUMS])),
            )
            if what < 0.4:
                m = mido.Message(
                    "note_on", note=key, velocity=int(rng.integers(0, 128)), channel=channel
                )
            elif what < 0.75:
                m = mido.Message(
                    "note_off", note=key, velocity=int(rng.integers(0, 128)), channel=channel
                )
            elif what < 0.8:
                m = mido.Message(
                    "control_change", control=64, value=int(rng.integers(0, 128)), channel=channel
                )
            elif what < 0.84:
                m = mido.Message(
                    "program_change", program=int(rng.integers(0, 128)), channel=channel
                )
            elif what < 0.88:
                m = mido.MetaMessage("set_tempo", tempo=int(rng.integers(200_000, 1_500_000)))
            elif what < 0.92:
                m = mido.MetaMessage("lyrics", text=f"l{rng.integers(1000)}")
            elif what < 0.94:
                m = mido.MetaMessage("marker", text=f"m{rng.integers(1000)}")
            elif what < 0.96:
                m = mido.Message(
                    "pitchwheel", pitch=int(rng.integers(-8192, 8192)), channel=channel
                )
            elif what < 0.98:
                m = mido.Message("sysex", data=tuple(int(x) for x in rng.integers(0, 128, 3)))
            else:
                m = mido.MetaMessage(
                    "time_signature", numerator=int(rng.integers(1, 9)), denominator=4
                )
            m.time = wait
            track.append(m)
    midi.tracks[-1].append(
        mido.Message("note_on", note=72, velocity=1, time=division)
    )  # one note at least, and it hangs
    midi.save(path)
    return midi


def content(midi):  # messages without times, and without note-offs (a hanging note gets one)
    return [
        Counter(
            repr(m.copy(time=0))
            for m in track
            if not (m.type == "note_off" or m.type == "note_on" and m.velocity == 0)
            and m.type != "end_of_track"
        )
        for track in midi.tracks
    ]


def shifted(score, rng, scale_s=0.05):
    "Each onset and each offset by its own shift; the order of one key's notes may change."
    on = np.maximum(score.notes.onset_s + rng.normal(0, scale_s, len(score.notes)), 0)
    return score.notes.at_times(
        on, np.maximum(score.notes.offset_s + rng.normal(0, scale_s, len(score.notes)), on + 0.002)
    )


@pytest.mark.parametrize("seed", range(40))
def test_retimed_file_has_the_same_notes_and_events(tmp_path, seed):
    rng = np.random.default_rng(seed)
    before = random_midi(tmp_path / "in.mid", rng, kind=seed % 2)
    score = read_midi(tmp_path / "in.mid")
    new = shifted(score, rng, scale_s=float(rng.choice([0, 0.001, 0.05, 0.5])))
    write_retimed_midi(score, new[rng.permutation(len(new))], tmp_path / "out.mid")
    after = read_midi(tmp_path / "out.mid")

    assert content(before) == content(after.midi)
    assert len(after.notes) == len(score.notes)
    for i in range(len(before.tracks)):  # every note at its own onset, velocity and pitch with it
        for c in range(16):
            a, b = (
                (score.track == i) & (score.channel == c),
                (after.track == i) & (after.channel == c),
            )
            expect = sorted(zip(new.pitch[a], new.onset_s[a], new.velocity[a]))
            got = sorted(zip(after.notes.pitch[b], after.notes.onset_s[b], after.notes.velocity[b]))
            assert [e[0] for e in expect] == [g[0] for g in got]
            np.testing.assert_allclose([e[1] for e in expect], [g[1] for g in got], atol=TICK_S)
    assert sorted(new.velocity.tolist()) == sorted(after.notes.velocity.tolist())


@pytest.mark.parametrize("seed", range(10))
def test_no_shift_gives_the_file_back(tmp_path, seed):
    rng = np.random.default_rng(seed)
    before = random_midi(tmp_path / "in.mid", rng)
    score = read_midi(tmp_path / "in.mid")
    write_retimed_midi(score, score.notes, tmp_path / "out.mid")
    after = read_midi(tmp_path / "out.mid")
    for i, track in enumerate(before.tracks):
        old_s = score.tempo_map.seconds_of(np.cumsum([m.time for m in track]))
        new_s = after.tempo_map.seconds_of(np.cumsum([m.time for m in after.midi.tracks[i]]))
        strays = {s[3] for s in score.stray if s[0] == i}
        keep = [k for k, m in enumerate(track) if k not in strays and m.type != "end_of_track"]
        names = [repr(track[k].copy(time=0)) for k in keep]
        events = sorted(
            (repr(m.copy(time=0)), round(s, 6)) for m, s in zip(after.midi.tracks[i], new_s)
        )
        wanted = sorted((n, old_s[k]) for n, k in zip(names, keep))
        have = Counter(n for n, _ in events)
        assert not Counter(names) - have
        for name in set(names):  # same message, same instants
            w, h = [t for n, t in wanted if n == name], [t for n, t in events if n == name]
            if len(w) == len(h):
                np.testing.assert_allclose(
                    w, h, atol=1.3e-3
                )  # zero-length notes are a millisecond now


def simple(path, messages, division=480, kind=1):
    mido.MidiFile(type=kind, ticks_per_beat=division, tracks=[mido.MidiTrack(messages)]).save(path)
    return read_midi(path)


def pedal(value, time=0):
    return mido.Message("control_change", control=64, value=value, time=time)


@pytest.mark.parametrize("seed", range(5))
def test_offsets_come_back_too_where_keys_stay_apart(tmp_path, seed):
    rng = np.random.default_rng(seed)
    start = np.cumsum(rng.uniform(0.4, 1, 100))
    notes = Notes.from_arrays(
        start,
        start + rng.uniform(0.05, 0.3, 100),
        rng.integers(0, 128, 100),
        rng.integers(1, 128, 100),
    )
    write_midi(notes, tmp_path / "a.mid")
    score = read_midi(tmp_path / "a.mid")
    new = score.notes.at_times(
        score.notes.onset_s + rng.uniform(-0.04, 0.04, 100),
        score.notes.offset_s + rng.uniform(0.04, 0.05, 100),
    )
    write_retimed_midi(score, new, tmp_path / "b.mid")
    back = read_midi(tmp_path / "b.mid").notes
    np.testing.assert_allclose(back.onset_s, new.onset_s, atol=TICK_S)
    np.testing.assert_allclose(back.offset_s, new.offset_s, atol=TICK_S)
    np.testing.assert_array_equal(back.velocity, notes.velocity)


@pytest.mark.parametrize("tempo_us", [20_000, 500_000, 6_000_000, 16_777_215])
@pytest.mark.parametrize("division", [1, 24, 480, 10_000, 32_767])
def test_rounding_stays_small_at_any_tempo(tmp_path, tempo_us, division):
    rng, tick_s = np.random.default_rng(0), tempo_us / 1e6 / division
    score = simple(
        tmp_path / "a.mid",
        [mido.MetaMessage("set_tempo", tempo=tempo_us)]
        + [
            m
            for p in range(40, 80)
            for m in (
                on(p, int(0.1 / tick_s)),
                mido.MetaMessage("set_tempo", tempo=tempo_us),
                off(p, int(0.2 / tick_s) + 1),
            )
        ],
        division,
    )
    new = score.notes.at_times(
        score.notes.onset_s + rng.uniform(0, 0.05, 40), score.notes.offset_s + 0.05
    )
    write_retimed_midi(score, new, tmp_path / "b.mid")
    np.testing.assert_allclose(
        read_midi(tmp_path / "b.mid").notes.onset_s, new.onset_s, atol=TICK_S
    )


def test_a_text_stays_before_the_tempo_that_it_stood_before(tmp_path):
    "A quarter of a microsecond: the rounding of one tick is a thousand ticks of the next tempo."
    text, fast = (
        mido.MetaMessage("text", text="adagio", time=197),
        mido.MetaMessage("set_tempo", tempo=1),
    )
    score = simple(tmp_path / "a.mid", [text, fast, on(60), off(60, 4000)], 32_767)
    write_retimed_midi(score, score.notes.shifted(0.01), tmp_path / "b.mid")
    kinds = [m.type for m in mido.MidiFile(tmp_path / "b.mid").tracks[0]]
    assert kinds.index("text") < kinds.index("set_tempo")


def test_a_clock_of_film_that_is_too_coarse_is_replaced(tmp_path):
    "One picture a second, which no film has: 255 parts of it are 4 ms."
    score = simple(tmp_path / "a.mid", [on(60, 100), off(60, 100)], -256 + 255)
    write_retimed_midi(score, score.notes.shifted(0.01), tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid").notes
    np.testing.assert_allclose(after.onset_s, score.notes.onset_s + 0.01, atol=TICK_S)


@pytest.mark.parametrize("frames", [24, 25, 29, 30])
def test_film_frames(tmp_path, frames):
    division = -frames * 256 + 40
    score = simple(
        tmp_path / "a.mid",
        [mido.MetaMessage("set_tempo", tempo=123456), on(60, 1000), off(60, 500)],
        division,
    )
    rate_hz = 40 * (30_000 / 1001 if frames == 29 else frames)
    np.testing.assert_allclose(
        [score.notes.onset_s[0], score.notes.offset_s[0]], [1000 / rate_hz, 1500 / rate_hz]
    )
    write_retimed_midi(score, score.notes.shifted(0.01234), tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid")
    np.testing.assert_allclose(after.notes.onset_s, score.notes.onset_s + 0.01234, atol=TICK_S)
    assert after.midi.ticks_per_beat >> 8 == division >> 8


def test_what_ends_a_note(tmp_path):
    score = simple(
        tmp_path / "a.mid",
        [
            on(60),
            on(60, 240, 80),
            on(60, 240, 0),
            off(60, 240),
            off(60),
            on(61),
            off(61),
            on(62, 240),
            pedal(0, 480),
        ],
    )
    np.testing.assert_allclose(score.notes.onset_s, [0, 0.25, 0.75, 1.0])
    np.testing.assert_allclose(
        score.notes.offset_s, [0.5, 0.75, 0.751, 1.5]
    )  # in order; length zero; never ended
    assert len(score.stray) == 1


def test_notes_that_met_stay_apart_and_notes_that_overlapped_may(tmp_path):
    score = simple(
        tmp_path / "a.mid",
        [
            on(60),
            off(60, 480),
            on(60),
            off(60, 480),
            on(62),
            on(62, 100),
            off(62, 100),
            off(62, 100),
        ],
    )
    n = score.notes
    later = n.at_times(n.onset_s - [0, 0.1, 0, 0.05], n.offset_s + [0.1, 0.1, 0.1, 0.1])
    write_retimed_midi(score, later, tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid")
    np.testing.assert_allclose(
        after.notes.offset_s[:2], [later.onset_s[1], later.offset_s[1]], atol=TICK_S
    )
    np.testing.assert_allclose(after.notes.offset_s[2:], later.offset_s[2:], atol=TICK_S)
    sounding = set()  # and no key of the first pair is down twice
    for m in after.midi.tracks[0]:
        if m.type == "note_on" and m.note == 60:
            assert m.note not in sounding
            sounding.add(m.note)
        elif m.type == "note_off":
            sounding.discard(m.note)


def test_two_tracks_may_hold_the_same_key(tmp_path):
    tracks = [
        mido.MidiTrack([on(60, 0, 50), off(60, 480)]),
        mido.MidiTrack([on(60, 240, 90), off(60, 480)]),
    ]
    mido.MidiFile(type=1, ticks_per_beat=480, tracks=tracks).save(tmp_path / "a.mid")
    score = read_midi(tmp_path / "a.mid")
    np.testing.assert_allclose(score.notes.offset_s, [0.5, 0.75])
    write_retimed_midi(score, score.notes.shifted(0.1), tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid")
    assert after.track.tolist() == [0, 1] and after.notes.velocity.tolist() == [50, 90]
    np.testing.assert_allclose(after.notes.offset_s, [0.6, 0.85], atol=TICK_S)


def test_a_program_change_stays_before_its_notes(tmp_path):
    score = simple(
        tmp_path / "a.mid",
        [
            on(60, 480),
            off(60, 240),
            mido.Message("program_change", program=9, time=239),
            on(62, 1),
            on(64),
            on(65),
            off(62, 100),
        ],
    )
    n = score.notes
    write_retimed_midi(
        score, n.at_times(n.onset_s + [0, -0.06, 0, 0.06], n.offset_s + 0.1), tmp_path / "b.mid"
    )
    order = [
        m.type if m.type == "program_change" else m.note
        for m in read_midi(tmp_path / "b.mid").midi.tracks[0]
        if m.type in ("program_change", "note_on")
    ]
    assert order == [60, "program_change", 62, 64, 65]


def test_pedal_lengthens_until_it_rises_or_the_key_is_struck_again(tmp_path):
    score = simple(
        tmp_path / "a.mid",
        [
            pedal(64),
            on(60),
            on(62),
            off(60, 480),
            off(62),
            on(60, 480),
            pedal(63, 480),
            off(60, 480),
            pedal(127),
            on(64),
            off(64, 480),
            mido.MetaMessage("marker", text="end", time=480),
        ],
    )
    np.testing.assert_allclose(score.notes.offset_s, [0.5, 0.5, 2.0, 2.5])
    sounding = sounding_notes(score)
    np.testing.assert_allclose(
        sounding.offset_s, [1.0, 1.5, 2.0 + 1.0, 3.0]
    )  # 60 again; pedal up; pedal down as the key rises; never up
    np.testing.assert_array_equal(sounding.onset_s, score.notes.onset_s)


def test_drums_are_carried_along(tmp_path):
    score = simple(
        tmp_path / "a.mid",
        [
            on(60),
            on(36, channel=DRUMS),
            off(60, 480),
            off(36, channel=DRUMS),
            on(60),
            on(38, channel=DRUMS),
            off(60, 480),
        ],
    )
    assert len(score.notes) == 2 and score.drum_notes == 2
    write_retimed_midi(score, score.notes.shifted(0.25), tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid")
    ticks = np.cumsum([m.time for m in after.midi.tracks[0]])
    at_s = [
        after.tempo_map.seconds_of(t)
        for t, m in zip(ticks, after.midi.tracks[0])
        if m.type == "note_on" and m.channel == DRUMS
    ]
    np.testing.assert_allclose(at_s, [0, 0.75], atol=TICK_S)  # what stands at 0 stays there


def test_notes_within_notes_end_in_order(tmp_path):
    write_midi(Notes.from_arrays([0, 1, 1, 5], [4, 2, 3, 6], [60, 60, 61, 60]), tmp_path / "a.mid")
    np.testing.assert_allclose(
        read_midi(tmp_path / "a.mid").notes.offset_s, [2, 2, 3, 6], atol=TICK_S
    )


def test_time_map_is_monotone():
    rng = np.random.default_rng(3)
    old = np.round(np.sort(rng.uniform(0, 10, 300)), 1)
    to_new = TimeMap.through(old, np.maximum(old + rng.normal(0, 0.5, 300), 0))
    x = np.linspace(-1, 12, 5000)
    assert np.all(np.diff(to_new(x)) >= 0) and to_new(0) == 0 and np.isfinite(to_new(x)).all()


def test_tempo_map_and_back():
    rng = np.random.default_rng(0)
    clock = tempo_map(
        [
            (int(t), int(u))
            for t, u in zip(rng.integers(0, 10_000, 50), rng.integers(100_000, 2_000_000, 50))
        ],
        480,
    )
    ticks = np.arange(0, 12_000)
    np.testing.assert_array_equal(clock.tick_of(clock.seconds_of(ticks)), ticks)
    np.testing.assert_array_equal(clock.tick_of(clock.seconds_of(ticks + 0.4)), ticks)


@pytest.mark.parametrize(
    "text, says",
    [
        ("0 1\n", "2 columns"),
        ("a b c\n0 1 x\n", "words"),
        ("0 1 60\n0 1\n", "unequal"),
        ("1 0 60\n", "not after its onset"),
        ("0 nan 60", "finite"),
        ("0 1 60.5", "whole"),
    ],
)
def test_bad_note_tables(tmp_path, text, says):
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(InputError, match=says) as e:
        read_note_table(tmp_path / "a.tsv")
    assert "a.tsv" in str(e.value)


ROWS = [(0.5, 1.25, 60, 70), (0.75, 1.0, 64, 71), (2.0, 3.5, 67, 72)]


def lines_of(rows, between, decimal="."):
    return [between.join(str(x).replace(".", decimal) for x in row) for row in rows]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "between, decimal, heading",
    [
        ("\t", ".", None),
        (" ", ".", None),
        (",", ".", None),
        (";", ".", None),
        (";", ",", None),
        ("\t", ",", None),
        ("\t", ".", "onset offset pitch velocity"),
        ("\t", ".", "OnsetTime OffsetTime MidiPitch Velocity"),
        (",", ".", "start end note vel"),
        (";", ",", "Start_Time End_Time Pitch Velocity"),
        (",", ".", '"onset" "offset" "pitch" "velocity"'),
    ],
)
def test_tables_as_others_write_them(tmp_path, between, decimal, heading, coding, mark, ending):
    lines = lines_of(ROWS, between, decimal)
    if heading:
        lines.insert(0, between.join(heading.split()))
    text = (mark if coding == "utf-8" else "") + ending.join(lines)
    (tmp_path / "a.txt").write_bytes(text.encode(coding))
    notes = read_note_table(tmp_path / "a.txt")
    columns = notes.onset_s, notes.offset_s, notes.pitch, notes.velocity
    assert [tuple(row) for row in zip(*columns)] == ROWS


def test_a_report_is_a_table_of_notes(tmp_path):
    from pianoalign.tool.results import REPORT_COLUMNS

    values = dict(onset_before_s=9.0, offset_before_s=9.5, status="not found", confidence="")
    with open(tmp_path / "report.csv", "w") as f:
        print(",".join(REPORT_COLUMNS), file=f)
        for onset, offset, pitch, velocity in ROWS:
            row = values | dict(onset_after_s=onset, offset_after_s=offset, pitch=pitch)
            row["velocity"] = velocity
            print(",".join(str(row.get(name, 0)) for name in REPORT_COLUMNS), file=f)
    notes = read_note_table(tmp_path / "report.csv")
    columns = notes.onset_s, notes.offset_s, notes.pitch, notes.velocity
    assert [tuple(row) for row in zip(*columns)] == ROWS


STRANGE = ["\ufeff", "\u200b", "x", '"', "'", "-", "+", "#", "\0", "é", ",", ";", "\t", "e", "/"]


@pytest.mark.parametrize("seed", range(20))
def test_no_line_is_ever_left_out(tmp_path, seed):
    "Strange letters anywhere: all notes, or an error that names the file; a comment is a comment."
    rng = np.random.default_rng(seed)
    outcome = Counter()
    for _ in range(40):
        lines = lines_of(ROWS, str(rng.choice(["\t", " ", ",", ";"])))
        k = int(rng.integers(0, len(lines)))
        at = int(rng.choice([0, rng.integers(0, len(lines[k]) + 1)]))
        letter = str(rng.choice(STRANGE))
        lines[k] = lines[k][:at] + letter + lines[k][at:]
        (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
        comments = sum(line.startswith("#") for line in lines)
        try:
            assert len(read_note_table(tmp_path / "a.txt")) == len(ROWS) - comments
            outcome["read"] += 1
        except InputError as error:
            assert "a.txt" in str(error) and "\n" not in str(error)
            outcome["refused"] += 1
    assert min(outcome["read"], outcome["refused"]) > 0


def test_a_heading_that_is_not_known_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("time,value,duration\n0,60,1\n")
    with pytest.raises(InputError, match="names a column of onset_s"):
        read_note_table(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("onset,offset,pitch\n0,1,60\n1,2\n")
    with pytest.raises(InputError, match="line 3 has 2 columns"):
        read_note_table(tmp_path / "a.csv")


def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch):
    (tmp_path / "a.mid").write_bytes(b"old")

    def fail(*paths):
        assert (tmp_path / "a.mid").read_bytes() == b"old"
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_midi(Notes.from_arrays([0], [1], [60]), tmp_path / "a.mid")
    assert os.listdir(tmp_path) == ["a.mid"] and (tmp_path / "a.mid").read_bytes() == b"old"


@pytest.mark.parametrize("seed", range(5))
def test_what_we_write_pretty_midi_reads(tmp_path, seed):
    "The check of written files by a reader that is not ours."
    rng = np.random.default_rng(seed)
    start = np.cumsum(rng.uniform(0.4, 1, 100))
    pitch, velocity = rng.integers(21, 109, 100), rng.integers(1, 128, 100)
    notes = Notes.from_arrays(start, start + rng.uniform(0.05, 0.3, 100), pitch, velocity)
    write_midi(notes, tmp_path / "a.mid", pedal=[(1.0, 2.0), (3.0, 4.5)])
    score = read_midi(tmp_path / "a.mid")
    new = score.notes.at_times(score.notes.onset_s + 0.02, score.notes.offset_s + 0.05)
    write_retimed_midi(score, new, tmp_path / "b.mid")
    for name, wanted in (("a", notes), ("b", new)):
        (instrument,) = pretty_midi.PrettyMIDI(str(tmp_path / f"{name}.mid")).instruments
        read = sorted(instrument.notes, key=lambda note: note.start)
        np.testing.assert_allclose([n.start for n in read], wanted.onset_s, atol=TICK_S)
        np.testing.assert_allclose([n.end for n in read], wanted.offset_s, atol=TICK_S)
        assert [n.pitch for n in read] == pitch.tolist()
        assert [n.velocity for n in read] == velocity.tolist()
        assert [c.value for c in instrument.control_changes] == [127, 0, 127, 0]
