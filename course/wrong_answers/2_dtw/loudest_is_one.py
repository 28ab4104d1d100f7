"""Scales to a maximum of 1: then 1 minus the product is no cosine distance, and loud chords cost
less than nothing."""
# loses: chroma

# %% solve=chroma
def chroma(image):
    pitch_class = (np.arange(88) + 21) % 12
    folded = np.stack([image[:, pitch_class == c].sum(axis=1) for c in range(12)], axis=1)
    return folded / np.maximum(folded.max(axis=1, keepdims=True), 1e-12)
