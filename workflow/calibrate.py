#!/usr/bin/env python3
"""Teach the aligner how sure it may be of each note: fit on a corpus's validation split, check on its test split.

usage: python workflow/calibrate.py pianoalign/weights/maps --corpus corpus
       python workflow/calibrate.py pianoalign/weights/free --corpus FREE --kind free
Writes confidence.json beside the weights and prints what the test split says. To be run again whenever the weights change:
the file carries their fingerprint, and the aligner does not use one that was made for others.
"""

import argparse, sys
from pathlib import Path

from pianoalign.tool.confidence import CONFIDENCE_FILE
from pianoalign.tool.calibration import calibrate
from pianoalign.files import InputError


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "weights", type=Path, help="a folder of weights with an onset head, or a run folder"
    )
    parser.add_argument(
        "--corpus", type=Path, default=Path("corpus"), help="folder of the corpus (default: corpus)"
    )
    parser.add_argument(
        "--kind",
        choices=("demo", "maps", "free"),
        default="demo",
        help="how that corpus is laid out",
    )
    options = parser.parse_args()
    try:
        model = calibrate(
            options.weights,
            options.corpus,
            options.kind,
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )
    except InputError as error:
        sys.exit(f"calibrate: {error}")
    test = model.made["test"]
    print(
        f"{CONFIDENCE_FILE}: fitted on {model.made['notes']} notes, `not heard` under {model.least:.2f}"
    )
    print(
        f"test split, {test['notes']} notes: within 25 ms {test['before_within_25_pct']} % before, {test['within_25_pct']} % after; "
        f"said {test['said_pct']} %; calibration error {test['calibration_error_pct']} points; Brier score {test['brier']}"
    )
    for b in test["bins"]:
        print(f"  said {b['said_pct']:6.2f} %   so {b['within_pct']:6.2f} %   {b['notes']} notes")
    for name in ("not_heard_unmoved_pct", "mean_confidence_pct"):
        print(f"{name}: " + ", ".join(f"{case} {value}" for case, value in test[name].items()))
    print(
        "surest notes kept: "
        + ", ".join(f"{k['kept_pct']:g} %: {k['within_25_pct']}" for k in test["kept"])
        + " % within 25 ms"
    )


if __name__ == "__main__":
    main()
