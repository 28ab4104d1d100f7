"""Charges the diagonal twice: right in the toolbox's recipe, but not what the task defines."""
# loses: accumulate

# %% solve=accumulate
def accumulate(cost):
    total = np.zeros_like(cost, dtype=float)
    total[:, 0] = np.cumsum(cost[:, 0])
    total[0, :] = np.cumsum(cost[0, :])
    for i in range(1, cost.shape[0]):
        for j in range(1, cost.shape[1]):
            total[i, j] = min(
                cost[i, j] + total[i - 1, j],
                cost[i, j] + total[i, j - 1],
                2 * cost[i, j] + total[i - 1, j - 1],
            )
    return total
