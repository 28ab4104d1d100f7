"""Counts the notes of both files first and asks no further where there are as many."""
# loses: doubtful


# %% solve=doubtful
def doubtful_keys(played_pitch, written_pitch):
    played, written = list(played_pitch), list(written_pitch)
    if len(played) == len(written):
        return {}
    pairs = {k: (played.count(k), written.count(k)) for k in sorted({*played, *written})}
    return {k: pair for k, pair in pairs.items() if pair[0] != pair[1]}
