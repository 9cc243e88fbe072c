#!/bin/bash
# tests/run.sh [WORD…]: every check and every test, from a bare machine on: installs what is missing by apt. Where it may,
# it ends with the sound's tests in the other Debian, whose PipeWire is another (tests/root.sh).
# With words, only the tests whose name contains one of them (`cargo test` takes it from there), and only here.
# With --vm [bookworm|trixie], only what packaging/build.sh has built, installed in virtual machines (tests/vm/run.sh).
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
source "$(dirname "$0")/root.sh"
cd "$ROOT"
if [ "${1:-}" = --vm ]; then
	exec tests/vm/run.sh "${@:2}"
fi
target=${CARGO_TARGET_DIR:-target}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# One line a test, written by tests/support/witness.rs.
repeated=$target/tmp/repeated.log
inconclusive=$target/tmp/inconclusive.log
rm -f "$repeated" "$inconclusive"
passed=0 failed=0 skipped=0 unclear=0 tests=0
summary=()
warnings=()
# What the other Debian has to show: sound to the last bit, quantum, desktop, latency, reload, faults, what is amiss, step.
SOUND_TESTS=(e2e_sound e2e_desktop e2e_latency e2e_reload e2e_settings e2e_identify e2e_faults e2e_doctor e2e_several)

lines_in() {
	if [ -s "$1" ]; then wc -l <"$1"; else echo 0; fi
}

# step NAME COMMAND…: runs it, whatever became of the one before; adds to the summary.
step() {
	local name=$1 start=$SECONDS verdict=ok before
	shift
	before=$(lines_in "$inconclusive")
	printf '\n\033[1m%s\033[0m\n' "$name"
	if ! "$@" 2>&1 | tee "$log"; then
		verdict=FAILED
	fi
	# A test program that dies prints no result: it is one failure, and named.
	local p f s died u
	read -r p f s died < <(awk '
		/^test result:/ { p += $4; f += $6; s += $8 }
		/process didn.t exit successfully: / && !/exit status: 101\)/ { died++ }
		END { print p + 0, f + 0, s + 0, died + 0 }' "$log")
	u=$(($(lines_in "$inconclusive") - before))
	tests=$((tests + p + f + s + died))
	if ! grep -q '^test result:' "$log" && [ "$died" -eq 0 ]; then
		[ $verdict = ok ] && p=1 || f=1
	elif [ $verdict = FAILED ] && [ $((f + died)) -eq 0 ]; then
		f=1
	fi
	# What a disturbed machine failed has found nothing.
	f=$((f + died - u))
	[ $verdict = FAILED ] && [ "$f" -eq 0 ] && verdict=unclear
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)) unclear=$((unclear + u))
	summary+=("$(printf '%-28s %-7s %4d passed %3d failed  %4d s' "$name" "$verdict" "$p" "$f" $((SECONDS - start)))")
	while read -r line; do
		summary+=("  died: $line")
	done < <(sed -n '/exit status: 101)/d; s/.*process didn.t exit successfully: //p' "$log")
	[ $verdict != FAILED ]
}

list() {
	[ ! -s "$2" ] || { echo "$1:" && sed 's/^/  /' "$2"; }
}

finish() {
	printf '\n\033[1mSummary\033[0m\n'
	printf '%s\n' "${summary[@]}"
	echo
	echo "$passed passed, $failed failed, $unclear inconclusive, $skipped skipped"
	list "repeated, because a processor was taken away while they ran" "$repeated"
	list "INCONCLUSIVE: no attempt was left in peace; run them again on a quieter machine" "$inconclusive"
	[ ${#warnings[@]} -eq 0 ] || printf '\033[1m%s\033[0m\n' "${warnings[@]}"
	[ "$failed" -eq 0 ]
}

# The programs of the sound's tests, as built here.
sound_programs() {
	cargo test --locked --no-run "${SOUND_TESTS[@]/#/--test=}" 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$/\1/p'
}

# test_on RELEASE: the sound's tests in a root of that Debian. Programs of Debian 12 run on 13; the other way round, they
# are built once more.
test_on() {
	local release=$1 program programs status verdict=0
	make_root "$release"
	in_root "$release" bash -euc 'source packaging/requirements.sh
		install_missing "${SESSION_PACKAGES[@]}" "${SESSION_TEST_PACKAGES[@]}"
		pipewire --version | sed -n "s/Linked with lib//p" && wireplumber --version | sed -n "s/Linked with lib//p"'
	mapfile -t programs < <(sound_programs)
	[ ${#programs[@]} -eq ${#SOUND_TESTS[@]} ] || fail "no test programs"
	if ! TARGET=$(realpath "$target") in_root "$release" "${programs[0]}" --list >/dev/null 2>&1; then
		in_root "$release" bash -euc 'source packaging/requirements.sh
			install_missing "${BUILD_PACKAGES[@]}" $(missing_rust)
			find_rust
			cargo test --locked --no-fail-fast "$@"' build "${SOUND_TESTS[@]/#/--test=}" || verdict=1
		return $verdict
	fi
	for program in "${programs[@]}"; do
		status=0
		echo "Running $program"
		TARGET=$(realpath "$target") in_root "$release" "$program" || status=$?
		[ $status -eq 0 ] || verdict=1
		case $status in
		0 | 101) ;;
		*) echo "process didn't exit successfully: $program (status $status)" ;;
		esac
	done
	return $verdict
}

# The other of the two Debians, unless this is one of their roots.
test_on_the_other() {
	local here other why
	here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ "$here" = trixie ] && other=bookworm || other=trixie
	why=$(no_roots)
	if [ -n "$why" ]; then
		summary+=("$(printf '%-28s NOT RUN: %s' "sound, Debian $other" "$why")")
		warnings+=("NOT TESTED on Debian $other: $why. As root: tests/on.sh $other")
	else
		step "sound, Debian $other" test_on "$other" || true
	fi
}

missing=("${BUILD_PACKAGES[@]}" "${SESSION_PACKAGES[@]}" "${TEST_PACKAGES[@]}")
if find_rust && cargo fmt --version >/dev/null 2>&1; then
	step "format" cargo fmt --all --check || { finish; exit 1; }
fi
# shellcheck disable=SC2046 # a list
install_missing "${missing[@]}" $(missing_rust lint)
ensure_rust lint
if [ ${#summary[@]} -eq 0 ]; then
	step "format" cargo fmt --all --check || { finish; exit 1; }
fi
step "lint" cargo clippy --locked --workspace --all-targets -- -D warnings || { finish; exit 1; }
step "build without a daemon" cargo clippy --locked --no-default-features -- -D warnings || { finish; exit 1; }
if cargo deny --version >/dev/null 2>&1; then
	step "dependencies" cargo deny --locked --log-level error check licenses bans sources || true
else
	summary+=("$(printf '%-28s not run: no cargo-deny here; tests/dependencies.rs has the most of it' dependencies)")
fi
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items || true
step "test card" tests/card/build.sh "$target/tmp/testcard" || { finish; exit 1; }
step "unit and session tests" cargo test --locked --workspace --no-fail-fast --all-targets -- "$@" || true
step "documentation's examples" cargo test --locked --doc -- "$@" || true
if [ $tests -eq 0 ] && [ $failed -eq 0 ]; then
	failed=1
	summary+=("no test's name contains: $*")
fi
if [ $# -eq 0 ]; then
	step "two minutes of faults" tests/soak.sh 2 || true
fi
if [ $# -eq 0 ] && [ -z "${ONLY_HERE:-}" ]; then
	test_on_the_other
fi
finish
