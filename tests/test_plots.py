"Pictures and sound: reproducible files, no clipping, clear errors."

import io
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile

from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.report.plots import (
    COLOURS,
    METHOD_NAMES,
    clicks,
    coded,
    draw_roll,
    draw_spectrogram,
    excerpt,
    listen,
    player,
    save_figure,
    side_by_side,
    synthesise,
    use_style,
)

NOTES = Notes.from_arrays([0.1, 0.5, 0.5], [0.4, 0.9, 1.0], [60, 64, 67], [30, 64, 100])


@pytest.fixture()
def axes():
    with matplotlib.rc_context():
        use_style()
        fig, ax = plt.subplots(figsize=(3, 2))
        yield ax
        plt.close(fig)


def test_colours_follow_the_contract():
    assert (
        COLOURS["crnn"] == "#0072B2"
        and COLOURS["dtw"] == "#E69F00"
        and COLOURS["truth"] == "#000000"
        and COLOURS["unaligned"] == "#7f7f7f"
    )
    assert {"unaligned", "dtw", "crnn", "crnn_blind", "dtw_crnn", "high_resolution"} <= set(
        COLOURS
    ) & set(METHOD_NAMES)


@pytest.mark.parametrize("kind, corners", [("blocks", 5), ("boxes", 5), ("onsets", 2)])
def test_every_note_is_drawn_where_it_is(axes, kind, corners):
    shapes = draw_roll(axes, NOTES, "crnn", kind=kind)
    paths = shapes.get_paths()
    assert len(paths) == 3 and len(paths[0].vertices) == corners
    assert paths[1].vertices[:, 0].min() == 0.5 and paths[1].vertices[:, 1].mean() == pytest.approx(
        64, abs=0.5
    )
    low, high = axes.get_xlim()
    assert low <= 0.1 and high >= (0.5 if kind == "onsets" else 1.0)


def test_unknown_kind(axes):
    with pytest.raises(InputError, match="blocks"):
        draw_roll(axes, NOTES, kind="dots")


@pytest.mark.parametrize("bad", [np.zeros(88), np.zeros((0, 88)), np.zeros((3, 4, 5))])
def test_bad_spectrogram(axes, bad):
    with pytest.raises(InputError, match="shape"):
        draw_spectrogram(axes, bad)


def test_dynamic_range(axes):
    image = draw_spectrogram(
        axes, np.linspace(-9, 1, 880).reshape(10, 88), fps=100, dynamic_range=7, start_s=2.0
    )
    assert image.get_clim() == (-6, 1) and image.get_extent()[0] == pytest.approx(1.995)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
def test_clicks_stand_on_the_onsets(rate_hz):
    found = np.flatnonzero(np.diff((np.abs(clicks(NOTES, rate_hz)) > 0).astype(int)) == 1)
    for start_s in (0.1, 0.5):
        assert np.abs(found / rate_hz - start_s).min() <= 1.5 / rate_hz


def test_clicks_of_a_chord_do_not_add_up():
    chord = Notes.from_arrays([0.1] * 9 + [0.1001] * 9, [1.0] * 18, [*range(60, 78)])
    assert np.abs(clicks(chord)).max() == pytest.approx(np.abs(clicks(chord[:1])).max(), rel=0.2)


def test_empty_and_outside():
    assert len(clicks(Notes.empty())) == len(synthesise(Notes.empty())) == 0
    early = Notes.from_arrays([-0.5, 9.0], [0.2, 9.5], [60, 62])
    assert not clicks(early, n_samples=16000).any()
    assert len(synthesise(early, n_samples=16000)) == 16000


def test_synthesis_starts_on_time_and_knows_velocity():
    for pitch in (21, 60, 108):
        tone = synthesise(Notes.from_arrays([0.25003], [0.6], [pitch]))
        assert not tone[:4001].any() and np.abs(tone[4001:4100]).max() > 1e-4
    soft, loud = (
        np.abs(synthesise(Notes.from_arrays([0.1], [0.5], [60], [v]))).max() for v in (32, 96)
    )
    assert loud > 3 * soft


def test_level_is_never_changed():
    samples = 0.01 * np.sin(np.arange(16000) / 5).astype(np.float32)
    again, _ = soundfile.read(io.BytesIO(coded(samples, 16000, "wav")))
    assert np.abs(again).max() == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize(
    "bad, says",
    [
        (np.full(100, 1.5), "clipped"),
        (np.array([0.0, np.nan]), "no numbers"),
        (np.zeros(16000 * 30), "excerpt"),
    ],
)
def test_player_refuses(bad, says):
    with pytest.raises(InputError, match=says):
        player(bad)


def test_player_is_small():
    stereo = side_by_side(
        0.3 * np.random.default_rng(0).standard_normal(8 * 16000).clip(-3, 3), clicks(NOTES)
    )
    html = player(stereo)._repr_html_()
    assert len(html) < 200_000 and "audio/ogg" in html
    assert "audio/ogg" in listen(synthesise(NOTES), NOTES, as_clicks=False)._repr_html_()


def test_excerpt_stays_inside():
    assert (
        len(excerpt(np.arange(16000), -1, 0.5)) == 8000
        and len(excerpt(np.arange(16000), 0.9, 5)) == 1600
    )


def test_figures_are_reproducible_and_atomic(axes, tmp_path):
    draw_roll(axes, NOTES, label="notes")
    axes.legend()
    forms = ("pdf", "svg", "png")
    first = [p.read_bytes() for p in save_figure(axes.figure, tmp_path / "new", "toy", forms)]
    second = [p.read_bytes() for p in save_figure(axes.figure, tmp_path / "new", "toy", forms)]
    assert first == second and sorted(os.listdir(tmp_path / "new")) == [
        "toy.pdf",
        "toy.png",
        "toy.svg",
    ]
    with pytest.raises(InputError, match="bmp"):
        save_figure(axes.figure, tmp_path / "new", "toy", ("bmp",))


def test_a_failed_save_leaves_the_old_file(axes, tmp_path, monkeypatch):
    (path,) = save_figure(axes.figure, tmp_path, "toy", ("png",))
    before = path.read_bytes()

    def fails(name, **_):
        open(name, "w").write("half")
        raise OSError("disk full")

    monkeypatch.setattr(axes.figure, "savefig", fails)
    with pytest.raises(InputError, match="disk full"):
        save_figure(axes.figure, tmp_path, "toy", ("png",))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["toy.png"]
