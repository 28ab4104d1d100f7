"""Cuts 5 % at each end: a 90 % interval under the name of a 95 % one."""
# loses: interval

# %% solve=interval
def interval(errors_by_piece, statistic, rng, n_draws=500):
    pieces = list(errors_by_piece.values())
    values = [
        statistic(np.concatenate([pieces[k] for k in rng.integers(0, len(pieces), len(pieces))]))
        for _ in range(n_draws)
    ]
    return tuple(np.percentile(values, [5, 95]))
