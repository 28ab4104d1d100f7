# %% [markdown]
# # Assignment 3: the network and its training
#
# **What you will see and hear at the end.** A network that you have wired and trained yourself, on
# one processor core while you fetch a glass of water, moves loose notes to where they sound in
# music that it has never met. You will see what it draws (Figure 3 of the paper, in small), hear
# the clicks before and after, and then hear what the same network makes of a real piece after some
# minutes of training instead of some seconds.
#
# *Time*: about ninety minutes. *Chapters*: `nbs/31_datasets` (loosening notes), `nbs/22_network`
# (the network), `nbs/32d_training` (training).
#
# Write your code where it says `# your code here`, and remove the line
# `raise NotImplementedError()`. Each task is followed by a cell of tests; when your work is graded,
# further tests are added to it.

# %% given=setup
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from pianoalign.network import Branch, CRNN, NetworkSettings, parameter_count
from pianoalign.notes import Notes
from pianoalign.files import repo_root
from pianoalign.report.plots import (
    COLOURS,
    draw_roll,
    draw_spectrogram,
    listen,
    synthesise,
    use_style,
)
from pianoalign.postprocessing import align_notes
from pianoalign.preprocessing import load_audio, piano_roll, spectrogram
from pianoalign.training import tune_allocator

use_style()
tune_allocator()
torch.set_num_threads(1)
FPS = 100

# %% [markdown]
# ## A small world
#
# The corpus takes minutes to learn. So we train in a small world: two octaves of a synthesised
# piano that plays single notes at random times, and whose labels are exact because we write them
# ourselves.

# %% given=world
def random_piece(seed, duration_s=40.0):
    "Notes at random times between C3 and B4, never two at once on one key."
    rng = np.random.default_rng(seed)
    onset_s = 0.3 + np.cumsum(rng.uniform(0.08, 0.4, int(duration_s / 0.24)))
    onset_s = onset_s[onset_s < duration_s - 1]
    offset_s = onset_s + rng.uniform(0.15, 0.5, len(onset_s))
    pitch = rng.integers(48, 72, len(onset_s))
    for key in range(48, 72):
        rows = np.flatnonzero(pitch == key)
        offset_s[rows[:-1]] = np.minimum(offset_s[rows[:-1]], onset_s[rows[1:]] - 0.02)
    keep = offset_s > onset_s + 0.1
    return Notes.from_arrays(
        onset_s[keep], offset_s[keep], pitch[keep], rng.integers(50, 90, len(onset_s))[keep]
    )

# %% given=pieces
pieces = [random_piece(seed) for seed in range(4)]
pictures = [spectrogram(synthesise(piece, level=0.08)) for piece in pieces]  # (N, 88) each
unseen = random_piece(99, 20.0)
unseen_sound = synthesise(unseen, level=0.08)
unseen_picture = spectrogram(unseen_sound)
MEAN, DEVIATION = np.concatenate(pictures).mean(), np.concatenate(pictures).std()
print(f"{sum(map(len, pieces))} notes to learn from, {len(unseen)} to be judged on")

# %% [markdown]
# ## Task 1: loose notes (4 points)
#
# The network is to mend loose notes, so we make some. Each onset and each offset is moved by a
# random amount of its own, uniform between −100 and +100 ms. (The paper says no more than "maximum
# 100 ms"; `nbs/31_datasets` finds out which distribution its printed figures demand.) An offset
# stays at least 30 ms after the new onset.

# %% solve=loosen
def loosen(onset_s, offset_s, rng):
    """Loose onsets and offsets (two arrays of the same length) from exact ones; `rng` is a numpy
    random generator."""
    ### BEGIN SOLUTION
    loose_onset_s = onset_s + rng.uniform(-0.1, 0.1, len(onset_s))
    loose_offset_s = offset_s + rng.uniform(-0.1, 0.1, len(offset_s))
    return loose_onset_s, np.maximum(loose_offset_s, loose_onset_s + 0.03)
    ### END SOLUTION

