"Tables of notes as other programs write them: what they hold, or one sentence about the file."

import json
from collections import Counter

import numpy as np
import pytest

from pianoalign.files import InputError
from pianoalign.midi import read_midi
from pianoalign.tool.exchange import score_of
from pianoalign.tool.tables import is_table, pitch_of, pitch_of_hz, notes_of_file

ROWS = [(0.5, 1.25, 60), (0.75, 1.0, 64), (2.0, 3.5, 67)]
LAYER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n<sv><data>'
    '<model id="1" sampleRate="48000" type="sparse" subtype="note" units="{units}"/>'
    '<dataset id="0" dimensions="3">'
    '<point frame="24000" value="{0}" duration="36000" level="0.5" label=""/>'
    '<point frame="36000" value="{1}" duration="12000" level="0.6" label="&#233;"/>'
    '<point frame="96000" value="{2}" duration="72000" level="0.7" label="&lt;"/>'
    "</dataset></data></sv>"
)
HZ = [440 * 2 ** ((pitch - 69) / 12) for _, _, pitch in ROWS]


def jams(namespace, values):
    rows = [
        dict(time=on, duration=off - on, value=value, confidence=None)
        for (on, off, _), value in zip(ROWS, values)
    ]
    return dict(annotations=[dict(namespace="beat", data=[]), dict(namespace=namespace, data=rows)])


def columns_of(said):
    "The older form of JAMS: a column each."
    rows = said["annotations"][1]["data"]
    said["annotations"][1]["data"] = {key: [row[key] for row in rows] for key in rows[0]}
    return said


PITCHES = [pitch for _, _, pitch in ROWS]
FORMS = {
    "labels.txt": "0.5\t1.25\tC4\n0.75\t1.0\tE4 93 %\n2.0\t3.5\tG4 not heard\n",
    "numbers as labels.txt": "0.5\t1.25\t60\n0.75\t1.0\t64 soft\n2.0\t3.5\t67\n",
    "spectral labels.txt": "0.5\t1.25\tC4\n\\\t261\t262\n0.75\t1\tFb4\n2\t3.5\tF##4\n\\\t1\t2\n",
    "layer.csv": "time,value,duration,level,label\n.5,60,.75,1,a\n.75,64,.25,1,\n2,67,1.5,0,\n",
    "bare layer.csv": "0.5,60,0.75,1,a\n0.75,64,0.25,0.9,b\n2,67,1.5,0.1,c\n",
    "basic pitch.csv": "start_time_s,end_time_s,pitch_midi,velocity,pitch_bend\n"
    "0.5,1.25,60,70,0,1,2\n0.75,1,64,71,0\n2,3.5,67,72,1,1,1,1\n",
    "decimals.csv": "start;duration;note\n0,5;0,75;C4\n0,75;0,25;E4\n2;1,5;G4\n",
    "maps.txt": "OnsetTime\tOffsetTime\tMidiPitch\n0.5\t1.25\t60\n0.75\t1\t64\n2\t3.5\t67\n",
    "plain.tsv": "0.5\t1.25\t60\n0.75\t1\t64\n2\t3.5\t67\n",
    "layer.svl": LAYER.format(*PITCHES, units="MIDI Pitch"),
    "hertz.svl": LAYER.format(*HZ, units="Hz"),
    "notes.jams": json.dumps(jams("note_midi", PITCHES)),
    "hertz.jams": json.dumps(jams("note_hz", HZ)),
    "columns.jams": json.dumps(columns_of(jams("note_midi", PITCHES))),
    "list.json": json.dumps([dict(onset=a, offset=b, pitch=p) for a, b, p in ROWS]),
}


def rows_of(notes):
    return list(zip(notes.onset_s, notes.offset_s, notes.pitch))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_holds_the_same_notes(tmp_path, name, ending, mark):
    text = mark + FORMS[name].replace("\n", ending)
    (tmp_path / name).write_bytes(text.encode("utf-8"))
    assert rows_of(notes_of_file(tmp_path / name)) == ROWS
    assert is_table(tmp_path / name)


