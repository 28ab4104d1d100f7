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
from pianoalign.notes import Notes
from pianoalign.preprocessing import load_audio
from pianoalign.lab.explorer import explorer_state, write_page

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


def twenty_minutes():
    "Recording, true notes."
    piece = next(
        r
        for r in load_corpus("demo", "corpus", ("recordings",))
        if r.id.startswith("chopin_etudes_op_10_8")
    )
    sound, n = load_audio(piece.audio, 16000), 9
    length_s = len(sound) / 16000
    notes = piece.reference
    tile = lambda column, step=0.0: np.concatenate([column + k * step for k in range(n)])
    return np.tile(sound, n), Notes.from_arrays(
        tile(notes.onset_s, length_s),
        tile(notes.offset_s, length_s),
        tile(notes.pitch),
        tile(notes.velocity),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--screenshot")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    sound, truth = twenty_minutes()
    layers = {
        name: jitter_notes(truth, np.random.default_rng(k), size_s)
        for k, (name, size_s) in enumerate(
            dict(unaligned=0.1, dtw=0.07, crnn=0.04, high_resolution=0.02).items()
        )
    }
    state = explorer_state((sound, 16000), layers, truth, title="Twenty minutes")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = write_page(Path(folder) / "long.html", state)
        print(
            f"{state}; recording {len(state.audio) / 1e6:.1f} MB, picture "
            f"{len(state.image) / 1e6:.1f} MB, notes {len(state.notes) / 1e6:.1f} MB; page "
            f"{path.stat().st_size / 1e6:.1f} MB"
        )
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=dict(width=1360, height=860))
        began = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_function(
            "() => { const w = document.querySelector('.pianoalign'); return w && w.pianoalign && "
            "w.pianoalign.roll.frames.length; }"
        )
        drawn = time.perf_counter() - began
        page.wait_for_function(
            "() => document.querySelector('.pianoalign').pianoalign.ready.then(() => true)",
            timeout=120_000,
        )
        print(f"drawn after {drawn:.1f} s, ready to play after {time.perf_counter() - began:.1f} s")
        for name, move in MOVES.items():
            cost, gaps = page.evaluate(RUN.replace("MOVE", move))
            print(
                f"{name:22} drawing {np.median(cost):5.1f} ms (95 %: "
                f"{np.quantile(cost, 0.95):5.1f})   frame to frame {np.median(gaps):5.1f} ms (95 "
                f"%: {np.quantile(gaps, 0.95):5.1f})"
            )
        if options.screenshot:
            page.evaluate(
                "() => { const w = document.querySelector('.pianoalign').pianoalign; "
                "w.roll.show(0, 1200); }"
            )
            page.wait_for_timeout(300)
            page.screenshot(path=options.screenshot, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
