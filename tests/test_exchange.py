"What Python and other programs hand over to `align`, and what they get back."

import io, json
from pathlib import Path

import mido
import numpy as np
import pandas as pd
import pretty_midi
import pytest
import soundfile

from pianoalign import align
from pianoalign.files import InputError
from pianoalign.midi import read_midi
from pianoalign.tool.exchange import score_of, Source
from test_align_cli import command


@pytest.fixture(scope="module")
def result(piece, untrained):
    "What `align` makes of two paths."
    return align(piece[0] / "piece.wav", piece[0] / "piece.mid", weights=untrained[0])


def audio_kinds(path):
    "One recording in every kind that is taken, but a path."
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return {
        "rows": (samples.T, rate_hz),
        "columns": (samples, rate_hz),
        "float64": (samples.astype(np.float64), float(rate_hz)),
        "open": open(path, "rb"),
        "bytes": io.BytesIO(path.read_bytes()),
        "text": str(path),
    }


@pytest.mark.parametrize("kind", ("rows", "columns", "float64", "open", "bytes", "text"))
def test_every_kind_of_recording_gives_the_same_notes(piece, untrained, result, kind):
    audio = audio_kinds(piece[0] / "piece.wav")[kind]
    found = align(audio, piece[0] / "piece.mid", weights=untrained[0])
    np.testing.assert_array_equal(found.notes_after.onset_s, result.notes_after.onset_s)
    assert found.duration_s == result.duration_s
    assert found.listen(length_s=1.0).data  # the recording is still there to be heard


def test_every_kind_of_notes_is_read(piece):
    path = piece[0] / "piece.mid"
    truth = read_midi(path).notes
    table = pd.DataFrame(dict(start=truth.onset_s, end=truth.offset_s, note=truth.pitch))
    for midi in (mido.MidiFile(path), open(path, "rb"), truth, table, read_midi(path)):
        found = score_of(midi).notes
        np.testing.assert_array_equal(found.pitch, truth.pitch)
        np.testing.assert_allclose(found.onset_s, truth.onset_s, atol=3e-5)
    as_pretty = pretty_midi.PrettyMIDI(str(path))
    before = as_pretty.instruments[0].notes[0].start, as_pretty.resolution
    found = score_of(as_pretty).notes
    np.testing.assert_allclose(np.sort(found.onset_s), np.sort(truth.onset_s), atol=3e-5)
    assert (as_pretty.instruments[0].notes[0].start, as_pretty.resolution) == before


NOT_AUDIO = [None, 7, object(), [1.0, 2.0, 3.0], (np.zeros(9), None), (np.zeros((50, 50)), 16000)]
NOT_MIDI = [None, 7, object(), [60, 62], np.zeros((3, 3)), pd.DataFrame(dict(x=[1]))]


@pytest.mark.parametrize("wrong", NOT_AUDIO)
def test_what_is_no_recording_is_one_sentence(piece, wrong):
    with pytest.raises(InputError) as said:
        align(wrong, piece[0] / "piece.mid")
    assert "give" in str(said.value) and "\n" not in str(said.value)


@pytest.mark.parametrize("wrong", NOT_MIDI)
def test_what_is_no_notes_is_one_sentence(piece, wrong):
    with pytest.raises(InputError) as said:
        align(piece[0] / "piece.wav", wrong)
    assert "\n" not in str(said.value)
    assert any(word in str(said.value) for word in ("give", "name them"))


def test_samples_that_are_not_finite_are_named_by_their_time():
    samples = np.zeros((2, 16000))
    samples[1, 4000:4003] = np.nan, 1.0, -np.inf
    with pytest.raises(InputError, match="NaN or infinite values, the first of them at 0.250 s"):
        Source.of((samples, 16000))
    with pytest.raises(InputError, match="masked"):
        Source.of((np.ma.masked_greater(np.linspace(0, 1, 100), 0.5), 16000))


