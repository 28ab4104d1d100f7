"""Cuts the sound but not the notes: sound and labels are of different places."""
# loses: example

# %% solve=example
def example(image, notes, first, n_frames, rng):
    loose = notes.at_times(*loosen(notes.onset_s, notes.offset_s, rng))
    cut = lambda n: piano_roll(n.shifted(0), n_frames, FPS)
    return image[first : first + n_frames], cut(loose), cut(notes)
