#!/bin/sh
# coverage.sh DIR: `make coverage` built the core and its tests for gcov in DIR.
# Runs the unit tests, replays the fuzz corpus, and prints what of our own
# parsers they reach: lines, and branches (each way out of each condition, as
# gcc counts them).  Fails when a test does, or when they reach less than this:
least_lines=95 least_branches=90
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$1
cd "$top"
find "$dir" -name '*.gcda' -delete
export MEDIMNET_TOP="$top" MEDIMNET_SHARED="${MEDIMNET_SHARED:-$top/../shared}"
for program in "$dir"/unit/test_*; do
	case $program in *.gc*) continue ;; esac
	"$program" >"$dir/unit.log" 2>&1 || { echo "$program failed:" >&2; grep '^not ok' "$dir/unit.log" >&2; exit 1; }
done
for program in "$dir"/replay/fuzz_*; do
	case $program in *.gc*) continue ;; esac
	theme=${program##*/fuzz_}
	find "test/fuzz/corpus/$theme" -type f -exec "$program" {} +
done
for source in src/core/dicom/*.c src/core/image/*.c src/core/nifti/*.c src/core/nn/onnx*.c src/core/nn/protobuf.c src/core/stats/vector_io.c; do
	object=$dir/${source#src/core/}
	gcov -b -n -o "${object%.c}.o" "$source" 2>/dev/null | awk -v source="$source" '
		/^File / { mine = index($0, "\047" source "\047") }
		mine && /^Lines executed:/ { split($0, a, /[:% ]+/); lines = a[3]; line_count = a[5] }
		mine && /^Taken at least once:/ { split($0, a, /[:% ]+/); branches = a[5]; branch_count = a[7] }
		END { if (line_count) printf "%s %s %d %s %d\n", source, lines, line_count, branches, branch_count }'
done | awk -v least_lines="$least_lines" -v least_branches="$least_branches" '
	BEGIN { printf "%-36s %8s %6s %10s %6s\n", "file", "lines %", "of", "branches %", "of" }
	{
		printf "%-36s %8.1f %6d %10.1f %6d\n", $1, $2, $3, $4, $5
		lines += $2 * $3; line_count += $3; branches += $4 * $5; branch_count += $5
	}
	END {
		if (!line_count) exit 1
		printf "%-36s %8.1f %6d %10.1f %6d\n", "all", lines / line_count, line_count, branches / branch_count, branch_count
		if (lines / line_count < least_lines || branches / branch_count < least_branches) {
			print "less than " least_lines " % of lines or " least_branches " % of branches" > "/dev/stderr"
			exit 1
		}
	}'
