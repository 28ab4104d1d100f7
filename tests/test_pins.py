"""settings.ini, pyproject.toml, constraints.txt and environment.yml say the same."""

import configparser
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = configparser.ConfigParser()
SETTINGS.read(ROOT / "settings.ini")
SETTINGS = SETTINGS["DEFAULT"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())


def canonical(name):
    "A package's name without bounds, as indexes spell it."
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[;]", name)[0]).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    named = [line.split("#")[0].strip() for line in lines]
    return [line for line in named if line]


def wanted():
    kinds = ("requirements", "paper_requirements", "dev_requirements")
    return [name for kind in kinds for name in SETTINGS[kind].split()]


def site():
    return SETTINGS[
        "site_requirements"
    ].split()  # `make site` and `make test-browser` install these


def pip_lines():
    return next(d["pip"] for d in ENVIRONMENT["dependencies"] if isinstance(d, dict))


def test_constraints_fix_one_version_each():
    assert all(
        re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins()
    )  # no ranges, no local tags, no paths
    names = [canonical(pin.split("==")[0]) for pin in pins()]
    assert len(names) == len(set(names)) and names == sorted(names)
    assert "torch==2.13.0" in pins() and "nbdev==2.4.14" in pins()


HASHES = runpy.run_path(str(ROOT / "workflow" / "hashes.py"))


def test_every_pin_has_hashes_and_nothing_else_has():
    text = HASHES["HASHES"].read_text()
    releases = HASHES["releases"](text)
    named = [pin.split("==") for pin in pins()]
    assert set(releases) == {f"{canonical(name)}=={version}" for name, version in named}
    assert text == HASHES["HEAD"] + "".join(releases.values())  # no address, nothing local


def test_what_pip_would_install_is_found_among_the_hashes():
    found = lambda *names: dict(
        install=[dict(metadata=dict(name=n, version=v)) for n, v in map(str.split, names)]
    )
    lines = HASHES["needed"](found("torch 2.13.0+cpu", "pianoalign 0.1.0", "mir_eval 0.8.2"))
    assert list(HASHES["releases"](lines)) == ["mir-eval==0.8.2", "torch==2.13.0"]
    with pytest.raises(SystemExit, match="mido==0.0.1 has no hashes"):
        HASHES["needed"](found("mido 0.0.1"))


def test_every_requirement_is_pinned():
    scores = SETTINGS["scores_requirements"].split()
    assert {canonical(n) for n in wanted() + site() + scores} <= {
        canonical(p.split("==")[0]) for p in pins()
    }


def test_settings_and_pyproject_name_the_same_requirements():
    assert sorted(PROJECT["dependencies"]) == sorted(SETTINGS["requirements"].split())
    assert sorted(PROJECT["optional-dependencies"]["dev"]) == sorted(
        SETTINGS["dev_requirements"].split()
    )
    assert sorted(PROJECT["optional-dependencies"]["site"]) == sorted(site())
    for extra in ("paper", "notebook", "datasets", "scores"):
        named = SETTINGS[f"{extra}_requirements"].split()
        assert sorted(PROJECT["optional-dependencies"][extra]) == sorted(named)


def test_what_an_aligner_installs_is_light():
    "PyTorch is 0.8 GB, synctoolbox brings music21 (114 MB), librosa scikit-learn, pandas is 79 MB."
    heavy = {"torch", "synctoolbox", "librosa", "numba", "pandas", "scipy"}
    assert not heavy & {canonical(name) for name in PROJECT["dependencies"]}
    assert "onnxruntime" in {canonical(name) for name in PROJECT["dependencies"]}


def test_runtime_requirements_have_lower_bounds_that_the_pins_keep():
    from packaging.requirements import Requirement

    pinned = {canonical(n): v for n, v in (p.split("==") for p in pins())}
    for text in wanted():
        requirement = Requirement(text)
        assert any(s.operator == ">=" for s in requirement.specifier), text
        assert requirement.specifier.contains(pinned[canonical(requirement.name)]), text
    assert "<3" in next(r for r in wanted() if r.startswith("nbdev"))


