# %% [markdown]
# # Assignment 2: dynamic time warping from scratch
#
# **What you will see and hear at the end.** A MIDI file that wanders up to 0.4 seconds away from
# its recording, and your own code that brings it home: the clicks that stumbled along now fall on
# the notes. You will see the path that does it, and you will know the one thing that no such path
# can do.
#
# *Time*: about ninety minutes. *Chapters*: `nbs/10_introduction` (the idea, and why a path cannot
# mend a chord) and `nbs/34_baselines` (the DTW of the paper's tables).
#
# Write your code where it says `# your code here`, and remove the line
# `raise NotImplementedError()`. Each task is followed by a cell of tests; when your work is graded,
# further tests are added to it. Plain loops are fine: the excerpt is short.

# %% given=setup
import librosa
import matplotlib.pyplot as plt
import numpy as np

from pianoalign.datasets import load_corpus
from pianoalign.files import repo_root
from pianoalign.report.plots import COLOURS, listen, use_style
from pianoalign.preprocessing import AudioSettings, load_audio, piano_roll, spectrogram

use_style()
RATE_HZ = 16000
FPS = 50  # frames a second: 20 ms each

# %% given=excerpt
corpus = load_corpus("demo", repo_root() / "corpus", ("recordings",))
recording = next(r for r in corpus if r.id == "haydn_keyboard_sonatas_48_2_prjevalskayam03m")
START_S, END_S = 8.0, 16.0
samples = load_audio(recording.audio)[int(START_S * RATE_HZ) : int(END_S * RATE_HZ)]
truth, loose = recording.reference, recording.loose
inside = (truth.onset_s >= START_S + 0.3) & (truth.offset_s <= END_S - 0.1)
played = truth[inside].shifted(-START_S)  # where the notes sound

# A score on a metronome, loosely aligned, whose tempo we bend further.
score, written_s = loose[inside].shifted(-START_S), loose.onset_s[inside]
wander_s = 0.45 * np.sin(np.pi * written_s / 4 + 0.5) * np.sin(np.pi * (written_s - START_S) / 8)
score = score.at_times(score.onset_s + wander_s, score.offset_s + wander_s)
print(f"{len(score)} notes, up to {1000 * np.abs(score.onset_s - played.onset_s).max():.0f} ms off")

# %% [markdown]
# Left the recording, right clicks where the bent score has its notes.

# %%
listen(samples, score)

# %% given=pictures
heard = np.exp(spectrogram(samples, AudioSettings(fps=FPS)))  # (N, 88) magnitudes of the recording
written = piano_roll(score, len(heard), FPS)  # (M, 88) roll of the score
print(heard.shape, written.shape)

# %% [markdown]
# ## Task 1: chroma (5 points)
#
# Sum the 88 columns into 12 **pitch classes**: column *c* of the chroma holds all keys whose MIDI
# pitch leaves the remainder *c* when divided by 12 (C is 0, A is 9). Column 0 of a picture is MIDI
# pitch 21. Then scale each row to length 1 (Euclidean), so that loud and soft frames can be
# compared; a row that is all zero stays zero.

# %% solve=chroma
def chroma(image):
    "(N, 88) magnitudes, none negative -> (N, 12), rows of length 1 or all zero."
    ### BEGIN SOLUTION
    pitch_class = (np.arange(88) + 21) % 12
    folded = np.stack([image[:, pitch_class == c].sum(axis=1) for c in range(12)], axis=1)
    length = np.linalg.norm(folded, axis=1, keepdims=True)
    return folded / np.where(length > 0, length, 1)
    ### END SOLUTION

