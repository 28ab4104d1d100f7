"""Counts columns instead of pitches: everything is a minor third off, harmless only while both
sides err alike."""
# loses: chroma

# %% solve=chroma
def chroma(image):
    pitch_class = np.arange(88) % 12
    folded = np.stack([image[:, pitch_class == c].sum(axis=1) for c in range(12)], axis=1)
    return folded / np.maximum(np.linalg.norm(folded, axis=1, keepdims=True), 1e-12)
