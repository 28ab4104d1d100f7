"Recordings that are not what their headers say: what is read of them, and what is said."

import os, shutil, signal, struct, subprocess, sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pianoalign.files import InputError
from pianoalign.midi import read_midi
from pianoalign.preprocessing import load_audio
from pianoalign.recordings import Downmix, Facts, check_recording, mp3_frames, stream_audio
from short_piece import program, RATE_HZ
from test_align_cli import command
from waiting import HANG_S


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal(4 * RATE_HZ)).astype(np.float32)


def heard(path):
    "The samples of a recording, and what is said about it."
    facts = Facts()
    return np.concatenate(list(stream_audio(path, RATE_HZ, facts))), facts.remarks


def written(path, samples, **how):
    soundfile.write(path, samples, RATE_HZ, **how)
    return path.read_bytes()


def late_smp(samples, truth):
    "How many samples later the first stands."
    size = len(samples) + len(truth)
    spectra = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(truth, size))
    lag = int(np.fft.irfft(spectra, size).argmax())
    return lag if lag < size // 2 else lag - size


# ---- whole files are as libsndfile reads them ----


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.aiff", "a.caf", "a.w64", "a.au"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_whole_files(tmp_path, samples, name, channels):
    both = np.stack([samples * gain for gain in (1, 0.5, 0.2, 0.9, 0.3, 1)[:channels]], 1)
    written(tmp_path / name, both)
    got, remarks = heard(tmp_path / name)
    whole = soundfile.read(tmp_path / name, dtype="float32", always_2d=True)[0].mean(axis=1)
    assert remarks == []
    np.testing.assert_allclose(got, whole, atol=1e-7)
    np.testing.assert_array_equal(load_audio(tmp_path / name), got)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "IMA_ADPCM", "ULAW"])
def test_whole_wav_files_of_all_kinds(tmp_path, samples, subtype):
    written(tmp_path / "a.wav", samples, subtype=subtype)
    got, remarks = heard(tmp_path / "a.wav")
    assert len(got) == len(soundfile.read(tmp_path / "a.wav")[0]) and remarks == []


def test_chunks_behind_the_samples_are_no_samples(tmp_path, samples):
    whole = written(tmp_path / "a.wav", samples)
    plain, _ = heard(tmp_path / "a.wav")
    assert len(plain) == len(samples)
    for tail in (b"LIST" + struct.pack("<I", 30000) + bytes(30000), b"id3 \0\0\0\0", b"TAG" * 42):
        (tmp_path / "b.wav").write_bytes(whole + tail)
        np.testing.assert_array_equal(heard(tmp_path / "b.wav")[0], plain)


# ---- cut, never closed, glued ----


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.flac"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_cut_file_is_read_as_far_as_it_goes(tmp_path, samples, name, share):
    whole = written(tmp_path / name, samples)
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    got, remarks = heard(tmp_path / name)
    assert share - 0.1 < len(got) / len(samples) < share + 0.02
    assert len(remarks) == 1 and f"only {len(got) / RATE_HZ:.1f} s of the 4.0 s" in remarks[0]
    np.testing.assert_allclose(got, samples[: len(got)], atol=1e-4)
    with pytest.warns(UserWarning, match="of the 4.0 s"):
        assert len(load_audio(tmp_path / name)) == len(got)


