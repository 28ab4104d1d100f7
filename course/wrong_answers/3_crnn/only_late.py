"""Moves notes to later times only: the network learns to answer early."""
# loses: loosen

# %% solve=loosen
def loosen(onset_s, offset_s, rng):
    loose_onset_s = onset_s + rng.uniform(0, 0.1, len(onset_s))
    loose_offset_s = offset_s + rng.uniform(0, 0.1, len(onset_s))
    return loose_onset_s, np.maximum(loose_offset_s, loose_onset_s + 0.03)
