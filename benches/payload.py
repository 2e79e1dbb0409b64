#!/usr/bin/env python3
"""Makes a deterministic tree like a desktop application: payload.py DIRECTORY [--seed N]

About 250 MB in about 3,060 files: large native libraries, an archive of scripts, packs of translations, and 3,000
small files. The libraries are those of the Rust toolchain (the first bytes of them), because real machine code is
what compressors meet in a release. The same seed and toolchain give the same bytes, modes and times.
"""
import argparse
import os
import random
import struct
import subprocess
import sys

EPOCH = 1_700_000_000
MEBIBYTE = 1 << 20
SYLLABLES = (
    "ka to mi re sol na vi der con ex pro ing ter al ser get set on off val key map str num buf ctx err res req url "
    "idx len ptr node list item view data info user path file name type"
).split()


class Text:
    """Script-like text with a Zipf vocabulary: deflate makes a quarter of it, as of real scripts."""

    def __init__(self, seed):
        generator = random.Random(seed)
        self.words = ["".join(generator.choice(SYLLABLES) for _ in range(1 + generator.randrange(3))) for _ in range(6000)]
        self.weights, total = [], 0
        for rank in range(len(self.words)):
            total += 1 / (rank + 2) ** 0.9
            self.weights.append(total)

    def some(self, generator, count):
        return generator.choices(self.words, cum_weights=self.weights, k=count)

    def script(self, generator, size):
        lines, total = [], 0
        while total < size:
            w = self.some(generator, 12)
            line = (
                lambda: f"function {w[0]}({w[1]}, {w[2]}) {{\n  const {w[3]} = {w[1]}.{w[4]}({generator.randrange(9999)});\n",
                lambda: f'  if ({w[0]}.{w[1]} === "{w[2]}-{w[3]}") return {w[4]}({w[5]}, {w[6]});\n',
                lambda: f"  // {' '.join(w)}.\n",
                lambda: f'  this.{w[0]} = new {w[1].capitalize()}({{ {w[2]}: {generator.random():.6f}, {w[3]}: "{w[4]}" }});\n',
                lambda: f"}}\nexports.{w[0]} = {w[0]};\n",
                lambda: f"  {w[0]}.{w[1]}[{generator.randrange(256)}] = {w[2]} || {w[3]}({w[4]});\n",
            )[generator.randrange(6)]()
            lines.append(line)
            total += len(line)
        return "".join(lines)[:size].encode()


def libraries():
    """The largest shared libraries of the toolchain, each with how much of it is taken."""
    root = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    directory = os.path.join(root, "lib")
    found = sorted(
        (os.path.join(directory, name) for name in os.listdir(directory) if ".so" in name or ".dylib" in name),
        key=lambda path: (-os.path.getsize(path), path),
    )
    wanted = [("bin/app", 118 * MEBIBYTE), ("lib/engine.so", 80 * MEBIBYTE)]
    if len(found) < len(wanted):
        sys.exit(f"{directory} has {len(found)} shared libraries, {len(wanted)} are needed")
    for (path, size), source in zip(wanted, found):
        with open(source, "rb") as file:
            yield path, file.read(size)


def pack(strings):
    """A pack of translations: a table of offsets, then the strings."""
    head, offset, table = struct.pack("<III", 5, 1, len(strings)), 12 + 6 * (len(strings) + 1), b""
    for index, string in enumerate(strings):
        table += struct.pack("<HI", index + 100, offset)
        offset += len(string)
    return head + table + struct.pack("<HI", 0, offset) + b"".join(strings)


def tree(seed):
    """Yields path, bytes and whether the file is executable."""
    text = Text(seed)
    for path, content in libraries():
        yield path, content, True
    for index in range(55):
        generator = random.Random(seed * 1000 + index)
        strings = [
            " ".join(text.some(generator, 2 + generator.randrange(14))).encode() + bytes([0xC3, 0x80 + index % 64])
            for _ in range(3200)
        ]
        yield f"locales/{index:02}.pack", pack(strings), False
    scripts = []
    for index in range(2000):
        generator = random.Random(seed * 2000 + index)
        scripts.append(text.script(generator, 800 + int(generator.expovariate(1 / 10500))))
    yield "resources/app.scripts", b"".join(scripts), False
    for index in range(3000):
        generator = random.Random(seed * 3000 + index)
        suffix = ("js", "json", "md", "css")[index % 4]
        content = text.script(generator, 120 + int(generator.expovariate(1 / 2900)))
        yield f"resources/{text.words[index % 60]}/{text.words[(index // 60) % 50]}/{index:04}.{suffix}", content, False


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory")
    arguments.add_argument("--seed", type=int, default=1)
    arguments = arguments.parse_args()
    if os.path.exists(arguments.directory):
        sys.exit(f"{arguments.directory} exists")
    count = total = 0
    for path, content, executable in tree(arguments.seed):
        path = os.path.join(arguments.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o755 if executable else 0o644)
        os.utime(path, (EPOCH, EPOCH))
        count, total = count + 1, total + len(content)
    print(f"{count} files, {total} bytes")


main()
