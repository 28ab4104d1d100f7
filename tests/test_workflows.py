"The workflows of CI: what they call is there, and what they are given exists."

import contextlib, io, re, tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


class Unique(yaml.SafeLoader):
    "Refuses a key that stands twice, of which YAML would keep the second alone."


def mapping_of(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    assert len(keys) == len(set(keys)), f"twice at line {node.start_mark.line}: {keys}"
    return loader.construct_mapping(node, deep=True)


Unique.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping_of)


def load(path):
    return yaml.load(path.read_text("utf-8"), Unique)


def scripts():
    "(where, shell text) of every step, and of the script that CI runs."
    yield ".ci/run", (ROOT / ".ci" / "run").read_text("utf-8")
    for path in FILES:
        for name, job in load(path)["jobs"].items():
            for step in job["steps"]:
                if "run" in step:
                    yield f"{path.name}, {name}", step["run"]


SCRIPTS = list(scripts())


def words_after(pattern, text):
    "Names that follow a command, wherever it may stand in a line of the shell."
    return re.findall(rf"(?:^|[;&|(]|\brun:)\s*{pattern}", text, re.M)


def test_there_are_workflows():
    assert {path.stem for path in FILES} >= {"test", "reproduce", "release", "age"}
    assert len(SCRIPTS) > 10


def test_every_target_of_make_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", makefile, re.M))
    targets = {name for line in targets for name in line.split()}
    called = [(where, t) for where, text in SCRIPTS for t in words_after(r"make ([a-z-]+)", text)]
    assert {name for _, name in called} >= {"test", "reproduce", "compare", "site"}
    assert [pair for pair in called if pair[1] not in targets] == []


def test_every_script_is_there():
    called = []
    for where, text in SCRIPTS:
        called += [(where, name) for name in re.findall(r"\b(?:bash|python) ([\w./-]+\.\w+)", text)]
        called += [(where, name) for name in re.findall(r"\bbash (\.ci/run)", text)]
        called += [(where, name) for name in re.findall(r"-c ([\w-]+\.txt)", text)]
    assert {name for _, name in called} >= {"workflow/try_wheel.sh", ".ci/run", "constraints.txt"}
    assert [pair for pair in called if not (ROOT / pair[1]).is_file()] == []


def test_every_extra_is_there():
    named = {x for _, text in SCRIPTS for x in re.findall(r"\.\[([\w,]+)\]", text)}
    named = {extra for group in named for extra in group.split(",")}
    assert named and named <= set(PROJECT["optional-dependencies"])


def test_lines_of_python_run():
    ran = 0
    for where, text in SCRIPTS:
        for code in re.findall(r'python -c "([^"]+)"', text):
            with contextlib.redirect_stdout(io.StringIO()) as said:
                exec(compile(code, where, "exec"), {})
            notebooks = said.getvalue().split()
            assert notebooks and all((ROOT / "nbs" / name).is_file() for name in notebooks)
            ran += 1
    assert ran  # the age meter asks for the chapters


def test_pieces_of_the_corpus_are_there():
    piece = "mozart_piano_sonatas_12_1_tet01"
    assert sum(f"piece={piece}" in text for _, text in SCRIPTS) == 1
    for name in (f"audio/{piece}.ogg", f"score/{piece}.mid", f"midi/{piece}.mid"):
        assert (ROOT / "corpus" / name).is_file()


def pythons():
    for path in FILES:
        for job in load(path)["jobs"].values():
            matrix = job.get("strategy", {}).get("matrix", {})
            yield from matrix.get("python", [])
            yield from (row["python"] for row in matrix.get("include", []) if "python" in row)
            for step in job["steps"]:
                version = str(step.get("with", {}).get("python-version", "$"))
                yield from [version] if "$" not in version else []


def test_every_python_is_one_that_the_project_takes():
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    taken = {f"3.{k}" for k in range(int(low), int(high))}
    assert set(pythons()) == taken  # none too many, and each is tried
    named = {c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if "Python :: 3." in c}
    assert named == taken


def test_every_tier_is_there():
    tiers = yaml.safe_load((ROOT / "workflow/experiments.yaml").read_text("utf-8"))["tiers"]
    choices = load(ROOT / ".github/workflows/reproduce.yml")[True]["workflow_dispatch"]
    tier = choices["inputs"]["tier"]  # `on` is true in YAML
    assert tier["default"] in tier["options"] and set(tier["options"]) <= set(tiers)
    for _, text in SCRIPTS:
        assert set(re.findall(r"TIER=(\w+)", text)) <= set(tiers)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_jobs_have_a_time_limit_few_rights_and_what_they_wait_for(path):
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}  # a job that needs more says so
    for name, job in workflow["jobs"].items():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(workflow["jobs"]), name
        assert job["timeout-minutes"] <= 120, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_downloaded_was_uploaded(path):
    jobs = load(path)["jobs"]
    steps = [s for job in jobs.values() for s in job["steps"] if "artifact@" in s.get("uses", "")]
    named = lambda kind: {
        re.sub(r"\$\{\{.*?\}\}", "demo", s["with"]["name"]) for s in steps if kind in s["uses"]
    }
    assert named("download-artifact") <= named("upload-artifact")
