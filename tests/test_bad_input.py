"""What a user may hand in by mistake: one clear sentence, a non-zero exit code, nothing
overwritten, nothing half-written; and what looks odd and must work."""

import json, os, subprocess, sys

import mido
import numpy as np
import pytest
import soundfile

from pianoalign.files import InputError
from pianoalign.midi import read_midi
from pianoalign.retiming import write_retimed_midi
from pianoalign.runs import load_network
from midi_messages import off, on
from short_piece import RATE_HZ
from test_align_cli import align_words, command, everything_but_times


def write(path, content):
    path.write_bytes(content)
    return path


def sound(path, samples, rate_hz=RATE_HZ, subtype="FLOAT"):
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def with_nan(folder, value):
    samples, _ = soundfile.read(folder / "piece.wav")
    samples[1000] = value
    return samples


def refused(capsys, tmp_path, *words, says):
    "The command must fail with one line that says so, and leave the folder as it was."
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    command(*words, ok=2)
    said = capsys.readouterr()
    assert (
        said.out == ""
        and said.err.startswith("pianoalign: ")
        and said.err.count("\n") == 1
        and "Traceback" not in said.err
    )
    assert says in said.err, said.err
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


BAD_AUDIO = {
    "missing": (lambda d, f: d / "missing.wav", "does not exist"),
    "folder": (lambda d, f: d, "folder"),
    "empty": (lambda d, f: write(d / "a.wav", b""), "empty"),
    "words": (
        lambda d, f: write(d / "a.wav", b"This is no recording. " * 50),
        "cannot be read as audio",
    ),
    "noise_named_ogg": (
        lambda d, f: write(d / "a.ogg", bytes(range(256)) * 20),
        "cannot be read as audio",
    ),
    "noise_named_mp3": (lambda d, f: write(d / "a.mp3", bytes(20_000)), ""),
    "header_only": (lambda d, f: write(d / "a.wav", (f / "piece.wav").read_bytes()[:20]), "a.wav"),
    "midi_as_audio": (lambda d, f: f / "piece.mid", "cannot be read as audio"),
    "zero_length": (lambda d, f: sound(d / "a.wav", np.zeros(0)), "no samples"),
    "silent": (lambda d, f: sound(d / "a.wav", np.zeros(RATE_HZ)), "silent"),
    "silent_16_bit": (
        lambda d, f: sound(d / "a.wav", np.zeros((RATE_HZ, 2)), subtype="PCM_16"),
        "silent",
    ),
    "nan": (lambda d, f: sound(d / "a.wav", with_nan(f, np.nan)), "not numbers"),
    "inf": (lambda d, f: sound(d / "a.wav", with_nan(f, np.inf)), "not numbers"),
    "too_slow": (
        lambda d, f: sound(d / "a.wav", with_nan(f, 0.0)[:4000], 100),
        "100 samples a second",
    ),
}


@pytest.mark.parametrize("case", BAD_AUDIO)
def test_bad_audio(piece, untrained, tmp_path, capsys, case):
    make, says = BAD_AUDIO[case]
    refused(
        capsys,
        tmp_path,
        *align_words(piece, tmp_path / "out.mid", untrained[0], audio=make(tmp_path, piece[0])),
        says=says,
    )


def test_a_file_that_may_not_be_read(piece, untrained, tmp_path, capsys):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    for name, other in (("piece.wav", "piece.mid"), ("piece.mid", "piece.wav")):
        write(tmp_path / name, (piece[0] / name).read_bytes()).chmod(0)
        words = (
            [tmp_path / name, piece[0] / other]
            if name.endswith("wav")
            else [piece[0] / other, tmp_path / name]
        )
        command("align", *words, "-o", tmp_path / "out.mid", "--weights", untrained[0], ok=2)
        assert capsys.readouterr().err.count("\n") == 1


