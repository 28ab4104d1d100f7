"""Forgets the gap: a key struck twice in a row looks like one long note."""
# loses: gap

# %% solve=gap
def with_gaps(roll, onset_s, pitch):
    roll = roll.copy()
    pass
    return roll
