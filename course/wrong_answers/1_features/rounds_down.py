"""Cuts off instead of rounding: every time is up to a frame early, 5 ms on average."""
# loses: frames roll

# %% solve=frames
def to_frame(time_s):
    return np.asarray(np.asarray(time_s) * FPS).astype(int)


def to_time(frame):
    return np.asarray(frame) / FPS
