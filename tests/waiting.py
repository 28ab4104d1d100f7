"Waiting for events, and counting work: no test here depends on how fast a machine is."

import os, sys, time, tracemalloc
from collections.abc import Callable

HANG_S = 300  # only what hangs takes so long, on a machine however busy


def wait_for(happened: Callable, process=None) -> None:
    "Wait until something has happened. Fails if the process ends before, or nothing moves."
    until_s = time.monotonic() + HANG_S
    while not happened():
        ended = process is not None and process.poll() is not None
        assert not ended or happened(), f"the process ended with {process.returncode}"
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.05)


def living(mark: dict) -> list:
    "Processes, and all that they have started, with these variables in their environment."
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if mark.items() <= process.environ().items():
                found.append(process.pid)
        except psutil.Error:
            continue
    return [pid for pid in found if pid != os.getpid()]


def lines_run(work: Callable) -> int:
    "How many lines of Python a call runs."
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def most_bytes(work: Callable) -> int:
    "How much memory a call takes at most, arrays of NumPy included."
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def growth(work_on: Callable, few: int, many: int) -> tuple:  # of lines run, of memory
    """How much more work a call with `many` things is than one with `few`, by thing: 1 where it
    grows with their number, `many / few` where it grows with its square."""
    work_on(few)  # whatever is loaded or compiled once
    counts = [[count(lambda: work_on(n)) for count in (lines_run, most_bytes)] for n in (few, many)]
    return tuple(much / little * few / many for little, much in zip(*counts))
