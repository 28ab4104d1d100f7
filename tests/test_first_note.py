"What the README says of its first three lines is what benchmarks/first_note.py has measured."

import csv, re, runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = list(csv.DictReader((ROOT / "benchmarks/first_note.csv").open(encoding="utf-8")))
SCRIPT = runpy.run_path(str(ROOT / "benchmarks/first_note.py"))


def test_the_table_has_what_the_script_writes():
    assert ROWS and all(tuple(row) == SCRIPT["COLUMNS"] for row in ROWS)
    row = dict(python="3.13.0", download_mb="75", install_cpu_s="60", first_note_cpu_s="20")
    assert SCRIPT["total_s"](row, 10) == 140  # 600 megabits, and 80 s of work


def test_the_readme_says_the_same_and_promises_five_minutes():
    (said,) = re.findall(
        r"downloads (\d+) MB and installs 0\.(\d) GB.*?(\d+) minutes? on a line of (\d+) Mbit/s",
        (ROOT / "README.md").read_text(encoding="utf-8"),
    )
    download_mb, tenths_gb, minutes, mbit_s = map(int, said)
    worst = max(ROWS, key=lambda row: SCRIPT["total_s"](row, mbit_s))
    assert download_mb == max(int(row["download_mb"]) for row in ROWS)
    assert tenths_gb == round(max(float(row["installed_mb"]) for row in ROWS) / 100)
    assert SCRIPT["total_s"](worst, mbit_s) / 60 <= minutes <= 5
