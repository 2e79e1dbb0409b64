#!/usr/bin/env bash
# Packs a 250 MB tree as a package of Windows Installer with deploy-formats and wixl, in turns, and writes benches/results/msi.md.
#
#   benches/msi.sh                one round, which takes minutes
#   ROUNDS=3 WORK=/somewhere benches/msi.sh
#
# Needs cargo, python3, wixl, msiextract and GNU time. wixl takes one thread.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-1}
threads=${THREADS:-$(nproc)}
target=${CARGO_TARGET_DIR:-target}
work=${WORK:-$target/bench-msi}
result=benches/results/msi.md

for tool in cargo python3 wixl wixl-heat msiextract; do
  command -v "$tool" >/dev/null || { echo "msi.sh: $tool is missing" >&2; exit 1; }
done
[ -x /usr/bin/time ] || { echo "msi.sh: GNU time is missing" >&2; exit 1; }
cargo build --quiet --release --package deploy-formats --example pack
pack=$(realpath "$target")/release/examples/pack
mkdir -p "$work" benches/results
work=$(realpath "$work")
tree=$work/payload
[ -d "$tree" ] || python3 benches/payload.py "$tree"
times=$work/times
: >"$times"

# The same files as wixl wants them: a component a file, as ours have it. It takes relative paths alone.
find "$tree" -type f | sort |
  wixl-heat -p "$tree/" --component-group Files --directory-ref INSTALLDIR --var var.Source --win64 >"$work/files.wxs"
cat >"$work/app.wxs" <<'XML'
<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="*" Name="App" Language="1033" Version="1.0.0" Manufacturer="The Makers" UpgradeCode="2ED6657D-E927-568B-95E1-2665A8AEA6A2">
    <Package InstallerVersion="200" Compressed="yes"/>
    <Media Id="1" Cabinet="app.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder"><Directory Id="INSTALLDIR" Name="App"/></Directory>
    </Directory>
    <Feature Id="App" Level="1"><ComponentGroupRef Id="Files"/></Feature>
  </Product>
</Wix>
XML

# once NAME COMMAND: runs the command, which writes to $out, and notes wall and processor seconds, peak memory in KiB, and the size.
once() {
  out=$work/$1.msi
  rm -f "$out"
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' bash -c "set -euo pipefail; out='$out'; $2" >&2
  echo "$1 $(tail -n 1 "$work/time") $(stat -c %s "$out")" | tee -a "$times" >&2
}

find "$tree" -type f -exec cat {} + | wc -c >"$work/bytes" # and now the tree is in the page cache
for ((round = 0; round < rounds; round++)); do
  once ours "'$pack' msi default $threads '$tree' \"\$out\""
  once wixl "cd '$work' && wixl -a x64 -D Win64=yes -D Source=payload -o \"\$out\" app.wxs files.wxs"
  once ours-small "'$pack' msi small $threads '$tree' \"\$out\""
done

# Both hold the same files.
for name in ours wixl; do
  rm -rf "$work/unpacked"
  msiextract -C "$work/unpacked" "$work/$name.msi" >/dev/null
  app=$(find "$work/unpacked" -type d -name App)
  diff -r "$tree" "$app" || { echo "msi.sh: $name has other files" >&2; exit 1; }
done
rm -rf "$work/unpacked"

{
  printf 'machine %s\n' "$(nproc) processors, $(uname -sm)"
  printf 'payload %s files, %s bytes\n' "$(find "$tree" -type f | wc -l)" "$(cat "$work/bytes")"
  printf 'tools %s\n' "wixl $(wixl --version)"
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
names = {"ours": "ours", "wixl": "`wixl`", "ours-small": "ours, level `small`"}
print("# Packages of Windows Installer against wixl\n")
print("Written by `benches/msi.sh`: the package writer of `deploy-formats` at its default level, and its peer, in turns. Values are medians;")
print("the ratio is ours to theirs, so less than 1 is better. What `msiextract` takes out of both was compared with the payload.\n")
print(f"- Machine: {facts['machine']}; ours had {facts['threads']} threads\n- Payload: {facts['payload']} (`benches/payload.py`)\n- Tools: {facts['tools']}\n")
print("| | runs | wall s | CPU s | peak MiB | bytes |\n|---|---|---|---|---|---|")
median = {name: [statistics.median(run[field] for run in taken) for field in range(4)] for name, taken in runs.items()}
for name, label in names.items():
    wall, cpu, peak, size = median[name]
    print(f"| {label} | {len(runs[name])} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {size:,.0f} |")
wall, cpu, peak, size = (a / b for a, b in zip(median["ours"], median["wixl"]))
print(f"| **ours to `wixl`** | | **{wall:.2f}** | **{cpu:.2f}** | **{peak:.2f}** | **{size:.4f}** |")
print("\nThe goal is half the wall time at the same size or less, and a peak of less than 300 MiB.")
PYTHON
cat "$result"
