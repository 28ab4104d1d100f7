#!/usr/bin/env python3
"""Teach the aligner how sure it may be of each note, and which notes nobody plays.

usage: python workflow/calibrate.py pianoalign/weights/maps --corpus corpus
       python workflow/calibrate.py pianoalign/weights/free --corpus FREE --kind free --shrink 0.01
       python workflow/calibrate.py pianoalign/weights/maps --corpus corpus --only presence

Fits on a corpus's validation split, checks on its test split, writes confidence.json and
presence.json beside the weights and prints what the test split says. To be run again whenever the
weights change: the files carry their fingerprint, and the aligner does not use any that were made
for others.
"""

import argparse, sys
from pathlib import Path

from pianoalign.files import InputError
from pianoalign.tool.calibration import calibrate
from pianoalign.tool.confidence import CONFIDENCE_FILE
from pianoalign.tool.presence import calibrate_presence, PRESENCE_FILE, SHRINK


def read_options():
    "The command line."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("weights", type=Path, help="a folder of weights with an onset head, or a run folder")
    add("--corpus", type=Path, default=Path("corpus"), help="its folder (default: corpus)")
    add("--kind", choices=("demo", "maps", "free"), default="demo", help="how it is laid out")
    add("--only", choices=("confidence", "presence"), help="make this file alone")
    add(
        "--shrink",
        type=float,
        default=SHRINK,
        help="how much presence's weights shrink, as a share of its notes (default: %(default)s)",
    )
    return parser.parse_args()


def show(model):
    "Print what the test split says."
    made, test = model.made, model.made["test"]
    print(
        f"{CONFIDENCE_FILE}: fitted on {made['notes']} notes, `not heard` under {model.least:.2f}"
    )
    print(
        f"test split, {test['notes']} notes: within 25 ms {test['before_within_25_pct']} % before, "
        f"{test['within_25_pct']} % after; said {test['said_pct']} %; calibration error "
        f"{test['calibration_error_pct']} points; Brier score {test['brier']}"
    )
    for b in test["bins"]:
        print(f"  said {b['said_pct']:6.2f} %   so {b['within_pct']:6.2f} %   {b['notes']} notes")
    for name in ("not_heard_unmoved_pct", "mean_confidence_pct"):
        print(f"{name}: " + ", ".join(f"{case} {value}" for case, value in test[name].items()))
    kept = ", ".join(f"{k['kept_pct']:g} %: {k['within_25_pct']}" for k in test["kept"])
    print(f"surest notes kept: {kept} % within 25 ms")


def show_presence(model):
    "Print what the test split says about notes that nobody plays."
    made = model.made
    print(f"{PRESENCE_FILE}: fitted on {made['notes']} notes, {made['absent']} of them absent")
    for row in made["test"]:
        print("  " + ", ".join(f"{name} {value}" for name, value in row.items()))


def main():
    options = read_options()
    say = lambda text: print(text, file=sys.stderr, flush=True)
    given = options.weights, options.corpus, options.kind, say
    try:
        if options.only != "presence":
            show(calibrate(*given))
        if options.only != "confidence":
            show_presence(calibrate_presence(*given, options.shrink))
    except InputError as error:
        sys.exit(f"calibrate: {error}")


if __name__ == "__main__":
    main()