def test_a_cut_ogg_file_says_so(tmp_path, samples):
    whole = written(tmp_path / "a.ogg", samples)
    (tmp_path / "a.ogg").write_bytes(whole[: len(whole) // 2])
    got, remarks = heard(tmp_path / "a.ogg")
    assert 0.2 < len(got) / len(samples) < 0.6 and "last page is missing" in remarks[0]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("size_s", [0, 1.5])
def test_a_wav_file_that_was_never_closed(tmp_path, samples, subtype, size_s):
    whole = written(tmp_path / "a.wav", samples, subtype=subtype)
    at = whole.index(b"data") + 4
    width = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype]
    size = struct.pack("<I", int(size_s * RATE_HZ) * width)
    (tmp_path / "a.wav").write_bytes(whole[:4] + size + whole[8:at] + size + whole[at + 4 :])
    got, remarks = heard(tmp_path / "a.wav")
    np.testing.assert_allclose(got, samples, atol=1e-4)
    assert f"promises {size_s:.1f} s, its bytes hold 4.0 s" in remarks[0]


def test_a_wav_file_that_claims_ten_hours(tmp_path, samples):
    whole = written(tmp_path / "a.wav", samples)
    size = struct.pack("<I", 36000 * 2 * RATE_HZ)
    (tmp_path / "a.wav").write_bytes(whole[:40] + size + whole[44:])
    got, remarks = heard(tmp_path / "a.wav")
    assert len(got) == len(samples) and "of the 36000.0 s" in remarks[0]


@pytest.mark.parametrize("links", [2, 5])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_chain_is_read_to_its_end(tmp_path, samples, links, subtype):
    data = written(tmp_path / "a.ogg", samples, format="OGG", subtype=subtype)
    one, remarks = heard(tmp_path / "a.ogg")
    assert remarks == []
    (tmp_path / "b.ogg").write_bytes(data * links)
    got, remarks = heard(tmp_path / "b.ogg")
    assert abs(len(got) - links * len(one)) < 100 and f"chain of {links} streams" in remarks[0]
    assert late_smp(got[-len(one) :], samples) == late_smp(one, samples)


def test_a_chain_of_two_rates_is_refused(tmp_path, samples):
    data = written(tmp_path / "a.ogg", samples)
    soundfile.write(tmp_path / "b.ogg", samples, 2 * RATE_HZ)
    (tmp_path / "c.ogg").write_bytes(data + (tmp_path / "b.ogg").read_bytes())
    with pytest.raises(InputError, match="c.ogg changes its sample rate"):
        heard(tmp_path / "c.ogg")


# ---- MP3 ----


@pytest.fixture(scope="module", params=[16_000, 44_100, 8_000])
def mp3(request, samples, tmp_path_factory):
    "The samples as MP3 with a tag, and without; MPEG 1, 2 and 2.5."
    import soxr

    folder = tmp_path_factory.mktemp("mp3")
    at_rate = soxr.resample(samples, RATE_HZ, request.param)
    try:
        soundfile.write(folder / "tagged.mp3", at_rate, request.param, format="MP3")
    except Exception:
        pytest.skip("this libsndfile writes no MP3")
    tagged = (folder / "tagged.mp3").read_bytes()
    from pianoalign.recordings import mp3_frame_bytes

    first, _ = mp3_frames(tagged)
    bare = tagged[first + mp3_frame_bytes(tagged[first : first + 4]) :]
    (folder / "bare.mp3").write_bytes(bare)
    (folder / "unsigned.mp3").write_bytes(bare.replace(b"LAME", b"UUUU"))
    return folder, tagged, bare


def test_a_tagged_mp3_is_exact_and_nothing_is_said(mp3, samples):
    got, remarks = heard(mp3[0] / "tagged.mp3")
    assert remarks == [] and late_smp(got, samples) == 0
    assert abs(len(got) - len(samples)) <= 2


def test_an_mp3_without_a_tag_is_read_to_its_end(mp3, samples):
    got, remarks = heard(mp3[0] / "bare.mp3")
    assert len(samples) - 2 <= len(got) < len(samples) + 4000
    assert "25 ms were taken off" in remarks[0] and late_smp(got, samples) == 0


def test_padding_that_nobody_knows_is_said(mp3, samples):
    got, remarks = heard(mp3[0] / "unsigned.mp3")
    late_ms = 1000 * late_smp(got, samples) / RATE_HZ
    assert "does not say its padding" in remarks[0] and 0 < late_ms < 80


@pytest.mark.parametrize("before", [b"", b"ID3\3\0\0\0\0\x10\0" + bytes(2048), b"\xff" * 3000])
def test_what_stands_before_and_behind_the_frames_is_no_sound(mp3, tmp_path, before):
    folder, tagged, bare = mp3
    (tmp_path / "a.mp3").write_bytes(before + tagged + b"TAG" + bytes(125))
    try:
        got, _ = heard(tmp_path / "a.mp3")
    except InputError:
        pytest.skip("this libsndfile does not open it")
    np.testing.assert_array_equal(got, heard(folder / "tagged.mp3")[0])


def test_a_cut_mp3_says_so(mp3, tmp_path, samples):
    (tmp_path / "a.mp3").write_bytes(mp3[1][: len(mp3[1]) // 2])
    got, remarks = heard(tmp_path / "a.mp3")
    assert 0.4 < len(got) / len(samples) < 0.6 and any("can be read; copy" in r for r in remarks)


def test_the_decoders_chatter_is_kept_from_the_user(tmp_path, samples, capfd):
    try:
        data = written(tmp_path / "a.mp3", samples, format="MP3")
    except Exception:
        pytest.skip("this libsndfile writes no MP3")
    rng = np.random.default_rng(0)
    damaged = bytearray(data)
    for place in rng.integers(2000, len(data), 40):
        damaged[place] ^= 0xFF
    (tmp_path / "a.mp3").write_bytes(bytes(damaged))
    heard(tmp_path / "a.mp3")
    print("still here", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "still here\n"


# ---- channels ----


@pytest.mark.parametrize("gain", [-1.0, -0.97, -0.9])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_opposite_channels(tmp_path, samples, gain, subtype):
    both = np.stack([samples, gain * samples], 1)
    both[:RATE_HZ] = 0  # a silent beginning decides nothing
    written(tmp_path / "a.wav", both, subtype=subtype)
    got, remarks = heard(tmp_path / "a.wav")
    assert "channel 1 alone" in remarks[0]
    np.testing.assert_allclose(got[RATE_HZ:], samples[RATE_HZ:], atol=1e-4)
    with pytest.warns(UserWarning, match="opposite"):
        np.testing.assert_array_equal(load_audio(tmp_path / "a.wav"), got)


@pytest.mark.parametrize("gains", [(1, 1), (1, 0), (1, -0.3), (0.5, 0.5, 0.5), (1, 0, 0, 0, 0, 0)])
def test_other_channels_are_mixed(samples, gains):
    both = samples[:, None] * np.array(gains, np.float32)
    mix = Downmix()
    np.testing.assert_allclose(mix(both), samples * np.mean(gains), atol=1e-6)
    assert mix.channel is None


def test_independent_channels_are_mixed():
    rng = np.random.default_rng(0)
    for count in (2, 3, 8, 32):
        mix = Downmix()
        mix((0.1 * rng.standard_normal((5000, count))).astype(np.float32))
        assert mix.channel is None


# ---- what must not be opened, or not waited for ----


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", Path("/dev/zero")):
        with pytest.raises(InputError, match="no plain file"):
            check_recording(path)


def test_a_header_that_claims_terabytes(tmp_path, samples):
    "Nothing is reserved for what a header claims."
    import resource

    try:
        data = bytearray(written(tmp_path / "a.mp3", samples, format="MP3"))
    except Exception:
        pytest.skip("this libsndfile writes no MP3")
    at = max(data.find(b"Xing"), data.find(b"Info"))
    data[at + 8 : at + 12] = b"\x7f\xff\xff\xff"
    (tmp_path / "a.mp3").write_bytes(bytes(data))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.warns(UserWarning, match="can be read; copy it again"):
        got = load_audio(tmp_path / "a.mp3")
    assert 0 < len(got) <= 1.1 * len(samples)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_many_channels_take_little_at_a_time(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full((20_000, 1000), 0.1), RATE_HZ)
    sizes = []
    facts = Facts()
    facts.note = lambda block: sizes.append(block.size)
    facts.heard, facts.peak = 1, 1.0
    list(stream_audio(tmp_path / "a.wav", RATE_HZ, facts))
    assert max(sizes) <= 1 << 21 and sum(sizes) == 20_000 * 1000


def test_three_hours_are_refused_by_dtw_at_once(piece, tmp_path, capsys, monkeypatch):
    "Three hours of silence are said to be too long before any of it is decoded."
    silence = np.zeros(RATE_HZ * 60, np.int16)
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 1000, 1) as file:
        for _ in range(11 * 1000 // 60):
            file.write(silence[:60_000])

    def decoded(*words, **how):
        raise AssertionError("samples were decoded")

    for name in ("read", "buffer_read", "buffer_read_into"):
        monkeypatch.setattr(soundfile.SoundFile, name, decoded)
    for method in ("dtw", "dtw+crnn"):
        words = [tmp_path / "long.flac", piece[0] / "piece.mid", "-o", tmp_path / "out.mid"]
        command("align", *words, "--method", method, ok=2)
        assert "more than 2 hours: DTW holds" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="there is no ffmpeg")
def test_a_playlist_is_refused(tmp_path, samples):
    "Whatever it points to: the network, or a file that may be read."
    written(tmp_path / "part.wav", samples)
    for target in ("http://127.0.0.1:9/a.ts", "part.wav", f"file:{tmp_path / 'part.wav'}"):
        (tmp_path / "a.m3u8").write_text(f"#EXTM3U\n#EXTINF:4,\n{target}\n")
        with pytest.raises(InputError, match="cannot be read as audio"):
            heard(tmp_path / "a.m3u8")
        (tmp_path / "a.txt").write_text(f"ffconcat version 1.0\nfile '{target}'\n")
        with pytest.raises(InputError, match="cannot be read as audio"):
            heard(tmp_path / "a.txt")


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="there is no ffmpeg")
def test_containers_that_say_their_padding_are_exact(tmp_path, samples):
    written(tmp_path / "a.wav", samples)
    for name in ("a.m4a", "a.mkv"):
        words = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", tmp_path / name]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        got, remarks = heard(tmp_path / name)
        assert abs(late_smp(got, samples)) <= 1 and remarks == []


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends children on Linux alone")
def test_ffmpeg_ends_with_its_parent(tmp_path):
    "A reader that is killed leaves no child behind, even one that says nothing."
    os.mkfifo(tmp_path / "pipe")  # its other end is closed when the child has ended
    program(
        tmp_path / "ffmpeg",
        "import time\n"
        f"with open({str(tmp_path / 'pipe')!r}, 'w') as pipe:\n"
        "    print('begun', file=pipe, flush=True)\n"
        f"    time.sleep({HANG_S})\n"
        "    print('lives on', file=pipe)\n",
    )
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0 ftypM4A " * 20)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
from pianoalign.recordings import open_blocks
open_blocks({str(tmp_path / "a.m4a")!r})
""",
        ],
        env=os.environ | dict(PATH=str(tmp_path)),
    )
    with open(tmp_path / "pipe") as pipe:
        assert pipe.readline() == "begun\n"
        reader.send_signal(signal.SIGKILL)
        reader.wait()
        assert pipe.read() == ""


# ---- through the whole tool ----


def test_a_missing_recording_is_said_before_the_network_is_loaded(
    piece, tmp_path, monkeypatch, capsys
):
    import pianoalign.tool.aligner as aligner

    def never(*words):
        raise AssertionError("the network was loaded")

    monkeypatch.setattr(aligner, "open_engine", never)
    words = [tmp_path / "no.wav", piece[0] / "piece.mid", "-o", tmp_path / "out.mid"]
    command("align", *words, ok=2)
    assert "no.wav does not exist" in capsys.readouterr().err


def test_a_cut_recording_is_aligned_and_said(piece, untrained, tmp_path, capsys):
    whole = (piece[0] / "piece.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) // 2])
    for method in ("hires", "dtw"):
        words = ["-o", tmp_path / f"{method}.mid", "--weights", untrained[1], "--method", method]
        command("align", tmp_path / "a.wav", piece[0] / "piece.mid", *words)
        said = capsys.readouterr().err
        assert "a.wav: only " in said and "copy it again" in said
        assert len(read_midi(tmp_path / f"{method}.mid").notes) == 40
