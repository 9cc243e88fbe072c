#!/bin/bash
# tests/run.sh [WORD…]: every check and every test, from a bare machine on: installs what is missing by apt.
# With words, only the tests whose name contains one of them (`cargo test` takes it from there).
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
cd "$ROOT"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
repeated=${CARGO_TARGET_DIR:-target}/tmp/repeated.log
rm -f "$repeated"
passed=0 failed=0 skipped=0 tests=0
summary=()

# step NAME COMMAND…: runs it, whatever became of the one before; adds to the summary.
step() {
	local name=$1 start=$SECONDS verdict=ok
	shift
	printf '\n\033[1m%s\033[0m\n' "$name"
	if ! "$@" 2>&1 | tee "$log"; then
		verdict=FAILED
	fi
	local p f s
	read -r p f s < <(awk '/^test result:/ { p += $4; f += $6; s += $8 } END { print p + 0, f + 0, s + 0 }' "$log")
	tests=$((tests + p + f + s))
	if ! grep -q '^test result:' "$log"; then
		[ $verdict = ok ] && p=1 || f=1
	elif [ $verdict = FAILED ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	summary+=("$(printf '%-28s %-7s %4d passed %3d failed  %4d s' "$name" "$verdict" "$p" "$f" $((SECONDS - start)))")
	[ $verdict = ok ]
}

finish() {
	printf '\n\033[1mSummary\033[0m\n'
	printf '%s\n' "${summary[@]}"
	echo
	echo "$passed passed, $failed failed, $skipped skipped"
	if [ -s "$repeated" ]; then
		echo "repeated, because a processor was taken away while they ran:"
		sed 's/^/  /' "$repeated"
	fi
	[ "$failed" -eq 0 ]
}

if has_rust && cargo fmt --version >/dev/null 2>&1; then
	step "format" cargo fmt --check || { finish; exit 1; }
fi
install_missing "${BUILD_PACKAGES[@]}" "${SESSION_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
ensure_rust lint
if [ ${#summary[@]} -eq 0 ]; then
	step "format" cargo fmt --check || { finish; exit 1; }
fi
step "lint" cargo clippy --locked --all-targets -- -D warnings || { finish; exit 1; }
step "test card" tests/card/build.sh target/tmp/testcard || { finish; exit 1; }
step "unit and session tests" cargo test --locked --no-fail-fast --all-targets -- "$@" || true
step "documentation's examples" cargo test --locked --doc -- "$@" || true
if [ $tests -eq 0 ] && [ $failed -eq 0 ]; then
	failed=1
	summary+=("no test's name contains: $*")
fi
finish
