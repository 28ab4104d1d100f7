"Files that are not what their names say, lists and tables of other programs, and homes."

import gzip, os, shutil, zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pianoalign.files import InputError
from pianoalign.midi import read_midi, write_midi
from pianoalign.recordings import Facts, open_mono
from test_align_cli import command

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
MUSICXML = (
    b'<?xml version="1.0"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "x">\n'
    b'<score-partwise version="3.1"></score-partwise>'
)
QUICK = ["--method", "dtw"]  # loads no network


@pytest.fixture
def here(piece, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")  # no ffmpeg
    for name in ("piece.wav", "piece.mid"):
        shutil.copy(piece[0] / name, name)
    return tmp_path


def packed():
    with zipfile.ZipFile("packed.zip", "w") as archive:
        archive.write("piece.mid")
    return Path("packed.zip").read_bytes()


NOT_MUSIC = [  # bytes, what they are said to be, what is said to be done
    (lambda: LFS, "a pointer of Git LFS", "git lfs pull"),
    (lambda: b"\xef\xbb\xbf<!DOCTYPE HTML><title>404</title>", "a page of the web", "download"),
    (packed, "an archive", "unpack"),
    (lambda: gzip.compress(b"MThd"), "compressed by gzip", "unpack"),
    (lambda: b"%PDF-1.7", "a PDF", "notes"),
    (lambda: MUSICXML, "a score in MusicXML", ".musicxml"),
]


@pytest.mark.parametrize("made, what, remedy", NOT_MUSIC, ids=[row[1] for row in NOT_MUSIC])
def test_files_that_are_something_else_are_called_by_their_name(here, capsys, made, what, remedy):
    for name in ("take.wav", "notes.mid"):
        Path(name).write_bytes(made())
    for words in (["take.wav", "piece.mid"], ["piece.wav", "notes.mid"]):
        command("align", *words, "out.mid", *QUICK, ok=2)
        said = capsys.readouterr().err
        assert what in said and remedy in said and said.count("\n") == 1
    assert not Path("out.mid").exists()


def test_swapped_words_are_said(here, capsys):
    command("align", "piece.mid", "piece.wav", "out.mid", ok=2)
    assert "piece.wav: not a MIDI file but a recording" in capsys.readouterr().err
    command("align", "piece.mid", "piece.mid", "out.mid", ok=2)
    assert "it is a MIDI file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["junk.mp3", "junk.wav", "junk.raw", "junk.ogg"])
def test_what_the_decoder_says_is_true_and_names_no_folder(here, name):
    Path(name).write_bytes(b"junk" * 300)
    with pytest.raises(InputError) as refused:
        open_mono(name, Facts())
    said = str(refused.value)
    assert "does not exist" not in said and str(here) not in said and "b'" not in said


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize(
    "words, says",
    [
        (["loop.wav", "piece.mid", "out.mid"], "loop.wav does not exist"),
        (["piece.wav", "loop.mid", "out.mid"], "loop.mid: no such file"),
        (["piece.wav", "piece.mid", "loop.mid"], "loop.mid: is a link that leads back to itself"),
    ],
)
def test_links_in_a_circle_are_said(here, capsys, words, says):
    for name in ("loop.wav", "loop.mid"):
        os.symlink(name, name)
    command("align", *words, *QUICK, "--force", ok=2)
    assert says in capsys.readouterr().err
    assert os.path.islink("loop.mid") and not Path("out.mid").exists()


@pytest.mark.parametrize("words, which", [(["", "piece.mid"], 2), (["piece.wav", "", "--out="], 3)])
def test_a_word_that_is_empty_is_said(here, capsys, words, which):
    "As a shell makes it of a variable that has no value; it is not the folder one stands in."
    command("align", *words, ok=2)
    assert f"word {which} of the command is empty" in capsys.readouterr().err


def test_one_note_is_no_notes(here, capsys):
    write_midi(read_midi("piece.mid").notes[[0]], "one.mid")
    command("align", "piece.wav", "one.mid", "out.mid", *QUICK)
    assert capsys.readouterr().out.startswith("1 note: 1 matched (100.0 %)")
    command("evaluate", "one.mid", "one.mid")
    assert capsys.readouterr().out.startswith("1 note\n")


def test_what_became_of_one_note_is_told_in_the_singular(here):
    from dataclasses import replace

    from pianoalign import align
    from pianoalign.decoding import NOT_HEARD

    result = align("piece.wav", "piece.mid", method="dtw")
    status = np.where(np.arange(40) == 3, NOT_HEARD, result.status)
    confidence = np.where(np.arange(40) == 3, 0.1, 0.9)
    said = replace(result, method="hires", status=status, confidence=confidence).summary()
    assert "1 not heard (left where it was)" in said and "1 is doubtful" in said


def test_a_recording_with_an_ending_that_says_nothing(here):
    "soundfile takes .raw for samples without a header, whatever the bytes say."
    for name in ("take.raw", "take", "take.wav.part"):
        shutil.copy("piece.wav", name)
        rate_hz, blocks = open_mono(name, Facts())
        assert sum(map(len, blocks)) == soundfile.info("piece.wav").frames


def test_pipes_and_addresses_are_no_recordings(here, capsys):
    for word, says in (("-", "pipe"), ("https://example.org/a.wav", "download")):
        command("align", word, "piece.mid", "out.mid", ok=2)
        assert says in capsys.readouterr().err


def test_not_a_note_within_the_recording_is_doubtful(here):
    from dataclasses import replace

    from pianoalign import align
    from pianoalign.tool.aligner import sureness, with_remarks
    from pianoalign.tool.results import NOT_IN_AUDIO

    result = align("piece.wav", "piece.mid", method="dtw")
    assert not result.doubtful
    beyond = replace(result, method="hires", status=np.full(40, NOT_IN_AUDIO))
    assert beyond.doubtful and sureness(beyond) == 0  # so that a search is tried
    said = " ".join(with_remarks(beyond).remarks)
    assert "hardly anything was recognised; is it this recording" in said and "nan" not in said


def test_offsets_and_weights_that_are_none(here, capsys):
    for words, says in (
        (["--offset", "nan"], "no number"),
        (["--weights", "mpas"], "Did you mean maps?"),
    ):
        command("align", "piece.wav", "piece.mid", "out.mid", *words, ok=2)
        assert says in capsys.readouterr().err


def test_quiet_is_stronger_than_verbose(here, capsys):
    command("align", "piece.wav", "piece.mid", "out.mid", *QUICK, "--quiet", "--verbose")
    assert capsys.readouterr() == ("", "")


def test_a_home_is_found_where_no_shell_says_so(here, monkeypatch, capsys):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(here))
    command("align", "~/piece.wav", "~/piece.mid", "--out=~/out.mid", *QUICK)
    assert len(read_midi(here / "out.mid").notes) == 40
    Path("~").mkdir()  # an existing path is itself
    shutil.copy("piece.mid", "~/other.mid")
    command("evaluate", "piece.mid", "~/other.mid")
    assert "40 notes" in capsys.readouterr().out


