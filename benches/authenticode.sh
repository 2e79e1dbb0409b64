#!/usr/bin/env bash
# Signs a PE file of 150 MB and a package of Windows Installer of 70 MB with deploy-crypto and osslsigncode, in turns, and writes
# benches/results/authenticode.md.
#
#   benches/authenticode.sh                five rounds, which take a minute
#   ROUNDS=9 WORK=/somewhere benches/authenticode.sh
#
# Needs cargo, python3, openssl, osslsigncode and GNU time. There is no timestamp, so that no server is measured.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-5}
target=${CARGO_TARGET_DIR:-target}
work=${WORK:-$target/bench-authenticode}
result=benches/results/authenticode.md

for tool in cargo python3 openssl osslsigncode; do
  command -v "$tool" >/dev/null || { echo "authenticode.sh: $tool is missing" >&2; exit 1; }
done
[ -x /usr/bin/time ] || { echo "authenticode.sh: GNU time is missing" >&2; exit 1; }
cargo build --quiet --release --package deploy-crypto --example authenticode
cargo build --quiet --release --package deploy-formats --example pack
ours=$(realpath "$target")/release/examples/authenticode
pack=$(realpath "$target")/release/examples/pack
mkdir -p "$work" benches/results
work=$(realpath "$work")
times=$work/times
: >"$times"

if [ ! -f "$work/key.pem" ]; then
  openssl req -x509 -newkey rsa:3072 -nodes -keyout "$work/key.pem" -out "$work/certificate.pem" -days 3650 -subj /CN=Bench \
    -addext keyUsage=digitalSignature -addext extendedKeyUsage=codeSigning 2>/dev/null
fi
# A header for 64-bit Windows, and a section with 150 MB of noise.
if [ ! -f "$work/large.exe" ]; then
  python3 - "$work/large.exe" <<'PYTHON'
import random
import struct
import sys

size = 150_000_000 // 512 * 512
header = bytearray(b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)).ljust(0x80, b"\0")
header += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 0xF0, 0x22)
optional = bytearray(0xF0)
optional[0:2] = b"\x0b\x02"
for at, number in [(32, 0x1000), (36, 0x200), (56, 0x1000 + (size + 0xFFF) // 0x1000 * 0x1000), (60, 0x200), (68, 3), (108, 16)]:
    struct.pack_into("<I", optional, at, number)
header += optional + b".data\0\0\0" + struct.pack("<IIIIIIHHI", size, 0x1000, size, 0x200, 0, 0, 0, 0, 0xC0000040)
noise = random.Random(1).randbytes(1 << 20)
with open(sys.argv[1], "wb") as file:
    file.write(header.ljust(0x200, b"\0"))
    for _ in range(size >> 20):
        file.write(noise)
    file.write(noise[: size & (1 << 20) - 1])
PYTHON
fi
if [ ! -f "$work/large.msi" ]; then
  [ -d "$work/payload" ] || python3 benches/payload.py "$work/payload"
  "$pack" msi default "$(nproc)" "$work/payload" "$work/large.msi"
  rm -rf "$work/payload"
fi

# once NAME COMMAND: runs the command, which writes to $out, and notes wall and processor seconds, peak memory in KiB, and the size.
once() {
  out=$work/out
  rm -f "$out"
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' bash -c "set -euo pipefail; out='$out'; $2" >&2
  echo "$1 $(tail -n 1 "$work/time") $(stat -c %s "$out")" | tee -a "$times" >&2
}

cat "$work/large.exe" "$work/large.msi" >/dev/null # into the page cache
for ((round = 0; round < rounds; round++)); do
  for kind in exe msi; do
    once "ours-$kind" "exec '$ours' sign '$work/key.pem' '$work/certificate.pem' sha256 '$work/large.$kind' \"\$out\""
    once "theirs-$kind" "exec osslsigncode sign -h sha256 -certs '$work/certificate.pem' -key '$work/key.pem' -in '$work/large.$kind' -out \"\$out\" >/dev/null"
  done
done
for kind in exe msi; do
  "$ours" sign "$work/key.pem" "$work/certificate.pem" sha256 "$work/large.$kind" "$work/out"
  osslsigncode verify -CAfile "$work/certificate.pem" -in "$work/out" | grep -q 'Signature verification: ok'
  "$ours" strip "$work/out" "$work/bare" && "$ours" strip "$work/large.$kind" "$work/out" && cmp "$work/bare" "$work/out"
  rm -f "$work/out" "$work/bare"
done

{
  printf 'machine %s\n' "$(nproc) processors, $(uname -sm)"
  printf 'files a PE file of %s bytes, a package of %s bytes\n' "$(stat -c %s "$work/large.exe")" "$(stat -c %s "$work/large.msi")"
  printf 'tools %s\n' "$(osslsigncode --version | sed -n '1s/,.*//p'), $(openssl version | cut -d' ' -f1-2)"
} >"$work/facts"

python3 - "$times" "$work/facts" >"$result" <<'PYTHON'
import statistics
import sys

runs = {}
for line in open(sys.argv[1]):
    name, wall, user, system, peak, size = line.split()
    runs.setdefault(name, []).append((float(wall), float(user) + float(system), float(peak) / 1024, int(size)))
facts = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[2]))
print("# Authenticode against osslsigncode\n")
print("Written by `benches/authenticode.sh`: the signer of `deploy-crypto` and its peer, in turns, with an RSA key of 3072 bits, SHA-256 and no timestamp. Values are")
print("medians; the ratio is ours to theirs, so less than 1 is better. What is signed is verified by osslsigncode, and without the signature it is as it was.\n")
print(f"- Machine: {facts['machine']}\n- Files: {facts['files']}\n- Tools: {facts['tools']}\n")
print("| | runs | wall s | CPU s | peak MiB | bytes |\n|---|---|---|---|---|---|")
median = {name: [statistics.median(run[field] for run in taken) for field in range(4)] for name, taken in runs.items()}
for kind, label in (("exe", "PE file"), ("msi", "package")):
    for who, peer in (("ours", "ours"), ("theirs", "`osslsigncode sign`")):
        wall, cpu, peak, size = median[f"{who}-{kind}"]
        print(f"| {label}, {peer} | {len(runs[f'{who}-{kind}'])} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {size:,.0f} |")
    wall, cpu, peak, size = (a / b for a, b in zip(median[f"ours-{kind}"], median[f"theirs-{kind}"]))
    print(f"| **{label}, ours to theirs** | | **{wall:.2f}** | **{cpu:.2f}** | **{peak:.2f}** | **{size:.4f}** |")
print("\nThe goal is to be no slower.")
PYTHON
cat "$result"
