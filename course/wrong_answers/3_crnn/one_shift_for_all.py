"""Moves the whole piece by one amount: the network would learn to shift a picture."""
# loses: loosen

# %% solve=loosen
def loosen(onset_s, offset_s, rng):
    loose_onset_s, loose_offset_s = (
        onset_s + rng.uniform(-0.1, 0.1),
        offset_s + rng.uniform(-0.1, 0.1),
    )
    return loose_onset_s, np.maximum(loose_offset_s, loose_onset_s + 0.03)
