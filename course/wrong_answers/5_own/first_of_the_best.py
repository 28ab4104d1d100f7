"""Takes the first of several constants that are equally good, which lies at an end."""
# loses: constant


# %% solve=constant
def start_offset_s(attack_s, onset_s):
    candidates_s = 0.005 * np.arange(-100, 101)
    gap_s = np.asarray(onset_s)[:, None] + candidates_s - np.asarray(attack_s)[:, None, None]
    return float(candidates_s[np.argmax((np.abs(gap_s).min(0) <= 0.025 + 1e-9).sum(0))])