# %% test=chroma points=5
_c = chroma(heard)
assert _c.shape == (len(heard), 12)
assert np.allclose(np.linalg.norm(_c, axis=1), 1), "each row has length 1"
### BEGIN HIDDEN TESTS
_one = np.zeros((3, 88))
_one[0, 60 - 21] = 2
_one[1, 69 - 21] = 5
_c = chroma(_one)
assert _c[0].argmax() == 0, "middle C (pitch 60) belongs to column 0"
assert _c[1].argmax() == 9, "A (pitch 69) belongs to column 9"
assert np.isfinite(_c).all() and not _c[2].any(), "a silent row stays zero"
_two = np.zeros((1, 88))
_two[0, [60 - 21, 72 - 21, 64 - 21]] = [1, 2, 4]
assert np.allclose(chroma(_two)[0, [0, 4]], [0.6, 0.8]), (
    "octaves are added, then the row is scaled to length 1"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 2: the table of costs (4 points)
#
# `cost[i, j]` says how badly frame *i* of the score fits frame *j* of the recording: 1 minus the
# cosine of the angle between the two rows. For rows of length 1 that is 1 minus their product.
# Score frames are the rows of the table, recording frames the columns.

# %% solve=cost
def cost_table(score_chroma, recording_chroma):
    """(M, 12) and (N, 12), rows of length 1 or 0 -> (M, N) costs from 0 (alike) to 1 (nothing in
    common)."""
    ### BEGIN SOLUTION
    return 1 - score_chroma @ recording_chroma.T
    ### END SOLUTION

# %% test=cost points=4
_a = np.eye(12)[[0, 4, 7]]
assert cost_table(_a, _a).shape == (3, 3)
assert np.allclose(np.diag(cost_table(_a, _a)), 0), "equal frames cost nothing"
### BEGIN HIDDEN TESTS
_b = np.vstack([np.eye(12)[[7, 0]], np.zeros((1, 12)), np.full((1, 12), 12**-0.5)])
_c = cost_table(_a, _b)
assert _c.shape == (3, 4), "score frames are rows, recording frames are columns"
assert np.allclose(_c[:, :3], [[1, 0, 1], [1, 1, 1], [0, 1, 1]]), (
    "nothing in common costs 1, and so does silence"
)
assert np.allclose(_c[:, 3], 1 - 12**-0.5), "costs are not rescaled"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 3: the cheapest way to each cell (7 points)
#
# `total[i, j]` is the cost of the cheapest path from cell (0, 0) to cell (i, j), both included. A
# path moves one step at a time: to the next score frame, (1, 0); to the next recording frame, (0,
# 1); or to both, (1, 1). All three are weighed alike. So a cell of the first column can only be
# reached from the cell before it in that column, and one of the first row only from the cell before
# it in that row.

# %% solve=accumulate
def accumulate(cost):
    "(M, N) costs -> (M, N) cost of the cheapest path from (0, 0) to each cell."
    ### BEGIN SOLUTION
    total = np.zeros_like(cost, dtype=float)
    total[:, 0] = np.cumsum(cost[:, 0])
    total[0, :] = np.cumsum(cost[0, :])
    for i in range(1, cost.shape[0]):
        for j in range(1, cost.shape[1]):
            total[i, j] = cost[i, j] + min(total[i - 1, j], total[i, j - 1], total[i - 1, j - 1])
    return total
    ### END SOLUTION

# %% test=accumulate points=7
assert np.allclose(accumulate(np.array([[1.0, 2.0], [3.0, 1.0]])), [[1, 3], [4, 2]])
assert np.isclose(accumulate(np.ones((4, 4)))[-1, -1], 4), "four cells along the diagonal"
### BEGIN HIDDEN TESTS
assert np.allclose(accumulate(np.ones((3, 5)))[0], [1, 2, 3, 4, 5]), (
    "along the first row costs add up: a path starts in (0, 0)"
)
assert np.allclose(accumulate(np.ones((3, 5)))[:, 0], [1, 2, 3]), (
    "along the first column costs add up"
)
assert np.isclose(accumulate(np.ones((3, 5)))[-1, -1], 5), (
    "two diagonal steps and two straight ones"
)
_cost = np.random.default_rng(0).random((13, 17))
_theirs, _ = librosa.sequence.dtw(C=_cost)
assert np.allclose(accumulate(_cost), _theirs), "differs from librosa's table for a random example"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 4: the way back (7 points)
#
# Start in the last cell (M−1, N−1) and always go to the cheapest of the cells that one can have
# come from, until (0, 0). Return the path **from its beginning to its end**, both included, one row
# (score frame, recording frame) a cell. If several predecessors are equally cheap, take the
# diagonal one.

# %% solve=backtrack
def backtrack(total):
    """Table of totals -> (K, 2) whole numbers, the cells of the cheapest path from (0, 0) to the
    last cell."""
    ### BEGIN SOLUTION
    i, j = total.shape[0] - 1, total.shape[1] - 1
    path = [(i, j)]
    while i > 0 or j > 0:
        if i == 0:
            j -= 1
        elif j == 0:
            i -= 1
        else:
            step = np.argmin([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
            i, j = [(i - 1, j - 1), (i - 1, j), (i, j - 1)][step]
        path.append((i, j))
    return np.array(path[::-1])
    ### END SOLUTION

# %% test=backtrack points=7
_total = np.array([[1.0, 3.0, 6.0], [4.0, 2.0, 5.0], [9.0, 6.0, 3.0]])
_path = backtrack(_total)
assert _path.ndim == 2 and _path.shape[1] == 2
assert tuple(_path[-1]) == (2, 2), "the path ends in the last cell"
### BEGIN HIDDEN TESTS
assert _path.tolist() == [[0, 0], [1, 1], [2, 2]], "from the beginning to the end, both included"

# Random tables: the path runs from corner to corner, step by step, and costs what the table says.
for _seed in range(5):
    _cost = np.random.default_rng(_seed).random((11, 19))
    _cost[:, -3:] += 1.0
    _cost[-1, :4] = 0.0
    _total, _ = librosa.sequence.dtw(C=_cost)
    _path = backtrack(_total)
    assert tuple(_path[0]) == (0, 0) and tuple(_path[-1]) == (10, 18), (
        "a path runs from corner to corner"
    )
    _steps = set(map(tuple, np.diff(_path, axis=0)))
    assert _steps <= {(1, 0), (0, 1), (1, 1)}, "one step at a time, never back"
    assert np.isclose(_cost[_path[:, 0], _path[:, 1]].sum(), _total[-1, -1]), (
        "the costs along the path must add up to the total in the last cell"
    )

assert backtrack(np.array([[1.0, 2.0, 3.0]])).tolist() == [[0, 0], [0, 1], [0, 2]], (
    "a score of one frame"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 5: move the notes (5 points)
#
# The path may pass several recording frames within one score frame. Take their **mean**: that gives
# one recording time for each score frame. Times between two score frames lie on the straight line
# between their values (`np.interp`). Frame *k* is centred on *k* / FPS seconds. Inside the function
# everything is in frames or everything in seconds; mixing the two is the usual accident.

# %% solve=move
def move(path, time_s):
    "Times of the score (seconds, array) -> times of the recording (seconds)."
    ### BEGIN SOLUTION
    rows = np.unique(path[:, 0])
    columns = np.array([path[path[:, 0] == row, 1].mean() for row in rows])
    return np.interp(time_s, rows / FPS, columns / FPS)
    ### END SOLUTION

# %% test=move points=5
_path = np.array([[0, 0], [1, 1], [2, 2], [3, 3]])
assert np.allclose(move(_path, np.array([0.0, 0.03, 0.06])), [0.0, 0.03, 0.06]), (
    "the diagonal moves nothing"
)
### BEGIN HIDDEN TESTS
_path = np.array([[0, 0], [1, 1], [1, 2], [1, 3], [2, 4], [3, 5], [4, 5]])
assert np.isclose(move(_path, np.array([0.02]))[0], 0.04), (
    "score frame 1 meets recording frames 1, 2, 3: their mean is frame 2"
)
assert np.isclose(move(_path, np.array([0.03]))[0], 0.06), "half-way between score frames 1 and 2"
assert np.isclose(move(_path, np.array([0.08]))[0], 0.10)
assert move(_path, np.array([0.0, 0.08])).shape == (2,)
### END HIDDEN TESTS

# %% [markdown]
# ## All together

# %%
cost = cost_table(chroma(written), chroma(heard))
path = backtrack(accumulate(cost))
warped = score.at_times(move(path, score.onset_s), move(path, score.offset_s) + 0.02)
for name, n in {"as given": score, "after DTW": warped}.items():
    error_ms = 1000 * (n.onset_s - played.onset_s)
    print(
        f"{name:10s} mean |error| {np.abs(error_ms).mean():6.1f} ms, within 50 ms "
        f"{100 * np.mean(np.abs(error_ms) <= 50):5.1f} %"
    )

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), width_ratios=(1, 1.25))
left.imshow(cost, origin="lower", cmap="gray", extent=(0, len(heard) / FPS, 0, len(written) / FPS))
left.plot(path[:, 1] / FPS, path[:, 0] / FPS, color=COLOURS["dtw"])
left.set(xlabel="Recording (s)", ylabel="Score (s)", title="Costs and your path")
left.grid(False)
right.plot(
    path[:, 0] / FPS,
    1000 * (path[:, 1] - path[:, 0]) / FPS,
    color=COLOURS["dtw"],
    label="your path",
)
right.plot(
    score.onset_s,
    1000 * (played.onset_s - score.onset_s),
    "o",
    color=COLOURS["truth"],
    markersize=3,
    label="true, note by note",
)
right.set(xlabel="Score (s)", ylabel="Recording − score (ms)", title="The path as a delay")
right.legend();

# %% [markdown]
# Left the recording, right the notes that you have moved.

# %%
listen(samples, warped)

# %% [markdown]
# ## Task 6: what no path can do (4 points)
#
# A chord is written at one instant and played from the bottom up. The path gives one time for that
# instant, so all its notes move by the same delay. `best_delay` returns the common delay that makes
# the mean absolute error of the chord smallest, and `left_over` that mean absolute error.

# %% solve=chord
def best_delay(delays_ms):
    "The notes' true delays in ms (array) -> the one delay in ms with the smallest mean |error|."
    ### BEGIN SOLUTION
    return np.median(delays_ms)
    ### END SOLUTION


def left_over(delays_ms):
    "Mean |error| in ms that remains when all notes of the chord move by `best_delay`."
    ### BEGIN SOLUTION
    return np.abs(best_delay(delays_ms) - np.asarray(delays_ms)).mean()
    ### END SOLUTION

# %% test=chord points=4
assert np.isclose(left_over(np.array([20.0, 20.0, 20.0])), 0), (
    "a chord struck together can be mended"
)
### BEGIN HIDDEN TESTS
assert np.isclose(best_delay(np.array([0.0, 10.0, 110.0])), 10), (
    "the mean absolute error is smallest at another statistic than the mean"
)
assert np.isclose(left_over(np.array([0.0, 10.0, 110.0])), 110 / 3)
for _seed in range(3):
    _d = np.random.default_rng(_seed).normal(0, 40, 7)
    _grid = np.linspace(-150, 150, 3001)
    assert left_over(_d) <= np.abs(_grid[:, None] - _d).mean(axis=1).min() + 1e-9
### END HIDDEN TESTS

# %% [markdown]
# ## Question A: read the picture (5 points, graded by a person)
#
# Look at the right half of the figure above. (a) Where the path lies off the dots by about the same
# amount for a second or more: name a cause outside the music. (b) Where dots at one score time are
# spread vertically: what is that, and which dots would you expect the path to follow? (c) A long
# horizontal piece of the path on the left would mean what, musically? Why are such pieces common
# where a chord is held?

# %% [markdown] answer=read points=5
# ### BEGIN SOLUTION
# (a) A constant lag comes from the features: frames of 20 ms, the long windows of the CQT's low
# rows, an attack that takes time to build up, energy that rings on after the onset while the roll
# is already off. It is no property of the performance and can be measured on synthesised notes and
# removed.
#
# (b) A spread chord, or melody before accompaniment: notes written together and played apart. The
# path has one value there and follows what changes the chroma most, the loud notes or the majority.
#
# (c) Horizontal in that picture: the recording moves on while the score stands still, a fermata or
# a stretched note. Where a chord is held all frames have nearly the same chroma, so every way
# through the block costs nearly the same and the path is decided by noise and by the preference for
# certain steps.
# ### END SOLUTION

# %% [markdown]
# ## Question B: on purpose (4 points, graded by a person)
#
# Change **one** thing of your chain so that the result on this excerpt becomes better, and show the
# mean absolute error before and after. Ideas: all 88 keys instead of 12 classes; onset strength
# (the positive part of the difference between frames) instead of energy; 100 frames a second;
# diagonal steps weighed differently. Say in one sentence why it helps, and in another what would
# have to be shown before one may call it better in general.

# %% answer=improve points=4
### BEGIN SOLUTION
def rise(image):
    return np.maximum(np.diff(image, axis=0, prepend=0 * image[:1]), 0)


def unit(image):
    return image / np.maximum(np.linalg.norm(image, axis=1, keepdims=True), 1e-9)


cost_of_rises = cost + cost_table(unit(rise(written)), unit(rise(heard)))
better = backtrack(accumulate(cost_of_rises))
for name, p in {"energy": path, "energy and rises, 88 keys": better}.items():
    print(
        f"{name:26s} mean |error| "
        f"{1000 * np.abs(move(p, score.onset_s) - played.onset_s).mean():.1f} ms"
    )
# Rises exist only where notes begin, so held chords no longer leave the path undecided. One excerpt
# proves nothing: other pieces, chosen before looking, and an interval over pieces are needed
# (assignment 4).
### END SOLUTION
