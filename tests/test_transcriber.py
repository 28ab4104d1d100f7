"The small transcriber: counted parameters, odd sound, interrupted and damaged run folders."

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from pianoalign.datasets import Recording, feature_store
from pianoalign.network import parameter_count
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.report.plots import synthesise
from pianoalign.neighbours.trainings import NeighbourRun
from pianoalign.neighbours.transcriber import (
    LAYOUTS,
    SEMITONES,
    Crops,
    NoteDecoding,
    Transcriber,
    TranscriberSettings,
    audio_of,
    chosen,
    decode_notes,
    fit_transcriber,
    fps_of,
    counts_of_recordings,
    load_transcriber,
    posteriorgrams,
    targets,
    train_transcriber,
    transcribe,
    transcriber_from_dict,
)

TINY = TranscriberSettings("tiny", steps=2, batch=1, crop_s=0.5, validate_every=1)


def recordings(folder):
    made = []
    for k, split in enumerate(("train", "valid")):
        notes = Notes.from_arrays([0.1, 0.5, 0.9], [0.4, 0.8, 1.2], [60 + k, 64, 67])
        soundfile.write(folder / f"r{k}.wav", synthesise(notes), 16000)
        made.append(Recording(f"r{k}", split, f"piano {k}", folder / f"r{k}.wav", 1.5, notes))
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return recordings(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def features(corpus, tmp_path_factory):
    return feature_store(corpus, audio_of(TINY), tmp_path_factory.mktemp("cache"))


# ---- the published sizes


@pytest.mark.parametrize(
    "layout,published",
    [("report", 21_516), ("basic_pitch", 16_782), ("basic_pitch_as_written", 27_518)],
)
def test_parameters_are_as_many_as_published(layout, published):
    assert parameter_count(Transcriber(TranscriberSettings(**LAYOUTS[layout]))) == published


@pytest.mark.parametrize("scale,most", [("log", 0.0), ("linear", 1.1e-4)])
def test_silence_is_zero_like_the_padding_of_a_convolution(scale, most):
    network, seen = Transcriber(TranscriberSettings(scale=scale)).eval(), []
    network.stack.register_forward_hook(lambda layer, given, out: seen.append(out))
    with torch.inference_mode():
        network(torch.full((1, 20, SEMITONES), float(np.log(1e-4))))
    assert 0 <= float(seen[0].min()) and float(seen[0].max()) <= most


# ---- labels


def test_labels_leave_out_what_lies_outside():
    notes = Notes.from_arrays(
        [-1.0, 0.0, 0.5, 9.0, 0.2], [-0.5, 0.3, 0.6, 9.5, 0.4], [60, 61, 62, 63, 20]
    )
    sounding, struck = targets(notes, 43, 43.07)
    assert (
        sounding.dtype == struck.dtype == np.uint8
        and struck.sum() == 2
        and struck[0, 40] == 1
        and sounding[:, 39].sum() == 0
        and sounding[:, 42].sum() == 0
    )


def test_a_crop_longer_than_the_recording_is_silence_at_its_end(corpus, features):
    image, sounding, struck = Crops(
        corpus[:1], features, TranscriberSettings(crop_s=4.0, batch=2)
    ).batch(0)
    there = len(features["r0"])
    assert (
        image.shape == (2, 172, SEMITONES)
        and (image[:, there:] == float(np.float32(np.log(1e-4)))).all()
        and sounding[:, there:].sum() == 0
        and struck.sum() == 6
    )


# ---- training and its folder


def test_a_run_is_found_again_and_repeated_when_something_has_changed(corpus, features, tmp_path):
    def run(settings=TINY, code="a"):
        return train_transcriber(settings, tmp_path, corpus, features, code, progress=False)

    folder = run()
    when = (folder / "metrics.json").stat().st_mtime_ns
    weights = (folder / "checkpoint" / "weights.safetensors").read_bytes()
    assert (
        folder.name == TINY.folder_name
        and run() == folder
        and (folder / "metrics.json").stat().st_mtime_ns == when
    )
    assert (
        run(code="b") == folder and (folder / "metrics.json").stat().st_mtime_ns > when
    )  # other code
    assert (
        folder / "checkpoint" / "weights.safetensors"
    ).read_bytes() == weights  # the same seed: the same bits
    (folder / "checkpoint" / "weights.safetensors").unlink()  # a clone has no weights
    assert (run(code="b") / "checkpoint" / "weights.safetensors").read_bytes() == weights
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (
        metrics["parameters"] == 21_516
        and metrics["steps_trained"] == 2
        and [h["step"] for h in metrics["history"]] == [1, 2]
    )
    assert not list(tmp_path.rglob("*.tmp*"))


def test_an_interrupted_run_leaves_nothing_that_counts(corpus, features, tmp_path, monkeypatch):
    import pianoalign.neighbours.transcriber as module

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "fit_transcriber", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_transcriber(TINY, tmp_path, corpus, features, progress=False)
    assert not list(tmp_path.rglob("metrics.json"))


def test_an_interrupted_training_goes_on_to_the_same_weights(
    corpus, features, tmp_path, monkeypatch
):
    settings = TranscriberSettings("tiny", steps=6, batch=1, crop_s=0.5, validate_every=2)

    def run(place):
        folder = train_transcriber(settings, tmp_path / place, corpus, features, progress=False)
        history = json.loads((folder / "metrics.json").read_text())["history"]
        kept = [(row["step"], row["train_loss"], row["valid_loss"]) for row in history]
        return (folder / "checkpoint" / "weights.safetensors").read_bytes(), kept

    straight, draw = run("straight"), Crops.batch

    def stopping(self, step, stream=1):
        if step == 3 and stream == 1:
            raise KeyboardInterrupt
        return draw(self, step, stream)

    monkeypatch.setattr(Crops, "batch", stopping)
    with pytest.raises(KeyboardInterrupt):
        run("resumed")
    assert list((tmp_path / "resumed").rglob("state.safetensors"))
    monkeypatch.setattr(Crops, "batch", draw)
    assert run("resumed") == straight


def test_early_stopping_keeps_the_best_weights(corpus, features, monkeypatch):
    import pianoalign.neighbours.transcriber as module

    losses, kept = iter([3.0, 1.0, 2.0, 4.0, 5.0]), []

    def validation(network, *_):
        kept.append({k: v.clone() for k, v in network.state_dict().items()})
        return next(losses)

    monkeypatch.setattr(module, "mean_loss", validation)
    settings = TranscriberSettings(steps=50, batch=1, crop_s=0.5, validate_every=1, patience=2)
    network, history, _ = fit_transcriber(
        settings,
        Crops(corpus[:1], features, settings),
        Crops(corpus[1:], features, settings),
        progress=False,
    )
    assert [h["valid_loss"] for h in history] == [3, 1, 2, 4]
    assert all((v == kept[1][k]).all() for k, v in network.state_dict().items())


def test_a_step_is_made_where_the_device_choice_says_and_waits_for_nothing(
    corpus, features, monkeypatch
):
    "On the device `meta`, which takes no number from elsewhere and gives none back."
    import pianoalign.neighbours.transcriber as module

    def two_steps(run, *_):
        run.advance()
        run.advance()
        return run

    monkeypatch.setattr(module, "choose_device", lambda: "meta")
    monkeypatch.setattr(module, "fit_neighbour", two_steps)
    plain = torch.optim.SGD  # Adam's fused form does not know this device
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, lr, fused: plain(weights, lr))
    crops = [Crops(part, features, TINY) for part in (corpus[:1], corpus[1:])]
    run = fit_transcriber(TINY, *crops, progress=False)
    assert run.step == 2 and {p.device.type for p in run.network.parameters()} == {"meta"}
    assert [x["train_loss"].device.type for x in run._losses] == ["meta", "meta"]


