"""One's own recordings, judged: pianoalign.tool.own and the command `judge`."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from pianoalign.datasets import jitter_notes
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.midi import write_midi
from pianoalign.tool.own import WAYS, judge_recordings, judged_table
from pianoalign.report.plots import synthesise
from test_align_cli import command


@pytest.fixture
def pieces(tmp_path):
    "Two pieces of six seconds; the second as FLAC at another rate, in stereo."
    for k, (name, ending, rate_hz) in enumerate((("one", "wav", 16000), ("two", "flac", 44100))):
        onset_s = 0.3 + 0.2 * np.arange(26)
        rng = np.random.default_rng(k)
        notes = Notes.from_arrays(onset_s, onset_s + 0.19, rng.integers(50, 80, 26))
        folder = tmp_path / "mine" / name
        folder.mkdir(parents=True)
        sound = synthesise(notes, rate_hz, n_samples=6 * rate_hz)
        soundfile.write(
            folder / f"audio.{ending}", np.stack([sound, sound], 1) if k else sound, rate_hz
        )
        write_midi(notes, folder / "performance.mid")
        write_midi(jitter_notes(notes, rng), folder / "score.mid")
    return tmp_path / "mine"


def test_every_method_on_the_same_notes(pieces):
    seen = []
    errors = judge_recordings(pieces, progress=seen.append)
    assert tuple(errors) == WAYS and seen == ["one", "two"]
    assert {
        way: {p: len(e) for p, e in found.items()} for way, found in errors.items()
    } == dict.fromkeys(WAYS, {"one": 26, "two": 26})
    table = judged_table(errors).set_index("method")
    assert (
        (table.notes == 52).all()
        and (table.pieces == 2).all()
        and table.within_10_pct_lo.notna().all()
    )
    assert table.mean_ms["unaligned"] == pytest.approx(
        1000 * np.abs(np.concatenate(list(errors["unaligned"].values()))).mean()
    )
    assert table.median_ms["crnn_high_resolution"] < table.median_ms["unaligned"] / 2


def test_the_command_writes_what_it_prints(pieces, tmp_path, capsys):
    command("judge", pieces, "-o", tmp_path / "table.csv")
    said = capsys.readouterr()
    table = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert (
        "52 notes, 2 recordings" in said.out
        and f"{table.within_10_pct['dtw_crnn']:.1f} [" in said.out
        and "aligning one" in said.err
    )
    command("judge", pieces, "-o", tmp_path / "table.csv", ok=2)  # nothing is replaced unasked
    assert "--force" in capsys.readouterr().err
    command("judge", pieces, "-o", tmp_path / "other.csv", "--quiet")
    assert (
        capsys.readouterr() == ("", "")
        and (tmp_path / "other.csv").read_bytes() == (tmp_path / "table.csv").read_bytes()
    )


def test_a_single_recording_has_no_interval(pieces, capsys):
    import shutil

    shutil.rmtree(pieces / "two")
    command("judge", pieces)
    said = capsys.readouterr().out
    assert "26 notes, 1 recording\n" in said and "[" not in said


@pytest.mark.parametrize(
    "damage, word",
    [
        (lambda f: (f / "two" / "score.mid").unlink(), "score.mid"),
        (lambda f: (f / "two" / "performance.mid").unlink(), "performance.mid"),
        (lambda f: (f / "two" / "audio.flac").unlink(), "two"),
        (lambda f: (f / "two" / "audio.flac").write_bytes(b"no sound"), "audio.flac"),
        (
            lambda f: write_midi(Notes.from_arrays([1.0], [2.0], [60]), f / "two" / "score.mid"),
            "score.mid",
        ),
    ],
)
def test_what_is_missing_or_damaged_is_named_before_any_work(
    pieces, tmp_path, capsys, damage, word
):
    damage(pieces)
    command("judge", pieces, "-o", tmp_path / "table.csv", ok=2)
    said = capsys.readouterr().err
    assert word in said and said.count("\n") == 1 and not (tmp_path / "table.csv").exists()


def test_a_folder_without_recordings(tmp_path):
    with pytest.raises(InputError, match="one folder a piece"):
        judge_recordings(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        judge_recordings(tmp_path / "nowhere")


def test_a_cut_recording_is_said(pieces, capsys):
    whole = (pieces / "one" / "audio.wav").read_bytes()
    (pieces / "one" / "audio.wav").write_bytes(whole[: len(whole) * 9 // 10])
    command("judge", pieces)
    said = capsys.readouterr()
    assert "audio.wav: only 5.4 s of the 6.0 s" in said.err and said.err.count("only") == 1
    assert "52 notes, 2 recordings" in said.out


def test_a_header_that_claims_hours_is_judged_by_its_bytes(pieces):
    "Nothing is reserved for what a header claims."
    import struct

    path = pieces / "one" / "audio.wav"
    data = path.read_bytes()
    at = data.index(b"data") + 4
    path.write_bytes(data[:at] + struct.pack("<I", 0xFFFFFFF0) + data[at + 4 :])
    with pytest.warns(UserWarning, match="can be read; copy it again"):
        errors = judge_recordings(pieces)
    assert {len(e) for e in errors["crnn"].values()} == {26}
