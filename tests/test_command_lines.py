"Command lines as people write them: what comes out, what is said, which exit code the shell sees."

import contextlib, json, os, re, shlex, shutil, signal, subprocess, sys, threading
from pathlib import Path

import pytest
import soundfile

from pianoalign.midi import read_midi
from pianoalign.tool import cli
from pianoalign.tool.exchange import pitch_name
from test_align_cli import command
from test_notation import SCORE
from waiting import HANG_S, living, wait_for

QUICK = ["--method", "dtw"]  # loads no network


@pytest.fixture
def here(piece, tmp_path, monkeypatch):
    "The current folder, with a recording, its MIDI file, and a few things that are neither."
    monkeypatch.chdir(tmp_path)
    for name in ("piece.wav", "piece.mid"):
        shutil.copy(piece[0] / name, name)
    shutil.copy("piece.mid", "old.mid")
    shutil.copy("piece.wav", "take.wav")
    (tmp_path / "words.txt").write_text("no music")
    (tmp_path / "words.mid").write_text("no notes")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.mid")
    os.mkfifo(tmp_path / "pipe.wav")
    write_tables(read_midi("piece.mid").notes)
    os.link("piece.mid", "twin.mid")
    os.symlink("piece.mid", "link.mid")
    return tmp_path


def write_tables(notes):
    "The notes as Excel, Audacity and Sonic Visualiser save them, and a list of pairs."
    rows = list(zip(notes.onset_s, notes.offset_s, notes.pitch))
    table = "".join(f"{a:.6f};{b:.6f};{p}\n" for a, b, p in rows).replace(".", ",")
    Path("excel.csv").write_text("\ufeffOnset;Offset;Pitch\n" + table, encoding="utf-8")
    bare = "".join(f"{a:.6f}\t{b:.6f}\t{p}\n" for a, b, p in rows)
    Path("bare.txt").write_text("\ufeff" + bare, encoding="utf-8")
    labels = "".join(f"{a:.6f}\t{b:.6f}\t{pitch_name(p)}\n" for a, b, p in rows)
    Path("labels.txt").write_text(labels, encoding="utf-8")
    layer = "".join(f"{a:.6f},{p},{b - a:.6f},0.5,\n" for a, b, p in rows)
    Path("layer.csv").write_text("time,value,duration,level,label\n" + layer, encoding="utf-8")
    Path("fewer.csv").write_text("onset,offset,pitch\n0,1,60\n", encoding="utf-8")
    Path("pairs.csv").write_text("piece.wav,labels.txt,one\n", encoding="utf-8")


