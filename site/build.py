#!/usr/bin/env python3
"""Build the site: the executed chapters as a book, results, cards, reference, pages to listen to.

usage: make site [TIER=demo]     or     python site/build.py --tier demo --out _site
The chapters are those that papermill executed (`make reproduce`); without them their text alone is
shown, and said so.
"""

import argparse
import ast
import base64
import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pianoalign.reproduce.chapters import (  # noqa: E402
    NEIGHBOURS,
    notebook_paths,
    read_chapters,
    read_parts,
)
from pianoalign.reproduce.compare import FRESH_RESULTS  # noqa: E402

CHAPTERS = {c.name: c for c in read_chapters(ROOT)}
PARTS = {  # caption -> chapters, in reading order
    title: [c.name for c in listed if c.page] for title, listed in read_parts(ROOT).values()
}
HIDDEN = {"index"} | {c.name for c in CHAPTERS.values() if not c.page}
THEIRS = [c.name for c in CHAPTERS.values() if c.part == NEIGHBOURS]


def chapters() -> list:
    "Chapters to show: those of `PARTS` that exist, then any that the list forgot."
    return [name for name in notebook_paths(ROOT) if name not in HIDDEN]


def executed_copy(name: str, tier: str) -> Path | None:
    "The chapter as papermill left it: of a fresh run, else beside the committed results."
    for folder in (ROOT / FRESH_RESULTS, ROOT / "results"):
        path = folder / tier / "notebooks" / f"{name}.ipynb"
        if path.is_file():
            return path
    return None


def tags_of(cell: dict) -> list:
    return cell.get("metadata", {}).get("tags", [])


def is_hidden(cell: dict) -> bool:
    "Is a code cell of no interest to a reader: set-up, marks for nbdev, injected parameters?"
    text = "".join(cell["source"])
    marked = text.startswith(("#| hide", "#| default_exp"))
    return marked or "injected-parameters" in tags_of(cell)


def sets_up(cell: dict, text: str) -> bool:
    "Is a code cell there for the cells after it: parameters, folders, imports and what follows?"
    if "parameters" in tags_of(cell):
        return True
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return False
    return bool(body) and isinstance(body[0], (ast.Import, ast.ImportFrom))


def is_seen_or_heard(output: dict) -> bool:
    "Is an output a picture, a sound, or a picture that answers?"
    data = output.get("data", {})
    page = "".join(data.get("text/html", ""))
    return "image/png" in data or "<audio" in page or "pa-answer" in page


def only_draws(text: str) -> bool:
    "Does a code cell do no more than define what draws?"
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return False
    draws = any(getattr(n, "name", "").startswith(("draw_", "show_")) for n in body)
    return draws and all(isinstance(n, (ast.FunctionDef, ast.Assign)) for n in body)


def is_folded(cell: dict, text: str) -> bool:
    """Does a code cell stand behind *Code*: what is exported, sets up, or makes a picture or a
    sound? So a reader meets the question, the picture and the sound first."""
    exported = "".join(cell["source"]).startswith("#| export")
    shows = any(map(is_seen_or_heard, cell.get("outputs", [])))
    return exported or shows or sets_up(cell, text) or only_draws(text)


SECTIONS_BEFORE = 2  # in which a first picture or sound must come to go before its code


def before_first_picture(cells: list) -> int:
    "How many cells lead to a chapter's first picture or sound; 0 if that comes late or never."
    sections = 0
    for k, cell in enumerate(cells):
        sections += cell["cell_type"] == "markdown" and "\n## " in "\n" + "".join(cell["source"])
        if sections > SECTIONS_BEFORE:
            return 0
        if not is_hidden(cell) and any(map(is_seen_or_heard, cell.get("outputs", []))):
            return k
    return 0


NAMED = 3  # functions and classes that the fold of their code names


def told_by_code(text: str, tags=()) -> str:
    "What stands on the fold of a code cell: what the code defines, or that it sets up."
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return "Code"
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = [n.name for n in body if isinstance(n, kinds) and not n.name.startswith("_")]
    if names:
        return f"Code: {', '.join(names[:NAMED])}{' …' if len(names) > NAMED else ''}"
    imports = any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in body)
    return "Code: set-up" if imports or "parameters" in tags else "Code"


def is_silent_fold(cell: dict) -> bool:
    "Is a cell of the reading copy folded code that shows nothing?"
    return cell["cell_type"] == "code" and "hide-input" in tags_of(cell) and not cell["outputs"]


