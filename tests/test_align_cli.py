"The command line on files that are as they should be: what comes out, what is kept, what is said."

import csv, doctest, json, os, shutil, signal, subprocess, sys
from pathlib import Path

import mido
import numpy as np
import pytest

from pianoalign.notes import Notes
from pianoalign.midi import read_midi, write_midi
from waiting import HANG_S


def command(*words, ok=0):
    "Run the command in this process; its exit code must be `ok`."
    from pianoalign.tool.cli import main

    with pytest.raises(SystemExit) as leaving:
        main([str(w) for w in words])
    assert (leaving.value.code or 0) == ok
    return leaving.value.code or 0


def align_words(piece, out, weights, audio="piece.wav", midi="piece.mid"):
    "The words of `align` for the fixture's piece; another recording or file by its whole path."
    return ["align", piece[0] / audio, piece[0] / midi, "-o", out, "--weights", weights]


def everything_but_times(path):
    return [sorted(str(m.copy(time=0)) for m in track) for track in mido.MidiFile(path).tracks]


def test_the_same_notes_and_events_come_out(piece, untrained, tmp_path, capsys):
    folder, _ = piece
    command(
        *align_words(piece, tmp_path / "out.mid", untrained[0]), "--report", tmp_path / "out.csv"
    )
    said = capsys.readouterr()
    assert (
        "40 notes" in said.out
        and "matched" in said.out
        and "out.mid" in said.out
        and "decoding paper" in said.out
    )
    assert everything_but_times(folder / "piece.mid") == everything_but_times(tmp_path / "out.mid")
    rows = list(csv.DictReader(open(tmp_path / "out.csv")))
    before, after = read_midi(folder / "piece.mid").notes, read_midi(tmp_path / "out.mid").notes
    assert [int(r["id"]) for r in rows] == list(range(40)) and [
        int(r["pitch"]) for r in rows
    ] == before.pitch.tolist()
    assert {r["matched"] for r in rows} <= {"yes", "no"}
    np.testing.assert_allclose(
        [float(r["onset_before_s"]) for r in rows], before.onset_s, atol=1e-6
    )
    reported = sorted(
        (int(r["pitch"]), float(r["onset_after_s"]), float(r["offset_after_s"])) for r in rows
    )
    written = sorted(zip(after.pitch.tolist(), after.onset_s, after.offset_s))
    np.testing.assert_allclose(reported, written, atol=3e-4)
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "out.mid"]


def test_twice_the_same_bytes(piece, untrained, tmp_path):
    for name in ("a", "b"):
        command(*align_words(piece, tmp_path / f"{name}.mid", untrained[1]))
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_the_example_of_align_runs(piece, tmp_path, monkeypatch):
    from pianoalign.tool import aligner

    for name, called in (("piece.wav", "recording.wav"), ("piece.mid", "piece.mid")):
        shutil.copy(piece[0] / name, tmp_path / called)
    monkeypatch.chdir(tmp_path)
    tried = doctest.DocTestRunner().run(doctest.DocTestFinder().find(aligner.align)[0])
    assert tried.attempted == 5 and tried.failed == 0
    assert (tmp_path / "aligned.mid").exists()


def test_nothing_is_replaced_unless_forced(piece, untrained, tmp_path, capsys):
    words = ["align", piece[0] / "piece.wav", piece[0] / "piece.mid", "--weights", untrained[0]]
    (tmp_path / "out.mid").write_bytes(b"mine")
    command(*words, "-o", tmp_path / "out.mid", ok=2)
    assert (
        "exists already" in capsys.readouterr().err
        and (tmp_path / "out.mid").read_bytes() == b"mine"
    )
    (tmp_path / "out.csv").write_bytes(b"mine")
    command(*words, "-o", tmp_path / "new.mid", "--report", tmp_path / "out.csv", ok=2)
    assert not (tmp_path / "new.mid").exists() and (tmp_path / "out.csv").read_bytes() == b"mine"
    command(*words, "-o", tmp_path / "out.mid", "--report", tmp_path / "out.csv", "--force")
    assert (tmp_path / "out.mid").read_bytes()[:4] == b"MThd"


