"What browser tests share: one Chromium, and the executed chapters with widgets."

import shutil, subprocess, sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = ("01_explorer", "02_jitter_lab")


@pytest.fixture(scope="session")
def executed(tmp_path_factory):
    """A folder with the chapters that hold widgets, executed: those of tier demo if they are newer
    than their sources, else run now."""
    folder = tmp_path_factory.mktemp("executed")
    for name in WIDGETS:
        source = ROOT / "nbs" / "lab" / f"{name}.ipynb"
        run = [ROOT / "results" / t / "notebooks" / source.name for t in ("fresh/demo", "demo")]
        made_s = source.stat().st_mtime
        done = next((p for p in run if p.is_file() and p.stat().st_mtime > made_s), None)
        if done:
            shutil.copy(done, folder)
        else:
            code = (
                "import sys; from pianoalign.reproduce.notebooks import run_notebook; "
                "run_notebook(*sys.argv[1:])"
            )
            subprocess.run(
                [sys.executable, "-c", code, str(source), str(folder / f"{name}.ipynb")], check=True
            )
    return folder


@pytest.fixture(scope="session")
def browser():
    from chromium import launch, sync_api

    with sync_api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
