"""Draws anew for the second method: hard pieces fall on one side only, and a sure difference
drowns."""
# loses: difference

# %% solve=difference
def difference_interval(a_by_piece, b_by_piece, statistic, rng, n_draws=500):
    names, values = list(a_by_piece), []

    pool = lambda pieces, names: np.concatenate([pieces[name] for name in names])
    for _ in range(n_draws):
        drawn = [names[k] for k in rng.integers(0, len(names), len(names))]
        others = [names[k] for k in rng.integers(0, len(names), len(names))]
        values.append(statistic(pool(a_by_piece, drawn)) - statistic(pool(b_by_piece, others)))
    return tuple(np.percentile(values, [2.5, 97.5]))