# ---- lists of pairs ----

TABLES = [  # text, encoding
    ("audio\tmidi\r\npiece.wav\tpiece.mid\r\n", "utf-16"),  # Excel's "Unicode text"
    ("Recording;Score\r\npiece.wav;piece.mid\r\n", "utf-8-sig"),
    ("sep=;\r\nRecording;Score\r\npiece.wav;piece.mid\r\n", "utf-8-sig"),  # for Excel
    ("sep=\t\npiece.wav\tpiece.mid\n", "utf-8"),
    ("midi,audio\npiece.mid,piece.wav\n", "utf-8"),
    ("id,split,midi_filename,audio_filename\n1,test,piece.mid,piece.wav\n", "utf-8"),
    ("audio,midi,out\npiece.wav,piece.mid\n", "utf-8"),
    ("piece.wav,piece.mid,\n", "utf-8"),
    ("sub\\take.wav,piece.mid\n", "utf-8"),  # written on Windows
]


@pytest.mark.parametrize("text, code", TABLES)
def test_lists_of_pairs_as_other_programs_write_them(here, capsys, text, code):
    Path("sub").mkdir()
    shutil.copy("piece.wav", "sub/take.wav")
    Path("pairs.csv").write_bytes(text.encode(code))
    command("align-all", "--pairs", "pairs.csv", "-o", "out", *QUICK)
    assert capsys.readouterr().out.endswith("1 pair: 1 aligned\n")
    assert [p.name for p in Path("out").iterdir()] == ["piece.mid"]


