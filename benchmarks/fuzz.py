#!/usr/bin/env python3
"""Damaged and hostile files, given to everything in the project that reads a file.

usage: python benchmarks/fuzz.py                               the long form: all kinds
       python benchmarks/fuzz.py midi audio --number 500       so many of these kinds
       python benchmarks/fuzz.py midi --only 17 --keep FOLDER  input 17 once more, to look at

Kinds: midi, audio, tables (of notes), checkpoints, runs (their folders), manifests, align (the
whole command on a damaged MIDI file). Input k of a kind depends on the seed and on k alone. The
first inputs are bombs: small files that ask for much. The others are good files with bytes,
lengths, headers or values changed, and files put together of odd pieces.

What has to hold for each of them: it is refused by an `InputError` of one line that names the file,
or it is read, and then nothing of it is lost (see `KINDS`). Neither takes more than 10 s of the
processor or 2 GiB. Inputs are read in a process of their own, which the system ends when it needs
more; the next input gets a new one. Ends with 1 if anything else has happened. Not for Windows.
"""

import argparse, contextlib, io, json, multiprocessing, os, random, resource, shutil, struct
import sys, tempfile, time, warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

MOST_S, MOST_MIB = 10, 2048  # processor seconds and memory that one input may take
WALL_S = 900  # after so long, on a machine however busy, nothing moves any more
LATE_S = 0.0011  # two ticks of at most half a millisecond, and rounding
LONGEST_SENTENCE = 700  # characters

# ---- bytes -----------------------------------------------------------------------------------


def change_bytes(data: bytearray, rng: random.Random, head: int) -> bytearray:
    "One thing that happens to files on their way, anywhere or within the first `head` bytes."
    if not data:
        return data
    place = rng.randrange(min(len(data), head) if rng.random() < 0.5 else len(data))
    what = rng.randrange(7)
    if what == 0:
        data[place] ^= 1 << rng.randrange(8)
    elif what == 1:
        data[place] = rng.choice([0, 1, 0x7F, 0x80, 0xF0, 0xF7, 0xFF])
    elif what == 2:
        del data[place:]
    elif what == 3:
        del data[place : place + rng.randrange(1, 40)]
    elif what == 4:
        data[place:place] = rng.randbytes(rng.randrange(1, 20))
    elif what == 5:
        other = rng.randrange(len(data))
        data[place : place + 30] = data[other : other + 30]
    else:
        data += rng.randbytes(rng.randrange(1, 60))
    return data


# ---- MIDI ------------------------------------------------------------------------------------

DIVISIONS = (0, 1, 2, 96, 480, 960, 32767, 0xE728, 0xE250, 0xE800, 0x8000, 0x8001, 0xFF00, 0xFFFF)
TEMPI = (b"\0\0\0", b"\0\0\1", b"\x07\xa1\x20", b"\xff\xff\xff")
LENGTHS = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)
END_OF_TRACK = b"\0\xff\x2f\0"


def number(value: int) -> bytes:
    "A number as MIDI writes it, of any size."
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def track(*events: bytes) -> bytes:
    body = b"".join(events)
    return b"MTrk" + struct.pack(">I", len(body)) + body


def header(kind=1, tracks=1, division=480) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, kind, tracks, division)


def song(*events: bytes, division=480) -> bytes:
    return header(0, 1, division) + track(*events, END_OF_TRACK)


def midi_bombs() -> list:
    "Small files that ask for much time or memory."
    note, off = b"\0\x90\x3c\x40", b"\x10\x80\x3c\0"
    late = number(2**28 - 1)
    text = b"\0\xff\x01" + number(200_000) + b"x" * 200_000
    return [
        song(note, late + off[1:]),  # ends after three days
        song(b"\0\xff\x51\3\xff\xff\xff", note, late + off[1:]),  # after a hundred
        song(note, *[late + b"\xff\1\0"] * 2000, off, division=1),  # after thousands of years
        song(b"\0\xff\x51\3\xff\xff\xff", *[late + b"\x90\x3c\x40"] * 9000, division=1),
        header() + track(b"\xff" * 300_000),
        header() + track(b"\xff" * 8 + b"\x7f" + note[1:]),
        song(*[note] * 4000, *[off] * 4000),  # all sound at once, on one key
        song(*[note, b"\0" + off[1:]] * 30_000),
        song(*[b"\1\x90\x3c\x40"] * 60_000),  # none ever ends
        song(b"\0\x90\x3c\x40", b"\0\x3c\x40" * 350_000),  # more notes than there may be
        song(*[b"\0\xb0\x40\x7f\0\xb0\x40\0"] * 400_000, note, off),
        song(*[b"\0\xff\x51\3\7\xa1\x20"] * 100_000, note, off),
        song(*[text] * 20, note, off),
        header(1, 65535) + track(note, off, END_OF_TRACK) * 20_000,
        header(1, 1024) + track(*[note, off] * 100, END_OF_TRACK) * 1024,
        header() + b"MTrk\xff\xff\xff\xff" + note,
        b"RIFF\xff\xff\xff\xffRMIDdata\xff\xff\xff\xff" + song(note, off),
        b"RIFF\0\0\0\0RMID" + b"junk\0\0\0\0" * 100_000,
        song(*[note, *[off] * 3] * 20_000),  # note-offs that end nothing
        song(*[note] * 2000, b"\0\xb0\x7b\0", *[off] * 2000),
        song(*[b"\0\x90" + bytes([k % 128, 64]) for k in range(40_000)]),
    ]


