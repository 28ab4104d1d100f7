# make reproduce   the whole paper; TIER=smoke|demo|maps|printed, CORPUS=folder, BUDGET=2min, ONLY=table1, JOBS=2, FRESH=1
# make reproduce PART=neighbours   the chapters beyond it: other systems and open questions
# make reproduce PART=tables   tables from the run folders that are there, without a corpus or training
# make test        the notebooks' own tests, then tests/
# make lab         JupyterLab: the chapters in nbs/, the executed ones in results/
# make site        the executed chapters, results and reference as a site, in _site/ (after make reproduce)
# make test-browser  the players and the site in a real Chromium
# make clean       remove the environment and caches; results stay
#
# PYTHON=python3.12 chooses an interpreter. PIP_FLAGS goes to pip, for example to another package index.

TIER ?= demo
JOBS ?= 2
PART ?= paper
CANDIDATES = $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
BIN := .venv/bin
RUN := $(BIN)/python -c 'from pianoalign.reproduce.pipeline import main; raise SystemExit(main())'
REQUIREMENTS = $(shell $(BIN)/python -c 'import configparser as c; s = c.ConfigParser(); s.read("settings.ini"); d = s["DEFAULT"]; print(d["requirements"], d["dev_requirements"])')
SITE_REQUIREMENTS = $(shell $(BIN)/python -c 'import configparser as c; s = c.ConfigParser(); s.read("settings.ini"); print(s["DEFAULT"]["site_requirements"])')
NOTEBOOKS := $(wildcard nbs/*.ipynb nbs/*/*.ipynb)
COMPILED := NUMBA_CACHE_DIR="$(CURDIR)/.cache/numba"

.PHONY: reproduce test test-browser site lab clean clean-results set-up export readme tidy check
.DEFAULT_GOAL := reproduce

reproduce: .cache/exported
	@$(RUN) reproduce --tier "$(TIER)" --jobs "$(JOBS)" --corpus-root "$(CORPUS)" --budget "$(BUDGET)" --only "$(ONLY)" --part "$(PART)" --fresh "$(FRESH)"

# One thread a process: two notebooks, then two files of tests at a time.
test: check
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(COMPILED) $(BIN)/nbdev_test --n_workers 2 --timing
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(COMPILED) $(BIN)/python -m pytest -n 2 --dist loadfile tests

# The package is what the notebooks export; asked before anything is exported anew.
check: .venv/installed
	@$(RUN) check-export

# JupyterLab shows the widgets of an executed chapter only when it may trust it.
lab: .cache/exported
	@$(BIN)/jupyter trust results/*/notebooks/*.ipynb >/dev/null 2>&1 || true
	$(COMPILED) $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/nbs

site: .cache/exported .venv/installed-site
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(COMPILED) $(BIN)/python site/build.py --tier "$(TIER)"

# Wants a Chromium on the PATH, or its place in PIANOALIGN_CHROMIUM.
test-browser: site
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(BIN)/python -m pytest tests/browser

set-up: .venv/installed
export: .cache/exported

# Notebooks without outputs, and the README written from nbs/index.ipynb: before a commit.
tidy: .cache/exported
	@$(RUN) tidy
	@$(RUN) readme

readme: .cache/exported
	@$(RUN) readme

.cache/exported: .venv/installed settings.ini $(NOTEBOOKS)
	@$(BIN)/nbdev_export
	@mkdir -p .cache && touch $@

.venv/installed: constraints.txt settings.ini pyproject.toml | .venv/bin/pip
	@echo "Installing pinned packages into .venv (2 GB, some minutes, once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt setuptools $(REQUIREMENTS)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Compiling what librosa needs, once ..."
	@$(COMPILED) $(BIN)/python -c 'import librosa.core.constantq, librosa.sequence'
	@touch $@

.venv/installed-site: .venv/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt $(SITE_REQUIREMENTS)
	@touch $@

.venv/bin/pip:
	@for p in $(CANDIDATES); do \
	  $$p -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || continue; \
	  $$p -m venv .venv && exit 0; \
	  rm -rf .venv; echo "$$p -m venv failed (see above). Debian and Ubuntu keep it in a package of its own, python3-venv."; exit 1; \
	done; \
	echo "pianoalign needs Python 3.11, 3.12 or 3.13; $(firstword $(CANDIDATES)) is $$($(firstword $(CANDIDATES)) --version 2>/dev/null || echo missing). Name one: make $(or $(MAKECMDGOALS),reproduce) PYTHON=python3.12"; exit 1

clean:
	rm -rf .venv .cache .snakemake build *.egg-info pianoalign/__pycache__ pianoalign/*/__pycache__ tests/__pycache__ .pytest_cache nbs/.ipynb_checkpoints nbs/*/.ipynb_checkpoints

# Everything of one tier that is not committed: weights, executed notebooks, marks.
clean-results:
	git clean -fdxq "results/$(TIER)"

# make course        the course (course/README.md): notebooks from their sources, and the students' versions in course/release
# make course-check  the course's tests: reference and wrong answers, nbgrader from end to end
.PHONY: course course-check
course: .cache/exported
	$(BIN)/python course/build.py
	cd course && "$(CURDIR)/$(BIN)/nbgrader" generate_assignment "*" --create --force

course-check: .cache/exported
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(BIN)/python -m pytest tests/test_course.py
