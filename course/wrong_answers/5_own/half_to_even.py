"""Rounds with numpy: a middle goes now to the later point, now to the earlier one."""
# loses: quantised


# %% solve=quantised
def quantised(onset_s, first_s, step_s):
    return first_s + step_s * np.maximum(np.round((np.asarray(onset_s) - first_s) / step_s), 0)