def test_a_tensor_with_a_gradient_is_a_recording():
    torch = pytest.importorskip("torch")
    tensor = torch.linspace(-0.5, 0.5, 200).reshape(2, 100).requires_grad_()
    samples = Source.of((tensor, 16000)).samples
    np.testing.assert_array_equal(samples, tensor.detach().numpy().T)


@pytest.mark.parametrize("data", [b"RIFF", bytearray(9), memoryview(b"MThd")])
def test_bytes_are_no_file(data):
    with pytest.raises(InputError, match="recording is given as bytes; give io.BytesIO"):
        Source.of(data)
    with pytest.raises(InputError, match="MIDI file is given as bytes; give io.BytesIO"):
        score_of(data)


NO_NAMES = [
    ("", "is empty"),
    ("https://example.org/a", "https://example.org/a is an address"),
    (Path("s3://bucket/a"), "s3://bucket/a is an address"),
]


@pytest.mark.parametrize("name, says", NO_NAMES)
def test_no_name_and_an_address_are_said_to_be_that(name, says):
    with pytest.raises(InputError, match=says) as said:
        Source.of(name)
    assert "recording" in str(said.value)
    with pytest.raises(InputError, match=says) as said:
        score_of(name)
    assert "MIDI file" in str(said.value)


@pytest.mark.parametrize("what", [dict(out=7), dict(report=True), dict(plot=b"a.png")])
def test_an_output_that_is_no_path_is_said_to_be_none(piece, what):
    with pytest.raises(InputError, match="is no path of a file to write"):
        align(piece[0] / "piece.wav", piece[0] / "piece.mid", **what)


@pytest.mark.parametrize("what", [dict(weights=7), dict(progress=7)])
def test_another_argument_of_a_wrong_type_is_named(piece, what):
    with pytest.raises(InputError, match=f"^{next(iter(what))} 7"):
        align(piece[0] / "piece.wav", piece[0] / "piece.mid", **what)


def test_a_message_names_what_was_handed_over(piece):
    with pytest.raises(InputError, match="^the recording is silent"):
        align((np.zeros(16000), 16000), piece[0] / "piece.mid")
    with pytest.raises(InputError, match="^open file"):
        align(piece[0] / "piece.wav", io.BytesIO(b"words"))
    with Source.of((np.zeros(100), 16000)).file() as path:
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize("path", [None, 7, b"a.mid"])
def test_a_result_is_saved_to_a_path(result, path):
    with pytest.raises(InputError, match="is no path of a file to write"):
        result.save(path)


