"""Stretches each row of costs to 0 ... 1: a frame that fits nowhere pretends to fit somewhere."""
# loses: cost

# %% solve=cost
def cost_table(score_chroma, recording_chroma):
    cost = 1 - score_chroma @ recording_chroma.T
    low, high = cost.min(axis=1, keepdims=True), cost.max(axis=1, keepdims=True)
    return (cost - low) / np.maximum(high - low, 1e-9)
