#!/bin/sh
# sql_path.sh PROGRAMS INPUTS [ROUNDS]: sql_path.py on a private server.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/medimnet-bench.XXXXXX")
trap 'sh "$top/test/cluster.sh" stop "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
sh "$top/test/cluster.sh" stage "$work"
sh "$top/test/cluster.sh" start "$work" "shared_buffers = 256MB"
/usr/bin/python3 "$top/test/bench/sql_path.py" "$work" "$@"
