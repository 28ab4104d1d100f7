"""Moves the notes away from the crop instead of into it."""
# loses: example

# %% solve=example
def example(image, notes, first, n_frames, rng):
    loose = notes.at_times(*loosen(notes.onset_s, notes.offset_s, rng))
    cut = lambda n: piano_roll(n.shifted(first / FPS), n_frames, FPS)
    return image[first : first + n_frames], cut(loose), cut(notes)
