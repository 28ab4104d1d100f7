"""How fluid is the explorer with twenty minutes and twenty thousand notes? Frame times of panning
and zooming in Chromium.

    python benchmarks/explorer_frames.py [--screenshot FILE.png]

A recording of the demo corpus is repeated to 20 minutes with its notes, four layers beside the
truth. Two figures a movement: what one drawing costs the page's own thread, and the time from frame
to frame as the browser shows them (16.7 ms is all that a screen of 60 Hz allows; Chromium draws on
the processor here, without a graphics card)."""

import argparse, tempfile, time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from pianoalign.datasets import jitter_notes, load_corpus
from pianoalign.files import repo_root
from pianoalign.lab.explorer import explorer_state, write_page
from pianoalign.preprocessing import load_audio
from long import repeated

MOVES = {
    "pan, 10 s in view": "w.roll.show(600 + k * .05, 610 + k * .05)",
    "pan, 60 s in view": "w.roll.show(300 + k * .3, 360 + k * .3)",
    "pan, 5 min in view": "w.roll.show(100 + k * 1.5, 400 + k * 1.5)",
    "zoom, 20 min to 2 s": "w.roll.show(600 - 600 * .97 ** k, 600 + 600 * .97 ** k)",
}
RUN = """async () => { const w = document.querySelector('.pianoalign').pianoalign, gaps = [];
    w.items.forEach(i => { i.visible = true; });
    w.roll.draw(); w.roll.frames.length = 0; let last = 0;
    for (let k = 0; k < 200; k++) {
        MOVE; const now = await new Promise(requestAnimationFrame);
        if (last) gaps.push(now - last);
        last = now; }
    return [w.roll.frames.slice(), gaps]; }"""


DRAWN = """() => { const w = document.querySelector('.pianoalign');
    return w && w.pianoalign && w.pianoalign.roll.frames.length; }"""
READY = "() => document.querySelector('.pianoalign').pianoalign.ready.then(() => true)"
SHOW_ALL = "() => document.querySelector('.pianoalign').pianoalign.roll.show(0, 1200)"
RATE_HZ = 16000
TIMES = 9  # so often the recording is repeated
LOOSE_S = {"unaligned": 0.1, "dtw": 0.07, "crnn": 0.04, "high_resolution": 0.02}  # a layer each


def twenty_minutes() -> tuple:  # samples at `RATE_HZ`, Notes
    "A recording and its true notes, repeated."
    recordings = load_corpus("demo", repo_root() / "corpus", ("recordings",))
    piece = next(r for r in recordings if r.id.startswith("chopin_etudes_op_10_8"))
    sound = load_audio(piece.audio, RATE_HZ)
    return np.tile(sound, TIMES), repeated(piece.reference, TIMES, len(sound) / RATE_HZ)


def about_times(times_ms: list) -> str:
    "The median of some times, and what 95 % of them keep to."
    return f"{np.median(times_ms):5.1f} ms (95 %: {np.quantile(times_ms, 0.95):5.1f})"


def measure(page, address: str) -> None:
    "Open a page, move the picture in each way, and print the times."
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(DRAWN)
    drawn_s = time.perf_counter() - began
    page.wait_for_function(READY, timeout=120_000)
    ready_s = time.perf_counter() - began
    print(f"drawn after {drawn_s:.1f} s, ready to play after {ready_s:.1f} s")
    for name, move in MOVES.items():
        cost_ms, gaps_ms = page.evaluate(RUN.replace("MOVE", move))
        times = f"drawing {about_times(cost_ms)}   frame to frame {about_times(gaps_ms)}"
        print(f"{name:22} {times}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--screenshot", help="picture to write (.png)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser's program")
    options = parser.parse_args()
    sound, truth = twenty_minutes()
    layers = {}
    for seed, (name, most_s) in enumerate(LOOSE_S.items()):
        layers[name] = jitter_notes(truth, np.random.default_rng(seed), most_s)
    state = explorer_state((sound, RATE_HZ), layers, truth, title="Twenty minutes")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = write_page(Path(folder) / "long.html", state)
        parts = {"recording": state.audio, "picture": state.image, "notes": state.notes}
        sizes = ", ".join(f"{name} {len(part) / 1e6:.1f} MB" for name, part in parts.items())
        print(f"{state}; {sizes}; page {path.stat().st_size / 1e6:.1f} MB")
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=dict(width=1360, height=860))
        measure(page, path.as_uri())
        if options.screenshot:
            page.evaluate(SHOW_ALL)
            page.wait_for_timeout(300)
            page.screenshot(path=options.screenshot, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
