"What holds on Windows and macOS, as far as it can be asked here."

import ast, os, re, subprocess, sys
from pathlib import Path

import pytest

from pianoalign.midi import read_midi
from test_align_cli import command

ROOT = Path(__file__).resolve().parent.parent
CODE = ("pianoalign", "workflow", "site", "benchmarks", "corpus", "course")


def files_of(folder):
    kept = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True)
    names = kept.stdout.decode("utf-8").split("\0")
    if kept.returncode:
        pytest.skip("not in a clone")
    return [name for name in names if name]


def texts_without_encoding(source):
    "Calls that read or write text in whatever encoding the system has: cp1252 on Windows."
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        of_object = isinstance(node.func, ast.Attribute)
        name = node.func.attr if of_object else getattr(node.func, "id", "")
        words = {k.arg: k.value for k in node.keywords}
        if "encoding" in words:
            continue
        if name == "read_text" and not node.args or name == "write_text" and len(node.args) == 1:
            yield f"line {node.lineno}: {name}"
        if name == "open" and not of_object:
            mode = words.get("mode", node.args[1] if len(node.args) > 1 else None)
            if "b" not in getattr(mode, "value", "r"):
                yield f"line {node.lineno}: open"


@pytest.mark.parametrize("folder", CODE)
def test_text_is_utf8_on_every_system(folder):
    found = {}
    for name in files_of(folder):
        if name.endswith(".py") and (ROOT / name).is_file():
            lines = list(texts_without_encoding((ROOT / name).read_text("utf-8")))
            found |= {name: lines} if lines else {}
    assert found == {}


def test_the_search_for_encodings_finds_them():
    wrong = "open(a); open(a, 'w'); p.read_text(); p.write_text(x); open(a, mode='r')"
    assert len(list(texts_without_encoding(wrong))) == 5
    right = "open(a, 'rb'); open(a, encoding='utf-8'); p.read_text('utf-8'); wave.open(a)"
    assert list(texts_without_encoding(right)) == []


def test_names_that_every_file_system_takes():
    names = files_of(".")
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)
    for name in names:
        assert not re.search(r'[<>:"|?*\\\x00-\x1f]', name), name
        for part in name.split("/"):
            assert not reserved.fullmatch(part) and part[-1] not in " .", name
        assert len(name) < 180, name  # of 260 on Windows, the folder of the clone included
    assert len({name.casefold() for name in names}) == len(names)


@pytest.fixture
def without_posix(monkeypatch):
    "Neither modules nor calls that Windows lacks."
    for module in ("fcntl", "resource", "pwd", "grp", "termios"):
        monkeypatch.setitem(sys.modules, module, None)
    for call in ("killpg", "getuid", "geteuid", "fork", "pathconf", "setsid", "chown", "mkfifo"):
        monkeypatch.delattr(os, call, raising=False)


def test_the_tool_without_posix(piece, untrained, without_posix, tmp_path, monkeypatch):
    monkeypatch.chdir(piece[0])
    report, plot = tmp_path / "out.csv", tmp_path / "out.png"
    words = ["align", "piece.wav", "piece.mid", tmp_path / "out.mid", "--weights", untrained[1]]
    command(*words, "--report", report, "--plot", plot)
    assert len(read_midi(tmp_path / "out.mid").notes) == 40
    assert report.is_file() and plot.is_file()
    command(*words, "--force")
    command("align-all", "piece.wav", "piece.mid", "-o", tmp_path / "all", "--method", "dtw")
    command("evaluate", "piece.mid", tmp_path / "out.mid")
    (tmp_path / "mine/a").mkdir(parents=True)
    for name, new in (("piece.wav", "audio.wav"), ("piece.mid", "score.mid")):
        (tmp_path / "mine/a" / new).write_bytes(Path(name).read_bytes())
    (tmp_path / "mine/a/performance.mid").write_bytes(Path("piece.mid").read_bytes())
    command("judge", tmp_path / "mine", "--weights", untrained[1])


@pytest.mark.parametrize("words", ["reproduce --tier smoke", "train crnn --tier smoke"])
def test_what_needs_posix_says_so(without_posix, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(ROOT)
    command(*words.split(), "--results-root", tmp_path, ok=2)
    said = capsys.readouterr().err
    assert "needs Linux or macOS" in said and "WSL" in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
