"Fixtures that several files of tests share."

import pytest

from miniature import make_miniature
from short_piece import make_piece


@pytest.fixture
def miniature(tmp_path):
    return make_miniature(tmp_path)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    "Two tiny networks that were never trained: without and with an onset head."
    import torch
    from pianoalign.network import CRNN, NetworkSettings
    from pianoalign.experiments import Experiment
    from pianoalign.runs import save_weights

    folders = []
    for head in (False, True):
        torch.manual_seed(0)
        settings = NetworkSettings(filters=(2, 2, 2), dense=8, hidden=8, onset_head=head)
        folders.append(tmp_path_factory.mktemp("weights"))
        save_weights(CRNN(settings), Experiment("untrained", network=settings), folders[-1])
    return folders


@pytest.fixture(scope="session")
def piece(tmp_path_factory):
    folder = tmp_path_factory.mktemp("piece")
    return folder, make_piece(folder)
