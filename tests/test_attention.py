"Attention in the recurrent layer's place, and that the rest of the package need not know."

import ast
import inspect
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import pianoalign.neighbours.attention
from pianoalign.neighbours.attention import (
    Conformer,
    LocalAttention,
    Transformer,
    rotated,
    set_reach,
)
from pianoalign.network import (
    CRNN,
    RECURRENT,
    NetworkSettings,
    draw_network,
    parameter_count,
    predict,
)
from pianoalign.files import InputError
from pianoalign.experiments import Experiment, load_plan
from pianoalign.runs import load_network, save_weights

SMALL = NetworkSettings(filters=(2, 2, 4), dense=16, hidden=16, dropout=0.1)
KINDS = ("transformer", "conformer")


def small(kind, **more):
    torch.manual_seed(0)
    return CRNN(replace(SMALL, recurrent=kind, **more)).eval()


# ---- size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tier", ["maps", "demo"])
def test_parameters_are_those_of_the_lstm_within_ten_percent(kind, tier):
    settings = load_plan().experiment("crnn", tier).network

    def of(k):
        return CRNN(replace(settings, recurrent=k))

    assert abs(parameter_count(of(kind)) / parameter_count(of("lstm")) - 1) < 0.1
    assert (
        abs(parameter_count(of(kind).recurrent) / parameter_count(of("lstm").recurrent) - 1) < 0.1
    )


def test_the_blocks_need_torch_and_the_table_of_recurrent_kinds_alone():
    tree = ast.parse(inspect.getsource(pianoalign.neighbours.attention))
    whole = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    parts = {
        n.module: [a.name for a in n.names] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)
    }
    assert whole == {"torch"}
    assert {k: v for k, v in parts.items() if not k.startswith("torch")} == {
        "network": ["RECURRENT"]
    }


def test_a_kind_is_known_once_its_module_has_been_imported():
    code = (
        "from pianoalign.files import InputError\n"
        "from pianoalign.network import NetworkSettings\n"
        "try: NetworkSettings(recurrent='conformer')\n"
        "except InputError as error:\n"
        "    assert 'import pianoalign.neighbours.attention' in str(error)\n"
        "else: raise SystemExit('known already')\n"
        "import pianoalign.neighbours.attention\n"
        "NetworkSettings(recurrent='conformer')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_there_was_before_is_as_it_was():
    assert (
        RECURRENT["lstm"] is nn.LSTM
        and RECURRENT["gru"] is nn.GRU
        and RECURRENT["none"] is None
        and NetworkSettings().recurrent == "lstm"
    )
    assert Experiment("crnn").changes() == {}
    with pytest.raises(InputError, match="transformer"):
        NetworkSettings(recurrent="attention")


# ---- in the network's place


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, dict(midi_branch=False), dict(onset_head=True)])
def test_a_network_predicts_saves_and_loads_like_any_other(kind, more, tmp_path):
    network, rng = small(kind, **more), np.random.default_rng(0)
    image, roll = (
        rng.normal(-6, 2, (70, 88)).astype(np.float32),
        (rng.random((70, 88)) > 0.95).astype(np.float32),
    )
    save_weights(network, Experiment("x", network=network.settings), tmp_path)
    loaded, experiment = load_network(tmp_path)
    for a, b in zip(
        *(np.atleast_3d(np.asarray(predict(n, image, roll))) for n in (network, loaded))
    ):
        assert np.array_equal(a, b)
    assert experiment.network == network.settings and np.shape(predict(network, image, roll))[
        -2:
    ] == (70, 88)


@pytest.mark.parametrize("kind", KINDS)
def test_all_parameters_learn_and_half_precision_works(kind):
    network = small(kind).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(torch.randn(2, 230, 88), torch.zeros(2, 230, 88))
    out.float().square().mean().backward()
    assert torch.isfinite(out).all() and all(
        p.grad is not None and p.grad.abs().sum() > 0
        for name, p in network.named_parameters()
        if name.startswith("recurrent") and "into.bias" not in name
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_drawn(kind):
    import matplotlib.pyplot as plt

    texts = [t.get_text() for t in draw_network(small(kind), plt.figure().gca()).texts]
    assert texts.count(kind) == 1 and not any(
        "norm" in t.lower() and "batch" not in t for t in texts
    )
    plt.close("all")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [dict(batch_first=False), dict(bidirectional=False)])
def test_what_attention_cannot_be_is_refused(kind, wrong):
    with pytest.raises(ValueError, match="both directions"):
        RECURRENT[kind](16, 8, **wrong)


# ---- long inputs


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_agree_with_the_whole_where_the_margin_is_wider_than_the_view(kind):
    network, rng = set_reach(small(kind), 10), np.random.default_rng(1)
    image, roll = (
        rng.normal(-6, 2, (500, 88)).astype(np.float32),
        (rng.random((500, 88)) > 0.95).astype(np.float32),
    )
    assert np.allclose(
        predict(network, image, roll, 5000), predict(network, image, roll, 120, 60), atol=1e-5
    )
    assert not np.allclose(
        predict(network, image, roll, 5000), predict(network, image, roll, 120, 0), atol=1e-3
    )


def test_no_matrix_of_all_pairs_is_made():
    layer, seen = LocalAttention(8, 2, reach=50), []
    original = pianoalign.neighbours.attention.scaled_dot_product_attention

    def watched(q, k, v, mask=None):
        seen.append((q.shape, k.shape, None if mask is None else mask.numel()))
        return original(q, k, v, mask)

    pianoalign.neighbours.attention.scaled_dot_product_attention = watched
    try:
        with torch.inference_mode():
            assert layer(torch.randn(1, 20_000, 8)).shape == (1, 20_000, 8)
    finally:
        pianoalign.neighbours.attention.scaled_dot_product_attention = original
    ((q, k, mask),) = seen
    assert q[-2] == 50 and k[-2] == 150 and mask == 20_000 * 150  # and not 20,000 x 20,000


@pytest.mark.parametrize("kind", KINDS)
def test_set_reach_changes_what_is_seen_and_no_weight(kind):
    block, x = RECURRENT[kind](16, 8).eval(), torch.randn(1, 400, 16)
    before = {k: v.clone() for k, v in block.state_dict().items()}
    y = x.clone()
    y[:, 0] += 5
    with torch.inference_mode():
        near = [set_reach(block, 5)(z)[0] for z in (x, y)]
        far = [set_reach(block, None)(z)[0] for z in (x, y)]
    assert torch.allclose(near[0][:, 100:], near[1][:, 100:], atol=1e-6) and not torch.allclose(
        far[0][:, 100:], far[1][:, 100:], atol=1e-6
    )
    assert all((v == before[k]).all() for k, v in block.state_dict().items())


@pytest.mark.parametrize("n", [0, 1, 99, 100, 101, 300, 301])
@pytest.mark.parametrize("kind", [Transformer, Conformer])
def test_any_number_of_frames(kind, n):
    with torch.inference_mode():
        features, state = kind(12, 8)(torch.randn(2, n, 12))
    assert features.shape == (2, n, 16) and state is None and torch.isfinite(features).all()


def test_rotation_keeps_lengths_and_knows_distances_at_any_place():
    torch.manual_seed(0)
    q, k = torch.randn(2, 6)
    a, b = rotated(q.expand(9000, 6)), rotated(k.expand(9000, 6))
    assert torch.allclose(a.norm(dim=-1), q.norm().expand(9000), atol=1e-3)
    assert torch.allclose(a[:-7].mul(b[7:]).sum(-1), (a[0] @ b[7]).expand(8993), atol=5e-3)
