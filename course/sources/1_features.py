# %% [markdown]
# # Assignment 1: features and piano rolls
#
# **What you will see and hear at the end.** Eight seconds of Schubert as a picture with one row a
# key, the notes of the MIDI file laid over it cell for cell, and clicks that you have read back
# from your own piano roll and that fall exactly on the notes. On the way you will find out how one
# careless line makes every note of a data set 5 ms late without anybody noticing.
#
# *Time*: about ninety minutes. *Chapters*: `nbs/20a_notes` (time and frames) and
# `nbs/21_preprocessing` (the two pictures).
#
# Write your code where it says `# your code here`, and remove the line
# `raise NotImplementedError()`. Each task is followed by a cell of tests: run it, it should stay
# silent. When your work is graded, further tests are added to that cell, so try your functions on
# cases of your own too. Cells marked as given are put back before grading; every other cell is
# yours to play with.

# %% given=setup
import warnings

import librosa
import matplotlib.pyplot as plt
import numpy as np

from pianoalign.datasets import cut_notes, load_corpus
from pianoalign.notes import Notes
from pianoalign.files import repo_root
from pianoalign.report.plots import (
    COLOURS,
    draw_roll,
    draw_spectrogram,
    listen,
    use_style,
)
from pianoalign.preprocessing import load_audio

use_style()
warnings.filterwarnings("ignore", message="n_fft=.* is too large")  # of the CQT; harmless
RATE_HZ = 16000  # samples a second
FPS = 100  # frames a second
LOWEST = 21  # MIDI pitch of the lowest key, A0
N_KEYS = 88

# %% given=excerpt
corpus = load_corpus("demo", repo_root() / "corpus", ("test",))
recording = next(r for r in corpus if r.id == "schubert_moment_musical_no_3_tetzloff09m")
START_S, END_S = 10.0, 18.0
samples = load_audio(recording.audio)[int(START_S * RATE_HZ) : int(END_S * RATE_HZ)]
notes = cut_notes(recording.reference, START_S, END_S)  # times count from START_S
print(f"{len(samples) / RATE_HZ:.1f} s, {len(notes)} notes")

# %% [markdown]
# Left ear: the recording. Right ear: a click where the MIDI file says that a note begins. In this
# file the notes are exact.

# %%
listen(samples, notes)

# %% [markdown]
# ## Task 1: seconds and frames (5 points)
#
# Both pictures are cut into frames, 100 a second. **Frame *k* is centred on *k* / 100 s**: frame 0
# is centred on 0.00 s, frame 1 on 0.01 s, and so on. `to_frame` gives the frame whose centre is
# nearest to a time; where two are equally near, the later one. `to_time` gives the centre of a
# frame.

# %% solve=frames
def to_frame(time_s):
    "Nearest frame of each time. A number or an array of seconds in; whole numbers (dtype int) out."
    ### BEGIN SOLUTION
    return np.floor(np.asarray(time_s, dtype=float) * FPS + 0.5).astype(int)
    ### END SOLUTION


def to_time(frame):
    "Centre of each frame in seconds."
    ### BEGIN SOLUTION
    return np.asarray(frame) / FPS
    ### END SOLUTION

