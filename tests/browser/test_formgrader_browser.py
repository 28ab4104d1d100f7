"""A lecturer's afternoon: build an assignment, grade what came back, look at it in nbgrader's
Formgrader, give points by hand, export."""

import csv, shutil, subprocess, sys

import pytest

from chromium import ROOT, save
from server import jupyterlab

sys.path.insert(0, str(ROOT / "course"))
import build, check  # noqa: E402

NAME = "4_evaluation"  # the quickest of the four


def nbgrader(folder, *arguments):
    subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=folder, check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    "A course in which one student has handed in the reference solution, and it has been graded."
    folder, notebook = tmp_path_factory.mktemp("course"), f"{build.NOTEBOOK_OF[NAME]}.ipynb"
    shutil.copytree(ROOT / "course" / "source" / NAME, folder / "source" / NAME)
    shutil.copy(ROOT / "course" / "nbgrader_config.py", folder)
    nbgrader(folder, "generate_assignment", NAME, "--create", "--force")
    (folder / "submitted" / "ada" / NAME).mkdir(parents=True)
    shutil.copy(folder / "source" / NAME / notebook, folder / "submitted" / "ada" / NAME)
    nbgrader(folder, "autograde", NAME, "--create")
    return folder


def test_formgrader(browser, course, tmp_path_factory):
    cells = build.read_cells(check.source_of(NAME))
    worth = {c.grade_id: c.points for c in cells if c.kind == "answer"}
    by_tests = sum(c.points for c in cells if c.kind == "test")
    with jupyterlab(tmp_path_factory.mktemp("jupyterlab"), course) as address:
        page = browser.new_page(viewport=dict(width=1440, height=1000))
        said = []
        page.on("pageerror", lambda e: said.append(str(e)))
        page.goto(f"{address}/formgrader/manage_assignments")
        page.get_by_role("link", name=NAME, exact=True).wait_for()
        save(page, "formgrader_assignments")
        page.goto(f"{address}/formgrader/gradebook/{NAME}/{build.NOTEBOOK_OF[NAME]}")
        row = page.locator("tbody tr", has_text="Submission #1")
        row.wait_for()
        assert f"{by_tests} / {by_tests + sum(worth.values())}" in row.inner_text()
        row.get_by_role("link", name="Submission #1").click()
        first = next(c for c in cells if c.kind == "test" and c.points)
        page.locator(
            f"input.score#{first.grade_id}[placeholder='{first.points}']"
        ).wait_for()  # the grades have arrived
        for name, points in worth.items():  # the questions for a person, as a person answers them
            score = page.locator(f"input.score#{name}")
            score.scroll_into_view_if_needed()
            with page.expect_response(
                lambda r: "/formgrader/api/grade/" in r.url and r.request.method == "PUT" and r.ok
            ):
                score.fill(str(points - 1))
                score.press("Tab")
        save(page, "formgrader_submission", full_page=False)
        page.close()
    assert [
        s for s in said if "MathJax" not in s
    ] == []  # which nbgrader fetches from the network; no assignment has formulas
    nbgrader(course, "export")
    (grade,) = csv.DictReader((course / "grades.csv").open())
    assert float(grade["score"]) == by_tests + sum(worth.values()) - len(worth) and float(
        grade["max_score"]
    ) == by_tests + sum(worth.values())
