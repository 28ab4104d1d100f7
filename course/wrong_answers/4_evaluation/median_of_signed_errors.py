"""Early and late cancel: the median of an unbiased method is near 0 however bad it is."""
# loses: figures

# %% solve=figures
def figures(errors_s):
    errors_ms = 1000 * np.asarray(errors_s, dtype=float)
    size_ms = np.abs(errors_ms)
    row = dict(mean_ms=size_ms.mean(), median_ms=np.median(errors_ms), std_ms=size_ms.std())
    for tolerance_ms in (50, 25, 10):
        row[f"within_{tolerance_ms}_pct"] = 100 * np.mean(
            np.rint(1000 * size_ms) <= 1000 * tolerance_ms
        )
    return row
