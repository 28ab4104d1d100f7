"""Normalises over time instead of over pitch classes: rare notes become loud."""
# loses: chroma

# %% solve=chroma
def chroma(image):
    pitch_class = (np.arange(88) + 21) % 12
    folded = np.stack([image[:, pitch_class == c].sum(axis=1) for c in range(12)], axis=1)
    return folded / np.maximum(np.linalg.norm(folded, axis=0, keepdims=True), 1e-12)
