# %% [markdown]
# # Spot the bug: half a frame
#
# *What you would notice*: nothing. Pictures look right, training works, the loss falls. Only when
# somebody lays the aligned MIDI file over the recording and counts, every note is early, by 5 ms on
# average at 100 frames a second and by 20 ms at 25.
#
# Below, notes become frames and come back. The last cell fails. Mend the code, not the test.

# %% given
import numpy as np

# %% mend
def frames_of(onset_s, fps):
    "The frame in which each note begins; frame k is centred on k / fps."
    return (onset_s * fps).astype(int)


def seconds_of(frames, fps):
    "The time of each frame."
    return frames / fps

# %% test
rng = np.random.default_rng(0)
onset_s = rng.uniform(0, 60, 10_000)
for fps in (25, 50, 100, 200):
    error_ms = 1000 * (seconds_of(frames_of(onset_s, fps), fps) - onset_s)
    assert abs(error_ms.mean()) < 0.5, (
        f"{fps} frames a second: notes come back {error_ms.mean():+.1f} ms off on average"
    )
    assert np.abs(error_ms).max() <= 500 / fps + 1e-6, (
        f"{fps} frames a second: a note came back {np.abs(error_ms).max():.1f} ms off"
    )
    assert np.allclose(seconds_of(np.arange(fps + 1), fps)[[0, -1]], [0, 1]), (
        f"{fps} frames a second: frame 0 is centred on 0 s and frame {fps} on 1 s, as in the sound"
    )

# %% [markdown] afterwards
# ## What was wrong
#
# `astype(int)` cuts off. A time between two frames then always goes to the earlier one: errors from
# −1 frame to 0 instead of ±½ frame. Adding half a frame to `seconds_of` mends the mean, and
# is the second mistake: frames of the spectrogram are *centred* on k / fps, so sound and labels
# would part by half a frame. The last assertion stops it.
#
# *How to catch it*: send random times, not multiples of a frame, through the chain and look at the
# **mean signed** error. Absolute errors hide it. *Chapter*: `nbs/20a_notes`, `frame_of`.

# %% mended
def frames_of(onset_s, fps):
    "The frame in which each note begins; frame k is centred on k / fps."
    return np.floor(onset_s * fps + 0.5).astype(int)


def seconds_of(frames, fps):
    "The time of each frame."
    return frames / fps
