"MIDI files as other programs write them: what is read, what is kept, what is refused."

import struct
from collections import Counter

import numpy as np
import pytest

from pianoalign.files import InputError
from pianoalign.midi import (
    LONGEST_WAIT,
    MOST_NOTES,
    MidiFile,
    Track,
    end_in_order,
    _pair,
    midi_bytes,
    midi_score,
    parse_midi,
    read_midi,
    save_midi,
)
from pianoalign.retiming import write_retimed_midi
from waiting import growth, lines_run

TICK_S = 3e-4
QUARTER = 480


def number(n):
    out = [n & 127]
    while n := n >> 7:
        out.insert(0, n & 127 | 128)
    return bytes(out)


def body(*events):
    "(wait, bytes) -> the body of a track."
    return b"".join(number(wait) + event for wait, event in events)


def chunk(name, content):
    return name + struct.pack(">I", len(content)) + content


def smf(*tracks, kind=1, counted=None, division=QUARTER, between=b"", after=b"", header=b""):
    counted = len(tracks) if counted is None else counted
    head = chunk(b"MThd", struct.pack(">HHh", kind, counted, division) + header)
    return head + between.join(chunk(b"MTrk", track) for track in tracks) + after


def on(pitch, wait=0, velocity=64, channel=0):
    return wait, bytes([0x90 | channel, pitch, velocity])


def off(pitch, wait=0, channel=0):
    return wait, bytes([0x80 | channel, pitch, 0])


END = 0, b"\xff\x2f\0"
PIECE = [on(60), off(60, 240), on(64, 240), off(64, 240), on(67, 0), off(67, 480)]
LEFT = [on(48, 120), off(48, 240), on(43, 240), off(43, 480)]
ONE, OTHER = body(*PIECE, END), body(*LEFT, END)
MAKER = chunk(b"XFIH", b"\0\1\2\3")


def with_event(*bytes_of_events):
    "The piece with events in its middle."
    extra = [(0, event) for event in bytes_of_events]
    return body(*PIECE[:3], *extra, *PIECE[3:], END)


def running(between):
    "Two notes in running status that goes on over an event which would end it."
    first = body(on(60), (0, between))
    return (
        first + number(240) + bytes([60, 0]) + number(10) + bytes([62, 50]) + body(off(62, 99), END)
    )


AS_OTHERS_WRITE = {  # name -> (bytes, notes, words of a remark or None)
    "key_signature_of_mode_255": (smf(with_event(b"\xff\x59\2\xfe\xff")), 3, None),
    "key_signature_of_no_bytes": (smf(with_event(b"\xff\x59\0")), 3, None),
    "time_signature_of_one_byte": (smf(with_event(b"\xff\x58\1\4")), 3, None),
    "tempo_of_one_byte": (smf(with_event(b"\xff\x51\1\4")), 3, None),
    "unknown_meta": (smf(with_event(b"\xff\x6e\3abc")), 3, None),
    "text_of_three_alphabets": (smf(with_event(b"\xff\1\4\xe9\x83\xff\0")), 3, None),
    "volume_255": (smf(with_event(b"\xb0\7\xff")), 3, "1 of its data bytes"),
    "clock": (smf(with_event(b"\xf8")), 3, None),
    "start": (smf(with_event(b"\xfa")), 3, None),
    "active_sensing": (smf(with_event(b"\xfe")), 3, None),
    "song_position": (smf(with_event(b"\xf2\1\2")), 3, None),
    "sysex_in_pieces": (smf(with_event(b"\xf0\2\x43\x12", b"\xf7\2\x43\xf7")), 3, None),
    "escape": (smf(with_event(b"\xf7\2\xf3\1")), 3, None),
    "running_status_over_a_text": (smf(running(b"\xff\1\2hi")), 2, None),
    "running_status_over_sysex": (smf(running(b"\xf0\2\x7e\xf7")), 2, None),
    "no_end_of_track": (smf(body(*PIECE)), 3, None),
    "zeros_behind_the_end": (smf(ONE + b"\0" * 9), 3, None),
    "counts_too_few": (smf(ONE, OTHER, counted=1), 5, "counts 1 tracks and it has 2"),
    "counts_too_many": (smf(ONE, OTHER, counted=3), 5, "counts 3 tracks and it has 2"),
    "alien_between": (smf(ONE, OTHER, between=MAKER), 5, None),
    "alien_after": (smf(ONE, OTHER, after=MAKER), 5, None),
    "alien_counted": (smf(ONE, OTHER, counted=3, after=MAKER), 5, None),
    "bytes_behind_the_last_chunk": (smf(ONE, after=b"\0\0\0"), 3, None),
    "long_header": (smf(ONE, header=b"\7\7"), 3, None),
    "type_0_with_two_tracks": (smf(ONE, OTHER, kind=0), 5, "type 1 is written"),
    "type_2_with_one_track": (smf(ONE, kind=2), 3, None),
    "film_frames": (smf(ONE, division=-25 * 256 + 40), 3, None),
}