# %% test=frames points=5
assert to_frame(0.0) == 0 and to_frame(2.0) == 200, "frame 0 is at 0 s, frame 200 at 2 s"
assert to_frame(0.014) == 1, "0.014 s lies nearer to frame 1 (0.010 s) than to frame 2 (0.020 s)"
assert np.array_equal(to_frame(np.array([0.0, 1.0])), [0, 100]), "arrays must work too"
assert np.issubdtype(np.asarray(to_frame(np.array([0.1, 0.2]))).dtype, np.integer), (
    "frames are whole numbers"
)
assert np.isclose(to_time(100) - to_time(0), 1.0)
### BEGIN HIDDEN TESTS
assert to_frame(0.016) == 2, "rounded down instead of to the nearest"
assert to_frame(0.125) == 13 and to_frame(0.625) == 63, "of two equally near frames take the later"
assert np.allclose(to_time(np.arange(5)), [0, 0.01, 0.02, 0.03, 0.04]), (
    "frame k is centred on k / FPS, not beside it"
)
_times = np.random.default_rng(0).uniform(0, 60, 5000)
_error = to_time(to_frame(_times)) - _times
assert np.abs(_error).max() < 0.005 + 1e-9 and abs(_error.mean()) < 0.0003, (
    "times there and back must be unbiased"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 2: the picture of the sound (7 points)
#
# The constant-Q transform has one row of frequencies for each key, from A0 (27.5 Hz, MIDI pitch 21)
# upwards, 12 an octave, 88 in all. Use `librosa.cqt` and return the **natural logarithm of the
# magnitude**, floored at 10⁻⁴ before the logarithm, as an array with one row a frame and one column
# a key.
#
# Three things to get right: the hop (how many samples lie between frames?), the lowest frequency
# (`fmin`; librosa's default is C1, not A0), and the orientation (librosa returns frequencies ×
# frames). At 16 kHz and 100 frames a second, *n* samples give *n* // 160 + 1 frames.

# %% solve=picture
def picture(samples):
    "Log CQT of mono samples at RATE_HZ: (N, 88) array, N = n_samples // 160 + 1."
    ### BEGIN SOLUTION
    transform = librosa.cqt(
        samples, sr=RATE_HZ, hop_length=RATE_HZ // FPS, fmin=27.5, n_bins=N_KEYS, bins_per_octave=12
    )
    return np.log(np.maximum(np.abs(transform).T, 1e-4))
    ### END SOLUTION

# %% test=picture points=7
_image = picture(samples)
assert _image.shape == (len(samples) // 160 + 1, 88), "one row a frame, one column a key"
assert np.isfinite(_image).all() and np.isrealobj(_image)
### BEGIN HIDDEN TESTS
# The floor.
assert np.isclose(_image.min(), np.log(1e-4), atol=2.0) and _image.min() >= np.log(1e-4) - 1e-6, (
    "natural log, floored at 1e-4"
)
_silent = picture(np.zeros(RATE_HZ, dtype=np.float32))
assert np.allclose(_silent, np.log(1e-4)), (
    "silence is the logarithm of the floor, not minus infinity"
)

# A tone lies in its own column.
for _pitch in (33, 57, 69, 93):
    _hz = 440 * 2 ** ((_pitch - 69) / 12)
    _tone = (0.3 * np.sin(2 * np.pi * _hz * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    _row = picture(_tone)[50:150].mean(axis=0).argmax()
    assert _row == _pitch - 21, (
        f"a tone of pitch {_pitch} belongs in column {_pitch - 21}, found in {_row}: where does "
        f"the lowest row begin?"
    )

# Its first frame is that of its onset.
_tone[:RATE_HZ] = 0
_rise = picture(_tone)[:, 93 - 21]
assert abs(np.argmax(np.diff(_rise)) - 100) <= 3, (
    "a tone that begins after one second begins in frame 100"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 3: the picture of the notes (6 points)
#
# A piano roll is 1 where a key sounds. A note fills the frames `to_frame(onset)` …
# `to_frame(offset) - 1`, and **at least one frame** however short it is. What lies outside the
# picture, in time, is left out.

# %% solve=roll
def blocks(onset_s, offset_s, pitch, n_frames):
    """Piano roll (n_frames, 88), 0 or 1, from arrays of onsets and offsets in seconds and MIDI
    pitches (21 to 108)."""
    roll = np.zeros((n_frames, N_KEYS))
    ### BEGIN SOLUTION
    for start_s, end_s, key in zip(onset_s, offset_s, pitch):
        first = int(to_frame(start_s))
        stop = max(int(to_frame(end_s)), first + 1)
        roll[max(first, 0) : max(stop, 0), key - LOWEST] = 1
    ### END SOLUTION
    return roll

# %% test=roll points=6
_roll = blocks(np.array([0.10]), np.array([0.20]), np.array([60]), 50)
assert _roll.shape == (50, 88) and _roll[:, 39].sum() == 10 and _roll.sum() == 10
assert _roll[10, 39] == 1 and _roll[9, 39] == 0, "the note begins in frame 10"
assert blocks(np.array([0.10]), np.array([9.0]), np.array([60]), 50)[:, 39].sum() == 40, (
    "cut at the end of the picture"
)
### BEGIN HIDDEN TESTS
# A note's first and last frame.
assert _roll[20, 39] == 0 and _roll[19, 39] == 1, "the last frame is to_frame(offset) - 1"
assert blocks(np.array([0.10]), np.array([0.101]), np.array([60]), 50).sum() == 1, (
    "a short note still has one frame"
)
assert blocks(np.array([-0.10]), np.array([0.05]), np.array([21]), 50)[:, 0].sum() == 5, (
    "a note that began earlier is cut at frame 0"
)
assert blocks(np.array([-0.30]), np.array([-0.10]), np.array([21]), 50).sum() == 0, (
    "a note before the picture leaves no trace"
)

# The package draws the excerpt's notes alike.
from pianoalign.preprocessing import piano_roll as _piano_roll

_mine = blocks(notes.onset_s, notes.offset_s, notes.pitch, 800)
assert np.array_equal(_mine, _piano_roll(notes, 800, FPS, gap=False)), (
    "differs from the package's roll of the same notes"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 4: the gap (4 points)
#
# When a key is struck again while it sounds, two blocks touch and look like one long note. So the
# paper clears **the one frame before each onset** (same key). A note that begins in frame 0 has no
# frame before it.

# %% solve=gap
def with_gaps(roll, onset_s, pitch):
    "A copy of the roll in which the frame before each note's first frame is 0."
    roll = roll.copy()
    ### BEGIN SOLUTION
    for start_s, key in zip(onset_s, pitch):
        first = int(to_frame(start_s))
        if 0 < first <= len(roll):
            roll[first - 1, key - LOWEST] = 0
    ### END SOLUTION
    return roll

# %% test=gap points=4
_twice = np.array([0.10, 0.20]), np.array([0.20, 0.30]), np.array([60, 60])
_roll = np.zeros((50, 88))
_roll[10:30, 39] = 1
_gaps = with_gaps(_roll, _twice[0], _twice[2])
assert _gaps[20, 39] == 1 and _gaps[21:30, 39].all()
assert _roll[10:30, 39].all(), "the roll that was given must not change"
### BEGIN HIDDEN TESTS
assert _gaps[19, 39] == 0 and _gaps[18, 39] == 1, (
    "exactly the frame before the second onset is cleared"
)
assert _gaps.sum() == 19, "one frame, and no other, is cleared"
_edge = np.zeros((50, 88))
_edge[:, 0] = 1
assert with_gaps(_edge, np.array([0.0]), np.array([21])).sum() == 50, (
    "a note in frame 0 clears nothing, certainly not the last frame"
)
assert with_gaps(_edge, np.array([0.20]), np.array([60])).sum() == 50, "only the same key"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 5: back from the roll (5 points)
#
# Given a roll, list the onsets: for each key from low to high, in temporal order, the time of each
# block's first frame. A block may begin in frame 0.

# %% solve=onsets
def onsets(roll):
    """Onsets of a roll: two arrays of one length, seconds and MIDI pitches, sorted by pitch, then
    time."""
    ### BEGIN SOLUTION
    before = np.vstack([np.zeros((1, roll.shape[1])), roll[:-1]])
    key, first = np.nonzero(((roll > 0) & (before == 0)).T)
    return to_time(first), key + LOWEST
    ### END SOLUTION

# %% test=onsets points=5
_roll = np.zeros((50, 88))
_roll[10:20, 39] = 1
_roll[21:30, 39] = 1
_time, _pitch = onsets(_roll)
assert len(_time) == len(_pitch) == 2 and list(_pitch) == [60, 60]
### BEGIN HIDDEN TESTS
assert np.allclose(_time, [0.10, 0.21]), "the time of a block is the centre of its first frame"
_roll[0:3, 0] = 1
_roll[40, 87] = 1
_roll[49, 50] = 1
_time, _pitch = onsets(_roll)
assert sorted(_pitch) == [21, 60, 60, 71, 108], (
    "blocks may begin in frame 0, end in the last one, and last one frame"
)
assert list(_pitch) == [21, 60, 60, 71, 108], "from low keys to high ones, not in order of time"
assert np.allclose(_time, [0.0, 0.10, 0.21, 0.49, 0.40])
### END HIDDEN TESTS

# %% [markdown]
# ## The click test
#
# Now send many notes through your roll and back. What comes back can be wrong by half a frame, 5
# ms, and on average by nothing at all. If your mean is not within a few tenths of a millisecond of
# 0, something in tasks 1 to 5 leans to one side.

# %%
rng = np.random.default_rng(1)
onset_s = np.sort(rng.uniform(0, 250, 400))
keys = np.tile(np.arange(21, 109), 5)[:400]
back_s, back_pitch = onsets(blocks(onset_s, onset_s + 0.2, keys, 25100))
order = np.lexsort((onset_s, keys))
error_ms = 1000 * (back_s - onset_s[order])
print(f"mean {error_ms.mean():+.2f} ms, largest {np.abs(error_ms).max():.2f} ms")

# %%
fig, ax = plt.subplots(figsize=(7, 2.4))
ax.hist(error_ms, bins=np.arange(-10.5, 11), color=COLOURS["crnn"])
ax.axvline(0, color=COLOURS["truth"])
ax.set(
    xlabel="Onset after the round trip − before (ms)",
    ylabel="Notes",
    title="Half a frame to either side, and no more",
);

# %% [markdown]
# ## Question A: five milliseconds (6 points, graded by a person)
#
# Suppose that `to_frame` rounded down. (a) In which range would the errors of the click test lie,
# and what would their mean be? (b) Training labels and evaluation use the same function: would the
# published error of a network trained with it look worse? When would the mistake come to light? (c)
# A table counts notes within 10 ms. Take a perfect aligner whose only error is this one, and
# another whose errors are uniform in ±10 ms; what share within 10 ms does each reach, and what
# after the mistake is added to the second? Five to ten sentences.

# %% [markdown] answer=five-ms points=6
# ### BEGIN SOLUTION
# (a) A time is then replaced by the frame centre at or before it: errors from −10 ms to 0, mean −5
# ms.
#
# (b) Not if roll and evaluation share the mistake: network and reference are shifted alike and the
# shift cancels. It comes to light as soon as something with a clock of its own enters: the audio
# (frame k of the spectrogram is centred on k / fps, so the network must learn to answer half a
# frame early), a MIDI file that somebody listens to, a click test, a comparison with another system
# or with labels at other frame rates, where half a frame is another length of time.
#
# (c) The perfect aligner has errors from −10 to 0 ms: all within 10 ms, so the table does not show
# the mistake. The second: 100 % without the mistake. Errors uniform in ±10 ms plus an independent
# one uniform in −10 … 0 ms: beyond −10 ms lie on average (average of u over 0 … 10 ms) / 20 ms = 25
# %, so 75 % remain. A constant shift of −5 ms is a good approximation and gives the same: from −15
# to +5 ms, three quarters within ±10 ms.
# ### END SOLUTION

# %% [markdown]
# ## Question B: one picture over the other (4 points, graded by a person)
#
# Draw the log CQT of two seconds of the excerpt with the outlines of the notes over it
# (`draw_spectrogram` and `draw_roll(..., kind="boxes")` help; put your own functions to use),
# pitches 40 to 90, axes labelled with units. Below it, one sentence: do low notes light up at the
# same moment relative to their box as high ones, and why?

# %% answer=overlay points=4
### BEGIN SOLUTION
fig, ax = plt.subplots(figsize=(7, 3.6))
draw_spectrogram(ax, picture(samples), fps=FPS, dynamic_range=6)
draw_roll(ax, notes, "#56B4E9", kind="boxes", linewidth=1.4)
ax.set(xlim=(2, 4), ylim=(40, 90), title="Schubert, Moment musical no. 3: log CQT and notes")
# Low notes smear to both sides of their onset and seem to light up before it: their analysis window
# is longer, since it always holds the same number of periods.
### END SOLUTION

# %% [markdown]
# ## And now listen
#
# Left the recording, right a click at each onset that **you** read back from **your** roll. They
# lie on the notes to half a frame. The last row says how many came back.

# %%
mine = with_gaps(
    blocks(notes.onset_s, notes.offset_s, notes.pitch, 801), notes.onset_s, notes.pitch
)
time_s, pitch = onsets(mine)
print(f"{len(notes)} notes in, {len(time_s)} blocks back")
listen(samples, Notes.from_arrays(time_s, time_s + 0.1, pitch))