# %% test=loosen points=4
_on, _off = np.arange(2000) * 1.0, np.arange(2000) * 1.0 + 0.5
_a, _b = loosen(_on, _off, np.random.default_rng(0))
assert len(_a) == len(_b) == 2000, "as many onsets and offsets as were given"
assert np.abs(_a - _on).max() <= 0.1 and np.abs(_b - _off).max() <= 0.1, (
    "nothing is moved by more than 100 ms"
)
assert np.array_equal(_on, np.arange(2000) * 1.0), "the arrays that were given must not change"
### BEGIN HIDDEN TESTS
assert abs((_a - _on).mean()) < 0.006 and abs((_a - _on).std() - 0.0577) < 0.003, (
    "uniform between -100 and +100 ms"
)
assert np.abs(np.corrcoef(_a - _on, _b - _off)[0, 1]) < 0.1, "onsets and offsets move independently"
assert len(np.unique(np.round(_a - _on, 9))) > 1900, "each note moves by an amount of its own"
_a, _b = loosen(_on, _on + 0.05, np.random.default_rng(1))
assert (_b - _a).min() >= 0.03 - 1e-9, "an offset stays at least 30 ms after its onset"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 2: one training example (5 points)
#
# An example is three pictures of the same `n_frames` frames, beginning with frame `first` of the
# piece: the **spectrogram**, the roll of the **loose** notes (what the network is given), and the
# roll of the **exact** notes (what it should answer). `piano_roll(notes, n_frames, FPS)` makes a
# roll of `Notes`, `notes.shifted(seconds)` moves all of them, and
# `notes.at_times(onset_s, offset_s)` gives the same notes at new times.

# %% solve=example
def example(image, notes, first, n_frames, rng):
    "(spectrogram, loose roll, exact roll), each (n_frames, 88), of a stretch of a piece."
    ### BEGIN SOLUTION
    loose = notes.at_times(*loosen(notes.onset_s, notes.offset_s, rng))
    start_s = first / FPS
    return (
        image[first : first + n_frames],
        piano_roll(loose.shifted(-start_s), n_frames, FPS),
        piano_roll(notes.shifted(-start_s), n_frames, FPS),
    )
    ### END SOLUTION

