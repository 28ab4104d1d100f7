"""Takes the first recording frame that a score frame meets: early wherever the recording waits."""
# loses: move

# %% solve=move
def move(path, time_s):
    rows = np.unique(path[:, 0])
    columns = np.array([path[path[:, 0] == row, 1].min() for row in rows])
    return np.interp(time_s, rows / FPS, columns / FPS)
