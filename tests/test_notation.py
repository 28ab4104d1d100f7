"Scores in notation: what becomes of ties, grace notes, repeats and upbeats, and what is refused."

import csv
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest

from pianoalign.files import InputError
from pianoalign.midi import read_midi
from pianoalign.tool import notation
from pianoalign.tool.notation import GRACE_S, notated_score, read_notation, TICKS, written_score
from pianoalign.tool.places import find_pairs
from test_align_cli import command

needs_partitura = pytest.mark.skipif(
    importlib.util.find_spec("partitura") is None, reason="partitura is an extra"
)

NOTE = """<note>{grace}<pitch><step>{step}</step><octave>{octave}</octave></pitch>
{duration}{tie}<voice>1</voice></note>
"""


def note(step, octave, quarters, tie=""):
    "A note of a test score, whose quarter has two divisions; 0 quarters: a grace note."
    return NOTE.format(
        grace="<grace/>" if not quarters else "",
        step=step,
        octave=octave,
        duration=f"<duration>{int(2 * quarters)}</duration>" if quarters else "",
        tie=f'<tie type="{tie}"/>' if tie else "",
    )


def musicxml(*measures):
    "A score for one instrument in 2/4, at 60 quarters a minute."
    head = (
        "<attributes><divisions>2</divisions><time><beats>2</beats><beat-type>4</beat-type></time>"
        '</attributes><direction><sound tempo="60"/></direction>'
    )
    bars = "".join(
        f'<measure number="{k + 1}">{head if k == 0 else ""}{bar}</measure>\n'
        for k, bar in enumerate(measures)
    )
    return (
        '<?xml version="1.0"?>\n<score-partwise version="3.1"><part-list><score-part id="P1">'
        f'<part-name>Piano</part-name></score-part></part-list>\n<part id="P1">{bars}</part>'
        "</score-partwise>"
    )


BACK = '<barline location="right"><repeat direction="backward"/></barline>'
SCORE = musicxml(
    note("B", 4, 0) + note("C", 5, 2, "start"),
    note("C", 5, 1, "stop") + note("E", 5, 1) + BACK,
    note("G", 4, 2),
)


def point(t):
    return SimpleNamespace(t=t)


class Part:
    "What partitura calls a part, with two divisions a quarter and an upbeat of one quarter."

    part_name, first_point = "Piano", point(0)

    def __init__(self, notes, others=()):
        self.notes_tied, self.others = notes, others

    def iter_all(self):
        return iter(self.others)

    def quarter_map(self, t):
        return t / 2 - 1.0


class Note(SimpleNamespace):
    pass


class GraceNote(Note):
    pass


class Measure(SimpleNamespace):
    pass


class TimeSignature(SimpleNamespace):
    pass


class Tempo(SimpleNamespace):
    pass


class Transposition(SimpleNamespace):
    pass


def fake(kind, name, start, end, pitch, **more):
    "A note of the stand-in."
    return kind(
        id=name,
        start=point(start),
        end_tied=point(end),
        midi_pitch=pitch,
        step="C",
        alter=None,
        octave=4,
        staff=None,
        voice=None,
        **more,
    )


def a_part():
    notes = [
        fake(Note, "same", 0, 2, 60),
        fake(GraceNote, "same", 2, 2, 64, is_grace_chord=False),
        fake(Note, "own", 2, 6, 65, ornaments=["trill-mark"]),
        SimpleNamespace(id="drum", start=point(2), end_tied=point(3)),
    ]
    others = [
        Measure(start=point(0), end=point(2)),
        Measure(start=point(2), end=point(6)),
        TimeSignature(start=point(0), beats=2, beat_type=4),
        Tempo(start=point(0), bpm=60, microseconds_per_quarter=1_000_000),
        Transposition(start=point(2), chromatic=-2),
    ]
    return Part(notes, others)


