"""Shuffles the pieces: every draw is the same set, so the interval is empty."""
# loses: interval

# %% solve=interval
def interval(errors_by_piece, statistic, rng, n_draws=500):
    pieces = list(errors_by_piece.values())
    values = [
        statistic(np.concatenate([pieces[k] for k in rng.permutation(len(pieces))]))
        for _ in range(n_draws)
    ]
    return tuple(np.percentile(values, [2.5, 97.5]))
