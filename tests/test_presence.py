"Notes that nobody plays are told from those that somebody does."

import json, shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pianoalign import align
from pianoalign.datasets import jitter_notes, load_corpus
from pianoalign.decoding import MATCHED
from pianoalign.files import InputError
from pianoalign.midi import write_midi
from pianoalign.notes import Notes
from pianoalign.preprocessing import load_audio
from pianoalign.tool.aligner import default_weights
from pianoalign.tool.presence import load_presence, NOT_PLAYED, PRESENCE_FILE, share_absent

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
SECONDS, RATE_HZ = 40, 16000


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    "A recording of the demo corpus's test split, and its notes."
    folder = tmp_path_factory.mktemp("presence")
    r = next(x for x in load_corpus("demo", CORPUS, ("test",)) if x.id.startswith("schubert_mom"))
    soundfile.write(folder / "a.wav", load_audio(r.audio)[: SECONDS * RATE_HZ], RATE_HZ)
    there = r.reference.in_range() & (r.reference.onset_s < SECONDS - 1)
    return folder / "a.wav", r.reference[there].sorted()


def aligned(piece, notes):
    "The result for some notes of the piece, loosened, and the row of each result in `notes`."
    audio, _ = piece
    loose = jitter_notes(notes, np.random.default_rng(2))
    midi = audio.parent / "loose.mid"
    write_midi(loose, midi)
    result = align(audio, midi)
    row = np.empty(len(notes), int)
    row[np.lexsort((loose.onset_s, loose.pitch))] = np.lexsort(
        (result.notes_before.onset_s, result.notes_before.pitch)
    )
    return result, row


def test_a_file_without_fault_has_all_its_notes(piece):
    result, _ = aligned(piece, piece[1])
    assert not np.any(result.status == NOT_PLAYED)
    assert "not played" not in result.summary()


def test_wrong_notes_are_not_played(piece):
    notes = piece[1]
    wrong = np.random.default_rng(0).random(len(notes)) < 0.1
    pitch = notes.pitch + wrong * np.random.default_rng(1).choice((-2, -1, 1, 2), len(notes))
    result, row = aligned(piece, Notes.from_arrays(notes.onset_s, notes.offset_s, pitch))
    status, confidence = result.status[row], result.confidence[row]
    assert np.mean(status[wrong] == MATCHED) < 0.3
    assert np.mean(status[wrong] == NOT_PLAYED) > 0.6
    assert np.mean(status[~wrong] == NOT_PLAYED) < 0.03
    assert np.mean(confidence[wrong] > 0.8) < 0.1
    away_s = np.abs(result.notes_after.onset_s[row] - notes.onset_s)
    assert np.mean(away_s[~wrong] <= 0.025) > 0.85
    assert f"{np.sum(status == NOT_PLAYED)} not played" in result.summary()


def test_a_part_that_nobody_plays(piece):
    notes = piece[1]
    begin_s = np.repeat(np.arange(0.0, SECONDS - 4, 4), 4)
    pitch = np.tile((48, 55, 64, 72), len(begin_s) // 4)
    both = Notes.from_arrays(
        np.append(notes.onset_s, begin_s),
        np.append(notes.offset_s, begin_s + 3.9),
        np.append(notes.pitch, pitch),
    )
    result, row = aligned(piece, both)
    strings = np.arange(len(both)) >= len(notes)
    status = result.status[row]
    assert np.mean(status[strings] == MATCHED) < 0.35
    assert np.mean(status[~strings] == NOT_PLAYED) < 0.04


def test_the_share_of_a_short_file_stays_near_what_is_usual():
    share, absent = share_absent(np.array([-1.0]))
    assert share < 0.05 and absent[0] < 0.1
    share, absent = share_absent(np.zeros(0))
    assert share == pytest.approx(0.01) and len(absent) == 0
    assert share_absent(np.full(500, -6.0))[0] > 0.9


def test_what_ships_was_measured_on_other_recordings():
    made = load_presence(default_weights()).made
    assert not set(made["recordings"]) & {
        r.id for r in load_corpus("demo", CORPUS, ("train", "test"))
    }
    for row in made["test"]:
        if row["absent"]:
            assert row["matched_pct"] < row["matched_before_pct"] / 2
            assert row["precision_pct"] > 75 and row["found_pct"] > 70
        else:
            assert row["wronged_pct"] < 1
        assert abs(row["said_within_25_pct"] - row["within_25_pct"]) < 4


def test_models_of_other_weights_are_not_used_and_damaged_ones_are_named(tmp_path):
    home = default_weights()
    for name in ("weights.safetensors", PRESENCE_FILE):
        shutil.copy(home / name, tmp_path / name)
    assert load_presence(tmp_path) is not None
    stored = json.loads((tmp_path / PRESENCE_FILE).read_text())
    (tmp_path / PRESENCE_FILE).write_text(json.dumps(stored | {"network": "0" * 64}))
    assert load_presence(tmp_path) is None
    for damaged in ("[", "{}", '{"first": {"weights": [1]}}', json.dumps(stored | {"more": 1})):
        (tmp_path / PRESENCE_FILE).write_text(damaged)
        with pytest.raises(InputError, match="damaged"):
            load_presence(tmp_path)
    (tmp_path / PRESENCE_FILE).unlink()
    assert load_presence(tmp_path) is None
