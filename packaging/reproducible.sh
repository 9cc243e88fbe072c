#!/bin/bash
# reproducible.sh [amd64|arm64]: builds the last commit's package twice, in two places, and compares the bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for place in one another/place; do
	git clone --quiet . "$work/$place"
	git -C "$work/$place" checkout --quiet "$commit"
	(cd "$work/$place" && packaging/build.sh "$@")
done
cd "$work/one/target/package"
for package in *.deb; do
	cmp "$package" "$work/another/place/target/package/$package"
	sha256sum "$package"
done
