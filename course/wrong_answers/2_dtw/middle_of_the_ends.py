"""Takes the middle between the earliest and the latest note, not the median."""
# loses: chord

# %% solve=chord
def best_delay(delays_ms):
    return (np.min(delays_ms) + np.max(delays_ms)) / 2


def left_over(delays_ms):
    return np.abs(best_delay(delays_ms) - np.asarray(delays_ms)).mean()
