"""Moves onset and offset of a note together: lengths stay exact and give the offset away."""
# loses: loosen

# %% solve=loosen
def loosen(onset_s, offset_s, rng):
    by_s = rng.uniform(-0.1, 0.1, len(onset_s))
    loose_onset_s, loose_offset_s = onset_s + by_s, offset_s + by_s
    return loose_onset_s, np.maximum(loose_offset_s, loose_onset_s + 0.03)
