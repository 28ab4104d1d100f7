"""The aligner with the weights that ship.

Seams, memory, lags, confidence, noise, batches, and what is written beside the MIDI file."""

import csv, io, json, os, subprocess, sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pianoalign.tool.aligner import align, default_weights, open_engine
from pianoalign.decoding import decode, MATCHED, NOT_HEARD, WITH_NEIGHBOURS
from pianoalign.tool.calibration import click_in_silence, speech_like, white_noise
from pianoalign.tool.confidence import load_confidence
from pianoalign.datasets import jitter_notes, load_corpus
from pianoalign.recordings import Facts, stream_audio
from pianoalign.tool.presence import NOT_PLAYED
from pianoalign.tool.listening import file_offset, hear, listen_to, Walker
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.midi import read_midi, write_midi
from pianoalign.preprocessing import load_audio, spectrogram
from short_piece import program, RATE_HZ
from test_align_cli import command

CORPUS = Path(__file__).resolve().parent.parent / "corpus"


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    "A minute of the demo corpus's test split, with its notes, and a loose MIDI file."
    folder = tmp_path_factory.mktemp("recording")
    r = load_corpus("demo", CORPUS, ("test",))[0]
    samples = load_audio(r.audio)[: 60 * RATE_HZ]
    truth = r.reference[r.reference.in_range() & (r.reference.onset_s < 59)].sorted()
    loose = jitter_notes(truth, np.random.default_rng(0))
    soundfile.write(folder / "piece.wav", samples, RATE_HZ, subtype="PCM_16")
    write_midi(loose, folder / "piece.mid")
    return folder, samples, truth


def onsets(path):
    notes = read_midi(path).notes
    return notes.onset_s[np.lexsort((notes.onset_s, notes.pitch))]


def test_the_shipped_weights_are_calibrated():
    assert load_confidence(default_weights()) is not None, (
        "run python workflow/calibrate.py pianoalign/weights/maps --corpus corpus"
    )
    test = load_confidence(default_weights()).made["test"]
    assert test["calibration_error_pct"] < 4 and abs(test["said_pct"] - test["within_25_pct"]) < 4
    kept = [k["within_25_pct"] for k in test["kept"]]
    assert kept[-1] >= kept[0] and test["within_25_pct"] > test["before_within_25_pct"]


# ---- any length ----


def test_windows_move_no_note(recording, monkeypatch):
    "No note moves by more than a millisecond, wherever the sound and the network are cut."
    import pianoalign.tool.listening as listening

    folder, samples, truth = recording
    engine, rng, given = (
        open_engine(device="cpu"),
        np.random.default_rng(5),
        read_midi(recording[0] / "piece.mid").notes,
    )
    cut, seen = listening.pieces_of, []

    def in_pieces_of(frames):
        "The recording's image, made in pieces of so many frames."
        monkeypatch.setattr(
            listening,
            "pieces_of",
            lambda blocks, hop_smp: (
                seen.append(frames) or piece for piece in cut(blocks, hop_smp, frames)
            ),
        )
        return listen_to(folder / "piece.wav")[0]

    whole = in_pieces_of(10**6)
    n = len(whole)
    assert (
        len(seen) == 1 and np.percentile(np.abs(whole - spectrogram(samples)), 99) < 0.05
    )  # what training saw, all but its quietest corners
    one = hear(
        Walker(engine.walker.network, window_frames=n, context_frames=0),
        engine.experiment.audio,
        whole,
        given,
        n,
        workers=1,
    )
    expected = decode(given, one, image=whole, model=engine.confidence).notes.onset_s
    for window in (None, *rng.integers(400, 2500, 3)):
        pieces = in_pieces_of(int(rng.integers(500, 3000)))
        assert len(pieces) == n
        walker = (
            engine.walker
            if window is None
            else Walker(engine.walker.network, window_frames=int(window))
        )
        many = hear(walker, engine.experiment.audio, pieces, given, n)
        found = decode(given, many, image=pieces, model=engine.confidence).notes
        moved_ms = 1000 * np.abs(found.onset_s - expected)
        assert moved_ms.max() <= 1, f"windows of {window}: {moved_ms.max():.2f} ms"
    assert len(seen) > 8


