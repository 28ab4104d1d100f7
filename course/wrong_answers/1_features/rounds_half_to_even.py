"""np.rint rounds halves to the even number: every second tie goes to the earlier frame."""
# loses: frames

# %% solve=frames
def to_frame(time_s):
    return np.rint(np.asarray(time_s) * FPS).astype(int)


def to_time(frame):
    return np.asarray(frame) / FPS
