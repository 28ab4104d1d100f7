#!/usr/bin/env python3
"""How the code reads, counted: this project beside librosa, mir_eval and fastcore as installed.

usage: make measure      or     python workflow/measure.py [--write]
--write puts the table into CONTRIBUTING.md. Lines of code are counted without blank lines; a
public function has types where each argument and the result has one or a default that says it,
and is documented where it has a docstring and, with more than one argument, notes beside them or
a section on them.
"""

import argparse
import ast
import importlib.util
import io
import json
import re
import subprocess
import sys
import time
import tokenize
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDE = 100
LONG = 40
MARK = "<!-- measures: `make measure` -->"


@dataclass
class Count:
    "What is counted in one body of code."

    lines: int = 0
    wide: int = 0
    longest: int = 0
    semicolons: int = 0
    public: int = 0
    typed: int = 0
    documented: int = 0
    long_functions: list = field(default_factory=list)


def semicolons(text: str) -> int:
    "Semicolons that join statements; one after a plot's last call is no joint."
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return 0
    ends = (tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER)
    pairs = zip(tokens, tokens[1:])
    return sum(a.type == tokenize.OP and a.string == ";" and b.type not in ends for a, b in pairs)


def arguments_of(node) -> list:
    "Arguments that a caller gives."
    a = node.args
    every = [*a.posonlyargs, *a.args, *a.kwonlyargs]
    return [x for x in every if x.arg not in ("self", "cls")]


def is_documented(node, lines) -> bool:
    "A docstring, and notes beside the arguments or a section on them."
    said = ast.get_docstring(node)
    if not said:
        return False
    if len(arguments_of(node)) < 2:
        return True
    head = lines[node.lineno - 1 : node.body[0].lineno - 1]
    return any("#" in line for line in head) or "Parameters" in said or "Args" in said


def has_types(node) -> bool:
    "Does each argument have a type, a note beside it that says one, or a default?"
    a = node.args
    positional = [*a.posonlyargs, *a.args]
    with_default = {x.arg for x in positional[len(positional) - len(a.defaults) :]}
    with_default |= {x.arg for x, d in zip(a.kwonlyargs, a.kw_defaults) if d is not None}
    return all(x.annotation or x.arg in with_default for x in arguments_of(node))


def count_functions(tree, lines, count, where):
    "Public functions of a module, and functions that are long."
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        for f in inside:
            if not isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            length = f.end_lineno - f.lineno + 1
            if length > LONG:
                count.long_functions.append(f"{where}.{f.name} ({length})")
            if not f.name.startswith("_") and not isinstance(node, ast.ClassDef):
                count.public += 1
                count.typed += has_types(f)
                count.documented += is_documented(f, lines)


def add(count, text, where, functions=True):
    "Count one file or one cell."
    lines = text.splitlines()
    filled = [line for line in lines if line.strip()]
    count.lines += len(filled)
    count.wide += sum(len(line) > WIDE for line in filled)
    count.longest = max([count.longest, *map(len, filled)])
    count.semicolons += semicolons(text)
    if functions:
        count_functions(ast.parse(text), lines, count, where)


def count_folder(folder: Path) -> Count:
    "All modules of a package; what a program has written is left out."
    count = Count()
    for path in sorted(folder.rglob("*.py")):
        if path.stem != "_modidx" and "tests" not in path.relative_to(folder).parts:
            add(count, path.read_text(encoding="utf-8"), path.stem)
    return count


def count_notebooks(folder: Path) -> Count:
    "Code cells of all notebooks."
    count = Count()
    for path in sorted(folder.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                text = "".join(cell["source"])
                add(
                    count,
                    re.sub(r"^([ \t]*)[%!].*$", r"\1pass", text, flags=re.M),
                    path.stem,
                    False,
                )
    return count


def row(name, count) -> str:
    "One line of the table."
    share = 100 * count.wide / max(1, count.lines)
    typed = documented = long = "–"
    if count.public:
        typed = f"{100 * count.typed / count.public:.0f} %"
        documented = f"{100 * count.documented / count.public:.0f} %"
        long = str(len(count.long_functions))
    cells = [f"{count.lines:,}", str(count.longest), f"{share:.1f} %", str(count.semicolons)]
    return "| " + " | ".join([name, *cells, typed, documented, long]) + " |"


def seconds_of_check() -> float:
    "How long `make check` takes, without make."
    began = time.monotonic()
    main = "from pianoalign.reproduce.pipeline import main; raise SystemExit(main())"
    places = ["nbs", "tests", "workflow", "site", "benchmarks"]
    subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", *places], cwd=ROOT)
    subprocess.run([sys.executable, "-c", main, "check-export"], cwd=ROOT)
    return time.monotonic() - began


def installed(name) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found else None


def measures() -> tuple:
    "The table, and the functions of this package that are long."
    ours = count_folder(ROOT / "pianoalign")
    rows = [row("pianoalign", ours), row("its notebooks", count_notebooks(ROOT / "nbs"))]
    for name in ("librosa", "mir_eval", "fastcore"):
        folder = installed(name)
        if folder:
            rows.append(row(name, count_folder(folder)))
    head = (
        "| | lines | longest | over 100 columns | semicolons | typed | documented | over 40 lines |"
    )
    table = "\n".join([head, "|---|" + "---:|" * 7, *rows])
    return table, ours.long_functions


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into CONTRIBUTING.md")
    a = parser.parse_args()
    table, long_functions = measures()
    last = f"`make check` takes {seconds_of_check():.0f} seconds here."
    text = f"{table}\n\n*Typed* and *documented*: share of public functions. {last}"
    print(text)
    print("\nfunctions over 40 lines: " + ", ".join(long_functions))
    if a.write:
        path = ROOT / "CONTRIBUTING.md"
        before = path.read_text(encoding="utf-8").partition(MARK)[0]
        path.write_text(f"{before}{MARK}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
