"""Every note takes the nearest, wherever it is and whoever has it already."""
# loses: match

# %% solve=match
def match(given_s, found_s):
    if len(found_s) == 0:
        return np.full(len(given_s), -1)
    distance = np.abs(given_s[:, None] - found_s[None])
    return np.where(distance.min(axis=1) <= 0.3, distance.argmin(axis=1), -1)
