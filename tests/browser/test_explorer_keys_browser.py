"""The explorer before anyone has clicked, and inside another page: keys, waveform, a frame that
fits."""

import contextlib
import functools
import http.server
import threading

import numpy as np
import pytest

from pianoalign.lab.explorer import explorer_state, write_page
from pianoalign.notes import Notes
from pianoalign.report.plots import synthesise

RATE = 16000
ONSET_S = np.linspace(0.3, 4.5, 40)
TRUTH = Notes.from_arrays(ONSET_S, ONSET_S + 0.3, 48 + (7 * np.arange(40)) % 37)
LAYERS = dict(unaligned=TRUTH.shifted(0.06), dtw=TRUTH.shifted(-0.02), crnn=TRUTH.shifted(0.004))
SEEN = "document.querySelector('.pianoalign').pianoalign"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(folder):
    "The address of a server of a folder's files."
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    sound = synthesise(TRUTH, n_samples=5 * RATE)
    write_page(folder / "explorer.html", explorer_state((sound, RATE), LAYERS, TRUTH))
    frame = '<iframe src="explorer.html" style="width:100%;height:300px;border:0"></iframe>'
    (folder / "outer.html").write_text(f"<body style='margin:0'><p>A page</p>{frame}</body>")
    return folder


@pytest.fixture
def visit(browser, folder):
    with serving(folder) as address:
        contexts = []

        def go(name, width=1200):
            contexts.append(browser.new_context(viewport=dict(width=width, height=900)))
            page = contexts[-1].new_page()
            page.goto(f"{address}/{name}")
            frame = page.frames[-1]
            frame.wait_for_function(f"{SEEN}?.player?.samples && {SEEN}.roll.wave")
            return page, frame

        yield go
        for context in contexts:
            context.close()


def test_keys_work_before_anything_was_clicked(visit):
    page, _ = visit("explorer.html")
    assert page.evaluate(f"{SEEN}.player.settings.sound") == "split"
    page.keyboard.press("Space")
    page.wait_for_function(f"{SEEN}.player.playing")
    page.keyboard.press("Space")
    page.wait_for_function(f"!{SEEN}.player.playing")


def test_one_key_steps_through_the_layers_that_sound(visit):
    page, _ = visit("explorer.html")
    heard = []
    for key in ("a", "a", "a", "Shift+a"):
        page.keyboard.press(key)
        heard.append(page.evaluate(f"{SEEN}.items.find(i => i.heard).key"))
        shown = page.evaluate(f"{SEEN}.items.find(i => i.heard).visible")
        assert shown, heard
    assert heard == ["unaligned", "dtw", "crnn", "dtw"]


def test_the_waveform_is_the_recording(visit):
    page, _ = visit("explorer.html")
    wave = f"{SEEN}.roll.wave"
    whole = page.evaluate(f"{wave}.range(0, 5)")
    samples = np.array(page.evaluate(f"Array.from({SEEN}.player.samples)"))
    assert np.allclose(whole, [samples.min(), samples.max()], atol=1e-6)
    part = page.evaluate(f"{wave}.range(1, 1.001)")
    near = samples[RATE - 16 : RATE + 48]
    assert near.min() - 1e-6 <= part[0] <= part[1] <= near.max() + 1e-6
    assert page.evaluate(f"{wave}.range(7, 8)") is None


@pytest.mark.parametrize("width", [700, 1000, 1400])
def test_a_frame_becomes_as_high_as_what_it_shows(visit, width):
    page, frame = visit("outer.html", width)
    page.wait_for_function("document.querySelector('iframe').offsetHeight > 400")
    frame.wait_for_function("document.documentElement.scrollHeight <= innerHeight")
    inner = frame.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert inner[0] <= inner[1] < 1000  # nothing is cut off, and the frame is not without end
    for part in (".pa-note", ".pa-list", ".pa-overview"):
        box = frame.evaluate(f"document.querySelector('{part}').getBoundingClientRect().toJSON()")
        assert box["height"] > 30 and box["bottom"] <= inner[1] and box["right"] <= width


def test_keys_follow_the_pointer_into_a_frame(visit):
    page, frame = visit("outer.html")
    page.mouse.move(300, 200)
    frame.wait_for_function("document.hasFocus()")
    page.keyboard.press("Space")
    frame.wait_for_function(f"{SEEN}.player.playing")
