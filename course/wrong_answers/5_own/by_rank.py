"""Pairs the k-th attack with the k-th note: one attack too many moves all later pairs."""
# loses: constant


# %% solve=constant
def start_offset_s(attack_s, onset_s):
    n = min(len(attack_s), len(onset_s))
    return float(np.median(np.asarray(attack_s)[:n] - np.asarray(onset_s)[:n]))
