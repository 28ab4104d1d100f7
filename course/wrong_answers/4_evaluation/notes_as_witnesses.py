"""Draws notes instead of pieces: thousands of witnesses who have all talked to each other."""
# loses: interval

# %% solve=interval
def interval(errors_by_piece, statistic, rng, n_draws=500):
    pieces = list(errors_by_piece.values())
    values = [
        statistic(rng.choice(np.concatenate(pieces), sum(map(len, pieces)))) for _ in range(n_draws)
    ]
    return tuple(np.percentile(values, [2.5, 97.5]))
