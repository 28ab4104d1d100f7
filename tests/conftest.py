import pytest

from miniature import make_miniature


@pytest.fixture
def miniature(tmp_path):
    return make_miniature(tmp_path)
