"""One network, computed by ONNX Runtime or by PyTorch: the same answer, and no PyTorch needed."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from pianoalign.decoding import ALIGNER_WALK, decode
from pianoalign.experiments import Experiment
from pianoalign.files import InputError
from pianoalign.midi import read_midi, sounding_notes
from pianoalign.network import CRNN, NetworkSettings
from pianoalign.runs import load_network, read_weights, save_weights
from pianoalign.tool.aligner import shipped_weights
from pianoalign.tool.listening import hear, listen_to, Walker

pytest.importorskip("onnxruntime")
from pianoalign.tool.graph import answer_model, features_model  # noqa: E402
from pianoalign.tool.inference import OnnxNetwork, open_network, TorchNetwork  # noqa: E402


@pytest.fixture(scope="module")
def heard_piece(piece):
    "An image of a recording, and the loose notes of its file."
    image = listen_to(piece[0] / "piece.wav")[0]
    return image, sounding_notes(read_midi(piece[0] / "piece.mid"))


@pytest.mark.parametrize("name", sorted(shipped_weights()))
def test_the_networks_that_ship_answer_alike(name, heard_piece):
    image, loose = heard_piece
    folder = shipped_weights()[name]
    ours, experiment = open_network(folder, "cpu")
    theirs = TorchNetwork(load_network(folder)[0])
    assert isinstance(ours, OnnxNetwork)
    see = lambda a, b: image[a:b].astype(np.float32), lambda a, b: np.zeros((b - a, 88), np.float32)
    answers = [Walker(n).answer([0], len(image), *see) for n in (ours, theirs)]
    for a, b in zip(*answers, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype == np.float32
        assert np.abs(a - b).max() < 1e-4 and a.max() > 1e-3
    heard = [hear(Walker(n), experiment.audio, image, loose, len(image)) for n in (ours, theirs)]
    walk = ALIGNER_WALK if experiment.network.onset_head else None
    found = [decode(loose, h, experiment.audio.fps, walk, image) for h in heard]
    assert np.abs(found[0].notes.onset_s - found[1].notes.onset_s).max() < 1e-4
    assert np.any(found[0].notes.onset_s != loose.onset_s)


@pytest.mark.parametrize("recurrent", ["lstm", "gru", "none"])
@pytest.mark.parametrize("midi", [True, False])
@pytest.mark.parametrize("rises", [True, False])
def test_every_kind_of_network_answers_alike_in_windows(recurrent, midi, rises):
    torch.manual_seed(1)
    how = dict(recurrent=recurrent, midi_branch=midi, difference=rises, onset_head=rises)
    network = CRNN(NetworkSettings(filters=(2, 3, 4), dense=6, hidden=5, **how)).eval()
    for value in network.buffers():
        if value.dtype.is_floating_point and value.ndim:
            value.uniform_(0.5, 1.5)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    both = OnnxNetwork(network.settings, weights), TorchNetwork(network)
    rng = np.random.default_rng(0)
    image = rng.normal(-3, 2, (700, 88)).astype(np.float32)
    roll = (rng.random((700, 88)) < 0.05).astype(np.float32)
    see = lambda a, b: image[a:b], lambda a, b: roll[a:b]
    walkers = [Walker(n, window_frames=200, context_frames=70) for n in both]
    for a, b in zip(*(w.answer([0, 200, 400, 600], 700, *see) for w in walkers), strict=True):
        assert a.shape == b.shape == (700, 88) and np.abs(a - b).max() < 1e-5
        assert np.ptp(a) > 0.01


@pytest.mark.parametrize("model", [features_model, answer_model])
def test_a_graph_passes_the_check_of_the_formats_authors(model):
    checker = pytest.importorskip("onnx.checker")
    experiment, weights = read_weights(shipped_weights()["maps"])
    held = model(experiment.network, weights)
    checker.check_model(held, full_check=True)
    assert held == model(experiment.network, weights) and len(held) < 10 * 2**20


def test_nothing_of_pytorch_is_imported_to_align(piece, tmp_path):
    code = (
        "import sys\n"
        "for name in ('torch', 'librosa', 'pandas', 'matplotlib', 'synctoolbox', 'pretty_midi'):\n"
        "    sys.modules[name] = None\n"
        "from pianoalign.__main__ import main\n"
        "main()\n"
    )
    folder, out = piece[0], tmp_path / "out.mid"
    words = ["align", folder / "piece.wav", folder / "piece.mid", out, "--method", "hires"]
    line = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(read_midi(out).notes) == 40


def test_what_a_light_installation_lacks_is_said_from_python_too(piece, monkeypatch):
    from pianoalign import align

    result = align(piece[0] / "piece.wav", piece[0] / "piece.mid", method="hires")
    for package, work in (
        ("pandas", result.to_dataframe),
        ("pandas", lambda: result.path),
        ("pretty_midi", result.to_pretty_midi),
    ):
        work()
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(InputError, match=rf"needs {package}.*pianoalign\[paper\]"):
            work()
        monkeypatch.undo()


def test_a_device_of_pytorch_without_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"device cuda needs torch.*pianoalign\[paper\]"):
        open_network(shipped_weights()["maps"], "cuda")


def test_a_network_that_a_graph_cannot_have_goes_to_pytorch(tmp_path, monkeypatch):
    import pianoalign.neighbours.attention  # noqa: F401 (makes the kind known)

    settings = NetworkSettings(filters=(2, 2, 2), dense=8, hidden=8, recurrent="transformer")
    save_weights(CRNN(settings), Experiment("other", network=settings), tmp_path)
    assert isinstance(open_network(tmp_path, "cpu")[0], TorchNetwork)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="transformer needs torch"):
        open_network(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "shape", "bytes"])
def test_damaged_weights_are_named(untrained, tmp_path, damage):
    stored = load_file(untrained[1] / "weights.safetensors")
    (tmp_path / "config.json").write_bytes((untrained[1] / "config.json").read_bytes())
    if damage == "missing":
        del stored["recurrent.weight_hh_l0_reverse"]
    if damage == "shape":
        stored["output.bias"] = stored["output.bias"][:40]
    save_file(stored, tmp_path / "weights.safetensors")
    if damage == "bytes":
        (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    for read in (open_network, load_network):
        with pytest.raises(InputError, match="does not hold a network") as said:
            read(tmp_path)
        assert str(tmp_path) in str(said.value) and "\n" not in str(said.value)
    if damage != "bytes":
        name = {"missing": "recurrent.weight_hh_l0_reverse", "shape": "output.bias"}[damage]
        assert name in str(said.value)


def test_one_place_imports_the_runtime():
    "ONNX Runtime sends what it counts, unless it is told not to before it is imported."
    from pianoalign.files import repo_root

    root = repo_root()
    sources = [*root.glob("pianoalign/**/*.py"), *root.glob("nbs/**/*.ipynb")]
    import_it = re.compile(r"^[\s\"]*(import onnxruntime|from onnxruntime)", re.M)
    found = {p.stem for p in sources if import_it.search(p.read_text("utf-8"))}
    assert found == {"graph", "11a_graph"}


def test_the_runtime_keeps_no_number_of_this_device(tmp_path):
    pytest.importorskip("onnxruntime")
    code = "from pianoalign.tool.aligner import open_engine; print(open_engine().walker.network)"
    home = dict(os.environ, HOME=str(tmp_path), USERPROFILE=str(tmp_path))
    home = {name: value for name, value in home.items() if not name.startswith(("XDG_", "ORT_"))}
    done = subprocess.run([sys.executable, "-c", code], env=home, capture_output=True, text=True)
    assert "OnnxNetwork" in done.stdout, done.stderr
    assert list(tmp_path.rglob("*")) == []
