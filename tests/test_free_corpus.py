"""The free corpus: its performer and pieces, its reader, its tier; the script itself where music21
and FluidSynth are at hand."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from pianoalign.datasets import DataSettings, experiment_corpus, load_corpus
from pianoalign.files import InputError
from pianoalign.reproduce.plan import corpus_folder
from pianoalign.experiments import load_plan

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "corpus" / "free"))
import performer, pieces


def performance(seed, **changes):
    "A generated piece, played: score rows, notes."
    from dataclasses import replace

    rng = np.random.default_rng(seed)
    rows = pieces.generate(rng, 40)
    return rows, performer.perform(
        *rows.T, replace(performer.Style.drawn(rng, 0.5), **changes), rng
    )


@pytest.mark.parametrize("seed", range(12))
def test_no_key_is_struck_while_held_and_all_times_are_finite(seed):
    rows, played = performance(seed)
    assert all(np.isfinite(v).all() for v in played.values()) and len(played["pitch"]) > 0.5 * len(
        rows
    )
    assert (
        (np.diff(played["onset_s"]) >= 0).all()
        and (played["offset_s"] > played["onset_s"]).all()
        and (np.diff(played["pedal_s"]) >= 0).all()
    )
    assert (
        played["pitch"].min() >= 21
        and played["pitch"].max() <= 108
        and played["velocity"].min() >= 1
        and played["velocity"].max() <= 127
    )
    for pitch in np.unique(played["pitch"]):
        of_key = played["pitch"] == pitch
        onset_s, offset_s = played["onset_s"][of_key], played["offset_s"][of_key]
        assert (onset_s[1:] >= offset_s[:-1]).all() and (
            np.diff(onset_s) >= performer.REPEAT_S
        ).all()


def test_without_ornaments_a_melody_keeps_its_order_and_pitches():
    from dataclasses import replace

    rng = np.random.default_rng(0)
    onset_q, pitch = np.arange(60) * 0.5, rng.integers(40, 90, 60)
    style = replace(performer.Style.drawn(rng, 0.6), ornaments=0.0)
    played = performer.perform(onset_q, np.full(60, 0.5), pitch, style, rng)
    assert played["pitch"].tolist() == pitch.tolist()
    assert 0.5 * 30 * 0.6 < played["onset_s"][-1] - played["onset_s"][0] < 2 * 30 * 0.6


def test_same_seed_same_performance():
    (_, a), (_, b), (_, c) = performance(3), performance(3), performance(4)
    assert all(np.array_equal(a[k], b[k]) for k in a) and not np.array_equal(
        a["onset_s"], c["onset_s"]
    )


def test_pedal_and_pieces_cover_what_they_should():
    assert performance(1, bar_q=0.0)[1]["pedal_value"].max() == 0
    held = performance(1, bar_q=4.0)[1]
    assert held["pedal_value"].max() >= 64 and held["pedal_value"][-1] == 0
    keys = np.concatenate([pieces.generate(np.random.default_rng(s), 60)[:, 2] for s in range(20)])
    assert set(range(21, 109)) <= set(keys.astype(int))


@pytest.fixture
def tiny(tmp_path):
    "Two recordings in the layout of the free corpus."
    import mido

    for folder in ("audio", "midi"):
        (tmp_path / folder).mkdir()
    rows = []
    for split in ("train", "valid"):
        soundfile.write(
            tmp_path / "audio" / f"{split}_000.ogg",
            np.random.default_rng(0).normal(0, 0.1, 32000),
            16000,
            format="OGG",
            subtype="VORBIS",
        )
        track = mido.MidiTrack(
            [
                mido.Message("note_on", note=60, velocity=70, time=480),
                mido.Message("control_change", control=64, value=127, time=0),
                mido.Message("note_off", note=60, time=240),
                mido.Message("control_change", control=64, value=0, time=240),
            ]
        )
        mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(
            tmp_path / "midi" / f"{split}_000.mid"
        )
        rows.append(
            dict(id=f"{split}_000", split=split, title=f"t {split}", piano="p", duration_s=2.0)
        )
    pd.DataFrame(rows).to_csv(tmp_path / "index.csv", index=False)
    return tmp_path


def test_the_free_corpus_is_read_as_the_demo_corpus_is(tiny):
    plain, held = (load_corpus("free", tiny, pedal=pedal) for pedal in (False, True))
    assert [r.split for r in plain] == ["train", "valid"] and plain[0].loose is None
    assert plain[0].reference.offset_s[0] == pytest.approx(0.75) and held[0].reference.offset_s[
        0
    ] == pytest.approx(1.0)
    judged = experiment_corpus(DataSettings(corpus="free"), tiny, ROOT / "corpus")
    assert [r.split for r in judged] == ["train", "valid"] + 6 * ["recordings"]
    (tiny / "index.csv").unlink()
    with pytest.raises(InputError, match="free corpus.*make_free.py"):
        load_corpus("free", tiny)


def test_tier_free_is_planned_and_asks_for_its_corpus(tiny):
    plan = load_plan()
    free, weights = (
        plan.experiment("crnn_onsets", "free"),
        plan.experiment("crnn_onsets_2", "weights"),
    )
    assert (
        free.data.corpus == "free"
        and not free.data.held_out
        and free.network == weights.network
        and free.audio == weights.audio
    )
    assert plan.run("crnn_onsets", "free") | {"network": None} == plan.run(
        "crnn_onsets", "weights"
    ) | {"network": None, "sets": ["valid", "recordings"], "after_dtw": False}
    with pytest.raises(InputError, match="free corpus.*make_free.py"):
        corpus_folder("free", None, ROOT)
    assert (
        corpus_folder("free", tiny, ROOT) == tiny
        and corpus_folder("demo", None, ROOT) == ROOT / "corpus"
    )


@pytest.fixture(scope="module")
def script():
    for needed in ("soxr", "scipy", "mido"):
        pytest.importorskip(needed)
    import make_free

    return make_free


def test_plan_keeps_works_apart_and_deals_the_timbres(script):
    entries = script.plan(150)
    assert len({e.id for e in entries}) == 150 and [e.split for e in entries].count("valid") == 12
    assert not {e.work for e in entries if e.split == "train"} & {
        e.work for e in entries if e.split == "valid"
    }
    kinds = [script.kind_of(e.timbre.piano.name) for e in entries]
    assert 0.25 < kinds.count("additive") / 150 < 0.35 and 0.05 < kinds.count("others") / 150 < 0.15
    assert all(12 < e.timbre.high - e.timbre.low for e in entries)
    with pytest.raises(script.house.CorpusError, match="four or more"):
        script.plan(3)


def test_a_recording_is_the_same_each_time_and_fits_its_minute(script):
    entry = next(e for e in script.plan(20) if not e.source)
    (notes, _), (again, _) = script.played(entry), script.played(entry)
    assert (
        np.array_equal(notes.onset_s, again.onset_s)
        and notes.onset_s.min() >= 0.25
        and notes.offset_s.max() <= script.house.EXCERPT_S
    )
    assert notes.pitch.min() >= entry.timbre.low and notes.pitch.max() <= entry.timbre.high


def test_claims_in_a_score_are_found(script):
    said = lambda words: f"<score><identification><rights>{words}</rights></identification></score>"
    assert script.claims_of(said("© 2004 Somebody")) and script.claims_of(
        "<credit-words>used by permission</credit-words>"
    )
    assert script.claims_of(said("CC BY-SA 4.0 license")) and not script.claims_of(
        said("Copyright 1998 and assigned to the public domain")
    )
    assert not script.claims_of("<rights></rights><credit-words>Quartet</credit-words>")


def test_the_scores_that_are_used_claim_nothing(script):
    music21 = pytest.importorskip("music21")
    for sources in script.SCORES.values():
        for source in sources:
            assert not script.claims_of(
                script.score_text(Path(music21.corpus.getWork(f"{source}.mxl")))
            ), source
    with pytest.raises(script.house.CorpusError, match="Greentree|permission"):
        script.score_rows("bach/bwv101.7")
    with pytest.raises(script.house.CorpusError, match="without the score"):
        script.score_rows("bach/nothing")
    rows = script.score_rows("mozart/k155/movement2")
    assert rows.shape[1] == 3 and len(rows) > 300


def test_errors_are_one_sentence(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make_free.py", "--check-only", "--out", str(tmp_path)])
    assert script.main() == 1 and "error: not found" in capsys.readouterr().err


def test_ties_are_joined_key_by_key(script):
    notes = [
        (0.0, 1.0, 60, "start"),
        (0.0, 2.0, 64, ""),
        (1.0, 0.0, 62, ""),
        (1.0, 1.0, 60, "continue"),
        (2.0, 0.5, 60, "stop"),
        (3.0, 1.0, 64, "stop"),
        (4.0, 1.0, 60, ""),
    ]
    assert script.joined_ties(notes) == [
        (0.0, 2.5, 60),
        (0.0, 2.0, 64),
        (3.0, 1.0, 64),
        (4.0, 1.0, 60),
    ]