def with_one_fold(cells: list) -> list:
    "Cells of which no two neighbours are folded code that shows nothing: such are one."
    joined = []
    for cell in cells:
        if joined and is_silent_fold(cell) and is_silent_fold(joined[-1]):
            both = f"{joined[-1]['source'].rstrip()}\n\n\n{cell['source']}"
            joined[-1] = joined[-1] | {"source": both}
        else:
            joined.append(cell)
    return [c | {"metadata": with_prompt(c)} if "hide-input" in tags_of(c) else c for c in joined]


def with_prompt(cell: dict) -> dict:
    "The metadata of a folded cell, with the words on its fold for myst-nb."
    said = told_by_code(cell["source"], tags_of(cell))
    mystnb = cell["metadata"].get("mystnb", {}) | dict(code_prompt_show=said, code_prompt_hide=said)
    return cell["metadata"] | {"mystnb": mystnb}


def told_by_figures(text: str) -> str:
    """What the pictures of a cell show, for those who cannot see them: captions in its code, else
    titles. Parts that are computed are left out."""
    titles = r'(?:title ?= ?|set_title\(|suptitle\()f?"([^"]+)"'
    for pattern in (r'caption\(\w+, f?"([^"]+)"', titles):
        found = [re.sub(r"\{[^}]*\}", "…", t) for t in re.findall(pattern, text)]
        if found:
            return "; ".join(dict.fromkeys(found))
    return ""


def page_of(name: str, names) -> str:
    "The page of a notebook, seen from the pages of chapters, without its ending; else empty."
    return name if name in names else "../index" if name == "index" else ""


def local_links(text: str, names) -> str:
    """Markdown whose links between notebooks, in whatever folders, lead from page to page; of a
    link to a notebook without a page the words stay."""

    def led(m):
        page, ending = page_of(m["name"], names), "md" if m["name"] == "index" else "ipynb"
        return f"[{m['words']}]({page}.{ending}{m['rest']})" if page else m["words"]

    link = r"\[(?P<words>[^\]]*)\]\((?![a-z]+:)[^)#\s]*?(?P<name>\w+)\.ipynb(?P<rest>[^)]*)\)"
    return html_links(re.sub(link, led, text), names)


def html_links(text: str, names) -> str:
    "The same for links that are written in HTML, which Sphinx leaves as they are."

    def led(m):
        page = page_of(m["name"], names)
        place = f"{m['before']}{page}.html{m['after']}"
        return f"<a {place}>{m['words']}</a>" if page else m["words"]

    link = (
        r"<a (?P<before>[^>]*?href=[\"'])(?![a-z]+:)[^\"'#]*?(?P<name>\w+)\.ipynb"
        r"(?P<after>[^>]*)>(?P<words>.*?)</a>"
    )
    return re.sub(link, led, text, flags=re.DOTALL)


def named_chapters(text: str, names, folder: str = "") -> str:
    "Prose whose chapters' file names, between backticks, are titles that lead to them."
    return re.sub(
        r"(?<!\[)`(?:[a-z]+/)?(\d+[a-z]?_[a-z_]+)`",
        lambda m: f"[{CHAPTERS[m[1]].title}]({folder}{m[1]}.ipynb)" if m[1] in names else m[0],
        text,
    )


LINKED = {"text/markdown": local_links, "text/html": html_links}


def with_page_links(output: dict, names) -> dict:
    "An output of a cell whose links between notebooks lead from page to page."
    data = output.get("data", {})
    led = {kind: link("".join(data[kind]), names) for kind, link in LINKED.items() if kind in data}
    return output | {"data": data | led} if led else output


