"""Divides by n - 1: an estimate, and not comparable with the paper."""
# loses: figures

# %% solve=figures
def figures(errors_s):
    size_ms = 1000 * np.abs(np.asarray(errors_s, dtype=float))
    row = dict(mean_ms=size_ms.mean(), median_ms=np.median(size_ms), std_ms=np.std(size_ms, ddof=1))
    for tolerance_ms in (50, 25, 10):
        near = np.rint(1000 * size_ms) <= 1000 * tolerance_ms
        row[f"within_{tolerance_ms}_pct"] = 100 * np.mean(near)
    return row
