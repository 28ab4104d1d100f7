"""One name, one meaning: what two modules offer under the same name is listed here."""

import ast
from collections import defaultdict
from pathlib import Path

import pianoalign

PACKAGE = Path(__file__).resolve().parent.parent / "pianoalign"

COMMANDS = "a command, and the function that it calls"
SHARED = {
    "AlignmentResult": "the package itself offers what `tool.results` defines",
    "InputError": "the package itself offers what `files` defines",
    "align": COMMANDS,
    "align_set": COMMANDS,
    "judge": COMMANDS,
    "train": COMMANDS,
    "reproduce": COMMANDS,
    "main": "where `python -m pianoalign`, the commands and the pipeline begin",
}
"Names that two modules may offer, and why."


def offered(path: Path) -> list:  # of str
    "The names in a module's `__all__`."
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return []


def test_no_two_modules_offer_the_same_name_for_two_things():
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in offered(path):
            places[name].append(path.relative_to(PACKAGE).as_posix())
    assert len(places) > 500, "the modules' lists of names were not found"
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert set(twice) - set(SHARED) == set(), f"rename one of each: {twice}"
    assert set(SHARED) - set(twice) == set(), "no longer offered twice: take it off the list"


def test_tab_offers_what_was_not_asked_for_yet():
    assert set(pianoalign.__all__) <= set(dir(pianoalign))
    assert set(pianoalign._WHERE) == set(pianoalign.__all__)


def test_no_module_takes_a_private_name_of_another():
    "A name that begins with `_` may change its meaning without anybody being asked."
    taken = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            ours = isinstance(node, ast.ImportFrom) and (
                node.level or (node.module or "").startswith("pianoalign")
            )
            names = [a.name for a in node.names] if ours else []
            private = [n for n in names if n.startswith("_") and n != "_modidx"]
            taken += [f"{path.relative_to(PACKAGE).as_posix()}: {name}" for name in private]
    assert taken == []
