"Explorer, jitter laboratory, listening test: what is packed and refused, and nothing is fetched."

import dataclasses
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import nbformat
import numpy as np
import pytest

import pianoalign
from pianoalign.lab import explorer as widgets
from pianoalign.tool.results import AlignmentResult
from pianoalign.lab.jitter import jitter_lab_state, listening_state, published_unaligned
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.midi import read_midi, write_midi
from pianoalign.report.plots import COLOURS, METHOD_NAMES, synthesise
from pianoalign.lab.explorer import (
    LAYERS,
    explorer_of_result,
    explorer_page,
    explorer_state,
    page_code,
    write_page,
)

RATE = 16000


def some_notes(n=40, seconds=8.0, seed=0):
    rng = np.random.default_rng(seed)
    onset_s = np.sort(rng.uniform(0.2, seconds - 1, n))
    return Notes.from_arrays(
        onset_s,
        onset_s + rng.uniform(0.1, 0.8, n),
        rng.integers(40, 84, n),
        rng.integers(30, 110, n),
    )


def moved(notes, size_s, seed=1):
    shift_s = np.random.default_rng(seed).normal(0, size_s, len(notes))
    return notes.at_times(notes.onset_s + shift_s, notes.offset_s + shift_s)


TRUTH = some_notes()
LAYER = dict(unaligned=moved(TRUTH, 0.04), crnn=moved(TRUTH, 0.006, 2))
SOUND = synthesise(TRUTH, n_samples=8 * RATE)


def unpacked(state):
    "What the page reads from the bytes, by the same layout."
    n, m = state.data["n_notes"], len(state.data["layers"])
    onset = np.frombuffer(state.notes, "<f8", n * m).reshape(m, n)
    length = np.frombuffer(state.notes, "<f4", n * m, 8 * n * m).reshape(m, n)
    small = np.frombuffer(state.notes, np.uint8, -1, 12 * n * m).reshape(-1, n)
    return onset, length, small


def test_every_note_arrives_to_the_last_bit():
    state = explorer_state((SOUND, RATE), LAYER, TRUTH, status=["matched"] * 39 + ["not found"])
    assert [layer["key"] for layer in state.data["layers"]] == ["unaligned", "crnn", "truth"]
    onset, length, small = unpacked(state)
    for row, notes in enumerate((*LAYER.values(), TRUTH)):
        assert np.array_equal(onset[row], notes.onset_s)
        assert np.abs(length[row] - (notes.offset_s - notes.onset_s)).max() < 1e-7
    assert np.array_equal(small[0], TRUTH.pitch) and np.array_equal(small[1], TRUTH.velocity)
    assert state.data["status_names"] == ["matched", "not found"] and small[2].tolist() == [
        0
    ] * 39 + [1]


def test_an_excerpt_counts_from_its_beginning():
    whole, part = (
        explorer_state((SOUND, RATE), LAYER, TRUTH),
        explorer_state((SOUND, RATE), LAYER, TRUTH, start_s=2, end_s=5),
    )
    inside = (TRUTH.onset_s >= 2) & (TRUTH.onset_s < 5)
    assert (
        part.data["n_notes"] == inside.sum()
        and part.data["origin_s"] == 2
        and part.data["duration_s"] == 3
    )
    assert np.allclose(unpacked(part)[0] + 2, unpacked(whole)[0][:, inside], atol=1e-12)


def test_the_picture_is_the_spectrogram():
    from pianoalign.preprocessing import spectrogram

    state, image = explorer_state((SOUND, RATE), LAYER), spectrogram(SOUND)
    grey = np.cumsum(
        np.frombuffer(zlib.decompress(state.image), np.uint8).reshape(-1, 88),
        axis=0,
        dtype=np.uint8,
    )
    shown = grey / 255 * widgets.RANGE_NATS + image.max() - widgets.RANGE_NATS
    loud = image > image.max() - widgets.RANGE_NATS
    assert grey.shape == image.shape and np.abs(shown - image)[loud].max() < 0.12  # one decibel
    assert len(state.image) < grey.size / 2


def test_the_level_is_never_changed():
    import io, soundfile

    quiet = SOUND / np.abs(SOUND).max() * 0.05
    kept, rate_hz = soundfile.read(
        io.BytesIO(explorer_state((quiet, RATE), LAYER, form="wav").audio)
    )
    assert rate_hz == RATE and np.abs(kept - quiet).max() < 4e-5
    lowered = explorer_state((quiet, RATE), LAYER, form="wav", gain_db=-6.0)
    assert (
        np.abs(soundfile.read(io.BytesIO(lowered.audio))[0]).max()
        == pytest.approx(0.05 * 10**-0.3, rel=1e-2)
        and lowered.data["gain_db"] == -6
    )


