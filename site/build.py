#!/usr/bin/env python3
"""Build the site: the executed chapters as a book, results, cards, reference, and pages to listen to.

usage: make site [TIER=demo]     or     python site/build.py --tier demo --out _site
The chapters are those that papermill executed (`make reproduce`); without them their text alone is shown, and said so.
"""

import argparse, base64, html, json, os, re, shutil, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pianoalign.reproduce.chapters import notebook_paths, read_chapters, read_parts  # noqa: E402

PARTS = {  # caption -> chapters, in reading order
    title: [c.name for c in listed if c.page] for title, listed in read_parts(ROOT).values()
}
HIDDEN = {"index"} | {c.name for c in read_chapters(ROOT) if not c.page}


def chapters() -> list:
    "Chapters to show: those of `PARTS` that exist, then any that the list forgot."
    return [name for name in notebook_paths(ROOT) if name not in HIDDEN]


def reading_copy(notebook: dict, names) -> dict:
    "A notebook as it is to be read: without hidden cells and nbdev's marks, with chapters' names as links."
    cells = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        tags = cell.get("metadata", {}).get("tags", [])
        if cell["cell_type"] == "code":
            if (
                text.startswith("#| hide")
                or text.startswith("#| default_exp")
                or "injected-parameters" in tags
            ):
                continue
            text = re.sub(r"^#\| export\n", "", text)
            cell["outputs"] = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
        else:
            text = re.sub(
                r"(?<!\[)`(\d+[a-e]?_[a-z_]+)`",
                lambda m: f"[`{m[1]}`]({m[1]}.ipynb)" if m[1] in names else m[0],
                text,
            )
        cells.append(cell | {"source": text})
    return notebook | {"cells": cells}


def with_players(notebook: dict, name: str, folder: Path) -> dict:
    "The same with each widget as a page in `folder`, shown in a frame, so that it works without a kernel. Changes the notebook."
    from pianoalign.lab.explorer import WidgetState, write_page

    models = (
        notebook["metadata"]
        .pop("widgets", {})
        .get("application/vnd.jupyter.widget-state+json", {})
        .get("state", {})
    )
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            model = models.get(
                output.get("data", {})
                .get("application/vnd.jupyter.widget-view+json", {})
                .get("model_id"),
                {},
            )
            if "notes" not in (
                blocks := {
                    b["path"][0]: base64.b64decode(b["data"]) for b in model.get("buffers", [])
                }
            ):
                continue
            folder.mkdir(parents=True, exist_ok=True)
            state = WidgetState(
                model["state"]["data"], *(blocks.get(n, b"") for n in ("notes", "image", "audio"))
            )
            page = write_page(folder / f"{name}_{cell['id']}.html", state)
            output["data"] = {
                "text/html": f'<iframe class="explorer" src="../listen/{page.name}" title="{html.escape(state.data["title"])}"></iframe><a href="../listen/{page.name}">In a window of its own</a>'
            }
    return notebook


def write_chapters(source: Path, tier: str) -> bool:
    "Copy the chapters, and their widgets into `listen_`; were all of the paper's part executed?"
    names, executed = chapters(), True
    (source / "chapters").mkdir(parents=True)
    for name in names:
        done = ROOT / "results" / tier / "notebooks" / f"{name}.ipynb"
        executed &= (
            done.is_file() or name in PARTS["The neighbours"]
        )  # those have a command of their own
        notebook = json.loads(
            (done if done.is_file() else notebook_paths(ROOT)[name]).read_text(encoding="utf-8")
        )
        copy = with_players(reading_copy(notebook, names), name, source / "listen_")
        (source / "chapters" / f"{name}.ipynb").write_text(json.dumps(copy), encoding="utf-8")
    return executed


def raw(text: str) -> list:
    "HTML in a Markdown page; what is wider than the page scrolls."
    return ["```{raw} html", f'<div class="cell_output">{text}</div>', "```", ""]


def results_page(tier: str) -> str:
    "The tables as they stand in results/, ours beside the published ones, and the claims."
    import pandas as pd
    from pianoalign.report import tables

    folder = ROOT / "results" / tier
    text = [
        f"# Results of tier `{tier}`",
        "",
        "Ours with the 95 % interval over pieces, the published figure, and the difference. The files are `table1.csv` to `table6.csv` and `claims.csv`.",
        "",
    ]
    for k in range(1, 7):
        path = folder / f"table{k}.csv"
        if path.is_file():
            text += [
                f"## Table {k}",
                "",
                *raw(
                    tables.show(
                        pd.read_csv(path).assign(started_from=lambda t: t.started_from.fillna(""))
                    )._repr_html_()
                ),
            ]
    if (folder / "claims.csv").is_file():
        ledger = pd.read_csv(folder / "claims.csv").fillna("")
        text += [
            "## The paper's claims",
            "",
            *raw(
                ledger[["section", "claim", "published", "ours", "verdict", "reason"]].to_html(
                    index=False, border=0
                )
            ),
        ]
    return "\n".join(text + neighbours_claims(folder))


