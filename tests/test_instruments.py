"Ensembles: the corpus that ships, and other sets in folders whole, partial or of another kind."

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pianoalign.neighbours.instruments import (
    LATE_S,
    lag_of_labels,
    load_bach10,
    load_guitarset,
    load_instruments,
    load_urmp,
)
from pianoalign.files import InputError

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "instruments"


def sound(path, onsets_s=(0.5, 1.0, 1.5, 2.2, 2.6), seconds=4, rate=8000):
    rng = np.random.default_rng(0)
    x = 1e-4 * rng.standard_normal(seconds * rate)
    for s in onsets_s:
        x[int(s * rate) :] += (
            0.3
            * np.exp(-np.arange(len(x) - int(s * rate)) / 900)
            * rng.standard_normal(len(x) - int(s * rate))
        )
    soundfile.write(path, x / np.abs(x).max() * 0.9, rate)


@pytest.fixture
def urmp(tmp_path):
    for name in ("01_Jupiter_vn_vc", "03_Dance_fl_tpt"):
        folder = tmp_path / "Dataset" / name
        folder.mkdir(parents=True)
        sound(folder / f"AuMix_{name}.wav")
        number, title, *players = name.split("_")
        for k, p in enumerate(players, 1):
            (folder / f"Notes_{k}_{p}_{number}_{title}.txt").write_text(
                f"0.5\t{440 * k}\t0.4\n1.0\t{450 * k}\t0.3\n"
            )
            np.savetxt(
                folder / f"F0s_{k}_{p}_{number}_{title}.txt",
                np.column_stack(
                    [np.arange(0, 2, 0.01), np.where(np.arange(200) % 100 < 50, 0, 441.0 * k)]
                ),
            )
    return tmp_path


def test_urmp(urmp):
    first, second = load_urmp(urmp)
    assert (
        (first.split, second.split) == ("valid", "train")
        and first.instruments == ("violin", "cello")
        and second.families == ("woodwinds", "brass")
    )
    assert (
        first.notes.pitch.tolist() == [69, 81, 69, 81]
        and first.part.tolist() == [0, 1, 0, 1]
        and np.allclose(first.notes.offset_s, [0.9, 0.9, 1.3, 1.3])
    )
    assert (
        np.allclose(first.frequencies([0.601])[0], [441, 882])
        and len(first.frequencies([0.3])[0]) == 0
    )


def test_partial_and_foreign_folders(urmp):
    (urmp / "Dataset" / "03_Dance_fl_tpt" / "F0s_2_tpt_03_Dance.txt").unlink()
    with pytest.raises(InputError, match="1 of 2 pieces lack files, first .*F0s_2_tpt"):
        load_urmp(urmp)
    assert [r.id for r in load_urmp(urmp, strict=False)] == ["01_Jupiter_vn_vc"]
    (urmp / "Dataset" / "01_Jupiter_vn_vc" / "Notes_1_vn_01_Jupiter.txt").write_text("0.5 a 3\n")
    with pytest.raises(InputError, match="copy the data set again"):
        load_urmp(urmp, strict=False)
    (urmp / "Dataset" / "01_Jupiter_vn_vc" / "Notes_1_vn_01_Jupiter.txt").write_text("0.5 3\n")
    with pytest.raises(InputError, match="another version"):
        load_urmp(urmp, strict=False)
    for load in (load_urmp, load_bach10):
        with pytest.raises(InputError, match="holds nothing"):
            load(urmp / "nowhere")