def test_sizes_of_a_long_piece():
    notes = some_notes(20_000, 1200.0, 3)
    state = explorer_state(
        None,
        dict(
            unaligned=moved(notes, 0.03),
            dtw=moved(notes, 0.02),
            crnn=moved(notes, 0.01),
            high_resolution=moved(notes, 0.005),
        ),
        notes,
    )
    assert len(state.notes) == 20_000 * (5 * 12 + 2) and state.size < 1.3e6


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: explorer_state((SOUND, RATE), {}), "at least one layer"),
        (lambda: explorer_state((SOUND, RATE), dict(cnrn=TRUTH)), "did you mean 'crnn'?"),
        (lambda: explorer_state((SOUND, RATE), dict(crnn=TRUTH[1:]), TRUTH), "do not fit"),
        (
            lambda: explorer_state(
                (SOUND, RATE), dict(crnn=TRUTH[np.argsort(-TRUTH.pitch, kind="stable")]), TRUTH
            ),
            "has pitch",
        ),
        (lambda: explorer_state((SOUND, RATE), dict(crnn="a.mid")), "of type str"),
        (lambda: explorer_state("missing.wav", LAYER), "missing.wav does not exist"),
        (lambda: explorer_state((SOUND * np.nan, RATE), LAYER), "not numbers"),
        (lambda: explorer_state((SOUND * 0, RATE), LAYER), "silent"),
        (
            lambda: explorer_state((SOUND / np.abs(SOUND).max() * 2, RATE), LAYER),
            "give gain_db=-6.1",
        ),
        (lambda: explorer_state(SOUND, LAYER), "give a path"),
        (lambda: explorer_state((RATE, SOUND), LAYER), "in this order"),
        (lambda: explorer_state((SOUND, RATE), LAYER, heard="dtw"), "none of the layers"),
        (lambda: explorer_state((SOUND, RATE), LAYER, start_s=7.9), "no note begins"),
        (
            lambda: explorer_state((SOUND, RATE), {k: n.shifted(20) for k, n in LAYER.items()}),
            "after the recording's end",
        ),
        (lambda: explorer_state((SOUND, RATE), LAYER, status=["x"]), "status has 1 rows"),
        (lambda: explorer_of_result(None, None), "give its path"),
        (lambda: jitter_lab_state((SOUND, RATE), None), "no notes"),
        (lambda: listening_state((SOUND, RATE), TRUTH, length_s=9), "do not fit"),
        (lambda: listening_state((SOUND, RATE), TRUTH, sizes_ms=[500]), "between 0 and 400"),
    ],
)
def test_one_sentence_for_what_cannot_be_shown(call, says):
    with pytest.raises(InputError, match=re.escape(says)) as error:
        call()
    assert "\n" not in str(error.value)


def test_layers_have_names_and_colours_of_the_house():
    style = page_code()[1]
    for name in LAYERS:
        assert (
            name in METHOD_NAMES and f"--pa-{name}: {COLOURS[name]};" in style.split("@media")[0]
        )  # the light theme's are the figures'


def test_a_page_fetches_nothing(tmp_path):
    path = explorer_page(tmp_path / "p.html", (SOUND, RATE), LAYER, TRUTH, title='</script><b>&"')
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"https?:|//[a-z0-9-]+\.[a-z]|@import|\bimport\s*[({*]|fetch\(|XMLHttpRequest"
        r"|<link(?! rel=\"icon\" href=\"data:)|src=",
        text,
    )
    assert (
        "<title>&lt;/script&gt;" in text
        and text.count("</script>") == 5
        and list(tmp_path.iterdir()) == [path]
    )


def test_a_failed_page_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "p.html"
    path.write_text("old")
    monkeypatch.setattr(widgets, "page_html", lambda *a, **k: "\ud800")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        write_page(path, explorer_state(None, LAYER))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_result_of_the_aligner(tmp_path):
    write_midi(TRUTH, tmp_path / "a.mid")
    score = read_midi(tmp_path / "a.mid")
    status = np.array(["matched"] * 39 + ["not found"])
    known = dict(
        notes_before=score.notes,
        notes_after=score.notes.shifted(0.01),
        status=status,
        score=score,
        duration_s=8.0,
        method="crnn",
        decoding="high-resolution",
    )
    result = AlignmentResult(
        **{f.name: known.get(f.name) for f in dataclasses.fields(AlignmentResult)}
    )
    page = explorer_of_result(result, (SOUND, RATE), page=tmp_path / "r.html")
    data = json.loads(
        re.search(r'id="state0-data">(.*?)</script>', page.read_text(encoding="utf-8"))[1]
    )
    assert [layer["key"] for layer in data["layers"]] == ["unaligned", "high_resolution"] and data[
        "reference"
    ] == "unaligned"
    assert data["title"] == "a.mid" and data["status_names"] == ["matched", "not found"]


