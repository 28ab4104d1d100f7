"Notes that nobody plays are told from those that somebody does."

import json, shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from pianoalign import align
from pianoalign.datasets import jitter_notes, load_corpus
from pianoalign.decoding import Decoded, Heard, MATCHED
from pianoalign.files import InputError
from pianoalign.midi import write_midi
from pianoalign.notes import N_PITCHES, Notes
from pianoalign.preprocessing import load_audio
from pianoalign.tool import presence
from pianoalign.tool.aligner import default_weights, parts_of, shipped_weights
from pianoalign.tool.confidence import load_confidence
from pianoalign.tool.presence import (
    company,
    COMPANY,
    FIRST_OPINION,
    load_presence,
    NOT_PLAYED,
    Odds,
    Presence,
    PRESENCE_FILE,
    second_opinion,
    SECOND_OPINION,
    share_absent,
    without_absent,
)

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


@pytest.fixture(scope="module")
def with_strings(piece):
    "The notes of the piece and, behind them, chords that nobody plays; and which these are."
    notes = piece[1]
    begin_s = np.repeat(np.arange(0.0, SECONDS - 4, 4), 4)
    pitch = np.tile((48, 55, 64, 72), len(begin_s) // 4)
    both = Notes.from_arrays(
        np.append(notes.onset_s, begin_s),
        np.append(notes.offset_s, begin_s + 3.9),
        np.append(notes.pitch, pitch),
    )
    return both, np.arange(len(both)) >= len(notes)


def test_a_part_that_nobody_plays(piece, with_strings):
    both, strings = with_strings
    result, row = aligned(piece, both)
    status = result.status[row]
    assert np.mean(status[strings] == MATCHED) < 0.35
    assert np.mean(status[~strings] == NOT_PLAYED) < 0.04


def test_a_part_that_nobody_plays_is_found_as_a_whole_in_a_track_of_its_own(piece, with_strings):
    both, strings = with_strings
    loose, midi = jitter_notes(both, np.random.default_rng(2)), pretty_midi.PrettyMIDI()
    for chosen in (~strings, strings):
        track = pretty_midi.Instrument(program=0)
        columns = (loose.onset_s, loose.offset_s, loose.pitch)
        track.notes = [
            pretty_midi.Note(64, int(pitch), float(onset_s), float(offset_s))
            for onset_s, offset_s, pitch in zip(*(column[chosen] for column in columns))
        ]
        midi.instruments.append(track)
    result = align(piece[0], midi)
    strings = result.score.track == result.score.track.max()
    assert len(np.unique(parts_of(result.score))) == 2
    assert np.mean(result.status[strings] == MATCHED) < 0.1
    assert np.mean(result.status[~strings] == NOT_PLAYED) < 0.04


def test_the_share_of_a_short_file_stays_near_what_is_usual():
    share, absent = share_absent(np.array([-1.0]))
    assert share < 0.05 and absent[0] < 0.1
    share, absent = share_absent(np.zeros(0))
    assert share == pytest.approx(0.01) and len(absent) == 0
    assert share_absent(np.full(500, -6.0))[0] > 0.9


def test_both_sets_of_weights_that_are_told_notes_and_doubt_them_have_a_model():
    has_one = {name for name, folder in shipped_weights().items() if load_presence(folder)}
    doubted = {name for name, folder in shipped_weights().items() if load_confidence(folder)}
    assert has_one == doubted == {"free", "maps"}


@pytest.mark.parametrize(
    "name, corpus, precision_pct, found_pct, points",
    [("maps", "demo", 75, 70, 4), ("free", "free", 60, 55, 5)],
)
def test_what_ships_was_measured_on_other_recordings(
    name, corpus, precision_pct, found_pct, points
):
    made = load_presence(shipped_weights()[name]).made
    assert made["corpus"] == corpus  # `free` may not learn from the demo corpus
    assert not set(made["recordings"]) & {
        r.id for r in load_corpus("demo", CORPUS, ("train", "test"))
    }
    for row in made["test"]:
        if row["absent"]:
            # the second look at the peaks has turned many of them down before
            assert row["matched_pct"] < min(0.55 * row["matched_before_pct"], 33)
            assert row["precision_pct"] > precision_pct and row["found_pct"] > found_pct
        else:
            assert row["wronged_pct"] < 1
        assert abs(row["said_within_25_pct"] - row["within_25_pct"]) < points


@pytest.mark.parametrize("name, wronged_pct", [("maps", 1), ("free", 2.5)])
def test_with_their_company_fewer_absent_notes_are_matched(name, wronged_pct):
    made = load_presence(shipped_weights()[name]).made
    for alone, together in zip(made["test"], made["in_company"], strict=True):
        assert alone["case"] == together["case"]
        if alone["absent"]:
            assert together["matched_pct"] < alone["matched_pct"]
            assert together["found_pct"] > alone["found_pct"]
            assert together["surer_than_80_pct"] <= alone["surer_than_80_pct"]
        if alone["case"] in ("jittered", "drifting", "wrong_notes"):
            assert together["wronged_pct"] < wronged_pct


def odds_of(column, columns):
    "Odds of three nats for each one of a column, at most nine."
    weights = np.zeros(2 * columns + columns * (columns + 1) // 2 + 1)
    weights[column] = 3
    return Odds(tuple(weights), (0.0,) * columns, (1.0,) * columns)


def test_a_note_is_doubted_by_itself_or_in_its_company():
    columns = len(FIRST_OPINION) + len(SECOND_OPINION)
    first, second = odds_of(0, len(FIRST_OPINION)), odds_of(0, columns)
    joint = odds_of(COMPANY.index("chord"), len(COMPANY))
    model = Presence(first, second, "", {}, joint=joint)
    onset_s = np.repeat(np.arange(1.0, 21.0), 3)
    notes = Notes.from_arrays(onset_s, onset_s + 0.5, np.tile([48, 60, 67], 20))
    both = np.zeros((60, columns))
    both[:, 0] = 3
    both[3:5, 0] = both[9, 0] = -3  # two notes of the second chord, and one of the fourth
    alone, together = model.by_both(notes, both, np.zeros(60))
    assert (alone[[3, 4, 9]] > 0.5).all() and alone[5] < 0.01
    assert together[5] > 0.5  # nobody plays its chord
    assert (together >= alone).all() and (together[12:] < 0.01).all()
    for by_itself in replace(model, joint=None).by_both(notes, both, np.zeros(60)):
        np.testing.assert_array_equal(by_itself, alone)


def test_a_part_that_is_silent_is_found_part_by_part():
    columns = len(FIRST_OPINION) + len(SECOND_OPINION)
    model = Presence(odds_of(0, len(FIRST_OPINION)), odds_of(0, columns), "", {})
    onset_s = np.arange(300.0)
    notes, part = Notes.from_arrays(onset_s, onset_s + 0.5, np.full(300, 60)), np.arange(300) // 200
    both = np.zeros((300, columns))
    both[:, 0] = np.where(part == 0, 1, -1)
    both[-1, 0] = 0.2  # one note of the silent part for which a little speaks
    both[0, 0] = -0.2  # one note of the other part against which a little speaks
    (apart, _), (as_one, _) = (model.by_both(notes, both, p) for p in (part, np.zeros(300)))
    assert apart[-1] > 0.5 > as_one[-1]
    assert apart[0] < 0.1 < as_one[0]
    np.testing.assert_array_equal(as_one, share_absent(model.second.nats(both))[1])


def test_a_score_is_doubted_by_both_opinions_though_the_first_believes_it(monkeypatch):
    columns, n = len(FIRST_OPINION) + len(SECOND_OPINION), 60
    second = odds_of(len(FIRST_OPINION), columns)  # the first opinion has no say in it
    model = Presence(odds_of(0, len(FIRST_OPINION)), second, "", {})
    again = np.zeros((n, len(SECOND_OPINION)))
    again[:, 0] = 3
    again[:3, 0] = -3  # three of sixty notes
    first = np.full((n, len(FIRST_OPINION)), 3.0)  # sure of all
    monkeypatch.setattr(presence, "first_opinion", lambda *told: first)
    monkeypatch.setattr(presence, "second_opinion", lambda *told: again)
    asked, told = [], decoded(np.full(n, 0.9))
    absent_of = lambda of_a_score: model.absent(
        told.notes, None, None, told, 100, lambda: asked.append(1), np.zeros(n), of_a_score
    )
    assert not np.any(absent_of(False)) and not asked
    alone, together = absent_of(True)
    assert asked and (alone[:3] > 0.5).all() and (alone[3:] < 0.01).all()
    np.testing.assert_array_equal(together, alone)  # this model has no joint part
    again[:3, 0] = 3
    assert not np.any(absent_of(True))


@pytest.mark.parametrize("name, most_pct", [("maps", 2.5), ("free", 5.5)])
def test_few_are_sure_of_notes_that_nobody_plays(name, most_pct):
    rows = [row for row in load_presence(shipped_weights()[name]).made["test"] if row["absent"]]
    assert sum(r["surer_than_80_pct"] * r["absent"] for r in rows) < most_pct * sum(
        r["absent"] for r in rows
    )


def opinion_of_nothing_told(given, peaks):
    "Columns of the second opinion by name, of notes that stay; peaks are (seconds, key, height)."
    time_s, pitch, height = (np.array(x) for x in zip(*sorted(peaks, key=lambda p: (p[1], p[0]))))
    untold = Heard(np.zeros((400, N_PITCHES), np.uint8), time_s, pitch, height)
    stays = Decoded(given, np.full(len(given), MATCHED), np.full(len(given), 0.9))
    return dict(zip(SECOND_OPINION, second_opinion(given, untold, stays, 100).T, strict=True))


def test_a_peak_speaks_for_one_note_of_its_key():
    onset_s = np.array([1.0, 1.08, 2.0])
    given = Notes.from_arrays(onset_s, onset_s + 0.2, np.full(3, 60))
    said = opinion_of_nothing_told(given, [(1.01, 60, 0.5), (2.0, 60, 0.5)])
    assert said["wide_peak"][1] > 5  # it is near enough for both
    np.testing.assert_allclose(said["own_peak_alone"], np.log([500, 1, 500]))
    np.testing.assert_allclose(said["key_before"], [2, np.log(0.8), 2], rtol=1e-6)
    np.testing.assert_allclose(said["key_after"], [np.log(0.8), 2, 2], rtol=1e-6)


def test_a_rival_is_one_that_no_note_of_the_file_stands_for():
    given = Notes.from_arrays(np.ones(2), np.full(2, 1.5), np.array([60, 62]))
    said = opinion_of_nothing_told(given, [(1.0, 62, 0.5), (1.0, 63, 0.2)])
    np.testing.assert_allclose(said["rival"], np.log([500, 200]))
    np.testing.assert_allclose(said["rival_of_no_note"], np.log([1, 200]))


def test_a_lower_note_explains_its_partials():
    pitch = np.array([48, 60, 67, 61])
    given = Notes.from_arrays(np.ones(4), np.full(4, 1.5), pitch)
    said = opinion_of_nothing_told(given, [(1.0, 48, 0.5), (3.0, 60, 0.3)])
    np.testing.assert_array_equal(said["given_below"], [0, 1, 1, 0])
    np.testing.assert_allclose(said["peak_below"], np.log([1, 500, 500, 1]))


def test_a_note_is_judged_with_its_company():
    onset_s = np.array([1.0, 1.02, 1.01, 1.5, 1.7, 9.0])
    pitch = np.array([48, 55, 60, 60, 60, 70])
    notes = Notes.from_arrays(onset_s, onset_s + 0.2, pitch)
    nats = np.array([4.0, -2.0, 1.0, 3.0, -30.0, 2.0])
    both = np.zeros((6, len(FIRST_OPINION) + len(SECOND_OPINION)))
    both[:, -len(SECOND_OPINION) + SECOND_OPINION.index("own_peak_alone")] = np.arange(6)
    said = dict(zip(COMPANY, company(notes, nats, both).T, strict=True))
    np.testing.assert_array_equal(said["own"], [4, -2, 1, 3, -7, 2])  # none says more than 7
    np.testing.assert_array_equal(said["chord_size"], [2, 2, 2, 0, 0, 0])
    np.testing.assert_array_equal(said["chord"], [-0.5, 2.5, 1, 0, 0, 0])
    np.testing.assert_array_equal(said["chord_least"], [-2, 1, -2, 0, 0, 0])
    np.testing.assert_array_equal(said["chord_most"], [1, 4, 4, 0, 0, 0])
    np.testing.assert_allclose(said["around"][0], (3 - 7 + 2) / 3)  # the notes after the chord
    np.testing.assert_array_equal(said["explained"], [0, 0, 4, 0, 0, 0])
    np.testing.assert_array_equal(said["same_key"], [0, 0, 0, -7, 3, 0])  # 0.49 s is too far
    np.testing.assert_allclose(said["same_key_near"][3:5], np.exp(-0.2 / 0.15))
    np.testing.assert_array_equal(said["own_peak_alone"], np.arange(6))


def decoded(confidence):
    "Matched notes of which the told network is so sure."
    n = len(confidence)
    notes = Notes.from_arrays(np.arange(n), np.arange(n) + 0.5, np.full(n, 60))
    return Decoded(notes, np.full(n, MATCHED), np.array(confidence, float))


def test_a_note_that_both_doubt_is_worse_off_than_one_that_one_doubts():
    trust = load_presence(default_weights()).trust
    told = decoded([0.85, 0.85, 0.995, 0.995])
    absent = np.array([0.15, 0.005, 0.15, 0.9])
    sure = without_absent(told, absent, absent, trust).confidence
    assert sure[0] < sure[1] and sure[0] < sure[2]
    assert np.all(sure <= 1 - absent) and sure[3] < 0.11
    lesser = without_absent(told, absent, absent).confidence
    np.testing.assert_allclose(lesser, np.minimum(told.confidence, 1 - absent))


def test_company_lowers_confidence_in_any_file_and_says_not_played_of_scores_alone():
    told, alone, together = decoded([0.9, 0.9]), np.array([0.1, 0.0]), np.array([0.8, 0.0])
    loose = without_absent(told, alone, together)
    score = without_absent(told, alone, together, of_a_score=True)
    np.testing.assert_array_equal(loose.status, told.status)
    np.testing.assert_array_equal(score.status, [NOT_PLAYED, MATCHED])
    for judged in (loose, score):
        np.testing.assert_allclose(judged.confidence, [0.2, 0.9])
        np.testing.assert_array_equal(judged.notes.onset_s, told.notes.onset_s)


def test_where_nothing_is_suspicious_nothing_changes():
    told, trust = decoded([0.3, 0.6, 0.99]), load_presence(default_weights()).trust
    same = without_absent(told, np.zeros(3), np.zeros(3), trust)
    np.testing.assert_array_equal(same.confidence, told.confidence)
    np.testing.assert_array_equal(same.status, told.status)


@pytest.mark.parametrize("name", ["trust", "joint"])
def test_a_model_without_one_of_its_parts_is_read_as_before(name, tmp_path):
    home = default_weights()
    shutil.copy(home / "weights.safetensors", tmp_path / "weights.safetensors")
    stored = json.loads((home / PRESENCE_FILE).read_text())
    del stored[name]
    (tmp_path / PRESENCE_FILE).write_text(json.dumps(stored))
    assert getattr(load_presence(tmp_path), name) is None
    (tmp_path / PRESENCE_FILE).write_text(json.dumps(stored | {name: {"weights": [1]}}))
    with pytest.raises(InputError, match="damaged"):
        load_presence(tmp_path)


def test_models_of_other_weights_are_not_used_and_damaged_ones_are_named(tmp_path):
    home = default_weights()
    for name in ("weights.safetensors", PRESENCE_FILE):
        shutil.copy(home / name, tmp_path / name)
    assert load_presence(tmp_path) is not None
    stored = json.loads((tmp_path / PRESENCE_FILE).read_text())
    (tmp_path / PRESENCE_FILE).write_text(json.dumps(stored | {"network": "0" * 64}))
    assert load_presence(tmp_path) is None
    changes = {"more": 1}, {"first": None}, {"second": {}}
    changed = [json.dumps(stored | change) for change in changes]
    for damaged in ("[", "{}", '{"first": {"weights": [1]}}', *changed):
        (tmp_path / PRESENCE_FILE).write_text(damaged)
        with pytest.raises(InputError, match="damaged"):
            load_presence(tmp_path)
    (tmp_path / PRESENCE_FILE).unlink()
    assert load_presence(tmp_path) is None
