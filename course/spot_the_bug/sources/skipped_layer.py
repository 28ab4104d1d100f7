# %% [markdown]
# # Spot the bug: a layer that takes no part
#
# *What you would notice*: the paper says 16 filters of 5 × 5, the printed model shows them, the
# parameter count includes them, and results are a little below the paper's. No error, no warning.
# This has happened in a well-known published model.
#
# The last cell fails. Mend the code, not the test.

# %% given
import torch
from torch import nn

# %% mend
class Contours(nn.Module):
    """Three convolutions over a spectrogram (B, 1, N, 88), each followed by ReLU, the last by
    nothing."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(1, 16, 5, padding=2)
        self.tall = nn.Conv2d(16, 8, (3, 39), padding=(1, 19))
        self.tall_in_one = nn.Conv2d(1, 8, (3, 39), padding=(1, 19))
        self.last = nn.Conv2d(8, 1, 5, padding=2)

    def forward(self, image):
        x = torch.relu(self.wide(image))
        x = torch.relu(self.tall_in_one(image))
        return self.last(x)

# %% test
torch.manual_seed(0)
network = Contours()
network(torch.randn(2, 1, 20, 88)).square().mean().backward()
idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
assert not idle, f"these weights got no gradient, so they take no part: {', '.join(idle)}"
assert sum(p.numel() for p in network.parameters()) == (25 + 1) * 16 + (16 * 117 + 1) * 8 + (
    8 * 25 + 1
), "16 filters of 5 x 5, 8 of 3 x 39, 1 of 5 x 5"

# %% [markdown] afterwards
# ## What was wrong
#
# The second convolution was applied to `image`, the input, instead of to `x`, the output of the
# first. The first was computed and thrown away. To make the shapes fit, a version of the second
# layer with one input channel had been added at some point, and the one with sixteen was left
# behind: the parameter count of `print(network)` shows layers that are *there*, not layers that are
# *used*.
#
# *How to catch it*: after one backward pass on random data every parameter must have a gradient
# that is not zero. One line, worth having in every test suite. *Chapter*: `nbs/22_network`, where
# Figure 1 is drawn from the layers that a forward pass really meets.

# %% mended
class Contours(nn.Module):
    """Three convolutions over a spectrogram (B, 1, N, 88), each followed by ReLU, the last by
    nothing."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(1, 16, 5, padding=2)
        self.tall = nn.Conv2d(16, 8, (3, 39), padding=(1, 19))
        self.last = nn.Conv2d(8, 1, 5, padding=2)

    def forward(self, image):
        x = torch.relu(self.wide(image))
        x = torch.relu(self.tall(x))
        return self.last(x)
