#!/bin/sh
# Runs every fuzzer of the module for a short while and prints how often it ran.
#
#   sh conformance/fuzz/fuzz.sh [SECONDS]
#
# Exits 1 when one fails; what made it fail is then in testdata/fuzz of its package. Go before
# 1.27 also fails a fuzzer whose time ends while an input runs (go.dev/issue/75804): such a
# failure names no input, and only the deadline, and is none.
seconds=${1:-10}
cd "$(dirname "$0")/../.." || exit 2
output=$(mktemp) || exit 2
trap 'rm -f "$output"' EXIT
out_of_time() {
	! grep -q 'Failing input\|panic' "$output" &&
		[ "$(grep -A1 '^--- FAIL' "$output" | tail -n 1 | tr -d ' ')" = contextdeadlineexceeded ]
}
total=0 count=0 failed=0
for file in $(grep -rl --include='*_test.go' '^func Fuzz' . | grep -v '^\./\.' | LC_ALL=C sort); do
	for name in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$file"); do
		if go test -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" "$(dirname "$file")" >"$output" 2>&1; then
			verdict=ok
		elif out_of_time; then
			verdict='ok, stopped in a run'
		else
			verdict=FAILED failed=$((failed + 1))
			cat "$output"
		fi
		runs=$(sed -n 's/.*execs: \([0-9]*\) .*/\1/p' "$output" | tail -n 1)
		total=$((total + ${runs:-0})) count=$((count + 1))
		printf '%-24s%-22s%10s  %s\n' "$name" "$(dirname "$file" | cut -c 3-)" "${runs:-0}" "$verdict"
	done
done
echo "$total executions of $count fuzzers; $failed failed"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
