#!/usr/bin/env bash
# Build the sdist and the wheel, and try the wheel outside the clone.
# usage: bash workflow/try_wheel.sh [PYTHON]     PIP_FLAGS goes to pip
# What is tried: the light installation, its size and `align` in it; what says that it needs more;
# then, with the extra `paper`, judge, and the sentence that reproduce and train say without a clone.
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
wheel=$(echo "$work"/dist/*.whl)
cd "$work"
piece=mozart_piano_sonatas_12_1_tet01
mkdir -p mine/piece
cp "$root/corpus/audio/$piece.ogg" mine/piece/audio.ogg
cp "$root/corpus/score/$piece.mid" mine/piece/score.mid
cp "$root/corpus/midi/$piece.mid" mine/piece/performance.mid
tool=$work/venv/bin/pianoalign

one_sentence() {  # a command that ends in one sentence with the word $1 in it
  word=$1
  shift
  if $tool "$@" 2>said; then
    echo "pianoalign $* went on"
    exit 1
  fi
  cat said
  [ "$(wc -l <said)" -eq 1 ] || { echo "pianoalign $* says more than one sentence"; exit 1; }
  grep -q "$word" said
}

"$work/venv/bin/pip" install --quiet ${PIP_FLAGS:-} -c "$root/constraints.txt" "$wheel"
"$work/venv/bin/python" - <<'END'
import importlib.util
from importlib.metadata import distributions

size = sum(f.locate().stat().st_size for d in distributions() if d.name not in ("pip", "setuptools")
           for f in d.files or () if f.locate().is_file())
print(f"installed without pip: {size / 1e6:.0f} MB")
assert size < 400e6 and not importlib.util.find_spec("torch")
END
for method in hires score; do
  "$tool" align mine/piece/audio.ogg mine/piece/score.mid -o "$method.mid" --method "$method" \
    --report "$method.csv" --plot "$method.png"
  "$tool" evaluate mine/piece/performance.mid "$method.mid"
done
one_sentence "pianoalign\[paper\]" align mine/piece/audio.ogg mine/piece/score.mid no.mid --method dtw
one_sentence "pianoalign\[paper\]" align mine/piece/audio.ogg mine/piece/score.mid no.mid --device cuda
one_sentence "pianoalign\[paper\]" judge mine

"$work/venv/bin/pip" install --quiet ${PIP_FLAGS:-} -c "$root/constraints.txt" "$wheel[paper]"
export NUMBA_CACHE_DIR=$work/numba
"$tool" judge mine -o table.csv
one_sentence clone reproduce --tier smoke
one_sentence clone train crnn
echo "The wheel holds outside the clone."
