"""Build the course's notebooks from their sources.

python course/build.py           write source/, the lessons of spot_the_bug/, tables of MARKING.md
python course/build.py --check   say which of these differ from their sources, and fail if one does
python course/build.py --freeze  take the errors of assignment 4 from the results of tier demo

A source is a Python file whose cells begin with `# %%`. What follows on that line says what the
cell is:

# %% [markdown]            text
# %% given=ID              code that is put back before grading
# %%                       code that students may change freely (pictures, sounds)
# %% slow                  the same, left out when many answers are checked in one go
# %% solve=ID              a task; what stands between BEGIN SOLUTION and END SOLUTION is for the
#                          student
# %% test=ID points=4      tests of a task, put back before grading; hidden ones between BEGIN and
#                          END HIDDEN TESTS
# %% answer=ID points=4    graded by a person; with [markdown] a question in words

In a lesson of spot_the_bug: `mend` (the code with the bug), `mended` (the same without), `test`,
and `[markdown] afterwards` (what was wrong). The lesson holds the first and the test, its answer
the others.
"""

import hashlib, json, os, re, sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOTEBOOK_OF = {
    "1_features": "features",
    "2_dtw": "dtw",
    "3_crnn": "crnn",
    "4_evaluation": "evaluation",
    "5_own": "own",
}


@dataclass
class Cell:
    "One cell of a source."

    kind: str  # markdown, plain, slow, given, solve, test, answer; in lessons also mend, mended
    name: str  # of a given, solve, test or answer cell
    points: int
    markdown: bool
    text: str

    @property
    def grade_id(self):
        "The name under which nbgrader keeps the cell."
        return f"{self.kind}-{self.name}"


def read_cells(path: Path) -> list:
    "The cells of a source; raises ValueError for a header that is not understood."
    cells, parts = [], re.split(r"^# %%(.*)\n", path.read_text(encoding="utf-8"), flags=re.M)
    if parts[0].strip():
        raise ValueError(f"{path.name}: begins before its first cell")
    for header, text in zip(parts[1::2], parts[2::2]):
        words = header.split()
        markdown = "[markdown]" in words
        fields = dict(word.partition("=")[::2] for word in words if word != "[markdown]")
        points = int(fields.pop("points", 0))
        if len(fields) > 1 or not set(fields) <= {
            "slow",
            "given",
            "solve",
            "test",
            "answer",
            "mend",
            "mended",
            "afterwards",
        }:
            raise ValueError(f"{path.name}: cannot read the cell header '# %%{header}'")
        ((kind, name),) = fields.items() or [("plain", "")]
        if bool(points) != (kind == "answer" or kind == "test" and bool(name)):
            raise ValueError(
                f"{path.name}: tests and answers have points and nothing else has: '# %%{header}'"
            )
        text = text.strip("\n")
        if markdown:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
        cells.append(
            Cell("markdown" if markdown and kind == "plain" else kind, name, points, markdown, text)
        )
    return cells


FLAGS = dict(
    given=dict(grade=False, solution=False, locked=True),
    solve=dict(grade=False, solution=True, locked=False),
    test=dict(grade=True, solution=False, locked=True),
    answer=dict(grade=True, solution=True, locked=False),
)


def to_notebook(cells, place: str) -> str:
    """A notebook without outputs as the text of its file; `place` keeps the cells' ids apart from
    those of other notebooks."""
    out, seen = [], {}
    for c in cells:
        key = c.grade_id if c.name else c.text.split("\n")[0]
        seen[key] = seen.get(key, 0) + 1
        cell = dict(
            cell_type="markdown" if c.markdown else "code",
            id=hashlib.sha256(f"{place}|{key}|{seen[key]}".encode()).hexdigest()[:8],
            metadata={},
            source=c.text.splitlines(True),
        )
        if not c.markdown:
            cell |= dict(execution_count=None, outputs=[])
        if c.kind == "slow":
            cell["metadata"]["tags"] = ["slow"]
        if c.name:
            cell["metadata"]["nbgrader"] = dict(
                grade_id=c.grade_id,
                schema_version=3,
                task=False,
                cell_type=cell["cell_type"],
                **FLAGS[c.kind],
            )
            if c.points:
                cell["metadata"]["nbgrader"]["points"] = c.points
        out.append(cell)
    kernel = dict(
        kernelspec=dict(display_name="Python 3", language="python", name="python3"),
        language_info=dict(name="python"),
    )
    return (
        json.dumps(
            dict(cells=out, metadata=kernel, nbformat=4, nbformat_minor=5),
            indent=1,
            ensure_ascii=False,
            sort_keys=True,
        )
        + "\n"
    )