def test_a_part_becomes_a_score():
    written = written_score([a_part()], Path("a.musicxml"))
    score = notated_score(written, Path("a.musicxml"))
    assert score.notes.pitch.tolist() == [60, 62, 63]  # from where on it transposes
    np.testing.assert_allclose(score.notes.onset_s, [0, 1 - GRACE_S, 1], atol=1e-4)
    np.testing.assert_allclose(score.notes.offset_s[[0, 2]], [1, 3], atol=1e-4)
    assert [n.id for n in score.written] == ["n0", "n1", "own"]  # two notes had one name
    assert any("trill" in line for line in score.remarks)
    signs = [(e.time, e.numerator) for e in score.midi.tracks[0] if e.type == "time_signature"]
    assert signs == [(0, 1), (TICKS, 2)]  # the upbeat is a bar of its own


def test_repeats_come_from_the_order_of_the_segments():
    part = a_part()
    part.others.append(type("Repeat", (SimpleNamespace,), {})(start=point(2), end=point(6)))
    segments = dict(A=SimpleNamespace(start=point(0), end=point(2)))
    segments["B"] = SimpleNamespace(start=point(2), end=point(6))
    ways = written_score(
        [part],
        Path("a.musicxml"),
        lambda *args, **how: [SimpleNamespace(path=["A", "B", "B"])],
        lambda part: segments,
    )
    assert ways.passes == ((0.0, 1.0), (1.0, 3.0), (1.0, 3.0))
    unfolded, written = notation.ways_to_play(ways, Path("a.musicxml"))
    assert (len(unfolded.notes), len(written.notes)) == (5, 3)
    assert len(notation.ways_to_play(ways, Path("a.musicxml"), "unfolded")) == 1

    def fails(*args, **how):
        raise RecursionError

    with pytest.raises(InputError, match="repeats written"):
        written_score([part], Path("a.musicxml"), fails, fails)


def test_without_the_extra_one_sentence_says_how_to_install_it(
    piece, untrained, tmp_path, capsys, monkeypatch
):
    found = importlib.util.find_spec
    missing = lambda name, *args: None if name == "partitura" else found(name, *args)
    monkeypatch.setattr(importlib.util, "find_spec", missing)
    (tmp_path / "score.musicxml").write_text(SCORE)
    words = piece[0] / "piece.wav", tmp_path / "score.musicxml", tmp_path / "out.mid"
    command("align", *words, "--weights", untrained[1], ok=2)
    said = capsys.readouterr()
    assert "pip install 'pianoalign[scores]'" in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "out.mid").exists()


def test_a_midi_file_has_no_repeats(piece, untrained, tmp_path, capsys):
    words = piece[0] / "piece.wav", piece[0] / "piece.mid", tmp_path / "out.mid"
    command("align", *words, "--weights", untrained[1], "--repeats", "unfolded", ok=2)
    assert "no repeat signs" in capsys.readouterr().err


def test_scores_are_paired_with_recordings(tmp_path):
    for name in ("a.wav", "a.musicxml", "b.flac", "b.mei", "c.mid", "c.wav", "d.krn"):
        (tmp_path / name).write_bytes(b"x")
    pairs, alone = find_pairs([tmp_path])
    assert [p.midi.name for p in pairs] == ["a.musicxml", "b.mei", "c.mid"]
    assert len(alone) == 1 and "d.krn" in alone[0]


