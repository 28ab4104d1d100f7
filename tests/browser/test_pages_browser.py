"""Every page of the built site at two widths, light and dark: nothing is wider than its place or
empty, tables are tables, figures say what they show, the first measure is in view, no error."""

import pytest
from chromium import ROOT, save

SITE = ROOT / "_site"
if not (SITE / "index.html").is_file():
    pytest.skip("no site: `make site` builds it", allow_module_level=True)
PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html"))
BOOK = [p for p in PAGES if p.startswith(("index", "chapters/", "pages/"))]
LOOKS = [(width, scheme) for width in (1400, 700) for scheme in ("light", "dark")]
LOOKED_AT = (  # kept as pictures, for a person
    "index",
    "pages/listen",
    "pages/results",
    "pages/course",
    "chapters/10_introduction",
    "chapters/22_network",
    "chapters/34_baselines",
    "chapters/41_comparison",
    "chapters/42b_audio_features",
    "chapters/50_conclusion",
    "chapters/01_explorer",
    "chapters/03_answers",
)

FAULTS = """() => {
    const room = document.documentElement.clientWidth;
    const found = { wide: [], empty: [], untold: [], unseen: [] };
    const about = e => `${e.tagName} ${e.innerText.slice(0, 40)}`;
    const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    const scrollers = e => {
        const all = [];
        for (; e && e.tagName != "ARTICLE"; e = e.parentElement) if (scrolls(e)) all.push(e);
        return all; };
    if (document.documentElement.scrollWidth > room + 1) found.wide.push("the page");
    for (const e of document.querySelectorAll("article :is(table, pre, img, svg, iframe, audio)"))
        if (e.getBoundingClientRect().right > room + 1 && !scrollers(e).length)
            found.wide.push(about(e));
    if (room >= 1300)          // on a wide page nothing that is shown has to be scrolled for
        for (const e of document.querySelectorAll("article :is(div, pre, table)"))
            if (e.offsetParent && scrolls(e) && e.scrollWidth > e.clientWidth + 1)
                found.wide.push(about(e));
    const shows = "img, svg, audio, iframe, table, video, canvas, input";
    for (const e of document.querySelectorAll("article div.cell_output"))
        if (!e.innerText.trim() && !e.querySelector(shows)) found.empty.push(about(e));
    for (const e of document.querySelectorAll("article img"))
        if (!e.alt.trim() || e.alt.includes("_images/")) found.untold.push(e.src.slice(-40));
    for (const e of document.querySelectorAll("article th")) {
        if (!/^≤ 10 ms/.test(e.innerText.trim())) continue;
        const right = Math.min(room, ...scrollers(e).map(s => s.getBoundingClientRect().right));
        if (e.getBoundingClientRect().right > right + 1)
            found.unseen.push(about(e.closest("table"))); }
    return found; }"""


@pytest.fixture(scope="module")
def faults(browser):
    "Kind of fault -> page and look -> what was found; pictures of some pages are kept."
    found = {kind: {} for kind in ("wide", "empty", "untold", "unseen", "said")}
    page, said = browser.new_page(), []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: said.append(str(e)))
    for name in BOOK:
        said.clear()
        page.goto((SITE / name).as_uri())
        for width, scheme in LOOKS:
            page.set_viewport_size(dict(width=width, height=900))
            page.emulate_media(color_scheme=scheme)
            seen = page.evaluate(FAULTS) | dict(said=list(said))
            for kind in (kind for kind, what in seen.items() if what):
                found[kind][f"{name} {width} {scheme}"] = seen[kind]
            if name.removesuffix(".html") in LOOKED_AT:
                save(page, f"{name.replace('/', '_')[:-5]}_{width}_{scheme}")
    page.close()
    return found


def test_no_paragraph_of_pipes():
    "A table in an output that is not rendered shows as one paragraph of raw pipes."
    said = [p for p in BOOK if "<p>|" in (SITE / p).read_text(encoding="utf-8")]
    assert not said


def test_nothing_is_wider_than_its_place(faults):
    assert not faults["wide"]


def test_no_output_is_empty(faults):
    assert not faults["empty"]


def test_every_figure_says_what_it_shows(faults):
    assert not faults["untold"]


def test_the_share_within_10_ms_is_in_view(faults):
    assert not faults["unseen"]


def test_no_page_writes_an_error(faults):
    assert not faults["said"]


def test_code_of_a_hundred_columns_fits(browser):
    "At 1,400 pixels no line of code has to be scrolled for."
    page = browser.new_page(viewport=dict(width=1400, height=900))
    cut = {}
    for name in (p for p in BOOK if p.startswith("chapters/")):
        page.goto((SITE / name).as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        over = page.evaluate(
            "[...document.querySelectorAll('div.cell_input pre')]"
            ".map(e => e.scrollWidth - e.clientWidth).filter(d => d > 1).length"
        )
        if over:
            cut[name] = over
    page.close()
    assert not cut