TABLE = [  # words after `pianoalign`, exit code, what is said (on either stream), files written
    ("", 2, "Usage: pianoalign"),
    ("--help", 0, "align-all"),
    ("-h", 0, "align-all"),
    ("--version", 0, "pianoalign 0."),
    ("-V", 0, "pianoalign 0."),
    ("--show-completion bash", 0, "complete"),
    ("algin piece.wav piece.mid out.mid", 2, "No such command 'algin'"),
    ("align", 2, "Missing argument 'AUDIO'"),
    ("align --help", 0, "Exit codes"),
    ("align piece.wav", 2, "Missing argument 'MIDI'"),
    ("align piece.wav piece.mid", 2, "third argument or with -o"),
    ("align piece.wav piece.mid out.mid -o out.mid", 2, "third argument or with -o"),
    ("align piece.wav piece.mid out.mid --methode dtw", 2, "No such option"),
    ("align piece.wav piece.mid out.mid --method dwt", 2, "'dwt'"),
    ("align piece.wav piece.mid out.mid --device gpu", 2, "'gpu'"),
    ("align piece.wav piece.mid out.mid --offset soon", 2, "number of seconds"),
    ("align piece.wav piece.mid out.mid --weights nowhere", 2, "nowhere does not exist"),
    ("align piece.mid piece.wav out.mid", 2, "not a MIDI file"),
    ("align no.wav piece.mid out.mid", 2, "no.wav does not exist"),
    ("align piece.wav no.mid out.mid", 2, "no.mid"),
    ("align folder piece.mid out.mid", 2, "folder is a folder"),
    ("align pipe.wav piece.mid out.mid", 2, "no plain file"),
    ("align piece.wav words.mid out.mid", 2, "not a MIDI file"),
    ("align words.txt piece.mid out.mid", 2, "cannot be read as audio"),
    ("align piece.wav piece.mid old.mid", 2, "--force"),
    ("align piece.wav piece.mid piece.mid --force", 2, "another part"),
    ("align piece.wav piece.mid ./piece.mid --force", 2, "another part"),
    ("align piece.wav piece.mid link.mid --force", 2, "another part"),
    ("align piece.wav piece.mid twin.mid --force", 2, "another part"),
    ("align piece.wav piece.mid piece.wav --force", 2, "another part"),
    ("align piece.wav piece.mid take.wav --force", 2, ".mid or .midi or .kar"),
    ("align piece.wav piece.mid pipe.mid --force", 2, "no plain file"),
    ("align piece.wav piece.mid folder --force", 2, "is a folder"),
    ("align piece.wav piece.mid /dev/null --force", 2, "no plain file"),
    ("align piece.wav piece.mid no/out.mid", 2, "there is no folder no"),
    ("align piece.wav piece.mid out", 2, ".mid or .midi or .kar"),
    ("align piece.wav piece.mid out.mid --report out.mid", 2, "another part"),
    ("align piece.wav piece.mid out.mid --report out.txt", 2, ".csv or .json"),
    ("align piece.wav piece.mid out.mid --plot out.jpg", 2, ".png or .pdf or .svg"),
    ("align piece.wav piece.mid out.mid --plot take.wav --force", 2, ".png or .pdf or .svg"),
    ("align piece.wav piece.mid out.kar --method dtw", 0, "wrote out.kar", "out.kar"),
    ("align piece.wav piece.mid -o OUT.MID --method dtw", 0, "wrote OUT.MID", "OUT.MID"),
    ("align piece.wav piece.mid old.mid --force --method dtw", 0, "wrote old.mid", "old.mid"),
    ("align piece.wav piece.mid out.mid --method dtw --quiet", 0, "", "out.mid"),
    ("align piece.wav piece.mid out.mid --method dtw --json", 0, '"notes": 40', "out.mid"),
    ("align piece.wav piece.mid out.mid --method dtw --keep-bars", 0, "wrote", "out.mid"),
    (
        "align piece.wav piece.mid a.mid --method dtw --report a.json --plot a.svg --offset=-0.1",
        0,
        "wrote a.mid, a.json, a.svg",
        "a.mid a.json a.svg",
    ),
    ("align piece.wav excel.csv out.mid --method dtw", 0, "40 notes", "out.mid"),
    ("align piece.wav bare.txt out.mid --method dtw", 0, "40 notes", "out.mid"),
    ("align piece.wav labels.txt out.mid --method dtw", 0, "40 notes", "out.mid"),
    ("align piece.wav layer.csv out.mid --method dtw", 0, "40 notes", "out.mid"),
    ("align piece.wav words.txt out.mid", 2, "words.txt: its heading names no column of onset"),
    ("align piece.wav labels.txt labels.txt --force", 2, "another part"),
    ("align piece.wav labels.txt out.csv", 2, ".mid or .midi or .kar"),
    ("align piece.wav no.csv out.mid", 2, "no.csv: no such file"),
    ("align piece.wav piece.mid out.mid more.mid", 2, "unexpected extra argument"),
    ("align piece.wav piece.mid out.mid --report no/out.csv", 2, "there is no folder no"),
    ("align piece.wav piece.mid out.mid --plot folder", 2, "is a folder"),
    ("align piece.wav piece.mid out.mid --device mps --decoding papr", 2, "'papr'"),
    ("align piece.wav piece.mid out.mid --offset 1e9", 2, "more than an hour"),
    ("align piece.wav piece.mid out.mid --weights folder", 2, "folder"),
    ("align piece.wav piece.mid out.mid --weights words.txt", 2, "words.txt"),
    ("align-all", 2, "Missing option"),
    ("align-all -o out", 2, "or a table of them"),
    ("align-all . --pairs words.txt -o out", 2, "or a table of them"),
    ("align-all folder -o out", 2, "no recordings and no MIDI files there"),
    ("align-all piece.wav 'x*.mid' -o out", 2, "fits this pattern"),
    ("align-all piece.wav no.mid -o out", 2, "no.mid: no such file"),
    ("align-all piece.wav piece.mid -o words.txt", 2, "words.txt: is a file"),
    ("align-all piece.wav piece.mid -o out --jobs 0", 2, "greater than or equal to 1"),
    ("align-all --pairs no.csv -o out", 2, "no.csv cannot be read"),
    ("align-all --pairs words.txt -o out", 2, "line 1 names no pair"),
    ("align-all piece.wav piece.mid -o out --method dtw", 0, "1 pair: 1 aligned", "out/piece.mid"),
    ("align-all --pairs pairs.csv -o out --method dtw", 0, "1 pair: 1 aligned", "out/one.mid"),
    (
        "align-all piece.wav piece.mid -o out --method dtw --report csv --plot",
        0,
        "1 pair: 1 aligned",
        "out/piece.mid out/piece.csv out/piece.png",
    ),
    ("align-all piece.wav piece.mid -o out --method dwt", 2, "'dwt'"),
    ("align-all piece.wav piece.mid -o out --report out.csv", 2, "'out.csv'"),
    ("align-all piece.wav piece.mid -o out --weights nowhere", 2, "nowhere does not exist"),
    ("align-all --help", 0, "--skip-existing"),
    ("evaluate piece.mid", 2, "Missing argument 'ESTIMATED'"),
    ("evaluate piece.mid old.mid", 0, "40 notes"),
    ("evaluate piece.mid old.mid --json", 0, '"notes": 40'),
    ("evaluate piece.mid excel.csv", 0, "median 0.00 ms"),
    ("evaluate bare.txt labels.txt", 0, "40 notes"),
    ("evaluate layer.csv piece.mid", 0, "40 notes"),
    ("evaluate piece.mid fewer.csv", 2, "only files of the same notes can be compared"),
    ("evaluate piece.mid no.csv", 2, "no.csv"),
    ("evaluate piece.mid piece.wav", 2, "piece.wav"),
    ("evaluate --help", 0, "REFERENCE"),
    ("evaluate piece.mid words.mid", 2, "words.mid"),
    ("evaluate piece.mid words.txt", 2, "words.txt"),
    ("judge folder", 2, "one folder a piece"),
    ("judge nowhere", 2, "nowhere"),
    ("judge folder -o table.txt", 2, ".csv"),
    ("judge --help", 0, "performance.mid"),
    ("train", 2, "Missing argument 'EXPERIMENT'"),
    ("train crn", 2, "did you mean 'crnn'"),
    ("train crnn --tier dmeo", 2, "dmeo"),
    ("train --help", 0, "experiments.yaml"),
    ("reproduce --help", 0, "--only"),
    ("reproduce --tier smoke --only table9", 2, "table9"),
    ("reproduce --tier smoke --budget soon", 2, "soon"),
    ("train crnn --tier smoke --pause-after soon", 2, "soon"),
    ("reproduce --tier dmeo", 2, "dmeo"),
]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


