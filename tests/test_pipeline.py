"""What the chapters on the pipeline cannot show: interruption, failure and repetition of the whole
graph, and the rules that tracked files keep."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from miniature import ROOT, make_miniature, write_notebook
from waiting import HANG_S, living, wait_for

from pianoalign.files import InputError, write_text
from pianoalign.reproduce.chapters import (
    BASELINES,
    FIGURES,
    TABLES,
    chapters_to_execute,
    notebook_paths,
    read_chapters,
)
from pianoalign.reproduce.compare import FRESH_RESULTS, accept, clean_results, compare_results
from pianoalign.reproduce.export import stale_modules, tidy
from pianoalign.reproduce.fingerprints import (
    folder_fingerprint,
    modules_fingerprint,
    needed_modules,
)
from pianoalign.reproduce.jobs import (
    comes_finished,
    environment_of_runs,
    forget_marks_of_pauses,
    prepare_run_folder,
)
from pianoalign.reproduce.notebooks import (
    NotebookError,
    check_parameters,
    declared_parameters,
    run_notebook,
)
from pianoalign.reproduce.pipeline import (
    _forget_what_came,
    _say_what_is_kept,
    main,
    make_tables,
    only_one,
    results_for,
    tables_ready,
)
from pianoalign.reproduce.plan import PARAMETERS, job_parameters, job_paths, make_plan, targets_of
from pianoalign.reproduce.readme import (
    _as_printed,
    benchmarks_text,
    contributing_text,
    readme_text,
)

START = """
import sys
from pianoalign.reproduce.pipeline import NotebookError, make_plan, run_workflow, targets_of
root, only = sys.argv[1:]
plan = make_plan("smoke", root=root)
try: progress = run_workflow(plan, targets_of(only, plan, root), 2, root)
except NotebookError as e: sys.exit(str(e))
print("jobs", len(progress.took))
"""


def start(root, only, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-c", START, str(root), only],
        cwd=root,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **kwargs,
    )


def finish(root, only):
    process = start(root, only)
    out, said = process.communicate(timeout=HANG_S)
    return process.returncode, out, said


def steps(root):
    path = root / "results" / "smoke" / "steps.txt"
    return path.read_text().splitlines() if path.exists() else []


# ---- the only call of papermill


def test_unknown_parameter_is_refused_and_nothing_is_written(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "print(tier)", parameters=dict(tier="demo"))
    with pytest.raises(InputError, match="no parameter 'teir'.*Did you mean tier?"):
        run_notebook(notebook, tmp_path / "out.ipynb", {"teir": "smoke"})
    assert [p.name for p in tmp_path.iterdir()] == ["n.ipynb"]


def test_missing_tag_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "tier = 'demo'")
    with pytest.raises(InputError, match="no cell tagged `parameters`"):
        run_notebook(notebook, tmp_path / "out.ipynb", {"tier": "smoke"})


@pytest.mark.parametrize("line", ["tier: str = 'demo'", "tier = scale = 1", "import os"])
def test_parameters_that_papermill_would_not_understand_are_refused(tmp_path, line):
    notebook = write_notebook(tmp_path / "n.ipynb", line)
    nb = json.loads(notebook.read_text())
    nb["cells"][0]["metadata"]["tags"] = ["parameters"]
    notebook.write_text(json.dumps(nb))
    with pytest.raises(InputError, match="not of the form `name = value`"):
        check_parameters(notebook, {"tier": "smoke"})


def test_notebook_runs_in_our_python_whatever_kernels_the_user_has(tmp_path, monkeypatch):
    """A kernel called python3 in the user's folder is not the one that is used; caches and backends
    come from the edge."""
    user = tmp_path / "home" / ".local" / "share" / "jupyter"
    (user / "kernels" / "python3").mkdir(parents=True)
    spec = dict(argv=["false", "{connection_file}"], display_name="another", language="python")
    (user / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(user))
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    code = (
        "import os, sys; assert sys.prefix == {!r}, sys.prefix\n"
        "assert os.environ['OMP_NUM_THREADS'] == '1' and 'inline' in os.environ['MPLBACKEND']"
    )
    notebook = write_notebook(tmp_path / "n.ipynb", code.format(sys.prefix))
    odd = tmp_path / "a b'c {x} $y"  # papermill would fill in what stands in braces
    odd.mkdir()
    assert run_notebook(notebook, odd / "out.ipynb").exists()
    assert os.environ["MPLBACKEND"] == "TkAgg"


def test_every_notebook_declares_what_the_workflow_gives_it():
    values = dict.fromkeys(PARAMETERS, "x")
    values.pop("budget")
    values.pop("pause_after")
    for path in notebook_paths(ROOT).values():
        job_parameters(path, values)


def test_every_notebook_stands_in_the_list_once():
    listed = [c.place for c in read_chapters(ROOT)]
    there = [p.relative_to(ROOT / "nbs").as_posix() for p in notebook_paths(ROOT).values()]
    assert len(listed) == len(set(listed))
    assert sorted(listed) == sorted(set(there) - {"index.ipynb"}), "say so in nbs/chapters.yaml"


def test_every_table_and_figure_has_its_chapter():
    tables = [f"table{k}" for k in range(1, 7)]
    assert sorted(TABLES) == ["claims", *tables]
    assert sorted(FIGURES) == ["figure1", "figure2", "figure3"]


def test_a_results_folder_with_braces_is_refused(tmp_path):
    with pytest.raises(InputError, match="braces; choose a folder without"):
        make_plan("smoke", results_root=tmp_path / "{x}")


# ---- the graph


def test_life_of_a_run(miniature):
    """Killed, resumed, stopped by a broken chapter, mended; at each step only what is missing is
    done."""
    table = miniature / "nbs" / "42a_architecture.ipynb"
    good = table.read_text()
    write_notebook(
        table, "raise KeyError('no such column')", parameters=dict(tier="smoke", results_root="")
    )

    stop = write_text(miniature / "results" / "smoke" / "stop", "")
    process = start(miniature, "table2", env=os.environ | dict(TOY_RUN=str(miniature)))
    wait_for(lambda: len(steps(miniature)) >= 4, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not living(dict(TOY_RUN=str(miniature))))  # all that it had started
    stop.unlink()
    assert 4 <= len(steps(miniature)) <= 8

    code, out, said = finish(miniature, "table2")
    every = sorted(f"{run} {k}" for run in ("crnn", "cnn") for k in range(20))
    assert sorted(set(steps(miniature))) == every, said
    assert len(steps(miniature)) <= 40 + 2  # a step that was cut short is done again
    failed = miniature / "results" / "smoke" / "failed" / "42a_architecture.ipynb"
    assert (
        code == 1
        and "42a_architecture stopped in cell [3]: KeyError: 'no such column'" in said
        and str(failed) in said
        and "1 of 3 jobs failed" in said
    )
    assert (
        "no such column" in failed.read_text()
        and not (miniature / "results" / "smoke" / "table2.csv").exists()
    )

    table.write_text(good)
    assert finish(miniature, "table2")[:2] == (0, "jobs 1\n") and not failed.exists()
    assert "crnn" in (miniature / "results" / "smoke" / "table2.csv").read_text()

    nb = json.loads(good)  # opened, run and saved: the same notebook
    nb["cells"][1]["outputs"] = [dict(output_type="stream", name="stdout", text="seen\n")]
    table.write_text(json.dumps(nb))
    assert finish(miniature, "table2")[:2] == (0, "jobs 0\n") and len(set(steps(miniature))) == 40


def test_tables_are_made_from_the_runs_that_are_there(miniature, capsys):
    "No corpus, no training; a table that lacks a run is left out and the run is named."
    plan = make_plan("smoke", root=miniature)
    out = miniature / "results" / "smoke"
    with pytest.raises(InputError, match="not one table's runs"):
        make_tables(plan, 1, miniature)
    for run in plan["runs"].values():
        (out / "runs" / run["folder"]).mkdir(parents=True)
        for name in ("metrics.json", "errors.npz"):
            (out / "runs" / run["folder"] / name).write_text("{}")
    made = make_tables(plan, 1, miniature)
    said = capsys.readouterr().err
    assert (
        "table2" in made
        and "table1" not in made
        and "table1 is left out" in said
        and "has no dtw" in said
    )
    assert (
        "crnn" in (out / "table2.csv").read_text()
        and not steps(miniature)
        and not (out / "table1.csv").exists()
    )
    assert make_tables(plan, 1, miniature, only="table2") == ["table2"]
    with pytest.raises(InputError, match="no table 'tabel2'.*table2"):
        make_tables(plan, 1, miniature, only="tabel2")
    (miniature / "nbs" / "42a_architecture.ipynb").unlink()
    with pytest.raises(NotebookError, match="42a_architecture"):
        make_tables(plan, 1, miniature)


def test_runs_that_took_hours_are_kept_unless_told_otherwise(tmp_path, capsys):
    "Tiers of hours go on from the run folders that come with a clone; those of minutes train."
    plan = lambda tier, **more: make_plan(tier, tmp_path, ROOT / ".cache" / "dry", **more)
    try:
        assert (
            plan("maps")["keep"]
            and not plan("maps", fresh=True)["keep"]
            and not plan("demo")["keep"]
            and plan("printed")["keep"]
        )
    finally:
        shutil.rmtree(ROOT / ".cache" / "dry", ignore_errors=True)
    shipped = make_plan("maps", tmp_path)
    _say_what_is_kept(shipped, ROOT)
    there = [ROOT / shipped["out"] / "runs" / r["folder"] for r in shipped["runs"].values()]
    assert all(comes_finished(f) for f in there)  # the tables of the clone can be made from it
    if not all((f / "checkpoint").is_dir() for f in there):
        assert "come finished with the clone" in capsys.readouterr().err


def test_fresh_forgets_what_came_with_the_clone_and_nothing_else(tmp_path):
    plan = dict(
        out="results/maps",
        runs=dict(
            a=dict(folder="a-1", after="d"),
            b=dict(folder="b-2", after=""),
            c=dict(folder="c-3", after=""),
            d=dict(folder="d-4", after=""),
            e=dict(folder="e-5", after=""),
        ),
        tables={},
    )
    out = tmp_path / plan["out"]
    for name in ("a-1", "b-2", "c-3", "d-4", "e-5"):
        for path in (
            out / "runs" / name / "metrics.json",
            out / "runs" / name / "errors.npz",
            out / ".state" / "done" / name,
            out / ".state" / "made_by" / name,
        ):
            write_text(path, "{}")
    write_text(out / "runs" / "b-2" / "checkpoint" / "weights.safetensors", "")  # trained here
    (out / "runs" / "c-3" / "errors.npz").unlink()  # not finished
    _forget_what_came(plan, tmp_path, "a")
    assert sorted(p.name for p in (out / "runs").iterdir()) == [
        "b-2",
        "c-3",
        "e-5",
    ]  # it started from d
    _forget_what_came(plan, tmp_path)
    assert sorted(p.name for p in (out / "runs").iterdir()) == ["b-2", "c-3"]
    for kind in ("done", "made_by"):
        assert sorted(p.name for p in (out / ".state" / kind).iterdir()) == ["b-2", "c-3"]


def would_do(*targets) -> str:
    "What Snakemake says it would do in tier smoke, for all that is wanted or for some targets."
    words = "snakemake -s workflow/Snakefile --cores 1 --dry-run --nolock --config tier=smoke"
    line = [sys.executable, "-m", *words.split(), f"results={ROOT / '.cache' / 'dry'}"]
    line += ["--", *targets] if targets else []
    log = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S)
    shutil.rmtree(ROOT / ".cache" / "dry", ignore_errors=True)
    assert log.returncode == 0, log.stderr[-2000:]
    return log.stdout + log.stderr


def test_graph_of_the_real_project_is_complete():
    "Every file that the workflow promises has a rule, for every tier that needs no other corpus."
    plan = make_plan("smoke", results_root=ROOT / ".cache" / "dry")
    said = would_do()
    for job in (*(f"train_{r}" for r in plan["runs"]), *TABLES.values()):
        assert job in said
    assert not any(n in said for n in chapters_to_execute(ROOT, "smoke", "neighbours"))


def test_neighbours_are_a_part_of_their_own():
    "Plain `make reproduce` does not ask for them, and they ask for none of its trainings."
    plan = make_plan("smoke", results_root=ROOT / ".cache" / "dry")
    names = chapters_to_execute(ROOT, "demo", "neighbours")
    assert (
        "01_small_transcriber" in names
        and "05h_pipeline" not in names
        and not set(names) & set(chapters_to_execute(ROOT, "demo"))
    )
    assert targets_of(None, plan, ROOT) == ["all"] and targets_of(
        None, plan, ROOT, "neighbours"
    ) == ["neighbours"]
    assert targets_of("01_small_transcriber", plan, ROOT) == [
        job_paths(plan, "01_small_transcriber")["executed"]
    ]
    said = would_do("neighbours")
    assert all(f"nb_{n}" in said for n in names) and "train_" not in said and BASELINES not in said


@pytest.mark.parametrize("name", ["config.json", "errors.npz", "checkpoint/state.safetensors"])
@pytest.mark.parametrize("content", [b"", b'{"a": '])
def test_a_damaged_run_folder_is_set_aside_and_named(tmp_path, capsys, name, content):
    run = tmp_path / "runs" / "crnn-1"
    write_text(run / "metrics.json", "{}")
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_bytes(content)
    prepare_run_folder(run, tmp_path / "record", dict(learns="a", judges="b"), keep=True)
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["damaged-1-crnn-1"]
    said = capsys.readouterr().err
    assert said.startswith("pianoalign: ") and said.count("\n") == 1 and str(run / name) in said


def test_a_training_that_pauses_goes_on_with_the_next_call(miniature):
    "Its mark is taken back; tables are made from what it has left all the same."
    plan = make_plan("smoke", root=miniature, pause_after="2h")
    assert plan["parameters"]["pause_after"] == "2h"
    with pytest.raises(InputError, match="'soon' is no length of time"):
        make_plan("smoke", root=miniature, pause_after="soon")
    done, folders = [], []
    for name, run in plan["runs"].items():
        folders.append(miniature / plan["out"] / "runs" / run["folder"])
        done.append(miniature / job_paths(plan, f"train_{name}", miniature)["done"])
        write_text(done[-1], "")
        write_text(folders[-1] / "errors.npz", "{}")
    write_text(folders[0] / "metrics.json", '{"finished": false}')
    write_text(folders[1] / "metrics.json", "{}")
    forget_marks_of_pauses(plan, miniature)
    assert [path.is_file() for path in done] == [False, True]
    assert not tables_ready(plan, miniature)["table2"]


def test_trainings_say_what_memory_they_take(tmp_path):
    "Measured: 8.7 GiB for whole segments at the paper's width, 1.1 GiB for tier demo."
    roots = tmp_path, tmp_path / "results"
    takes = {tier: make_plan(tier, *roots)["runs"] for tier in ("demo", "printed")}
    assert takes["demo"]["crnn"]["mem_mib"] < 1400 and takes["printed"]["crnn"]["mem_mib"] > 8700
    assert takes["printed"]["fps200"]["mem_mib"] > 1.5 * takes["printed"]["crnn"]["mem_mib"]


def test_two_at_a_time_is_refused(tmp_path):
    with only_one(tmp_path):
        with pytest.raises(InputError, match="another `make reproduce`"):
            with only_one(tmp_path, patience_s=0):
                pass


def test_another_ones_folder_is_named(tmp_path):
    if os.getuid() == 0:
        pytest.skip("root may write anywhere")
    (tmp_path / ".state").mkdir(mode=0o500)
    with pytest.raises(InputError, match="belongs to somebody else"):
        with only_one(tmp_path):
            pass


# ---- fresh results and committed ones


def test_fresh_results_go_where_git_ignores_them(tmp_path):
    for tier in ("demo", "smoke"):
        assert results_for(tier, "paper", ROOT) == FRESH_RESULTS
    assert results_for("demo", "tables", ROOT) == results_for("maps", "paper", ROOT) == "results"
    assert results_for("maps", "paper", ROOT, fresh=True) == FRESH_RESULTS
    ignored = subprocess.run(
        ["git", "check-ignore", "-q", f"{FRESH_RESULTS}/demo/table1.csv"], cwd=ROOT
    )
    assert ignored.returncode == 0


def copy_tier(root, folder):
    "The committed tables of tier demo, as a fresh run would leave them."
    target = root / folder / "demo"
    target.mkdir(parents=True)
    for path in (ROOT / "results" / "demo").glob("*.csv"):
        shutil.copy(path, target / path.name)
    return target


def small_clone(tmp_path):
    (tmp_path / "workflow").mkdir()
    shutil.copy(ROOT / "workflow" / "experiments.yaml", tmp_path / "workflow")
    copy_tier(tmp_path, "results")
    return tmp_path, copy_tier(tmp_path, FRESH_RESULTS)


def test_a_run_that_gives_the_same_differs_in_nothing(tmp_path, capsys):
    root, _ = small_clone(tmp_path)
    assert compare_results("demo", root) == []
    said = capsys.readouterr().out
    assert "table1 " in said and "verdicts that differ: 0 of" in said


def test_a_figure_outside_its_interval_is_named(tmp_path, capsys):
    root, fresh = small_clone(tmp_path)
    table = pd.read_csv(fresh / "table1.csv")
    row = table.index[table.method == "crnn"][0]
    table.loc[row, "within_10_pct"] = table.loc[row, "within_10_pct_hi"] + 1
    table.to_csv(fresh / "table1.csv", index=False)
    claims = pd.read_csv(fresh / "claims.csv")
    claims.loc[0, "verdict"] = "holds" if claims.loc[0, "verdict"] != "holds" else "does not hold"
    claims.to_csv(fresh / "claims.csv", index=False)
    (outside,) = compare_results("demo", root)
    assert (outside.table, outside.column) == ("table1", "within_10_pct")
    assert "verdicts that differ: 1 of" in capsys.readouterr().out


def test_accept_takes_tables_and_runs_and_leaves_weights(tmp_path, monkeypatch):
    root, fresh = small_clone(tmp_path)
    monkeypatch.setattr("pianoalign.reproduce.compare.write_readme", lambda root: None)
    write_text(fresh / "table1.csv", "dataset\nnew\n")
    write_text(fresh / "runs" / "crnn-1" / "metrics.json", "{}")
    write_text(fresh / "runs" / "crnn-1" / "checkpoint" / "weights.safetensors", "")
    for name in ("weights", "state"):  # of a training that pauses
        write_text(fresh / "runs" / "crnn-2" / "checkpoint" / f"{name}.safetensors", "")
    write_text(fresh / "notebooks" / "x.ipynb", "{}")
    write_text(fresh / "figures" / "figure1.png", "")
    committed = accept("demo", root)
    assert (committed / "table1.csv").read_text() == "dataset\nnew\n"
    assert (committed / "runs" / "crnn-1" / "metrics.json").is_file()
    assert not (committed / "runs" / "crnn-1" / "checkpoint").exists()
    left = (committed / "runs" / "crnn-2" / "checkpoint").iterdir()
    assert [path.name for path in left] == ["state.safetensors"]
    assert not (committed / "notebooks").exists() and (root / "figures" / "figure1.png").is_file()


@pytest.mark.parametrize("tier", ["", "..", "results", "demo/../.."])
def test_only_a_known_tier_is_cleaned(tier, tmp_path):
    root, fresh = small_clone(tmp_path)
    with pytest.raises(InputError, match="There is no tier"):
        clean_results(tier, root)
    assert (fresh / "table1.csv").is_file()


def test_cleaning_a_tier_leaves_the_others(tmp_path):
    root, fresh = small_clone(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    write_text(root / FRESH_RESULTS / "smoke" / "table1.csv", "")
    clean_results("demo", root)
    assert not fresh.exists() and (root / FRESH_RESULTS / "smoke" / "table1.csv").is_file()


# ---- names are not code


def test_a_clone_in_a_folder_with_a_quote_and_a_space(tmp_path, monkeypatch):
    """The whole way of one table: plan, Snakemake, shell, notebooks, with names that a shell would
    read."""
    root = make_miniature(tmp_path / "a b'c $(touch hit)")
    code, out, said = finish(root, "table2")
    assert (code, out) == (0, "jobs 3\n"), said
    assert "crnn" in (root / "results" / "smoke" / "table2.csv").read_text()
    assert not list(tmp_path.rglob("hit"))


def test_values_from_the_command_line_stay_words():
    "What make hands to the shell is quoted, whatever it holds."
    value = "a'b; touch hit $(touch hit)"
    done = subprocess.run(
        ["make", "-n", "reproduce", f"ONLY={value.replace('$', '$$')}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    words = shlex.split(re.search(r"--only (.*?) --part", done.stdout, re.S)[1])
    assert words == [value]


# ---- a recording is known by what is in it


def test_a_recording_exported_again_at_the_same_length_is_noticed(tmp_path):
    take = tmp_path / "take.wav"
    take.write_bytes(b"0123")
    os.utime(take, ns=(1, 1))
    before = folder_fingerprint(tmp_path)
    assert folder_fingerprint(tmp_path) == before
    take.write_bytes(b"4567")
    os.utime(take, ns=(1, 1))
    assert folder_fingerprint(tmp_path) != before


def test_code_that_a_training_imports_is_part_of_its_fingerprint(tmp_path):
    (tmp_path / "trains.py").write_text("from pianoalign.helps import f\n")
    (tmp_path / "helps.py").write_text("def f():\n    return 1\n")
    modules = {p.stem: p for p in tmp_path.glob("*.py")}
    assert needed_modules(["trains"], modules) == {"trains", "helps"}
    old = modules_fingerprint({"trains", "helps"}, modules)
    (tmp_path / "helps.py").write_text("def f():\n    return 2\n")
    assert modules_fingerprint({"trains", "helps"}, modules) != old


@pytest.mark.parametrize(
    "arguments,says",
    [
        (["--tier", "dmo"], "Did you mean demo"),
        (["--only", "tabel1"], "Did you mean table1"),
        (["--budget", "soon"], "soon"),
        (["--jobs", "0"], "1 or more"),
        (["--corpus-root", "nowhere"], "no folder nowhere"),
        (["--part", "neighbors"], "Did you mean neighbours"),
    ],
)
def test_bad_arguments_end_with_one_sentence(arguments, says, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["reproduce", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("pianoalign: ") and says in said and said.count("\n") == 1


def test_maps_must_be_named(monkeypatch):
    monkeypatch.delenv("PIANOALIGN_MAPS", raising=False)
    with pytest.raises(InputError, match="CORPUS="):
        make_plan("maps", root=ROOT)


# ---- what tracked files keep to


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_machine_paths_in_tracked_files():
    places = re.compile(
        "|".join(f"/{name}/" for name in ("work", "farm", "root", "home/[a-z]+", "Users/[a-z]+"))
    )
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data[:8000] and (
            hit := places.search(data.decode("utf-8", errors="replace"))
        ):
            found.append(f"{path.relative_to(ROOT)}: {hit[0]}")
    assert not found


def test_tracked_files_are_small():
    "Three MiB each; the states of Table 1's trainings of days, so that they can go on, 32."
    state = re.compile(
        r"results/printed/runs/(?P<run>crnn(_blind)?)-\w{8}/checkpoint/state\.safetensors"
    )
    size = {p.relative_to(ROOT).as_posix(): p.stat().st_size for p in tracked()}
    states = [name for name in size if state.fullmatch(name)]
    of_runs = [state.fullmatch(name)["run"] for name in states]
    assert len(of_runs) == len(set(of_runs))  # at most one each
    assert all(size[name] < 32 << 20 for name in states)
    assert not [
        f"{name}: {n >> 20} MiB" for name, n in size.items() if n > 3 << 20 and name not in states
    ]


def test_the_corpora_are_small():
    "The demo corpus at most 20 MiB, the instruments inside it at most 4."
    inside = [p for p in tracked() if p.is_relative_to(ROOT / "corpus")]
    instruments = sum(
        p.stat().st_size for p in inside if p.is_relative_to(ROOT / "corpus" / "instruments")
    )
    assert (
        10 << 20 < sum(p.stat().st_size for p in inside) - instruments <= 20 << 20
        and 1 << 20 < instruments <= 4 << 20
    )


@pytest.mark.parametrize("path", notebook_paths(ROOT).values(), ids=lambda p: p.stem)
def test_notebooks_are_clean(path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    code = [c for c in nb["cells"] if c["cell_type"] == "code"]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    assert "eval: false" not in path.read_text(encoding="utf-8")
    assert nb["metadata"]["kernelspec"]["name"] == "python3"


def copied_notebooks(tmp_path, notebooks):
    for name in ("settings.ini", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "pianoalign").mkdir()
    (tmp_path / "nbs").mkdir()
    return [Path(shutil.copy(n, tmp_path / "nbs" / n.name)) for n in notebooks]


def test_lines_of_code_are_short_and_hold_one_statement():
    "At most 100 columns, in notebooks and scripts alike; what `make check` looks at."
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "nbs", "workflow"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_cell_tags_survive_cleaning_and_outputs_do_not(tmp_path):
    copied_notebooks(tmp_path, [])
    notebook = write_notebook(
        tmp_path / "nbs" / "n.ipynb", "print(tier)", parameters=dict(tier="demo")
    )
    nb = json.loads(notebook.read_text())
    nb["cells"][1].update(
        outputs=[dict(output_type="stream", name="stdout", text="seen\n")], execution_count=3
    )
    notebook.write_text(json.dumps(nb))
    assert tidy(tmp_path) == ["n"]
    assert (
        declared_parameters(notebook) == {"tier": "'demo'"} and "seen" not in notebook.read_text()
    )


def test_cleaning_leaves_no_difference(tmp_path):
    notebooks = list(notebook_paths(ROOT).values())
    copied_notebooks(tmp_path, notebooks)
    assert tidy(tmp_path) == []
    assert [
        n.name for n in notebooks if n.read_bytes() != (tmp_path / "nbs" / n.name).read_bytes()
    ] == []


def test_package_is_what_the_notebooks_export():
    assert stale_modules(ROOT) == []


def test_readme_is_what_the_index_says():
    assert (ROOT / "README.md").read_text(encoding="utf-8") == readme_text(ROOT), (
        "run `make readme`"
    )


@pytest.mark.parametrize("blind", [0, 8.25, 25.1])
def test_readme_has_one_sentence_a_network_of_tier_printed(tmp_path, blind):
    "And says so where the two were trained for unequal times; 0 epochs: it was not trained."
    path = tmp_path / "results" / "printed" / "table1.csv"
    table = pd.read_csv(ROOT / "results" / "printed" / "table1.csv")
    table = table[table.method != "crnn_blind"]
    if blind:
        other = table[table.method == "crnn"].assign(method="crnn_blind", epochs=blind)
        table = pd.concat([table.assign(epochs=25.0), other])
    path.parent.mkdir(parents=True)
    table.to_csv(path, index=False)
    text = _as_printed(tmp_path)
    assert text.count("% of the test pieces' notes") == 1 + bool(blind)
    assert (f"after {blind:.1f} of at least 50 epochs" in text) == bool(blind)
    assert ("nothing follows from comparing them" in text) == (blind == 8.25)


def test_every_tier_with_committed_runs_says_what_it_was_made_with():
    tiers = {path.relative_to(ROOT).parts[1] for path in tracked() if "/runs/" in path.as_posix()}
    assert tiers >= {"demo", "maps", "printed", "weights", "free", "wide", "ablations"}
    assert not [t for t in tiers if not (ROOT / "results" / t / "environment.json").is_file()]


@pytest.mark.parametrize("tier", ["weights", "free", "wide", "ablations"])
def test_of_old_runs_nothing_is_said_but_what_their_folders_tell(tier):
    "As code writes it; what cannot be known is null, and not what this machine would say."
    folder = ROOT / "results" / tier
    told = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    assert told == environment_of_runs(folder)
    of_machine = ("system", "machine", "processor", "cores", "memory_gib", "commit")
    assert {told[key] for key in of_machine} == {None}
    for name, run in told["trainings"].items():
        kept = next((folder / "runs").glob(f"{name}-*/metrics.json"))
        assert run["seconds_trained"] == json.loads(kept.read_text())["seconds_trained"]
        assert run["epochs"] is None if name == "dtw" else run["epochs"] > 0


def test_an_environment_of_nothing_is_refused(tmp_path, capsys):
    assert main(["environment", str(tmp_path)]) == 1
    assert "has no run folders with figures" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_contributing_says_what_the_trainings_left_to_do_take():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert text == contributing_text(ROOT), "run `make readme`"
    assert "these have been trained as printed: `crnn` (" in text


def test_the_page_of_the_benchmarks_has_the_committed_table():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert text == benchmarks_text(ROOT), "run `make readme`"
    table = pd.read_csv(ROOT / "results" / "weights" / "scores_exact.csv")
    table = table[(table.case == "once") & (table.passes == "either")]
    once = table.set_index("method").loc["score"]
    assert f"| once | with doubles | {once.notes:,} | {once.within_25_pct:.1f} |" in text


def test_a_page_that_has_lost_its_marks_is_named(tmp_path):
    for name in ("benchmarks/README.md", "results/weights/scores_exact.csv"):
        write_text(tmp_path / name, (ROOT / name).read_text(encoding="utf-8"))
    page = tmp_path / "benchmarks" / "README.md"
    write_text(page, page.read_text(encoding="utf-8").replace("<!-- /score_cases -->", ""))
    with pytest.raises(InputError, match="benchmarks/README.md: lacks the lines"):
        benchmarks_text(tmp_path)


def test_readme_names_both_commands_and_ci_runs_one_of_them():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (
        "make reproduce" in text
        and "make test" in text
        and "make test" in (ROOT / ".ci" / "run").read_text()
    )
