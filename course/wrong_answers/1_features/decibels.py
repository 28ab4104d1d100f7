"""Returns decibels below the maximum: the level of the recording is lost and the scale is
another."""
# loses: picture

# %% solve=picture
def picture(samples):
    transform = librosa.cqt(
        samples, sr=RATE_HZ, hop_length=160, fmin=27.5, n_bins=N_KEYS, bins_per_octave=12
    )
    return librosa.amplitude_to_db(np.abs(transform).T, ref=np.max)
