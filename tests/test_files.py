"Files that are whole or not there, and which folder is the project's."

import json
import os
import stat
import subprocess
import sys

import pytest

from pianoalign import files
from pianoalign.files import InputError, repo_root, whole_file, whole_files, write_json

posix = pytest.mark.skipif(os.name == "nt", reason="links, modes and pipes of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_several_files_appear_together(tmp_path):
    with whole_files(tmp_path / "a.mid", None, tmp_path / "b.csv") as (a, nothing, b):
        assert nothing is None and a.suffix == ".mid" and b.suffix == ".csv"
        a.write_bytes(b"notes")
        b.write_bytes(b"report")
        assert not {"a.mid", "b.csv"} & set(names(tmp_path))
    assert names(tmp_path) == ["a.mid", "b.csv"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt(), ValueError()])
def test_what_fails_changes_nothing(tmp_path, error):
    (tmp_path / "a.mid").write_bytes(b"old")
    with pytest.raises((InputError, KeyboardInterrupt, ValueError)):
        with whole_files(tmp_path / "a.mid", tmp_path / "b.csv") as (a, b):
            a.write_bytes(b"new")
            b.write_bytes(b"half")
            raise error
    assert names(tmp_path) == ["a.mid"] and (tmp_path / "a.mid").read_bytes() == b"old"


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_renaming_that_fails_undoes_the_others(tmp_path, monkeypatch, fails_at):
    for name in ("a", "c"):
        (tmp_path / name).write_text("old")
    rename, calls = os.replace, []

    def failing(old, new):
        calls.append(new)
        if len(calls) == fails_at:
            raise OSError(5, "Input/output error")
        rename(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(InputError, match="output error"):
        with whole_files(*(tmp_path / name for name in "abc")) as parts:
            for part in parts:
                part.write_text("new")
    assert names(tmp_path) == ["a", "c"]
    assert {(tmp_path / name).read_text() for name in "ac"} == {"old"}


def test_bytes_are_on_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def watched_fsync(number):
        done.append(("fsync", os.fstat(number).st_ino))
        fsync(number)

    def watched_replace(old, new):
        done.append(("rename", os.stat(old).st_ino))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write_json(tmp_path / "a.json", [1])
    inode = (tmp_path / "a.json").stat().st_ino
    folder = [] if os.name == "nt" else [("fsync", tmp_path.stat().st_ino)]
    assert done == [("fsync", inode), ("rename", inode), *folder]


FULL = """
import resource, signal, sys
from pianoalign.files import InputError, whole_files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with whole_files(sys.argv[1], sys.argv[2]) as (a, b):
        a.write_bytes(b"x" * 10)
        b.write_bytes(b"x" * 10_000)
except InputError as error:
    sys.exit(str(error))
"""


@posix
def test_a_disk_that_takes_no_more(tmp_path):
    words = [sys.executable, "-c", FULL, tmp_path / "a.mid", tmp_path / "b.csv"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and "b.csv cannot be written" in done.stderr
    assert "Traceback" not in done.stderr and names(tmp_path) == []


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_of_a_file_is_kept(tmp_path, mode):
    (tmp_path / "a.json").write_text("")
    (tmp_path / "a.json").chmod(mode)
    write_json(tmp_path / "a.json", [1])
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode


@posix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_json(tmp_path / "a.json", [1])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o666 & ~umask


@posix
@pytest.mark.parametrize("target_exists", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, target_exists):
    (tmp_path / "elsewhere").mkdir()
    if target_exists:
        (tmp_path / "elsewhere" / "a.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "elsewhere" / "a.json")
    write_json(tmp_path / "link.json", [1])
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "elsewhere" / "a.json").read_text()) == [1]
    assert names(tmp_path / "elsewhere") == ["a.json"]


@posix
def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_device").symlink_to("/dev/null")
    for name, says in (
        ("pipe", "not a plain file"),
        ("folder", "is a folder"),
        ("to_device", "not a plain"),
    ):
        with pytest.raises(InputError, match=says):
            write_json(tmp_path / name, [1])
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
def test_no_link_is_followed_from_a_temporary_name(tmp_path, monkeypatch):
    "Whoever guesses the name and puts a link there gets nothing."
    monkeypatch.setattr(files.secrets, "token_hex", lambda n: "guessed")
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".a.guessed.tmp.json").symlink_to(tmp_path / "victim")
    with pytest.raises(InputError, match="stands in the way"):
        write_json(tmp_path / "a.json", [1])
    assert (tmp_path / "victim").read_text() == "precious"


def test_temporary_names_differ(tmp_path):
    with whole_file(tmp_path / "a.json") as first, whole_file(tmp_path / "a.json") as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert names(tmp_path) == ["a.json"]


def test_what_appears_in_the_meantime_is_not_replaced(tmp_path):
    with pytest.raises(InputError, match="exists already"):
        with whole_files(tmp_path / "a", tmp_path / "b", replace=False) as parts:
            for part in parts:
                part.write_text("ours")
            (tmp_path / "b").write_text("another's")
    assert names(tmp_path) == ["b"] and (tmp_path / "b").read_text() == "another's"


def test_long_names(tmp_path):
    name = "é" * 125 + ".mid"
    with whole_file(tmp_path / name) as part:
        part.write_bytes(b"x")
    assert names(tmp_path) == [name]


def test_a_missing_folder_is_said_or_made(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        with whole_file(tmp_path / "no" / "a.mid"):
            pass
    write_json(tmp_path / "made" / "a.json", [1])
    assert names(tmp_path / "made") == ["a.json"]


def project(folder, text="[DEFAULT]\nlib_name = pianoalign\n"):
    (folder / "nbs").mkdir(parents=True)
    (folder / "settings.ini").write_text(text)
    return folder


def test_the_project_is_found_upward(tmp_path):
    root = project(tmp_path / "clone")
    assert repo_root(root / "nbs") == root.resolve()
    for text in ("lib_name = other", "# lib_name = pianoalign", "\xff"):
        (root / "settings.ini").write_bytes(text.encode("latin-1"))
        assert repo_root(root / "nbs") != root.resolve()


def test_a_settings_file_alone_is_no_project(tmp_path):
    (tmp_path / "settings.ini").write_text("lib_name = pianoalign\n")
    (tmp_path / "work").mkdir()
    assert repo_root(tmp_path / "work") == repo_root(os.path.dirname(__file__))  # the package's own


@posix
def test_what_somebody_else_put_there_is_no_project(tmp_path, monkeypatch):
    root = project(tmp_path / "planted")
    (root / "work").mkdir()
    if os.getuid() == 0:
        os.chown(root / "settings.ini", 54321, 54321)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert repo_root(root / "work") != root.resolve()
    monkeypatch.setattr(files, "_package_root", lambda: root.resolve())
    assert repo_root(root / "work") == root.resolve()  # the code that runs already comes from it
