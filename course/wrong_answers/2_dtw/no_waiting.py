"""Leaves out the step along the recording: the score may never wait, except in its first frame."""
# loses: accumulate

# %% solve=accumulate
def accumulate(cost):
    total = np.zeros_like(cost, dtype=float)
    total[:, 0] = np.cumsum(cost[:, 0])
    total[0, :] = np.cumsum(cost[0, :])
    for i in range(1, cost.shape[0]):
        for j in range(1, cost.shape[1]):
            total[i, j] = cost[i, j] + min(total[i - 1, j], total[i - 1, j - 1])
    return total
