"""Takes the logarithm without a floor: digital silence becomes minus infinity."""
# loses: picture

# %% solve=picture
def picture(samples):
    transform = librosa.cqt(
        samples, sr=RATE_HZ, hop_length=160, fmin=27.5, n_bins=N_KEYS, bins_per_octave=12
    )
    return np.log(np.abs(transform).T + 1e-300)
