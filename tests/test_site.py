"""What `site/build.py` makes of notebooks and tables, before Sphinx has them (the pages themselves:
tests/browser)."""

import base64, importlib.util, json, re
from pathlib import Path

import pytest

from pianoalign.reproduce.chapters import notebook_paths

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("build_site", ROOT / "site" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def cell(kind, text, **more):
    return dict(
        cell_type=kind,
        source=text,
        metadata=more.pop("metadata", {}),
        **(dict(outputs=more.pop("outputs", [])) if kind == "code" else {}),
    )


def test_a_chapter_is_copied_for_reading():
    cells = [
        cell("markdown", "See `31_datasets`, `99_nowhere` and [`31_datasets`](x)."),
        cell("code", "#| default_exp training"),
        cell("code", "#| hide\nsecret()"),
        cell(
            "code",
            "#| export\ndef f(): pass",
            outputs=[
                dict(output_type="stream", name="stderr", text="warned"),
                dict(output_type="stream", name="stdout", text="said"),
            ],
        ),
        cell("code", "tier = 'demo'", metadata=dict(tags=["injected-parameters"])),
    ]
    copy = build.reading_copy(dict(cells=cells, nbformat=4), ["31_datasets"])["cells"]
    assert [c["cell_type"] for c in copy] == ["markdown", "code"]
    assert (
        copy[0]["source"] == "See [Data](31_datasets.ipynb), `99_nowhere` and [`31_datasets`](x)."
    )
    assert copy[1]["source"] == "def f(): pass" and [o["text"] for o in copy[1]["outputs"]] == [
        "said"
    ]


def test_a_widget_becomes_a_page_in_a_frame(tmp_path):
    from pianoalign.notes import Notes
    from pianoalign.lab.explorer import explorer_state, page_html

    state = explorer_state(None, dict(crnn=Notes.from_arrays([1.0], [2.0], [60])), title="A < B")
    buffers = [
        dict(path=[n], encoding="base64", data=base64.b64encode(getattr(state, n)).decode())
        for n in ("notes", "image", "audio")
    ]
    view = "application/vnd.jupyter.widget-view+json"
    outputs = [
        dict(output_type="execute_result", data={view: dict(model_id=m), "text/plain": "widget"})
        for m in ("ours", "gone", "slider")
    ]
    widgets = {
        "application/vnd.jupyter.widget-state+json": dict(
            state=dict(
                ours=dict(state=dict(data=state.data), buffers=buffers), slider=dict(state={})
            )
        )
    }
    copy = build.with_players(
        dict(
            cells=[cell("code", "explorer()", outputs=outputs) | dict(id="c1")],
            metadata=dict(widgets=widgets),
        ),
        "01_explorer",
        tmp_path / "listen",
    )
    ours, *others = copy["cells"][0]["outputs"]
    assert ours["data"] == {
        "text/html": '<iframe class="explorer" '
        'src="../listen/01_explorer_c1.html" title="A &lt; B"></iframe>'
        '<a href="../listen/01_explorer_c1.html">In a window of its own</a>'
    }
    assert (
        all(o["data"]["text/plain"] == "widget" for o in others)
        and "widgets" not in copy["metadata"]
    )
    assert (tmp_path / "listen" / "01_explorer_c1.html").read_text() == page_html(state)


def test_every_chapter_is_shown_once_and_has_its_place():
    shown = build.chapters()
    assert len(shown) == len(set(shown))
    placed = [n for names in build.PARTS.values() for n in names]
    assert set(placed) == set(shown), "say in nbs/chapters.yaml where the chapter stands"


def test_chapters_without_a_run_are_shown_as_text_and_said_so(tmp_path):
    assert build.write_chapters(tmp_path, "no_such_tier") is False
    assert {p.stem for p in (tmp_path / "chapters").iterdir()} == set(build.chapters())
    assert "has not been reproduced" in build.front_page(
        False, "demo"
    ) and "has not been reproduced" not in build.front_page(True, "demo")


def test_links_between_folders_lead_to_pages_of_one_folder():
    text = (
        "[Real pianos](tool/13_real_pianos.ipynb#how-far), [all](../index.ipynb), "
        "[x](https://y.z/07_a.ipynb), [commands](../workshop/07_main.ipynb), "
        "<a class='b' href='../tool/13_real_pianos.ipynb'>*there*</a>"
    )
    assert build.local_links(text, ["13_real_pianos"]) == (
        "[Real pianos](13_real_pianos.ipynb#how-far), [all](../index.md), "
        "[x](https://y.z/07_a.ipynb), commands, "
        "<a class='b' href='13_real_pianos.html'>*there*</a>"
    )


def test_links_in_what_a_cell_shows_lead_to_pages():
    "Sphinx makes pages of links in Markdown outputs, HTML it leaves as it is."
    table = "| [Data](../31_datasets.ipynb) | [none](07_main.ipynb) |"
    page = (
        '<td><a href="../31_datasets.ipynb#splits"><b>Data</b></a></td>'
        '<td><a class="x" href="07_main.ipynb">none</a>'
        '<a href="https://y.z/31_datasets.ipynb">x</a></td>'
    )
    outputs = [
        dict(output_type="display_data", data={"text/markdown": table, "text/plain": table}),
        dict(output_type="display_data", data={"text/html": page.splitlines(True)}),
        dict(output_type="stream", name="stdout", text="31_datasets.ipynb"),
    ]
    cells = [cell("code", "show()", outputs=outputs)]
    (made,) = build.reading_copy(dict(cells=cells, nbformat=4), ["31_datasets"])["cells"]
    markdown, shown, printed = made["outputs"]
    assert markdown["data"]["text/markdown"] == "| [Data](31_datasets.ipynb) | none |"
    assert markdown["data"]["text/plain"] == table
    assert shown["data"]["text/html"] == (
        '<td><a href="31_datasets.html#splits"><b>Data</b></a></td>'
        '<td>none<a href="https://y.z/31_datasets.ipynb">x</a></td>'
    )
    assert printed["text"] == "31_datasets.ipynb"


def test_no_link_between_notebooks_is_left_in_what_a_reader_sees():
    "In the clone as it is: chapters that were executed have outputs as well."
    names, left = build.chapters(), {}
    for name in names:
        path = build.executed_copy(name, "demo") or notebook_paths(ROOT)[name]
        copy = build.reading_copy(json.loads(path.read_text(encoding="utf-8")), names)
        seen = [c["source"] for c in copy["cells"] if c["cell_type"] == "markdown"]
        for shown in (o.get("data", {}) for c in copy["cells"] for o in c.get("outputs", [])):
            seen += ["".join(shown.get(kind, "")) for kind in build.LINKED]
        folder = r"(?:\]\(|href=.)(?![a-z]+:)[^)>\s]*/[^)>\s]*\.ipynb"
        found = re.findall(folder + r"|href=.(?![a-z]+:)[^>\s]*\.ipynb", "\n".join(seen))
        if found:
            left[name] = found
    assert not left


def test_long_code_is_folded_and_short_code_is_not():
    drawn = [dict(output_type="display_data", data={"image/png": "x"})]
    cells = [
        cell("code", "#| export\ndef f(): pass"),
        cell("code", "import numpy as np"),
        cell("code", "ax.plot(x)", outputs=drawn),
        cell("code", "import json\nuse_style()"),
        cell("code", "tier = 'demo'", metadata=dict(tags=["parameters"])),
        cell("code", "def draw_x(): pass"),
        cell("code", "listen(x)", outputs=[dict(data={"text/html": ["<audio>", "</audio>"]})]),
        cell("code", "f(3)"),
    ]
    copy = build.reading_copy(dict(cells=cells, nbformat=4), [])["cells"]
    shown = [(c["source"], c["metadata"].get("mystnb", {}).get("code_prompt_show")) for c in copy]
    assert shown == [
        ("def f(): pass\n\n\nimport numpy as np", "Code: f"),
        ("ax.plot(x)", "Code"),
        ("import json\nuse_style()\n\n\ntier = 'demo'\n\n\ndef draw_x(): pass", "Code: draw_x"),
        ("listen(x)", "Code"),
        ("f(3)", None),
    ]
    assert ["hide-input" in build.tags_of(c) for c in copy] == [True] * 4 + [False]
    four = "".join(f"def {name}(): pass\n" for name in ("_x", "a", "b", "c", "d"))
    assert build.told_by_code(four) == "Code: a, b, c …" and build.told_by_code("%time") == "Code"


def test_code_before_the_first_picture_is_folded():
    "If that comes in the first two sections; a chapter without an early picture keeps its code."
    drawn = [dict(output_type="display_data", data={"image/png": "x"})]
    head, code, more = cell("markdown", "## A"), cell("code", "x = 1"), cell("code", "y = x + 1")
    picture = cell("code", "ax.plot(x)", outputs=drawn)
    folds = lambda *cells: [
        "hide-input" in build.tags_of(c)
        for c in build.reading_copy(dict(cells=[dict(c) for c in cells], nbformat=4), [])["cells"]
    ]
    assert folds(code, head, picture, head, more) == [True, False, True, False, False]
    assert folds(head, code, head, head, picture) == [False, False, False, False, True]
    assert folds(head, code) == [False, False]


def test_every_figure_of_a_chapter_says_what_it_shows():
    silent = []
    for name in build.chapters():
        for found in json.loads(notebook_paths(ROOT)[name].read_text(encoding="utf-8"))["cells"]:
            text = "".join(found["source"])
            drawn = "plt.subplots(" in text and "plt.close(" not in text
            if found["cell_type"] == "code" and drawn and not text.startswith("#| export"):
                words = re.findall(r"[^\W\d_]{2,}", build.told_by_figures(text))
                silent += [] if len(words) > 3 else [(name, found.get("id"))]
    assert not silent, "give the figure a caption: `plots.caption(fig, ...)`"


def test_the_caption_of_a_figure_is_its_text_on_the_page():
    drawn = 'fig, ax = plt.subplots()\nax.set(title="b")\ncaption(fig, f"Loss of {name}");'
    (made,) = build.reading_copy(dict(cells=[cell("code", drawn)], nbformat=4), [])["cells"]
    assert made["metadata"]["mystnb"]["image"] == dict(alt="Loss of …")


def test_a_neighbour_without_a_run_shows_its_committed_tables():
    said = "\n".join(c["source"] for c in build.banner("01_small_transcriber", "demo"))
    assert "make reproduce PART=neighbours" in said and "table71.csv" in said and "<table" in said
    assert "PART" not in build.banner("22_network", "demo")[0]["source"]


def test_a_neighbour_shows_the_tables_that_it_writes_and_no_others():
    for name in build.THEIRS:
        said = "\n".join(c["source"] for c in build.banner(name, "demo"))
        written = notebook_paths(ROOT)[name].read_text(encoding="utf-8")
        shown = set(re.findall(r">(table\d+\w*)\.csv</caption>", said))
        assert all(f"{table}.csv" in written or f'"{table}"' in written for table in shown)
    of = lambda name: "\n".join(c["source"] for c in build.banner(name, "demo"))
    assert "table72.csv" in of("04_timbre_trap") and "<table" not in of("03_ensembles")
    assert "<details>" in of("08_tempo_stress") and "<details>" not in of("04_timbre_trap")


def test_a_table_of_many_columns_shows_those_that_have_an_interval(tmp_path):
    path = tmp_path / "table9.csv"
    path.write_text(
        "method,mean_ms,mean_ms_lo,mean_ms_hi,within_10_pct,within_10_pct_lo,within_10_pct_hi,seed\n"
        "dtw,30.25,29.5,31,27.5,26,28.125,0\n"
        "crnn,20,,,40,,,0\n"
    )
    page = build.html_table(path)
    heads = re.findall(r"<th [^>]*>(.*?)</th>", page)
    cells = re.findall(r"<td [^>]*>(.*?)</td>", page)
    assert heads == ["method", "≤ 10 ms (%)", "mean (ms)"]
    assert [re.sub("<.*?>", " ", c).strip().split(maxsplit=1) for c in cells] == [
        ["DTW"],
        ["27.5", "[26.0, 28.1]"],
        ["30.2", "[29.5, 31.0]"],
        ["CRNN"],
        ["40.0"],
        ["20.0"],
    ]


def test_a_column_is_headed_as_a_person_writes_it():
    assert [build.heading(c) for c in ("label_within_10_pct", "note_f1", "sdr_db", "input_s")] == [
        "label ≤ 10 ms (%)",
        "note F1",
        "sdr (dB)",
        "input (s)",
    ]


def test_no_two_cells_of_a_notebook_have_one_id():
    for name, path in notebook_paths(ROOT).items():
        ids = [c["id"] for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        assert len(ids) == len(set(ids)), name


def test_every_module_is_listed_with_a_sentence():
    page = build.modules_page()
    modules = [build.module_of(n) for n in build.chapters()]
    assert all(f"[`{m}`]" in page for m in modules if m)
    assert not [line for line in page.splitlines() if line.startswith("|") and "|  |" in line]


def test_results_page_holds_all_tables_and_claims():
    page = build.results_page("demo")
    assert (
        [f"## Table {k}" in page for k in range(1, 7)] == [True] * 6
        and "cannot be told" in page
        and "page scrolls" not in page
    )
    assert build.results_page("no_such_tier").count("##") == 0


def test_results_page_holds_the_neighbours_claims(tmp_path):
    assert build.neighbours_claims(tmp_path) == []
    (tmp_path / "claims71.csv").write_text(
        "claim,difference,difference_lo,difference_hi,unit,verdict\n"
        "a helps,1.25,0.5,2.0,points,holds\n"
    )
    (tmp_path / "claims72.csv").write_text(
        "claim,difference,difference_lo,difference_hi,unit,verdict\n"
        "b helps,-3,,,dB,cannot be told at this tier\n"
    )
    page = "\n".join(build.neighbours_claims(tmp_path))
    assert "+1.2 [+0.5, +2.0] points" in page and "-3.0 dB" in page and page.count("<td>7") == 2


def test_front_page_has_the_picture_and_every_part():
    page = build.front_page(True, "demo")
    order = ("It is a companion", "(figures/aligned.png)", "## Start here", "pip install")
    places = [page.index(text) for text in order]
    assert places == sorted(places) and page.count("(figures/aligned.png)") == 1
    assert all(f":caption: {part}" in page for part in build.PARTS)
    assert "<!--" not in page and "](course/README.md" not in page


def test_a_piece_is_called_as_a_person_calls_it():
    spoken = [
        ("chopin_etudes_op_10_8_leehwakyu02", "Chopin, Etude op. 10 no. 8"),
        ("mozart_piano_sonatas_8_1_lee_j03", "Mozart, Piano sonata no. 8, movement 1"),
        ("schumann_kreisleriana_2_yarden09", "Schumann, Kreisleriana 2"),
    ]
    assert [build.spoken_title(piece) for piece, _ in spoken] == [said for _, said in spoken]


def test_the_course_names_chapters_by_their_titles():
    page = build.card(ROOT / "course" / "README.md", "The course")
    assert "[Baselines](../chapters/34_baselines.ipynb)" in page and "`34_baselines`" not in page
    assert "[Real pianos](../chapters/13_real_pianos.ipynb)" in page


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Files\n=====\n\n   What is written.\n   Whole.\n\nMore.", "What is written. Whole."),
        ("The course\n==========\n\nFive *assignments*.\n\nMore.", "Five assignments."),
        ("Nothing but a title\n===================", ""),
    ],
)
def test_a_page_is_described_by_its_second_line(text, says):
    core = pytest.importorskip("docutils.core")
    spec = importlib.util.spec_from_file_location("described", ROOT / "site" / "described.py")
    described = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(described)
    page = core.publish_doctree(text, settings_overrides=dict(doctitle_xform=False))
    assert described.description_of(page) == says


def test_colab_and_binder_open_this_repository():
    import configparser

    settings = configparser.ConfigParser()
    settings.read(ROOT / "settings.ini")
    address = settings["DEFAULT"]["git_url"]
    place = address.removeprefix("https://github.com/")
    for name in ("10_introduction", "01_explorer", "02_jitter_lab"):
        head, colab = json.loads(notebook_paths(ROOT)[name].read_text())["cells"][:2]
        assert (
            f"github/{place}/blob/main/{notebook_paths(ROOT)[name].relative_to(ROOT)}"
            in "".join(head["source"])
            and f"/gh/{place}/main?urlpath=lab/tree/{notebook_paths(ROOT)[name].relative_to(ROOT)}"
            in "".join(head["source"])
        )
        release = f"--branch v{settings['DEFAULT']['version']} {address}"
        assert f'git clone --depth 1 {release}"' in "".join(colab["source"])
