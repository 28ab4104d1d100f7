# %% [markdown]
# # Spot the bug: smoothing before the mask
#
# *What you would notice*: label smoothing "helps precision", far more than anyone expected. The
# weight of the rare class has no effect any more, whatever you set it to.
#
# Most cells of a piano roll are silent. The loss below lets a sounding cell count `weight` times as
# much as a silent one, and softens the targets a little (0 becomes `smoothing`/2, 1 becomes 1 −
# `smoothing`/2). The last cell fails. Mend the code, not the test.

# %% given
import numpy as np


def cross_entropy(p, y):
    "Binary cross entropy of each cell."
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))

# %% mend
def weighted_loss(p, target, weight, smoothing):
    """Mean loss of the sounding cells times weight / (1 + weight), plus that of the silent ones
    times 1 / (1 + weight)."""
    target = target * (1 - smoothing) + smoothing / 2
    loss = cross_entropy(p, target)
    sounding, silent = target > 0, target == 0
    parts = [loss[mask].mean() if mask.any() else 0.0 for mask in (sounding, silent)]
    return (weight * parts[0] + parts[1]) / (1 + weight)

# %% test
target = np.zeros((100, 88))
target[:, 40] = 1
never = np.full(target.shape, 0.02)  # says "silent" everywhere: right in 87 cells of 88
undecided = np.full(target.shape, 0.5)
for smoothing in (0.0, 0.001, 0.1):
    lazy, honest = (weighted_loss(p, target, 9.0, smoothing) for p in (never, undecided))
    assert lazy > honest, (
        f"smoothing {smoothing}: notes weigh nine times as much, yet never playing one "
        f"({lazy:.3f}) pays better than being undecided ({honest:.3f})"
    )

# %% [markdown] afterwards
# ## What was wrong
#
# The masks were made from targets that had been smoothed already. After smoothing no target is
# exactly 0, so *every* cell counted as sounding and none as silent: the loss was the plain mean
# times weight / (1 + weight), a constant. What looked like the effect of smoothing was the effect
# of weights that had vanished.
#
# *How to catch it*: compare two fixed predictions whose order must change with the weight; assert
# that neither mask is empty and that together they cover everything. A general rule: derive masks
# from labels as they came, and touch the labels afterwards.

# %% mended
def weighted_loss(p, target, weight, smoothing):
    """Mean loss of the sounding cells times weight / (1 + weight), plus that of the silent ones
    times 1 / (1 + weight)."""
    sounding, silent = target > 0.5, target <= 0.5
    loss = cross_entropy(p, target * (1 - smoothing) + smoothing / 2)
    parts = [loss[mask].mean() if mask.any() else 0.0 for mask in (sounding, silent)]
    return (weight * parts[0] + parts[1]) / (1 + weight)
