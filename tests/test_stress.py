"""Files whose tempo goes wrong: pianoalign.neighbours.stress."""

import numpy as np
import pytest

from pianoalign.neighbours import stress
from pianoalign.files import InputError
from pianoalign.notes import Notes

END_S = 30.0
MAPS = {
    "steady": lambda s: stress.steady(s, END_S),
    "ritardando": lambda s: stress.ritardando(s, END_S),
    "tempo_walk": lambda s: stress.tempo_walk(s, END_S, np.random.default_rng(0)),
    "pause": lambda s: stress.pause(s, END_S),
}


@pytest.fixture
def notes():
    onset_s = np.arange(0.5, 29.5, 0.37)
    return Notes.from_arrays(onset_s, onset_s + 0.3, 40 + np.arange(len(onset_s)) % 40)


@pytest.mark.parametrize("kind", MAPS)
def test_strength_zero_changes_nothing(kind):
    time_s = np.linspace(0, END_S, 1001)
    assert np.allclose(MAPS[kind](0)(time_s), time_s, atol=2e-6)


@pytest.mark.parametrize("kind", MAPS)
def test_time_goes_on_and_a_stronger_map_is_further_off(kind):
    time_s = np.linspace(0.001, END_S, 1001)
    weak, strong = (MAPS[kind](s)(time_s) for s in (0.5, 5))
    assert (np.diff(weak) > 0).all() and (np.diff(strong) > 0).all()
    assert np.abs(strong - time_s).max() > 5 * np.abs(weak - time_s).max() > 0


@pytest.mark.parametrize("strength_pct", (-20, 7.5))
def test_a_steady_factor_is_kept_to_the_microsecond(strength_pct):
    assert stress.steady(strength_pct, END_S)(12.34567) == pytest.approx(
        12.34567 * (1 + strength_pct / 100), abs=1e-9
    )


def test_a_ritardando_leaves_the_beginning_alone():
    to_file = stress.ritardando(40, END_S, over_s=6)
    assert to_file(23.9) == pytest.approx(23.9, abs=1e-6) and to_file(30.0) == pytest.approx(
        30 + 0.4 * 6 / 2, abs=1e-6
    )


def test_a_wandering_tempo_depends_on_the_seed_alone():
    a, b, other = (stress.tempo_walk(5, END_S, np.random.default_rng(k))(20.0) for k in (1, 1, 2))
    assert a == b != other


def test_a_repeat_keeps_rows_and_shifts_what_follows(notes):
    file, rows, true_rows = stress.with_repeat(notes, 4.0, END_S)
    assert (file.pitch[rows] == notes.pitch[true_rows]).all()
    late_s = file.onset_s[rows] - notes.onset_s[true_rows]
    assert np.allclose(late_s[notes.onset_s[true_rows] < 11], 0) and np.allclose(
        late_s[notes.onset_s[true_rows] >= 15], 4
    )
    inside = (notes.onset_s >= 11) & (notes.onset_s < 15)
    assert len(file) == len(notes) + inside.sum() and not inside[true_rows].any()
    again = file[np.setdiff1d(np.arange(len(file)), rows)]
    assert len(again) == 2 * inside.sum() and np.allclose(
        again.onset_s[inside.sum() :] - again.onset_s[: inside.sum()], 4
    )


def test_a_repeat_longer_than_half_the_piece_begins_at_its_start(notes):
    file, rows, true_rows = stress.with_repeat(notes, 100.0, END_S)
    assert (notes.onset_s[true_rows] >= 15).all() and np.allclose(
        file.onset_s[rows] - notes.onset_s[true_rows], 15
    )


def test_a_case_judges_the_true_notes(notes):
    for kind, strength in dict(steady=10, ritardando=10, tempo_walk=3, pause=1, repeat=2).items():
        case = stress.make_case(
            notes, kind, strength, END_S, lambda n: n.shifted(0.01), np.random.default_rng(0)
        )
        assert (case.loose.pitch[case.rows] == case.truth.pitch).all() and len(case.truth) > 50
    assert np.allclose(
        stress.make_case(notes, "steady", 0, END_S, lambda n: n.shifted(0.01), None).loose.onset_s,
        notes.onset_s + 0.01,
    )


@pytest.mark.parametrize(
    "wrong, word",
    [
        (lambda n: stress.make_case(n, "rubato", 1, END_S, lambda n: n, None), "rubato"),
        (lambda n: stress.steady(-100, END_S), "-100"),
        (lambda n: stress.steady(1, 0), "end_s"),
        (lambda n: stress.steady(1, np.nan), "end_s"),
        (lambda n: stress.pause(-0.1, END_S), "-0.1"),
        (lambda n: stress.from_slowness([1, 0]), "above 0"),
        (lambda n: stress.from_slowness([1, np.nan]), "above 0"),
        (lambda n: stress.breaking_point([1, 2], [90, 80]), "strength 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(notes, wrong, word):
    with pytest.raises(InputError, match=word):
        wrong(notes)


def test_where_a_curve_breaks():
    assert stress.breaking_point([0, 1, 2, 4], [80, 79, 73, 10]) == (4, 2)
    assert stress.breaking_point([4, -2, 0, 1], [10, 20, 80, 79]) == (
        2,
        1,
    )  # either direction counts
    assert stress.breaking_point([0, 1], [80, 80]) == (np.inf, 1)
    assert stress.breaking_point([0, 1], [80, 72]) == (
        np.inf,
        1,
    )  # a tenth exactly is not more than a tenth
