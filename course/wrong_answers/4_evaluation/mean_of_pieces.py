"""Averages the pieces' own statistics: a short piece counts as much as a long one."""
# loses: interval

# %% solve=interval
def interval(errors_by_piece, statistic, rng, n_draws=500):
    names, values = list(errors_by_piece), []
    for _ in range(n_draws):
        drawn = rng.integers(0, len(names), len(names))
        values.append(np.mean([statistic(errors_by_piece[names[k]]) for k in drawn]))
    return tuple(np.percentile(values, [2.5, 97.5]))
