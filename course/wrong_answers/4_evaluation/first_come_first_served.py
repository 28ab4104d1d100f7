"""Goes from left to right and takes the first that is near enough: one early choice can cost two
notes."""
# loses: match

# %% solve=match
def match(given_s, found_s):
    index, j = np.full(len(given_s), -1), 0
    for i, time_s in enumerate(given_s):
        while j < len(found_s) and found_s[j] < time_s - 0.3:
            j += 1
        if j < len(found_s) and abs(found_s[j] - time_s) <= 0.3:
            index[i] = j
            j += 1
    return index
