#!/usr/bin/env bash
# Makes the image of an AppImage from a 250 MB tree with the SquashFS writer of deploy-formats and with mksquashfs, in turns,
# and writes benches/results/appimage.md.
#
#   benches/appimage.sh            three rounds, some minutes
#   ROUNDS=5 THREADS=4 WORK=/somewhere benches/appimage.sh
#
# Needs cargo, python3, GNU time and mksquashfs. Every comparison alternates, so that other load on the machine meets both
# sides; compare ratios, not seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-3}
threads=${THREADS:-2}
target=${CARGO_TARGET_DIR:-target}
work=${WORK:-$target/bench-appimage}
result=benches/results/appimage.md

for tool in cargo python3 /usr/bin/time mksquashfs; do
  command -v "$tool" >/dev/null || { echo "appimage.sh: $tool is missing" >&2; exit 1; }
done
cargo build --quiet --release --package deploy-formats --example pack
pack=$(realpath "$target")/release/examples/pack
mkdir -p "$work" benches/results
work=$(realpath "$work")
tree=$work/payload
[ -d "$tree" ] || python3 benches/payload.py "$tree"
times=$work/times
: >"$times"

# once NAME COMMAND...: runs the command, which writes to $work/out, and notes wall, user and system seconds, the peak of its
# memory and the size.
once() {
  local name=$1
  shift
  rm -f "$work/out"
  /usr/bin/time -f '%e %U %S %M' -o "$work/time" "$@" >/dev/null
  echo "$name $(tail -n 1 "$work/time") $(stat -c %s "$work/out")" | tee -a "$times" >&2
}

theirs=(-all-root -mkfs-time 1700000000 -all-time 1700000000 -processors "$threads" -noappend -no-xattrs -quiet -no-progress)
find "$tree" -type f -exec cat {} + | wc -c >"$work/bytes" # and now the tree is in the page cache
for ((round = 0; round < rounds; round++)); do
  once zstd-ours "$pack" squashfs default "$threads" "$tree" "$work/out"
  once zstd-theirs mksquashfs "$tree" "$work/out" -comp zstd "${theirs[@]}"
  once gzip-ours "$pack" squashfs.gzip default "$threads" "$tree" "$work/out"
  once gzip-theirs mksquashfs "$tree" "$work/out" -comp gzip "${theirs[@]}"
done

{
  printf 'machine %s\n' "$(nproc) processors, $(uname -sm), load $(cut -d ' ' -f 1 /proc/loadavg) at the end"
  printf 'payload %s files, %s bytes\n' "$(find "$tree" -type f | wc -l)" "$(cat "$work/bytes")"
  printf 'tools %s\n' "$(mksquashfs -version | head -n 1 | sed 's/ version//')"
  printf 'threads %s\n' "$threads"
} >"$work/facts"

python3 - "$times" "$work/facts" >"$result" <<'PYTHON'
import statistics
import sys

runs = {}
for line in open(sys.argv[1]):
    name, wall, user, system, memory, size = line.split()
    runs.setdefault(name, []).append((float(wall), float(user) + float(system), int(memory) / 1024, int(size)))
facts = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[2]))
commands = {"zstd": "mksquashfs -comp zstd", "gzip": "mksquashfs -comp gzip"}
print("# The image of an AppImage against mksquashfs\n")
print("Written by `benches/appimage.sh`: the SquashFS writer of `deploy-formats` at its default level with blocks of 1 MiB, and `mksquashfs` with its")
print("defaults: zstd level 15 or gzip level 9, blocks of 128 KiB.")
print(f"Both had {facts['threads']} threads and took turns. Values are medians; the ratio is ours to theirs, so less than 1 is better.\n")
print(f"- Machine: {facts['machine']}\n- Payload: {facts['payload']} (`benches/payload.py`)\n- Tools: {facts['tools']}\n")
print("| compression | runs each | | wall s | CPU s | peak MiB | bytes |\n|---|---|---|---|---|---|---|")
for name, command in commands.items():
    ours, theirs = (
        [statistics.median(run[field] for run in runs[f"{name}-{side}"]) for field in range(4)]
        for side in ("ours", "theirs")
    )
    count = len(runs[f"{name}-ours"])
    for label, values in ((f"{name} | {count} | ours", ours), (f"| | `{command}`", theirs)):
        print(f"| {label} | {values[0]:.2f} | {values[1]:.2f} | {values[2]:.0f} | {values[3]:,.0f} |")
    ratios = [a / b for a, b in zip(ours, theirs)]
    print(f"| | | **ratio** | **{ratios[0]:.2f}** | **{ratios[1]:.2f}** | **{ratios[2]:.2f}** | **{ratios[3]:.4f}** |")
print("\nThe goal is half the wall time at the same size or less, with less than 300 MiB of memory.")
PYTHON
cat "$result"
