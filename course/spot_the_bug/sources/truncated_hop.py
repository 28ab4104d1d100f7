# %% [markdown]
# # Spot the bug: a rate that is not what you asked for
#
# *What you would notice*: the beginning of a piece is aligned well, its end is late, by seconds if
# the piece is long. Cutting the piece into segments "improves the method".
#
# Features are computed at a sample rate of 22,050 Hz; somebody asked for 100 frames a second. The
# last cell fails. Mend the code, not the test.

# %% given
import numpy as np

RATE_HZ = 22050


def energy(samples, hop):
    "Energy around every hop-th sample: frame k is centred on sample k * hop."
    padded = np.pad(samples, 128)
    return np.array([np.sum(padded[k : k + 256] ** 2) for k in range(0, len(samples), hop)])

# %% mend
def loudest_s(samples, frames_per_second=100):
    "The time of the loudest frame in seconds."
    hop = int(RATE_HZ / frames_per_second)
    return energy(samples, hop).argmax() / frames_per_second

# %% test
for at_s in (1.0, 10.0, 100.0):
    samples = np.zeros(int(RATE_HZ * (at_s + 1)))
    samples[int(at_s * RATE_HZ)] = 1.0
    error_ms = 1000 * (loudest_s(samples) - at_s)
    assert abs(error_ms) <= 8, f"a click at {at_s:g} s is found {error_ms:+.0f} ms off"

# %% [markdown] afterwards
# ## What was wrong
#
# 22050 / 100 is 220.5; a hop must be whole, so it became 220 samples. The frames then come at
# 100.23 a second, but their numbers were divided by 100: 2.3 ms too much a second, 0.23 s after 100
# s. At 50 frames a second the hop is 441 exactly and nothing happens, so the bug sleeps until
# somebody wants a finer grid.
#
# *How to catch it*: a click far into the recording. Near the beginning every rate is right. The
# package refuses frame rates that do not divide the sample rate. *Chapter*: `nbs/34_baselines`,
# first cause of DTW's lag.

# %% mended
def loudest_s(samples, frames_per_second=100):
    "The time of the loudest frame in seconds."
    hop = int(RATE_HZ / frames_per_second)
    return energy(samples, hop).argmax() * hop / RATE_HZ
