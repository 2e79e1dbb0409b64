#!/usr/bin/env bash
# What an AppImage adds to the start of an application: the same AppRun from an unpacked directory, and from an AppImage that
# is mounted. Writes benches/results/appimage-start.md.
#
#   benches/appimage-start.sh            thirty alternating runs of each
#   ROUNDS=5 WORK=/somewhere benches/appimage-start.sh
#
# Needs cargo, mksquashfs, python3, root with /dev/fuse, and rustc's standard library for the machine's musl target.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-30}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target" benches/results
target=$(realpath "$target")
work=${WORK:-$target/bench-appimage-start}
result=$PWD/benches/results/appimage-start.md
triple=$(uname -m)-unknown-linux-musl
for tool in cargo mksquashfs python3; do
  command -v "$tool" >/dev/null || { echo "appimage-start.sh: $tool is missing" >&2; exit 1; }
done
[ -w /dev/fuse ] || { echo "appimage-start.sh: /dev/fuse cannot be opened" >&2; exit 1; }

# The runtime as a package of its own, as it is compiled for users.
mkdir -p "$work/source"
work=$(realpath "$work")
rm -rf "$work/source/src"
cp cargo-deploy/appimage-runtime/program.toml "$work/source/Cargo.toml"
cp cargo-deploy/appimage-runtime/program.lock "$work/source/Cargo.lock"
cp -r cargo-deploy/appimage-runtime/src "$work/source/src"
rm "$work/source/src/lib.rs"
(
  cd "$work/source"
  export CARGO_ENCODED_RUSTFLAGS=$'-Clinker=rust-lld\x1f-Clink-self-contained=yes\x1f-Ctarget-feature=+crt-static'
  CARGO_TARGET_DIR="$work/target" cargo build --quiet --release --locked --target "$triple"
)
runtime=$work/target/$triple/release/appimage-runtime

# 50 MB: `true` as the application, and parts of the Rust toolchain's libraries beside it.
rm -rf "$work/AppDir" "$work/tmp" "$work"/image* "$work"/*.AppImage
mkdir -p "$work/AppDir/usr/lib" "$work/tmp"
cp "$(type -P true)" "$work/AppDir/AppRun"
library=$(find "$(rustc --print sysroot)/lib" -maxdepth 1 -name 'librustc_driver-*.so')
for part in 0 1 2 3 4; do
  dd if="$library" of="$work/AppDir/usr/lib/part-$part.so" bs=1M skip=$((part * 10)) count=10 status=none
done
for block in 128K 1M; do
  mksquashfs "$work/AppDir" "$work/image" -noappend -all-root -no-xattrs -quiet -no-progress \
    -comp zstd -Xcompression-level 11 -b "$block"
  cat "$runtime" "$work/image" >"$work/$block.AppImage"
  chmod +x "$work/$block.AppImage"
done

# Where the machine is busy with something else, its waiting queues would be measured: not so with a real-time priority.
first=()
if chrt -f 10 true 2>/dev/null; then first=(chrt -f 10); fi
"${first[@]}" python3 - "$rounds" "$result" "$work" "$runtime" "${first[*]}" <<'PY'
import os, platform, statistics, subprocess, sys, time

rounds, result, work, runtime, priority = int(sys.argv[1]), *sys.argv[2:]
temporary = f"{work}/tmp"
os.environ["TMPDIR"] = temporary
commands = {
    "unpacked": [f"{work}/AppDir/AppRun"],
    "128 KiB": [f"{work}/128K.AppImage"],
    "1 MiB": [f"{work}/1M.AppImage"],
}

def run(command):
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return (time.perf_counter() - start) * 1000

def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]

samples = {name: [] for name in commands}
for command in commands.values():
    run(command)
for _ in range(rounds):
    for name, command in commands.items():
        samples[name].append(run(command))
        # What serves the mount ends a moment after the application; it is not to meet the next run.
        while os.listdir(temporary):
            pass

def row(title, name):
    walls = sorted(samples[name])
    return f"| {title} | {statistics.median(walls):.1f} | {walls[0]:.1f} | {walls[-1]:.1f} |"

plain = statistics.median(samples["unpacked"])
added = {name: statistics.median(samples[name]) - plain for name in samples}
with open(result, "w") as page:
    page.write(f"""# The start of an AppImage

`benches/appimage-start.sh`: `true` as the application, in a directory of 50 MB. Started from the directory, and from an AppImage that root
mounts by FUSE: from the start of the process to its end, files in the page cache.

Machine: {os.cpu_count()} processors, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}. {said("rustc", "--version")}; {said("mksquashfs", "-version")}; a runtime of {os.stat(runtime).st_size:,} bytes.
{rounds} alternating runs{", with a real-time priority (`" + priority + "`), as the machine was busy otherwise" if priority and os.getloadavg()[0] > 2 else ""}.

| | median ms | fastest ms | slowest ms |
|---|---|---|---|
{row("unpacked", "unpacked")}
{row("AppImage, blocks of 128 KiB", "128 KiB")}
{row("AppImage, blocks of 1 MiB", "1 MiB")}

The AppImage adds {added["128 KiB"]:.1f} ms with blocks of 128 KiB and {added["1 MiB"]:.1f} ms with blocks of 1 MiB, by the medians.
""")
print(open(result).read())
PY