# %% test=example points=5
_image, _loose, _exact = example(pictures[0], pieces[0], 300, 200, np.random.default_rng(0))
assert _image.shape == _loose.shape == _exact.shape == (200, 88)
assert set(np.unique(_loose)) | set(np.unique(_exact)) == {0.0, 1.0}
### BEGIN HIDDEN TESTS
_whole = piano_roll(pieces[0], len(pictures[0]), FPS)
assert np.array_equal(_image, pictures[0][300:500]), (
    "the spectrogram's frames first ... first + n_frames - 1"
)
assert np.array_equal(_exact, _whole[300:500]), "the answer is the exact roll of the same frames"
assert not np.array_equal(_loose, _whole[300:500]), (
    "the network must not be given the exact notes: it would only copy them"
)
assert 0.02 < np.abs(_loose - _exact).mean() / _exact.mean() < 0.9, (
    "the loose roll shows the same notes, loosely"
)
_again = example(pictures[0], pieces[0], 300, 200, np.random.default_rng(1))
assert not np.array_equal(_again[1], _loose) and np.array_equal(_again[2], _exact), (
    "looseness is drawn anew each time, the answer stays"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 3: the network's wiring (8 points)
#
# The layers are given; wire them in `forward` as Figure 1 of the paper does.
#
# 1. Standardise the spectrogram: minus `self.mean`, divided by `self.deviation`.
# 2. Each picture goes through its own branch, `self.audio_branch` and `self.midi_branch`. A branch
#    turns (B, N, 88) into (B, N, `dense`).
# 3. Concatenate the two along the last axis, audio first.
# 4. `self.recurrent` is a bidirectional LSTM. Like every LSTM of PyTorch it returns a pair, of
#    which we want the first: (B, N, 2 `hidden`).
# 5. `self.dropout`, then `self.output`: one number a key and frame. These are **logits**; no
#    sigmoid here.

# %% given=layers
class Layers(nn.Module):
    def __init__(self, filters=(4, 4, 8), dense=48, hidden=48):
        super().__init__()
        settings = NetworkSettings(filters=filters, dense=dense, hidden=hidden, dropout=0.05)
        self.register_buffer("mean", torch.tensor(float(MEAN)))
        self.register_buffer("deviation", torch.tensor(float(DEVIATION)))
        self.audio_branch, self.midi_branch = Branch(settings), Branch(settings)
        self.recurrent = nn.LSTM(2 * dense, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.05)
        self.output = nn.Linear(2 * hidden, 88)

# %% solve=forward
class Network(Layers):
    def forward(self, image, roll):
        "Spectrogram and loose roll, (B, N, 88) each -> logits (B, N, 88)."
        ### BEGIN SOLUTION
        audio = self.audio_branch((image - self.mean) / self.deviation)
        midi = self.midi_branch(roll)
        features, _ = self.recurrent(torch.cat([audio, midi], dim=-1))
        return self.output(self.dropout(features))
        ### END SOLUTION

# %% test=forward points=8
torch.manual_seed(0)
_net = Network(dense=8, hidden=8).eval()
_x, _r = torch.randn(2, 30, 88) * 2 - 5, (torch.rand(2, 30, 88) > 0.9).float()
_y = _net(_x, _r)
assert _y.shape == (2, 30, 88)
### BEGIN HIDDEN TESTS
# Both inputs matter.
assert not torch.allclose(_y, _net(_x, 1 - _r)), (
    "the answer must depend on the given notes (a blind network does not look at them)"
)
assert not torch.allclose(_y, _net(_x + torch.randn(2, 30, 88), _r)), (
    "the answer must depend on the sound"
)
assert _net.train()(_x, _r).shape == (2, 30, 88)
_net.eval()

# What comes out are logits.
with torch.no_grad():
    _net.output.bias.fill_(-3.0)
    _net.output.weight.mul_(5)
_y = _net(_x, _r)
assert _y.min() < 0, "logits may be negative: no sigmoid inside the network"

# The layers are wired as the package wires them, and each of them learns.
_twin = CRNN(NetworkSettings(filters=(4, 4, 8), dense=8, hidden=8, dropout=0.05)).eval()
_twin.load_state_dict(_net.state_dict())
assert torch.allclose(_y, _twin(_x, _r), atol=1e-5), (
    "with the same weights the package's network answers otherwise: a layer is left out, or two "
    "are exchanged"
)
_net.train()(_x, _r).sum().backward()
assert all(
    p.grad is not None and p.grad.abs().sum() > 0
    for n, p in _net.named_parameters()
    if "convolutions" not in n or n.endswith(("0.weight", "3.weight", "7.weight"))
), "a layer without a gradient takes no part"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 4: the loss (5 points)
#
# Mean binary cross entropy, from logits *x* and targets *y*: with $p = 1/(1 + e^{-x})$ the mean
# over all cells of $-y \log p - (1-y)\log(1-p)$. Written like this it fails for large logits,
# because *p* becomes exactly 0 or 1. The same thing in a form that never fails is
# $\log(e^0 + e^x) - x y$ (show it on paper), and `torch.logaddexp(a, b)` computes $\log(e^a + e^b)$
# without overflow. Use no ready-made loss.

# %% solve=loss
def cross_entropy(logits, target):
    "Mean binary cross entropy: tensors of one shape -> one number (a tensor without dimensions)."
    ### BEGIN SOLUTION
    return (torch.logaddexp(torch.zeros_like(logits), logits) - logits * target).mean()
    ### END SOLUTION

# %% test=loss points=5
assert torch.isclose(
    cross_entropy(torch.zeros(2, 3), torch.ones(2, 3)), torch.tensor(np.log(2)).float()
)
assert cross_entropy(torch.zeros(4, 5), torch.ones(4, 5)).shape == ()
### BEGIN HIDDEN TESTS
_x, _y = torch.randn(3, 50, 88) * 3, (torch.rand(3, 50, 88) > 0.8).float()
assert torch.isclose(
    cross_entropy(_x, _y), nn.functional.binary_cross_entropy_with_logits(_x, _y), atol=1e-6
), "differs from torch's own"
assert torch.isclose(
    cross_entropy(torch.tensor([3.0]), torch.tensor([1.0])), torch.tensor(0.04859), atol=1e-4
), "the sigmoid belongs in once"
_hard = cross_entropy(torch.tensor([300.0, -300.0]), torch.tensor([0.0, 1.0]))
assert torch.isfinite(_hard) and torch.isclose(_hard, torch.tensor(300.0)), (
    "must stay finite for large logits"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Task 5: one step of training (5 points)
#
# Forget the old gradients, compute the loss, compute its gradients, scale these down to a norm of 3
# where they are longer (`nn.utils.clip_grad_norm_`), let the optimiser move the weights. Return the
# loss as a plain number. The network must be in training mode, so that dropout and batch
# normalisation do their work.
#
# Your step is tried on a toy: a network of one layer, enough to see what a step does.

# %% given=toy
class Toy(nn.Module):
    "One layer that looks at the spectrogram alone; each answer begins as a logit of 0.1."

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(88, 88)
        nn.init.zeros_(self.layer.weight)
        nn.init.constant_(self.layer.bias, 0.1)

    def forward(self, image, roll):
        return self.layer(image)

# %% solve=step
def train_step(network, optimiser, batch):
    """One step on a batch (spectrograms, loose rolls, exact rolls), tensors (B, N, 88); returns the
    loss as a float."""
    ### BEGIN SOLUTION
    network.train()
    image, loose, exact = batch
    optimiser.zero_grad()
    loss = cross_entropy(network(image, loose), exact)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 3.0)
    optimiser.step()
    return loss.item()
    ### END SOLUTION

# %% test=step points=5
_toy = Toy().eval()
_optimiser = torch.optim.SGD(_toy.parameters(), lr=0.1)
_batch = torch.ones(1, 10, 88), torch.zeros(1, 10, 88), torch.ones(1, 10, 88)
_first = train_step(_toy, _optimiser, _batch)
assert isinstance(_first, float), "the loss is a number"
assert np.isclose(_first, np.log1p(np.exp(-0.1)), atol=1e-4), "the loss before the step"
assert train_step(_toy, _optimiser, _batch) < _first, "the second loss is smaller"
### BEGIN HIDDEN TESTS
assert _toy.training, "the network must be in training mode"

# Old gradients do not add to new ones.
_toy = Toy()
_optimiser = torch.optim.SGD(_toy.parameters(), lr=0.1)
_gradient = []
for _ in range(3):
    train_step(_toy, _optimiser, _batch)
    _gradient.append(_toy.layer.weight.grad.norm().item())
assert _gradient[2] < _gradient[0], "gradients of earlier steps must be forgotten, or they add up"

# Long gradients are scaled down: at a rate of 1 the weights move by the gradient's own length.
_toy = Toy()
_optimiser = torch.optim.SGD(_toy.parameters(), lr=1.0)
_before = [p.detach().clone() for p in _toy.parameters()]
train_step(_toy, _optimiser, (1000 * _batch[0], _batch[1], _batch[2]))
_moves = [(p.detach() - b).flatten() for p, b in zip(_toy.parameters(), _before)]
_moved = torch.cat(_moves).norm().item()
assert np.isclose(_moved, 3.0, rtol=1e-3), "gradients are scaled down to a norm of 3"
### END HIDDEN TESTS

# %% [markdown]
# ## Task 6: asking the network (4 points)
#
# Probabilities for one piece: evaluation mode, no gradients, one sigmoid, numpy in and numpy out.
# The axis of the batch goes in and comes out again.
#
# Your function is tried on a network without layers, whose answers are known.

# %% given=echo
class Echo(nn.Module):
    "Answers with its own input as logits, and with noise while it is in training mode."

    def forward(self, image, roll):
        assert image.ndim == roll.ndim == 3, "the network wants (B, N, 88): where is the batch?"
        return image + (torch.randn_like(image) if self.training else 0)

# %% solve=ask
def ask(network, image, roll):
    "Spectrogram (N, 88) and loose roll (N, 88), numpy -> probabilities (N, 88), numpy."
    ### BEGIN SOLUTION
    network.eval()
    with torch.no_grad():
        logits = network(
            torch.as_tensor(image, dtype=torch.float32)[None],
            torch.as_tensor(roll, dtype=torch.float32)[None],
        )
    return torch.sigmoid(logits)[0].numpy()
    ### END SOLUTION

# %% test=ask points=4
_p = ask(Echo(), np.zeros((40, 88), np.float32), np.zeros((40, 88), np.float32))
assert isinstance(_p, np.ndarray) and _p.shape == (40, 88)
### BEGIN HIDDEN TESTS
assert np.allclose(_p, 0.5), (
    "a logit of 0 is a probability of 0.5; the network must be in evaluation mode"
)
_p = ask(Echo(), np.full((4, 88), 3.0, np.float32), np.zeros((4, 88), np.float32))
assert np.allclose(_p, 1 / (1 + np.exp(-3.0)), atol=1e-5), "exactly one sigmoid"
_p = ask(Echo(), np.full((4, 88), -9.0, np.float32), np.zeros((4, 88), np.float32))
assert (_p < 0.001).all(), "a logit of -9 is all but impossible"
### END HIDDEN TESTS

# %% [markdown]
# ## Train it
#
# 450 steps of four crops of a second each. The output starts at the log-odds of a sounding frame,
# so that the first steps are not spent on learning silence.

# %% given=training
STEPS, BATCH, CROP = 450, 4, 100


def draw_batch(rng):
    "Crops at random places of random pieces, as tensors."
    examples = []
    for _ in range(BATCH):
        k = rng.integers(len(pieces))
        first = int(rng.integers(0, len(pictures[k]) - CROP))
        examples.append(example(pictures[k], pieces[k], first, CROP, rng))
    return [torch.as_tensor(np.stack(column), dtype=torch.float32) for column in zip(*examples)]


def rate_at(step):
    "The learning rate: twenty steps of warming up, then half a cosine down to a hundredth."
    cosine = (1 + np.cos(np.pi * step / STEPS)) / 2
    return 0.01 * min(1, (step + 1) / 20) * (0.01 + 0.99 * cosine)


def train(seed=0):
    "A trained network and its losses."
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network()
    losses = []
    with torch.no_grad():
        network.output.bias.fill_(-3.0)
        for name, bias in network.recurrent.named_parameters():
            if name.startswith("bias_ih"):
                bias.chunk(4)[1].add_(1.0)  # remember at first, forget later
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, betas=(0.9, 0.99))
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = rate_at(step)
        losses.append(train_step(network, optimiser, draw_batch(rng)))
    return network, losses