def neighbours_claims(folder) -> list:
    "What chapters 71 to 77 say of other systems and open questions, one table."
    import pandas as pd
    from pianoalign.neighbours.activations import ledger_of

    ends = lambda r: (
        f" [{r.difference_lo:+.1f}, {r.difference_hi:+.1f}]"
        if r.difference_lo == r.difference_lo
        else ""
    )
    rows = [
        {
            "chapter": r.chapter,
            "claim": r.claim,
            "difference": f"{r.difference:+.1f}{ends(r)} {r.unit}",
            "verdict": r.verdict,
        }
        for r in ledger_of(folder).itertuples()
    ]
    return (
        [
            "## The neighbours' claims and the open questions",
            "",
            *raw(pd.DataFrame(rows).to_html(index=False, border=0)),
        ]
        if rows
        else []
    )


def listening_pages(folder: Path, start_s=0.0, length_s=20.0):
    "An explorer, the jitter laboratory and the listening test, on twenty seconds of the demo corpus."
    from pianoalign.tool.aligner import align
    from pianoalign.datasets import load_corpus, pair_by_rank
    from pianoalign.lab.jitter import jitter_lab, listening_test
    from pianoalign.lab.explorer import explorer_page, result_layers

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
        title=piece.composition,
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

1. **The explorer** below shows twenty seconds of a performance: the notes of its score as they were given, as dynamic time warping and the network moved them, and as they were really played. Play the recording on the left and the notes on the right, and change the layer while it runs.
2. <a href="../listen/jitter_lab.html"><b>The jitter laboratory</b></a> loosens the true notes as far as you like. Start at 25 ms, go down to 5.
3. <a href="../listen/listening_test.html"><b>The listening test</b></a> asks which of two is aligned, and draws your own threshold beside the windows of Table 1.

```{raw} html
<iframe class="explorer" src="../listen/explorer.html" title="Alignment explorer: twenty seconds of a recording with its notes"></iframe>
```

How they work, and what to listen for: [the explorer](../chapters/01_explorer.ipynb), [the laboratory](../chapters/02_jitter_lab.ipynb).
"""


def front_page(executed: bool, tier: str) -> str:
    "The README's beginning, and the table of contents."
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    body = re.sub(r"<!--.*?-->\n?", "", readme)
    body = body[: body.index("## The chapters")] if "## The chapters" in body else body
    body = re.sub(r'<img src="figures/([^"]+)" alt="([^"]+)"[^>]*>', r"![\2](figures/\1)", body)
    trees = "".join(
        f"\n```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n:hidden:\n{''.join(f'chapters/{n}' + chr(10) for n in names if n in chapters())}```\n"
        for caption, names in PARTS.items()
    )
    more = "\n```{toctree}\n:caption: Results and reference\n:maxdepth: 1\n:hidden:\npages/listen\npages/results\npages/corpus\npages/weights\napi/index\n```\n"
    note = (
        ""
        if executed
        else f"\n> Some chapters are shown without pictures and sound: tier `{tier}` has not been reproduced in this clone (`make reproduce`).\n"
    )
    return body + note + more + trees


def card(path: Path, title: str) -> str:
    "A README of the repository as a page; what it links to beside itself is not on the site."
    return (
        re.sub(r"\[([^\]]+)\]\((?!https?:|#)[^)]+\)", r"\1", path.read_text(encoding="utf-8"))
        if path.is_file()
        else f"# {title}\n\nNot in this clone.\n"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tier", default="demo", help="whose results and executed chapters are shown"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "_site",
        help="folder of the pages; replaced when the build has succeeded",
    )
    a = parser.parse_args()
    source, built = ROOT / ".cache" / "site" / "source", ROOT / ".cache" / "site" / "html"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(built, ignore_errors=True)
    source.mkdir(parents=True)
    executed = write_chapters(source, a.tier)
    (source / "pages").mkdir()
    shutil.copytree(ROOT / "figures", source / "figures")
    for name, text in dict(
        results=results_page(a.tier),
        listen=LISTEN,
        corpus=card(ROOT / "corpus" / "README.md", "The demo corpus"),
        weights="\n\n".join(
            card(p, "Weights")
            for p in sorted(
                (ROOT / "pianoalign" / "weights").glob("*/README.md"),
                key=lambda p: p.parent.name != "maps",
            )
        ),
    ).items():
        (source / "pages" / f"{name}.md").write_text(text, encoding="utf-8")
    (source / "index.md").write_text(front_page(executed, a.tier), encoding="utf-8")
    print("pages to listen to ...", flush=True)
    listening_pages(source / "listen_")
    code = subprocess.call(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-c",
            str(ROOT / "site"),
            "-d",
            str(ROOT / ".cache" / "site" / "doctrees"),
            str(source),
            str(built),
        ]
    )
    if code:
        raise SystemExit(code)
    shutil.copytree(source / "listen_", built / "listen")
    shutil.rmtree(a.out, ignore_errors=True)
    os.replace(built, a.out)
    print(f"{a.out / 'index.html'}: open it in a browser; no server is needed")


if __name__ == "__main__":
    main()
