"""Damaged and hostile files, a few hundred of each kind: the short form of benchmarks/fuzz.py."""

import importlib.util
import sys
from pathlib import Path

import pytest

from waiting import HANG_S

if sys.platform == "win32":
    pytest.skip("limits of processes are Unix's", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("fuzz", ROOT / "benchmarks" / "fuzz.py")
fuzz = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz)

NUMBERS = dict(
    midi=500, audio=200, tables=200, checkpoints=100, runs=200, manifests=200, align=25
)


@pytest.mark.parametrize("name", NUMBERS)
def test_accepted_and_whole_or_refused_in_a_sentence(name, monkeypatch):
    "That none takes ten seconds is measured by the long form alone; here only a hang is a fault."
    monkeypatch.setattr(fuzz, "MOST_S", HANG_S)
    results = fuzz.fuzz(name, range(NUMBERS[name]))
    broken = [(k, r[1]) for k, r in sorted(results.items()) if r[0] == "broken"]
    assert len(results) == NUMBERS[name] and not broken, broken
    states = {state for state, *_ in results.values()}
    assert states == {"accepted", "refused"}


class Breaks:
    "Readers with the faults that the fuzzer is there to find."

    def traceback(path):
        raise KeyError(path)

    def nameless(path):
        raise fuzz_error("it is damaged")

    def slow(path):
        while True:
            pass

    def greedy(path):
        b"x" * (600 << 20)  # written, not only asked for

    def forgetful(path):
        fuzz.hold(False, "a note is lost")


def fuzz_error(text):
    from pianoalign.files import InputError

    return InputError(text)


@pytest.mark.parametrize(
    "fault, says",
    [
        ("traceback", "KeyError"),
        ("nameless", "names no file"),
        ("slow", "ended by the system"),
        ("greedy", "MiB"),
        ("forgetful", "a note is lost"),
    ],
)
def test_a_fault_is_found(fault, says, monkeypatch):
    check = getattr(Breaks, fault)
    if fault == "slow":
        monkeypatch.setattr(fuzz, "MOST_S", 1)
    monkeypatch.setattr(fuzz, "MOST_MIB", 200)
    kind = fuzz.Kind(lambda path: check(path) if calls.append(1) or len(calls) > 1 else None, 1)
    calls = []  # the first call only warms up
    monkeypatch.setitem(fuzz.KINDS, "midi", kind)
    (state, said, *_) = fuzz.fuzz("midi", [30])[30]
    assert state == "broken" and says in said


def test_inputs_depend_on_seed_and_number_alone(tmp_path):
    kind = fuzz.KINDS["midi"]
    fuzz.make_seeds("midi", kind, tmp_path)
    made = [fuzz.make_input("midi", kind, 0, k, tmp_path).read_bytes() for k in (25, 26, 25)]
    assert made[0] == made[2] != made[1]