def test_blocks_of_a_file_are_the_file(tmp_path, monkeypatch):
    "Resampled block by block: as many samples, and the same ones, wherever the blocks end."
    import pianoalign.recordings as recordings

    rng = np.random.default_rng(0)
    for rate_hz in (11_025, 44_100, 48_000, 88_200):
        soundfile.write(
            tmp_path / "a.wav",
            0.1 * rng.standard_normal((rate_hz * 9 + 123, 2)),
            rate_hz,
            subtype="FLOAT",
        )
        whole = load_audio(tmp_path / "a.wav", 16_000)
        for block in (rng.integers(500, 5000), 100_003):
            monkeypatch.setattr(recordings, "BLOCK_FRAMES", int(block))
            streamed = np.concatenate(list(stream_audio(tmp_path / "a.wav", 16_000, Facts())))
            assert len(streamed) == len(whole)
            np.testing.assert_allclose(streamed, whole, atol=1e-5)


LONG = """
import resource, sys, time
from pianoalign.tool.cli import main
try: main(["align", *sys.argv[1:], "--force", "--quiet"])
except SystemExit as e: code = e.code or 0
try:  # ru_maxrss would count the process that started this one
    peak_kib = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
except OSError:
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_kib /= 1024 if sys.platform == "darwin" else 1
print(code, peak_kib / 1024)
"""


def peak_mib(minutes, folder, recording):
    "Peak memory of the whole command on so many minutes of stereo at 44.1 kHz."
    _, samples, truth = recording
    minute = np.repeat(
        np.interp(
            np.arange(0, len(samples) - 1, RATE_HZ / 44_100), np.arange(len(samples)), samples
        )[:, None],
        2,
        1,
    )
    with soundfile.SoundFile(folder / "long.flac", "w", 44_100, 2) as f:
        for _ in range(minutes):
            f.write(minute)
    part_s = len(minute) / 44_100
    column = lambda name, step: np.concatenate(
        [getattr(truth, name) + k * step for k in range(minutes)]
    )
    notes = Notes.from_arrays(
        column("onset_s", part_s), column("offset_s", part_s), column("pitch", 0)
    )
    write_midi(jitter_notes(notes, np.random.default_rng(1)), folder / "long.mid")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LONG,
            folder / "long.flac",
            folder / "long.mid",
            "-o",
            folder / "out.mid",
            "--report",
            folder / "out.csv",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    code, mib = done.stdout.split()
    assert code == "0", done.stderr
    return float(mib)


def test_memory_stays_small(recording, tmp_path):
    "Six minutes, held whole, would take another 300 MiB; benchmarks/long.py measures the hour."
    peak_mib(1, tmp_path, recording)  # a first call may take more
    assert peak_mib(6, tmp_path, recording) < 768


# ---- the beginning of both files ----


@pytest.mark.parametrize("late_s", [-1.8, -0.6, 0.3, 1.9])
def test_a_lag_is_found(recording, tmp_path, late_s, capsys):
    folder, samples, truth = recording
    silence = np.zeros(int(2.5 * RATE_HZ))
    soundfile.write(
        tmp_path / "a.wav",
        np.concatenate([silence, samples[: 30 * RATE_HZ]]),
        RATE_HZ,
        subtype="PCM_16",
    )
    truth = truth[truth.onset_s < 29].shifted(2.5)
    loose = jitter_notes(truth.shifted(-late_s), np.random.default_rng(2))
    write_midi(loose, tmp_path / "a.mid")
    write_midi(truth, tmp_path / "truth.mid")
    result = align(
        tmp_path / "a.wav", tmp_path / "a.mid", tmp_path / "out.mid", report=tmp_path / "out.json"
    )
    assert abs(result.offset_s - late_s) < 0.06 and "than the MIDI file" in result.summary()
    assert (
        np.mean(np.abs(onsets(tmp_path / "out.mid") - onsets(tmp_path / "truth.mid")) <= 0.05) > 0.6
    )
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["offset_s"] == result.offset_s
    assert align(tmp_path / "a.wav", tmp_path / "a.mid", offset="none").offset_s == 0
    assert align(tmp_path / "a.wav", tmp_path / "a.mid", offset=f"{late_s}").offset_s == late_s


def test_no_lag_is_invented():
    "Six pieces whose files begin together, loosened: nothing is moved as a whole."
    for k, r in enumerate(load_corpus("demo", CORPUS, ("valid",))[:6]):
        image = spectrogram(load_audio(r.audio)[: 40 * RATE_HZ])
        notes = jitter_notes(r.reference[r.reference.onset_s < 39], np.random.default_rng(k))
        found = file_offset(image, notes)
        assert not found.certain, f"{r.id}: {found}"


