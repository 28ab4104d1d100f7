"Every page of the built site at two widths: nothing is wider than its place, tables are tables."

import pytest
from chromium import ROOT, save

SITE = ROOT / "_site"
if not (SITE / "index.html").is_file():
    pytest.skip("no site: `make site` builds it", allow_module_level=True)
PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html"))
BOOK = [p for p in PAGES if p.startswith(("index", "chapters/", "pages/"))]
LOOKED_AT = (  # kept as pictures, for a person
    "index",
    "pages/listen",
    "pages/results",
    "pages/modules",
    "chapters/10_introduction",
    "chapters/20a_notes",
    "chapters/22_network",
    "chapters/41_comparison",
    "chapters/01_small_transcriber",
    "chapters/05h_pipeline",
)

WIDER = """() => {
    const room = document.documentElement.clientWidth, found = [];
    if (document.documentElement.scrollWidth > room + 1) found.push("the page");
    for (const e of document.querySelectorAll("article table, article pre, article img")) {
        let box = e.getBoundingClientRect(), p = e.parentElement, scrolls = false;
        for (; p && p.tagName != "ARTICLE"; p = p.parentElement)
            scrolls = scrolls || ["auto", "scroll"].includes(getComputedStyle(p).overflowX);
        scrolls = scrolls || ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
        if (box.right > room + 1 && !scrolls)
            found.push(e.tagName + " " + e.innerText.slice(0, 40));
    }
    return found; }"""


def test_no_paragraph_of_pipes():
    "A table in an output that is not rendered shows as one paragraph of raw pipes."
    said = [p for p in BOOK if "<p>|" in (SITE / p).read_text(encoding="utf-8")]
    assert not said


@pytest.mark.parametrize("width", [1400, 700])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_its_place(browser, width, scheme):
    page = browser.new_page(color_scheme=scheme, viewport=dict(width=width, height=900))
    wide = {}
    for name in BOOK:
        page.goto((SITE / name).as_uri())
        found = page.evaluate(WIDER)
        if found:
            wide[name] = found
        if name.removesuffix(".html") in LOOKED_AT:
            save(page, f"{name.replace('/', '_')[:-5]}_{width}_{scheme}", full_page=False)
    page.close()
    assert not wide


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
