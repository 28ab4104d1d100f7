# %% [markdown]
# # Assignment 5: your own recording
#
# **What you will see and hear at the end.** Table 1 for a piece that you have played or found
# yourself: every method on the same notes, and the worst note as sound. You will know what has to
# be in order before such a table says anything, and how little one recording proves.
#
# *Time*: about ninety minutes. *Chapters*: `nbs/tool/12_own_recordings` (the folder and the
# command), `nbs/33_metrics` (shifts, intervals), `nbs/tool/13_real_pianos` (what labels of real
# pianos are worth).
#
# **What you need.** A recording and the notes as they were really played: most digital pianos
# record sound and MIDI at once. Without one, leave the cells as they are; they take two excerpts of
# the recordings that come with the project.
#
# Write your code where it says `# your code here`, and remove the line
# `raise NotImplementedError()`. Each task is followed by a cell of tests; when your work is graded,
# further tests are added to it.

# %% given=setup
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from pianoalign.datasets import load_corpus
from pianoalign.files import repo_root
from pianoalign.midi import write_midi
from pianoalign.preprocessing import load_audio
from pianoalign.tool.own import judge_recordings, judged_table

# %% [markdown]
# ## Task 1: does the score belong to the performance? (6 points)
#
# A table of errors needs pairs: the *k*-th stroke of a key in the performance and the *k*-th stroke
# of the same key in the score. If a key was struck a different number of times, no pairing of that
# key can be trusted. Given the MIDI pitches of all notes of either file, in any order, say which
# keys are in doubt.


# %% solve=doubtful
def doubtful_keys(played_pitch, written_pitch):
    "Pitch -> (strokes played, strokes written), for the keys where the two differ; rising."
    ### BEGIN SOLUTION
    played, written = np.asarray(played_pitch, int), np.asarray(written_pitch, int)
    keys = np.union1d(played, written)
    counts = {int(k): (int((played == k).sum()), int((written == k).sum())) for k in keys}
    return {k: pair for k, pair in counts.items() if pair[0] != pair[1]}
    ### END SOLUTION


# %% test=doubtful points=6
assert doubtful_keys([60, 62, 60], [60, 60, 62]) == {}
assert doubtful_keys([60, 62, 60], [60, 62]) == {60: (2, 1)}
### BEGIN HIDDEN TESTS
assert doubtful_keys([60], [60, 64]) == {64: (0, 1)}, "a key that only the score has is in doubt"
assert doubtful_keys([60, 72], [60]) == {72: (1, 0)}, "a key that was only played is in doubt"
assert doubtful_keys([61, 60, 60], [60, 61, 61]) == {60: (2, 1), 61: (1, 2)}, (
    "as many notes in all, and still two keys in doubt"
)
assert list(doubtful_keys([72, 50, 64], [])) == [50, 64, 72], "keys in rising order"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 2: a loose score (6 points)
#
# If you have no score, a quantised copy of the performance will do: each onset goes to the nearest
# point of a grid that begins at `first_s` and has a point every `step_s` seconds. A time in the
# middle between two points goes to the later one. Notes before the first point go to it.


# %% solve=quantised
def quantised(onset_s, first_s, step_s):
    "The nearest point of the grid for each onset: (n,) seconds. The argument is not changed."
    ### BEGIN SOLUTION
    places = np.floor((np.asarray(onset_s, float) - first_s) / step_s + 0.5)
    return first_s + step_s * np.maximum(places, 0)
    ### END SOLUTION


# %% test=quantised points=6
assert np.allclose(quantised(np.array([0.02, 0.49, 0.98]), 0.0, 0.5), [0.0, 0.5, 1.0])
### BEGIN HIDDEN TESTS
assert np.allclose(quantised(np.array([0.32, 0.86]), 0.3, 0.25), [0.3, 0.8]), (
    "the grid begins at first_s and not at 0"
)
assert np.allclose(quantised(np.array([0.24, 0.26]), 0.0, 0.25), [0.25, 0.25]), (
    "the nearest point, not the one before"
)
assert np.allclose(quantised(np.array([0.25, 0.75, 1.25]), 0.0, 0.5), [0.5, 1.0, 1.5]), (
    "the middle goes to the later point, every time"
)
assert np.allclose(quantised(np.array([0.1]), 1.0, 0.5), [1.0]), "nothing before the first point"
_onset_s = np.array([0.1, 0.2])
quantised(_onset_s, 0.0, 0.5)
assert _onset_s.tolist() == [0.1, 0.2], "the onsets that were given must not change"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 3: when did the recorder start? (7 points)
#
# Sound and MIDI are started by two buttons. So all true onsets lie off the sound by one constant,
# the same for every method, and it must not be counted as an error of any. You have attacks found
# in the sound and the onsets of the performance, both rising, in seconds. Some attacks belong to no
# note (a pedal, a cough), some notes have no attack. Look for the constant that lays most onsets
# within 25 ms of an attack, among all constants from −0.5 to 0.5 s in steps of 5 ms; of several
# that are equally good take the one nearest to zero.


