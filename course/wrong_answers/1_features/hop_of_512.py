"""Leaves the hop at librosa's default: 31.25 frames a second instead of 100."""
# loses: picture

# %% solve=picture
def picture(samples):
    transform = librosa.cqt(
        samples, sr=RATE_HZ, hop_length=512, fmin=27.5, n_bins=N_KEYS, bins_per_octave=12
    )
    return np.log(np.maximum(np.abs(transform).T, 1e-4))
