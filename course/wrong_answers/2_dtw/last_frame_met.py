"""Takes the last frame that a score frame meets: late wherever the recording waits."""
# loses: move

# %% solve=move
def move(path, time_s):
    met = dict(path.tolist())
    rows = np.array(sorted(met))
    return np.interp(time_s, rows / FPS, np.array([met[row] for row in rows]) / FPS)
