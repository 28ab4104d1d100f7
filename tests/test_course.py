"""The course: notebooks agree with their sources, nbgrader builds and grades them, wrong answers
lose points, bugs can be mended."""

import re, shutil, subprocess, sys
from pathlib import Path

import nbformat
import pytest

from pianoalign.reproduce.chapters import notebook_paths

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "course"
sys.path.insert(0, str(COURSE))
import build, check  # noqa: E402

ASSIGNMENTS = list(build.NOTEBOOK_OF)
CELLS = {name: build.read_cells(check.source_of(name)) for name in ASSIGNMENTS}
WRONG = [
    pytest.param(name, path, id=f"{name}-{path.stem}")
    for name in ASSIGNMENTS
    for path in check.wrong_answers(name)
]
LESSONS = sorted((COURSE / "spot_the_bug" / "sources").glob("*.py"))


def points(name, kind):
    return {c.name: c.points for c in CELLS[name] if c.kind == kind}


def lost(verdict):
    return {test for test, problem in verdict.items() if problem is not None}


# ---- sources and notebooks


def test_notebooks_agree_with_their_sources():
    assert build.stale() == [], "run `python course/build.py`"


def test_an_edited_notebook_is_noticed(tmp_path, monkeypatch):
    shutil.copytree(
        COURSE,
        tmp_path / "course",
        ignore=shutil.ignore_patterns("release", "submitted", "autograded", "feedback", "*.db"),
    )
    monkeypatch.setattr(build, "HERE", tmp_path / "course")
    path = tmp_path / "course" / "source" / "2_dtw" / "dtw.ipynb"
    path.write_text(path.read_text().replace("from scratch", "from scratch!", 1))
    extra = tmp_path / "course" / "spot_the_bug" / "forgotten.ipynb"
    extra.write_text("{}")
    assert set(build.stale()) == {path, extra}


@pytest.mark.parametrize(
    "header", ["# %% solved=x", "# %% test=x", "# %% solve=x points=3", "# %% given=x solve=y"]
)
def test_unclear_headers_are_refused(tmp_path, header):
    (tmp_path / "a.py").write_text(header + "\n1\n")
    with pytest.raises(ValueError):
        build.read_cells(tmp_path / "a.py")


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_notebook_is_sound(name):
    from nbgrader.preprocessors import CheckCellMetadata

    nb = nbformat.read(COURSE / "source" / name / f"{build.NOTEBOOK_OF[name]}.ipynb", 4)
    nbformat.validate(nb)
    CheckCellMetadata().preprocess(nb, {})
    assert not any(c.get("outputs") for c in nb.cells), "notebooks are committed without outputs"
    assert all(len(c.source.splitlines()) <= 40 for c in nb.cells if c.cell_type == "code")
    assert (
        "What you will see and hear at the end" in nb.cells[0].source
        and "nbs/" in nb.cells[0].source
    )
    for chapter in re.findall(r"`nbs/(\w+)`", "".join(c.source for c in nb.cells)):
        assert chapter in notebook_paths(ROOT), chapter
    assert set(points(name, "test")) == {c.name for c in CELLS[name] if c.kind == "solve"}, (
        "every task has tests"
    )
    for task, worth in {**points(name, "test"), **points(name, "answer")}.items():
        assert worth >= 3, task


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_headings_name_the_points(name):
    said = [
        int(p)
        for c in CELLS[name]
        if c.markdown
        for p in re.findall(r"^## (?:Task|Question) .*\((\d+) points", c.text, re.M)
    ]
    assert said == [c.points for c in CELLS[name] if c.kind in ("test", "answer")]