def odd_event(rng: random.Random) -> bytes:
    "An event with the wait before it, legal or nearly so."
    large = number(rng.getrandbits(rng.choice([8, 14, 21, 28, 35, 64, 200])))
    wait = rng.choice([b"\0"] * 5 + [number(rng.randrange(1000)), large, b"\x80\x80\1"])
    pitch, value, channel = rng.randrange(128), rng.randrange(128), rng.randrange(16)
    text = rng.randbytes(rng.randrange(9))
    return wait + rng.choice(
        [
            bytes([0x90 | channel, pitch, value]),
            bytes([0x90, pitch, value]),
            bytes([0x80 | channel, pitch, 64]),
            bytes([0x80, pitch, 64]),
            bytes([pitch, value]),  # running status
            bytes([0xB0 | channel, rng.choice([0, 32, 64, 64, 120, 123, pitch]), value]),
            bytes([0xC0 | channel, pitch]),
            bytes([0xE0 | channel, pitch, value]),
            b"\xff\x51\3" + rng.choice(TEMPI + (rng.randbytes(3),)),
            b"\xff\x51" + number(len(text)) + text,
            bytes([0xFF, rng.choice([1, 3, 5, 6, 0x21, 0x59, pitch])]) + number(len(text)) + text,
            b"\xff\x54\5" + rng.randbytes(5),
            b"\xf0" + number(rng.choice([3, 3, 100_000, 2**28 - 1])) + b"\1\2\xf7",
            b"\xf7\1\x40",
            bytes([rng.randrange(0xF0, 0x100)]),
            b"\xff\x2f\0",
        ]
    )


def odd_midi(rng: random.Random) -> bytes:
    "A file put together of odd pieces."
    count = rng.choice([0, 1, 1, 1, 2, 3])
    tracks = []
    for _ in range(count):
        events = [odd_event(rng) for _ in range(rng.choice([1, 5, 40]))]
        one = track(*events, *[END_OF_TRACK] * (rng.random() < 0.8))
        if rng.random() < 0.1:
            one = one[:4] + struct.pack(">I", rng.choice(LENGTHS)) + one[8:]
        tracks.append(b"XFIH" + one[4:] if rng.random() < 0.1 else one)
    kind = rng.choice([0, 0, 1, 1, 1, 1, 2, 65535])
    division = rng.choice(DIVISIONS + (480,) * 8 + (rng.randrange(65536),))
    return header(kind, rng.choice([count] * 4 + [0, 200]), division) + b"".join(tracks)


def lie_in_midi(data: bytearray, rng: random.Random) -> bytearray:
    "A wrong length, header, tempo or waiting time."
    what, place = rng.randrange(5), rng.randrange(min(22, len(data)), len(data) + 1)
    if what == 0:
        kind, tracks = rng.choice([0, 1, 2, 9]), rng.choice([0, 1, 9])
        data[8:14] = header(kind, tracks, rng.choice(DIVISIONS))[8:]
    elif what == 1:
        found = data.find(b"MTrk", rng.randrange(len(data)))
        if found >= 0:
            data[found + 4 : found + 8] = struct.pack(">I", rng.choice(LENGTHS))
    elif what == 2:
        found = data.find(b"\xff\x51\3")
        data[found + 3 : found + 6] = rng.choice(TEMPI) if found >= 0 else b""
    elif what == 3:
        data[place:place] = rng.choice([b"\xff\xff\xff\x7f", b"\xff" * 8 + b"\x7f", b"\x80" * 9])
    else:
        data[place:place] = odd_event(rng)
    return data