def reading_copy(notebook: dict, names) -> dict:
    "A notebook as it is to be read: no hidden cells, no marks, links, and long code folded away."
    cells, until = [], before_first_picture(notebook["cells"])
    for k, cell in enumerate(notebook["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] != "code":
            told = local_links(named_chapters(text, names), names)
            cells.append(cell | {"source": told})
            continue
        if is_hidden(cell):
            continue
        said = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
        cell["outputs"] = [with_page_links(o, names) for o in said]
        shown = re.sub(r"^(#\| \w+.*\n)+", "", text)
        metadata = dict(cell.get("metadata", {}))
        if k < until or is_folded(cell, shown):
            metadata["tags"] = [*metadata.get("tags", []), "hide-input"]
        if told_by_figures(shown):
            metadata["mystnb"] = dict(image=dict(alt=told_by_figures(shown)))
        cells.append(cell | {"source": shown, "metadata": metadata})
    return notebook | {"cells": with_one_fold(cells)}


def widget_state(model: dict):
    "What an explorer needs to be a page of its own; None for widgets of another kind."
    from pianoalign.lab.explorer import WidgetState

    blocks = {b["path"][0]: base64.b64decode(b["data"]) for b in model.get("buffers", [])}
    if "notes" not in blocks:
        return None
    parts = (blocks.get(n, b"") for n in ("notes", "image", "audio"))
    return WidgetState(model["state"]["data"], *parts)


def frame(page: str, title: str) -> str:
    "A player in a frame, and a link to it in a window of its own."
    return (
        f'<iframe class="explorer" src="../listen/{page}" title="{html.escape(title)}"></iframe>'
        f'<a href="../listen/{page}">In a window of its own</a>'
    )


def with_players(notebook: dict, name: str, folder: Path) -> dict:
    """The same with each widget as a page in `folder`, shown in a frame, so that it works without
    a kernel. Changes the notebook."""
    from pianoalign.lab.explorer import write_page

    kinds = notebook["metadata"].pop("widgets", {})
    models = kinds.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json", {})
            state = widget_state(models.get(view.get("model_id"), {}))
            if state is None:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            page = write_page(folder / f"{name}_{cell['id']}.html", state)
            output["data"] = {"text/html": frame(page.name, state.data["title"])}
    return notebook


MEASURED = re.compile(r"(^|_)(ms|pct|db|precision|recall|f1|p|r)(_|$)")
MOST_COLUMNS = 9  # that fit a page
LONG_TABLE = 40  # rows; a longer one is folded away
UNITS = {"ms": "ms", "s": "s", "pct": "%", "db": "dB"}


def heading(column: str) -> str:
    "A column's name as a person writes it, its unit in brackets."
    from pianoalign.report.tables import HEADINGS

    if column in HEADINGS:
        return HEADINGS[column]
    *words, last = column.split("_")
    if last not in UNITS or not words:
        return column.replace("_", " ").replace("f1", "F1")
    found = re.fullmatch(r"(.*?) ?within (\d+)", " ".join(words))
    name = f"{found[1]} ≤ {found[2]} ms".strip() if found else " ".join(words)
    return f"{name.replace('f1', 'F1')} ({UNITS[last]})"


def figures_of(table) -> tuple:
    """Columns that name a row of a neighbour's table, and those measured: figures with an interval
    where there are some, in the order of the paper's tables; else all but counts."""
    from pianoalign.report.tables import HEADINGS

    columns = list(table)
    first = next(k for k, c in enumerate(columns) if MEASURED.search(c))
    measured = [c for c in columns if f"{c}_lo" in columns]
    measured = measured or [c for c in columns[first:] if c not in ("notes", "pieces")]
    if first + len(measured) > MOST_COLUMNS:
        measured = [c for c in measured if c not in ("within_100_pct", "std_ms")]
    order = list(HEADINGS)
    return columns[:first], sorted(measured, key=lambda c: order.index(c) if c in order else 99)


def html_table(path: Path) -> str:
    "A neighbour's committed table as it is read: names, then figures with their intervals."
    import numpy as np
    import pandas as pd

    from pianoalign.report.tables import Shown, spelled

    table = pd.read_csv(path)
    names, measured = figures_of(table)

    def cell(row, column):
        value, low, high = (row.get(column + end, np.nan) for end in ("", "_lo", "_hi"))
        kind = ".1f" if column.rpartition("_")[2] in UNITS else ".3f"
        number = "" if pd.isna(value) else f"{value:{kind}}"
        return number if pd.isna(low) else [number, f"[{low:{kind}}, {high:{kind}}]"]

    rows = [
        [*(spelled(c, row[c]) for c in names), *(cell(row, c) for c in measured)]
        for row in table.fillna({c: "" for c in names}).to_dict("records")
    ]
    heads = [heading(c) for c in (*names, *measured)]
    note = f"In brackets the 95 % interval over pieces; the file has {len(table.columns)} columns."
    shown = Shown(heads, rows, path.name, note, (), len(names))._repr_html_()
    if len(rows) > LONG_TABLE:
        shown = f"<details><summary>{path.name}: {len(rows)} rows</summary>{shown}</details>"
    return "\n".join(raw(shown))


def own_tables(name: str, tier: str) -> list:
    "Committed tables that a chapter's text says it writes."
    text = notebook_paths(ROOT)[name].read_text(encoding="utf-8")
    written = dict.fromkeys(re.findall(r"\btable\d+\w*", text))
    return [p for n in written if (p := ROOT / "results" / tier / f"{n}.csv").is_file()]


def banner(name: str, tier: str) -> list:
    "Markdown cells that say why a chapter has no pictures, and show its committed tables."
    command = "make reproduce" + (" PART=neighbours" if name in THEIRS else "")
    said = (
        "> **Shown without pictures and sound.** This chapter has not been executed in the clone "
        f"that made this page; `{command}` executes it."
    )
    blocks = [said]
    if name in THEIRS:
        found = own_tables(name, tier)
        if found:
            blocks.append("The tables that it made for this project's results:")
            blocks += [html_table(p) for p in found]
    return [
        dict(cell_type="markdown", id=f"banner{k}", metadata={}, source=text)
        for k, text in enumerate(blocks)
    ]


def write_chapters(source: Path, tier: str) -> bool:
    "Copy the chapters, and their widgets into `listen_`; were all but the neighbours' executed?"
    names, all_executed = chapters(), True
    (source / "chapters").mkdir(parents=True)
    for name in names:
        done = executed_copy(name, tier)
        all_executed &= bool(done) or name in THEIRS  # those have a command of their own
        notebook = json.loads((done or notebook_paths(ROOT)[name]).read_text(encoding="utf-8"))
        copy = with_players(reading_copy(notebook, names), name, source / "listen_")
        if not done:
            copy["cells"][1:1] = banner(name, tier)
        (source / "chapters" / f"{name}.ipynb").write_text(json.dumps(copy), encoding="utf-8")
    return all_executed


def raw(text: str) -> list:
    "HTML in a Markdown page; what is wider than the page scrolls."
    return ["```{raw} html", f'<div class="cell_output">{text}</div>', "```", ""]


OWN_ROWS = ["within_10_pct", "within_25_pct", "within_50_pct", "median_ms", "mean_ms"]


def parts_of(table) -> list:
    "A table as it fits the page: Table 1 set by set, the rows of our own apart; others whole."
    from pianoalign.report import tables

    if "dataset" not in table:
        return [tables.show(table)]
    ours = ~table.method.isin(tables.TABLE1_METHODS)
    parts = []
    for own, columns, kind in ((False, None, ""), (True, OWN_ROWS, ", rows beyond the paper")):
        for name in table.dataset.unique():
            part = table[(table.dataset == name) & (ours == own)]
            if len(part):
                parts.append(tables.show(part, f"Data: {name}{kind}", columns))
    return parts


def results_page(tier: str) -> str:
    "The tables as they stand in results/, ours beside the published ones, and the claims."
    import pandas as pd

    folder = ROOT / "results" / tier
    text = [
        f"# Results of tier `{tier}`",
        "",
        "Ours with the 95 % interval over pieces, and the published figure. The files are "
        "`table1.csv` to `table6.csv` and `claims.csv`.",
        "",
    ]
    for k in range(1, 7):
        path = folder / f"table{k}.csv"
        if path.is_file():
            table = pd.read_csv(path)
            table["started_from"] = table.started_from.fillna("")
            text += [f"## Table {k}", ""]
            for shown in parts_of(table):
                text += raw(shown._repr_html_())
    if (folder / "claims.csv").is_file():
        ledger = pd.read_csv(folder / "claims.csv").fillna("")
        shown = ledger[["section", "claim", "published", "ours", "verdict", "reason"]]
        text += ["## The paper's claims", "", *raw(shown.to_html(index=False, border=0))]
    return "\n".join(text + neighbours_claims(folder))


def neighbours_claims(folder) -> list:
    "What the neighbours' chapters say of other systems and open questions, one table."
    import pandas as pd

    from pianoalign.neighbours.activations import ledger_of

    rows = []
    for r in ledger_of(folder).itertuples():
        known = r.difference_lo == r.difference_lo  # not a number where there is no interval
        ends = f" [{r.difference_lo:+.1f}, {r.difference_hi:+.1f}]" if known else ""
        size = f"{r.difference:+.1f}{ends} {r.unit}"
        rows.append(dict(chapter=r.chapter, claim=r.claim, difference=size, verdict=r.verdict))
    if not rows:
        return []
    table = pd.DataFrame(rows).to_html(index=False, border=0)
    return ["## The neighbours' claims and the open questions", "", *raw(table)]


def module_of(name: str) -> str:
    "The module that a chapter exports; empty where it exports none."
    for cell in json.loads(notebook_paths(ROOT)[name].read_text(encoding="utf-8"))["cells"]:
        found = re.search(r"^#\| *default_exp +([\w.]+)", "".join(cell["source"]), re.M)
        if found:
            return found[1]
    return ""


def summary_of(module: str) -> str:
    "The first sentence of a module's docstring."
    path = ROOT / "pianoalign" / (module.replace(".", "/") + ".py")
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.sub(r"\s+", " ", said.split("\n\n")[0]).strip()


def modules_page() -> str:
    "Every module in reading order, with one sentence and the chapter that it comes from."
    lines = ["# Modules", "", "What the package holds, in the order of the chapters."]
    for part, names in PARTS.items():
        rows = []
        for name in names:
            module = module_of(name) if name in chapters() else ""
            if not module or not (ROOT / "pianoalign" / f"{module.replace('.', '/')}.py").is_file():
                continue
            link = f"[`{module}`](../api/pianoalign/pianoalign.{module}.md)"
            chapter = f"[{CHAPTERS[name].title}](../chapters/{name}.ipynb)"
            said = summary_of(module) or CHAPTERS[name].says
            rows.append(f"| {link} | {said} | {chapter} |")
        if rows:
            lines += ["", f"## {part}", "", "| module | | chapter |", "|---|---|---|", *rows]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", "../api/index", "```", ""])


def spoken_title(piece: str) -> str:
    "A piece of the demo corpus as a person would write it: composer and title."
    with open(ROOT / "corpus" / "index.csv", newline="", encoding="utf-8") as f:
        row = next(r for r in csv.DictReader(f) if r["id"] == piece)
    title = re.sub(r"\bop\.? (\d+) (\d+)$", r"op. \1 no. \2", row["title"].replace("_", " "))
    title = re.sub(r"\bSonatas (\d+)-(\d+)$", r"sonata no. \1, movement \2", title)
    return f"{row['composer']}, {re.sub(r'(?<=[a-z])s (?=op. [0-9]+ no)', ' ', title)}"


def listening_pages(folder: Path, start_s=0.0, length_s=20.0):
    """An explorer, the jitter laboratory and the listening test, on twenty seconds of the demo
    corpus."""
    from pianoalign.datasets import load_corpus, pair_by_rank
    from pianoalign.lab.explorer import explorer_page, result_layers
    from pianoalign.lab.jitter import jitter_lab, listening_test
    from pianoalign.tool.aligner import align

    piece = min(load_corpus("demo", ROOT / "corpus", ("recordings",)), key=lambda r: r.duration_s)
    score = ROOT / "corpus" / "score" / f"{piece.id}.mid"
    layers = {}
    for method in ("dtw", "crnn"):
        layers |= result_layers(align(piece.audio, score, method=method))
    truth = pair_by_rank(layers["unaligned"], piece.reference)
    folder.mkdir(parents=True, exist_ok=True)
    explorer_page(
        folder / "explorer.html",
        piece.audio,
        layers,
        truth,
        start_s=start_s,
        end_s=start_s + length_s,
        title=spoken_title(piece.id),
    )
    jitter_lab(
        piece.audio,
        piece.reference,
        page=folder / "jitter_lab.html",
        start_s=start_s,
        end_s=start_s + length_s,
    )
    listening_test(
        piece.audio,
        piece.reference,
        page=folder / "listening_test.html",
        start_s=start_s,
        end_s=start_s + length_s,
    )


LISTEN = """# Hear it

Ten minutes that say more than a table. Headphones help.

1. **The explorer** below shows twenty seconds of a performance: the notes of its score as they
   were given (*Unaligned*), as dynamic time warping (*DTW*) and the aligner's network (*High
   resolution*) moved them, and as they were really played (*Truth*).
   Play the recording on the left and the notes on the right, and change the layer while it runs.
2. <a href="../listen/jitter_lab.html"><b>The jitter laboratory</b></a> loosens the true notes as
   far as you like. Start at 25 ms, go down to 5.
3. <a href="../listen/listening_test.html"><b>The listening test</b></a> asks which of two is
   aligned, and draws your own threshold beside the windows of Table 1.

```{raw} html
<iframe class="explorer" src="../listen/explorer.html"
        title="Alignment explorer: twenty seconds of a recording with its notes"></iframe>
```

How they work, and what to listen for: [the explorer](../chapters/01_explorer.ipynb),
[the laboratory](../chapters/02_jitter_lab.ipynb).
"""


START = """
## Start here

- **Ten minutes**: [hear it](pages/listen.md), then
  [what alignment is](chapters/10_introduction.ipynb).
- **An evening**: the paper's chapters, in order, from
  [what alignment is](chapters/10_introduction.ipynb) to [what holds](chapters/50_conclusion.ipynb).
- **A course**: [assignments, marking and lessons](pages/course.md).
- **A recording of your own**: [the aligner](chapters/01_aligner.ipynb) and
  [the command line](chapters/02_command_line.ipynb).

"""


def toctree(caption: str, lines) -> str:
    "A hidden table of contents, for the bar at the side."
    body = "\n".join(lines)
    return f"\n```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n:hidden:\n{body}\n```\n"


def front_page(executed: bool, tier: str) -> str:
    """What the README says first, its picture, where to start, then the README's commands and the
    table of contents."""
    body = re.sub(r"<!--.*?-->\n?", "", (ROOT / "README.md").read_text(encoding="utf-8"))
    body = body.partition("## The chapters")[0]
    body = re.sub(r'<img src="figures/([^"]+)" alt="([^"]+)"[^>]*>', r"![\2](figures/\1)", body)
    body = re.sub(r"\[!\[.*?\]\(.*?\)\]\(.*?\)|!\[[^\]]*\]\(https:[^)]*\)", "", body)  # badges
    body = re.sub(r"\]\(nbs/(?:\w+/)?(\w+)\.ipynb", r"](chapters/\1.ipynb", body)
    body = re.sub(r"\]\((course|corpus)/README\.md", r"](pages/\1.md", body)
    introduction, commands = body.split("```", 1)
    (picture,) = re.findall(r"^!\[.*\]\(figures/aligned\.png\)\n", commands, re.M)
    commands = f"## Install and align\n\n```{commands.replace(picture, '')}"
    there = set(chapters())
    trees = "".join(
        toctree(part, [f"{CHAPTERS[n].title} <chapters/{n}>" for n in names if n in there])
        for part, names in PARTS.items()
    )
    more = ("listen", "course", "results", "corpus", "weights", "modules")
    trees += toctree("Results and reference", [f"pages/{page}" for page in more])
    note = (
        "\n> Some chapters are shown without pictures and sound: "
        f"tier `{tier}` has not been reproduced in this clone (`make reproduce`).\n"
    )
    return introduction + picture + START + ("" if executed else note) + commands + trees


def card(path: Path, title: str) -> str:
    """A README of the repository as a page, with chapters that it names as links; what it links to
    beside itself is not on the site."""
    if not path.is_file():
        return f"# {title}\n\nNot in this clone.\n"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\[([^\]]+)\]\((?!https?:|#)[^)]+\)", r"\1", text)
    return named_chapters(text, set(chapters()), "../chapters/")


def weights_cards() -> str:
    "The cards of all weights, those that `align` uses first."
    found = (ROOT / "pianoalign" / "weights").glob("*/README.md")
    cards = sorted(found, key=lambda p: (p.parent.name != "maps", p.parent.name))
    return "\n\n".join(card(p, "Weights") for p in cards)


def write_pages(source: Path, tier: str, executed: bool):
    "All pages that are no chapters."
    (source / "pages").mkdir()
    pages = dict(
        results=results_page(tier),
        listen=LISTEN,
        course=card(ROOT / "course" / "README.md", "The course"),
        corpus=card(ROOT / "corpus" / "README.md", "The demo corpus"),
        weights=weights_cards(),
        modules=modules_page(),
    )
    for name, text in pages.items():
        (source / "pages" / f"{name}.md").write_text(text, encoding="utf-8")
    (source / "index.md").write_text(front_page(executed, tier), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tier", default="demo", help="whose results and chapters are shown")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "_site",
        help="folder of the pages; replaced when the build has succeeded",
    )
    a = parser.parse_args()
    home = ROOT / ".cache" / "site"
    source, built = home / "source", home / "html"
    for folder in (source, built):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    executed = write_chapters(source, a.tier)
    shutil.copytree(ROOT / "figures", source / "figures")
    write_pages(source, a.tier, executed)
    print("pages to listen to ...", flush=True)
    listening_pages(source / "listen_")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-c", str(ROOT / "site")]
    code = subprocess.call([*sphinx, "-d", str(home / "doctrees"), str(source), str(built)])
    if code:
        raise SystemExit(code)
    shutil.copytree(source / "listen_", built / "listen")
    shutil.rmtree(a.out, ignore_errors=True)
    os.replace(built, a.out)
    print(f"{a.out / 'index.html'}: open it in a browser; no server is needed")


if __name__ == "__main__":
    main()
