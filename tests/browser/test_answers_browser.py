"Pictures that answer, in a real Chromium: a click plays the note where its layer has it."

import numpy as np
import pytest

from chromium import save
from pianoalign.lab.answers import guess, hear_errors
from pianoalign.notes import Notes
from pianoalign.report.plots import synthesise

RATE_HZ = 16000
ONSET_S = np.arange(1.0, 21.0)
TRUTH = Notes.from_arrays(ONSET_S, ONSET_S + 0.3, 60 + np.arange(20))
GIVEN = TRUTH.at_times(TRUTH.onset_s + 0.15, TRUTH.offset_s + 0.15)
BETTER = TRUTH.at_times(TRUTH.onset_s - 0.05, TRUTH.offset_s - 0.05)
SOUND = synthesise(TRUTH, n_samples=22 * RATE_HZ)
PAGE = '<!DOCTYPE html><html lang="en"><link rel="icon" href="data:,"><body>{}</body></html>'


@pytest.fixture
def visit(browser, tmp_path):
    "Open answers as a page; at the end no error may stand in the console, nothing be fetched."
    said, opened = [], []

    def go(*answers):
        path = tmp_path / "page.html"
        path.write_text(PAGE.format("\n".join(a.html for a in answers)), encoding="utf-8")
        page = browser.new_page(viewport=dict(width=800, height=700))
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        page.on("request", lambda r: said.append(r.url) if r.url.startswith("http") else None)
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelector('.pa-answer').pianoalign")
        opened.append(page)
        return page

    yield go
    for page in opened:
        page.close()
    assert said == []


def first_sound_s(page, channel):
    "When a channel of what was played rises, in seconds from the beginning of the clip."
    page.wait_for_function("document.querySelector('.pa-heard').pianoalign.sound")
    return page.evaluate(
        """channel => { const s = document.querySelector('.pa-heard').pianoalign.sound[channel];
        const peak = s.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
        return s.findIndex(x => Math.abs(x) > 0.05 * peak) / 16000; }""",
        channel,
    )


def forget(page):
    page.evaluate("document.querySelector('.pa-heard').pianoalign.sound = null")


def test_a_click_plays_recording_left_and_note_right(visit):
    page = visit(hear_errors((SOUND, RATE_HZ), dict(unaligned=GIVEN, crnn=BETTER), TRUTH))
    page.locator('[data-layer="0"][data-note="4"]').click()
    assert abs(first_sound_s(page, "left") - 0.4) < 0.01
    assert abs(first_sound_s(page, "right") - 0.55) < 0.01
    said = page.locator(".pa-said").inner_text()
    assert said == "E4 at 5.00 s: Unaligned +150 ms, CRNN −50 ms. Recording left, note right."
    forget(page)
    page.get_by_role("button", name="CRNN", exact=True).click()
    assert abs(first_sound_s(page, "right") - 0.35) < 0.01
    forget(page)
    page.get_by_label("half speed").check()
    assert abs(first_sound_s(page, "left") - 0.8) < 0.03
    assert abs(first_sound_s(page, "right") - 0.7) < 0.02
    save(page, "answers_errors")


def test_the_dots_can_be_reached_and_played_without_a_mouse(visit):
    page = visit(hear_errors((SOUND, RATE_HZ), dict(crnn=BETTER), TRUTH))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    first_sound_s(page, "left")
    assert page.locator(".pa-said").inner_text().startswith("D4 at 3.00 s")


def test_two_pictures_on_one_page_do_not_mix(visit):
    pictures = [hear_errors((SOUND, RATE_HZ), {n: BETTER}, TRUTH) for n in ("crnn", "dtw")]
    page = visit(*pictures)
    page.locator('.pa-heard >> nth=1 >> [data-note="0"]').click()
    assert page.locator(".pa-heard >> nth=0 >> .pa-said").inner_text().startswith("20 of 20")
    assert "DTW −50 ms" in page.locator(".pa-heard >> nth=1 >> .pa-said").inner_text()


def test_a_guess_stands_beside_the_result_only_when_asked(visit):
    page = visit(guess("What share lies within 10 ms?", 72.4, digits=1, because="So it is."))
    result = page.locator(".pa-result")
    assert not result.is_visible() and "72.4" not in page.locator("figure").inner_text()
    page.locator("input").fill("50")
    page.get_by_role("button", name="Show the result").click()
    said = page.locator(".pa-said").inner_text()
    assert said == "The result is 72.4 %, 22.4 points more than your guess. So it is."
    mine, theirs = page.locator(".pa-mine circle").bounding_box(), result.bounding_box()
    assert result.is_visible() and theirs["x"] > mine["x"] + 100
    save(page, "answers_guess")