def test_velocities_of_layers(tmp_path):
    for name, wanted in (("layer.csv", [127, 127, 1]), ("layer.svl", [64, 76, 89])):
        (tmp_path / name).write_text(FORMS[name], encoding="utf-8")
        assert notes_of_file(tmp_path / name).velocity.tolist() == wanted


def test_a_layer_beside_others(tmp_path):
    "Instants of another model are not notes."
    other = '<model id="9" subtype="note" dataset="7"/><dataset id="7"><point frame="1"/></dataset>'
    text = LAYER.format(*PITCHES, units="").replace('type="sparse"', 'dataset="0"')
    instants = other.replace(' subtype="note"', "")
    (tmp_path / "a.svl").write_text(text.replace("</data>", instants + "</data>"), "utf-8")
    assert rows_of(notes_of_file(tmp_path / "a.svl")) == ROWS
    (tmp_path / "a.svl").write_text(text.replace("</data>", other + "</data>"), "utf-8")
    with pytest.raises(InputError, match="2 layers of notes"):
        notes_of_file(tmp_path / "a.svl")


def test_numbers_that_could_be_notes_are_notes(tmp_path):
    "Whole numbers in all columns: the reading that the README names, not that of a layer."
    (tmp_path / "a.csv").write_text("1,60,2,1\n2,64,3,1\n", encoding="utf-8")
    assert rows_of(notes_of_file(tmp_path / "a.csv")) == [(1, 60, 2), (2, 64, 3)]


def test_a_label_at_an_instant_has_its_place(tmp_path):
    (tmp_path / "a.txt").write_text("0.5\t0.5\tC4\n", encoding="utf-8")
    notes = notes_of_file(tmp_path / "a.txt")
    assert notes.onset_s.tolist() == [0.5] and 0.5 < notes.offset_s[0] < 0.502


@pytest.mark.parametrize(
    "text, pitch",
    [("60", 60), ("C4", 60), ("c4", 60), ("A0", 21), ("C8", 108), ("B#3", 60), ("Cb4", 59)]
    + [("G♯4 41 %", 68), ("D♭4", 61), ("C-1", 0), ("Ebb4", 62), ("Bb-1", 10)],
)
def test_pitches_as_people_write_them(text, pitch):
    assert pitch_of(text) == pitch


@pytest.mark.parametrize("text", ["", "H4", "C", "Call", "C4x", "verse 1", "4C", "C44"])
def test_words_that_are_no_pitches(text):
    with pytest.raises(ValueError):
        pitch_of(text)


def test_the_nearest_key():
    assert pitch_of_hz([440, 27.5, 4186, 452, 453]).tolist() == [69, 21, 108, 69, 70]