def damaged_midi(seeds: list, rng: random.Random) -> bytes:
    if rng.random() < 0.35:
        return odd_midi(rng)
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 1, 1, 1, 2, 5])):
        lie = rng.random() < 0.4 and len(data) > 22
        data = lie_in_midi(data, rng) if lie else change_bytes(data, rng, 40)
    return bytes(data)


def midi_seeds() -> list:
    "Scores and performances of the demo corpus, small ones above all."
    from pianoalign.files import repo_root

    found = sorted((repo_root() / "corpus").rglob("*.mid"), key=lambda p: (p.stat().st_size, p))
    return [path.read_bytes() for path in found[:30]]


# ---- recordings ------------------------------------------------------------------------------

FORMS = {  # ending: format, subtype, channels, rate
    "wav": ("WAV", "PCM_16", 1, 16_000),
    "wavx": ("WAVEX", "FLOAT", 2, 44_100),
    "rf64": ("RF64", "PCM_24", 2, 48_000),
    "flac": ("FLAC", "PCM_16", 1, 16_000),
    "ogg": ("OGG", "VORBIS", 2, 44_100),
    "opus": ("OGG", "OPUS", 1, 48_000),
    "mp3": ("MP3", "MPEG_LAYER_III", 1, 16_000),
    "aiff": ("AIFF", "PCM_16", 1, 16_000),
    "au": ("AU", "PCM_16", 1, 16_000),
    "caf": ("CAF", "PCM_16", 1, 16_000),
    "w64": ("W64", "PCM_16", 1, 16_000),
}


def sound_bytes(samples: np.ndarray, ending: str, rate_hz: int = 0) -> bytes:
    import soundfile

    form, subtype, channels, rate = FORMS[ending]
    held = io.BytesIO()
    samples = np.repeat(samples[:, None], channels, 1)
    soundfile.write(held, samples, rate_hz or rate, format=form, subtype=subtype)
    return held.getvalue()


def audio_seeds() -> list:  # of (ending, bytes)
    noise = np.random.default_rng(0).normal(0, 0.1, 8_000).astype(np.float32)
    return [(ending, sound_bytes(noise, ending)) for ending in FORMS]


def audio_bombs() -> list:
    "Headers that claim much, and small files that hold much silence."
    wav = bytearray(sound_bytes(np.full(8_000, 0.1, np.float32), "wav"))
    out = []
    for place, form, values in (
        (22, "<H", (0, 2, 1024, 65535)),  # channels
        (24, "<I", (0, 1, 999, 2**31 - 1, 2**32 - 1)),  # rate
        (34, "<H", (0, 1, 64, 65535)),  # bits
        (40, "<I", (0, 1, 1_152_000_000, 2**31 - 1, 2**32 - 1)),  # bytes of samples
    ):
        for value in values:
            lie = bytearray(wav)
            struct.pack_into(form, lie, place, value)
            out.append(("wav", bytes(lie)))
    hour = np.zeros(3_600 * 1_000, np.float32)
    hour[::100_000] = 0.5
    out.append(("flac", sound_bytes(hour, "flac", 1_000)))
    flac = bytearray(sound_bytes(np.full(8_000, 0.1, np.float32), "flac"))
    flac[21:26] = b"\xff" * 5  # 2**36 samples
    out.append(("flac", bytes(flac)))
    out.append(("mp3", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(2_000)))
    out.append(("mp3", b"\xff\xfb\x90\0" * 100_000))
    out.append(("ogg", b"OggS" * 100_000))
    out.append(("m3u8", b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n" * 100))
    return out


def _crc_table() -> list:
    table = []
    for k in range(256):
        value = k << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


CRC = _crc_table()


def mend_ogg_sums(data: bytearray) -> bytearray:
    "Checksums of all pages made right again, so that a decoder looks at what was changed."
    at = 0
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        if end > len(data):
            break
        data[at + 22 : at + 26] = bytes(4)
        value = 0
        for byte in data[at:end]:
            value = (value << 8 & 0xFFFFFFFF) ^ CRC[value >> 24 ^ byte]
        data[at + 22 : at + 26] = struct.pack("<I", value)
        at = end
    return data


def lie_in_audio(data: bytearray, ending: str, rng: random.Random) -> bytearray:
    "A header that says something else about channels, rate, bits or length."
    if ending == "ogg" and (page := data.find(b"OggS", rng.randrange(len(data)))) >= 0:
        if rng.random() < 0.5:
            position = rng.choice([0, -1, 2**40, 2**62, -(2**63)])
            data[page + 6 : page + 14] = struct.pack("<q", position)
        else:
            data[page + 5] = rng.randrange(256)
        return mend_ogg_sums(data)
    size = rng.choice([1, 2, 4, 8])
    place = rng.randrange(4, 64)
    value = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**63, rng.getrandbits(64)]) % 256**size
    data[place : place + size] = value.to_bytes(size, rng.choice(["little", "big"]))
    return data


