"""The built site in a real Chromium: no console errors, no broken links, nothing fetched, players
that play, search that finds."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from chromium import ROOT, settled

SITE = ROOT / "_site"
if not (SITE / "index.html").is_file():
    pytest.skip("no site: `make site` builds it", allow_module_level=True)
PAGES = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html"))


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if a.get("id"):
            self.ids.add(a["id"])
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        for name in ("src", "href"):
            if tag != "a" and a.get(name) and a.get("rel") != "canonical":
                self.loads.append(a[name])


def read(page):
    parser = Links()
    parser.feed((SITE / page).read_text(encoding="utf-8"))
    return parser


def test_no_broken_link_and_nothing_from_the_network():
    parsed, broken, fetched = {p: read(p) for p in PAGES}, [], []
    for page, found in parsed.items():
        for link in found.links + found.loads:
            parts = urlsplit(link)
            if parts.scheme in ("data", "mailto", "javascript", "blob"):
                continue
            if parts.scheme or link.startswith("//"):
                if link in found.loads:
                    fetched.append((page, link[:80]))
                continue
            target = (
                ((SITE / page).parent / unquote(parts.path)).resolve()
                if parts.path
                else SITE / page
            )
            if not target.exists():
                broken.append((page, link[:80]))
            elif parts.fragment and target.suffix == ".html" and target.is_relative_to(SITE):
                ids = parsed[target.relative_to(SITE).as_posix()].ids
                if link in found.links and unquote(parts.fragment) not in ids:
                    broken.append((page, link[:80]))
    assert not fetched and not broken


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_console_errors(browser, scheme):
    page, said = browser.new_page(color_scheme=scheme), []
    page.on("console", lambda m: said.append((page.url, m.text)) if m.type == "error" else None)
    page.on("pageerror", lambda e: said.append((page.url, str(e))))
    page.on(
        "request", lambda r: said.append((page.url, r.url)) if r.url.startswith("http") else None
    )
    for name in PAGES if scheme == "light" else ["index.html", "pages/listen.html"]:
        page.goto((SITE / name).as_uri())
        settled(page)
    page.close()
    assert not said


def test_players_play(browser):
    page = browser.new_page()
    page.goto((SITE / "chapters" / "10_introduction.html").as_uri())
    assert page.locator("audio").count() >= 2
    page.evaluate("document.querySelector('audio').play()")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.2")
    page.close()


def test_search_finds_without_a_server(browser):
    page = browser.new_page()
    page.goto((SITE / "search.html").as_uri() + "?q=jitter")
    page.wait_for_selector("#search-results li")
    assert page.locator("#search-results li").count() >= 3
    page.close()


def test_the_explorer_stands_on_the_listening_page(browser):
    page = browser.new_page()
    page.goto((SITE / "pages" / "listen.html").as_uri())
    frame = page.frame_locator("iframe.explorer")
    frame.locator("canvas").first.wait_for()
    assert re.search(r"\d+ notes", frame.locator("body").inner_text())
    page.close()


@pytest.mark.parametrize("width", [700, 1400])
def test_a_player_in_a_frame_is_as_high_as_its_frame(browser, width):
    "Opened from a folder, where a page cannot look into its frames."
    page = browser.new_page(viewport=dict(width=width, height=900))
    page.goto((SITE / "pages" / "listen.html").as_uri())
    frame = page.frame_locator("iframe.explorer")
    frame.locator("canvas").first.wait_for()
    inner = page.frames[-1]
    inner.wait_for_function("innerHeight == document.querySelector('main').offsetHeight + 2")
    assert inner.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.close()