REFUSED = [
    ("a.txt", "0.5\t1\tC4\n2\t3\tverse\n", "line 2 has 'verse' where a pitch belongs"),
    ("a.csv", "onset,offset,pitch\n0,1,60\n0,soon,60\n", "line 3 has 'soon' where a number"),
    ("a.csv", "onset,offset,pitch\n0,1,60\n1,2\n", "line 3 has 2 columns, the heading 3"),
    ("a.csv", "onset,offset,pitch\n0,1,60,0,1,61\n", "line 2 has 6 columns, the heading 3"),
    ("a.csv", "start_time_s,end_time_s,pitch_midi,pitch_bend\n0,1,60\n", "3 columns"),
    ("a.csv", "time,value\n0,60\n", "names no column of offset or duration"),
    ("a.csv", "who,what\n0,60\n", "names no column of onset and none of offset or duration"),
    ("a.csv", "start,end,note\n9182,90078,60\n", "samples or milliseconds"),
    ("a.csv", "start,end,note\n0,1,60.5\n", "whole numbers"),
    ("a.csv", "start,end,note\n0,nan,60\n", "finite"),
    ("a.csv", "start,end,note\n2,1,60\n", "not after its onset"),
    ("a.svl", "<sv>", "not whole XML"),
    ("a.svl", "<sv/>", "0 layers of notes"),
    ("a.svl", LAYER.format(*PITCHES, units="").replace("48000", "0"), "no sampleRate"),
    ("a.svl", LAYER.format(*PITCHES, units="").replace('"60"', '"x"'), "could not convert"),
    ("a.svl", LAYER.format(*PITCHES, units="").replace(' value="60"', ""), "finite"),
    ("a.svl", '<!DOCTYPE a [<!ENTITY b "bbb">]>' + LAYER[80:], "entities"),
    ("a.svl", LAYER.format(0, 64, 67, units="Hz"), "finite"),
    ("a.svl", LAYER.format(*PITCHES, units="").replace("<point", "<spot", 1), "'spot' among"),
    ("a.svl", LAYER.format(*PITCHES, units="").replace("<point", "<dataset/><point", 1), "2 sets"),
    ("a.jams", '{"annotations": [', "not whole JSON"),
    ("a.jams", "[" * 100_000, "not whole JSON"),
    ("a.jams", '{"annotations": [{"namespace": "beat"}]}', "0 annotations of notes"),
    ("a.jams", '{"annotations": [{"namespace": "note_midi", "data": [{}]}]}', "lacks"),
    ("a.jams", '{"annotations": 7}', "lacks"),
    ("a.json", "7", "neither JAMS nor a list"),
    ("a.json", '{"notes": [1, 2]}', "neither JAMS nor a list"),
    ("a.json", '[{"onset": 0, "pitch": 60}]', "names no column of offset"),
    ("gone.csv", None, "no such file"),
]


@pytest.mark.parametrize("name, text, says", REFUSED)
def test_what_is_refused_is_one_sentence_about_the_file(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says) as said:
        notes_of_file(tmp_path / name)
    assert str(said.value).startswith(str(tmp_path / name)) and "\n" not in str(said.value)
    assert str(said.value).count(str(tmp_path / name)) == 1


STRANGE = ["\ufeff", "x", '"', "-", "#", "\0", "é", ",", ";", "\t", "e", "<", "&", "}", "\\", "9"]


@pytest.mark.parametrize("name", FORMS)
def test_no_note_is_lost_to_a_strange_letter(tmp_path, name):
    "One letter anywhere: all notes, or an error that names the file; what begins with # is none."
    rng = np.random.default_rng(3)
    outcome = Counter()
    for _ in range(60):
        at = int(rng.integers(0, len(FORMS[name]) + 1))
        text = FORMS[name][:at] + str(rng.choice(STRANGE)) + FORMS[name][at:]
        aside = sum(line.startswith(("#", "\\")) for line in text.splitlines())
        aside -= FORMS[name].count("\\")
        (tmp_path / name).write_text(text, encoding="utf-8")
        try:
            assert len(notes_of_file(tmp_path / name)) == len(ROWS) - max(aside, 0)
            outcome["read"] += 1
        except InputError as error:
            assert name in str(error) and "\n" not in str(error)
            outcome["refused"] += 1
    assert min(outcome["read"], outcome["refused"]) > 0


def test_a_table_is_a_score(tmp_path):
    "Notes in their order, times to 0.02 ms, and the table's own name."
    for name, text in FORMS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        score = score_of(tmp_path / name)
        assert score.path == tmp_path / name
        np.testing.assert_allclose(rows_of(score.notes), ROWS, atol=3e-5)


def test_a_midi_file_by_another_name(piece, tmp_path):
    wanted = read_midi(piece[0] / "piece.mid").notes
    for name in ("notes.txt", "notes.csv", "notes"):
        (tmp_path / name).write_bytes((piece[0] / "piece.mid").read_bytes())
        assert rows_of(notes_of_file(tmp_path / name)) == rows_of(wanted)
        assert len(score_of(tmp_path / name).notes) == len(wanted)


