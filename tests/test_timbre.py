"Timbre-Trap: its sizes, its answers for any sound, its run folders, and what is refused."

import json

import numpy as np
import pytest
import soundfile
import torch

from pianoalign.neighbours.instruments import Ensemble
from pianoalign.network import parameter_count
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.neighbours.timbre import (
    SMALL_FORM,
    Cuts,
    TimbreSettings,
    TimbreTrap,
    answers_of,
    averaged,
    difference,
    figures_of_recordings,
    load_timbre,
    losses,
    multipitch,
    sdr_db,
    timbre_from_dict,
    train_timbre,
)

TINY = SMALL_FORM | dict(channels=(2, 3, 4), units=1, latents=6, batch=2, crop_s=0.5, steps=3)


@pytest.fixture
def tone(tmp_path):
    x = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000)
    soundfile.write(tmp_path / "a.wav", x, 16_000)
    return Ensemble(
        "a",
        "train",
        tmp_path / "a.wav",
        3.0,
        Notes.from_arrays([0.2], [2.5], [69]),
        np.zeros(1, np.int64),
        ("tone",),
        ("organ",),
    )


def test_sizes():
    assert parameter_count(TimbreTrap()) == 614_490
    assert (
        parameter_count(TimbreTrap(TimbreSettings(channels=(2, 4, 8, 16, 32), latents=32)))
        == 90_910
    )
    for changes in (
        dict(),
        dict(skips=True),
        dict(switch="film"),
        dict(magnitude=True, consistent=False),
    ):
        assert parameter_count(TimbreTrap(TimbreSettings(**SMALL_FORM, **changes))) <= 100_000


def test_settings_survive_json_and_name_their_folder():
    s = TimbreSettings(**TINY)
    from dataclasses import asdict, replace

    assert timbre_from_dict(json.loads(json.dumps(asdict(s)))) == s
    assert len({x.folder_name for x in (s, replace(s, seed=1), replace(s, blur_bins=0.0))}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        dict(switch="dial"),
        dict(fold=7),
        dict(magnitude=True),
        dict(reconstruct=False),
        dict(channels=(2,) * 12),
        dict(crop_s=9.0),
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError):
        TimbreTrap(TimbreSettings(**TINY | wrong))


def test_training_repeats_itself_and_is_found_again(tone, tmp_path):
    s = TimbreSettings(**TINY)
    made = []

    def cuts():
        made.append(1)
        return Cuts([tone], s)

    first = train_timbre(s, tmp_path / "one", cuts, "d", "c", progress=False)
    again = train_timbre(s, tmp_path / "one", cuts, "d", "c", progress=False)
    other = train_timbre(s, tmp_path / "two", cuts, "d", "c", progress=False)
    assert first == again and len(made) == 2
    a, b = load_timbre(first), load_timbre(other)
    assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))
    train_timbre(s, tmp_path / "one", cuts, "another", "c", progress=False)
    assert len(made) == 3
    (first / "checkpoint" / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="train it again"):
        load_timbre(first)
    with pytest.raises(InputError, match="does not exist"):
        load_timbre(tmp_path / "nowhere")


def test_a_step_is_made_where_the_device_choice_says_and_waits_for_nothing(tone, monkeypatch):
    "On the device `meta`, which takes no number from elsewhere and gives none back."
    import pianoalign.neighbours.timbre as module

    def one_step(run, *_):
        run.advance()
        return run

    monkeypatch.setattr(module, "choose_device", lambda: "meta")
    monkeypatch.setattr(module, "fit_neighbour", one_step)
    settings = timbre_from_dict(TINY)
    run = module.fit_timbre(settings, Cuts([tone], settings), progress=False)
    assert run.step == 1 and {p.device.type for p in run.network.parameters()} == {"meta"}
    assert {x.device.type for x in run._losses[0].values()} == {"meta"}


def test_losses_pull_towards_the_target(tone):
    s = TimbreSettings(**TINY | dict(steps=1))
    network = TimbreTrap(s)
    image = torch.zeros(1, 2, s.transform.n_bins, 24)
    wanted = torch.zeros(1, s.transform.n_bins, 24)
    wanted[:, 50] = 1
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    values = []
    for _ in range(30):
        parts = losses(network, image, wanted)
        values.append(float(parts["transcription"].detach()))
        optimiser.zero_grad()
        sum(parts.values()).backward()
        optimiser.step()
    assert values[-1] < 0.7 * values[0]
    with pytest.raises(InputError, match="not one recording"):
        Cuts([], s)


@pytest.mark.parametrize("length", [1, 500, 30_000])
def test_answers_for_any_length(length):
    network = TimbreTrap(TimbreSettings(**TINY)).eval()
    x = np.random.default_rng(1).standard_normal(length).astype(np.float32)
    a = answers_of(network, x)
    assert (
        a.rebuilt.shape == a.timbreless.shape == x.shape
        and len(a.salience) == len(a.times_s)
        and np.isfinite(a.salience).all()
    )
    for bad in (x[:0], np.full(9, np.nan, np.float32)):
        with pytest.raises(InputError):
            answers_of(network, bad)


def test_rates_and_intervals(tone):
    figures = figures_of_recordings(TimbreTrap(TimbreSettings(**TINY)).eval(), [tone])
    assert figures["a"].shape == (4,)
    assert (
        multipitch([np.array([440.0])], [np.array([440.0 * 2 ** (0.49 / 12)])], np.zeros(1))
        == (1, 1, 1)
        and multipitch([np.array([440.0])], [np.array([440.0 * 2 ** (0.51 / 12)])], np.zeros(1))[2]
        == 0
    )
    assert sdr_db(np.zeros(4), np.zeros(4)) == 0
    with pytest.raises(InputError):
        averaged({})
    with pytest.raises(InputError, match="different recordings"):
        difference({"a": figures["a"]}, {"b": figures["a"]})


def test_a_cut_longer_than_a_slice_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="within one slice of the transform.* at most 2"):
        TimbreSettings(**SMALL_FORM | dict(crop_s=2.5))
    assert TimbreSettings(**SMALL_FORM).crop_s == 2 and TimbreSettings().crop_s == 3


def test_an_interrupted_training_goes_on_to_the_same_weights(tone, tmp_path):
    s = TimbreSettings(**TINY | dict(steps=6))

    class Stopping(Cuts):
        def batch(self, step):
            if step == 4:
                raise KeyboardInterrupt
            return super().batch(step)

    straight = train_timbre(s, tmp_path / "one", lambda: Cuts([tone], s), progress=False)
    with pytest.raises(KeyboardInterrupt):
        train_timbre(s, tmp_path / "two", lambda: Stopping([tone], s), progress=False)
    assert list((tmp_path / "two").rglob("state.safetensors"))
    resumed = train_timbre(s, tmp_path / "two", lambda: Cuts([tone], s), progress=False)
    weights = [(f / "checkpoint" / "weights.safetensors").read_bytes() for f in (straight, resumed)]
    assert weights[0] == weights[1] and not list((tmp_path / "two").rglob("state.safetensors"))
