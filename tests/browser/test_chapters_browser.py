"""The chapters with widgets as pages of the site, from their executed notebooks: the players work
there without a kernel."""

import importlib.util, json, shutil, subprocess, sys

import pytest

pytest.importorskip("sphinx", reason="sphinx is not installed: `make test-browser` installs it")
from chromium import ROOT, n_colours, picture, plays, ready, save, settled

CHAPTERS = ("01_explorer", "02_jitter_lab")


@pytest.fixture(scope="module")
def pages(tmp_path_factory, executed):
    "The two chapters as `make site` would show them."
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "site" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    (source / "chapters").mkdir()
    (source / "index.md").write_text(
        "# Chapters\n\n```{toctree}\n" + "".join(f"chapters/{n}\n" for n in CHAPTERS) + "```\n"
    )
    for name in CHAPTERS:
        notebook = json.loads((executed / f"{name}.ipynb").read_text(encoding="utf-8"))
        (source / "chapters" / f"{name}.ipynb").write_text(
            json.dumps(
                build.with_players(build.reading_copy(notebook, CHAPTERS), name, source / "listen")
            )
        )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-c",
            str(ROOT / "site"),
            "-D",
            "extensions=myst_nb,mathml",
            str(source),
            str(built),
        ],
        check=True,
    )
    shutil.copytree(source / "listen", built / "listen")
    return built


@pytest.fixture
def visit(browser, pages):
    page = browser.new_page(viewport=dict(width=1500, height=1000))
    said = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("request", lambda r: said.append(r.url) if r.url.startswith("http") else None)

    def go(name):
        page.goto((pages / "chapters" / f"{name}.html").as_uri())
        frames = page.locator("iframe.explorer")
        for k in range(frames.count()):
            frames.nth(k).scroll_into_view_if_needed()
        return page, [frames.nth(k).element_handle().content_frame() for k in range(frames.count())]

    yield go
    page.close()
    assert said == []


def test_the_explorer_of_an_executed_chapter(visit):
    page, (frame,) = visit("01_explorer")
    ready(frame)
    assert n_colours(picture(frame)) > 40
    plays(frame)
    page.locator("iframe.explorer").scroll_into_view_if_needed()
    save(page, "chapter_explorer", full_page=False)


def test_the_laboratory_and_the_listening_test_of_an_executed_chapter(visit):
    page, (laboratory, listening) = visit("02_jitter_lab")
    ready(laboratory)
    ready(listening)
    bars, roll = picture(laboratory, ".pa-plot canvas"), picture(laboratory)
    laboratory.get_by_label("Largest deviation").fill("10")
    settled(laboratory)
    assert (picture(laboratory, ".pa-plot canvas") != bars).any() and (
        picture(laboratory) != roll
    ).any()
    plays(laboratory)
    page.locator("iframe.explorer").first.scroll_into_view_if_needed()
    save(page, "chapter_lab", full_page=False)
    assert listening.get_by_role("button", name="Begin").count() >= 1
