# %% [markdown]
# # Spot the bug: the tempo of now
#
# *What you would notice*: files with one tempo are right. In files with a ritardando, notes after
# it jump, the more the longer the piece has lasted. Two readers of the same file disagree.
#
# MIDI counts ticks; a tempo says how long a quarter lasts from its tick on. The last cell fails.
# Mend the code, not the test.

# %% given
TICKS_PER_QUARTER = 480

# %% mend
def seconds_of(tick, tempi):
    "The time of a tick. `tempi`: (tick, seconds a quarter) in order, the first at tick 0."
    s_per_quarter = [s for at, s in tempi if at <= tick][-1]
    return tick / TICKS_PER_QUARTER * s_per_quarter

# %% test
steady = [(0, 0.5)]
assert abs(seconds_of(960, steady) - 1.0) < 1e-9
slowing = [(0, 0.5), (4800, 1.0)]  # ten quarters at 120 a minute, then 60 a minute
assert abs(seconds_of(4800, slowing) - 5.0) < 1e-9, (
    "a new tempo does not change what has been played"
)
assert abs(seconds_of(5280, slowing) - 6.0) < 1e-9, "one quarter after the change, one second later"
times = [seconds_of(t, [(0, 0.5), (480, 0.8), (960, 0.4)]) for t in range(0, 2000, 40)]
assert all(b > a for a, b in zip(times, times[1:])), "time never goes back"

# %% [markdown] afterwards
# ## What was wrong
#
# The tempo that holds *now* was applied to all ticks since the beginning. Each stretch has to be
# counted with its own tempo. With one tempo both are the same, which is why tests on simple files
# pass.
#
# *How to catch it*: at a tempo change, time must be continuous: the last tick before it and the
# first after it lie one tick apart. *Chapter*: `nbs/20b_midi`, `TempoMap`.

# %% mended
def seconds_of(tick, tempi):
    "The time of a tick. `tempi`: (tick, seconds a quarter) in order, the first at tick 0."
    ends = [at for at, _ in tempi[1:]] + [float("inf")]
    return sum(
        (min(tick, end) - at) / TICKS_PER_QUARTER * s
        for (at, s), end in zip(tempi, ends)
        if at < tick
    )
