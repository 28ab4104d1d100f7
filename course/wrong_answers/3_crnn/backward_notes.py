"""Lets an offset fall before its onset: such notes are refused by the next stage."""
# loses: loosen example

# %% solve=loosen
def loosen(onset_s, offset_s, rng):
    return onset_s + rng.uniform(-0.1, 0.1, len(onset_s)), offset_s + rng.uniform(
        -0.1, 0.1, len(onset_s)
    ) - 0.1 * (offset_s - onset_s < 0.3)
