TIER ?= demo
JOBS ?= 2
PART ?= paper
CANDIDATES = $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
# "$(CURDIR)" with its quotes and dollars made harmless: a clone may lie in a folder called a b'c.
HERE := '$(subst ','\'',$(CURDIR))'
BIN := .venv/bin
MAIN := from pianoalign.reproduce.pipeline import main; raise SystemExit(main())
RUN := $(BIN)/python -c '$(MAIN)'
LISTED = $(shell $(BIN)/python -c 'import configparser as c; s = c.ConfigParser(); s.read("settings.ini"); d = s["DEFAULT"]; print(*(repr(w) for k in "$(1)".split() for w in d[k].split()))')
NOTEBOOKS := $(wildcard nbs/*.ipynb nbs/*/*.ipynb nbs/chapters.yaml)
COMPILED := NUMBA_CACHE_DIR=$(HERE)/.cache/numba
QUIET := OMP_NUM_THREADS=1 MPLBACKEND=agg $(COMPILED)
# A value from the command line as one word of the shell.
one = '$(subst ','\'',$(1))'

.PHONY: help reproduce compare accept test test-browser site lab clean clean-results set-up export readme tidy check lint measure torture course course-check
.DEFAULT_GOAL := reproduce

help:
	@echo "make reproduce     the paper's tables and figures, into results/fresh/TIER"
	@echo "                   TIER=smoke|demo|maps|printed|weights|wide|free   how much, and on what (demo)"
	@echo "                   PART=paper|neighbours|tables   the paper, other systems, tables from runs there are"
	@echo "                   ONLY=table1   one table, figure, run or chapter and what it needs"
	@echo "                   CORPUS=folder where MAPS (or the free corpus) lies    JOBS=2   notebooks at once"
	@echo "                   BUDGET=2min   training time a run    FRESH=1   train anew what ships finished"
	@echo "                   PAUSE=2h   when a training pauses and is judged as it is; the next call goes on"
	@echo "                   RESULTS=folder   where results go instead"
	@echo "make compare       your fresh results of TIER beside the committed ones, and their intervals"
	@echo "make accept        (maintainers) put your fresh results of TIER in place of the committed ones"
	@echo "make test          the notebooks' own tests, then tests/"
	@echo "make check         in seconds: is the package what the notebooks export, are the lines in order"
	@echo "make lab           JupyterLab: the chapters in nbs/, the executed ones in results/"
	@echo "make site          the executed chapters, results and reference as pages, in _site/"
	@echo "make test-browser  players and site in a real Chromium"
	@echo "make course        the course and its release; make course-check tests it"
	@echo "make export        pianoalign/ from nbs/;  make tidy   clean notebooks and README before a commit"
	@echo "make torture       kills, full disks, neighbours, odd names: what holds is said (10 minutes)"
	@echo "make measure       how the code reads, counted, beside three libraries"
	@echo "make clean-results TIER=demo   what that tier has made and git does not keep"
	@echo "make clean         the environment and caches; results stay"
	@echo "PYTHON=python3.12 chooses an interpreter; PIP_FLAGS=\"...\" goes to pip."

reproduce: .cache/exported
	@$(RUN) reproduce --tier $(call one,$(TIER)) --jobs $(call one,$(JOBS)) \
	  --corpus-root $(call one,$(CORPUS)) --budget $(call one,$(BUDGET)) \
	  --only $(call one,$(ONLY)) --part $(call one,$(PART)) --fresh $(call one,$(FRESH)) \
	  --results-root $(call one,$(RESULTS)) --pause-after $(call one,$(PAUSE))

compare accept: .cache/exported
	@$(RUN) $@ --tier $(call one,$(TIER))

# One thread a process: two notebooks, then two files of tests at a time.
test: check
	$(QUIET) $(BIN)/nbdev_test --n_workers 2 --timing
	$(QUIET) $(BIN)/python -m pytest -n 2 --dist loadfile tests

# The package is what the notebooks export; asked before anything is exported anew.
check: .venv/installed
	@$(BIN)/ruff check --quiet nbs tests workflow site benchmarks corpus course
	@$(RUN) check-export

# JupyterLab shows the widgets of an executed chapter only when it may trust it.
lab: .cache/exported
	@$(BIN)/jupyter trust results/*/notebooks/*.ipynb results/fresh/*/notebooks/*.ipynb >/dev/null 2>&1 || true
	$(COMPILED) $(BIN)/jupyter lab --ServerApp.root_dir=$(HERE) --LabApp.default_url=/lab/tree/nbs

site: .cache/exported .venv/installed-site
	$(QUIET) $(BIN)/python site/build.py --tier $(call one,$(TIER))

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

measure: .venv/installed
	@$(BIN)/python workflow/measure.py

# Kills and full disks, two at once, other users, odd names: one line for each, 1 if one is broken.
torture: .cache/exported
	@$(QUIET) $(BIN)/python benchmarks/torture.py $(if $(SMOKE),--smoke)

course: .cache/exported
	$(BIN)/python course/build.py
	cd course && $(HERE)/$(BIN)/nbgrader generate_assignment "*" --create --force

course-check: .cache/exported
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(BIN)/python -m pytest tests/test_course.py

.cache/exported: .venv/installed settings.ini $(NOTEBOOKS)
	@$(BIN)/nbdev_export
	@mkdir -p .cache && touch $@

.venv/installed: constraints.txt settings.ini pyproject.toml | .venv/bin/pip
	@echo "Installing pinned packages into .venv (2 GB, some minutes, once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt setuptools $(call LISTED,requirements paper_requirements dev_requirements scores_requirements)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Compiling what librosa needs, once ..."
	@$(COMPILED) $(BIN)/python -c 'import librosa.core.constantq, librosa.sequence'
	@touch $@

.venv/installed-site: .venv/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt $(call LISTED,site_requirements)
	@touch $@

.venv/bin/pip:
	@case $(HERE) in *[{}]*) \
	  echo "setuptools cannot install from a folder with braces in its name: move the clone out of" $(HERE); exit 1;; \
	esac
	@for p in $(CANDIDATES); do \
	  $$p -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null || continue; \
	  $$p -m venv .venv && exit 0; \
	  rm -rf .venv; echo "$$p -m venv failed (see above). Debian and Ubuntu keep it in a package of its own, python3-venv."; exit 1; \
	done; \
	echo "pianoalign needs Python 3.11, 3.12, 3.13 or 3.14; $(firstword $(CANDIDATES)) is $$($(firstword $(CANDIDATES)) --version 2>/dev/null || echo missing). Name one: make $(or $(MAKECMDGOALS),reproduce) PYTHON=python3.12"; exit 1

clean:
	rm -rf .venv .cache .snakemake build *.egg-info pianoalign/__pycache__ pianoalign/*/__pycache__ tests/__pycache__ .pytest_cache nbs/.ipynb_checkpoints nbs/*/.ipynb_checkpoints

# Everything of one tier that is not committed: weights, executed notebooks, marks.
clean-results: .venv/installed
	@$(RUN) clean-results --tier $(call one,$(TIER))
