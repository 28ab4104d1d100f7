"""Looks at the keys that were played only: a key that only the score has goes unnoticed."""
# loses: doubtful


# %% solve=doubtful
def doubtful_keys(played_pitch, written_pitch):
    played, written = list(played_pitch), list(written_pitch)
    pairs = {k: (played.count(k), written.count(k)) for k in sorted(set(played))}
    return {k: pair for k, pair in pairs.items() if pair[0] != pair[1]}
