"""The third takes the third: after one missed note every later partner is wrong."""
# loses: match

# %% solve=match
def match(given_s, found_s):
    return np.where(np.arange(len(given_s)) < len(found_s), np.arange(len(given_s)), -1)