@pytest.fixture
def oracle(monkeypatch, piece):
    "The network's place is taken by one that knows the truth."
    from pianoalign.tool import aligner
    from pianoalign.decoding import Heard
    from pianoalign.preprocessing import piano_roll
    from pianoalign.targets import onset_target

    n_frames = 1200
    answer = Heard.of(piano_roll(piece[1], n_frames), onset_target(piece[1], n_frames, 100))
    monkeypatch.setattr(aligner, "ask", lambda *args: answer)


@pytest.mark.parametrize(
    "decoding, mean_ms, largest_ms", [("paper", 1.0, 5.4), ("high-resolution", 0.1, 0.5)]
)
def test_click_test_of_the_whole_chain(
    piece, untrained, tmp_path, oracle, decoding, mean_ms, largest_ms, capsys
):
    folder, truth = piece
    write_midi(truth, tmp_path / "truth.mid")
    command(*align_words(piece, tmp_path / "out.mid", untrained[1]), "--decoding", decoding)
    assert f"decoding {decoding}" in capsys.readouterr().out
    command("evaluate", tmp_path / "truth.mid", tmp_path / "out.mid", "--json")
    values = json.loads(capsys.readouterr().out)
    assert values["notes"] == 40 and abs(values["signed_median_ms"]) < 2 * mean_ms
    found = read_midi(tmp_path / "out.mid").notes
    a, b = (x[np.lexsort((x.onset_s, x.pitch))] for x in (truth, found))
    error_ms = 1000 * (b.onset_s - a.onset_s)
    assert abs(error_ms.mean()) < mean_ms and np.abs(error_ms).max() < largest_ms


def test_auto_takes_the_onset_head_where_there_is_one(piece, untrained, tmp_path, capsys):
    for k, decoding in enumerate(("paper", "high-resolution")):
        command(*align_words(piece, tmp_path / f"{k}.mid", untrained[k]))
        assert f"decoding {decoding}" in capsys.readouterr().out


