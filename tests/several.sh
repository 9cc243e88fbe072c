#!/bin/sh
# several.sh [rtp|snapcast]: two speakers on a network of their own, as root: how far they are apart in SEVERAL_MINUTES
# (5), and what is lost and comes back in SEVERAL_ROUNDS (1); SEVERAL_ONLY=WORD takes the faults whose name has it.
set -eu
cd "$(dirname "$0")/.."
exec cargo test --locked --test several -- --ignored --nocapture "${1:-rtp}"
