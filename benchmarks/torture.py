#!/usr/bin/env python3
"""Everything that a machine, a neighbour or an impatient user can do to a run; what holds is said.

usage: make torture                                       all of it, about ten minutes on two cores
       python benchmarks/torture.py --only kill-align home   some of it
       python benchmarks/torture.py --smoke               also the real `make reproduce TIER=smoke`

Everything happens in a folder called "a b'c {x} $y". A short piece is aligned with a small network
that was never trained; the workflow is the real one, over the toy notebooks of the tests. One line
for each trial: `held`, `BROKEN` with what was seen, or `skipped` with what it needs. Ends with 1 if
anything is broken. For Linux.
"""

import argparse, contextlib, hashlib, os, resource, shutil, signal, subprocess, sys
import tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from waiting import living  # noqa: E402
NAME = "a b'c {x} $y"
OUTPUTS = ("out.mid", "out.csv", "out.png")
PLAIN_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")  # root like anybody else
PATIENCE_S = 900  # for one command, on a machine however busy
FULL_BYTES = 3000  # what fits on the full disk: the MIDI file, not the picture


class Broken(Exception):
    "What was seen in place of what has to hold."


class Skipped(Exception):
    "What a trial needs and the machine does not give."


def hold(condition, *seen) -> None:
    if not condition:
        raise Broken(" ".join(" ".join(map(str, seen)).split())[-400:])


# ---- commands ----------------------------------------------------------------------------------


