"""Fills the offset's frame as well: every note is a frame too long."""
# loses: roll

# %% solve=roll
def blocks(onset_s, offset_s, pitch, n_frames):
    roll = np.zeros((n_frames, N_KEYS))
    for start_s, end_s, key in zip(onset_s, offset_s, pitch):
        first, stop = int(to_frame(start_s)), int(to_frame(end_s))
        roll[max(first, 0) : max(stop + 1, 0), key - LOWEST] = 1
    return roll
