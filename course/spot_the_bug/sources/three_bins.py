# %% [markdown]
# # Spot the bug: three bins
#
# *What you would notice*: training takes longer than it should and the lowest notes are never
# found. With convolutions and enough data a network learns the offset and nobody asks.
#
# Below, a spectrogram and a piano roll of one note are laid side by side. They should light up in
# the same column. The last cell fails. Mend the code, not the test.

# %% given
import librosa
import numpy as np

RATE_HZ, HOP = 16000, 160


def tone(pitch, seconds=1.0):
    "A sine at the pitch of a piano key."
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t)).astype(np.float32)

# %% mend
def picture_of_sound(samples):
    "CQT magnitudes, (frames, 88): one column a piano key."
    return np.abs(librosa.cqt(samples, sr=RATE_HZ, hop_length=HOP, n_bins=88)).T


def picture_of_notes(pitches, n_frames):
    "Piano roll of notes that sound all the time, (frames, 88): one column a piano key."
    roll = np.zeros((n_frames, 88))
    roll[:, np.array(pitches) - 21] = 1
    return roll

# %% test
for pitch in (36, 48, 60, 72, 84):
    sound = picture_of_sound(tone(pitch))
    notes = picture_of_notes([pitch], len(sound))
    heard, written = sound.mean(axis=0).argmax(), notes.mean(axis=0).argmax()
    assert heard == written, f"pitch {pitch}: written in column {written}, heard in column {heard}"

# %% [markdown] afterwards
# ## What was wrong
#
# `librosa.cqt` begins at C1 (MIDI pitch 24) unless told otherwise; a piano, and the roll, begin at
# A0 (21). So the sound stood three columns too low, the fundamentals of A0, A♯0 and B0 were not in
# the picture at all, and three columns at the top showed what no key plays.
#
# *How to catch it*: one sine a key through the whole preprocessing, before any training. *Chapter*:
# `nbs/21_preprocessing`.

# %% mended
def picture_of_sound(samples):
    "CQT magnitudes, (frames, 88): one column a piano key."
    return np.abs(librosa.cqt(samples, sr=RATE_HZ, hop_length=HOP, n_bins=88, fmin=27.5)).T


def picture_of_notes(pitches, n_frames):
    "Piano roll of notes that sound all the time, (frames, 88): one column a piano key."
    roll = np.zeros((n_frames, 88))
    roll[:, np.array(pitches) - 21] = 1
    return roll
