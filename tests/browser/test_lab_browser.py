"""JupyterLab in a real Chromium: the chapters with widgets run to their end, from the menu, and
what they show is drawn, heard and moved.

The server has a port and folders of its own; nothing of the user's settings is read or written."""

import json, shutil

import numpy as np
import pytest

from chromium import ROOT, do, handle, n_colours, picture, plays, ready, save, settled
from server import jupyterlab
from waiting import wait_for

CHAPTERS = ("01_explorer", "02_jitter_lab")
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
CELLS = f"""(() => {{ const panel = {NOTEBOOK};
    return {{ status: panel.sessionContext.session?.kernel?.status,
        cells: panel.content.widgets.filter(c => c.model.type === 'code').map(c => ({{
            count: c.model.executionCount, source: c.model.sharedModel.getSource(),
            outputs: c.model.sharedModel.getOutputs() }})) }}; }})()"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, executed):
    """JupyterLab on copies of the chapters (nbs/) and their executed forms (executed/): its address
    and its folder."""
    root = tmp_path_factory.mktemp("project")
    (root / "nbs" / "lab").mkdir(parents=True)
    (root / "corpus").symlink_to(ROOT / "corpus")
    shutil.copytree(executed, root / "executed")
    for name in CHAPTERS:
        shutil.copy(ROOT / "nbs" / "lab" / f"{name}.ipynb", root / "nbs" / "lab")
    with jupyterlab(
        tmp_path_factory.mktemp("jupyterlab"), root, trusted=sorted((root / "executed").iterdir())
    ) as address:
        yield address, root


@pytest.fixture
def open_notebook(browser, lab):
    """Open a notebook of the server; at the end no script may have failed and nothing but the
    server may have been asked."""
    address, root = lab
    page = browser.new_page(viewport=dict(width=1440, height=1000))
    said, elsewhere = [], []
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on(
        "request",
        lambda r: (
            elsewhere.append(r.url)
            if not r.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
            else None
        ),
    )

    def go(path, kernel=True):
        assert (root / path).is_file(), f"{path}: not there; Lab would open nothing, and wait"
        page.goto(f"{address}/lab/tree/{path}?reset")
        page.wait_for_function(
            f"window.jupyterapp && {NOTEBOOK}?.content?.widgets?.length > 3 && "
            f"({NOTEBOOK}.sessionContext.isReady || {json.dumps(not kernel)})"
        )
        return page

    yield go
    page.evaluate(
        "async () => { for (const m of jupyterapp.serviceManager.sessions.running()) await "
        "jupyterapp.serviceManager.sessions.shutdown(m.id); }"
    )
    page.close()
    assert said == [] and elsewhere == []


def scrolled_to(page, text):
    """Scroll to the code cell that holds `text`; is it in view? A notebook that is still being laid
    out stays where it is."""
    return page.evaluate(
        f"""text => {{ const notebook = {NOTEBOOK}.content,
            k = notebook.widgets.findIndex(c => c.model.type === 'code'
                && c.model.sharedModel.getSource().includes(text));
        notebook.activeCellIndex = k;
        return notebook.scrollToItem(k, 'start').then(() => {{
            const cell = notebook.widgets[k].node.getBoundingClientRect(),
                place = notebook.node.getBoundingClientRect();
            return cell.height && cell.top < place.bottom && cell.bottom > place.top; }}); }}""",
        text,
    )


def show_widget(page, text, colours, widget=".pianoalign"):
    "Scroll to the widget below the cell that holds `text` until its canvases show their colours."
    wait_for(lambda: scrolled_to(page, text))
    ready(page, widget)
    for canvas, fewest in colours.items():
        canvas = f"{widget} {canvas}"
        wait_for(lambda: scrolled_to(page, text) and n_colours(picture(page, canvas)) > fewest)


def run_all(page):
    "Run > Run All Cells, as a reader does; the code cells when the kernel has come to rest."
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    over = (
        f"(({{status, cells}}) => status === 'idle' && (cells.every(c => c.count) || cells.some(c "
        f"=> c.outputs.some(o => o.output_type === 'error'))))({CELLS})"
    )
    page.wait_for_function(over, polling=500)
    return page.evaluate(CELLS)["cells"]


def errors(cells):
    return [
        (c["source"][:80], o["ename"], o["evalue"])
        for c in cells
        for o in c["outputs"]
        if o["output_type"] == "error"
    ]


def test_the_explorer_in_jupyterlab(open_notebook):
    page = open_notebook("nbs/lab/01_explorer.ipynb")
    cells = run_all(page)
    assert errors(cells) == [] and all(c["count"] for c in cells)
    show_widget(page, 'title="Beethoven, sonata op. 10 no. 1, 0:12', {".pa-stage canvas": 40})
    plays(page)
    save(page, "jupyterlab_explorer")

    # its keys are its own: none moves, adds or deletes a cell, though Lab knows most of them
    page.locator(".pa-stage").focus()
    n_cells, active = page.evaluate(
        f"[{NOTEBOOK}.content.widgets.length, {NOTEBOOK}.content.activeCellIndex]"
    )
    before = picture(page)
    for key in ("w", "e", "l", "1", "s", "0", "0", "d", "d", "b", "x"):
        page.keyboard.press(key)
    settled(page)
    page.wait_for_function(f"{handle()}.selected >= 0")
    assert (
        page.evaluate(f"[{NOTEBOOK}.content.widgets.length, {NOTEBOOK}.content.activeCellIndex]")
        == [n_cells, active]
        and page.locator(".jp-Dialog").count() == 0
    )
    assert do(page, "return w.selected") >= 0 and (picture(page) != before).any()

    light = picture(page).mean()
    page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
    )
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    wait_for(lambda: picture(page).mean() < light - 40)
    save(page, "jupyterlab_explorer_dark")
    page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })"
    )
    page.wait_for_function("document.body.dataset.jpThemeLight === 'true'")


def test_the_jitter_laboratory_in_jupyterlab(open_notebook):
    page = open_notebook("nbs/lab/02_jitter_lab.ipynb")
    cells = run_all(page)
    assert errors(cells) == [] and all(c["count"] for c in cells)
    lab = ".pa-lab"
    canvases = {".pa-stage canvas": 40, ".pa-plot canvas": 8}
    show_widget(page, "jitter_lab((sound, 16000), truth)", canvases, lab)
    roll, bars = picture(page, f"{lab} .pa-stage canvas"), picture(page, f"{lab} .pa-plot canvas")
    slider = page.locator(lab).get_by_label("Largest deviation")
    slider.focus()
    for _ in range(80):
        page.keyboard.press("ArrowLeft")
    settled(page)
    assert (
        slider.input_value() == "20"
        and np.abs(do(page, "return Array.from(w.items[0].errors)", lab)).max() <= 0.02 + 1e-9
    )
    assert (picture(page, f"{lab} .pa-stage canvas") != roll).any() and (
        picture(page, f"{lab} .pa-plot canvas") != bars
    ).any()
    plays(page, lab)
    save(page, "jupyterlab_lab")


def test_a_saved_notebook_shows_the_explorer_without_running(open_notebook):
    page = open_notebook("executed/01_explorer.ipynb", kernel=False)
    assert all(
        c["count"] for c in page.evaluate(CELLS)["cells"]
    )  # executed elsewhere: nothing has run here
    show_widget(page, 'title="Beethoven, sonata op. 10 no. 1, 0:12', {".pa-stage canvas": 40})
    plays(page)
    save(page, "jupyterlab_saved")
