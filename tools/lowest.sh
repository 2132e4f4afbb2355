#!/usr/bin/env bash
# The suite with the lowest versions that pyproject.toml names, in an environment of its own: what is declared is true.
#   tools/lowest.sh [python3.11]          PYTEST=... for other tests than the unmarked ones
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/env"
"$work/env/bin/pip" install -q uv
# the packages that qwenpick needs at their lowest; the tools that only test it as they are
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" --resolution lowest-direct .
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" babel cogapp "hypothesis>=6.130" jsonschema "pytest>=8.3" pytest-xdist
"$work/env/bin/uv" pip list --python "$work/env/bin/python" 2>/dev/null | grep -Ei '^(nvidia-ml-py|platformdirs|psutil|pydantic|pyyaml|rich|typer|typing-extensions) '
PYTHONPATH=$PWD/src "$work/env/bin/python" -m pytest -q -n 2 -p no:cacheprovider ${PYTEST:-}