@pytest.mark.parametrize(
    "text, says",
    [
        ("audio,thing\npiece.wav,piece.mid\n", "its first line names no column midi"),
        ("piece.wav,piece.mid,one,more\n", "line 1 names no pair"),
        ("audio,midi\npiece.wav\n", "line 2 names no pair"),
    ],
)
def test_lists_that_name_no_pairs(here, capsys, text, says):
    Path("pairs.csv").write_text(text)
    command("align-all", "--pairs", "pairs.csv", "-o", "out", *QUICK, ok=2)
    assert says in capsys.readouterr().err and not Path("out").exists()


@pytest.mark.parametrize(
    "words, says",
    [
        (["empty"], "no recordings and no MIDI files there; name both"),
        (["piece.wav"], "1 recording and no MIDI files there; name both"),
        (["piece.wav", "other.mid"], "1 recording and 1 MIDI file, but none of the same stem"),
        (["deep"], "with --recursive"),
    ],
)
def test_why_there_is_no_pair(here, capsys, words, says):
    Path("empty").mkdir()
    Path("deep/in").mkdir(parents=True)
    shutil.copy("piece.mid", "other.mid")
    command("align-all", *words, "-o", "out", ok=2)
    assert says in capsys.readouterr().err


def test_a_dry_run_says_what_is_missing(here, capsys):
    Path("set.csv").write_text("audio,midi\npiece.wav,gone.mid\ngone.wav,piece.mid\n")
    command("align-set", "set.csv", "-o", "out", "--dry-run", ok=1)
    said = capsys.readouterr()
    assert "2 pairs to do" in said.out and not Path("out").exists()
    assert "gone.mid does not exist" in said.err and "gone.wav does not exist" in said.err


def test_judge_asks_for_a_folder_before_it_loads_anything(here, capsys):
    command("judge", "piece.mid", ok=2)
    assert "name one that holds a folder for each piece" in capsys.readouterr().err


# ---- from Python ----


def test_samples_that_are_none(here):
    from pianoalign import align

    for nothing in (np.zeros(0), np.zeros((0, 2)), []):
        with pytest.raises(InputError, match="no samples"):
            align((nothing, 16000), "piece.mid")


def test_loudness_from_0_to_1_is_a_velocity(here):
    "As libfmp, synctoolbox and layers write it; whole numbers stay what they are."
    import pandas as pd
    from pianoalign.tool.exchange import notes_of_table
    from pianoalign.tool.tables import notes_of_file

    columns = dict(start=[1.0, 2.0], end=[1.5, 2.5], pitch=[60, 62])
    table = pd.DataFrame(columns | dict(velocity=[0.5, 1.0]))
    assert notes_of_table(table).velocity.tolist() == [64, 127]
    table.to_csv("notes.csv", index=False)
    assert notes_of_file("notes.csv").velocity.tolist() == [64, 127]
    table = pd.DataFrame(columns | dict(velocity=[1, 1]))
    assert notes_of_table(table).velocity.tolist() == [1, 1]