# %% slow
network, losses = train()
print(
    f"{parameter_count(network)} weights, loss {np.mean(losses[:10]):.3f} at first, "
    f"{np.mean(losses[-50:]):.3f} in the end"
)

# %% [markdown]
# How low could a network get that never listens? Its best answer is the share of frames that sound
# where the loose roll says 1, and the share where it says 0. The loss of that answer is the dashed
# line: all that copying can give.

# %% slow
_, given_roll, true_roll = example(
    pictures[0], pieces[0], 0, len(pictures[0]), np.random.default_rng(0)
)
copying = 0.0
for value in (0, 1):
    cells = true_roll[given_roll == value]
    share = cells.mean()
    copying -= (
        len(cells) / true_roll.size * (share * np.log(share) + (1 - share) * np.log(1 - share))
    )
fig, ax = plt.subplots(figsize=(7, 2.6))
ax.plot(np.convolve(losses, np.ones(15) / 15, "valid"), color=COLOURS["crnn"], label="your network")
ax.axhline(copying, color=COLOURS["unaligned"], ls="--", label="copying the loose roll")
ax.set(
    xlabel="Step", ylabel="Cross entropy", ylim=(0, None), title="First it copies, then it listens"
)
ax.legend();

# %% slow
loose_unseen = unseen.at_times(*loosen(unseen.onset_s, unseen.offset_s, np.random.default_rng(5)))
answer = ask(network, unseen_picture, piano_roll(loose_unseen, len(unseen_picture), FPS))
mended, found = align_notes(loose_unseen, answer, FPS)
for name, notes in {"as given": loose_unseen, "your network": mended}.items():
    error_ms = 1000 * np.abs(notes.onset_s - unseen.onset_s)
    print(
        f"{name:13s} median {np.median(error_ms):5.1f} ms, within 10 ms "
        f"{100 * np.mean(error_ms <= 10):5.1f} %, within 25 ms "
        f"{100 * np.mean(error_ms <= 25):5.1f} %"
    )

