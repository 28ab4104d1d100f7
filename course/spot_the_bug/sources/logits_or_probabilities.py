# %% [markdown]
# # Spot the bug: half of what?
#
# *What you would notice*: the score printed during training and the one of the finished program
# differ on the same files, and the program finds fewer notes. "Overfitting", somebody says.
#
# A network gives logits. One path scores it, another writes notes. Both should find the same cells.
# The last cell fails. Mend the code, not the test.

# %% given
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def network(sound):
    "Stands for a trained network: logits."
    return 2.0 * sound

# %% mend
THRESHOLD = 0.5


def sounding_while_scoring(sound):
    "Which cells sound, for the score."
    return sigmoid(network(sound)) >= THRESHOLD


def sounding_in_the_file(sound):
    "Which cells sound, for the MIDI file."
    return network(sound) >= THRESHOLD

# %% test
sound = np.random.default_rng(0).normal(0, 1, (200, 88))
scored, written = sounding_while_scoring(sound), sounding_in_the_file(sound)
assert np.array_equal(scored, written), (
    f"{(scored != written).sum()} of {scored.size} cells are judged differently"
)
assert abs(written.mean() - 0.5) < 0.02, (
    "a probability of one half is where the network is undecided"
)

# %% [markdown] afterwards
# ## What was wrong
#
# One path compared probabilities with 0.5, the other logits. A logit of 0.5 is a probability of
# 0.62, so the file lacked all notes between the two. Lowering the threshold until the scores agree
# would hide it on one data set only.
#
# *How to catch it*: one function for the decision, used by both paths; and names that say which of
# the two a variable holds. *Chapter*: `nbs/22_network`, `predict`, which is the only door from
# logits to probabilities.

# %% mended
THRESHOLD = 0.5


def sounding_in_the_file(sound):
    "Which cells sound, for the MIDI file."
    return sigmoid(network(sound)) >= THRESHOLD


def sounding_while_scoring(sound):
    "Which cells sound, for the score: the same decision."
    return sounding_in_the_file(sound)
