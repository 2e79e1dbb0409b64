#!/usr/bin/env bash
# Packs a 250 MB tree as a Debian package with deploy-formats, dpkg-deb and, where it is installed, cargo-deb, in turns, and writes
# benches/results/deb.md.
#
#   benches/deb.sh                one round, which takes minutes
#   ROUNDS=3 WORK=/somewhere benches/deb.sh
#
# Needs cargo, python3, dpkg-deb and GNU time. dpkg-deb takes as many threads as there are processors, cargo-deb as many as it likes.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-1}
threads=${THREADS:-$(nproc)}
target=${CARGO_TARGET_DIR:-target}
work=${WORK:-$target/bench-deb}
result=benches/results/deb.md

for tool in cargo python3 dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "deb.sh: $tool is missing" >&2; exit 1; }
done
[ -x /usr/bin/time ] || { echo "deb.sh: GNU time is missing" >&2; exit 1; }
cargo build --quiet --release --package deploy-formats --example pack
pack=$(realpath "$target")/release/examples/pack
mkdir -p "$work" benches/results
work=$(realpath "$work")
tree=$work/payload
[ -d "$tree" ] || python3 benches/payload.py "$tree"
times=$work/times
: >"$times"

# The same files as dpkg-deb wants them, and as a package that cargo-deb understands.
if [ ! -d "$work/root" ]; then
  mkdir -p "$work/root/DEBIAN" "$work/root/opt"
  cp -al "$tree" "$work/root/opt/app"
  printf 'Package: app\nVersion: 1.0.0-1\nArchitecture: amd64\nMaintainer: The Makers <makers@example.com>\nDescription: a tree of files\n' \
    >"$work/root/DEBIAN/control"
fi
if [ ! -d "$work/crate" ]; then
  mkdir -p "$work/crate/src"
  echo 'fn main() {}' >"$work/crate/src/main.rs"
  cat >"$work/crate/Cargo.toml" <<'TOML'
[package]
name = "app"
version = "1.0.0"
edition = "2021"
description = "a tree of files"
authors = ["The Makers <makers@example.com>"]
license = "MIT"

[package.metadata.deb]
depends = ""
assets = [["payload/**/*", "opt/app/", "644"]]

[workspace]
TOML
  cp -al "$tree" "$work/crate/payload"
fi

# once NAME COMMAND: runs the command, which writes to $out, and notes wall and processor seconds, peak memory in KiB, and the size.
once() {
  out=$work/out.deb
  rm -f "$out"
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' bash -c "set -euo pipefail; out='$out'; $2" >&2
  echo "$1 $(tail -n 1 "$work/time") $(stat -c %s "$out")" | tee -a "$times" >&2
}

find "$tree" -type f -exec cat {} + | wc -c >"$work/bytes" # and now the tree is in the page cache
for ((round = 0; round < rounds; round++)); do
  once ours "'$pack' deb default $threads '$tree' \"\$out\""
  once dpkg-deb "dpkg-deb --root-owner-group -Zxz -b '$work/root' \"\$out\""
  once ours-zstd "'$pack' deb.zst default $threads '$tree' \"\$out\""
  if command -v cargo-deb >/dev/null; then
    once cargo-deb "cd '$work/crate' && cargo-deb --no-build --no-strip --output \"\$out\""
  fi
done

{
  printf 'machine %s\n' "$(nproc) processors, $(uname -sm)"
  printf 'payload %s files, %s bytes\n' "$(find "$tree" -type f | wc -l)" "$(cat "$work/bytes")"
  printf 'tools %s; %s\n' "dpkg-deb $(dpkg-deb --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')" \
    "cargo-deb $(cargo-deb --version 2>/dev/null || echo 'not installed')"
  printf 'threads %s\n' "$threads"
} >"$work/facts"

python3 - "$times" "$work/facts" >"$result" <<'PYTHON'
import statistics
import sys

runs = {}
for line in open(sys.argv[1]):
    name, wall, user, system, peak, size = line.split()
    runs.setdefault(name, []).append((float(wall), float(user) + float(system), float(peak) / 1024, int(size)))
facts = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[2]))
names = {
    "ours": "ours",
    "dpkg-deb": "`dpkg-deb -Zxz -b`",
    "cargo-deb": "`cargo deb --no-build`",
    "ours-zstd": "ours, zstd",
}
print("# Debian packages against dpkg-deb and cargo-deb\n")
print("Written by `benches/deb.sh`: the package writer of `deploy-formats` at its default level with md5sums, and its peers, in turns. Values are medians;")
print("the ratio is ours to theirs, so less than 1 is better.\n")
print(f"- Machine: {facts['machine']}; ours had {facts['threads']} threads\n- Payload: {facts['payload']} (`benches/payload.py`)\n- Tools: {facts['tools']}\n")
print("| | runs | wall s | CPU s | peak MiB | bytes |\n|---|---|---|---|---|---|")
median = {name: [statistics.median(run[field] for run in taken) for field in range(4)] for name, taken in runs.items()}
for name, label in names.items():
    if name in median:
        wall, cpu, peak, size = median[name]
        print(f"| {label} | {len(runs[name])} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {size:,.0f} |")
for name in ("dpkg-deb", "cargo-deb"):
    if name in median:
        wall, cpu, peak, size = (a / b for a, b in zip(median["ours"], median[name]))
        print(f"| **ours to {names[name]}** | | **{wall:.2f}** | **{cpu:.2f}** | **{peak:.2f}** | **{size:.4f}** |")
print("\nThe goal is half the wall time of the best peer at the same size or less, and a peak of less than 300 MiB.")
PYTHON
cat "$result"
