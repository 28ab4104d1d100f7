"""The sampler that plays Salamander Grand: dampers, layers, onsets; on made-up samples."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from pianoalign.datasets import DataSettings, experiment_corpus
from pianoalign.files import InputError
from pianoalign.midi import write_midi
from pianoalign.notes import Notes
from pianoalign.reproduce.plan import corpus_folder

for needed in ("soxr", "scipy", "mido"):
    pytest.importorskip(needed)
ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "corpus" / name) for name in ("salamander", "free")]
import make_salamander as script  # noqa: E402

house = script.house
RATE_HZ = script.RATE_HZ


def silence_ms(pitch, layer):
    "How long a made-up sample is silent at first: 5 to 21 ms, unlike its neighbours."
    return 5 + (7 * pitch + 3 * layer) % 17


class MadeUp(script.Salamander):
    "Sines in place of the samples: a layer is 1.5 dB louder than the one below, silence differs."

    def __init__(self):
        self._kept = self._read
        self.delay_ms = {}

    def _read(self, name):
        rate_hz = script.KEPT_RATE_HZ
        if name.startswith("rel"):
            return np.random.default_rng(0).normal(0, 0.1, rate_hz // 5)
        key_name, layer = name.removesuffix(".ogg").split("v")
        octave = int(key_name[-1])
        pitch = 12 * (octave + 1) + script.NAMES.index(key_name[:-1])
        silence_s = silence_ms(pitch, int(layer)) / 1000
        time_s = np.arange(2 * rate_hz) / rate_hz - silence_s
        hz = 440 * 2 ** ((pitch - 69) / 12)
        wave = np.sin(2 * np.pi * hz * time_s) * np.exp(-time_s / 1.5) * (time_s >= 0)
        return wave * 0.05 * 10 ** (1.5 * int(layer) / 20)


def notes(onset_s, offset_s, pitch, velocity=64, pedal=((0.0, 0),)):
    onset_s = np.asarray(onset_s, float)
    pedal_s, pedal_value = np.array(pedal, float).T
    return house.Performance(
        onset_s,
        np.asarray(offset_s, float),
        np.asarray(pitch),
        np.broadcast_to(velocity, onset_s.shape).astype(int),
        pedal_s,
        pedal_value.astype(int),
    )


def loudness(sound, start_s, end_s):
    part = sound[int(start_s * RATE_HZ) : int(end_s * RATE_HZ)]
    return np.sqrt(np.mean(part**2))


def test_layers_and_names_are_those_of_the_instrument():
    assert [script.layer_of(v) for v in (1, 26, 27, 64, 65, 120, 121, 127)] == [
        1, 1, 2, 8, 9, 15, 16, 16,
    ]  # fmt: skip
    assert script.sample_name(21, 1) == "A0v1.ogg"
    assert script.sample_name(63, 16) == "D#4v16.ogg" and script.sample_name(108, 3) == "C8v3.ogg"
    for pitch in range(21, 109):
        assert abs(script.nearest_sampled_key(pitch) - pitch) <= 1


@pytest.mark.parametrize("tuning_cents", (0.0, -25.0))
def test_the_sound_rises_where_the_notes_say(tuning_cents):
    pitch = np.array([22, 35, 48, 60, 61, 62, 75, 81, 88, 97])  # no damper: the last
    wanted = notes(0.5 + np.arange(10), 0.7 + np.arange(10), pitch, 10 + 12 * np.arange(10))
    sound, sounding = MadeUp().render(wanted, 11.0, tuning_cents)
    found_ms = [
        1000 * (house.attack_delay_s(sound, onset_s - 0.005) - 0.005)
        for onset_s in sounding.onset_s
    ]
    assert np.abs(sounding.onset_s - wanted.onset_s).max() < 1e-4
    assert np.abs(found_ms).max() < 1.0


def test_each_sample_has_the_delay_that_was_put_before_its_sound():
    piano = MadeUp()
    for pitch in (48, 60, 72):
        for layer in (1, 5, 9):
            delay_ms = 1000 * piano.struck(pitch, layer).delay_n / RATE_HZ
            assert delay_ms == pytest.approx(silence_ms(pitch, layer), abs=1.0)


def test_soft_layers_are_softer_and_each_velocity_counts():
    velocities = np.array([1, 26, 27, 50, 64, 90, 127])
    wanted = notes(0.5 + np.arange(7), 1.2 + np.arange(7), np.full(7, 60), velocities)
    sound, _ = MadeUp().render(wanted, 8.0, 0.0)
    levels = [loudness(sound, t + 0.05, t + 0.3) for t in wanted.onset_s]
    assert (np.diff(levels) > 0).all()
    assert 20 * np.log10(levels[-1] / levels[0]) > 25


def test_dampers_follow_key_and_pedal():
    def after(pedal, pitch=60):
        sound, _ = MadeUp().render(notes([0.5], [1.0], [pitch], pedal=pedal), 3.0, 0.0)
        return loudness(sound, 1.4, 1.6)

    dry, held = after([(0.0, 0)]), after([(0.0, 127)])
    half = after([(0.0, 60)])
    caught = after([(0.0, 0), (1.1, 127)])  # the pedal comes while the string still sounds
    lifted = after([(0.0, 127), (1.2, 0)])
    assert dry < 0.1 * held
    assert dry < half < held and dry < caught < held and dry < lifted < held
    assert after([(0.0, 0)], pitch=100) == pytest.approx(after([(0.0, 127)], pitch=100))


def test_a_string_struck_again_stops_its_old_sound():
    pedal = [(0.0, 127)]
    once, _ = MadeUp().render(notes([0.5], [0.6], [60], 120, pedal), 2.0, 0.0)
    soft = notes([0.5, 1.0], [0.6, 1.1], [60, 60], [120, 5], pedal)
    twice, sounding = MadeUp().render(soft, 2.0, 0.0)
    assert loudness(twice, 1.4, 1.9) < 0.3 * loudness(once, 1.4, 1.9)
    assert len(sounding) == 2


def test_what_lies_before_the_start_or_after_the_end_is_cut():
    wanted = notes([0.001, 0.98], [0.2, 0.999], [60, 64])
    sound, sounding = MadeUp().render(wanted, 1.0, 0.0)
    assert len(sound) == RATE_HZ and np.isfinite(sound).all()
    assert len(sounding) == 2


def entry(split, name="a"):
    wanted = notes(0.5 + np.arange(40) / 4, 0.7 + np.arange(40) / 4, 50 + np.arange(40) % 30)
    about = ("composer", "title", f"work {split}", "nobody", "pieces.py", "CC BY 3.0")
    return script.Entry(f"salamander_{split}_{name}", split, *about, lambda: wanted)


@pytest.mark.parametrize("split", ("train", "test"))
def test_recordings_do_not_clip_and_come_out_the_same_each_time(split, tmp_path):
    for folder in ("audio", "midi"):
        (tmp_path / folder).mkdir()
    rows = [script.make_entry(entry(split), tmp_path, MadeUp()) for _ in range(2)]
    assert rows[0]["sha256_samples"] == rows[1]["sha256_samples"]
    heard = house.read_ogg(tmp_path / "audio" / f"{rows[0]['id']}.ogg")
    assert 1_000 < np.abs(heard.astype(int)).max() < 32_700
    kept = house.read_midi(tmp_path / "midi" / f"{rows[0]['id']}.mid")
    assert len(kept) == 40 and rows[0]["credit"].endswith("CC BY 3.0")


@pytest.mark.skipif("MP3" not in soundfile.available_formats(), reason="libsndfile without MP3")
@pytest.mark.parametrize("level", (0.2, 0.9))
def test_mp3_moves_nothing(level):
    click = np.zeros(4 * RATE_HZ)
    at_n = np.array([5_000, 21_111, 40_000])
    burst = np.random.default_rng(1).normal(0, 0.2, 2_000) * np.exp(-np.arange(2_000) / 400)
    for n in at_n:
        click[n : n + len(burst)] += burst
    coded = script.through_mp3(click, level)
    assert len(coded) == len(click)
    for n in at_n:
        part, wanted = coded[n - 500 : n + 2_500], click[n - 500 : n + 2_500]
        lag_n = np.correlate(part, wanted, "full").argmax() - (len(wanted) - 1)
        assert abs(lag_n) <= 1


def test_missing_samples_and_folders_are_said_in_a_sentence(tmp_path, monkeypatch, capsys):
    with pytest.raises(house.CorpusError, match="lacks 568 of 568 samples, A0v1.ogg first"):
        script.Salamander(tmp_path)
    with pytest.raises(house.CorpusError, match="give --asap DIR"):
        script.entries_of("asap", 3, None)
    with pytest.raises(house.CorpusError, match="not found.*--asap"):
        script.entries_of("asap", 3, tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["x", "--samples", str(tmp_path), "--out", str(tmp_path / "out")]
    )
    assert script.main() == 1
    assert "README.md for how to get them" in capsys.readouterr().err


def test_each_music_states_its_terms_and_names_of_its_own():
    of_demo = script.demo_entries(2)
    assert [e.split for e in of_demo] == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2
    assert {e.licence for e in of_demo} == {"CC BY-NC-SA 4.0"}
    demo_ids = set(pd.read_csv(ROOT / "corpus" / "index.csv").id)
    assert not {e.id for e in of_demo} & demo_ids
    played = of_demo[0].notes()
    assert len(played) > 100 and played.offset_s.max() <= house.EXCERPT_S
    of_free = script.free_entries(8)
    assert {e.licence for e in of_free} == {"CC BY 3.0"}
    assert len({e.id for e in of_free}) == 8 and {e.split for e in of_free} == {"train", "valid"}


def test_a_missing_free_corpus_is_named_as_such():
    with pytest.raises(InputError, match="free corpus.*make_free.py"):
        corpus_folder("free+salamander", None, ROOT)


def test_the_free_training_takes_it_beside_its_own(tmp_path):
    def folder_of(path, ids):
        (path / "midi").mkdir(parents=True)
        rows = [dict(id=i, split=i.split("_")[1], piano="p", title=i, duration_s=2.0) for i in ids]
        pd.DataFrame(rows).to_csv(path / "index.csv", index=False)
        for i in ids:
            write_midi(Notes.from_arrays([0.5], [1.0], [60]), path / "midi" / f"{i}.mid")

    corpus = tmp_path / "corpus"
    folder_of(corpus, ["demo_train"])
    folder_of(corpus / "free", ["free_train", "free_valid"])
    folder_of(corpus / "salamander", ["salamander_train", "salamander_valid"])
    data = DataSettings(corpus="free+salamander")
    found = experiment_corpus(data, corpus / "free", corpus)
    assert [r.id for r in found] == ["free_train", "free_valid", "salamander_train"]
    (corpus / "salamander" / "index.csv").unlink()
    with pytest.raises(InputError, match="salamander corpus.*make_salamander.py makes it"):
        experiment_corpus(data, corpus / "free", corpus)