def events(midi):
    "All events but note-offs and ends, track by track, and the foreign chunks."
    tracks = [
        Counter(event for event in t.data if event[0] & 0xF0 != 0x80 and event[:2] != b"\xff\x2f")
        for t in midi.tracks
    ]
    return tracks, midi.foreign, midi.header


@pytest.mark.parametrize("name", AS_OTHERS_WRITE)
def test_files_as_others_write_them(tmp_path, name):
    data, notes, remark = AS_OTHERS_WRITE[name]
    (tmp_path / "a.mid").write_bytes(data)
    score = read_midi(tmp_path / "a.mid")
    assert len(score.notes) == notes
    if remark:
        assert any(remark in said for said in score.remarks)
    else:
        assert score.remarks == ()
    new = score.notes.shifted(0.25)
    write_retimed_midi(score, new, tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid")
    np.testing.assert_allclose(after.notes.onset_s, new.onset_s, atol=TICK_S)
    np.testing.assert_allclose(after.notes.offset_s, new.offset_s, atol=TICK_S)
    np.testing.assert_array_equal(after.notes.velocity, score.notes.velocity)
    assert events(after.file) == events(score.file)
    assert after.remarks == ()  # what we write is in order


@pytest.mark.parametrize("name", sorted(set(AS_OTHERS_WRITE) - {"volume_255"}))
def test_bytes_come_back(name):
    "What was read is written as it stood, but for the header's count and padding."
    data = AS_OTHERS_WRITE[name][0]
    midi = parse_midi(data)
    again = midi_bytes(midi)
    size = 8 + int.from_bytes(data[4:8], "big")
    if "zeros" in name or "running" in name:
        again_midi = parse_midi(again)
        assert [t.data for t in again_midi.tracks] == [t.data for t in midi.tracks]
    else:
        assert again[size:] == data[size:]


def test_riff_is_unwrapped(tmp_path):
    inside = smf(ONE)
    riff = b"RMID" + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    riff += b"data" + struct.pack("<I", len(inside)) + inside
    (tmp_path / "a.rmi").write_bytes(b"RIFF" + struct.pack("<I", len(riff)) + riff)
    score = read_midi(tmp_path / "a.rmi")
    assert len(score.notes) == 3
    write_retimed_midi(score, score.notes, tmp_path / "b.mid")
    assert (tmp_path / "b.mid").read_bytes()[:4] == b"MThd"


DAMAGED = {  # name -> (bytes, words)
    "delta_of_70_bits": (smf(b"\x81" + b"\x80" * 9 + b"\0" + ONE), "more than 28 bits"),
    "delta_of_35_bits": (smf(b"\x81\x80\x80\x80\0\x90\x3c\x40" + ONE), "more than 28 bits"),
    "only_0xff": (smf(b"\xff" * 300_000), "more than 28 bits"),
    "text_longer_than_the_track": (smf(b"\0\xff\1\x40hi"), "ends too early"),
    "no_status_byte": (smf(b"\0\x3c\x40"), "no status byte"),
    "status_244": (smf(b"\0\xf4" + ONE), "244"),
    "riff_of_sound": (b"RIFF\x10\0\0\0WAVEfmt \0\0\0\0", "not a MIDI file but a recording"),
    "cut_in_a_track": (smf(ONE, OTHER)[:-5], "ends too early"),
    "header_of_two_bytes": (b"MThd\0\0\0\2\0\1", "ends too early"),
    "too_many_tracks": (smf(ONE) + chunk(b"MTrk", b"") * 70_000, "1,024 tracks"),
    "ends_after_a_million_years": (
        smf(body(on(60), *[(LONGEST_WAIT, b"\xff\1\0")] * 60_000, off(60)), division=1),
        "255,186 years",
    ),
    "three_types": (smf(ONE, kind=3), "type 3"),
    "patterns": (smf(ONE, OTHER, kind=2), "type 2"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_sentence(tmp_path, name):
    data, says = DAMAGED[name]
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(InputError, match=says) as error:
        read_midi(tmp_path / "a.mid")
    assert "a.mid" in str(error.value) and "\n" not in str(error.value)


def test_a_number_is_given_up_at_its_fifth_byte(tmp_path):
    "However many follow: 300 KB of them took 77 seconds as one number."

    def refuse(n):
        (tmp_path / "a.mid").write_bytes(smf(b"\xff" * n))
        with pytest.raises(InputError):
            read_midi(tmp_path / "a.mid")

    refuse(1)
    assert lines_run(lambda: refuse(300)) == lines_run(lambda: refuse(300_000))


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    with open(tmp_path / "huge.mid", "wb") as f:
        f.truncate(1 << 40)
    with pytest.raises(InputError, match="1048576 MiB"):
        read_midi(tmp_path / "huge.mid")
    many = body(on(60)) + b"\1\x3c\0\1\x3c\x40" * MOST_NOTES
    (tmp_path / "many.mid").write_bytes(smf(many))
    with pytest.raises(InputError, match="300,001 notes"):
        read_midi(tmp_path / "many.mid")


def test_out_of_memory_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "a.mid").write_bytes(smf(ONE))

    def full(data):
        raise MemoryError

    monkeypatch.setattr("pianoalign.midi.parse_midi", full)
    with pytest.raises(InputError, match="a.mid: takes more memory"):
        read_midi(tmp_path / "a.mid")


def test_only_plain_files_are_read(tmp_path):
    with pytest.raises(InputError, match="not a plain file"):
        read_midi("/dev/zero")


@pytest.mark.parametrize("wait", [LONGEST_WAIT, LONGEST_WAIT // 2])
def test_the_longest_wait_is_read_and_written(tmp_path, wait):
    (tmp_path / "a.mid").write_bytes(smf(body(on(60), off(60, wait), on(62), off(62, 480), END)))
    score = read_midi(tmp_path / "a.mid")
    write_retimed_midi(score, score.notes.shifted(0.5), tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid").notes
    np.testing.assert_allclose(after.onset_s, score.notes.onset_s + 0.5, atol=TICK_S)
    np.testing.assert_allclose(after.offset_s, score.notes.offset_s + 0.5, atol=TICK_S)


def test_times_that_midi_cannot_say_are_refused(tmp_path):
    track = Track(np.array([0, 1 << 60]), [b"\x90\x3c\x40", b"\x80\x3c\0"])
    with pytest.raises(InputError, match="more than a MIDI file can say"):
        midi_bytes(MidiFile(0, 480, [track]))
    with pytest.raises(InputError, match="out.mid: up to"):  # as a file: its name is said
        save_midi(MidiFile(0, 480, [track]), tmp_path / "out.mid")
    assert not any(tmp_path.iterdir())


def test_many_moves_of_the_pedal_take_linear_time():
    "And few lines each: a million events took ten seconds when each was asked for its time alone."

    def read(n):
        moves = [(1, b"\xb0\x40\x7f"), (1, b"\xb0\x40\0")] * n
        score = midi_score(parse_midi(smf(body(on(60), *moves, off(60), END))), "a.mid")
        assert len(score.pedal_s) == n

    assert max(growth(read, 500, 5_000)) < 2
    assert lines_run(lambda: read(500)) < 60 * 2 * 500


def spans(*track, channel=0):
    midi = parse_midi(smf(body(*track, END)))
    score = midi_score(midi, "a.mid")
    quarters = np.round(2 * np.array([score.notes.onset_s, score.notes.offset_s]).T, 6)
    return quarters.tolist()


def test_a_lost_note_off_costs_one_note():
    "Only the note that lost its end has another one."
    whole = [event for _ in range(20) for event in (on(60, 240), off(60, 120))]
    truth = spans(*whole)
    for lost in range(19):
        track = list(whole)
        wait, _ = track.pop(2 * lost + 1)
        track[2 * lost + 1] = on(60, 240 + wait)
        read = spans(*track)
        wrong = [k for k in range(20) if read[k] != truth[k]]
        assert wrong == [lost]
        assert read[lost][1] == truth[lost + 1][0]  # it ends when the key is struck again


def test_two_lost_note_offs_cost_two_notes():
    whole = [event for _ in range(20) for event in (on(60, 240), off(60, 120))]
    track = [e for k, e in enumerate(whole) if k not in (7, 21)]
    read = spans(*track)
    assert len(read) == 20
    assert sum(round(b - a, 3) == 0.25 for a, b in read) == 18


def test_the_next_note_on_before_the_old_note_off_is_no_loss():
    chain = [on(60)]
    for _ in range(9):
        chain += [on(60, 480), off(60, 2)]
    first_end = spans(*chain, off(60, 480))
    assert all(0.99 < b - a < 1.02 for a, b in first_end)
    hanging = spans(*chain)
    assert all(0.99 < b - a < 1.02 for a, b in hanging[:-1])


def test_a_unison_with_one_note_off_ends_with_it():
    assert spans(on(60), on(60), off(60, 480), on(60, 480), off(60, 480)) == [
        [0, 1],
        [0, 1],
        [2, 3],
    ]


@pytest.mark.parametrize("controller", [120, 123])
def test_all_notes_off(tmp_path, controller):
    panic = lambda wait, channel=0: (wait, bytes([0xB0 | channel, controller, 0]))
    track = [on(60), on(64), on(67, 0, 64, 1), panic(480), on(60), off(67, 480, 1), panic(480), END]
    (tmp_path / "a.mid").write_bytes(smf(body(*track)))
    score = read_midi(tmp_path / "a.mid")
    np.testing.assert_allclose(score.notes.offset_s, [0.5, 0.5, 1.0, 1.5])
    assert score.off_event.tolist()[0] == -1
    # the notes end 0.1 s later each: the controller may not cut them, nor the note after it
    new = score.notes.at_times(score.notes.onset_s, score.notes.offset_s + [0.1, 0.05, 0.1, 0.1])
    new = new.at_times(new.onset_s + [0, 0, 0, 0.15], new.offset_s + [0, 0, 0, 0.15])
    write_retimed_midi(score, new, tmp_path / "b.mid")
    after = read_midi(tmp_path / "b.mid").notes
    np.testing.assert_allclose(after.onset_s, new.onset_s, atol=TICK_S)
    np.testing.assert_allclose(after.offset_s, new.offset_s, atol=TICK_S)


def test_overlapping_notes_of_one_key_take_linear_time():
    def pair(n):
        on_tick = np.arange(n)
        end_in_order(on_tick, on_tick + n, on_tick, on_tick + n)
        events = [(k, k, 64) for k in range(n)] + [(k, k, 0) for k in range(n, 2 * n)]
        _pair(events, 2 * n, 30)

    assert max(growth(pair, 500, 5_000)) < 2


def test_next_apart_is_what_asking_every_pair_finds():
    rng = np.random.default_rng(0)
    for _ in range(200):
        was_on = rng.integers(0, 40, 12)
        was_off = was_on + rng.integers(0, 20, 12)
        on_tick, off_tick = was_on + rng.integers(0, 9, 12), was_off + rng.integers(0, 9, 12)
        order, off = np.argsort(on_tick, kind="stable"), np.maximum(off_tick, on_tick + 1)
        for a, i in enumerate(order):
            for j in order[a + 1 :]:
                together = was_on[i] < was_off[j] and was_on[j] < was_off[i]
                if on_tick[j] < off[i] and not together:
                    off[i] = on_tick[j]
                    break
        off[order] = np.minimum.accumulate(off[order][::-1])[::-1]
        got_order, got = end_in_order(on_tick, off_tick, was_on, was_off)
        np.testing.assert_array_equal(got_order, order)
        np.testing.assert_array_equal(got, off)


def test_mido_reads_what_was_read(tmp_path):
    (tmp_path / "b.mid").write_bytes(smf(with_event(b"\xb0\7\x64")))
    messages = read_midi(tmp_path / "b.mid").midi.tracks[0]
    assert [m.type for m in messages].count("note_on") == 3
    (tmp_path / "c.mid").write_bytes(smf(with_event(b"\xff\x58\1\4")))
    with pytest.raises(InputError, match="mido cannot read it"):
        read_midi(tmp_path / "c.mid").midi
