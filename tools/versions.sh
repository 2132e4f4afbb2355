#!/usr/bin/env bash
# The unmarked suite in an environment of its own: with the lowest versions that pyproject.toml names (what is declared is true), or with the newest
# on another Python.   tools/versions.sh lowest-direct [PYTHON]     tools/versions.sh highest [PYTHON …]
# Pythons that are not found are said, and skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
resolution=${1:-lowest-direct}
shift || true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find_python() { # a version such as 3.12, on PATH or where pyenv keeps it
  if "python$1" -c pass 2>/dev/null; then
    command -v "python$1"
    return
  fi
  ls -d "$HOME"/.pyenv/versions/"$1".*/bin/python 2>/dev/null | sort -V | tail -n 1
}
for version in "${@:-3}"; do
  python=$(find_python "$version" || true)
  if [ -z "$python" ]; then
    printf '\n!! NOT TESTED HERE: Python %s is not on this machine\n' "$version" >&2
    continue
  fi
  rm -rf "$work/env"
  "$python" -m venv "$work/env"
  "$work/env/bin/pip" install -q uv
  # the packages that qwenpick needs by the resolution that is asked for; the tools that only test it as they are
  "$work/env/bin/uv" pip install -q --python "$work/env/bin/python" --resolution "$resolution" ".[signed]"
  "$work/env/bin/uv" pip install -q --python "$work/env/bin/python" babel cogapp "hypothesis>=6.130" jsonschema "pytest>=8.3" pytest-xdist
  "$work/env/bin/python" --version
  "$work/env/bin/uv" pip list --python "$work/env/bin/python" 2>/dev/null | grep -Ei '^(cryptography|nvidia-ml-py|platformdirs|psutil|pydantic|pyyaml|rich|typer|typing-extensions) '
  PYTHONPATH=$PWD/src "$work/env/bin/python" -m pytest -q -p no:cacheprovider
done
