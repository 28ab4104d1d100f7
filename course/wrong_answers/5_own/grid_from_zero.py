"""Forgets where the grid begins: a piece that starts between two points is off throughout."""
# loses: quantised


# %% solve=quantised
def quantised(onset_s, first_s, step_s):
    return np.maximum(step_s * np.floor(np.asarray(onset_s) / step_s + 0.5), first_s)
