"""Leaves fmin at librosa's default, C1: the picture begins three keys above the roll."""
# loses: picture

# %% solve=picture
def picture(samples):
    transform = librosa.cqt(samples, sr=RATE_HZ, hop_length=160, n_bins=N_KEYS, bins_per_octave=12)
    return np.log(np.maximum(np.abs(transform).T, 1e-4))
