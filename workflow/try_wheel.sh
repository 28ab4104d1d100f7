#!/usr/bin/env bash
# Build the sdist and the wheel, and try the wheel outside the clone.
# usage: bash workflow/try_wheel.sh [PYTHON]     PIP_FLAGS goes to pip
# What is tried: align, judge, and the sentence that reproduce and train say without a clone.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/build"
"$work/build/bin/pip" install --quiet ${PIP_FLAGS:-} build
"$work/build/bin/python" -m build --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || {
  tail -20 "$work/build.log"
  exit 1
}
ls -l "$work/dist"

"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ${PIP_FLAGS:-} -c "$root/constraints.txt" "$work"/dist/*.whl
cd "$work"
export NUMBA_CACHE_DIR=$work/numba
piece=mozart_piano_sonatas_12_1_tet01
mkdir -p mine/piece
cp "$root/corpus/audio/$piece.ogg" mine/piece/audio.ogg
cp "$root/corpus/score/$piece.mid" mine/piece/score.mid
cp "$root/corpus/midi/$piece.mid" mine/piece/performance.mid
tool=$work/venv/bin/pianoalign

"$tool" align mine/piece/audio.ogg mine/piece/score.mid -o aligned.mid --method hires
"$tool" evaluate mine/piece/performance.mid aligned.mid
"$tool" judge mine -o table.csv
for command in "reproduce --tier smoke" "train crnn"; do
  if $tool $command 2>said; then
    echo "pianoalign $command went on without a clone"
    exit 1
  fi
  cat said
  [ "$(wc -l <said)" -eq 1 ] || { echo "pianoalign $command says more than one sentence"; exit 1; }
  grep -q "clone" said
done
echo "The wheel holds outside the clone."