FULL = [(*row, "")[:4] for row in TABLE]  # most lines write nothing


@pytest.mark.parametrize("words, code, says, writes", FULL, ids=[r[0] or "nothing" for r in FULL])
def test_the_table(here, capsys, monkeypatch, words, code, says, writes):
    import shlex

    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # any shell may call
    before = contents(here)
    command(*shlex.split(words), ok=code)
    said = capsys.readouterr()
    assert says in said.out + said.err, said.err
    assert "Traceback" not in said.err
    assert "--quiet" not in words or said.out + said.err == ""
    after = contents(here)
    assert {name for name in after if after[name] != before.get(name)} == set(writes.split())
    assert set(before) <= set(after)
    if code == 2 and said.err.startswith("pianoalign: "):
        assert said.err.count("\n") == 1


# ---- the README ----

ROOT = Path(__file__).resolve().parent.parent
README = re.findall(r"^pianoalign .*$", (ROOT / "README.md").read_text("utf-8"), re.M)


def test_the_first_line_of_the_readme(tmp_path, monkeypatch, capsys):
    "Run as it stands, but for the place of the result: no shell has to expand anything."
    (first,) = [line for line in README if "corpus/" in line]
    monkeypatch.chdir(ROOT)
    words = [str(tmp_path / w) if w == "aligned.mid" else w for w in shlex.split(first)]
    assert words != shlex.split(first)
    command(*words[1:])
    assert "1541 notes" in capsys.readouterr().out
    assert len(read_midi(tmp_path / "aligned.mid").notes) == 1541


