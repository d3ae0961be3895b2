# Sourced by every finding: a temporary folder to work in, gone at the end, and packages for it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# from_npm [OPTION] PACKAGE@VERSION ...: into node_modules/, without running their install scripts
from_npm() {
  npm install --silent --ignore-scripts --no-audit --no-fund "$@" > /dev/null
}

# from_pypi [OPTION] PACKAGE==VERSION ...: into the environment venv/
from_pypi() {
  [ -d venv ] || python3 -m venv venv
  venv/bin/pip install --quiet --no-compile --disable-pip-version-check "$@"
}
