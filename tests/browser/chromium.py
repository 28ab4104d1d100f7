"""The Chromium of all browser tests, and what they do with a page that holds a widget. Skips where
playwright or Chromium is missing.

`page` may also be a frame of one; `widget` is the selector of the widget that is meant."""

import os, shutil, base64
from pathlib import Path

import numpy as np
import pytest

from waiting import HANG_S

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: `make test-browser` installs it"
)
PLACE = os.environ.get("PIANOALIGN_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if not PLACE:
    pytest.skip(
        "no Chromium: install Debian's package chromium, or name one in PIANOALIGN_CHROMIUM",
        allow_module_level=True,
    )
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
]
ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"  # looked at by a person; git ignores them


def launch(playwright):
    "A Chromium whose pages wait as long as only a hang takes."
    browser = playwright.chromium.launch(executable_path=PLACE, args=ARGUMENTS)
    for name in ("new_page", "new_context"):
        setattr(browser, name, patient(getattr(browser, name)))
    return browser


def patient(make):
    "The same call, for a page or a context that waits for `HANG_S`."

    def made(*arguments, **how):
        new = make(*arguments, **how)
        new.set_default_timeout(1000 * HANG_S)
        return new

    return made


def save(page, name, **how):
    "A screenshot, of the whole page unless `how` says otherwise."
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", **{"full_page": True} | how)


def settled(page):
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def handle(widget=".pianoalign"):
    return f"document.querySelector('{widget}').pianoalign"


def ready(page, widget=".pianoalign"):
    "Wait until the widget stands there and has decoded its recording."
    page.wait_for_function(
        f"(() => {{ const w = document.querySelector('{widget}'); return w && w.pianoalign && "
        f"w.pianoalign.ready && w.pianoalign.ready.then(() => true); }})()"
    )


def do(page, code, widget=".pianoalign"):
    "Run JavaScript in which `w` is the widget; what it returns."
    return page.evaluate(f"async () => {{ const w = {handle(widget)}; {code} }}")


def picture(page, selector=".pa-stage canvas"):
    "The pixels of a canvas, (height, width, 4) uint8."
    text = page.evaluate(
        """selector => { const c = document.querySelector(selector),
            d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let s = '';
        for (let k = 0; k < d.length; k += 8192)
            s += String.fromCharCode(...d.subarray(k, k + 8192));
        return [btoa(s), c.height, c.width]; }""",
        selector,
    )
    return np.frombuffer(base64.b64decode(text[0]), np.uint8).reshape(text[1], text[2], 4)


def n_colours(pixels):
    return len(np.unique(pixels.reshape(-1, 4), axis=0))  # few: a blank


def plays(page, widget=".pianoalign"):
    "Press Play: the playhead moves, sound is on its way to the sound card, and Pause stops it."
    before = picture(page, f"{widget} .pa-over")
    page.locator(widget).get_by_role("button", name="Play (Space)").click()
    page.wait_for_function(f"{handle(widget)}.player.position > 0.9")
    sounding = f"""() => {{ const a = new Float32Array(2048);
        {handle(widget)}.player.analyser.getFloatTimeDomainData(a);
        return Math.sqrt(a.reduce((s, x) => s + x * x, 0) / a.length) > 0.005; }}"""
    page.wait_for_function(sounding)  # root mean square, through the Web Audio API
    assert (picture(page, f"{widget} .pa-over") != before).any() and page.locator(
        f"{widget} .pa-time"
    ).inner_text() > "0:00.90"
    page.locator(widget).get_by_role("button", name="Pause (Space)").click()
    stopped = do(page, "return w.player.position", widget)
    for _ in range(10):
        settled(page)
    assert do(page, "return w.player.position", widget) == stopped > 0.9
