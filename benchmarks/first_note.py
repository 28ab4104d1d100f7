"""From a fresh clone to the first aligned note: what is downloaded, and what each step costs.

    python benchmarks/first_note.py [--python PYTHON] [--out benchmarks/first_note.csv]

Does in a folder of its own what the README's first three lines do, in an environment of their own
and past pip's cache: clone, download, install, align. Seconds of a clock would say how good the
line is, and how busy the machine. So megabytes and processor seconds are measured, and what they
come to is said for lines of several speeds, on a machine that does nothing else."""

import argparse, os, subprocess, sys, tempfile
from pathlib import Path

from pianoalign.files import write_text

ROOT = Path(__file__).resolve().parent.parent
PIECE = "mozart_piano_sonatas_12_1_tet01"
LINES_MBIT_S = (10, 50, 200)  # megabits a second
COLUMNS = ("python", "download_mb", "installed_mb", "install_cpu_s", "first_note_cpu_s")
MEASURE = (  # run by the new interpreter, so that the size is that of what it sees
    "from importlib.metadata import distributions as d\n"
    "own = [x for x in d() if x.name not in ('pip', 'setuptools')]\n"
    "files = [f.locate() for x in own for f in x.files or ()]\n"
    "print(sum(f.stat().st_size for f in files if f.is_file()) / 1e6)"
)


def cpu_s(*words: object, cwd: Path, env: dict) -> float:
    "Run a command, and say its processor seconds. Stops the benchmark where it fails."
    before = os.times()
    subprocess.run([str(w) for w in words], cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])  # of children, user's and system's


def size_mb(folder: Path) -> float:
    "What lies in a folder, in megabytes."
    return sum(p.stat().st_size for p in folder.iterdir()) / 1e6


def measure(python: str, work: Path) -> dict:  # of `COLUMNS`
    "The README's three lines in a folder of their own."
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    clone, wheels = work / "pianoalign", work / "wheels"
    run = lambda *words: cpu_s(*words, cwd=clone, env=env)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    install_cpu_s = run(python, "-m", "venv", work / "venv")
    inside = work / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = [inside / "python", "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    pinned = ["-q", "-c", "constraints.txt"]
    run(*pip, "download", *pinned, "-d", wheels, ".", "setuptools")
    for own in wheels.glob("pianoalign*"):
        own.unlink()  # it came with the clone
    offline = ["--no-index", "--find-links", wheels]
    install_cpu_s += run(*pip, "install", *pinned, *offline, "-e", ".")
    pair = [f"corpus/audio/{PIECE}.ogg", f"corpus/score/{PIECE}.mid"]
    first_note_cpu_s = run(inside / "pianoalign", "align", *pair, "aligned.mid", "--quiet")
    assert (clone / "aligned.mid").stat().st_size > 0
    told = [inside / "python", "-c", MEASURE]
    installed = subprocess.run(told, cwd=work, env=env, check=True, capture_output=True, text=True)
    version = [inside / "python", "-c", "import platform; print(platform.python_version())"]
    named = subprocess.run(version, env=env, check=True, capture_output=True, text=True)
    values = (size_mb(wheels), float(installed.stdout), install_cpu_s, first_note_cpu_s)
    return dict(zip(COLUMNS, (named.stdout.strip(), *(f"{value:.0f}" for value in values))))


def total_s(row: dict, mbit_s: float) -> float:
    "The three lines on a line of that speed."
    working_s = float(row["install_cpu_s"]) + float(row["first_note_cpu_s"])
    return 8 * float(row["download_mb"]) / mbit_s + working_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=[], action="append", help="more than once for several")
    parser.add_argument("--out", help="also write the table (.csv)")
    words = parser.parse_args()
    rows = []
    for python in words.python or [sys.executable]:
        with tempfile.TemporaryDirectory() as work:
            rows.append(measure(python, Path(work)))
        sums = ", ".join(f"{total_s(rows[-1], m):.0f} s at {m} Mbit/s" for m in LINES_MBIT_S)
        print(", ".join(f"{k} {v}" for k, v in rows[-1].items()), f"-> {sums}", flush=True)
    if words.out:
        lines = [",".join(COLUMNS), *(",".join(row[c] for c in COLUMNS) for row in rows)]
        write_text(words.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
