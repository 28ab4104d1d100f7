"""Lets the path begin anywhere in the recording: that is a search for an excerpt."""
# loses: accumulate

# %% solve=accumulate
def accumulate(cost):
    total = np.zeros_like(cost, dtype=float)
    total[:, 0] = np.cumsum(cost[:, 0])
    total[0, :] = cost[0, :]
    for i in range(1, cost.shape[0]):
        for j in range(1, cost.shape[1]):
            total[i, j] = cost[i, j] + min(total[i - 1, j], total[i, j - 1], total[i - 1, j - 1])
    return total