def test_two_steps_of_training_have_their_rates_and_smoothings(corpus, features, monkeypatch):
    "As the report trains its last network: a tenth of the rate, half of the smoothing."
    import pianoalign.neighbours.transcriber as module

    settings = replace(TINY, steps=4, second_step=2, smoothing=0.1, learning_rate=0.01)
    seen, advance, loss = [], NeighbourRun.advance, module.transcription_loss

    def noting(self):
        advance(self)
        seen.append(self.optimiser.param_groups[0]["lr"])

    def smoothed(answers, sounding, struck, of_step):
        smoothings.append(of_step.smoothing)
        return loss(answers, sounding, struck, of_step)

    smoothings = []
    monkeypatch.setattr(NeighbourRun, "advance", noting)
    monkeypatch.setattr(module, "transcription_loss", smoothed)
    monkeypatch.setattr(module, "mean_loss", lambda *_: 1.0)
    crops = [Crops(part, features, settings) for part in (corpus[:1], corpus[1:])]
    fit_transcriber(settings, *crops, progress=False)
    assert seen == pytest.approx([0.01, 0.01, 0.001, 0.001])
    assert smoothings == [0.1, 0.1, 0.05, 0.05]
    assert replace(TINY, second_step=0).folder_name == TINY.folder_name


def test_a_budget_ends_training(corpus, features):
    settings = TranscriberSettings(steps=10_000, batch=1, crop_s=0.5, budget_s=1e-3)
    _, history, _ = fit_transcriber(
        settings,
        Crops(corpus[:1], features, settings),
        Crops(corpus[1:], features, settings),
        progress=False,
    )
    assert history[-1]["step"] == 1


def test_no_recording_is_one_sentence(corpus, features):
    assert chosen(corpus, TranscriberSettings(piano="none")) == [] and [
        r.id for r in chosen(corpus, TranscriberSettings(piano="piano 0"))
    ] == ["r0"]
    with pytest.raises(InputError, match="not one recording"):
        Crops([], features, TINY)


