#!/usr/bin/env bash
# What a graphics card does with the paper's network: one command, some ten minutes.
#
#   bash workflow/gpu.sh
#
# Checks CUDA against the processor, an interrupted and resumed run, how fast it trains in float32 and
# bfloat16, how much memory a run takes and how many fit at once. Writes results/gpu/<card>.json, which
# the chapter on training (nbs/32d_training.ipynb) turns into hours.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
[ -x "$(command -v "$python")" ] || python=python3
if ! "$python" -c 'import torch, pianoalign' 2>/dev/null; then
  echo "workflow/gpu.sh needs the project's environment: run \`make set-up\` first, or name a Python that has it, PYTHON=…" >&2
  exit 3
fi
exec "$python" workflow/gpu.py "$@"