def damaged_audio(seeds: list, rng: random.Random) -> tuple:
    ending, data = rng.choice(seeds)
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        lie = rng.random() < 0.4 and len(data) > 64
        data = lie_in_audio(data, ending, rng) if lie else change_bytes(data, rng, 64)
    return ending, bytes(data)


# ---- values in JSON and cells of tables --------------------------------------------------------

ODD_VALUES = (None, True, -1, 0, 1, 2.5, 10**9, 2**70, 1e308, float("nan"), float("inf"), "", "x")
ODD_CELLS = ("", "-1", "0", "1e308", "nan", "inf", "x", '"', "é", "0x10", "1,5", "../../x", "\0")


def change_value(values, rng: random.Random):
    "A JSON value with one thing in it replaced, removed, doubled or put deeper."
    if isinstance(values, dict) and values and rng.random() < 0.9:
        name = rng.choice(sorted(values))
        if rng.random() < 0.1:
            return {k: v for k, v in values.items() if k != name}
        if rng.random() < 0.1:
            return values | {f"{name}s": values[name]}
        return values | {name: change_value(values[name], rng)}
    if isinstance(values, list) and values and rng.random() < 0.8:
        place = rng.randrange(len(values))
        return [*values[:place], change_value(values[place], rng), *values[place + 1 :]]
    return rng.choice(ODD_VALUES + ([], {}, [1, 2], {"a": 1}, [values], [values] * 100))