@pytest.mark.parametrize("line", [line for line in README if "corpus/" not in line])
def test_other_lines_of_the_readme_write_what_they_name(here, untrained, capsys, line):
    for folder in ("takes", "midi", "my_recordings/a"):
        (here / folder).mkdir(parents=True)
    shutil.copy("piece.mid", "midi/one.mid")
    samples, rate_hz = soundfile.read("piece.wav")
    for place in ("takes/one.flac", "my_recordings/a/audio.wav"):
        soundfile.write(place, samples, rate_hz)
    for place in ("my_recordings/a/score.mid", "my_recordings/a/performance.mid", "ALIGNED.mid"):
        shutil.copy("piece.mid", place)
    Path("manifest.csv").write_text("audio,midi\ntakes/one.flac,midi/one.mid\n", encoding="utf-8")
    names = {"RECORDING.wav": "piece.wav", "NOTES.mid": "piece.mid", "REFERENCE.mid": "old.mid"}
    if "SCORE.musicxml" in line:
        pytest.importorskip("partitura", reason="partitura is an extra")
        Path("SCORE.musicxml").write_text(SCORE, encoding="utf-8")
    words = [names.get(word, word) for word in shlex.split(line)[1:]]
    if words[0] != "evaluate":
        words += ["--weights", untrained[1]]
    if words[0] in ("align", "align-all"):
        words += ["--force"]
    writes = ("-o", "--report", "--plot", "--tempo")
    named = [Path(place) for option, place in zip(words, words[1:]) if option in writes]
    before = {path: path.read_bytes() for path in named if path.is_file()}
    command(*words)
    assert capsys.readouterr().out
    for path in named:
        assert path.exists() and (path.is_file() or any(path.glob("*.mid"))), path
        assert path.is_dir() or path.read_bytes() != before.get(path), path


# ---- streams ----


