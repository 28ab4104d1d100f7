"""Another deviation than the paper's: larger, and not comparable."""
# loses: figures

# %% solve=figures
def figures(errors_s):
    errors_ms = 1000 * np.asarray(errors_s, dtype=float)
    size_ms = np.abs(errors_ms)
    row = dict(mean_ms=size_ms.mean(), median_ms=np.median(size_ms), std_ms=errors_ms.std())
    for tolerance_ms in (50, 25, 10):
        row[f"within_{tolerance_ms}_pct"] = 100 * np.mean(
            np.rint(1000 * size_ms) <= 1000 * tolerance_ms
        )
    return row
