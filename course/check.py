"""Run the assignments without nbgrader, cell by cell: which wrong answers lose which points?

python course/check.py [ASSIGNMENT]    the points that each wrong answer loses
python course/check.py --times         seconds of processor time of each assignment, cell by cell

A file in wrong_answers/<assignment>/ begins with a docstring that says what is wrong, then a
comment `# loses: <tests>`; its cells `# %% solve=ID` take the place of the reference solution's.
"""

import contextlib, io, os, re, subprocess, sys, time, traceback
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from build import NOTEBOOK_OF, read_cells  # noqa: E402

HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.S)


def source_of(assignment: str) -> Path:
    return HERE / "sources" / f"{assignment}.py"


def wrong_answers(assignment: str) -> list:
    return sorted((HERE / "wrong_answers" / assignment).glob("*.py"))


def expected_losses(path: Path) -> set:
    "The tests that a wrong answer says it loses."
    return set(re.search(r"^# loses: (.+)$", path.read_text(encoding="utf-8"), re.M)[1].split())


def with_answer(cells, path: Path) -> list:
    "The assignment's cells, with those of a wrong answer in place of the reference solution's."
    text = path.read_text(encoding="utf-8")
    wrong = {
        h.strip().removeprefix("solve="): body
        for h, body in re.findall(r"^# %% (solve=\w+)\n(.*?)(?=^# %% |\Z)", text, re.M | re.S)
    }
    unknown = set(wrong) - {c.name for c in cells if c.kind == "solve"}
    if unknown or not wrong:
        raise ValueError(
            f"{path}: no task of this assignment is called {sorted(unknown) or 'anything'}"
        )
    return [
        replace(c, text=wrong[c.name]) if c.kind == "solve" and c.name in wrong else c
        for c in cells
    ]


_begun = {}


def begin(cells) -> dict:
    """Names that the given cells before the first task make; they are run once, since nothing in
    them depends on an answer."""
    texts = tuple(
        c.text
        for c in cells[: next(k for k, c in enumerate(cells) if c.kind == "solve")]
        if c.kind == "given"
    )
    if texts not in _begun:
        space = {"__name__": "student", "display": lambda *_: None}
        with contextlib.redirect_stdout(io.StringIO()):
            for text in texts:
                exec(compile(text, "<given>", "exec"), space)
        _begun[texts] = space
    return dict(_begun[texts])


def run(cells, kinds=("given", "solve", "test"), hidden: bool = True, times: dict = None) -> dict:
    """Run the cells of these kinds in order: test -> the exception that it raised, or None. With
    `times` everything is run anew."""
    import matplotlib

    matplotlib.use("Agg")
    fresh, verdict = times is not None, {}
    space = {"__name__": "student", "display": lambda *_: None} if fresh else begin(cells)
    first_task = next(k for k, c in enumerate(cells) if c.kind == "solve")
    for k, c in enumerate(cells):
        if c.markdown or c.kind not in kinds or not fresh and c.kind == "given" and k < first_task:
            continue
        text = c.text if hidden else HIDDEN.sub("", c.text)
        start, problem = time.process_time(), None
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, f"<{c.grade_id} {k}>", "exec"), space)
        except Exception as error:
            problem = error
            if c.kind in ("given", "plain", "slow", "answer"):
                raise
        if times is not None:
            times[f"{k} {c.kind} {c.name}".strip()] = time.process_time() - start
        if c.kind == "test":
            verdict[c.name] = problem
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    return verdict


def main():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if sys.argv[1:] == ["--times"]:  # a process each, so that each pays for its own imports
        return max(
            subprocess.run([sys.executable, __file__, "--times", name]).returncode
            for name in NOTEBOOK_OF
        )
    if sys.argv[1:2] == ["--times"]:
        name, times = sys.argv[2], {}
        run(
            read_cells(source_of(name)),
            ("given", "plain", "slow", "solve", "test", "answer"),
            times=times,
        )
        print(
            f"{name}: {time.process_time():.1f} s; longest: "
            + ", ".join(
                f"{k} {s:.1f} s" for k, s in sorted(times.items(), key=lambda x: -x[1])[:3]
            ),
            flush=True,
        )
        return 0
    if set(sys.argv[1:]) - set(NOTEBOOK_OF):
        print(__doc__)
        return 2
    wrong = 0
    for name in sys.argv[1:] or NOTEBOOK_OF:
        cells = read_cells(source_of(name))
        points = {c.name: c.points for c in cells if c.kind == "test"}
        for path in [None, *wrong_answers(name)]:
            verdict = run(with_answer(cells, path) if path else cells)
            lost = {test for test, problem in verdict.items() if problem is not None}
            expected = expected_losses(path) if path else set()
            wrong += lost != expected
            print(
                f"{name} {path.stem if path else '(reference)':32s} "
                f"{sum(points[t] for t in points if t not in lost)}/{sum(points.values())}, loses "
                f"{', '.join(sorted(lost)) or 'nothing'}"
                + (
                    ""
                    if lost == expected
                    else f"; expected {', '.join(sorted(expected)) or 'nothing'}"
                ),
                flush=True,
            )
            for test in lost - expected:
                traceback.print_exception(verdict[test], limit=-1)
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
