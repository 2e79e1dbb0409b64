#!/usr/bin/env bash
# Packs a 250 MB tree as an RPM package with deploy-formats and cargo-generate-rpm, in turns, and writes benches/results/rpm.md.
#
#   benches/rpm.sh                one round, which takes minutes
#   ROUNDS=3 WORK=/somewhere benches/rpm.sh
#
# Needs cargo, python3, cargo-generate-rpm and GNU time. cargo-generate-rpm compresses with one thread.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-1}
threads=${THREADS:-$(nproc)}
target=${CARGO_TARGET_DIR:-target}
work=${WORK:-$target/bench-rpm}
result=benches/results/rpm.md

for tool in cargo python3 cargo-generate-rpm; do
  command -v "$tool" >/dev/null || { echo "rpm.sh: $tool is missing" >&2; exit 1; }
done
[ -x /usr/bin/time ] || { echo "rpm.sh: GNU time is missing" >&2; exit 1; }
cargo build --quiet --release --package deploy-formats --example pack
pack=$(realpath "$target")/release/examples/pack
mkdir -p "$work/crate/src" benches/results
work=$(realpath "$work")
tree=$work/payload
[ -d "$tree" ] || python3 benches/payload.py "$tree"
times=$work/times
: >"$times"

# The same files as a package that cargo-generate-rpm understands.
echo 'fn main() {}' >"$work/crate/src/main.rs"
cat >"$work/crate/Cargo.toml" <<TOML
[package]
name = "app"
version = "1.0.0"
edition = "2021"
description = "a tree of files"
license = "MIT"

[package.metadata.generate-rpm]
assets = [{ source = "$tree/**/*", dest = "/usr/lib/app/", mode = "644" }]

[workspace]
TOML

# once NAME COMMAND: runs the command, which writes to $out, and notes wall and processor seconds, peak memory in KiB, and the size.
once() {
  out=$work/out.rpm
  rm -f "$out"
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' bash -c "set -euo pipefail; out='$out'; $2" >&2
  echo "$1 $(tail -n 1 "$work/time") $(stat -c %s "$out")" | tee -a "$times" >&2
}

find "$tree" -type f -exec cat {} + | wc -c >"$work/bytes" # and now the tree is in the page cache
for ((round = 0; round < rounds; round++)); do
  once ours "'$pack' rpm default $threads '$tree' \"\$out\""
  once cargo-generate-rpm "cd '$work/crate' && cargo-generate-rpm --auto-req disabled -o \"\$out\""
  once ours-zstd "'$pack' rpm.zst default $threads '$tree' \"\$out\""
done

{
  printf 'machine %s\n' "$(nproc) processors, $(uname -sm)"
  printf 'payload %s files, %s bytes\n' "$(find "$tree" -type f | wc -l)" "$(cat "$work/bytes")"
  printf 'tools %s\n' "$(cargo-generate-rpm --version 2>/dev/null || echo 'cargo-generate-rpm')"
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
names = {"ours": "ours, xz", "cargo-generate-rpm": "`cargo generate-rpm`", "ours-zstd": "ours, zstd"}
print("# RPM packages against cargo-generate-rpm\n")
print("Written by `benches/rpm.sh`: the package writer of `deploy-formats` at its default level, and its peer with its defaults, in turns. Values are")
print("medians; the ratio is ours to theirs, so less than 1 is better.\n")
print(f"- Machine: {facts['machine']}; ours had {facts['threads']} threads\n- Payload: {facts['payload']} (`benches/payload.py`)\n- Tools: {facts['tools']}\n")
print("| | runs | wall s | CPU s | peak MiB | bytes |\n|---|---|---|---|---|---|")
median = {name: [statistics.median(run[field] for run in taken) for field in range(4)] for name, taken in runs.items()}
for name, label in names.items():
    wall, cpu, peak, size = median[name]
    print(f"| {label} | {len(runs[name])} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {size:,.0f} |")
wall, cpu, peak, size = (a / b for a, b in zip(median["ours"], median["cargo-generate-rpm"]))
print(f"| **ours, xz, to {names['cargo-generate-rpm']}** | | **{wall:.2f}** | **{cpu:.2f}** | **{peak:.2f}** | **{size:.4f}** |")
print("\nThe goal is half the peer's wall time at the same size or less, and a peak of less than 300 MiB.")
PYTHON
cat "$result"