def test_the_marking_guide_is_complete():
    guide = (COURSE / "MARKING.md").read_text()
    for name in ASSIGNMENTS:
        part = guide[guide.index(f"## {name}") :].split("\n## ")[0]
        assert (
            f"{sum(points(name, 'test').values())} points by tests" in part
            and f"{sum(points(name, 'answer').values())} by a person" in part
        )
        for answer, worth in points(name, "answer").items():
            assert re.search(rf"`answer-{answer}` \({worth}\)", part), answer
        for path in check.wrong_answers(name):
            assert f"`{path.stem}`" in part, f"{name}: the guide says nothing about {path.stem}"
    for path in LESSONS:
        assert f"`{path.stem}`" in guide


# ---- answers, right and wrong, in this process


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_reference_solution_passes_everything(name):
    verdict = check.run(CELLS[name])
    assert not lost(verdict), {t: verdict[t] for t in lost(verdict)}


VISIBLE = {}


@pytest.mark.parametrize("name, path", WRONG)
def test_wrong_answer_loses_its_points(name, path):
    cells = check.with_answer(CELLS[name], path)
    assert lost(check.run(cells)) == check.expected_losses(path)
    VISIBLE[name, path.stem] = check.expected_losses(path), lost(check.run(cells, hidden=False))


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_hidden_tests_are_needed(name):
    "For every task some wrong answer passes the visible tests, and only the hidden ones stop it."
    of_this = [pair for (assignment, _), pair in VISIBLE.items() if assignment == name]
    if len(of_this) != len(check.wrong_answers(name)):
        pytest.skip("runs after all wrong answers of the assignment")
    assert len(of_this) >= 4
    assert set().union(*(loses - visibly for loses, visibly in of_this)) == set(
        points(name, "test")
    )


# ---- nbgrader from end to end