def test_bach10(tmp_path):
    from scipy.io import savemat

    folder = tmp_path / "01-Ach"
    folder.mkdir()
    sound(folder / "01-Ach.wav")
    (folder / "01-Ach.txt").write_text(
        "".join(
            f"{500 * (n + 1)} {600 * n} {60 + 12 * k} {k + 1}\n" for n in range(2) for k in range(4)
        )
    )
    curve = np.zeros((4, 200))
    for k in range(4):
        curve[k, 48:80] = 60.2 + 12 * k
        curve[k, 100:150] = 59.9 + 12 * k
    savemat(folder / "01-Ach-GTF0s.mat", dict(GTF0s=curve))
    (only,) = load_bach10(tmp_path)
    assert (
        len(only.notes) == 8
        and only.instruments[2] == "saxophone"
        and np.allclose(only.notes.onset_s, [0.5] * 4 + [1.0] * 4)
    )
    assert np.allclose(only.notes.offset_s[:4], 0.023 + 0.79 + 0.01) and np.allclose(
        only.frequencies([0.7])[0], [440 * 2 ** ((p - 69) / 12) for p in (60.2, 72.2, 84.2, 96.2)]
    )
    savemat(folder / "01-Ach-GTF0s.mat", dict(other=curve))
    with pytest.raises(InputError, match="curves"):
        load_bach10(tmp_path)


def guitarset(root, name, onset_s):
    (root / "annotation").mkdir(exist_ok=True)
    (root / "audio_mono-mic").mkdir(exist_ok=True)
    sound(root / "audio_mono-mic" / f"{name}_mic.wav")
    notes = [
        [dict(time=t, duration=0.2, value=50.0 + k, confidence=None) for t in onset_s[k::6]]
        for k in range(6)
    ]
    annotations = [
        dict(namespace="note_midi", annotation_metadata=dict(data_source=str(k)), data=n)
        for k, n in enumerate(notes)
    ]
    (root / "annotation" / f"{name}.jams").write_text(json.dumps(dict(annotations=annotations)))


def test_guitarset_and_its_late_labels(tmp_path):
    pytest.importorskip("mirdata")
    true_s = np.array([0.5, 1.0, 1.5, 2.2, 2.6])
    for name, late_s in (*LATE_S.items(), ("00_BN1-129-Eb_comp", 0.0), ("05_Rock1-90-C_comp", 0.2)):
        guitarset(tmp_path, name, true_s + late_s)
    read = {r.id: r for r in load_guitarset(tmp_path)}
    for name, late_s in LATE_S.items():
        assert (
            np.allclose(read[name].notes.onset_s, true_s)
            and read[name].late_s == late_s
            and "moved back" in read[name].remark
        )
    assert read["00_BN1-129-Eb_comp"].remark == "" and read["05_Rock1-90-C_comp"].split == "test"
    assert "may be 0.2" in read["05_Rock1-90-C_comp"].remark and np.allclose(
        read["05_Rock1-90-C_comp"].notes.onset_s, true_s + 0.2
    )
    (tmp_path / "audio_mono-mic" / "00_BN1-129-Eb_comp_mic.wav").unlink()
    with pytest.raises(InputError, match="1 of 4 pieces lack files"):
        load_guitarset(tmp_path)
    assert len(load_guitarset(tmp_path, strict=False)) == 3


def test_guitarset_without_mirdata(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mirdata.datasets.guitarset", None)
    monkeypatch.setitem(sys.modules, "mirdata", None)
    with pytest.raises(InputError, match="pip install"):
        load_guitarset(tmp_path)


@pytest.mark.parametrize("late_s", [-0.4, 0.0, 0.309, 0.409])
def test_a_lag_is_measured(tmp_path, late_s):
    sound(tmp_path / "x.wav")
    x, rate = soundfile.read(tmp_path / "x.wav")
    assert (
        abs(lag_of_labels(x, rate, np.array([0.5, 1.0, 1.5, 2.2, 2.6]) + late_s)[0] - late_s)
        < 0.015
    )
    assert lag_of_labels(x[:20], rate, np.array([0.1])) == (0.0, 0.0)


def test_the_corpus_that_ships(tmp_path):
    recordings = load_instruments(CORPUS, ("valid", "solo"))
    assert len(recordings) == 13 and all(
        r.notes.offset_s.max() <= r.duration_s and r.notes.in_range().all() for r in recordings
    )
    shutil.copytree(CORPUS, tmp_path / "c")
    (tmp_path / "c" / "midi" / "solo_harp.mid").unlink()
    with pytest.raises(InputError, match="1 of 20 files .* missing, .*solo_harp.mid"):
        load_instruments(tmp_path / "c", ("solo",))
    assert len(load_instruments(tmp_path / "c", ("valid",))) == 3