# %% slow
fig, axes = plt.subplots(3, 1, figsize=(7, 5.2), sharex=True, sharey=True)
draw_spectrogram(axes[0], unseen_picture, FPS, dynamic_range=7)
draw_roll(axes[0], unseen, "#56B4E9", kind="boxes")
draw_spectrogram(axes[1], piano_roll(loose_unseen, len(unseen_picture), FPS), FPS, cmap="Greys")
draw_spectrogram(axes[2], answer, FPS, cmap="Greys", vmin=0, vmax=1)
draw_roll(axes[2], unseen, "crnn", kind="onsets")
for ax, title in zip(
    axes,
    (
        "sound, true notes as boxes",
        "what the network is given",
        "what it answers, true onsets as lines",
    ),
):
    ax.set(title=title, xlim=(2, 6), ylim=(46, 74), xlabel="")
axes[2].set_xlabel("Time (s)");

# %% [markdown]
# Left the sound, right clicks: first as given, then as your network has moved them.

# %% slow
display(listen(unseen_sound, loose_unseen, start_s=2, end_s=8))
listen(unseen_sound, mended, start_s=2, end_s=8)

# %% [markdown]
# ## The same network after some minutes of training, on real music
#
# The package ships such weights. Here they meet a performance whose piano they have never heard;
# the notes are loosened as above.