@pytest.mark.parametrize(
    "file,content",
    [
        ("config.json", b"{"),
        ("config.json", b'{"steps": "many"}'),
        ("config.json", b'{"stepps": 3}'),
        ("weights.safetensors", b"junk"),
        ("config.json", b'{"note_output": false}'),
    ],
)
def test_damaged_folders_are_named(corpus, features, tmp_path, file, content):
    folder = train_transcriber(TINY, tmp_path, corpus, features, progress=False)
    assert load_transcriber(folder)[1] == TINY
    (folder / "checkpoint" / file).write_bytes(content)
    with pytest.raises(InputError, match=folder.name):
        load_transcriber(folder)


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="train this transcriber first"):
        load_transcriber(tmp_path)
    with pytest.raises(InputError, match="did you mean 'smoothing'"):
        transcriber_from_dict(dict(smothing=0.1))


# ---- sound


def test_any_rate_channels_and_length_are_written_down(tmp_path):
    network = Transcriber(TINY).eval()
    with torch.no_grad():
        network.onset.bias.fill_(3)
        network.note[-1].bias.fill_(3)  # answers something, whatever it hears
    noise = np.random.default_rng(0).normal(0, 0.1, (44100, 2)).astype(np.float32)
    for samples, rate_hz in (
        (noise, 44100),
        (noise[:, 0], 8000),
        (noise[:400], 44100),
        (noise[:1], 16000),
    ):
        soundfile.write(tmp_path / "a.wav", samples, rate_hz)
        notes = transcribe(tmp_path / "a.wav", network, NoteDecoding(shortest_s=0.0))
        assert np.isfinite(notes.onset_s).all() and (
            len(notes) == 0 or notes.offset_s.max() <= len(samples) / rate_hz + 0.05
        )
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    with pytest.raises(InputError, match="silent"):
        transcribe(tmp_path / "silent.wav", network)
    with pytest.raises(InputError, match="does not exist"):
        transcribe(tmp_path / "none.wav", network)


# ---- decoding


def test_decoding_says_what_it_cannot_read():
    with pytest.raises(InputError, match="88"):
        decode_notes(np.zeros((5, 87)), np.zeros((5, 87)), 43.0)
    with pytest.raises(InputError, match="not numbers"):
        decode_notes(np.full((5, 88), np.nan), np.zeros((5, 88)), 43.0)


def test_notes_of_a_key_do_not_overlap_and_nothing_is_found_twice():
    rng = np.random.default_rng(0)
    smooth = np.ones(9) / 9
    frames = np.apply_along_axis(lambda x: np.convolve(x, smooth, "same"), 0, rng.random((600, 88)))
    onset = np.where(rng.random((600, 88)) > 0.97, rng.random((600, 88)), 0)
    changes = ({}, dict(complete=False), dict(between_frames=True))
    for decoding in (NoteDecoding(**values) for values in changes):
        notes = decode_notes(onset, frames, 43.0, decoding)
        assert (
            len(notes) > 20
            and (notes.offset_s > notes.onset_s).all()
            and (notes.offset_s - notes.onset_s > 0.128 - 0.5 / 43 - 1e-9).all()
        )
        later = np.diff(notes.pitch) == 0
        assert (notes.onset_s[1:][later] >= notes.offset_s[:-1][later] - 0.5 / 43 - 1e-9).all()


def test_perfect_posteriorgrams_give_the_notes_back():
    fps, rng = 43.07, np.random.default_rng(1)
    onset_s = np.sort(rng.uniform(0, 30, 60))
    notes = Notes.from_arrays(
        onset_s, onset_s + rng.uniform(0.2, 1.0, 60), 21 + 3 * rng.permutation(np.arange(60) % 29)
    )
    sounding, struck = targets(notes, 1400, fps)
    r = Recording("x", "test", "p", None, 31.0, notes)
    answers = {"x": (sounding, sounding, struck)}
    counts = counts_of_recordings(answers, [r], fps, NoteDecoding())["x"]
    assert (
        counts["onset"][0] >= 57
        and counts["note"][0] >= 55
        and counts["bin"][0] == counts["bin"][1] == counts["bin"][2]
    )  # few overlap on one key
    assert (
        counts_of_recordings({"x": (sounding, sounding, struck)}, [r], fps)["x"]["bin"].tolist()
        == counts["bin"].tolist()
    )


def test_posteriorgrams_of_three_rows_a_semitone_have_88_keys():
    s = TranscriberSettings(**LAYOUTS["basic_pitch"])
    pitch, note, onset = posteriorgrams(
        Transcriber(s), np.random.default_rng(0).normal(-6, 1, (40, 3 * SEMITONES))
    )
    assert (
        pitch.shape == note.shape == onset.shape == (40, 88)
        and fps_of(s) == 22050 / 256
        and (0 <= pitch).all()
        and (pitch <= 1).all()
    )