GOOD_AUDIO = {
    "stereo": lambda x: (np.stack([x, 0.5 * x], 1), RATE_HZ, "PCM_16"),
    "six_channels": lambda x: (np.stack([x] * 6, 1), RATE_HZ, "PCM_24"),
    "one_channel_silent": lambda x: (np.stack([x, 0 * x], 1), RATE_HZ, "PCM_16"),
    "8_khz": lambda x: (x[::2], 8_000, "PCM_16"),
    "44.1_khz": lambda x: (
        np.interp(np.arange(0, len(x) - 1, RATE_HZ / 44_100), np.arange(len(x)), x),
        44_100,
        "PCM_16",
    ),
    "192_khz": lambda x: (np.repeat(x, 12), 192_000, "PCM_16"),
    "8_bit": lambda x: (x, RATE_HZ, "PCM_U8"),
    "too_loud": lambda x: (50 * x, RATE_HZ, "FLOAT"),
    "shorter_than_the_notes": lambda x: (x[: 3 * RATE_HZ], RATE_HZ, "PCM_16"),
    "longer_than_the_notes": lambda x: (
        np.concatenate([x, np.zeros(5 * RATE_HZ)]),
        RATE_HZ,
        "PCM_16",
    ),
    "a_tenth_of_a_second": lambda x: (x[int(0.2 * RATE_HZ) :][:1600], RATE_HZ, "PCM_16"),
    "a_few_samples": lambda x: (x[int(0.7 * RATE_HZ) :][:20], RATE_HZ, "FLOAT"),
}


@pytest.mark.parametrize("case", GOOD_AUDIO)
def test_unusual_audio(piece, untrained, tmp_path, case):
    samples, rate_hz, subtype = GOOD_AUDIO[case](soundfile.read(piece[0] / "piece.wav")[0])
    sound(tmp_path / "a.wav", samples, rate_hz, subtype)
    command(
        *align_words(piece, tmp_path / "out.mid", untrained[1], audio=tmp_path / "a.wav"),
        ok=3 if case == "a_few_samples" else 0,  # all notes lie beyond its end
    )
    assert everything_but_times(piece[0] / "piece.mid") == everything_but_times(
        tmp_path / "out.mid"
    )
    assert np.isfinite(read_midi(tmp_path / "out.mid").notes.onset_s).all()


def test_notes_behind_the_end_are_flagged_and_keep_their_distance(
    piece, untrained, tmp_path, capsys
):
    samples, _ = soundfile.read(piece[0] / "piece.wav")
    sound(tmp_path / "a.wav", samples[: 3 * RATE_HZ])
    command(
        *align_words(piece, tmp_path / "out.mid", untrained[0], audio=tmp_path / "a.wav"),
        "--report",
        tmp_path / "out.csv",
    )
    said, notes = capsys.readouterr(), read_midi(piece[0] / "piece.mid").notes
    late = notes.onset_s > 3.5
    assert (
        f"{(notes.onset_s > 3).sum()} outside the recording" in said.out
        and "the recording to 3.0 s" in said.err
    )
    shift = read_midi(tmp_path / "out.mid").notes.onset_s[late] - notes.onset_s[late]
    np.testing.assert_allclose(shift, shift[0], atol=6e-4)
    assert (tmp_path / "out.csv").read_text().count("outside the recording") == (
        notes.onset_s > 3
    ).sum()


def score(path, *tracks, division=480, kind=1):
    mido.MidiFile(
        type=kind, ticks_per_beat=division, tracks=[mido.MidiTrack(t) for t in tracks]
    ).save(path)
    return path


BAD_MIDI = {
    "missing": (lambda d, f: d / "missing.mid", "no such file"),
    "folder": (lambda d, f: d, "folder"),
    "empty": (lambda d, f: write(d / "a.mid", b""), "empty"),
    "words": (lambda d, f: write(d / "a.mid", b"These are no notes. " * 9), "not a MIDI file"),
    "audio_as_midi": (lambda d, f: f / "piece.wav", "not a MIDI file"),
    "header_only": (
        lambda d, f: write(d / "a.mid", (f / "piece.mid").read_bytes()[:14]),
        "damaged",
    ),
    "cut": (lambda d, f: write(d / "a.mid", (f / "piece.mid").read_bytes()[:200]), "damaged"),
    "type_2": (lambda d, f: score(d / "a.mid", *2 * [[on(60), off(60, 480)]], kind=2), "type 2"),
    "no_tracks": (lambda d, f: score(d / "a.mid"), "no notes"),
    "no_notes": (
        lambda d, f: score(d / "a.mid", [mido.MetaMessage("track_name", name="x")]),
        "no notes",
    ),
    "drums_only": (
        lambda d, f: score(d / "a.mid", [on(60, channel=9), off(60, 480, channel=9)]),
        "drums",
    ),
    "not_on_the_piano": (
        lambda d, f: score(d / "a.mid", [on(20), off(20, 480), on(109), off(109, 480)]),
        "none of its 2 notes",
    ),
    "tempo_of_zero": (
        lambda d, f: score(
            d / "a.mid", [mido.MetaMessage("set_tempo", tempo=0), on(60), off(60, 480)]
        ),
        "tempo of 0",
    ),
    "no_ticks": (lambda d, f: score(d / "a.mid", [on(60), off(60, 480)], division=0), "0 ticks"),
    "elsewhere": (
        lambda d, f: score(d / "a.mid", [on(60, 480 * 200), off(60, 480)]),
        "no note of the MIDI file lies within the recording",
    ),
}