REFUSED = {
    "score.mscz": (b"PK", "MuseScore"),
    "missing.musicxml": (None, "no such file"),
    "zip.mxl": (b"PK\x05\x06" + bytes(18), "damaged compressed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_before_partitura_is_asked(tmp_path, name):
    content, says = REFUSED[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_notation(tmp_path / name)


@needs_partitura
def test_ties_graces_and_repeats_of_a_file(tmp_path):
    (tmp_path / "score.musicxml").write_text(SCORE)
    unfolded, written = read_notation(tmp_path / "score.musicxml")
    assert written.notes.pitch.tolist() == [71, 72, 76, 67]
    np.testing.assert_allclose(written.notes.onset_s[2:], [3, 4], atol=1e-3)
    np.testing.assert_allclose(written.notes.offset_s[1], 3, atol=1e-3)  # the tie is one note
    assert unfolded.notes.pitch.tolist() == [71, 72, 76, 71, 72, 76, 67]
    np.testing.assert_allclose(unfolded.notes.onset_s[-1], 8, atol=1e-3)
    assert [n.id.rpartition("-")[2] for n in unfolded.written] == ["1"] * 3 + ["2"] * 3 + ["1"]


@needs_partitura
def test_a_compressed_score_and_a_partitura_score_are_the_same(tmp_path):
    import partitura

    (tmp_path / "score.musicxml").write_text(SCORE)
    with zipfile.ZipFile(tmp_path / "score.mxl", "w") as packed:
        rootfile = '<rootfile full-path="inside.xml"/>'
        packed.writestr("META-INF/container.xml", f"<container>{rootfile}</container>")
        packed.writestr("inside.xml", SCORE)
    from pianoalign.tool.exchange import scores_of

    in_memory = partitura.load_score(str(tmp_path / "score.musicxml"), quiet=True)
    for other in (tmp_path / "score.mxl", in_memory):
        for a, b in zip(scores_of(tmp_path / "score.musicxml"), scores_of(other), strict=True):
            np.testing.assert_array_equal(a.on_tick, b.on_tick)
            np.testing.assert_array_equal(a.notes.pitch, b.notes.pitch)


@pytest.mark.parametrize("large", ("META-INF/container.xml", "inside.xml"))
def test_a_compressed_score_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch, large):
    rootfile = '<rootfile full-path="inside.xml"/>'
    texts = {"META-INF/container.xml": f"<container>{rootfile}</container>", "inside.xml": SCORE}
    texts[large] += " " * 100_000
    with zipfile.ZipFile(tmp_path / "score.mxl", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in texts.items():
            packed.writestr(name, text)
    monkeypatch.setattr(notation, "LARGEST_SCORE", 50_000)
    with pytest.raises(InputError, match="larger than any score"):
        notation._text_of(tmp_path / "score.mxl")


@needs_partitura
@pytest.mark.parametrize("repeats, notes", (("written", 4), ("unfolded", 7), ("auto", None)))
def test_a_score_is_aligned(piece, untrained, tmp_path, repeats, notes):
    (tmp_path / "score.musicxml").write_text(SCORE)
    words = piece[0] / "piece.wav", tmp_path / "score.musicxml", tmp_path / "out.mid"
    command("align", *words, "--weights", untrained[1], "--repeats", repeats, "--keep-bars")
    out = read_midi(tmp_path / "out.mid").notes
    assert len(out) == notes if notes else len(out) in (4, 7)
    names = [m.name for t in mido.MidiFile(tmp_path / "out.mid").tracks for m in t if m.is_meta
             and m.type == "track_name"]
    assert names == ["score", "Piano"]


DAMAGED = {
    "step": ("<step>G</step>", "<step>Q</step>", "line 13: <step>"),
    "octave": ("<octave>5</octave>", "<octave></octave>", ": <octave>"),
    "cut": ("</part></score-partwise>", "", "well-formed"),
    "other": ("score-partwise", "html", "<html> begins no score"),
}


@needs_partitura
@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_named_with_its_line(tmp_path, case):
    right, wrong, says = DAMAGED[case]
    assert right in SCORE
    (tmp_path / "score.musicxml").write_text(SCORE.replace(right, wrong))
    with pytest.raises(InputError, match=r"score\.musicxml: line \d+: ") as refused:
        read_notation(tmp_path / "score.musicxml")
    assert says in str(refused.value), refused.value


@needs_partitura
def test_rests_alone_are_no_score(tmp_path):
    rest = "<note><rest/><duration>4</duration><voice>1</voice></note>"
    (tmp_path / "score.musicxml").write_text(musicxml(rest, rest))
    with pytest.raises(InputError, match="only rests"):
        read_notation(tmp_path / "score.musicxml")


def read_columns(path):
    "A table's columns, numbers where they are."
    with open(path, newline="", encoding="utf-8") as f:
        heads, *rows = csv.reader(f)
    return dict(zip(heads, zip(*rows)))


@pytest.mark.parametrize("method", ("hires", "dtw"))
def test_curves_are_written_beside_the_notes(piece, untrained, tmp_path, monkeypatch, method):
    if method == "hires":
        monkeypatch.setitem(sys.modules, "pandas", None)  # it is no part of a plain installation
    out = [tmp_path / name for name in ("out.mid", "path.csv", "tempo.csv", "picture.png")]
    words = ["align", piece[0] / "piece.wav", piece[0] / "piece.mid", out[0]]
    words += ["--method", method, "--weights", untrained[1], "--path", out[1]]
    command(*words, "--tempo", out[2], "--plot", out[3])
    path, tempo = read_columns(out[1]), read_columns(out[2])
    assert list(path) == ["score_s", "recording_s", "kind"]
    assert len(path["kind"]) == len(np.unique(read_midi(piece[0] / "piece.mid").on_tick))
    assert set(path["kind"]) == {"played"}
    if method == "dtw":
        assert (np.diff(np.array(path["recording_s"], float)) >= 0).all()
    assert list(tempo) == ["bar", "beat", "seconds", "bpm"] and max(tempo["beat"]) == "4"
    assert all(file.stat().st_size > 0 for file in out)


def test_a_match_file_needs_the_extra(piece, untrained, tmp_path, capsys, monkeypatch):
    found = importlib.util.find_spec
    missing = lambda name, *args: None if name == "partitura" else found(name, *args)
    monkeypatch.setattr(importlib.util, "find_spec", missing)
    words = piece[0] / "piece.wav", piece[0] / "piece.mid", tmp_path / "out.mid"
    more = "--weights", untrained[1], "--match", tmp_path / "out.match"
    command("align", *words, *more, ok=2)
    assert "pianoalign[scores]" in capsys.readouterr().err and not list(tmp_path.iterdir())


@needs_partitura
@pytest.mark.parametrize("kind", ("midi", "musicxml"))
def test_a_match_file_has_every_note(piece, untrained, tmp_path, kind):
    import partitura

    score = piece[0] / "piece.mid"
    if kind == "musicxml":
        score = tmp_path / "score.musicxml"
        score.write_text(SCORE)
    out, match = tmp_path / "out.mid", tmp_path / "out.match"
    words = piece[0] / "piece.wav", score, out, "--match", match, "--repeats"
    how = "auto" if kind == "midi" else "unfolded"
    command("align", *words, how, "--weights", untrained[1])
    performance, alignment = partitura.load_match(match)
    moved = read_midi(out).notes
    pairs = [pair for pair in alignment if pair["label"] == "match"]
    assert len(alignment) == len(moved)
    notes = performance.note_array()
    assert len(notes) == len(pairs)
    there = moved if kind == "musicxml" else moved[[int(p["performance_id"][1:]) for p in pairs]]
    assert sorted(notes["pitch"]) == sorted(there.pitch)
    np.testing.assert_allclose(sorted(notes["onset_sec"]), sorted(there.onset_s), atol=2e-3)


def heard(**sound):
    "A direction of which only programs know."
    said = "".join(f'{name}="{value}" ' for name, value in sound.items())
    return f"<direction><direction-type><words/></direction-type><sound {said}/></direction>"


def printed(*signs):
    "A direction of signs and words alone."
    inside = "".join(s if s.startswith("<") else f"<words>{s}</words>" for s in signs)
    return f"<direction><direction-type>{inside}</direction-type></direction>"


SEGNO, CODA, DC, DS = printed("<segno/>"), printed("<coda/>"), printed("D.C."), printed("d. s.")
DS_CODA, DC_FINE = printed("D.S. al Coda"), printed("Da capo al Fine")
LEFT_SEGNO = '<barline location="left"><segno/></barline>'
JUMPS = {  # six bars with a note each, and the order in which their notes are played
    "D.C.": (["♩", "♩", "♩", "♩", "♩", "♩" + DC], "CDEFGACDEFGA"),
    "da capo al fine": (
        ["♩", "♩", "♩" + printed("Fine"), "♩", "♩", DC_FINE + "♩"],
        "CDEFGACDE",
    ),
    "D.S. and fine at the beginnings of bars": (
        ["♩", SEGNO + "♩", printed("(Fine)") + "♩", "♩", "♩", DS + "♩"],
        "CDEFGADE",
    ),
    "two coda signs": (
        ["♩", SEGNO + "♩", CODA + "♩", "♩", DS_CODA + "♩", CODA + "♩"],
        "CDEFGDEA",
    ),
    "to coda": (
        ["♩", SEGNO + "♩", "♩" + printed("To Coda"), "♩", "♩" + DS_CODA, printed("CODA") + "♩"],
        "CDEFGDEA",
    ),
    "to and a sign": (
        ["♩", "♩", "♩" + printed("To", "<coda/>"), "♩", "♩" + DC, CODA + "♩"],
        "CDEFGCDEA",
    ),
    "MuseScore's names": (
        [
            "♩",
            heard(segno="segno") + "♩",
            "♩" + heard(tocoda="coda"),
            "♩",
            "♩" + heard(dalsegno="segno"),
            heard(coda="codab") + "♩",
        ],
        "CDEFGDEA",
    ),
    "numbers, outside directions": (
        [
            "♩",
            '<sound segno="1"/>♩',
            '♩<sound tocoda="2"/>',
            "♩",
            '♩<sound dalsegno="1"/>',
            '<sound coda="2"/>♩',
        ],
        "CDEFGDEA",
    ),
    "a bar line's sign": (
        ["♩", LEFT_SEGNO + "♩", "♩", "♩", "♩" + printed("dal segno"), "♩"],
        "CDEFGDEFGA",
    ),
    "no coda anywhere": (
        ["♩", "♩", "♩" + heard(tocoda="coda"), "♩", "♩", "♩" + heard(dacapo="yes")],
        "CDEFGACDEFGA",
    ),
    "no segno anywhere": (["♩", "♩", "♩", "♩", "♩", "♩" + DS], "CDEFGA"),
    "words that are no jumps": (
        ["♩", printed("con la coda, m. d.") + "♩", "♩", "♩", "♩", printed("finale") + "♩"],
        "CDEFGA",
    ),
}


@needs_partitura
@pytest.mark.parametrize("name", JUMPS)
def test_jumps_as_programs_write_them(tmp_path, name):
    bars, order = JUMPS[name]
    measures = [bar.replace("♩", note(step, 4, 2)) for bar, step in zip(bars, "CDEFGA")]
    (tmp_path / "score.musicxml").write_text(musicxml(*measures))
    first, *_ = read_notation(tmp_path / "score.musicxml")
    assert first.notes.pitch.tolist() == [60 + "C.D.EF.G.A".index(step) for step in order]
    np.testing.assert_allclose(first.notes.onset_s, 2 * np.arange(len(order)), atol=1e-3)


@needs_partitura
@pytest.mark.parametrize("chromatic, octaves, sounds", ((0, 1, 72), (-2, -1, 46), (3, 0, 63)))
def test_octaves_of_a_transposing_part(tmp_path, chromatic, octaves, sounds):
    change = (
        f"<attributes><transpose><diatonic>0</diatonic><chromatic>{chromatic}</chromatic>"
        f"<octave-change>{octaves}</octave-change></transpose></attributes>"
    )
    (tmp_path / "score.musicxml").write_text(musicxml(change + note("C", 4, 2)))
    assert read_notation(tmp_path / "score.musicxml")[0].notes.pitch.tolist() == [sounds]


@needs_partitura
def test_what_is_music_xml_is_not_to_be_exported_as_it(tmp_path):
    sharp = note("C", 4, 2).replace("<voice>", "<accidental>quarter-sharp</accidental><voice>")
    (tmp_path / "score.musicxml").write_text(musicxml(sharp))
    with pytest.raises(InputError) as refused:
        read_notation(tmp_path / "score.musicxml")
    assert str(refused.value).endswith("export it again, perhaps from another program")


def test_no_sound_font_is_downloaded_where_fluidsynth_is_installed(tmp_path):
    "partitura looks for one when it is imported beside FluidSynth, and would fetch it."
    (tmp_path / "fluidsynth.py").write_text("class Synth: pass\n")
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pianoalign.tool.notation import import_partitura\n"
        "import_partitura()\n"
        "import fluidsynth, partitura.utils.fluidsynth as of_partitura\n"
        "print(of_partitura.HAS_FLUIDSYNTH, fluidsynth.Synth.__name__)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.split() == ["False", "Synth"], ran.stderr