# ---- confidence ----


def sounds():
    n, rng = 25 * RATE_HZ, np.random.default_rng(11)
    noise_then_silence = white_noise(n, rng, 0.03) * (np.arange(n) < n // 3)
    return {
        "white_noise": white_noise(n, rng, 0.1),
        "quiet_noise": white_noise(n, rng, 0.002),
        "speech": speech_like(n, rng),
        "click": click_in_silence(n, rng),
        "noise_then_silence": noise_then_silence.astype(np.float32),
        "hum": (0.2 * np.sin(2 * np.pi * 50 / RATE_HZ * np.arange(n))).astype(np.float32),
    }


@pytest.mark.parametrize("sound", sounds())
def test_nothing_is_heard_where_nothing_is_played(recording, tmp_path, sound, capsys):
    "At least 95 % of the notes are `not heard` and stay; the exit code says so."
    soundfile.write(tmp_path / "a.wav", sounds()[sound], RATE_HZ, subtype="PCM_16")
    before = read_midi(recording[0] / "piece.mid").notes
    write_midi(before[before.onset_s < 24], tmp_path / "a.mid")
    command(
        "align",
        tmp_path / "a.wav",
        tmp_path / "a.mid",
        "-o",
        tmp_path / "out.mid",
        "--report",
        tmp_path / "out.csv",
        ok=3,
    )
    rows = list(csv.DictReader(open(tmp_path / "out.csv")))
    unmoved = [r["status"] == NOT_HEARD and abs(float(r["shift_ms"])) < 0.01 for r in rows]
    assert np.mean(unmoved) >= 0.95, f"{100 * np.mean(unmoved):.1f} %"
    assert np.mean([float(r["confidence"]) for r in rows]) < 0.05
    assert "is it this recording" in capsys.readouterr().err


def test_another_piece_is_doubted(recording, tmp_path, capsys):
    others = load_corpus("demo", CORPUS, ("test",))[1:5]
    for r in others:
        notes = r.reference[r.reference.onset_s < 55]
        write_midi(notes, tmp_path / "other.mid")
        command(
            "align",
            recording[0] / "piece.wav",
            tmp_path / "other.mid",
            "-o",
            tmp_path / "out.mid",
            "--force",
            ok=3,
        )
        assert "is it this recording" in capsys.readouterr().err


def test_the_right_piece_is_not_doubted(recording, tmp_path):
    folder, _, truth = recording
    write_midi(truth, tmp_path / "truth.mid")
    command(
        "align",
        folder / "piece.wav",
        folder / "piece.mid",
        "-o",
        tmp_path / "out.mid",
        "--report",
        tmp_path / "out.csv",
    )
    table = sorted(
        csv.DictReader(open(tmp_path / "out.csv")),
        key=lambda r: (int(r["pitch"]), float(r["onset_after_s"])),
    )
    error_s = np.abs(
        np.array([float(r["onset_after_s"]) for r in table]) - onsets(tmp_path / "truth.mid")
    )
    sure = np.array([float(r["confidence"]) for r in table])
    assert abs(sure.mean() - np.mean(error_s <= 0.025)) < 0.1
    best = sure >= np.median(sure)
    assert (error_s[best] <= 0.025).all()  # what is lost, a few notes, is among the less sure half
    assert not (error_s[~best] <= 0.025).all()
    assert set(r["status"] for r in table) <= {MATCHED, NOT_HEARD, WITH_NEIGHBOURS}


def test_weights_that_ship_are_found_by_name(recording, tmp_path, monkeypatch):
    from pianoalign.tool.aligner import shipped_weights, weights_folder

    shipped = shipped_weights()
    assert (
        list(shipped) == ["base", "blind", "free", "maps"]
        and weights_folder() == default_weights() == shipped["maps"]
    )
    assert (
        sum(p.stat().st_size for folder in shipped.values() for p in folder.iterdir()) < 10 * 2**20
    )
    assert all(
        ("Apache-2.0" if name == "free" else "CC BY-NC-SA") in (folder / "README.md").read_text()
        for name, folder in shipped.items()
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blind").mkdir()
    assert (
        weights_folder("blind") == shipped["blind"]
    )  # a folder of that name that holds something else, say a corpus
    (tmp_path / "blind" / "weights.safetensors").touch()
    assert str(weights_folder("blind")) == "blind"  # weights of one's own come first
    (tmp_path / "blind" / "weights.safetensors").unlink()
    with pytest.raises(InputError, match="nowhere does not exist.*base, blind, free, maps"):
        weights_folder("nowhere")
    assert (
        open_engine("base").experiment.network.midi_branch
        and not open_engine(shipped["blind"]).experiment.network.midi_branch
    )
    result = align(recording[0] / "piece.wav", recording[0] / "piece.mid", weights="base")
    assert result.decoding == "paper" and result.weights == shipped["base"]


def test_confidence_of_other_weights_is_not_used(recording, tmp_path):
    for p in default_weights().iterdir():
        (tmp_path / p.name).write_bytes(p.read_bytes())
    stored = json.loads((tmp_path / "confidence.json").read_text())
    (tmp_path / "confidence.json").write_text(json.dumps(stored | {"network": "0" * 64}))
    result = align(recording[0] / "piece.wav", recording[0] / "piece.mid", weights=tmp_path)
    assert (
        np.isnan(result.confidence).all()
        and any("workflow/calibrate.py" in r for r in result.remarks)
        and not result.doubtful
    )
    (tmp_path / "confidence.json").write_text('{"weights": [1]}')
    with pytest.raises(InputError, match="damaged"):
        align(recording[0] / "piece.wav", recording[0] / "piece.mid", weights=tmp_path)


# ---- level ----


@pytest.mark.parametrize("gain, word", [(1e-3, "nearly silent"), (30.0, "clipped"), (1.0, "")])
def test_a_recording_too_quiet_or_too_loud_is_said(recording, tmp_path, gain, word):
    folder, samples, truth = recording
    soundfile.write(
        tmp_path / "a.wav",
        np.clip(samples[: 30 * RATE_HZ] * gain / np.abs(samples).max(), -1, 1),
        RATE_HZ,
        subtype="PCM_24",
    )
    notes = read_midi(folder / "piece.mid").notes
    write_midi(notes[notes.onset_s < 29], tmp_path / "a.mid")
    result = align(tmp_path / "a.wav", tmp_path / "a.mid")
    said = " ".join(result.remarks)
    assert [w for w in ("nearly silent", "clipped") if w in said] == ([word] if word else [])
    if gain < 1:
        assert result.matched.mean() > 0.5  # lifted, it is heard


# ---- formats ----

FAKE = """
import struct, sys
import numpy as np, soundfile
path = next(w for w in sys.argv if w.startswith("file:"))[5:]
if "broken" in path: sys.exit("broken.m4a: Invalid data found when processing input")
samples, rate_hz = soundfile.read(path.replace(".m4a", ".wav"), dtype="float32", always_2d=True)
head = b".snd" + struct.pack(">5I", 28, 0xffffffff, 6, rate_hz, samples.shape[1])
sys.stdout.buffer.write(head + b"\\0" * 4 + samples.astype(">f4").tobytes())
"""


def test_what_libsndfile_cannot_read_goes_to_ffmpeg(
    piece, untrained, tmp_path, monkeypatch, capsys
):
    "The sound of an .m4a, from a stand-in for ffmpeg that answers as it does."
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0 ftypM4A " * 20)
    words = ["align", tmp_path / "a.m4a", piece[0] / "piece.mid", "--weights", untrained[0]]
    command(*words, "-o", tmp_path / "out.mid", ok=2)
    assert "or install ffmpeg" in capsys.readouterr().err
    program(tmp_path / "bin" / "ffmpeg", FAKE)
    (tmp_path / "a.wav").write_bytes((piece[0] / "piece.wav").read_bytes())
    command(*words, "-o", tmp_path / "out.mid")
    assert "padding" not in capsys.readouterr().err  # the container of an .m4a says it
    command(
        "align",
        tmp_path / "a.wav",
        piece[0] / "piece.mid",
        "--weights",
        untrained[0],
        "-o",
        tmp_path / "wav.mid",
    )
    assert (tmp_path / "wav.mid").read_bytes() == (tmp_path / "out.mid").read_bytes()
    (tmp_path / "broken.m4a").write_bytes(b"\0\0\0 ftypM4A " * 20)
    command("align", tmp_path / "broken.m4a", *words[2:], "-o", tmp_path / "b.mid", ok=2)
    assert "Invalid data" in capsys.readouterr().err and not (tmp_path / "b.mid").exists()


# ---- what is written beside the MIDI file ----


def test_report_table_plot_and_sound_tell_of_the_same_notes(recording, tmp_path):
    folder, _, truth = recording
    command(
        "align",
        folder / "piece.wav",
        folder / "piece.mid",
        "-o",
        tmp_path / "out.mid",
        "--report",
        tmp_path / "out.json",
        "--plot",
        tmp_path / "out.png",
    )
    report = json.loads((tmp_path / "out.json").read_text())
    assert len(report["notes"]) == len(truth) == report["summary"]["notes"] and sum(
        report["summary"]["status"].values()
    ) == len(truth)
    assert (
        0 <= report["notes"][0]["confidence"] <= 1
        and (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"
    )
    assert sorted(os.listdir(tmp_path)) == ["out.json", "out.mid", "out.png"]
    result = align(folder / "piece.wav", folder / "piece.mid")
    table = result.to_dataframe()
    np.testing.assert_allclose(
        table["onset_after_s"], [n["onset_after_s"] for n in report["notes"]], atol=2e-6
    )
    assert len(result.plot(length_s=5).axes) >= 3
    shown = result._repr_mimebundle_()
    assert (
        "data:image/png;base64," in shown["text/html"] and shown["text/plain"] == result.summary()
    )
    sound, rate_hz = soundfile.read(io.BytesIO(result.listen(start_s=2, length_s=3).data))
    assert sound.shape == (3 * rate_hz, 2) and np.abs(sound).max(0).min() > 0.01
    result.save(tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (
        tmp_path / "out.mid"
    ).read_bytes() and result.midi.tracks


@pytest.mark.parametrize(
    "words, says",
    [
        (["--report", "a.txt"], ".csv or .json"),
        (["--plot", "a.jpg"], ".png or .pdf or .svg"),
        (["--offset", "soon"], "number of seconds"),
        (["--offset", "nan"], "no number"),
        (["--offset", "3601"], "more than an hour"),
    ],
)
def test_options_that_nothing_has(recording, tmp_path, capsys, words, says):
    words = [tmp_path / w if w.startswith("a.") else w for w in words]
    command(
        "align",
        recording[0] / "piece.wav",
        recording[0] / "piece.mid",
        "-o",
        tmp_path / "out.mid",
        *words,
        ok=2,
    )
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and os.listdir(tmp_path) == []


def test_no_cuda_is_said(recording, tmp_path, capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    command(
        "align",
        recording[0] / "piece.wav",
        recording[0] / "piece.mid",
        "-o",
        tmp_path / "out.mid",
        "--device",
        "cuda",
        ok=2,
    )
    assert "--device cpu" in capsys.readouterr().err


def test_old_names_mean_the_same(recording, tmp_path):
    for method in ("hires", "crnn"):
        command(
            "align",
            recording[0] / "piece.wav",
            recording[0] / "piece.mid",
            "-o",
            tmp_path / f"{method}.mid",
            "--method",
            method,
        )
    assert (tmp_path / "hires.mid").read_bytes() == (tmp_path / "crnn.mid").read_bytes()


# ---- one decoder ----


def test_judge_says_what_align_writes(recording, tmp_path):
    "The errors in the row of high resolution are those of the notes that a user gets."
    from pianoalign.tool.own import judge_recordings

    folder, samples, truth = recording
    audio, score = tmp_path / "piece" / "audio.wav", tmp_path / "piece" / "score.mid"
    audio.parent.mkdir()
    noisy = np.where(np.arange(len(samples)) < 45 * RATE_HZ, samples, 0)
    noisy = noisy + white_noise(len(samples), np.random.default_rng(0), 0.01)
    soundfile.write(audio, noisy, RATE_HZ, subtype="PCM_16")
    score.write_bytes((folder / "piece.mid").read_bytes())
    write_midi(truth, tmp_path / "piece" / "performance.mid")
    rows = judge_recordings(tmp_path)
    result = align(audio, score, tmp_path / "out.mid", method="hires")
    assert result.offset_s == 0
    assert {NOT_HEARD, NOT_PLAYED} & set(result.status)  # some notes are not believed
    write_midi(truth, tmp_path / "truth.mid")
    written_s = onsets(tmp_path / "out.mid") - onsets(tmp_path / "truth.mid")
    said_s = rows["crnn_high_resolution"]["piece"]
    np.testing.assert_allclose(np.sort(written_s), np.sort(said_s), atol=6e-4)  # two ticks
    other_s = rows["crnn"]["piece"]
    assert np.abs(np.sort(written_s) - np.sort(other_s)).max() > 2e-3  # the test can tell


# ---- which method, when nobody says ----


def within_25_ms(path, truth):
    notes = read_midi(path).notes
    by_pitch = lambda n: n.onset_s[np.lexsort((n.onset_s, n.pitch))]
    return np.mean(np.abs(by_pitch(notes) - by_pitch(truth)) <= 0.025)


@pytest.fixture
def wandering(recording, tmp_path):
    "The file of `recording`, five percent slower."
    truth = recording[2]
    write_midi(
        jitter_notes(
            truth.at_times(1.05 * truth.onset_s, 1.05 * truth.offset_s), np.random.default_rng(1)
        ),
        tmp_path / "slow.mid",
    )
    return tmp_path / "slow.mid"


def test_a_file_in_another_tempo_is_aligned_without_an_option(recording, wandering, tmp_path):
    result = align(recording[0] / "piece.wav", wandering, tmp_path / "out.mid")
    assert (
        result.method == "score"
        and "--method hires" in result.remarks[0]
        and within_25_ms(tmp_path / "out.mid", recording[2]) > 0.85
    )
    alone = align(recording[0] / "piece.wav", wandering, tmp_path / "alone.mid", method="hires")
    assert alone.method == "hires" and within_25_ms(tmp_path / "alone.mid", recording[2]) < 0.5
    assert any("--method dtw+crnn" in remark for remark in alone.remarks)


def test_a_file_that_fits_goes_without_dtw(recording, monkeypatch):
    import pianoalign.baselines as baselines

    monkeypatch.setattr(baselines, "dtw_align", lambda *a, **k: pytest.fail("DTW was asked for"))
    assert align(recording[0] / "piece.wav", recording[0] / "piece.mid").method == "hires"


def test_a_file_that_slows_down_at_its_end_only(recording, tmp_path):
    "The mean confidence is high, that of the last notes is not: a search is made, and is surer."
    from pianoalign.tool.aligner import may_wander, SURE_ENOUGH, sureness

    folder, _, truth = recording
    hurried = lambda s: np.where(s < 48, s, 48 + 0.8 * (s - 48))  # the file lacks the ritardando
    loose = truth.at_times(hurried(truth.onset_s), hurried(truth.offset_s))
    write_midi(jitter_notes(loose, np.random.default_rng(0)), tmp_path / "hurried.mid")
    result = align(folder / "piece.wav", tmp_path / "hurried.mid", tmp_path / "out.mid")
    alone = align(
        folder / "piece.wav", tmp_path / "hurried.mid", tmp_path / "alone.mid", method="hires"
    )
    assert sureness(alone) > SURE_ENOUGH and may_wander(alone)
    assert result.method == "score" and sureness(result) > sureness(alone) + 0.03
    better, plain = (within_25_ms(tmp_path / f, truth) for f in ("out.mid", "alone.mid"))
    assert better > plain + 0.1


def test_another_piece_is_not_bent_to_fit(recording, tmp_path):
    other = load_corpus("demo", CORPUS, ("test",))[3].reference
    write_midi(other[other.onset_s < 59], tmp_path / "other.mid")
    result = align(recording[0] / "piece.wav", tmp_path / "other.mid")
    assert (
        result.method == "hires"
        and result.doubtful
        and np.mean(result.notes_after.onset_s != result.notes_before.onset_s) < 0.05
    )
    assert any("it was no surer" in remark for remark in result.remarks) and not any(
        "use --method dtw+crnn" in remark for remark in result.remarks
    )


def test_a_long_recording_is_not_given_to_dtw_unasked(recording, wandering, monkeypatch):
    import pianoalign.tool.aligner as aligner

    monkeypatch.setattr(aligner, "AUTO_LONGEST_S", 30)
    monkeypatch.setattr(aligner, "_by_score", lambda job: job.by("hires"))  # no search helps
    result = align(recording[0] / "piece.wav", wandering)
    assert result.method == "hires" and any(
        "--method dtw+crnn" in remark for remark in result.remarks
    )


def test_a_file_that_begins_after_the_end(recording, tmp_path):
    write_midi(recording[2].shifted(90.0), tmp_path / "late.mid")
    result = align(recording[0] / "piece.wav", tmp_path / "late.mid", tmp_path / "out.mid")
    assert result.method == "score" and within_25_ms(tmp_path / "out.mid", recording[2]) > 0.85
    with pytest.raises(InputError, match="no note of the MIDI file lies within the recording"):
        align(recording[0] / "piece.wav", tmp_path / "late.mid", method="hires")


def test_with_quiet_the_file_is_written_and_nothing_is_said(recording, tmp_path, capsys):
    command(
        "align",
        recording[0] / "piece.wav",
        recording[0] / "piece.mid",
        "-o",
        tmp_path / "out.mid",
        "--quiet",
    )
    said = capsys.readouterr()
    assert said.out == said.err == "" and (tmp_path / "out.mid").exists()


def test_a_bar_on_a_terminal_only(monkeypatch, capsys):
    from pianoalign.tool.cli import ProgressBar

    bar = ProgressBar(False)
    bar("listening", 3.0, None)
    bar.close()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = ProgressBar(False, "a: ")
    bar("listening", 3.0, None)
    bar("asking the network", 30.0, 60.0)
    bar.close()
    said = capsys.readouterr().err
    assert "a: listening" in said and "a: asking the network" in said
    bar = ProgressBar(True)
    bar("listening", 3.0, None)
    bar.close()
    assert capsys.readouterr().err == ""


# ---- many pairs ----


def test_one_bad_pair_does_not_stop_the_others(recording, piece, tmp_path, capsys):
    for name in ("audio", "midi"):
        (tmp_path / name).mkdir()
    for stem, source in (("good", recording[0]), ("bad", recording[0]), ("lonely", recording[0])):
        (tmp_path / "audio" / f"{stem}.wav").write_bytes((source / "piece.wav").read_bytes())
        if stem != "lonely":
            (tmp_path / "midi" / f"{stem}.mid").write_bytes((source / "piece.mid").read_bytes())
    (tmp_path / "midi" / "bad.mid").write_bytes(b"no notes")
    words = [
        "align-all",
        tmp_path / "audio" / "*.wav",
        tmp_path / "midi",
        "-o",
        tmp_path / "out",
        "--report",
        "csv",
        "--plot",
    ]
    command(*words, ok=1)
    said = capsys.readouterr()
    assert sorted(os.listdir(tmp_path / "out")) == ["good.csv", "good.mid", "good.png"]
    assert (
        "bad.mid: not a MIDI file" in said.err
        and "lonely.wav: no MIDI file of that stem" in said.err
    )
    assert "good" in said.out and "failed" in said.out and "x real time" in said.out
    command(*words, ok=1)  # nothing is replaced unless forced
    assert "exists already" in capsys.readouterr().err
    (tmp_path / "midi" / "bad.mid").unlink()
    command(*words, "--force", "--quiet")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "words, says",
    [
        (["nowhere"], "no such file"),
        (["audio"], "1 recording and no MIDI files there"),
        (["audio", "midi", "more"], "same stem; which"),
    ],
)
def test_pairs_that_cannot_be_told(tmp_path, words, says, capsys):
    for name in ("audio/a.wav", "midi/a.mid", "more/a.flac"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    command("align-all", *[tmp_path / w for w in words], "-o", tmp_path / "out", ok=2)
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


# ---- lengths that do not fit ----


def align_the_beginning(recording, tmp_path, *options):
    "Align all notes to the first six seconds; the report's rows."
    folder, samples, truth = recording
    soundfile.write(tmp_path / "a.wav", samples[: 6 * RATE_HZ], RATE_HZ, subtype="PCM_16")
    out, report = tmp_path / "out.mid", tmp_path / "out.csv"
    words = [tmp_path / "a.wav", folder / "piece.mid", "-o", out, "--report", report]
    command("align", *words, *options)
    return list(csv.DictReader(open(report)))


def test_audio_much_shorter_than_the_notes(recording, tmp_path, capsys):
    rows = align_the_beginning(recording, tmp_path, "--method", "hires")
    assert "the recording to 6.0 s" in capsys.readouterr().err
    outside = [r for r in rows if r["status"] == "outside the recording"]
    assert len(outside) > 0.7 * len(rows) and all(r["confidence"] == "" for r in outside)


def test_what_comes_after_the_end_is_not_in_this_recording(recording, tmp_path, capsys):
    rows = align_the_beginning(recording, tmp_path)
    assert "of the file are not in this recording" in capsys.readouterr().err
    absent = [r for r in rows if r["status"] == "not in this recording"]
    assert len(absent) > 0.7 * len(rows)
    assert max(float(r["confidence"]) for r in absent) < 0.5


@pytest.mark.parametrize("method", ["hires", "dtw", "score"])
def test_a_note_off_that_comes_days_later_ends_with_the_recording(recording, tmp_path, method):
    "127 bytes of MIDI once asked for 13 GiB."
    import mido

    folder, samples, truth = recording
    soundfile.write(tmp_path / "ten.wav", samples[: 10 * 16000], 16000)
    inside = truth[truth.onset_s < 9.0]
    write_midi(inside, tmp_path / "ten.mid")
    midi = mido.MidiFile(tmp_path / "ten.mid")
    last_off = max(k for k, m in enumerate(midi.tracks[0]) if m.type == "note_off")
    midi.tracks[0][last_off].time = 2**28 - 1
    midi.save(tmp_path / "late.mid")
    assert read_midi(tmp_path / "late.mid").notes.offset_s.max() > 86_400
    out = tmp_path / "out.mid"
    result = align(tmp_path / "ten.wav", tmp_path / "late.mid", out, method=method)
    after = read_midi(out).notes
    assert len(after) == len(inside) and abs(after.offset_s.max() - result.duration_s) < 0.5


def test_dtw_refuses_hours(piece, tmp_path, capsys):
    notes = read_midi(piece[0] / "piece.mid").notes
    far = Notes.from_arrays(
        np.append(notes.onset_s, 7200.0),
        np.append(notes.offset_s, 7201.0),
        np.append(notes.pitch, 60),
    )
    write_midi(far, tmp_path / "far.mid")
    for method in ("dtw", "dtw+crnn"):
        command(
            "align",
            piece[0] / "piece.wav",
            tmp_path / "far.mid",
            "-o",
            tmp_path / "out.mid",
            "--method",
            method,
            ok=2,
        )
        assert "by force" in capsys.readouterr().err and not (tmp_path / "out.mid").exists()


def test_a_recording_that_ends_early_says_which_notes_it_lacks(recording, tmp_path):
    "Half the file, at another tempo: absent notes are named, kept apart, and not believed."
    folder, samples, truth = recording
    soundfile.write(tmp_path / "half.wav", samples[: 30 * 16000], 16000)
    slow = truth.at_times(1.4 * truth.onset_s, 1.4 * truth.offset_s)
    write_midi(slow, tmp_path / "slow.mid")
    result = align(tmp_path / "half.wav", tmp_path / "slow.mid", tmp_path / "out.mid")
    order = np.lexsort((truth.pitch, truth.onset_s))
    true_s = truth.onset_s[order]
    absent = result.status == "not in this recording"
    assert result.method == "score" and not result.doubtful
    assert np.mean(absent[true_s > 30.3]) > 0.95 and np.mean(absent[true_s < 29.7]) < 0.03
    assert result.confidence[absent].max() < 0.5
    there = true_s < 29.7
    assert np.mean(np.abs(result.notes_after.onset_s - true_s)[there] <= 0.025) > 0.85
    crowd = np.sort(result.notes_after.onset_s)
    assert np.max(np.searchsorted(crowd, crowd + 0.1) - np.arange(len(crowd))) < 24
    assert "not in this recording (their spacing kept)" in result.summary()
    assert any("of the file are not in this recording" in remark for remark in result.remarks)


def test_method_score_for_another_piece_matches_nothing(recording, tmp_path):
    other = load_corpus("demo", CORPUS, ("test",))[3].reference
    write_midi(other[other.onset_s < 59], tmp_path / "other.mid")
    result = align(recording[0] / "piece.wav", tmp_path / "other.mid", method="score")
    assert result.doubtful and not result.matched.any()
    assert np.array_equal(result.notes_after.onset_s, result.notes_before.onset_s)
    assert any("was not found in the recording" in remark for remark in result.remarks)
