"A data set from a manifest: what is done, what is done again, what is said of it."

import csv
import json
import shutil
import sys

import pytest

from pianoalign.tool import sets
from test_align_cli import command


@pytest.fixture
def a_set(piece, untrained, tmp_path):
    "Three pairs, the last of which has no recording; and the words that align them."
    for name in ("a", "b", "c"):
        shutil.copy(piece[0] / "piece.mid", tmp_path / f"{name}.mid")
    for name in ("a", "b"):
        shutil.copy(piece[0] / "piece.wav", tmp_path / f"{name}.wav")
    rows = "a.wav,a.mid,one,", "b.wav,b.mid,two,offset=none", "c.wav,c.mid,,"
    (tmp_path / "manifest.csv").write_text("\n".join(["audio,midi,group,options", *rows]))
    words = ["align-set", tmp_path / "manifest.csv", "-o", tmp_path / "out", "--method", "hires"]
    return tmp_path, [*words, "--weights", untrained[1]]


def states(folder):
    with open(folder / "out" / "report.csv", newline="", encoding="utf-8") as f:
        return {row["pair"]: row["state"] for row in csv.DictReader(f)}


def test_a_pair_that_fails_stops_nobody_and_nothing_is_done_twice(a_set, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)  # it is no part of a plain installation
    folder, words = a_set
    command(*words, ok=1)
    said = capsys.readouterr()
    assert "3 pairs" in said.err and "c: failed: " in said.err
    assert states(folder) == dict(a="aligned", b="aligned", c="failed")
    times = {name: (folder / "out" / name).stat().st_mtime_ns for name in ("a.mid", "b.mid")}
    shutil.copy(folder / "a.wav", folder / "c.wav")
    command(*words)
    assert states(folder) == dict(a="aligned", b="aligned", c="aligned")
    assert "1 aligned, 2 skipped" in capsys.readouterr().out
    assert times == {name: (folder / "out" / name).stat().st_mtime_ns for name in times}


def test_what_has_changed_is_aligned_again(a_set, piece):
    folder, words = a_set
    command(*words, ok=1)
    before = {name: sets.read_record(folder / "out", name) for name in "ab"}
    (folder / "out" / "a.mid").write_bytes(b"cut sho")  # a result that is no longer whole
    rows = "audio,midi,options", "a.wav,a.mid,", "b.wav,b.mid,offset=0.01"
    (folder / "manifest.csv").write_text("\n".join(rows))
    command(*words)
    after = {name: sets.read_record(folder / "out", name) for name in "ab"}
    assert after["a"]["result_sha256"] == before["a"]["result_sha256"]
    assert after["b"]["asked"]["options"]["offset"] == "0.01"


def test_the_report_has_groups_and_sums(a_set, capsys):
    folder, words = a_set
    command(*words, "--json", ok=1)
    rows = json.loads(capsys.readouterr().out)
    assert [row["group"] for row in rows] == ["one", "two", ""]
    assert all(row["cpu_s"] > 0 for row in rows[:2]) and rows[2]["cpu_s"] is None
    text = (folder / "out" / "report.md").read_text(encoding="utf-8")
    assert "| two | 1 |" in text and "## Failed" in text and "c.wav does not exist" in text
    for line in (folder / "out" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert sets.file_hash(folder / "out" / name) == digest


def test_shares_and_a_dry_run(a_set, capsys):
    folder, words = a_set
    command(*words, "--dry-run", ok=1)  # c.wav is missing
    said = capsys.readouterr()
    assert "3 pairs" in said.out and not (folder / "out").exists()
    assert "c.wav does not exist" in said.err
    command(*words, "--shard", "2/3")
    assert sorted(p.name for p in (folder / "out").glob("*.mid")) == ["b.mid"]
    command(*words, "--shard", "4/3", ok=2)
    assert "no share" in capsys.readouterr().err


def test_several_processes_do_the_same(a_set):
    folder, words = a_set
    command(*words, "--jobs", "2", ok=1)  # as `align-all` has it; `--cores` is the same
    assert states(folder) == dict(a="aligned", b="aligned", c="failed")


def test_the_worst_are_named_first():
    empty = dict.fromkeys(sets.REPORT_FIELDS)
    rows = [dict(pair=str(k), state="aligned", confidence_pct=50.0 + k) for k in range(30)]
    rows += [dict(pair="doubt", state="doubtful", confidence_pct=99.0)]
    rows += [dict(pair="lacks", state="aligned", confidence_pct=99.0, absent_pct=98.5)]
    rows += [dict(pair="broken", state="failed")]
    worst = [row["pair"] for row in sets.worst_of([empty | row for row in rows])]
    assert len(worst) == sets.WORST and worst[:3] == ["doubt", "lacks", "0"]
    assert "broken" not in worst


def test_a_name_is_shown_in_the_report_and_not_read_as_markup():
    empty = dict.fromkeys(sets.REPORT_FIELDS) | dict(remarks="", group="")
    rows = [
        empty | dict(pair="a|b <b>_*x*", state="aligned", confidence_pct=50.0, group="<i>"),
        empty | dict(pair="`c`", state="failed", why="no [link](x)\n# here"),
    ]
    lines = sets.set_report(rows).splitlines()
    assert r"| a\|b &lt;b&gt;\_\*x\* | 50.0 | – | – to – |  |" in lines
    assert r"- \`c\`: no \[link\](x) # here" in lines
    assert any(line.startswith("| &lt;i&gt; | 1 |") for line in lines)


def test_a_manifest_or_a_record_that_nobody_can_read_ends_in_no_traceback(a_set, capsys):
    folder, words = a_set
    (folder / "out").mkdir()
    (folder / "out" / "a.json").write_text("[" * 200_000)  # the pair counts as not done
    command(*words, "--dry-run", ok=1)
    assert "3 pairs to do" in capsys.readouterr().out
    (folder / "manifest.csv").write_text('audio,midi\na.wav,"' + "x" * 200_000)
    command(*words, ok=2)
    assert "is no row of a table" in capsys.readouterr().err
