"""Lets found notes stay alone for nothing: pairs further apart than 0.15 s are given up."""
# loses: match

# %% solve=match
def match(given_s, found_s):
    n, m = len(given_s), len(found_s)
    best = np.zeros((n + 1, m + 1))
    best[:, 0] = 0.15 * np.arange(n + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best[i, j] = min(
                best[i - 1, j - 1] + abs(given_s[i - 1] - found_s[j - 1]),
                best[i - 1, j] + 0.15,
                best[i, j - 1],
            )
    index, i, j = np.full(n, -1), n, m
    while i > 0 and j > 0:
        if np.isclose(best[i, j], best[i, j - 1]):
            j -= 1
        elif np.isclose(best[i, j], best[i - 1, j] + 0.15):
            i -= 1
        else:
            i, j = i - 1, j - 1
            index[i] = j
    return index
