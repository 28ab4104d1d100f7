"""Clears the note's own first frame: the onset moves by a frame."""
# loses: gap

# %% solve=gap
def with_gaps(roll, onset_s, pitch):
    roll = roll.copy()
    for start_s, key in zip(onset_s, pitch):
        roll[int(to_frame(start_s)), key - LOWEST] = 0
    return roll
