"""Maps the recording to the score: the notes move the wrong way."""
# loses: move

# %% solve=move
def move(path, time_s):
    rows = np.unique(path[:, 0])
    columns = np.array([path[path[:, 0] == row, 1].mean() for row in rows])
    return np.interp(time_s, columns / FPS, rows / FPS)
