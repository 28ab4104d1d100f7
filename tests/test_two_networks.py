"""What the benchmark that compares two networks counts."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import two_networks as bench  # noqa: E402

from pianoalign.experiments import load_plan  # noqa: E402
from pianoalign.files import InputError  # noqa: E402
from pianoalign.network import CRNN, NetworkSettings  # noqa: E402
from pianoalign.runs import load_network, run_to_start_from, write_npz  # noqa: E402
from pianoalign.tool.aligner import weights_folder  # noqa: E402


def test_gains_are_those_of_the_same_notes():
    velocity = np.array([30.0, 60, 90, 90])
    first = {
        "a": np.stack([[0.1, 0.02, 0.0, 0.0], velocity]),
        "b": np.stack([[0.03, 0.03, 0.03, 0.2], velocity]),
    }
    second = {piece: values * [[0], [1]] for piece, values in first.items()}  # every note is right
    rows = pd.DataFrame(bench.rows_of("demo", first, second))
    rows = rows.set_index(["loud", "shift_removed"])
    assert rows.notes.to_dict() == {(0, 0): 8, (0, 1): 8, (1, 0): 6, (1, 1): 6}
    assert rows.loc[(0, 0)].first_within_10_pct == 25 and rows.loc[(0, 0)].gain_within_10_pct == 75
    assert rows.loc[(1, 0)].first_within_25_pct == 50 and rows.loc[(1, 0)].gain_within_25_pct == 50
    assert rows.loc[(0, 1)].first_within_25_pct == pytest.approx(75)  # b lies 30 ms off as a whole
    assert (rows.second_within_10_pct == 100).all()
    assert (rows.gain_within_10_pct_lo <= rows.gain_within_10_pct_hi).all()


def test_a_network_is_named_by_its_weights():
    settings = NetworkSettings(filters=(2, 2, 2), dense=4, hidden=4)
    network = CRNN(settings).eval()
    name = bench.weights_hash(network)
    assert name == bench.weights_hash(network)
    with pytest.raises(InputError):
        bench.folder_of("no such weights")
    next(network.parameters()).data += 1e-6
    assert name != bench.weights_hash(network)


def test_an_average_lies_between_two_networks():
    first, second = ({"w": torch.full((3,), value)} for value in (1.0, 3.0))
    assert bench.averaged(first, second, 0.25)["w"].tolist() == [1.5] * 3
    assert bench.averaged(first, second, 1) is second


def test_by_the_sound_a_note_is_as_far_off_as_from_its_attack(tmp_path, monkeypatch):
    attacks = np.stack([np.arange(10), np.full(10, 20.0), np.full(10, 60), np.full(10, 77)], 1)
    write_npz(tmp_path / "attacks.npz", {"valid/a": attacks[::-1], "valid/b": attacks[:9]})
    monkeypatch.setattr(bench, "ATTACKS", tmp_path / "attacks.npz")
    late_s = np.stack([0.02 + 0.001 * np.arange(12), np.full(12, 90.0)])
    heard = bench.by_the_sound({"a": late_s, "b": late_s, "c": late_s}, "ENSTDkAm")
    assert list(heard) == ["a"]  # b has too few, c none
    assert heard["a"][0] == pytest.approx(0.001 * np.arange(10)[::-1])
    assert (heard["a"][1] == 77).all()
    assert bench.by_the_sound({"a": late_s}, "demo") == {}


@pytest.mark.parametrize("weights", ["free", "maps"])
def test_a_further_training_starts_from_the_weights_that_ship(tmp_path, weights):
    "They are found by their settings, and tell what they have cost."
    import train_further

    experiment = load_plan().experiment(train_further.RUN, train_further.TIERS[weights])
    assert "salamander" in experiment.data.corpus
    folder, found = run_to_start_from(tmp_path, experiment.training.init_from)
    assert found == weights_folder(weights)
    assert folder.finished and folder.epochs() > 1
    network, settings = load_network(found)
    shipped, _ = load_network(weights_folder(weights))
    assert settings.network == experiment.network
    assert bench.weights_hash(network) == bench.weights_hash(shipped)
