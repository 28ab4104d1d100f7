"""Takes the mean off: one stray note moves all the others."""
# loses: shift

# %% solve=shift
def without_shift(errors_by_piece):
    shift_s = {name: errors.mean() for name, errors in errors_by_piece.items()}
    return {name: errors - shift_s[name] for name, errors in errors_by_piece.items()}, {
        name: 1000 * s for name, s in shift_s.items()
    }
