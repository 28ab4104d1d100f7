"""A note that begins before the picture counts its frames from the end."""
# loses: roll

# %% solve=roll
def blocks(onset_s, offset_s, pitch, n_frames):
    roll = np.zeros((n_frames, N_KEYS))
    for start_s, end_s, key in zip(onset_s, offset_s, pitch):
        first, stop = int(to_frame(start_s)), int(to_frame(end_s))
        roll[first : max(stop, first + 1), key - LOWEST] = 1
    return roll
