"""What every chapter has: a question, what we will see, what we found, exercises."""

import json, re
from pathlib import Path

import pytest
import yaml

NBS = Path(__file__).resolve().parent.parent / "nbs"
PARTS = yaml.safe_load((NBS / "chapters.yaml").read_text(encoding="utf-8"))["parts"]
NO_CHAPTERS = ("60_glossary", "07_main")  # a list of words, and a module of a few lines


def path_of(part, chapter):
    "A chapter's place under nbs/: the paper's are in nbs/ itself."
    folder = "" if part["part"] == "paper" else part["part"] + "/"
    return folder + chapter["name"]


CHAPTERS = [
    path_of(part, chapter)
    for part in PARTS
    for chapter in part["chapters"]
    if chapter["name"] not in NO_CHAPTERS
]


def prose(name):
    "The text cells of a chapter, one after the other."
    cells = json.loads((NBS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_asks_looks_and_finds(name):
    text = prose(name)
    places = [
        text.find(words)
        for words in ("**Question.**", "**What we will see.**", "## What we found", "## Exercise")
    ]
    assert -1 not in places and places == sorted(places), (name, places)


@pytest.mark.parametrize("name", [name for name in CHAPTERS if "/" not in name])
def test_a_chapter_of_the_paper_says_what_differs(name):
    assert "**Differs from the paper" in prose(name)


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_exercise_has_an_answer_that_opens(name):
    exercises = prose(name).split("## Exercise", 1)[1]
    numbered = re.split(r"(?m)^\d+\. ", exercises)[1:]
    assert numbered
    for one in numbered:
        opened = one.split("<details><summary>Answer</summary>\n\n")
        assert len(opened) == 2 and opened[1].rstrip().endswith("</details>"), (name, one[:60])
        answer = opened[1].rstrip().removesuffix("</details>")
        assert len(answer.split()) > 15, (name, one[:60])


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_names_others_by_links_that_lead_somewhere(name):
    text = prose(name)
    for target in re.findall(r"\]\(([^)#]+\.ipynb)\)", text):
        if not target.startswith("http"):
            assert (NBS / name).parent.joinpath(target).is_file(), (name, target)
    assert not re.search(r"\b[Cc]hapter \d", text), "name the chapter, with a link"