# %% slow
from pianoalign.tool.aligner import default_weights
from pianoalign.datasets import cut_notes, load_corpus
from pianoalign.network import predict
from pianoalign.decoding import align_by_onsets
from pianoalign.runs import load_network

recording = next(
    r
    for r in load_corpus("demo", repo_root() / "corpus", ("test",))
    if r.id == "schumann_arabeske_parks15m"
)
sound = load_audio(recording.audio)[: 10 * 16000]
truth = cut_notes(recording.reference, 0.0, 10.0)
loose = truth.at_times(*loosen(truth.onset_s, truth.offset_s, np.random.default_rng(2)))
loose = loose.at_times(np.maximum(loose.onset_s, 0), loose.offset_s + 0.1 * (loose.offset_s < 0.03))
trained, experiment = load_network(default_weights())
image = spectrogram(sound, experiment.audio)
answer = predict(trained, image, piano_roll(loose, len(image), FPS))
if isinstance(answer, tuple):  # these weights have a second output, for onsets
    mended, _ = align_by_onsets(loose, answer[1], FPS, answer[0])
else:
    mended, _ = align_notes(loose, answer, FPS)
for name, notes in {"as given": loose, "shipped": mended}.items():
    error_ms = 1000 * np.abs(notes.onset_s - truth.onset_s)
    print(
        f"{name:10s} median {np.median(error_ms):5.1f} ms, within 10 ms "
        f"{100 * np.mean(error_ms <= 10):5.1f} %"
    )

# %% slow
display(listen(sound, loose))
listen(sound, mended)

# %% [markdown]
# ## Question A: first it copies, then it listens (6 points, graded by a person)
#
# (a) Where on your curve has the network learned to copy, and what tells you that it has learned
# more than that? (b) Somebody stops training after a tenth of your steps, sees half the loss of the
# beginning, and reports success. Which figure would have exposed it? (c) What would the curve look
# like if, by mistake, the network were given the exact roll as input, and what would the network be
# worth?

# %% [markdown] answer=copying points=6
# ### BEGIN SOLUTION
# (a) Copying is learned where the curve reaches the dashed line. Below that line it must use the
# sound: no answer that depends on the loose roll alone can be better on average.
#
# (b) Onset errors on notes that it was not trained on, beside the same figures for the notes as
# given: a copier leaves them as they are, at about 50 ms in the median for a uniform ±100 ms. The
# loss alone says nothing, since most cells are silent and easy.
#
# (c) It would fall towards zero quickly and smoothly, in training and in validation if the mistake
# is in both. Given really loose notes the network leaves them where they are: it has learned to
# copy. A loss that looks too good is a reason to look for a leak.
# ### END SOLUTION

# %% [markdown]
# ## Question B: an experiment without training (5 points, graded by a person)
#
# Ask your trained network again about the unseen piece, but take something away: (i) silence in
# place of the spectrogram, (ii) an empty roll, (iii) loose notes that are all 0.3 s late. Before
# you run it, write down what you expect. Show for each the median error or the picture of the
# answer, and say in three or four sentences what the network uses each input for, and what such an
# experiment cannot tell.

# %% answer=experiment points=5
### BEGIN SOLUTION
# Expected: (i) it can only copy; (ii) it should hear all notes anyhow, if it listens more than it
# reads; (iii) it never saw such notes.
late = loose_unseen.shifted(0.3)
size = len(unseen_picture)
questions = {
    "all there": (unseen_picture, loose_unseen),
    "silence": (np.full_like(unseen_picture, np.log(1e-4)), loose_unseen),
    "empty roll": (unseen_picture, Notes.empty()),
    "0.3 s late": (unseen_picture, late),
}
for name, (image, notes) in questions.items():
    answer = ask(network, image, piano_roll(notes, size, FPS))
    new, found = align_notes(late if name == "0.3 s late" else loose_unseen, answer, FPS)
    print(
        f"{name:11s} median {1000 * np.median(np.abs(new.onset_s - unseen.onset_s)):5.1f} ms, "
        f"{100 * found.mean():3.0f} % found"
    )
# What is left under silence is what the roll alone gives; what is left of an empty roll is
# transcription. Inputs unlike any in training show habits rather than uses, one seed is one
# network, and one synthesised piece is not music.
### END SOLUTION
