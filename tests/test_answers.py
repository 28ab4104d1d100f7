"Pictures that answer: which notes are kept, what the page is given, and what is refused."

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile

from pianoalign.files import InputError
from pianoalign.lab.answers import (
    AFTER_S,
    BEFORE_S,
    _round_ticks,
    guess,
    hear_errors,
    notes_to_hear,
    stretches,
)
from pianoalign.notes import Notes
from pianoalign.report.plots import synthesise

RATE_HZ = 16000
ONSET_S = np.arange(1, 61, 1.5)
TRUTH = Notes.from_arrays(ONSET_S, ONSET_S + 0.5, 40 + np.arange(len(ONSET_S)))
ERROR_S = np.where(np.arange(len(ONSET_S)) % 10 == 3, 0.08, 0.004)
GIVEN = TRUTH.at_times(TRUTH.onset_s + ERROR_S, TRUTH.offset_s + ERROR_S)
SOUND = synthesise(TRUTH, n_samples=62 * RATE_HZ)


def data_of(answer):
    "What the page is given."
    packed = re.search(r'<script type="application/json">(.*?)</script>', answer.html, re.S)[1]
    return json.loads(packed)


def heard(answer):
    return sorted(int(k) for k in data_of(answer)["truth"])


def test_the_worst_notes_are_kept_first_and_the_sound_has_a_limit():
    answer = hear_errors((SOUND, RATE_HZ), dict(crnn=GIVEN), TRUTH, max_s=12, n_worst=4)
    chosen = heard(answer)
    worst = [3, 13, 23, 33]
    assert set(worst) < set(chosen) and len(chosen) == 10  # 12 s hold ten stretches of 1.2 s
    assert answer.html.count("data-note=") == 10 and answer.html.count("<title>") == len(TRUTH)


def test_the_kept_sound_is_the_recording_around_each_note():
    data = data_of(hear_errors((SOUND, RATE_HZ), dict(crnn=GIVEN), TRUTH, max_s=12))
    kept, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(data["audio"])))
    assert rate_hz == RATE_HZ and abs(len(kept) / RATE_HZ - 12) < 0.01
    for k, place_s in data["place"].items():
        onset_s = data["truth"][k]
        assert onset_s == pytest.approx(TRUTH.onset_s[int(k)])
        window = np.arange(int(-BEFORE_S * RATE_HZ) + 10, int(AFTER_S * RATE_HZ) - 10)
        there = SOUND[int(round(onset_s * RATE_HZ)) + window]
        here = kept[int(round(place_s * RATE_HZ)) + window]
        assert np.corrcoef(there, here)[0, 1] > 0.98  # the sound is coded, so not bit by bit
    assert data["layers"][0]["onset"]["3"] == pytest.approx(TRUTH.onset_s[3] + 0.08)


def test_stretches_that_touch_are_one():
    assert stretches(np.array([5.0, 5.5, 9.0]), 9.5).tolist() == [[4.6, 6.3], [8.6, 9.5]]
    assert stretches(np.array([]), 9.5).shape == (0, 2)


def test_notes_outside_the_sound_cannot_be_heard():
    chosen = notes_to_hear(np.array([0.5, 0.1, 0.2]), np.array([20.0, 1.0, -0.5]), 10.0)
    assert chosen.tolist() == [1]


def test_an_error_beyond_the_axis_is_a_triangle():
    far_s = np.where(np.arange(len(ONSET_S)) == 5, 3.0, ERROR_S)
    far = TRUTH.at_times(TRUTH.onset_s + far_s, TRUTH.offset_s + far_s)
    html = hear_errors((SOUND, RATE_HZ), dict(crnn=far), TRUTH).html
    assert len(re.findall(r'<path d="[^"]*z" fill="#0072B2"', html)) == 1
    assert "+3000 ms" in html


def test_nothing_is_fetched_and_titles_are_no_code():
    html = hear_errors((SOUND, RATE_HZ), dict(crnn=GIVEN), TRUTH, caption="<b>&").html
    assert "http" not in html and "<b>" not in html and "&lt;b&gt;&amp;" in html


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: hear_errors(None, dict(crnn=GIVEN), TRUTH), "need a recording"),
        (lambda: hear_errors((SOUND, RATE_HZ), {}, TRUTH), "at least one layer"),
        (lambda: hear_errors((SOUND, RATE_HZ), dict(crnn=GIVEN[:9]), TRUTH), "do not fit"),
        (lambda: hear_errors((SOUND, RATE_HZ), dict(best=GIVEN), TRUTH), "is unknown"),
        (lambda: guess("?", 120.0), "holds the result"),
        (lambda: guess("?", float("nan")), "holds the result"),
        (lambda: guess("?", 1.0, 1.0, 1.0), "holds the result"),
    ],
)
def test_what_is_refused(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_an_axis_that_begins_just_before_zero_begins_at_zero():
    assert [f"{t:g}" for t in _round_ticks(-0.01, 30)] == ["0", "10", "20", "30"]
    assert [f"{t:g}" for t in _round_ticks(-150, 150)] == ["-100", "0", "100"]
