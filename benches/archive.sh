#!/usr/bin/env bash
# Packs a 250 MB tree with the archive writers of deploy-formats and with the usual tools, in turns, and writes
# benches/results/archive.md.
#
#   benches/archive.sh            five rounds, and one for xz, which takes minutes
#   ROUNDS=3 XZ_ROUNDS=2 THREADS=4 WORK=/somewhere benches/archive.sh
#
# Needs cargo, python3, tar, pigz, zstd, xz and zip. Every comparison alternates, so that other load on the machine
# meets both sides; compare ratios, not seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-5}
xz_rounds=${XZ_ROUNDS:-1}
threads=${THREADS:-2}
target=${CARGO_TARGET_DIR:-target}
work=${WORK:-$target/bench-archive}
result=benches/results/archive.md

for tool in cargo python3 tar pigz zstd xz zip; do
  command -v "$tool" >/dev/null || { echo "archive.sh: $tool is missing" >&2; exit 1; }
done
cargo build --quiet --release --package deploy-formats --example pack
pack=$(realpath "$target")/release/examples/pack
mkdir -p "$work" benches/results
work=$(realpath "$work")
tree=$work/payload
[ -d "$tree" ] || python3 benches/payload.py "$tree"
times=$work/times
: >"$times"

# once NAME COMMAND: runs the command, which writes to $out, and notes wall, user and system seconds and the size.
once() {
  out=$work/out
  rm -f "$out" "$out.zip"
  local TIMEFORMAT='%R %U %S'
  { time bash -c "set -euo pipefail; cd '$tree'; out='$out'; pack='$pack'; threads=$threads; $2"; } 2>"$work/time"
  [ -e "$out.zip" ] && mv "$out.zip" "$out"
  echo "$1 $(tail -n 1 "$work/time") $(stat -c %s "$out")" | tee -a "$times" >&2
}

# turns COUNT NAME OURS THEIRS
turns() {
  for ((round = 0; round < $1; round++)); do
    once "$2-ours" "$3"
    once "$2-theirs" "$4"
  done
}

sorted="tar --sort=name --owner=0 --group=0 -cf - ."
find "$tree" -type f -exec cat {} + | wc -c >"$work/bytes" # and now the tree is in the page cache
turns "$rounds" gz '"$pack" tar.gz default $threads . "$out"' "$sorted | pigz -6 -p \$threads >\"\$out\""
turns "$rounds" zst '"$pack" tar.zst default $threads . "$out"' "$sorted | zstd -q -T\$threads -9 -c >\"\$out\""
turns "$rounds" zip '"$pack" zip default $threads . "$out"' 'zip -q -r -6 "$out.zip" .'
turns "$xz_rounds" xz '"$pack" tar.xz default $threads . "$out"' "$sorted | xz -T\$threads -6 -c >\"\$out\""

{
  printf 'machine %s\n' "$(nproc) processors, $(uname -sm)"
  printf 'payload %s files, %s bytes\n' "$(find "$tree" -type f | wc -l)" "$(cat "$work/bytes")"
  printf 'tools %s; %s; %s; %s; %s\n' "$(tar --version | head -n 1)" "$(pigz --version 2>&1)" \
    "zstd $(zstd --version | grep -o 'v[0-9.]*')" "$(xz --version | head -n 1)" \
    "Zip $(zip -v | sed -n 's/^This is Zip \([0-9.]*\).*/\1/p')"
  printf 'threads %s\n' "$threads"
} >"$work/facts"

python3 - "$times" "$work/facts" >"$result" <<'PYTHON'
import statistics
import sys

runs = {}
for line in open(sys.argv[1]):
    name, wall, user, system, size = line.split()
    runs.setdefault(name, []).append((float(wall), float(user) + float(system), int(size)))
facts = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[2]))
commands = {
    "gz": ("tar.gz", "tar \\| pigz -6"),
    "zst": ("tar.zst", "tar \\| zstd -9"),
    "xz": ("tar.xz", "tar \\| xz -6"),
    "zip": ("zip", "zip -r -6"),
}
print("# Archives against the usual tools\n")
print("Written by `benches/archive.sh`: the archive writers of `deploy-formats` at their default level, and the tools people use.")
print(f"Both had {facts['threads']} threads (`zip` knows only one) and took turns. Values are medians; the ratio is ours to theirs, so less than 1 is better.\n")
print(f"- Machine: {facts['machine']}\n- Payload: {facts['payload']} (`benches/payload.py`)\n- Tools: {facts['tools']}\n")
print("| format | runs each | | wall s | CPU s | bytes |\n|---|---|---|---|---|---|")
for name, (format, command) in commands.items():
    ours, theirs = (
        [statistics.median(run[field] for run in runs[f"{name}-{side}"]) for field in range(3)]
        for side in ("ours", "theirs")
    )
    count = len(runs[f"{name}-ours"])
    print(f"| {format} | {count} | ours | {ours[0]:.2f} | {ours[1]:.2f} | {ours[2]:,.0f} |")
    print(f"| | | `{command}` | {theirs[0]:.2f} | {theirs[1]:.2f} | {theirs[2]:,.0f} |")
    ratios = [a / b for a, b in zip(ours, theirs)]
    print(f"| | | **ratio** | **{ratios[0]:.2f}** | **{ratios[1]:.2f}** | **{ratios[2]:.4f}** |")
print("\nThe goal is the same wall time or less at the same size or less in each row.")
PYTHON
cat "$result"
