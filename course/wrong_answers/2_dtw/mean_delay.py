"""The mean minimises squared errors; a single late note pulls all others away."""
# loses: chord

# %% solve=chord
def best_delay(delays_ms):
    return np.mean(delays_ms)


def left_over(delays_ms):
    return np.abs(best_delay(delays_ms) - np.asarray(delays_ms)).mean()
