"""Clears the last frame of the picture for a note that begins in frame 0."""
# loses: gap

# %% solve=gap
def with_gaps(roll, onset_s, pitch):
    roll = roll.copy()
    for start_s, key in zip(onset_s, pitch):
        roll[int(to_frame(start_s)) - 1, key - LOWEST] = 0
    return roll