def test_json(here, capsys):
    command("align", "piece.wav", "piece.mid", "out.mid", *QUICK, "--json", "--report", "out.csv")
    said = json.loads(capsys.readouterr().out)
    assert said["notes"] == 40 and said["method"] == "dtw"
    assert said["written"] == ["out.mid", "out.csv"]
    command("align-all", "piece.wav", "piece.mid", "-o", "out", *QUICK, "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["named"] == 1 and said["pairs"][0]["state"] == "aligned"
    assert said["pairs"][0]["heard_pct"] == 100


def test_verbose_names_steps_and_versions(here, untrained, capsys):
    command("align", "piece.wav", "piece.mid", "out.mid", "--weights", untrained[1], "--verbose")
    said = capsys.readouterr().err
    for word in ("starting", "listening", "asking the network", "done", "PyTorch"):
        assert word in said
    assert all(line.startswith("pianoalign: ") for line in said.splitlines())


EXAMPLES = [(name, words) for name, some in cli.EXAMPLES.items() for words in some]


@pytest.mark.parametrize("name, words", EXAMPLES)
def test_an_example_in_the_help_has_the_options_that_its_command_takes(name, words):
    called = cli.typer.main.get_command(cli.app).commands[name]
    assert called.make_context(name, shlex.split(words)).args == []  # nothing is left over


def run(*words, **how):
    "The command in a process of its own."
    line = [sys.executable, "-m", "pianoalign", *map(os.fspath, words)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


@pytest.mark.parametrize(
    "words", [["--help"], ["align", "piece.wav", "piece.mid", "out.mid", *QUICK]]
)
def test_a_reader_that_has_left(here, words):
    "`pianoalign … | true`: no traceback, and the work is done."
    process = run(*words)
    process.stdout.close()
    said = process.stderr.read().decode()
    assert "Traceback" not in said and "rror" not in said and "BrokenPipe" not in said
    process.wait()
    if words[0] == "align":
        assert process.returncode == 0 and len(read_midi(here / "out.mid").notes) == 40


@pytest.mark.parametrize(
    "event, what",
    [
        ("import", "pianoalign.tool.cli"),
        ("import", "numpy"),
        ("import", "pianoalign.tool.aligner"),
        ("import", "soundfile"),
        ("import", "onnxruntime"),
        ("open", "piece.mid"),
        ("open", "piece.wav"),
    ],
)
def test_ctrl_c_at_once(here, event, what):
    "From when Python itself is up: 130 and at most one sentence, whatever is being loaded."
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job may ignore Ctrl-C
        "pressed = []\n"  # once: a recording is opened several times
        "def interrupt(event, args):\n"
        f"    if not pressed and event == {event!r} and str(args[0]).endswith({what!r}):\n"
        "        pressed.append(event)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(interrupt)\n"
        "sys.argv = ['pianoalign', 'align', 'piece.wav', 'piece.mid', 'out.mid']\n"
        "from pianoalign.__main__ import main\nmain()\n"
    )
    line = [sys.executable, "-c", code]
    interrupted(line)
    assert not (here / "out.mid").exists()


def interrupted(line):
    "Run a command line that interrupts itself."
    done = subprocess.run(line, capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr in ("", "pianoalign: interrupted; nothing was left half-written\n")


def test_ctrl_c_while_one_thread_imports_and_another_reads(here):
    """Just after Python has locked its imports: an interrupt there leaves them locked, and the
    thread that reads the recording would wait for ever."""
    code = (
        "import _imp, os, signal, sys, threading\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def interrupt(frame, event, what):\n"
        "    locked = event == 'c_return' and what is _imp.acquire_lock\n"
        "    if locked and threading.active_count() > 1:\n"
        "        sys.setprofile(None)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.setprofile(interrupt)\n"
        "sys.argv = ['pianoalign', 'align', 'piece.wav', 'piece.mid', 'out.mid']\n"
        "from pianoalign.__main__ import main\nmain()\n"
    )
    interrupted([sys.executable, "-c", code])
    assert not (here / "out.mid").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a terminal")
def test_something_moves_on_a_terminal_before_anything_is_loaded(here, untrained):
    import fcntl, pty, struct, termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    words = ["align", "piece.wav", "piece.mid", "out.mid", "--weights", untrained[1]]
    line = [sys.executable, "-X", "importtime", "-m", "pianoalign", *map(os.fspath, words)]
    process, seen = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=theirs), []

    os.close(theirs)

    def read():
        with contextlib.suppress(OSError):  # on Linux the end of a terminal is an error
            while data := os.read(ours, 1 << 16):
                seen.append(data)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    process.wait()
    reader.join(HANG_S)
    seen = b"".join(seen)
    assert process.returncode in (0, 3)
    assert 0 < seen.index(b"starting") < seen.index(b" numpy\r\n")


# ---- names ----


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text")
def test_names_that_are_no_text(here, untrained):
    "Bytes that are not UTF-8, in a locale that is: everything is done, and names are escaped."
    folder = os.fsencode(here)
    for name in (b"caf\xe9.wav", b"caf\xe9.mid"):
        shutil.copy(here / f"piece{name[-4:].decode()}", folder + b"/" + name)
    beside = [b"--report", b"caf\xe9.json", b"--plot", b"caf\xe9.png"]
    words = [b"align", b"caf\xe9.wav", b"caf\xe9.mid", b"out\xe9.mid", *beside, b"--method", b"dtw"]
    for language in ("C.UTF-8", "C"):
        env = os.environ | dict(LC_ALL=language, PYTHONUTF8="0")
        done = run(*words, b"--force", env=env)
        said = done.communicate()
        assert done.returncode == 0, said[1].decode(errors="replace")
        assert os.path.exists(folder + b"/out\xe9.mid") and b"wrote out" in said[0]
    env = os.environ | dict(LC_ALL="C.UTF-8")
    done = run(b"align", b"gone\xe9.wav", b"caf\xe9.mid", b"new.mid", env=env)
    said = done.communicate()[1]
    assert done.returncode == 2 and said.count(b"\n") == 1 and b"does not exist" in said
    done = run(b"align-all", b"caf\xe9.wav", b"caf\xe9.mid", b"-o", b"all\xe9", *QUICK, env=env)
    said = done.communicate()
    assert done.returncode == 0 and b"1 pair: 1 aligned" in said[0], said


def test_a_full_disk_is_exit_code_1_and_leaves_nothing(here, capsys, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pianoalign.files._to_disk", full)
    before = sorted(p.name for p in here.iterdir())
    words = ["align", "piece.wav", "piece.mid", "out.mid", "--report", "out.csv", *QUICK]
    command(*words, ok=1)
    assert "free some space" in capsys.readouterr().err
    assert sorted(p.name for p in here.iterdir()) == before


def test_nothing_is_written_to_the_users_home(here, untrained):
    home = here / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL"))}
    words = ["align", "piece.wav", "piece.mid", "out.mid", "--weights", untrained[0]]
    done = run(*words, "--plot", "out.png", env=kept | dict(HOME=str(home)))
    said = done.communicate()[1]
    assert done.returncode in (0, 3), said
    assert (here / "out.png").exists() and not list(home.rglob("*"))


def test_long_names(here, capsys):
    long = "n" * 251
    shutil.copy("piece.wav", f"{long}.wav")
    shutil.copy("piece.mid", f"{long}.mid")
    command("align", f"{long}.wav", f"{long}.mid", "out.mid", *QUICK)
    command("align", "piece.wav", "piece.mid", f"{long}m.mid", *QUICK, ok=2)
    assert "longer than 255 bytes" in capsys.readouterr().err
    command("align", f"{long}xx.wav", "piece.mid", "out2.mid", *QUICK, ok=2)
    assert "does not exist" in capsys.readouterr().err


# ---- batches ----


@pytest.fixture
def batch(here):
    "Four pairs in folders of folders, one of them broken, and a recording alone."
    for name in ("bach/1", "bach/2", "satie/1", "satie/broken"):
        for kind, ending in (("audio", "wav"), ("midi", "mid")):
            path = here / kind / f"{name}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(f"piece.{ending}", path)
    (here / "midi/satie/broken.mid").write_bytes(b"no notes")
    shutil.copy("piece.wav", here / "audio/satie/alone.wav")
    return ["align-all", "audio", "midi", "-r", "-o", "out", *QUICK]


def made(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*"))


def test_folders_are_kept_and_each_pair_is_accounted_for(here, batch, capsys):
    command(*batch, ok=1)
    said = capsys.readouterr()
    assert made(here / "out") == ["bach/1.mid", "bach/2.mid", "satie/1.mid"]
    account = "4 pairs: 3 aligned, 1 failed; 1 file without a partner left out"
    assert said.out.splitlines()[-1] == account
    assert "satie/broken: failed: " in said.err and "alone.wav: no MIDI file" in said.err
    command(*batch, ok=1)  # nothing is replaced unasked, and that is said of each
    said = capsys.readouterr()
    assert "4 pairs: 4 failed" in said.out and said.err.count("exists already") == 3
    assert said.err.count("--skip-existing") == 3  # the remedy that a batch has


def test_a_second_run_goes_on(here, batch, capsys):
    command(*batch, ok=1)
    capsys.readouterr()
    (here / "out/bach/2.mid").unlink()
    times = {p: p.stat().st_mtime_ns for p in (here / "out").rglob("*.mid")}
    shutil.copy("piece.mid", here / "midi/satie/broken.mid")
    command(*batch, "--skip-existing")
    assert "4 pairs: 2 aligned, 2 skipped" in capsys.readouterr().out
    assert all(p.stat().st_mtime_ns == t for p, t in times.items())
    assert len(made(here / "out")) == 4


def test_two_at_once_are_the_same(here, batch, capsys):
    command(*batch, ok=1)
    command(*batch[:-3], "parallel", *QUICK, "--jobs", "2", ok=1)
    account = "4 pairs: 3 aligned, 1 failed; 1 file without a partner left out"
    assert capsys.readouterr().out.splitlines()[-1] == account
    assert made(here / "parallel") == made(here / "out")
    for name in made(here / "out"):
        assert (here / "parallel" / name).read_bytes() == (here / "out" / name).read_bytes()


def test_a_table_of_pairs(here, capsys):
    (here / "sub").mkdir()
    table = "audio;midi;out\n../piece.wav;../piece.mid;one\n../gone.wav;../old.mid\n"
    (here / "sub/pairs.csv").write_text("\ufeff" + table)
    command("align-all", "--pairs", "sub/pairs.csv", "-o", "out", *QUICK, ok=1)
    said = capsys.readouterr()
    assert made(here / "out") == ["one.mid"] and "2 pairs: 1 aligned, 1 failed" in said.out
    assert "gone.wav does not exist" in said.err


def test_the_layout_that_judge_asks_for(here, capsys):
    for name in ("nocturne", "waltz [live]"):
        (here / "mine" / name).mkdir(parents=True)
        shutil.copy("piece.wav", here / "mine" / name / "audio.wav")
        for score in ("score.mid", "performance.mid"):
            shutil.copy("piece.mid", here / "mine" / name / score)
    command("align-all", "mine", "-o", "out", *QUICK)
    assert made(here / "out") == ["nocturne.mid", "waltz [live].mid"]
    assert capsys.readouterr().out.splitlines()[-1] == "2 pairs: 2 aligned"


def test_whatever_is_raised_is_one_row(here, capsys, monkeypatch):
    import pianoalign.tool.aligner as aligner

    real = aligner.align
    errors = iter([MemoryError("no room"), RecursionError("too deep"), None])

    def sometimes(*words, **options):
        error = next(errors)
        if error:
            raise error
        return real(*words, **options)

    monkeypatch.setattr(aligner, "align", sometimes)
    for name in ("a", "b", "c"):
        shutil.copy("piece.wav", f"{name}.wav")
        shutil.copy("piece.mid", f"{name}.mid")
    command(
        "align-all", "a.wav", "b.wav", "c.wav", "a.mid", "b.mid", "c.mid", "-o", "out", *QUICK, ok=1
    )
    said = capsys.readouterr()
    assert "3 pairs: 1 aligned, 2 failed" in said.out and made(here / "out") == ["c.mid"]
    assert "MemoryError" in said.err and "RecursionError" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_in_a_batch_leaves_nothing(here, batch, jobs):
    "No half-written file, no process, and the pairs that were done are named."
    mark = dict(BATCH=str(here))
    env = os.environ | mark
    process = run(*batch, "--jobs", str(jobs), start_new_session=True, env=env)
    wait_for(lambda: list((here / "out").rglob("*.mid")), process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode in (130, 1, 0), err.decode()
    if process.returncode == 130:
        assert "not tried" in out.decode() and err.decode().rstrip().endswith("half-written")
    assert "Traceback" not in err.decode()
    for path in (here / "out").rglob("*.*"):
        assert len(read_midi(path).notes) == 40
    wait_for(lambda: not living(mark))


# In the place of `sitecustomize`, which Python runs first of all in every process.
KILLS_ITS_PARENT = """
import contextlib, os, signal, sys

def kill(event, arguments):
    if event == {event!r} and str(arguments[0]).endswith({what!r}):
        with contextlib.suppress(ProcessLookupError):  # the other one was faster
            os.kill(int(os.environ["VICTIM"]), signal.SIGKILL)

if "--multiprocessing-fork" in sys.orig_argv:
    sys.addaudithook(kill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize(
    "event, what",
    [
        ("import", "multiprocessing.spawn"),
        ("import", "pianoalign.tool.batch"),
        ("import", "scipy"),
        ("open", ".wav"),
    ],
)
def test_a_batch_that_is_killed_takes_its_processes_with_it(here, batch, event, what):
    "Whatever they are about, from their first import on."
    (here / "first").mkdir()
    code = KILLS_ITS_PARENT.format(event=event, what=what)
    (here / "first" / "sitecustomize.py").write_text(code)
    path = os.pathsep.join([str(here / "first"), os.environ.get("PYTHONPATH", "")])
    mark = dict(BATCH=str(here))
    code = (
        "import os, sys\n"
        "os.environ['VICTIM'] = str(os.getpid())\n"
        "from pianoalign.__main__ import main\nmain()\n"
    )
    line = [sys.executable, "-c", code, *batch, "--jobs", "2"]
    env = os.environ | mark | dict(PYTHONPATH=path)
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    try:
        assert process.wait(HANG_S) == -signal.SIGKILL
        wait_for(lambda: not living(mark))
    finally:
        for pid in living(mark):
            os.kill(pid, signal.SIGKILL)
    for path in (here / "out").rglob("*.mid"):
        assert len(read_midi(path).notes) == 40


@pytest.mark.parametrize("force", [False, True])
def test_what_others_write_in_the_meantime_is_kept(here, capsys, monkeypatch, force):
    "Two batches into one folder: whoever is later loses, unless it may replace."
    import pianoalign.tool.aligner as aligner

    real = aligner._align

    def slow(*words, **options):
        result = real(*words, **options)
        (here / "out.mid").write_bytes(b"somebody else's")
        (here / "all").mkdir(exist_ok=True)
        (here / "all/piece.mid").write_bytes(b"somebody else's")
        return result

    monkeypatch.setattr(aligner, "_align", slow)
    words = ["align", "piece.wav", "piece.mid", "out.mid", "--report", "out.csv", *QUICK]
    command(*words, *["--force"] * force, ok=0 if force else 2)
    said = capsys.readouterr().err
    assert (here / "out.csv").exists() == force  # all or nothing
    assert ((here / "out.mid").read_bytes() == b"somebody else's") == (not force)
    assert ("exists already" in said) == (not force)
    if not force:
        command("align-all", "piece.wav", "piece.mid", "-o", "all", "--skip-existing", *QUICK)
        assert "1 pair: 1 skipped" in capsys.readouterr().out


def test_keeping_the_bars_leaves_every_onset_where_it_is_without(here):
    command("align", "piece.wav", "piece.mid", "out.mid", "--keep-bars", *QUICK)
    command("align", "piece.wav", "piece.mid", "plain.mid", *QUICK)
    kept, plain = (read_midi(name).notes for name in ("out.mid", "plain.mid"))
    order = [sorted(zip(n.pitch, n.onset_s)) for n in (kept, plain)]
    assert max(abs(a[1] - b[1]) for a, b in zip(*order)) < 2e-3


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_links_and_permissions_stay(here):
    "`--force` through a link replaces what it points to, which keeps its permissions."
    os.chmod("old.mid", 0o600)
    os.symlink("old.mid", "way.mid")
    command("align", "piece.wav", "piece.mid", "way.mid", "--force", *QUICK)
    assert os.path.islink("way.mid") and os.stat("old.mid").st_mode & 0o777 == 0o600
    assert len(read_midi("old.mid").notes) == 40
