#!/bin/sh
# run.sh [TEST...]: runs the TAP tests (default: all of test/t) against a staged
# installation in a temporary folder, as a user that PostgreSQL accepts.
# Called by `make test`, which has built everything.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/medimnet-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
sh "$top/test/cluster.sh" stage "$work"

# The tests run from a copy: the cluster's owner may not be able to read the
# checkout, nor write to it.
mkdir "$work/src"
for part in README.md Makefile doc test expected examples sql model; do
	if [ -e "$top/$part" ]; then cp -r "$top/$part" "$work/src"; fi
done
cp -r "$top/build" "$work/build"
shared=${MEDIMNET_SHARED:-$top/../shared}
if [ -d "$shared" ]; then
	shared=$(cd "$shared" && pwd)
	if [ "$(id -u)" = 0 ] && ! runuser -u postgres -- test -r "$shared/data"; then
		cp -r "$shared" "$work/shared"
		shared=$work/shared
	fi
else
	shared=
	echo "no shared/ beside this checkout: tests that need it are skipped"
fi
# all of it: there are tests that change the installation
if [ "$(id -u)" = 0 ]; then chown -R postgres: "$work"; fi

pgxs=$(dirname "$("${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}" --pgxs)")/../..
cd "$work/src"
[ $# -gt 0 ] || set -- test/t/*.pl
# no exec: the trap must clean up
sh "$top/test/cluster.sh" run "$work" \
	CI="${CI:-}" MEDIMNET_TOP="$work/src" MEDIMNET_BUILD="$work/build" MEDIMNET_SHARED="$shared" \
	PG_REGRESS="$(cd "$pgxs" && pwd)/src/test/regress/pg_regress" TESTDIR="$work/src" PERL5LIB="$(cd "$pgxs" && pwd)/src/test/perl" \
	FUZZ_SECONDS="${FUZZ_SECONDS:-20}" LANG=C.UTF-8 PGHOST= PGUSER=postgres \
	sh -c 'cd "$MEDIMNET_TOP" && exec prove "$@"' prove --timer --directives "$@"