def lesson_cells(cells, answer: bool) -> list:
    "A lesson's notebook, or the notebook that mends it and explains."
    if not answer:
        return [c for c in cells if c.kind not in ("mended", "afterwards")]
    mended = iter([c for c in cells if c.kind == "mended"])
    return [
        next(mended) if c.kind == "mend" else c
        for c in cells
        if c.kind not in ("mended", "afterwards")
    ] + [c for c in cells if c.kind == "afterwards"]


def notebooks() -> dict:  # path -> text
    "Every notebook of the course, and the marking guide, as their sources say they should be."
    found = {}
    for name, notebook in NOTEBOOK_OF.items():
        found[HERE / "source" / name / f"{notebook}.ipynb"] = to_notebook(
            read_cells(HERE / "sources" / f"{name}.py"), name
        )
    lessons = HERE / "spot_the_bug"
    for path in sorted((lessons / "sources").glob("*.py")):
        cells = read_cells(path)
        found[lessons / f"{path.stem}.ipynb"] = to_notebook(
            lesson_cells(cells, answer=False), path.stem
        )
        found[lessons / "answers" / f"{path.stem}.ipynb"] = to_notebook(
            lesson_cells(cells, answer=True), f"{path.stem} mended"
        )
    return found | {HERE / "MARKING.md": marking_guide()}


def marking_guide() -> str:
    "MARKING.md with a table of wrong answers after each comment that asks for one."

    def table(found):
        rows = ["| mistake | loses | what happened |", "| --- | --- | --- |"]
        for path in sorted((HERE / "wrong_answers" / found[1]).glob("*.py")):
            what, loses = re.match(
                r'"""(.*?)"""\n# loses: ([^\n]+)', path.read_text(encoding="utf-8"), re.S
            ).groups()
            what = " ".join(what.split())
            rows.append(f"| `{path.stem}` | {', '.join(loses.split())} | {what} |")
        return f"<!-- wrong answers of {found[1]} -->\n" + "\n".join(rows) + "\n<!-- end -->"

    text = (HERE / "MARKING.md").read_text(encoding="utf-8")
    return re.sub(r"<!-- wrong answers of (\w+) -->.*?<!-- end -->", table, text, flags=re.S)


def stale() -> list:
    "What differs from its source, and notebooks that have none."
    wanted = notebooks()
    there = [
        p
        for folder in ("source/*", "spot_the_bug", "spot_the_bug/answers")
        for p in HERE.glob(f"{folder}/*.ipynb")
    ]
    return sorted(
        [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
        + [p for p in there if p not in wanted]
    )


def freeze_errors():
    """Keep the test errors of three methods, as the committed results of tier demo have them, for
    assignment 4. What a fresh run changes changes nothing here."""
    import numpy as np
    from pianoalign.runs import find_run, read_errors

    runs, kept = HERE.parent / "results" / "demo" / "runs", {}
    for run, method in (("dtw", "unaligned"), ("dtw", "dtw"), ("crnn", "crnn")):
        for piece, error_s in read_errors(find_run(runs, run))["test", method].items():
            kept[f"{method}/{piece}"] = error_s.astype(np.float32)
    (HERE / "data").mkdir(exist_ok=True)
    np.savez_compressed(HERE / "data" / "evaluation_errors.npz", **kept)


def main():
    if sys.argv[1:] == ["--freeze"]:
        freeze_errors()
        return 0
    if sys.argv[1:] == ["--check"]:
        for path in stale():
            print(
                f"{path.relative_to(HERE.parent)} is not what its source says: "
                "run `python course/build.py`"
            )
        return 1 if stale() else 0
    if sys.argv[1:]:
        print(__doc__)
        return 2
    for path, text in notebooks().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