SHEETS = {  # as spreadsheets write the same three notes
    "sep.csv": "sep=;\nOnset;Offset;Pitch\n0,5;1,25;60\n0,75;1;64\n2;3,5;67\n",
    "quoted sep.csv": '"SEP=,"\nOnset,Offset,Pitch\n0.5,1.25,60\n0.75,1,64\n2,3.5,67\n',
    "sep alone.csv": "sep=;\n0,5;1,25;60\n0,75;1;64\n2;3,5;67\n",
    "commas.csv": 'Onset,Offset,Pitch\n"0,5","1,25",60\n"0,75",1,64\n2,"3,5",67\n',
    "commas alone.csv": '"0,5","1,250",60\n"0,75",1,64\n2,"3,5",67\n',
    "units.csv": "Onset (s),Offset [sec],Pitch (MIDI)\n0.5,1.25,60\n0.75,1,64\n2,3.5,67\n",
    "ms.csv": "onset_ms,Duration (ms),pitch\n500,750,60\n750,250,64\n2000,1500,67\n",
    "both.csv": "onset_ms,onset_s,offset_s,pitch\n9,0.5,1.25,60\n9,0.75,1,64\n9,2,3.5,67\n",
    "empty behind.csv": "onset,offset,pitch\n0.5,1.25,60,\n0.75,1,64,,\n2,3.5,67\n",
    "remarks.csv": "onset;offset;pitch;Für\n0,5;1,25;60;größer\n0,75;1;64;ß\n2;3,5;67;\n",
    "title.csv": "# Für Elise\n0.5,1.25,60\n0.75,1,64\n2,3.5,67\n",
}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("name", SHEETS)
def test_tables_as_spreadsheets_write_them(tmp_path, name, code, ending):
    (tmp_path / name).write_bytes(SHEETS[name].replace("\n", ending).encode(code))
    assert rows_of(notes_of_file(tmp_path / name)) == ROWS


@pytest.mark.parametrize(
    "text, says",
    [
        ('onset,offset,pitch\n"1,250","1,500",60\n', "'1,250' where a number belongs"),
        ("onset,offset,pitch\n0,1,60\n#REF!,2,62\n", "line 3 begins with a formula that has fai"),
        ('onset,offset,pitch\n0,1,60\n"#DIV/0!","2","62"\n', "line 3 begins with a formula"),
        ("Onset (beats),Offset (beats),Pitch\n0,1,60\n", "it is 'Onset .beats., Offset"),
        ("0,1\n1,2\n", "it has 2 columns"),
        ("1 1 1 1 Note 1 C3 80 1 0\n1 2 1 1 Note 1 E3 80 1 0\n", "not after its onset"),
        ("0,1,60\n1,2\n", "line 2 has 2 columns, the first line 3"),
        ("onset_ms,offset_ms,pitch\n1e9,2e9,60\n", "more seconds than a day has"),
        (b"onset,offset,pitch\n0,1,60\n\x81\n", "is not text"),
        (b"PK\x03\x04\0\xff", "is not text"),
    ],
)
def test_what_a_spreadsheet_leaves_open_is_refused(tmp_path, text, says):
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=says) as said:
        notes_of_file(path)
    assert str(said.value).startswith(str(path)) and "\n" not in str(said.value)


def test_a_spreadsheet_itself_is_no_table(tmp_path):
    for name in ("notes.xlsx", "notes.ODS"):
        (tmp_path / name).write_bytes(b"PK\x03\x04\0\0")
        for read in (score_of, notes_of_file):
            with pytest.raises(InputError, match="is a spreadsheet; save its table as CSV"):
                read(tmp_path / name)


@pytest.mark.parametrize(
    "text, says",
    [("onset,offset,pitch\n", "has no notes"), ("onset,offset,pitch\n-1,1,60\n", "note 0 begins")],
)
def test_what_is_no_score_is_said_of_the_table(tmp_path, text, says):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as said:
        score_of(tmp_path / "a.csv")
    assert str(said.value).startswith(f"{tmp_path / 'a.csv'}: {says}")