def test_nothing_is_written_over(result, tmp_path):
    (tmp_path / "a.mid").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        result.save(tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes() == b"mine"
    for path in (result.audio, result.score.path):
        with pytest.raises(InputError, match="another part"):
            result.save(path, force=True)
    with pytest.raises(InputError, match="ends in .txt"):
        result.to_labels(tmp_path / "a.doc")
    result.save(tmp_path / "a.mid", force=True)
    assert len(read_midi(tmp_path / "a.mid").notes) == len(result.status)


def test_the_time_map_is_that_of_the_file(result, tmp_path):
    before_s, after_s = result.notes_before.onset_s, result.notes_after.onset_s
    alone = np.r_[True, np.diff(before_s) > 1e-9] & np.r_[np.diff(before_s) > 1e-9, True]
    mapped_s = result.time_map(before_s)
    assert np.all(np.diff(result.time_map(np.linspace(0, 20, 500))) >= 0)
    assert np.median(np.abs(mapped_s - after_s)[alone]) < 1e-6


def test_jams_is_valid(result, tmp_path):
    jams = pytest.importorskip("jams", reason="jams is not installed")
    result.to_jams(tmp_path / "a.jams")
    read = jams.load(str(tmp_path / "a.jams"), validate=True, strict=True)
    notes = read.annotations[0]
    assert notes.namespace == "note_midi" and len(notes.data) == len(result.status)


def test_jams_has_what_the_format_asks_for(result, tmp_path):
    result.to_jams(tmp_path / "a.jams")
    found = json.loads((tmp_path / "a.jams").read_text())
    assert set(found) == {"annotations", "file_metadata", "sandbox"}
    (notes,) = found["annotations"]
    assert {"annotation_metadata", "data", "namespace"} <= set(notes)
    for one in notes["data"]:
        assert set(one) == {"time", "duration", "value", "confidence"}
        assert one["time"] >= 0 and one["duration"] > 0


def test_the_arguments_are_explained():
    import pianoalign.tool.aligner as aligner

    names = aligner.align.__code__.co_varnames[: aligner.align.__code__.co_argcount]
    explained = [line.split(" : ")[0].strip() for line in aligner.align.__doc__.split("\n")]
    assert set(names) <= set(explained)


def test_bars_follow_the_playing(piece, tmp_path):
    "Notes on a beat stay on their ticks and sound at their new times; every other event is there."
    from pianoalign.tool.bars import write_with_bars

    score = read_midi(piece[0] / "piece.mid")
    rng = np.random.default_rng(0)
    moved_s = 1.07 * score.notes.onset_s + 0.9 + rng.uniform(-0.03, 0.03, len(score.notes))
    length_s = score.notes.offset_s - score.notes.onset_s
    new = score.notes.at_times(moved_s, moved_s + length_s)
    write_with_bars(score, new, tmp_path / "bars.mid")
    found = read_midi(tmp_path / "bars.mid")
    by_key = lambda notes: notes.onset_s[np.lexsort((notes.onset_s, notes.pitch))]
    np.testing.assert_allclose(by_key(found.notes), by_key(new), atol=3e-4)
    not_tempo = lambda midi: sorted(
        str(m.copy(time=0)) for t in midi.tracks for m in t if m.type != "set_tempo"
    )
    assert not_tempo(found.midi) == not_tempo(score.midi)
    pretty_midi.PrettyMIDI(str(tmp_path / "bars.mid"))  # others read it too


def test_align_keeps_bars(piece, untrained, tmp_path):
    files = piece[0] / "piece.wav", piece[0] / "piece.mid", tmp_path / "out.mid"
    result = align(*files, weights=untrained[0], offset=0.7, keep_bars=True)
    found_s = read_midi(tmp_path / "out.mid").notes.onset_s
    np.testing.assert_allclose(np.sort(found_s), np.sort(result.notes_after.onset_s), atol=3e-4)
    tracks = mido.MidiFile(tmp_path / "out.mid").tracks
    assert len([m for t in tracks for m in t if m.type == "set_tempo"]) > 1


def test_all_outputs_or_none(piece, untrained, tmp_path, monkeypatch):
    "What cannot be drawn leaves no MIDI file either."
    import pianoalign.tool.aligner as aligner

    def broken(*args):
        raise InputError("the picture cannot be drawn")

    monkeypatch.setattr(aligner, "write_plot", broken)
    outputs = dict(report=tmp_path / "a.csv", plot=tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot be drawn"):
        align(
            piece[0] / "piece.wav",
            piece[0] / "piece.mid",
            tmp_path / "a.mid",
            weights=untrained[0],
            **outputs,
        )
    assert list(tmp_path.iterdir()) == []


def test_the_command_keeps_bars(piece, untrained, tmp_path):
    files = piece[0] / "piece.wav", piece[0] / "piece.mid"
    words = "--weights", untrained[0], "--offset", "0.7", "--keep-bars"
    command("align", *files, "-o", tmp_path / "a.mid", *words)
    align(*files, tmp_path / "b.mid", weights=untrained[0], offset=0.7, keep_bars=True)
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    command("align-all", *files, "-o", tmp_path / "all", *words)
    assert (tmp_path / "all" / "piece.mid").read_bytes() == (tmp_path / "a.mid").read_bytes()
