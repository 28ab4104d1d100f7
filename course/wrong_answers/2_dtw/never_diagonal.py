"""Walks in steps to the side and down only: the path is no longer the cheapest one."""
# loses: backtrack

# %% solve=backtrack
def backtrack(total):
    i, j = total.shape[0] - 1, total.shape[1] - 1
    path = [(i, j)]
    while i > 0 or j > 0:
        if i == 0:
            j -= 1
        elif j == 0:
            i -= 1
        else:
            options = [(i - 1, j), (i, j - 1)]
            i, j = min(options, key=lambda cell: total[cell])
        path.append((i, j))
    return np.array(path[::-1])
