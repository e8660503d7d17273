#!/usr/bin/env python3
"""Sizes of static programs: their symbols, by group, as a table.

    size_report.py FILE.md PROGRAM.full…     each with its symbols, stripped beside it without `.full`
    size_report.py GROUP PROGRAM.full        the largest symbols of one group

A symbol that mentions a type of this crate counts for the type's module, so an instance of `Vec` over it does not count
for std. Inlined code counts for its caller.
"""
import lzma
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

# The module below its wing: `session` of `nanogram::protocol::session`.
OURS = re.compile(r"\bnanogram::(?:(?:base|wire|protocol|telegram|lab)::)?(\w+)")
CRATE = re.compile(r"(?<![\w:])([a-z_][a-z0-9_]*)::")
STD = {"std", "core", "alloc", "hashbrown", "memchr", "compiler_builtins", "__rustc", "libc", "std_detect"}
CRYPTO = {"aes", "sha1", "sha2", "digest", "cipher", "block_buffer", "hybrid_array", "subtle", "zeroize", "cpufeatures"}
GROUPS = {
    "start": {"start", "link"},
    "session string": {"store", "dcs"},
    "TL and constructors": {"tl", "api"},
    "gzip": {"mt", "crc"},
    "transport": {"transport"},
    "crypto": {"crypto", "entropy"},
}
HEAD = """\
# Sizes of static programs by module

Bytes of symbols, by the module they belong to, written by `.ci/size --static`. Inlined code counts for its caller, so
`the program` contains much of what it calls. The last rows are the stripped file with headers, padding and unnamed
constants, and its size when compressed.

"""


def symbols(program):
    """[(bytes, name)], no byte twice."""
    told = subprocess.run(["nm", "-C", "-S", "--defined-only", program], capture_output=True, text=True, check=True)
    at = {}
    for line in told.stdout.splitlines():
        address, size, kind, name = [*line.split(" ", 3), "", ""][:4]
        if len(size) == 16 and kind not in "bBnN":
            had = at.get(address, (0, ""))
            at[address] = (max(int(size, 16), had[0]), name if "::" in name or not had[1] else had[1])
    return at.values()


def group(name, package):
    if name.startswith("OUTLINED_FUNCTION"):
        return "shared by several functions"
    if ours := OURS.search(name):
        return next((of for of, modules in GROUPS.items() if ours[1] in modules), ours[1])
    crates = CRATE.findall(name)
    if package in crates or name == "main":
        return "the program"
    foreign = next((crate for crate in crates if crate not in STD), None)
    if foreign:
        return "crypto" if foreign in CRYPTO else "gzip" if foreign == "miniz_oxide" else foreign
    if crates or name.startswith("<"):
        return "text (fmt)" if "fmt" in name else "std, core, alloc"
    return "libc"


def package(program):
    return Path(program).name.split("-musl")[0].replace("-", "_")


def table(programs):
    columns = []
    for program in programs:
        sizes = Counter()
        for size, name in symbols(program):
            sizes[group(name, package(program))] += size
        columns.append(sizes)
    names = sorted(set().union(*columns), key=lambda name: -sum(sizes[name] for sizes in columns))
    files = [Path(program.removesuffix(".full")).read_bytes() for program in programs]
    packed = [len(lzma.compress(file, preset=9 | lzma.PRESET_EXTREME)) for file in files]
    files = [len(file) for file in files]
    rows = [["group", *(Path(program).name.split("-musl")[0] for program in programs)], ["---"] * (len(programs) + 1)]
    rows += [[name, *(f"{sizes[name]:,}" for sizes in columns)] for name in names]
    rows += [["not in symbols", *(f"{file - sum(sizes.values()):,}" for file, sizes in zip(files, columns))]]
    rows += [["**the file**", *(f"**{file:,}**" for file in files)]]
    rows += [["the file, compressed by xz", *(f"{size:,}" for size in packed)]]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if sys.argv[1].endswith(".md"):
        text = table(sys.argv[2:])
        Path(sys.argv[1]).write_text(HEAD + text)
        print(text, end="")
    else:
        members = [s for s in symbols(sys.argv[2]) if group(s[1], package(sys.argv[2])) == sys.argv[1]]
        for size, name in sorted(members, reverse=True)[:50]:
            print(f"{size:>7,}  {name[:160]}")