def test_no_module_of_the_aligner_imports_the_toolbox_when_it_is_loaded():
    "synctoolbox brings music21 (114 MB); `align --method hires` works without it."
    code = (
        "import sys; sys.modules['synctoolbox'] = None\n"
        "import pianoalign.tool.cli, pianoalign.tool.aligner, pianoalign.baselines"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_readme_is_short():
    "At most 1,200 words; figures in tables, addresses and code are no words."
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"<!--.*?-->|```.*?```|\]\([^)]*\)|<img[^>]*>", " ", text, flags=re.S)
    assert len(re.findall(r"[^\W\d_]{2,}", text)) <= 1200


def test_every_action_is_named_by_its_commit():
    "A tag can be moved to other code; what it was called stands beside the commit."
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for used in re.findall(r"uses: (.*)", path.read_text()):
            assert re.search(r"@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", used), f"{path.name}: {used}"


def test_colab_takes_the_release_and_its_pins():
    "A cell that installs whatever lies on the main branch would change under its readers."
    cells = [p.read_text(encoding="utf-8") for p in (ROOT / "nbs").rglob("*.ipynb")]
    cells = [text for text in cells if "google.colab" in text]
    assert len(cells) >= 3
    for text in cells:
        assert f"--branch v{SETTINGS['version']} " in text
        assert "-c pianoalign/constraints.txt" in text


def test_one_range_of_pythons():
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert SETTINGS["min_python"] == f"3.{low}"
    python = next(
        d for d in ENVIRONMENT["dependencies"] if isinstance(d, str) and d.startswith("python=")
    )
    assert int(low) <= int(python.removeprefix("python=3.")) < int(high)
    assert f"(3, {low}) <= sys.version_info[:2] < (3, {high})" in (ROOT / "Makefile").read_text()


def test_the_environment_of_make_reads_scores():
    "Their tests are not skipped where everything is tested."
    (line,) = [x for x in (ROOT / "Makefile").read_text().splitlines() if "LISTED,req" in x]
    assert "scores_requirements" in line


def test_environment_takes_its_versions_from_constraints():
    assert "-c constraints.txt" in pip_lines() and "-e .[paper,dev]" in pip_lines()
    named = [line for line in pip_lines() if not line.startswith("-")]
    assert all(line in pins() for line in named)  # nothing with a version of its own


def test_one_line_of_the_conda_environment_chooses_the_processors_pytorch():
    "Without it pip has its usual index alone, and there the same version is built for CUDA."
    chosen = [line for line in pip_lines() if "index" in line]
    assert chosen == ["--extra-index-url https://download.pytorch.org/whl/cpu"]
    before = (ROOT / "environment.yml").read_text().split(f"  - {chosen[0]}")[0].splitlines()[-1]
    assert before.startswith("  # For an NVIDIA card delete the next line")
    assert "torch==2.13.0" in pins()  # no local version, such as +cpu, which one index alone has
    for text in ((ROOT / "README.md").read_text(), (ROOT / "workflow" / "gpu.py").read_text()):
        assert "environment.yml" in text


def test_version_stands_in_one_place():
    import pianoalign

    assert PROJECT["dynamic"] == ["version"] and pianoalign.__version__ == SETTINGS["version"]


def test_installed_versions_are_the_pinned_ones():
    from importlib.metadata import version

    pinned = {canonical(n): v for n, v in (p.split("==") for p in pins())}
    names = [canonical(n) for n in wanted()]
    wrong = {n: (version(n), pinned[n]) for n in names if version(n).split("+")[0] != pinned[n]}
    assert not wrong


def test_nbdev_keeps_the_tags_of_cells():
    assert "tags" in SETTINGS["allowed_cell_metadata_keys"].split()


def test_citation_names_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == SETTINGS["version"]
    assert PROJECT["license"].split(" AND ")[0] == citation["license"]


def test_the_package_names_the_licences_of_its_weights():
    from pianoalign.tool.aligner import shipped_weights
    from pianoalign.tool.results import licence_of

    licences = {name: licence_of(folder) for name, folder in shipped_weights().items()}
    assert licences["free"] == "Apache-2.0" and licences["maps"] == "CC BY-NC-SA 4.0"
    spdx = {"-".join(licence.split()) for licence in licences.values()}  # as SPDX spells them
    assert spdx == set(PROJECT["license"].split(" AND "))
    named = [path for pattern in PROJECT["license-files"] for path in ROOT.glob(pattern)]
    assert {folder / "README.md" for folder in shipped_weights().values()} < set(named)
    assert "Apache License" in (ROOT / "LICENSE").read_text()
