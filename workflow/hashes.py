#!/usr/bin/env python3
"""Hashes of everything that constraints.txt pins, so that a release cannot be exchanged unseen.

usage: python workflow/hashes.py                     write workflow/hashes.txt anew (needs uv)
       python workflow/hashes.py needed REPORT       print the lines of what a report names

For each pin, hashes.txt has the hash of every file of that release, for all platforms. It is made
once, when a pin changes, and committed; whoever installs compares with what was there on that day.
REPORT is what `pip install --dry-run --report REPORT …` writes: the packages of this platform.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS, HASHES = ROOT / "constraints.txt", ROOT / "workflow" / "hashes.txt"
HEAD = "# By workflow/hashes.py, from the index: all files of each release in constraints.txt.\n"
OURS = "pianoalign"
NEWEST_PYTHON = "3.13"  # some pins are for it alone


def canonical(name: str) -> str:
    "A package's name as indexes spell it."
    return re.sub(r"[-_.]+", "-", name).lower()


def releases(text: str) -> dict:  # "name==version" -> lines
    "The entries of a file of hashes."
    one_hash = r"    --hash=sha256:[0-9a-f]{64}(?: \\)?\n"
    entries = re.findall(rf"^(\S+==\S+) \\\n((?:{one_hash})+)", text, re.M)
    return {pin: f"{pin} \\\n{hashes}" for pin, hashes in entries}


def write() -> None:
    "Ask the index, by way of uv."
    words = ["--quiet", "--no-deps", "--generate-hashes", "--no-annotate", "--no-header"]
    words += ["--no-config", "--python-version", NEWEST_PYTHON, str(CONSTRAINTS)]
    done = subprocess.run(
        ["uv", "pip", "compile", *words], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"hashes.py: uv cannot say the hashes: {done.stderr.strip()}")
    found = releases(done.stdout)
    HASHES.write_text(HEAD + "".join(found[pin] for pin in sorted(found)), encoding="utf-8")
    print(f"{len(found)} releases in {HASHES.relative_to(ROOT)}")


def needed(report: dict) -> str:  # lines for `pip install --no-deps --require-hashes -r`
    "The entries of what pip would install. Raises `SystemExit` for what is not pinned."
    known, lines = releases(HASHES.read_text(encoding="utf-8")), []
    for package in report["install"]:
        name = canonical(package["metadata"]["name"])
        pin = f"{name}=={package['metadata']['version'].split('+')[0]}"
        if name != OURS and pin not in known:
            raise SystemExit(f"hashes.py: {pin} has no hashes; add it to constraints.txt")
        if name != OURS:
            lines.append(known[pin])
    return "".join(sorted(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["needed"]:
        print(needed(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))), end="")
    else:
        write()