def test_a_missing_shipped_network_is_said(piece, tmp_path, monkeypatch, capsys):
    import pianoalign

    monkeypatch.setattr(pianoalign, "__file__", str(tmp_path / "pianoalign" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.ini").write_text("lib_name = pianoalign\n")
    (tmp_path / "nbs").mkdir()
    command(
        "align", piece[0] / "piece.wav", piece[0] / "piece.mid", "-o", tmp_path / "out.mid", ok=2
    )
    assert "pianoalign train crnn" in capsys.readouterr().err
    for age, name in enumerate(("crnn-aaaaaaaa", "crnn_blind-bbbbbbbb", "crnn-cccccccc")):
        (tmp_path / "results" / "demo" / "runs" / name / "checkpoint").mkdir(parents=True)
        (
            tmp_path / "results" / "demo" / "runs" / name / "checkpoint" / "weights.safetensors"
        ).write_text("")
        os.utime(
            tmp_path / "results" / "demo" / "runs" / name / "checkpoint" / "weights.safetensors",
            (age, age),
        )
    from pianoalign.tool.aligner import default_weights

    assert default_weights().parent.name == "crnn-cccccccc"


def test_dtw(piece, tmp_path, capsys):
    pytest.importorskip("pianoalign.baselines")
    command(
        "align",
        piece[0] / "piece.wav",
        piece[0] / "piece.mid",
        "-o",
        tmp_path / "out.mid",
        "--method",
        "dtw",
    )
    assert "method dtw" in capsys.readouterr().out
    assert len(read_midi(tmp_path / "out.mid").notes) == 40
    assert everything_but_times(piece[0] / "piece.mid") == everything_but_times(
        tmp_path / "out.mid"
    )


def test_dtw_comes_before_the_network(piece, untrained, tmp_path, monkeypatch, oracle):
    "Three seconds late, out of the network's reach; after DTW (one that knows the lag) within it."
    baselines = pytest.importorskip("pianoalign.baselines")
    folder, truth = piece
    loose = read_midi(folder / "piece.mid").notes
    write_midi(loose.shifted(3.0), tmp_path / "late.mid")
    monkeypatch.setattr(
        baselines, "dtw_align", lambda samples, rate_hz, notes, *a, **k: notes.shifted(-3.0)
    )
    words = ["align", folder / "piece.wav", tmp_path / "late.mid", "--weights", untrained[1]]
    command(*words, "-o", tmp_path / "alone.mid")
    command(*words, "-o", tmp_path / "both.mid", "--method", "dtw+crnn")
    for name, within in (("alone", False), ("both", True)):
        found = read_midi(tmp_path / f"{name}.mid").notes
        a, b = (x[np.lexsort((x.onset_s, x.pitch))] for x in (truth, found))
        assert (np.abs(b.onset_s - a.onset_s).max() < 0.001) == within


def test_in_python(piece, untrained, tmp_path):
    from pianoalign import align

    result = align(piece[0] / "piece.wav", piece[0] / "piece.mid", weights=untrained[0])
    assert len(result.notes_before) == len(result.notes_after) == len(result.matched) == 40
    assert (
        np.isfinite(result.notes_after.onset_s).all()
        and (result.notes_after.offset_s > result.notes_after.onset_s).all()
    )
    assert "40 notes" in repr(result)


def test_importing_the_package_loads_no_pytorch():
    code = (
        "import pianoalign, sys\n"
        "assert pianoalign.__version__ and not {'torch', 'numpy'} & set(sys.modules)\n"
        "import pianoalign.tool.cli, pianoalign.__main__\n"
        "assert not {'torch', 'numpy', 'librosa'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "pianoalign", "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("pianoalign ")


@pytest.mark.parametrize(
    "words", [[], ["align"], ["align-all"], ["evaluate"], ["train"], ["reproduce"]]
)
def test_help(words, capsys):
    command(*words, "--help")
    said = capsys.readouterr().out
    assert "Usage: pianoalign" in said and ("Exit codes: 0 done" in said) == (
        words[:1] in (["align"], ["align-all"])
    )
    assert "..." not in said.partition("Commands:")[2]  # each sentence has room for all of it


def test_evaluate(tmp_path, capsys):
    notes = Notes.from_arrays(np.arange(1, 11.0), np.arange(1, 11.0) + 0.5, np.arange(60, 70))
    write_midi(notes, tmp_path / "a.mid")
    errors_s = np.array([0.004, -0.004, 0.02, -0.02, 0.04, 0.04, 0.08, -0.08, 0.2, 0.0])
    write_midi(notes.at_times(notes.onset_s + errors_s, notes.offset_s), tmp_path / "b.mid")
    command("evaluate", tmp_path / "a.mid", tmp_path / "b.mid", "--json")
    values = json.loads(capsys.readouterr().out)
    assert [values[f"within_{t}_pct"] for t in (100, 50, 25, 10)] == [90, 70, 50, 30]
    np.testing.assert_allclose([values["mean_ms"], values["notes"]], [48.8, 10], atol=0.1)
    command("evaluate", tmp_path / "a.mid", tmp_path / "b.mid")
    assert "10 notes" in capsys.readouterr().out


def test_interrupted_while_writing(piece, untrained, tmp_path, monkeypatch, capsys):
    def stop(path, data):
        with open(path, "wb") as file:
            file.write(data[:4])
        raise KeyboardInterrupt

    (tmp_path / "out.mid").write_bytes(b"mine")
    monkeypatch.setattr(Path, "write_bytes", stop)
    command(*align_words(piece, tmp_path / "out.mid", untrained[0]), "--force", ok=130)
    assert (tmp_path / "out.mid").read_bytes() == b"mine" and os.listdir(tmp_path) == ["out.mid"]
    assert capsys.readouterr().err.count("\n") == 1


def test_ctrl_c(piece, untrained, tmp_path):
    "A real signal to a real process, sent when it has said that it is at work."
    code = (
        "import sys, time, pianoalign.tool.aligner as a, pianoalign.tool.cli as c\n"
        "def slow(*args): print('at work', flush=True); time.sleep(600)\n"
        "a.ask = slow\nc.main(sys.argv[1:])"
    )
    words = [
        *align_words(piece, tmp_path / "out.mid", untrained[0]),
        "--report",
        tmp_path / "out.csv",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # whoever started the tests may ignore it
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=HANG_S)[1]
    assert process.returncode == 130 and said.count("\n") == 1 and os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "words, says",
    [
        (["train", "crn"], "did you mean 'crnn'"),
        (["train", "crnn", "--tier", "huge"], "tier"),
        (["reproduce", "--tier", "huge"], "tier"),
        (["reproduce", "--only", "table9", "--tier", "smoke"], "table9"),
    ],
)
def test_an_unknown_run_tier_or_table_ends_in_one_sentence(words, says, capsys):
    command(*words, ok=2)
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