# %% solve=constant
def start_offset_s(attack_s, onset_s):
    "The constant that, added to the onsets, lays most of them within 25 ms of an attack: seconds."
    ### BEGIN SOLUTION
    attack_s, onset_s = np.asarray(attack_s, float), np.asarray(onset_s, float)
    candidates_s = 0.005 * np.array(sorted(range(-100, 101), key=abs))
    distance_s = np.abs(onset_s[:, None] + candidates_s - attack_s[:, None, None]).min(0)
    return float(candidates_s[np.argmax((distance_s <= 0.025 + 1e-9).sum(0))])
    ### END SOLUTION


# %% test=constant points=7
_onset_s = np.array([1.0, 2.3, 3.1, 4.7])
assert abs(start_offset_s(_onset_s + 0.2, _onset_s) - 0.2) <= 0.025
### BEGIN HIDDEN TESTS
assert abs(start_offset_s(_onset_s - 0.3, _onset_s) + 0.3) <= 0.025, "the sound may begin earlier"
_attacks_s = np.sort(np.append(_onset_s[1:] + 0.2, [0.05, 3.6, 4.2]))
assert abs(start_offset_s(_attacks_s, _onset_s) - 0.2) <= 0.025, (
    "attacks without a note and notes without an attack must not move the constant"
)

# Many notes, a third of the attacks strangers; then notes that lie close together.
_rng = np.random.default_rng(0)
_onset_s = np.cumsum(_rng.uniform(0.1, 0.6, 200))
_attacks_s = _onset_s + 0.11 + _rng.normal(0, 0.005, 200)
_attacks_s = np.sort(np.where(_rng.random(200) < 0.3, _rng.uniform(0, 60, 200), _attacks_s))
assert abs(start_offset_s(_attacks_s, _onset_s) - 0.11) <= 0.025, (
    "a third of the attacks are strangers; most of the others agree"
)
_dense_s = np.cumsum(_rng.uniform(0.06, 0.14, 300))
assert abs(start_offset_s(_dense_s + 0.3, _dense_s) - 0.3) <= 0.025, (
    "notes are nearer to each other than the constant is large"
)

assert start_offset_s(np.array([1.0]), np.array([1.0])) == 0, (
    "of several that are equally good the one nearest to zero"
)
### END HIDDEN TESTS

# %% [markdown]
# ## The folder, and the table
#
# `judge` wants a folder of folders, one a piece: `audio.wav`, `performance.mid` (the truth) and
# `score.mid` (loose). Set `mine` to your own. As it stands, two excerpts of the project's
# recordings are laid out in this form, twelve seconds of each.

# %%
mine = None  # Path("my_recordings")


def excerpts(seconds=12.0):
    "Two excerpts in the form that `judge` wants."
    folder = Path(tempfile.mkdtemp())
    corpus = load_corpus("demo", repo_root() / "corpus", ("recordings",))
    for recording in sorted(corpus, key=lambda r: r.duration_s)[:2]:
        place = folder / recording.id
        place.mkdir()
        inside = recording.reference.onset_s < seconds - 1
        inside &= recording.loose.onset_s < seconds - 1
        samples = load_audio(recording.audio, 16000)[: int(seconds * 16000)]
        soundfile.write(place / "audio.wav", samples, 16000)
        write_midi(recording.reference[inside], place / "performance.mid")
        write_midi(recording.loose[inside], place / "score.mid")
    return folder


folder = mine or excerpts()

# %% slow
errors = judge_recordings(folder)
table = judged_table(errors)
table.round(1)

# %% [markdown]
# ## Question A: the worst note (6 points, graded by a person)
#
# Find the note that the best method of your table misses by most. Listen to it (the explorer of
# `nbs/lab/01_explorer`, or `hear_errors` from `pianoalign.lab.answers`), and look at it in the
# spectrogram. Say what you hear and see, and decide: is the network wrong, is the truth wrong, or
# can it not be told? Name one thing that you looked at and that speaks *against* your decision.

# %% [markdown] answer=worst points=6
# ### BEGIN SOLUTION
# For the excerpts: the largest errors stand at repeated notes and in dense chords, where the attack
# is hidden in what already sounds. The labels are exact here, since the recordings were rendered
# from them, so the network is wrong. On a Disklavier the same picture may mean a late label: soft
# notes rise tens of milliseconds before it. Against the decision speaks, for instance, that a
# second method places the note where the first does.
# ### END SOLUTION

# %% [markdown]
# ## Question B: what may you say? (5 points, graded by a person)
#
# Write the two or three sentences that you would print under your table: how many recordings, what
# was taken off, which difference between two methods the table bears out and which it does not.

# %% [markdown] answer=claim points=5
# ### BEGIN SOLUTION
# "Two recordings, one piano, so no interval over pieces that deserves the name; the figures
# describe these two and no others. The truth is exact, nothing was taken off. The network places
# more notes within 10 ms than the loose score in both pieces; the order of the two decodings
# differs from piece to piece, so we do not rank them."
# ### END SOLUTION