def test_without_anywidget_pages_still_work(tmp_path):
    code = f"""
import sys; sys.modules["anywidget"] = None
import numpy as np
from pianoalign.notes import InputError, Notes
from pianoalign.lab.explorer import explorer, explorer_page
notes = dict(crnn=Notes.from_arrays([.1], [.5], [60]))
explorer_page({str(tmp_path / "p.html")!r}, None, notes)
try: explorer(None, notes)
except InputError as error: print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert (
        "install it with `pip install anywidget`" in said
        and (tmp_path / "p.html").stat().st_size > 50_000
    )


def test_the_lab_names_the_median_that_the_paper_prints_for_loose_notes():
    assert published_unaligned()["median_ms"] == 24.07


NOTEBOOK = """
from pianoalign.notes import Notes
from pianoalign.report.plots import synthesise
from pianoalign.lab.explorer import explorer
from pianoalign.lab.jitter import jitter_lab, listening_test
truth = Notes.from_arrays([.5, 1., 1.5, 2.], [.9, 1.4, 1.9, 2.8], [60, 64, 67, 72])
sound = synthesise(truth, n_samples=48000), 16000
"""


def executed_notebook(folder):
    "A notebook with all three widgets, run by `jupyter nbconvert --execute`."
    nb = nbformat.v4.new_notebook(
        metadata=dict(kernelspec=dict(name="python3", display_name="python3"))
    )
    nb.cells = [
        nbformat.v4.new_code_cell(c)
        for c in (
            NOTEBOOK,
            "explorer(sound, dict(unaligned=truth.shifted(.03)), truth)",
            "jitter_lab(sound, truth)",
            "listening_test(sound, truth, length_s=1.)",
        )
    ]
    nbformat.write(nb, folder / "n.ipynb")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            "--inplace",
            str(folder / "n.ipynb"),
        ],
        check=True,
        capture_output=True,
    )
    return nbformat.read(folder / "n.ipynb", 4)


def test_state_survives_nbconvert(tmp_path):
    nb = executed_notebook(tmp_path)
    models = nb.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    shown = [
        o.data["application/vnd.jupyter.widget-view+json"]["model_id"]
        for c in nb.cells[1:]
        for o in c.outputs
    ]
    assert len(shown) == 3
    for model_id, kind in zip(shown, ("explorer", "jitter_lab", "listening_test")):
        saved = models[model_id]
        assert (
            saved["model_module"] == "anywidget"
            and saved["state"]["data"]["kind"] == kind
            and "pianoalignWidget" in saved["state"]["_esm"]
        )
        packed = {b["path"][0]: b["data"] for b in saved["buffers"]}
        assert set(packed) == {"notes", "image", "audio"} and all(
            len(v) > 20 for v in packed.values()
        )
    assert len(json.dumps(nb)) < 1_500_000


def test_static_files_are_package_data():
    import tomllib

    package = Path(pianoalign.__file__).parent
    project = tomllib.loads((package.parent / "pyproject.toml").read_text())
    assert "static/*" in project["tool"]["setuptools"]["package-data"]["pianoalign"]
    for name in (*widgets.SCRIPTS, "explorer.css"):
        assert (package / "static" / name).is_file()


def test_the_tour_says_why_by_the_first_rule_that_holds():
    onset_s = [0.0, 0.5, 1.0, 1.2, 3.0, 3.5, 6.0, 6.08, 8.0]
    offset_s = [0.4, 0.9, 1.1, 2.0, 4.0, 4.0, 7.0, 7.0, 9.0]
    truth = Notes.from_arrays(onset_s, offset_s, [60, 64, 62, 62, 60, 72, 65, 69, 30])
    written_s = np.array(onset_s)
    written_s[7] = 6.0  # the two notes of a chord
    unaligned = truth.at_times(written_s, written_s + 0.2)
    late_s = 0.001 * np.array([5, 15, 90, 80, 20, 70, 60, 50, 40])
    heard = truth.at_times(truth.onset_s + late_s, truth.offset_s + late_s)
    layers = dict(unaligned=unaligned, crnn=heard, truth=truth)
    tour = widgets.guided_tour(layers, "crnn")
    assert [stop["row"] for stop in tour] == [2, 3, 5, 6, 7, 8, 4, 1]  # 5 ms is no stop
    for stop, why in zip(
        tour,
        (
            "Note 3, D4, is 90 ms late; this error is a repeated note: the key is also struck 200 "
            "ms later.",
            "200 ms earlier",
            "hidden note: C4",
            "played over 80 ms",
            "played over 80 ms",
            "low note",
            "no rule",
            "no rule",
        ),
    ):
        assert why in stop["text"]
    assert len(widgets.guided_tour(layers, "crnn", n_steps=3)) == 3
    words = np.where(np.arange(9) == 2, "not found", "matched")
    assert "was not found" in widgets.guided_tour(layers, "crnn", words)[0]["text"]


def test_without_the_truth_there_is_no_tour():
    assert explorer_state(None, LAYER).data["tour"] == []
    assert explorer_state(None, LAYER, TRUTH).data["tour"]
