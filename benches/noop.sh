#!/usr/bin/env bash
# How long `cargo deploy bundle` takes when there is nothing to do, beside `cargo build` saying that all is fresh, for
# the same eight targets of ripgrep. Writes benches/results/noop.md.
#
#   benches/noop.sh                   ten alternating runs of each
#   ROUNDS=5 SOURCE=/path/of/ripgrep WORK=/somewhere benches/noop.sh
#
# Needs cargo, git, python3 and zig. SOURCE is a checkout or an unpacked crate of ripgrep; default: the newest one in
# cargo's registry. The first run compiles eight times and takes many minutes; it is not measured.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-10}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target" benches/results
target=$(realpath "$target")
work=${WORK:-$target/bench-noop}
result=$PWD/benches/results/noop.md
targets=(linux-x64.2.17 linux-x64-musl linux-arm64.2.17 linux-arm64-musl windows-x64 macos-x64 macos-arm64 macos-universal)
source=${SOURCE:-$(find "${CARGO_HOME:-$HOME/.cargo}"/registry/src -maxdepth 2 -name 'ripgrep-[0-9]*' | sort -V | tail -n 1)}
[ -n "$source" ] || { echo "noop.sh: no ripgrep in cargo's registry; set SOURCE" >&2; exit 1; }
for tool in cargo git python3 zig; do
  command -v "$tool" >/dev/null || { echo "noop.sh: $tool is missing" >&2; exit 1; }
done

cargo build --quiet --release --locked --bin cargo-deploy
mkdir -p "$work"
work=$(realpath "$work")
# A copy of its own, so that a later build of the program does not make everything stale.
cmp -s "$target/release/cargo-deploy" "$work/cargo-deploy" || cp "$target/release/cargo-deploy" "$work/cargo-deploy"
if [ ! -d "$work/ripgrep" ]; then
  cp -r "$source" "$work/ripgrep"
  rm -rf "$work/ripgrep/target" "$work/ripgrep/.cargo_vcs_info.json" "$work/ripgrep/.cargo-ok"
fi
cd "$work/ripgrep"
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
unset CARGO_TARGET_DIR
# A crate from the registry belongs to no workspace around it.
grep -q '^\[workspace' Cargo.toml || printf '\n[workspace]\n' >>Cargo.toml
if [ ! -d .git ]; then
  git init --quiet
  grep -qx '/\?target/\?' .gitignore 2>/dev/null || echo /target >>.gitignore
  git add --all
  git -c user.name=bench -c user.email=bench@example.com commit --quiet -m "the sources"
fi

ours=("$work/cargo-deploy" deploy bundle --quiet)
for one in "${targets[@]}"; do ours+=(--target "$one"); done

# The first run calls cargo through this, which writes down the very arguments and environment of each build. Measured
# is then cargo itself with them, in the same target directory: fresh for both.
cargo=$(rustup which cargo 2>/dev/null || command -v cargo)
rm -rf "$work/calls"
mkdir "$work/calls"
cat >"$work/cargo" <<SH
#!/bin/sh
case " \$* " in *" build "*)
  env -0 >"$work/calls/\$\$.environment"
  printf '%s\\0' "\$@" >"$work/calls/\$\$.arguments" ;;
esac
exec "$cargo" "\$@"
SH
chmod +x "$work/cargo"
CARGO="$work/cargo" "${ours[@]}" >/dev/null
# As it is where cargo starts the program.
export CARGO=$cargo
"${ours[@]}" >/dev/null

python3 - "$rounds" "$result" "$work/calls" "$cargo" "${ours[@]}" <<'PY'
import os, pathlib, platform, resource, statistics, subprocess, sys, time

rounds, result, calls, cargo, ours = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4], sys.argv[5:]
theirs = []
for arguments in sorted(calls.glob("*.arguments")):
    environment = arguments.with_suffix(".environment").read_text().split("\0")[:-1]
    words = arguments.read_text().split("\0")[:-1]
    theirs.append(([cargo, *words], dict(line.split("=", 1) for line in environment)))
if not theirs:
    sys.exit("noop.sh: cargo was not called through $CARGO")

def run(commands):
    """Wall and CPU seconds of commands that have nothing to do."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = [subprocess.run(c, env=e, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c, e in commands]
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    for one in done:
        if one.returncode or "Compiling" in one.stderr or '"fresh":false' in one.stdout:
            sys.exit(f"not fresh: {one.args}\n{one.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]

samples = {"ours": [], "theirs": []}
for _ in range(rounds):
    samples["ours"].append(run([(ours, None)]))
    samples["theirs"].append(run(theirs))

def row(name, runs):
    walls = sorted(wall for wall, _ in runs)
    cpu = statistics.median(cpu for _, cpu in runs)
    return f"| {name} | {statistics.median(walls) * 1000:.0f} | {walls[0] * 1000:.0f} | {walls[-1] * 1000:.0f} | {cpu * 1000:.0f} |"

ratio = statistics.median(w for w, _ in samples["ours"]) / statistics.median(w for w, _ in samples["theirs"])
with open(result, "w") as page:
    page.write(f"""# Nothing to do

`benches/noop.sh`: ripgrep for eight targets, when everything is there already. `cargo deploy bundle` asks cargo, checks every
content that it reuses, and leaves the release as it is. Beside it, `cargo build` alone with the very arguments and environment of that
call ({len(theirs)} of it), in the same target directory.

Machine: {os.cpu_count()} processors, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}. {said("rustc", "--version")}; {said("cargo", "--version")}; zig {said("zig", "version")}.
{rounds} alternating runs.

| | median ms | fastest ms | slowest ms | CPU ms (median) |
|---|---|---|---|---|
{row("`cargo deploy bundle`", samples["ours"])}
{row("`cargo build`", samples["theirs"])}

Ratio of the medians: {ratio:.2f}. Other load on the machine meets both sides; compare ratios, not times.
""")
print(open(result).read())
PY
