"""A project in miniature: the real workflow over notebooks that take seconds."""

import json, shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_notebook(path, *code, parameters=None):
    "A notebook of code cells, the first of which holds `parameters` under papermill's tag."
    cells = [
        dict(
            cell_type="code",
            id=f"c{k}",
            metadata={},
            outputs=[],
            execution_count=None,
            source=source,
        )
        for k, source in enumerate(code, 1)
    ]
    if parameters is not None:
        lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        cells.insert(
            0,
            dict(
                cell_type="code",
                id="c0",
                metadata={"tags": ["parameters"]},
                outputs=[],
                execution_count=None,
                source=lines,
            ),
        )
    kernel = dict(kernelspec=dict(display_name="python3", language="python", name="python3"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(dict(cells=cells, metadata=kernel, nbformat=4, nbformat_minor=5), indent=1)
        + "\n"
    )
    return path


BASELINE = """
import numpy as np
from pathlib import Path
from pianoalign.files import from_root
import json
out = Path(from_root(results_root)) / tier
folder = out / "runs" / json.loads((out / ".state" / "runs.json").read_text())["value"]["dtw"]
folder.mkdir(parents=True, exist_ok=True)
np.savez(folder / "aligned.npz", x=np.zeros(3))
(folder / "metrics.json").write_text("{}")
"""

TRAIN = """
import json, time
import numpy as np
from pathlib import Path
from pianoalign.files import from_root
out = Path(from_root(results_root)) / tier
planned = json.loads((out / ".state" / "runs.json").read_text())["value"]["runs"]
folder = out / "runs" / planned[experiment]["folder"]
state = folder / "checkpoint" / "state.json"
state.parent.mkdir(parents=True, exist_ok=True)
first = int(state.read_text()) if state.exists() else 0
steps = 20
for step in range(first, steps):
    if (folder / "metrics.json").exists(): break
    while step == 4 and (out / "stop").exists(): time.sleep(0.05)
    time.sleep(0.15)
    with (out / "steps.txt").open("a") as f: f.write(f"{experiment} {step}\\n")
    state.with_name("part").write_text(str(step + 1))
    state.with_name("part").replace(state)  # a kill leaves it whole
    (folder / "progress.json").write_text(json.dumps(dict(step=step + 1, steps=steps, seconds=1)))
np.savez(folder / "errors.npz", errors=np.zeros(3))
(folder / "metrics.json").write_text("{}")
"""

TABLE = """
from pathlib import Path
from pianoalign.files import from_root
results_root = from_root(results_root)
runs = sorted(p.parent.name for p in Path(results_root, tier, "runs").glob("*/metrics.json"))
(Path(results_root) / tier / f"{name}.csv").write_text("run\\n" + str(runs))
"""


def make_miniature(tmp_path):
    """A folder with the real workflow/ and toy notebooks; toy training takes three seconds a run,
    and waits after four steps while there is a file `stop` among the results."""
    from pianoalign.reproduce.chapters import BASELINES, FIGURES, TABLES, TRAINING

    root = tmp_path / "project"
    shutil.copytree(
        ROOT / "workflow", root / "workflow", ignore=shutil.ignore_patterns(".snakemake")
    )
    shutil.copy(ROOT / "settings.ini", root / "settings.ini")
    runs = dict(crnn={}, cnn=dict(network=dict(recurrent="none")))
    plan = dict(
        runs=runs,
        tables=dict(table2=[dict(architecture=r, run=r) for r in runs]),
        tiers=dict(smoke=dict(data=dict(corpus="demo"))),
    )
    (root / "workflow" / "experiments.yaml").write_text(json.dumps(plan))  # JSON is YAML
    (root / "nbs").mkdir()
    shutil.copy(ROOT / "nbs" / "chapters.yaml", root / "nbs" / "chapters.yaml")
    (root / "corpus").mkdir()
    (root / "corpus" / "index.csv").write_text("id\n")
    here, common = root / "nbs", dict(tier="smoke", results_root="results")
    write_notebook(
        here / f"{BASELINES}.ipynb", BASELINE, parameters=dict(common, corpus_root="corpus")
    )
    write_notebook(
        here / f"{TRAINING}.ipynb",
        TRAIN,
        parameters=dict(common, corpus_root="corpus", experiment=""),
    )
    for table, name in TABLES.items():
        more = dict(figures_root="figures") if name in FIGURES.values() else {}
        write_notebook(
            here / f"{name}.ipynb", f"name = {table!r}" + TABLE, parameters=dict(common, **more)
        )
    for name in set(FIGURES.values()) - set(TABLES.values()):
        write_notebook(here / f"{name}.ipynb", "1", parameters=dict(figures_root=""))
    write_notebook(here / "index.ipynb", "1")
    return root
