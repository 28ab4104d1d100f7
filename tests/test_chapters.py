"""What every chapter on the paper has: a question, what we will see, what we found, exercises."""

import json, re
from pathlib import Path

import pytest
import yaml

NBS = Path(__file__).resolve().parent.parent / "nbs"
PARTS = yaml.safe_load((NBS / "chapters.yaml").read_text(encoding="utf-8"))["parts"]
PAPER = next(part["chapters"] for part in PARTS if part["part"] == "paper")
CHAPTERS = [chapter["name"] for chapter in PAPER if chapter["name"] != "60_glossary"]


def prose(name):
    "The text cells of a chapter, one after the other."
    cells = json.loads((NBS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_asks_looks_finds_and_says_what_differs(name):
    text = prose(name)
    places = [
        text.find(words)
        for words in ("**Question.**", "**What we will see.**", "## What we found", "## Exercise")
    ]
    assert -1 not in places and places == sorted(places), (name, places)
    assert "**Differs from the paper" in text


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
            assert (NBS / target).is_file(), (name, target)
    assert not re.search(r"\b[Cc]hapter \d", text), "name the chapter, with a link"
