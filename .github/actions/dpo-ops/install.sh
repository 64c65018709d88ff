#!/usr/bin/env bash
# Installs dpo-ops, from the checkout that this action is part of, into a virtual environment
# that later runs find again.
#
#   install.sh place     says in $GITHUB_OUTPUT where that is (path) and what it is made of (key)
#   install.sh install   makes it, unless it is there, and says where its program is (dpo-ops)
#
# Reads RUNNER_TOOL_CACHE, and DPO_OPS_EXTRAS: names of extras with commas between them.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
output=${GITHUB_OUTPUT:-/dev/stdout}

fail() {
  printf '::error title=dpo-ops is not installed::%s\n' "$1" >&2
  exit 1
}

# What is newest is not always called python3: Ubuntu 22.04 has 3.10 by that name.
find_python() {
  local name
  for name in python3 python python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "It needs Python 3.11 or later, and there is none in PATH. Put actions/setup-python before it."
}

# Whoever changes the tool, its Python, the extras or the place gets another environment.
find_key() {
  "$python" - "$root" "$cache" "$extras" <<'EOF'
import hashlib, pathlib, platform, sys

root, *facts = sys.argv[1:]
digest = hashlib.sha256("\0".join([sys.version, sys.base_prefix, platform.platform(), *facts]).encode())
shipped = [path for path in pathlib.Path(root, "dpo_ops").rglob("*") if path.is_file()]
for path in sorted(path for path in shipped if path.parent.name != "__pycache__") + [
    pathlib.Path(root, "pyproject.toml"),
    *(pathlib.Path(root, ".github/actions/dpo-ops", n) for n in ("constraints.txt", "install.sh")),
]:
    digest.update(b"\0%s\0" % path.relative_to(root).as_posix().encode() + path.read_bytes())
# A short name, because it begins the first line of every script in the environment.
print(digest.hexdigest()[:20])
EOF
}

make_environment() {
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv. Install it (on Debian: apt-get install python3-venv), or put actions/setup-python before it."
  rm -rf "$place"
  "$python" -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$root/.github/actions/dpo-ops/constraints.txt" "$root$extras"
  # Last of all, so that what was left half-made is seen to be so.
  : >"$place/.complete"
}

[[ ${DPO_OPS_EXTRAS:-} =~ ^([a-z]+(,[a-z]+)*)?$ ]] ||
  fail "The input extras takes names with commas between them, such as tokens,parquet."
extras=${DPO_OPS_EXTRAS:+[$DPO_OPS_EXTRAS]}
python=$(find_python)
cache=${RUNNER_TOOL_CACHE:-$HOME/.cache}/dpo-ops
key=$(find_key)
place=$cache/$key

case ${1:-} in
  place)
    printf 'path=%s\nkey=dpo-ops-%s\n' "$place" "$key" >>"$output"
    ;;
  install)
    mkdir -p "$cache"
    # Two jobs on one machine make it once. Python takes the lock, for macOS has no flock command;
    # it goes with the file, which this shell keeps open.
    exec 9>"$place.lock"
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    [ -e "$place/.complete" ] || make_environment
    printf 'dpo-ops=%s\n' "$place/bin/dpo-ops" >>"$output"
    ;;
  *)
    fail "install.sh takes place or install, not ${1:-nothing}."
    ;;
esac
