"""np.diff names the frame before the rise, and cannot see a block that begins in frame 0."""
# loses: onsets

# %% solve=onsets
def onsets(roll):
    key, first = np.nonzero((np.diff(roll, axis=0) > 0).T)
    return to_time(first), key + LOWEST