@pytest.mark.parametrize("case", BAD_MIDI)
def test_bad_midi(piece, untrained, tmp_path, capsys, case):
    make, says = BAD_MIDI[case]
    refused(
        capsys,
        tmp_path,
        *align_words(piece, tmp_path / "out.mid", untrained[0], midi=make(tmp_path, piece[0])),
        says=says,
    )


GOOD_MIDI = {
    "outside_the_piano": [
        [on(20), on(0), on(60), on(109), on(127), off(20, 480), off(0), off(60), off(109), off(127)]
    ],
    "length_zero": [[on(60), off(60), on(62, 480), on(62, 0, 0), on(60, 100), off(60, 0)]],
    "overlapping": [[on(60), on(60, 100), on(60, 100), off(60, 200), off(60, 100), off(60, 100)]],
    "never_ended": [[on(60), on(64, 480)]],
    "ended_twice": [[on(60), off(60, 480), off(60), off(61), on(60, 10), off(60, 480)]],
    "three_tracks": [
        [mido.MetaMessage("set_tempo", tempo=400_000)],
        [on(60), off(60, 480)],
        [
            mido.Message("program_change", program=3),
            on(64),
            off(64, 480),
            mido.MetaMessage("lyrics", text="la"),
        ],
    ],
    "drums_too": [[on(60), on(36, channel=9), off(60, 480), off(36, channel=9)]],
    "four_hands_one_key": [[on(60), off(60, 480)], [on(60), off(60, 480)]],
    "at_the_very_start": [[on(60), on(20), off(60, 1), off(20, 1)]],
}


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("head", [0, 1])
@pytest.mark.parametrize("case", GOOD_MIDI)
def test_unusual_midi(piece, untrained, tmp_path, capsys, case, head, kind):
    tracks = GOOD_MIDI[case]
    if kind == 0 and len(tracks) > 1:
        pytest.skip("type 0 has one track")
    before = read_midi(score(tmp_path / "a.mid", *tracks, kind=kind))
    command(
        *align_words(piece, tmp_path / "out.mid", untrained[head], midi=tmp_path / "a.mid"),
        "--report",
        tmp_path / "out.csv",
    )
    after, said = read_midi(tmp_path / "out.mid"), capsys.readouterr()
    for name in ("pitch", "velocity"):
        assert sorted(getattr(before.notes, name)) == sorted(getattr(after.notes, name))
    assert (
        sorted(zip(before.track, before.channel)) == sorted(zip(after.track, after.channel))
        and before.drum_notes == after.drum_notes
    )
    kept = [
        [m for m in t if "note_off" not in m]
        for t in map(everything_but_times, (tmp_path / "a.mid", tmp_path / "out.mid"))
        for t in t
    ]
    assert kept[: len(tracks)] == kept[len(tracks) :]
    assert (tmp_path / "out.csv").read_text().count("\n") == len(before.notes) + 1
    outside = int((~before.notes.in_range()).sum())
    assert ("outside the piano" in said.out) == (outside > 0) and (
        tmp_path / "out.csv"
    ).read_text().count("outside the piano") == outside


def test_damaged_midi_never_ends_in_a_traceback(piece, tmp_path):
    """Bytes lost, changed or cut off at random: either an `InputError` that names the file, or a
    file that can be written again."""
    whole, rng, outcome = (
        (piece[0] / "piece.mid").read_bytes(),
        np.random.default_rng(0),
        {True: 0, False: 0},
    )
    for k in range(300):
        damaged = bytearray(whole)
        if k % 3 == 0:
            damaged = damaged[: rng.integers(1, len(whole))]
        else:
            for place in rng.integers(0, len(whole), rng.integers(1, 4)):
                damaged[place] = rng.integers(0, 256)
        if k % 3 == 2:
            del damaged[(cut := rng.integers(14, len(damaged))) : cut + rng.integers(1, 20)]
        write(tmp_path / "a.mid", bytes(damaged))
        try:
            read = read_midi(tmp_path / "a.mid")
            write_retimed_midi(read, read.notes.shifted(0.01), tmp_path / "b.mid")
            assert len(read_midi(tmp_path / "b.mid").notes) == len(read.notes)
            outcome[True] += 1
        except InputError as e:
            assert "a.mid" in str(e) or "ticks between" in str(e)
            outcome[False] += 1
    assert min(outcome.values()) > 20


