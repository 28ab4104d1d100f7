"""Divides silent rows by zero; one NaN then spreads over the whole table."""
# loses: chroma

# %% solve=chroma
def chroma(image):
    pitch_class = (np.arange(88) + 21) % 12
    folded = np.stack([image[:, pitch_class == c].sum(axis=1) for c in range(12)], axis=1)
    return folded / np.sqrt((folded**2).sum(axis=1, keepdims=True))
