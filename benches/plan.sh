#!/usr/bin/env bash
# How long `cargo deploy plan` takes in a workspace of 100 packages, beside `cargo metadata`, which has to read the same
# files. Writes benches/results/plan.md.
#
#   benches/plan.sh                   ten alternating runs of each
#   ROUNDS=20 PACKAGES=300 WORK=/somewhere benches/plan.sh
#
# Needs cargo and python3.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-10}
packages=${PACKAGES:-100}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target" benches/results
target=$(realpath "$target")
work=${WORK:-$target/bench-plan}
result=$PWD/benches/results/plan.md

cargo build --quiet --release --locked --bin cargo-deploy
mkdir -p "$work"
work=$(realpath "$work")
unset CARGO_TARGET_DIR

python3 - "$rounds" "$packages" "$work" "$result" "$target/release/cargo-deploy" <<'PY'
import os, pathlib, platform, resource, shutil, statistics, subprocess, sys, time

rounds, packages, work, result, program = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4], sys.argv[5]
workspace = work / "workspace"
shutil.rmtree(workspace, ignore_errors=True)

def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

# A chain of libraries in which each needs the three before it, and one program on top of all.
members = []
for number in range(packages - 1):
    name = f"part-{number:03}"
    members.append(name)
    needs = "".join(f'part-{n:03} = {{ path = "../part-{n:03}" }}\n' for n in range(max(0, number - 3), number))
    write(workspace / name / "Cargo.toml", f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{needs}')
    write(workspace / name / "src/lib.rs", f"//! Part {number}.\n")
needs = "".join(f'{name} = {{ path = "../{name}" }}\n' for name in members[-3:])
write(workspace / "program/Cargo.toml", f'[package]\nname = "program"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{needs}')
write(workspace / "program/src/main.rs", "fn main() {}\n")
write(workspace / "Cargo.toml", '[workspace]\nresolver = "3"\nmembers = ["program", "part-*"]\n')
write(workspace / "Deploy.toml", 'schema = 1\n\n[targets]\nbuild = ["linux-x64"]\n')
write(workspace / ".gitignore", "/target\n")
os.chdir(workspace)
environment = {**os.environ, "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
for command in (
    ["cargo", "generate-lockfile", "--offline", "--quiet"],
    ["git", "init", "--quiet"],
    ["git", "add", "."],
    ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "--quiet", "-m", "the workspace"],
):
    subprocess.run(command, check=True, env=environment)

commands = {
    "`cargo deploy plan`": [program, "deploy", "plan", "-p", "program"],
    "`cargo metadata`": ["cargo", "metadata", "--format-version=1", "--quiet"],
    "`cargo metadata --no-deps`": ["cargo", "metadata", "--format-version=1", "--no-deps", "--quiet"],
}

def run(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]

samples = {name: [] for name in commands}
for command in commands.values():  # and now the files are in the page cache
    run(command)
for _ in range(rounds):
    for name, command in commands.items():
        samples[name].append(run(command))

medians = {name: statistics.median(wall for wall, _ in runs) for name, runs in samples.items()}
rows = ""
for name, runs in samples.items():
    walls = sorted(wall for wall, _ in runs)
    cpu = statistics.median(cpu for _, cpu in runs)
    rows += f"| {name} | {medians[name] * 1000:.0f} | {walls[0] * 1000:.0f} | {walls[-1] * 1000:.0f} | {cpu * 1000:.0f} |\n"
ours, whole, own = medians.values()
with open(result, "w") as page:
    page.write(f"""# Planning

`benches/plan.sh`: a workspace of {packages} packages. `cargo deploy plan` calls `cargo metadata --no-deps`, reads the manifest in all its layers,
asks git and rustc (whose answers it remembers), and draws the plan. Beside it, cargo's own reading of the workspace.

Machine: {os.cpu_count()} processors, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}. {said("rustc", "--version")}; {said("cargo", "--version")}; {said("git", "--version")}.
{rounds} alternating runs.

| | median ms | fastest ms | slowest ms | CPU ms (median) |
|---|---|---|---|---|
{rows}
Ratio of the medians: {ours / whole:.2f} to `cargo metadata`, {ours / own:.2f} to `cargo metadata --no-deps`. Other load on the machine meets all
three; compare ratios, not times.
""")
print(open(result).read())
PY
