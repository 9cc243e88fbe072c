#!/bin/sh
# soak.sh MINUTES [SEED]: plays a tone through the daemon for so long, with a fault every 10 to 20 s, and tells how long
# the sound was away after each. What is drawn depends on SEED alone; SOAK_ONLY=WORD takes the faults whose name has it.
set -eu
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
SOAK_MINUTES=$1 SOAK_SEED=${2:-1} exec cargo test --locked --test soak -- --ignored --nocapture
