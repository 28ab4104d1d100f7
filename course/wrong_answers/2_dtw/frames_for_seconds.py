"""Looks seconds up among frame numbers; on the diagonal it happens to be right."""
# loses: move

# %% solve=move
def move(path, time_s):
    rows = np.unique(path[:, 0])
    columns = np.array([path[path[:, 0] == row, 1].mean() for row in rows])
    return np.interp(time_s, rows, columns)