BAD_WEIGHTS = {
    "missing": lambda d: d / "nowhere",
    "empty_folder": lambda d: d,
    "damaged_config": lambda d: (
        write(d / "config.json", b"{") and write(d / "weights.safetensors", b"") and d
    ),
    "strange_config": lambda d: (
        write(d / "config.json", b'{"experiment": {"network": {"filtres": [1, 2, 3]}}}')
        and write(d / "weights.safetensors", b"")
        and d
    ),
    "damaged_weights": lambda d: (
        write(d / "config.json", b'{"experiment": {}}')
        and write(d / "weights.safetensors", b"\xff" * 100)
        and d
    ),
    "other_network": None,
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights(piece, untrained, tmp_path, capsys, case):
    if case == "other_network":
        write(tmp_path / "config.json", (untrained[1] / "config.json").read_bytes())
        write(tmp_path / "weights.safetensors", (untrained[0] / "weights.safetensors").read_bytes())
        weights = tmp_path
    else:
        weights = BAD_WEIGHTS[case](tmp_path)
    refused(capsys, tmp_path, *align_words(piece, tmp_path / "out.mid", weights), says="")


def test_weights_are_looked_at_before_a_network_is_made(untrained, tmp_path):
    "Settings that ask for terabytes take no memory; numbers that are none are not computed with."
    from safetensors.torch import load_file, save_file

    weights = load_file(untrained[0] / "weights.safetensors")
    config = json.loads((untrained[0] / "config.json").read_text())
    config["experiment"]["network"]["hidden"] = 10**6
    write(tmp_path / "config.json", json.dumps(config).encode())
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"\(.*\) and not \(.*\)"):
        load_network(tmp_path)
    write(tmp_path / "config.json", (untrained[0] / "config.json").read_bytes())
    name = next(name for name, value in weights.items() if value.is_floating_point())
    weights[name] = weights[name] * np.nan
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=f"{name} holds values that are no numbers"):
        load_network(tmp_path)


def test_decoding_that_the_weights_cannot(piece, untrained, tmp_path, capsys):
    refused(
        capsys,
        tmp_path,
        *align_words(piece, tmp_path / "out.mid", untrained[0]),
        "--decoding",
        "high-resolution",
        says="onset head",
    )


@pytest.mark.parametrize(
    "out, report, says",
    [
        ("no/out.mid", None, "no folder"),
        (".", None, "is a folder"),
        ("out.mid", "out.mid", "another part"),
        ("take.wav", None, "cannot be written in that form"),
        ("out.mid", "no/out.csv", "no folder"),
        ("piece.wav", None, "another part"),
    ],
)
def test_bad_outputs(piece, untrained, tmp_path, capsys, out, report, says):
    write(tmp_path / "piece.wav", (piece[0] / "piece.wav").read_bytes())
    words = [
        *align_words(piece, tmp_path / out, untrained[0], audio=tmp_path / "piece.wav"),
        "--force",
    ]
    refused(
        capsys, tmp_path, *words, *(["--report", tmp_path / report] if report else []), says=says
    )


def test_evaluate_refuses_files_of_different_notes(piece, tmp_path, capsys):
    score(tmp_path / "a.mid", [on(60), off(60, 480), on(62), off(62, 480)])
    score(tmp_path / "b.mid", [on(60), off(60, 480), on(63), off(63, 480)])
    refused(
        capsys,
        tmp_path,
        "evaluate",
        tmp_path / "a.mid",
        tmp_path / "b.mid",
        says="of pitch 62 they have 1 and 0",
    )
    refused(
        capsys, tmp_path, "evaluate", tmp_path / "a.mid", tmp_path / "c.mid", says="no such file"
    )
    refused(
        capsys,
        tmp_path,
        "evaluate",
        piece[0] / "piece.wav",
        tmp_path / "a.mid",
        says="not a MIDI file",
    )
    write(tmp_path / "empty.tsv", b"")
    refused(capsys, tmp_path, "evaluate", tmp_path / "empty.tsv", tmp_path / "a.mid", says="notes")


def test_from_a_shell_there_is_no_traceback(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pianoalign",
            "align",
            tmp_path / "a.wav",
            tmp_path / "a.mid",
            "-o",
            tmp_path / "out.mid",
        ],
        capture_output=True,
        text=True,
    )
    assert (
        done.returncode == 2
        and done.stderr.count("\n") == 1
        and done.stdout == ""
        and os.listdir(tmp_path) == []
    )