def damaged_json(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.05:
        return rng.choice([b"", b"[" * 100_000, b"1" * 10_000, b"\xff\xfe", b"null", b"[]"])
    if rng.random() < 0.25:
        return bytes(change_bytes(bytearray(data), rng, len(data)))
    values = json.loads(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        values = change_value(values, rng)
    return json.dumps(values).encode()


def damaged_cells(data: bytes, rng: random.Random) -> bytes:
    "A table with cells, lines or bytes changed."
    if rng.random() < 0.3:
        return bytes(change_bytes(bytearray(data), rng, len(data)))
    mark = "," if b"," in data else "\t"
    rows = [line.split(mark) for line in data.decode().splitlines()]
    for _ in range(rng.choice([1, 1, 2, 5])):
        row = rng.choice(rows)
        what, place = rng.randrange(6), rng.randrange(len(row))
        if what <= 1:
            row[place] = rng.choice(ODD_CELLS)
        elif what == 2:
            row.insert(place, rng.choice(ODD_CELLS))
        elif what == 3 and len(row) > 1:
            del row[place]
        elif what == 4:
            rows.insert(rng.randrange(len(rows) + 1), list(rng.choice(rows)))
        elif len(rows) > 1:
            rows.remove(row)
    text = rng.choice(["\n", "\r\n", "\r"]).join(mark.join(row) for row in rows)
    return text.encode(rng.choice(["utf-8"] * 6 + ["utf-8-sig", "utf-16"]))


def damaged_npz(data: bytes, rng: random.Random) -> bytes:
    "A damaged archive, or a whole one whose arrays are damaged."
    import zipfile

    if rng.random() < 0.5:
        return bytes(change_bytes(bytearray(data), rng, 60))
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if rng.random() < 0.4:
                content = bytes(change_bytes(bytearray(content), rng, 128))
            new.writestr(name if rng.random() < 0.9 else rng.choice(["x.npy", "a/b", "a"]), content)
    return held.getvalue()


# ---- what has to hold --------------------------------------------------------------------------


class Broken(AssertionError):
    "What was accepted did not come back."


def hold(condition, *says):
    if not condition:
        raise Broken(" ".join(map(str, says)))


def other_events(score) -> list:  # per track, the bytes of all events but notes, in their order
    from pianoalign.midi import FILLER

    kept = []
    for one in score.file.tracks:
        note = (one.kind == 0x80) | (one.kind == 0x90)
        wanted = ~(note | one.ends())
        kept.append([d for d, k in zip(one.data, wanted) if k and d != FILLER])
    return kept


def by_key(score) -> dict:  # (track, channel, pitch) -> rows in the order of the file
    keys = {}
    order = np.lexsort((score.on_event, score.on_tick))
    for row in order.tolist():
        key = int(score.track[row]), int(score.channel[row]), int(score.notes.pitch[row])
        keys.setdefault(key, []).append(row)
    return keys


def check_notes(before, after, moved_s: float) -> None:
    "Every note is there again, with its velocity, in its order and at its time."
    old, new = by_key(before), by_key(after)
    hold(set(old) == set(new), "keys differ")
    for key, rows in old.items():
        others = new[key]
        hold(len(rows) == len(others), f"{len(rows)} notes of {key} became {len(others)}")
        velocities = before.notes.velocity[rows], after.notes.velocity[others]
        hold((velocities[0] == velocities[1]).all(), f"velocities of {key} differ")
        late_s = after.notes.onset_s[others] - before.notes.onset_s[rows] - moved_s
        hold(np.abs(late_s).max() <= LATE_S, f"onsets of {key} are {np.abs(late_s).max()} s off")
        apart = np.append(before.on_tick[rows][1:] > before.off_tick[rows][:-1], True).all()
        if apart:
            late_s = after.notes.offset_s[others] - before.notes.offset_s[rows] - moved_s
            hold(np.abs(late_s).max() <= LATE_S, f"ends of {key} are {np.abs(late_s).max()} s off")


def check_midi(path: Path) -> None:
    """Read, lengthened by the pedal, moved by 10 ms and written: the same notes come back, 10 ms
    later, and all other events of each track in their order."""
    from pianoalign.midi import read_midi, sounding_notes
    from pianoalign.retiming import write_retimed_midi

    score = read_midi(path)
    hold(len(sounding_notes(score)) == len(score.notes), "the pedal takes or gives notes")
    again = path.with_name(f"again-{path.name}")
    write_retimed_midi(score, score.notes.shifted(0.01), again)
    after = read_midi(again)
    check_notes(score, after, 0.01)
    hold(other_events(score) == other_events(after), "texts, pedals or other events differ")


def check_audio(path: Path) -> None:
    "What is heard is finite, of the length that the samples have, and heard the same by all."
    from pianoalign.preprocessing import load_audio
    from pianoalign.tool.listening import listen_to

    samples = load_audio(path)
    hold(np.isfinite(samples).all() and len(samples), "samples that are no numbers")
    image, facts = listen_to(path, workers=1)[:2]
    hold(np.isfinite(np.asarray(image, np.float32)).all(), "a spectrogram that holds no numbers")
    hold(facts.n_samples == len(samples), f"{facts.n_samples} samples heard, {len(samples)} read")


def check_table(path: Path) -> None:
    "Each line that is no heading, comment or blank is a note; as MIDI they come back."
    from pianoalign.midi import read_midi, write_midi
    from pianoalign.notes import read_note_table

    notes = read_note_table(path)
    text = path.read_bytes()
    text = text.decode("utf-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    lines = [line for line in text.splitlines() if line.strip(" \t,;")]
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    hold(len(lines) - 1 <= len(notes) <= len(lines), f"{len(lines)} lines became {len(notes)}")
    if not len(notes) or notes.onset_s.min() < 0 or notes.offset_s.max() > 1e5:
        return  # not for MIDI
    again = path.with_suffix(".mid")
    write_midi(notes, again)
    after = read_midi(again).notes
    for name in ("pitch", "onset_s"):
        old, new = (np.sort(getattr(n, name)) for n in (notes, after))
        hold(len(old) == len(new) and np.abs(old - new).max() <= LATE_S, f"{name} differs")


def check_checkpoint(folder: Path) -> None:
    "A network that is read gives numbers for silence, and its confidence probabilities."
    import torch

    from pianoalign.network import predict
    from pianoalign.runs import load_network
    from pianoalign.tool.confidence import EVIDENCE, load_confidence

    torch.set_num_threads(1)
    network, _ = load_network(folder)
    image = np.zeros((30, 88), np.float32)
    answer = predict(network, image, image)
    for part in answer if isinstance(answer, tuple) else (answer,):
        hold(np.isfinite(part).all(), "a network whose answers are no numbers")
    confidence = load_confidence(folder)
    if confidence:
        share = confidence.probability(np.zeros((3, len(EVIDENCE))))
        hold(((share >= 0) & (share <= 1)).all(), "probabilities outside 0 to 1")


def check_run(folder: Path) -> None:
    "All that a run folder is asked for by tables and chapters."
    from pianoalign.judging import read_aligned
    from pianoalign.runs import RunFolder

    run = RunFolder(folder)
    wanted = (lambda: run.how_trained(), run.errors, lambda: read_aligned(folder))
    refused = None
    for ask in wanted:
        refused = refusal(ask) or refused
    if refused:
        raise refused


def check_manifest(path: Path) -> None:
    "Each line is a pair or a recording, in its order; none leads out of its folder."
    import csv

    from pianoalign.datasets import load_corpus
    from pianoalign.tool.places import read_pairs

    if path.name == "index.csv":
        found = load_corpus("demo", path.parent, ("train", "valid", "test", "recordings"))
        inside = [path.parent in Path(os.path.normpath(r.audio)).parents for r in found]
        hold(all(inside), "a recording lies elsewhere")
        return
    pairs = read_pairs(path)
    data = path.read_bytes()
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    mark = max(",;\t", key=text.split("\n", 1)[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    hold(len(rows) - 1 <= len(pairs) <= len(rows), f"{len(rows)} lines became {len(pairs)} pairs")
    for pair in pairs:
        hold(not Path(pair.name).is_absolute() and ".." not in Path(pair.name).parts, pair.name)


def check_align(path: Path) -> None:
    "The whole command on two seconds of sound: no note is lost."
    from pianoalign.midi import read_midi
    from pianoalign.tool.aligner import align

    out = path.with_name("out.mid")
    align(path.with_name("two.flac"), path, out, weights=path.with_name("weights"), force=True)
    before, after = read_midi(path), read_midi(out)
    hold(len(before.notes) == len(after.notes), "notes were lost")
    for name in ("pitch", "velocity"):
        old, new = (np.sort(getattr(s.notes, name)) for s in (before, after))
        hold((old == new).all(), f"{name} differs")


# ---- files that are damaged ----------------------------------------------------------------------


def small_network(folder: Path) -> None:
    "Weights of a small network that was never trained."
    import torch

    from pianoalign.experiments import Experiment
    from pianoalign.network import CRNN, NetworkSettings
    from pianoalign.runs import save_weights

    torch.manual_seed(0)
    settings = NetworkSettings(filters=(2, 2, 2), dense=8, hidden=8, onset_head=True)
    save_weights(CRNN(settings), Experiment("untrained", network=settings), folder)


def two_seconds(folder: Path) -> None:
    "A recording of nine notes, two.flac, and their MIDI file, two.mid."
    import soundfile

    from pianoalign.midi import write_midi
    from pianoalign.notes import Notes
    from pianoalign.report.plots import synthesise

    onset_s = np.arange(0.1, 1.9, 0.2)
    notes = Notes.from_arrays(onset_s, onset_s + 0.15, 60 + np.arange(9))
    write_midi(notes, folder / "two.mid")
    soundfile.write(folder / "two.flac", np.clip(synthesise(notes), -1, 1), 16_000)


def run_files(folder: Path) -> dict:  # name -> bytes
    "The files of a finished run, small."
    from pianoalign.experiments import Experiment
    from pianoalign.runs import write_npz

    settings = dict(experiment=Experiment("crnn").to_dict())
    errors = {f"test/{way}/piece": np.zeros(5, np.float32) for way in ("crnn", "unaligned")}
    write_npz(folder / "errors.npz", errors)
    times = {f"test/piece#0/{name}": np.zeros(5) for name in ("onset_s", "offset_s")}
    write_npz(folder / "aligned.npz", times)
    return {
        "config.json": json.dumps(settings).encode(),
        "metrics.json": b'{"epochs": 3.5, "width": 1.0, "precision": "float32", "sets": {}}',
        "history.csv": b"step,epoch,loss\n1,0.5,2.0\n2,1.0,1.5\n",
        "errors.npz": (folder / "errors.npz").read_bytes(),
        "aligned.npz": (folder / "aligned.npz").read_bytes(),
    }


@dataclass
class Kind:
    "One kind of input: how it is made, and what has to hold."

    check: object  # called with the path of what was made
    number: int  # inputs of the long form
    seeds: list = field(default_factory=list)  # what is damaged
    bombs: list = field(default_factory=list)  # the first inputs, as they are


def make_seeds(name: str, kind: Kind, folder: Path) -> None:
    "The good files that inputs of a kind are made from, once a process."
    if name in ("midi", "align"):
        kind.seeds, kind.bombs = midi_seeds(), midi_bombs()
    elif name == "audio":
        kind.seeds, kind.bombs = audio_seeds(), audio_bombs()
    elif name == "tables":
        rows = [f"{k / 7:.6f}\t{k / 7 + 0.2:.6f}\t{30 + k}\t{40 + k}" for k in range(60)]
        maps = "OnsetTime\tOffsetTime\tMidiPitch\n" + "\n".join(r[: r.rfind("\t")] for r in rows)
        kind.seeds = [maps.encode(), "\n".join(rows).replace("\t", ",").encode()]
        wide, long = b"1," * 500_000, b"1\t2\t60\n" * 300_000
        kind.bombs = [long, wide, b'"' * 1_000_000, b"1,2,60," + b"9" * 300_000]
    elif name == "runs":
        kind.seeds = [run_files(folder)]
    elif name == "checkpoints":
        small_network(folder)
        shipped = repo_file("pianoalign/weights/maps/confidence.json")
        kind.seeds = [{p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}]
        kind.seeds[0]["confidence.json"] = shipped.read_bytes()
    elif name == "manifests":
        pairs = b"audio,midi,out\na.wav,a.mid,one\nb.wav,b.mid,two\nc d.flac,c.mid,three\n"
        index = b"".join(repo_file("corpus/index.csv").read_bytes().splitlines(True)[:6])
        kind.seeds = [("pairs.csv", pairs), ("index.csv", index)]
    if name == "align":
        two_seconds(folder)
        kind.seeds = [(folder / "two.mid").read_bytes()] * 10 + kind.seeds[:3]
        small_network(folder / "weights")


def repo_file(name: str) -> Path:
    from pianoalign.files import repo_root

    return repo_root() / name


KINDS = {
    "midi": Kind(check_midi, 20_000),
    "audio": Kind(check_audio, 5_000),
    "tables": Kind(check_table, 2_000),
    "checkpoints": Kind(check_checkpoint, 1_000),
    "runs": Kind(check_run, 1_000),
    "manifests": Kind(check_manifest, 2_000),
    "align": Kind(check_align, 200),
}


def damage_one(files: dict, rng: random.Random) -> dict:  # name -> bytes
    "A folder of files, one of which is damaged or missing."
    name = rng.choice(sorted(files))
    if rng.random() < 0.03:
        return {k: v for k, v in files.items() if k != name}
    how = {".json": damaged_json, ".npz": damaged_npz, ".csv": damaged_cells}
    change = how.get(Path(name).suffix)
    data = files[name]
    if change is None:
        data = bytes(change_bytes(bytearray(data), rng, 2000))
    return files | {name: change(data, rng) if change else data}


def make_input(name: str, kind: Kind, seed: int, k: int, folder: Path) -> Path:
    "Write input k of a kind into a folder; its path."
    rng = random.Random(f"{name} {seed} {k}")
    if name in ("runs", "checkpoints"):
        place = folder / "input"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for file, data in damage_one(kind.seeds[0], rng).items():
            (place / file).write_bytes(data)
        return place
    made = kind.bombs[k] if k < len(kind.bombs) else None
    if name in ("midi", "align"):
        file, data = "input.mid", made or damaged_midi(kind.seeds, rng)
    elif name == "tables":
        file, data = "input.txt", made or damaged_cells(rng.choice(kind.seeds), rng)
    elif name == "audio":
        ending, data = made or damaged_audio(kind.seeds, rng)
        file = f"input.{ending}"
    else:
        file, data = rng.choice(kind.seeds)
        data = damaged_cells(data, rng)
        if file == "index.csv" and not (folder / "midi").exists():
            (folder / "midi").symlink_to(repo_file("corpus/midi"))
            (folder / "audio").symlink_to(repo_file("corpus/audio"))
    path = folder / file
    path.write_bytes(data)
    return path


# ---- one input after the other -------------------------------------------------------------------


def refusal(ask):
    "The `InputError` that a call ends with; None where it ends well."
    from pianoalign.files import InputError

    try:
        ask()
    except InputError as error:
        return error
    return None


def names_it(text: str, path: Path) -> bool:
    "Does a message name the file that was given, or one in the folder that was given or beside it?"
    names = [path.name, str(path.parent), "the MIDI file"]  # of two files, the one that is meant
    if path.is_dir():
        names = [p.name for p in path.iterdir()] + [path.name]
    return any(name in text for name in names)


def examine(kind: Kind, path: Path) -> tuple:  # "accepted", "refused" or "broken"; what was said
    try:
        error = refusal(lambda: kind.check(path))
    except Exception as other:  # whatever a reader lets through
        import traceback

        where = traceback.extract_tb(other.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return "broken", f"{type(other).__name__}: {str(other)[:200]} ({place})"
    if error is None:
        return "accepted", ""
    text = str(error)
    if "\n" in text.strip() or len(text) > LONGEST_SENTENCE:
        return "broken", f"a sentence of {len(text)} characters: {text[:200]!r}"
    if not names_it(text, path):
        return "broken", f"a sentence that names no file: {text[:200]!r}"
    return "refused", text


def used_s() -> float:
    return time.process_time()


def peak_mib() -> float:
    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def limit_memory() -> None:
    "Whoever asks for four times what is allowed gets a `MemoryError`, before the machine suffers."
    with contextlib.suppress(OSError, ValueError):  # not every system can
        now = int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (now + 4 * MOST_MIB * 2**20, hard))


def be_quiet() -> None:
    "Nothing that C libraries or pandas say belongs into the table."
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")


def work(name: str, seed: int, numbers: list, pipe) -> None:
    "Examine inputs and send what became of each; the system ends whoever takes too long."
    be_quiet()
    kind = KINDS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        folder = Path(folder)
        make_seeds(name, kind, folder)
        examine(kind, make_input(name, kind, seed, 10**6, folder))  # loads what has to be loaded
        base_mib = peak_mib()
        limit_memory()
        for k in numbers:
            path = make_input(name, kind, seed, k, folder)
            pipe.send(("begins", k))
            began_s = used_s()
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (int(began_s) + MOST_S + 2, hard))
            state, said = examine(kind, path)
            took_s, took_mib = used_s() - began_s, peak_mib() - base_mib
            too_much = [f"{took_s:.1f} s"] if took_s > MOST_S else []
            too_much += [f"{took_mib:.0f} MiB"] if took_mib > MOST_MIB else []
            if state != "broken" and too_much:
                state, said = "broken", f"took {' and '.join(too_much)}"
            pipe.send(("ended", k, state, said, took_s, took_mib))
            if took_mib > MOST_MIB / 4:
                break  # the mark never falls: a new process measures the next
    pipe.close()


def fuzz(name: str, numbers: list, seed: int = 0) -> dict:  # k -> state, said, seconds, MiB
    "What becomes of inputs of a kind."
    results, context = {}, multiprocessing.get_context("fork")
    left = list(numbers)
    while left:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(name, seed, left, theirs))
        process.start()
        theirs.close()
        now = None
        with contextlib.suppress(EOFError):
            while ours.poll(WALL_S):
                what, k, *rest = ours.recv()
                now = k if what == "begins" else None
                if what == "ended":
                    results[k] = tuple(rest)
        if process.is_alive() and now is not None:
            process.kill()
        process.join()
        if now is not None:
            ended = f"ended by the system (code {process.exitcode}): too long, or too much memory"
            results[now] = ("broken", ended, float(MOST_S), 0.0)
        if process.exitcode and now is None:
            raise SystemExit(f"{name}: the benchmark itself failed (code {process.exitcode})")
        left = [k for k in left if k not in results]
    return results


def report(name: str, results: dict) -> str:
    "One row of the table."
    states = Counter(r[0] for r in results.values())
    slowest_s, most_mib = (max(r[i] for r in results.values()) for i in (2, 3))
    counts = " | ".join(f"{states[s]:,}" for s in ("accepted", "refused", "broken"))
    return f"| {name} | {len(results):,} | {counts} | {slowest_s:.1f} | {most_mib:.0f} |"


HEADS = (
    "inputs",
    "number",
    "accepted, and came back",
    "refused in a sentence",
    "anything else",
    "slowest, s",
    "most memory, MiB",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="default: all")
    parser.add_argument("--number", type=int, help="inputs a kind; default: the long form")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", help="these inputs alone")
    parser.add_argument("--keep", type=Path, help="folder for the inputs of --only")
    asked = parser.parse_args()
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    faults = []
    for name in asked.kinds or KINDS:
        numbers = asked.only or range(asked.number or KINDS[name].number)
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            make_seeds(name, KINDS[name], asked.keep)
            for k in numbers:
                made = make_input(name, KINDS[name], asked.seed, k, asked.keep)
                print(made.rename(made.with_name(f"{name}-{k}{made.suffix}")), file=sys.stderr)
        results = fuzz(name, list(numbers), asked.seed)
        print(report(name, results), flush=True)
        faults += [(name, k, *r) for k, r in sorted(results.items()) if r[0] == "broken"]
        slow = sorted((-r[2], k) for k, r in results.items() if r[2] > MOST_S / 5)
        told = ", ".join(f"{name} {k} ({-minus_s:.1f} s)" for minus_s, k in slow[:5])
        print(f"slowest: {told or 'nothing near the limit'}", file=sys.stderr)
    for name, k, _, said, took_s, took_mib in faults:
        print(f"{name} {k}: {said} [{took_s:.1f} s, {took_mib:.0f} MiB]", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