def nbgrader(folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def answered(release, cells):
    "The students' version of a notebook with the solutions of `cells` filled in."
    nb, text = (
        nbformat.read(release, 4),
        {c.grade_id: c.text for c in cells if c.kind in ("solve", "answer")},
    )
    for cell in nb.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in text:
            cell.source = re.sub(r"^.*### (BEGIN|END) SOLUTION\n?", "", text[grade_id], flags=re.M)
    return nb


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course folder in which nbgrader has built all assignments and graded: solved,
    untouched, and one wrong answer."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(COURSE / "source", folder / "source")
    shutil.copy(COURSE / "nbgrader_config.py", folder)
    long = (
        folder / "source" / "3_crnn" / "crnn.ipynb"
    )  # a tenth of the training: no test asks how well it went
    assert long.read_text().count("STEPS, BATCH, CROP = 450") == 1
    long.write_text(long.read_text().replace("STEPS, BATCH, CROP = 450", "STEPS, BATCH, CROP = 45"))
    nbgrader(folder, "generate_assignment", "*", "--create", "--force")
    for name, notebook in build.NOTEBOOK_OF.items():
        release = folder / "release" / name / f"{notebook}.ipynb"
        students = dict(solved=answered(release, CELLS[name]), untouched=nbformat.read(release, 4))
        if name == "4_evaluation":
            students["wrong"] = answered(
                release,
                check.with_answer(CELLS[name], COURSE / "wrong_answers" / name / "by_rank_only.py"),
            )
        for student, nb in students.items():
            path = folder / "submitted" / student / name / f"{notebook}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(nb, path)
    nbgrader(folder, "autograde", "*", "--create")
    return folder


def grades(folder, name, student):
    "grade id -> (points by tests, points to be had, must a person look?)"
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        (notebook,) = book.find_submission(name, student).notebooks
        return {g.name: (g.auto_score, g.max_score, g.needs_manual_grade) for g in notebook.grades}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_nothing_is_given_away(graded, name):
    release = (graded / "release" / name / f"{build.NOTEBOOK_OF[name]}.ipynb").read_text()
    sources = "\n".join(c.source for c in nbformat.reads(release, 4).cells)
    for word in ("SOLUTION", "HIDDEN"):
        assert word not in release
    assert (
        sources.count("# your code here") >= len(points(name, "test"))
        and "*Your answer here.*" in sources
    )
    secret = r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END"
    public = {
        line for c in CELLS[name] for line in re.sub(secret, "", c.text, flags=re.S).splitlines()
    }
    for c in CELLS[name]:
        for region in re.findall(secret, c.text, re.S):
            lines = {line for line in region.splitlines() if len(line.strip()) > 25} - public
            assert lines or c.kind == "test" or len(region) < 80, c.grade_id
            assert not lines & set(sources.splitlines()), c.grade_id


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_nbgrader_gives_the_reference_full_marks(graded, name):
    found = grades(graded, name, "solved")
    assert {k.removeprefix("test-"): v[:2] for k, v in found.items() if k.startswith("test-")} == {
        k: (p, p) for k, p in points(name, "test").items()
    }
    assert {
        k.removeprefix("answer-"): v[1:] for k, v in found.items() if k.startswith("answer-")
    } == {k: (p, True) for k, p in points(name, "answer").items()}
    nb = nbformat.read(
        graded / "autograded" / "solved" / name / f"{build.NOTEBOOK_OF[name]}.ipynb", 4
    )
    assert not [o for c in nb.cells for o in c.get("outputs", []) if o.output_type == "error"], (
        "every cell of the solved notebook runs"
    )


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_nbgrader_gives_an_untouched_notebook_nothing(graded, name):
    found = grades(graded, name, "untouched")
    assert len(found) == len(points(name, "test")) + len(points(name, "answer"))
    assert sum(auto or 0 for auto, *_ in found.values()) == 0


def test_nbgrader_runs_the_hidden_tests(graded):
    found = grades(graded, "4_evaluation", "wrong")
    assert [k for k, (auto, most, _) in found.items() if k.startswith("test-") and auto < most] == [
        "test-match"
    ]


# ---- spot the bug


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_bug_can_be_spotted_and_mended(path):
    def run(cells):
        space = {}
        for c in cells:
            if not c.markdown:
                exec(compile(c.text, f"<{path.stem}, {c.kind}>", "exec"), space)

    cells = build.read_cells(path)
    assert [c.kind for c in cells if not c.markdown] == ["given", "mend", "test", "mended"]
    run(
        [c for c in build.lesson_cells(cells, answer=False) if c.kind != "test"]
    )  # all but the test runs
    with pytest.raises(AssertionError) as failed:
        run(build.lesson_cells(cells, answer=False))
    assert len(str(failed.value)) > 20, "a failing test says what is wrong"
    run(build.lesson_cells(cells, answer=True))
    assert "What was wrong" in build.lesson_cells(cells, answer=True)[-1].text
    assert "What was wrong" not in "".join(c.text for c in build.lesson_cells(cells, answer=False))


def test_half_a_frame_added_afterwards_is_no_mend():
    cells = build.read_cells(COURSE / "spot_the_bug" / "sources" / "half_frame.py")
    code = {c.kind: c.text for c in cells if not c.markdown}
    wrong = code["mend"].replace("return frames / fps", "return (frames + 0.5) / fps")
    assert wrong != code["mend"]
    with pytest.raises(AssertionError, match="centred"):
        exec(code["given"] + "\n" + wrong + "\n" + code["test"], {})


def test_assignment_4_works_on_frozen_errors():
    text = check.source_of("4_evaluation").read_text(encoding="utf-8")
    assert "evaluation_errors.npz" in text and "results" not in text


def test_chapters_that_the_course_names_are_there():
    texts = [p.read_text(encoding="utf-8") for p in COURSE.glob("**/sources/*.py")]
    named = {name for text in texts for name in re.findall(r"`nbs/([\w/]+)`", text)}
    table = (COURSE / "README.md").read_text(encoding="utf-8").split("\n\n")[2]
    named |= set(re.findall(r"`((?:\w+/)?\d\d\w?_\w+)`", table))
    assert len(named) > 12
    missing = sorted(name for name in named if not (ROOT / "nbs" / f"{name}.ipynb").is_file())
    assert not missing
