#!/bin/bash
# Designs every shipped profile anew: conf/devices/NAME.toml → conf/profiles/NAME. Run from the repository's root, after
# `cargo build --release`; SPATIALD names another binary.
set -euo pipefail
cd "$(dirname "$0")/.."
for folder in conf/profiles/*/; do
    name=$(basename "$folder")
    "${SPATIALD:-target/release/spatiald}" design "conf/devices/$name.toml" -o "conf/profiles/$name"
done
