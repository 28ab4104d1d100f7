"""Exchanges the two sides; with excerpts of equal length nothing complains."""
# loses: cost

# %% solve=cost
def cost_table(score_chroma, recording_chroma):
    return 1 - recording_chroma @ score_chroma.T
