"The invertible constant-Q transform: any sound of any length comes back, or is refused in words."

import numpy as np
import pytest
import torch

from pianoalign.neighbours.icqt import (
    SMALL,
    CQTSettings,
    analyse,
    frame_times,
    slices_of,
    synthesise_cqt,
)
from pianoalign.files import InputError

LAYOUTS = dict(
    published=CQTSettings(),
    small=SMALL,
    tiny=CQTSettings(1000, 3, 5, slice_smp=200, frames=40, fade_smp=100),
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("length", [1, 2, 17, 199, 18_000, 18_001, 70_000])
def test_any_length_comes_back(layout, length):
    settings = LAYOUTS[layout]
    x = torch.randn(length, generator=torch.Generator().manual_seed(length))
    c, rest = analyse(x, settings)
    assert c.shape == (slices_of(length, settings), settings.n_bins, settings.frames)
    back = synthesise_cqt(c, rest, length, settings)
    assert back.dtype == torch.float32 and float((back - x).abs().max() / x.abs().max()) < 1e-5


@pytest.mark.parametrize("seed", range(8))
def test_any_layout_comes_back(seed):
    rng = np.random.default_rng(seed)
    slice_smp = 2 * int(rng.integers(60, 900))
    bins = int(rng.integers(3, 40))
    most = int(np.ceil(slice_smp / 2 * (1 - 2 ** (-2 / bins)))) + 1
    settings = CQTSettings(
        int(rng.integers(500, 48_000)),
        int(rng.integers(1, 9)),
        bins,
        slice_smp,
        most + int(rng.integers(0, 9)),
        int(rng.integers(0, slice_smp // 2 + 1)),
    )
    x = torch.from_numpy(rng.standard_normal((2, int(rng.integers(1, 3000)))))
    c, rest = analyse(x, settings)
    assert torch.allclose(synthesise_cqt(c, rest, x.shape[-1], settings), x, atol=1e-10)


def test_a_tone_stands_in_its_row_and_time():
    for row in (40, 100, 170):
        n = 40_000
        t = np.arange(n) / 8000
        c, _ = analyse(
            torch.from_numpy(np.sin(2 * np.pi * SMALL.centres_hz[row] * t) * (t > 2.5)), SMALL
        )
        energy = c.abs().square()
        assert int(energy.sum((0, 2)).argmax()) == row
        assert (
            energy[
                torch.from_numpy(frame_times(len(c), SMALL) < 1.9)[:, None].expand(-1, 216, -1)
            ].sum()
            < 1e-3 * energy.sum()
        )


def test_what_the_rows_hold_is_nearly_all():
    x = torch.randn(60_000, generator=torch.Generator().manual_seed(0))
    c, _ = analyse(x, SMALL)
    left = x - synthesise_cqt(c, None, len(x), SMALL)
    assert 0 < float(left.square().sum() / x.square().sum()) < 0.05


@pytest.mark.parametrize(
    "samples, said",
    [
        (np.zeros(0, np.float32), "no samples"),
        (np.zeros((2, 0), np.float32), "no samples"),
        (np.array([0.0, np.inf]), "not numbers"),
        (np.array([np.nan]), "not numbers"),
        (np.arange(5), "float32"),
    ],
)
def test_unusable_samples_are_refused(samples, said):
    with pytest.raises(InputError, match=said):
        analyse(samples, SMALL)


@pytest.mark.parametrize(
    "change, said",
    [
        (dict(frames=10), "widest row"),
        (dict(slice_smp=23_999), "even"),
        (dict(fade_smp=12_001), "at most half"),
        (dict(bins_per_octave=0), "below one"),
    ],
)
def test_impossible_layouts_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        CQTSettings(
            **(
                dict(
                    sample_rate_hz=8000,
                    octaves=6,
                    bins_per_octave=36,
                    slice_smp=24_000,
                    frames=480,
                    fade_smp=6000,
                )
                | change
            )
        )


def test_coefficients_of_another_layout_are_refused():
    c, rest = analyse(torch.ones(100), SMALL)
    with pytest.raises(InputError, match="540"):
        synthesise_cqt(c, rest, 100)
    with pytest.raises(InputError, match="slices"):
        synthesise_cqt(c, rest, 10**6, SMALL)