def environment(**more: str) -> dict:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL", "NUMBA_"))}
    return keep | dict(PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1") | more


def start(words, folder: Path, before=(), home: Path | None = None, **how) -> subprocess.Popen:
    "Start `pianoalign` with these words in a folder, in a session of its own."
    more = how.pop("env", {}) | (dict(HOME=str(home)) if home else {})
    line = [*before, sys.executable, "-m", "pianoalign", *map(str, words)]
    return subprocess.Popen(
        line,
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **how,
    )


def finish(process: subprocess.Popen) -> tuple:  # exit code, what it said on either stream
    try:
        out, said = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise Broken(f"no end after {PATIENCE_S} s") from None
    return process.returncode, out + said


def run(words, folder: Path, **how) -> tuple:  # exit code, what it said
    code, said = finish(start(words, folder, **how))
    hold("Traceback" not in said, said)
    return code, said


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def state_of(folder: Path) -> dict:  # name -> digest, of all files but hidden ones
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return {str(p.relative_to(folder)): digest(p) for p in files}


def hidden_in(folder: Path) -> list:
    return [p.name for p in folder.rglob(".*")]


def align_words(work: Path, *more) -> list:
    "Align the short piece here, with all three outputs."
    files = ["align", work / "piece.wav", work / "piece.mid", OUTPUTS[0]]
    return [*files, "--weights", work / "weights", "--report", OUTPUTS[1], *more]


def all_outputs(work: Path) -> list:
    return align_words(work, "--plot", OUTPUTS[2])


def batch_words(work: Path, *more) -> list:
    return ["align-all", work / "many", "-o", "out", "--weights", work / "weights", *more]


# ---- what is worked with -------------------------------------------------------------------------


class Bench:
    "The folder that everything happens in, and what undisturbed commands give."

    def __init__(self, work: Path):
        from fuzz import small_network
        from short_piece import make_piece

        self.work = work
        self.made = 0
        make_piece(work)
        small_network(work / "weights")
        (work / "many").mkdir()
        for name in ("one", "two", "three é"):
            for ending in ("wav", "mid"):
                shutil.copy(work / f"piece.{ending}", work / "many" / f"{name}.{ending}")
        for _ in range(2):  # the first one also loads and compiles what others find in caches
            folder, began_s = self.folder(), time.monotonic()
            code, said = run(all_outputs(work), folder)
            hold(code in (0, 3), "undisturbed align ends with", code, said)
            self.align_s = time.monotonic() - began_s
        self.aligned = state_of(folder)

    def folder(self) -> Path:
        "A new folder."
        self.made += 1
        folder = self.work / f"{self.made}"
        folder.mkdir()
        return folder

    def whole_or_nothing(self, folder: Path) -> bool:
        "Are all outputs there and right, or none? Raises `Broken` for anything between."
        state = state_of(folder)
        hold(not state or state == self.aligned, "left", *state)
        return bool(state)

    def project(self) -> Path:
        "The workflow over toy notebooks, in a folder of its own."
        from miniature import make_miniature

        return make_miniature(self.folder())


# ---- trials ------------------------------------------------------------------------------------


def signalled(bench: Bench, share: float, number: int) -> tuple:  # folder, exit code, what it said
    "Begin to align in a new folder, and send a signal after a share of the time that it takes."
    folder = bench.folder()
    process = start(all_outputs(bench.work), folder)
    time.sleep(bench.align_s * share)
    process.send_signal(number)
    return folder, *finish(process)


def kill_align(bench: Bench) -> str:
    "kill -9 in align: whole outputs or none, and the command goes through afterwards"
    done = 0
    for k in range(8):
        folder, _, _ = signalled(bench, 0.3 + 0.6 * k / 7, signal.SIGKILL)
        done += bench.whole_or_nothing(folder)
    code, said = run([*all_outputs(bench.work), "--force"], folder)
    hold(code in (0, 3) and bench.whole_or_nothing(folder), said)
    return f"8 kills, {done} of them too late"


def ctrl_c(bench: Bench) -> str:
    "Ctrl-C in align: exit code 130, no traceback, whole outputs or none, no temporary file"
    late = 0
    for k in range(6):
        folder, code, said = signalled(bench, 0.1 + 0.8 * k / 5, signal.SIGINT)
        stopped = code in (130, -signal.SIGINT)  # the latter while Python itself goes to bed
        hold("Traceback" not in said and (stopped or code in (0, 3)), code, said)
        hold(bench.whole_or_nothing(folder) or stopped, "code", code, *state_of(folder))
        hold(not hidden_in(folder), *hidden_in(folder))
        late += not stopped
    return f"6 times, {late} of them too late"


def kill_batch(bench: Bench) -> str:
    "kill -9 in align-all with two processes: they end too, and --skip-existing does what is left"
    folder = bench.folder()
    mark = dict(TORTURED=str(folder))
    for share in (0.3, 0.5, 0.7, 0.9, 1.3, 1.7):  # the first ones while the processes start
        words = batch_words(bench.work, "--jobs", 2, "--skip-existing")
        process = start(words, folder, env=mark)
        time.sleep(bench.align_s * share)
        process.kill()
        finish(process)
        wait_until(lambda: not living(mark), "processes are left")
        made = state_of(folder)
        wrong = [n for n, d in made.items() if d != bench.aligned["out.mid"]]
        hold(not wrong, "differ:", *wrong)
    code, said = run(batch_words(bench.work, "--skip-existing"), folder)
    hold(code in (0, 3) and len(state_of(folder)) == 3, said)
    return f"{len(made)} of 3 pairs were done before"


def wait_until(happened, otherwise: str) -> None:
    "Wait for an event; whoever waits in vain has seen what stands in `otherwise`."
    until_s = time.monotonic() + PATIENCE_S
    while not happened() and time.monotonic() < until_s:
        time.sleep(0.1)
    hold(happened(), otherwise)


def two_batches(bench: Bench) -> str:
    "two align-all at once into one folder: each file is whole and written once"
    folder = bench.folder()
    both = [start(batch_words(bench.work, "--skip-existing"), folder) for _ in range(2)]
    ends = [finish(process) for process in both]
    hold(all(code in (0, 3) for code, _ in ends), *ends)
    hold(set(state_of(folder).values()) == {bench.aligned["out.mid"]}, *state_of(folder))
    hold(len(state_of(folder)) == 3 and not hidden_in(folder), *hidden_in(folder))
    counts = [said.count(" skipped") for _, said in ends]
    return f"lines that say skipped: {counts[0]} and {counts[1]}"


@contextlib.contextmanager
def full_disk(folder: Path):
    "A disk of a few kilobytes, or a limit to the size of files; yields what it is."
    small = folder / "disk"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={2 * 4096}", "tmpfs", str(small)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield "a disk of 8 KiB"
        finally:
            subprocess.run(["umount", "-l", str(small)], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
    try:
        yield f"files of at most {FULL_BYTES} bytes"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def disk(bench: Bench) -> str:
    "disk full with --report and --plot: one sentence, and none of the three files"
    folder = bench.folder()
    with full_disk(folder) as what:
        code, said = run(all_outputs(bench.work), folder / "disk")
        left = state_of(folder / "disk"), hidden_in(folder / "disk")
    hold(code == 1 and "space" in said, code, said)
    hold(left == ({}, []), *left)
    return what


def home(bench: Bench) -> str:
    "nothing is written to $HOME, and one that may not be written is enough"
    ours = bench.folder()
    code, said = run(all_outputs(bench.work), bench.folder(), home=ours)
    hold(code in (0, 3), said)
    touched = [str(p.relative_to(ours)) for p in ours.rglob("*") if p.is_file()]
    hold(not touched, "written to $HOME:", *touched)
    ours.chmod(0o555)
    folder = bench.folder()
    code, said = run(all_outputs(bench.work), folder, home=ours, before=plain_rights())
    hold(code in (0, 3) and bench.whole_or_nothing(folder), code, said)
    hold("atplotlib" not in said, said)
    return ""


def plain_rights() -> tuple:
    "Words before a command that take root's special rights from it."
    if os.geteuid() != 0:
        return ()
    if not shutil.which(PLAIN_RIGHTS[0]):
        raise Skipped("needs setpriv (util-linux), or a user who is not root")
    return PLAIN_RIGHTS


def read_only(bench: Bench) -> str:
    "inputs that may only be read, a folder that may not be written, weights that may not be read"
    work, folder = bench.folder(), bench.folder()
    for name in ("piece.wav", "piece.mid"):
        shutil.copy(bench.work / name, work)
        (work / name).chmod(0o444)
    shutil.copytree(bench.work / "weights", work / "weights")
    work.chmod(0o555)
    code, said = run(all_outputs(work), folder, before=plain_rights())
    hold(code in (0, 3) and bench.whole_or_nothing(folder), code, said)
    folder.chmod(0o555)
    code, said = run([*all_outputs(work), "--force"], folder, before=plain_rights())
    hold(code == 2 and "may not be written" in said and said.count("\n") == 1, code, said)
    work.chmod(0o755)
    (work / "weights" / "weights.safetensors").chmod(0)
    code, said = run(all_outputs(work), bench.folder(), before=plain_rights())
    hold(code == 2 and "weights" in said and said.count("\n") == 1, code, said)
    return ""


def modes(bench: Bench) -> str:
    "outputs may be read by whom the umask lets read, and a replaced file keeps its rights"
    folder = bench.folder()
    previous = os.umask(0o022)
    try:
        code, said = run(all_outputs(bench.work), folder)
        found = {name: (folder / name).stat().st_mode & 0o777 for name in OUTPUTS}
        hold(set(found.values()) == {0o644}, {k: oct(v) for k, v in found.items()}, said)
        (folder / "out.mid").chmod(0o640)
        run([*all_outputs(bench.work), "--force"], folder)
        hold((folder / "out.mid").stat().st_mode & 0o777 == 0o640, "rights were changed")
    finally:
        os.umask(previous)
    return ""


def other_user(bench: Bench) -> str:
    "a clone that belongs to somebody else: align works in it, reproduce may not write there"
    if os.geteuid() != 0:
        raise Skipped("needs root, who can give files to somebody else")
    before, clone = plain_rights(), bench.folder() / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for path in (clone, *clone.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    words = ["-c", MAKE, "reproduce", "--tier", "smoke"]
    process = python([*before, sys.executable, *words], clone, PYTHONPATH=str(clone))
    code, said = finish(process)
    hold(code == 1 and said.count("\n") == 1, code, said)
    hold("may not be written" in said or "somebody else" in said, said)
    folder = bench.folder()
    more = ["--report", folder / OUTPUTS[1], "--plot", folder / OUTPUTS[2]]
    files = [bench.work / "piece.wav", bench.work / "piece.mid", folder / OUTPUTS[0]]
    words = ["align", *files, "--weights", bench.work / "weights", *more]
    code, said = run(words, clone, before=before, env=dict(PYTHONPATH=str(clone)))
    hold(code in (0, 3) and bench.whole_or_nothing(folder), code, said)
    words = ["-c", "from pianoalign.files import repo_root; print(repo_root())"]
    where = finish(python([*before, sys.executable, *words], clone / "nbs"))[1]
    hold(where.strip() == str(ROOT), "code of somebody else would be run:", where)
    return ""


def c_locale(bench: Bench) -> str:
    "the C locale, and names with é in it"
    folder = bench.folder()
    plain = dict(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    words = batch_words(bench.work, "--report", "json")
    code, said = run(words, folder, env=plain)
    hold(code in (0, 3) and len(list(folder.rglob("*.mid"))) == 3, code, said)
    return ""


def no_network(bench: Bench) -> str:
    "no network, not even the loopback: align and the workflow"
    before = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--net")
    if subprocess.run([*before, "true"], capture_output=True).returncode:
        raise Skipped("needs unshare, and a system that lets this user use it")
    folder = bench.folder()
    code, said = run(all_outputs(bench.work), folder, before=before)
    hold(code in (0, 3) and bench.whole_or_nothing(folder), code, said)
    project = bench.project()
    code, said = finish(workflow(project, before=before))
    hold(code == 0, said)
    return ""


WORKFLOW = """
import sys
from pianoalign.reproduce.pipeline import NotebookError, make_plan, run_workflow, targets_of
from pianoalign.files import InputError
plan = make_plan("smoke", None, "results", None, sys.argv[1])
try: run_workflow(plan, targets_of("table2", plan, sys.argv[1]), 2, sys.argv[1])
except (InputError, NotebookError) as error: sys.exit(f"pianoalign: {error}")
"""


MAKE = "from pianoalign.reproduce.pipeline import main; raise SystemExit(main())"


def python(line, folder: Path, **more: str) -> subprocess.Popen:
    "Start a command line in a folder, in a session of its own."
    return subprocess.Popen(
        [str(word) for word in line],
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workflow(project: Path, before=()) -> subprocess.Popen:
    "Start the workflow of a project."
    words = [*before, sys.executable, "-c", WORKFLOW, project]
    return python(words, project, TORTURED=str(project))


def tables_of(project: Path) -> dict:
    return {p.name: digest(p) for p in sorted((project / "results/smoke").glob("*.csv"))}


def kill_workflow(bench: Bench) -> str:
    "kill -9 in reproduce: no process stays, and the same command ends as if nothing had happened"
    calm, project = bench.project(), bench.project()
    code, said = finish(workflow(calm))
    hold(code == 0, said)
    steps = project / "results/smoke/steps.txt"
    steps_done = lambda: steps.read_text("utf-8").splitlines() if steps.is_file() else []
    for count in (0, 1, 10, 30, 39):  # of 40 steps that its two trainings take together
        process = workflow(project)
        plan = project / "results/smoke/.state/plan.yaml"
        begun = lambda: plan.exists() and len(steps_done()) >= count
        wait_until(lambda: begun() or process.poll() is not None, "nothing moves")
        process.kill()
        finish(process)
        left = lambda: living(dict(TORTURED=str(project)))
        wait_until(lambda: not left(), "processes are left")
    code, said = finish(workflow(project))
    hold(code == 0, said)
    hold(tables_of(project) == tables_of(calm) != {}, "tables differ", *tables_of(project))
    left = [p.name for p in (project / "results").rglob("*") if ".tmp" in p.name]
    hold(not left, "left", *left)
    done = steps_done()
    again = len(done) - len(set(done))
    return f"5 kills; {again} of {len(set(done))} steps of training were done twice"


def two_workflows(bench: Bench) -> str:
    "two reproduce at once: the second is told, the first goes on"
    project = bench.project()
    first = workflow(project)
    lock = project / "results/smoke/.state/plan.yaml"
    wait_until(lock.exists, "nothing moves")
    code, said = finish(workflow(project))
    hold(code == 1 and "another" in said and said.count("\n") == 1, code, said)
    code, said = finish(first)
    hold(code == 0 and tables_of(project), said)
    return ""


def smoke(bench: Bench) -> str:
    "the real smoke tier, in a clone in this folder, killed after its first and its fourth job"
    clone = bench.work / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    mark = dict(TORTURED=str(clone))
    how = dict(env=mark | dict(PYTHONPATH=str(clone)))
    done = clone / "results/fresh/smoke/.state/cost"
    for jobs in (1, 4):
        process = start(["reproduce", "--tier", "smoke"], clone, **how)
        enough = lambda: len(list(done.glob("*.json"))) >= jobs
        wait_until(lambda: enough() or process.poll() is not None, "nothing moves")
        process.kill()
        finish(process)
        wait_until(lambda: not living(mark), "processes are left")
    code, said = run(["reproduce", "--tier", "smoke"], clone, **how)
    hold(code == 0, code, said)
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True
    ).stdout
    tables = sorted(p.stem for p in (clone / "results/fresh/smoke").glob("table*.csv"))
    hold(not changed and len(tables) >= 6, changed, *tables)
    return f"{len(tables)} tables, and git sees no change"


TRIALS = {
    "kill-align": kill_align,
    "ctrl-c": ctrl_c,
    "kill-batch": kill_batch,
    "two-batches": two_batches,
    "disk": disk,
    "home": home,
    "read-only": read_only,
    "modes": modes,
    "other-user": other_user,
    "c-locale": c_locale,
    "no-network": no_network,
    "kill-workflow": kill_workflow,
    "two-workflows": two_workflows,
    "smoke": smoke,
}


def one_line(name: str, bench: Bench) -> tuple:  # is it broken?, the line
    trial = TRIALS[name]
    what = " ".join(trial.__doc__.split())
    try:
        seen = trial(bench)
    except Skipped as error:
        return False, f"skipped  {what}: {error}"
    except (Broken, OSError, subprocess.SubprocessError) as error:
        return True, f"BROKEN   {what}: {error}"
    return False, f"held     {what}{f' ({seen})' if seen else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(TRIALS), help="these trials alone")
    parser.add_argument("--smoke", action="store_true", help="also the real smoke tier")
    asked = parser.parse_args()
    names = asked.only or [name for name in TRIALS if name != "smoke" or asked.smoke]
    began_s, broken = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        work = Path(folder) / NAME
        work.mkdir()
        bench = Bench(work)
        for name in names:
            wrong, line = one_line(name, bench)
            broken += wrong
            print(line, flush=True)
        for path in work.rglob("*"):  # so that all of it can be removed
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
    minutes = (time.monotonic() - began_s) / 60
    print(f"{len(names)} trials in {minutes:.0f} minutes, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
