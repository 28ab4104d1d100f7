"""Takes frame k to reach from k to k + 1 and names its middle: every time is 5 ms late."""
# loses: frames onsets

# %% solve=frames
def to_frame(time_s):
    return np.floor(np.asarray(time_s) * FPS + 0.5).astype(int)


def to_time(frame):
    return (np.asarray(frame) + 0.5) / FPS
