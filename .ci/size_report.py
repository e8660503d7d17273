#!/usr/bin/env python3
"""Where the bytes of a program are: its symbols by group.

    size_report.py PROGRAM [--symbols GROUP]     PROGRAM has its symbols (strip=false)

A symbol belongs to the module of nanogram that its name has first, so that the instances of other crates' generics over a type are counted
where that type is; else to the crate. What has no `::` in its name is C's: musl.
"""
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

# Modules with groups of their own one floor down.
OURS = re.compile(r"\bnanogram(?:\[[0-9a-f]+\])?::(\w+)(?:::(\w+))?")
CRATE = re.compile(r"(?<![\w:])([a-z_][a-z0-9_]*)(?:\[[0-9a-f]+\])?::")
STD = {"std", "core", "alloc", "hashbrown", "memchr", "compiler_builtins", "rustc_demangle", "unwind", "addr2line", "gimli",
       "object", "std_detect", "panic_abort", "panic_unwind"}


def symbols(program):
    """Yields (bytes, name), no byte twice."""
    lines = subprocess.run(["nm", "-C", "-S", "--defined-only", program], capture_output=True, text=True, check=True).stdout
    by_address = {}
    for line in lines.splitlines():
        address, size, kind, name = [*line.split(" ", 3), "", ""][:4]
        if len(size) == 16 and kind not in "bBnNuU":
            size = int(size, 16)
            had = by_address.get(address)
            if had is None or had[0] < size or ("::" in name and "::" not in had[1]):
                by_address[address] = (max(size, had[0] if had else 0), name)
    return by_address.values()


def group(name, package):
    if ours := OURS.search(name):
        module = ours[1]
        return "nanogram::crypto" if module == "crypto" else f"nanogram::{module}"
    crates = CRATE.findall(name)
    for crate in crates:
        if crate == package:
            return package
        if crate not in STD:
            return crate
    if any("::" in name for _ in (0,)) and crates:
        if re.search(r"\bfmt::|::fmt\b|::num::.*fmt", name):
            return "std: text (fmt)"
        return f"std: {crates[0]}" if crates[0] in ("core", "alloc", "std") else "std: other"
    return "libc and constants without a name" if not name.startswith(("anon.", ".L")) else "constants"


def report(program, package):
    sizes = Counter()
    for size, name in symbols(program):
        sizes[group(name, package)] += size
    return sizes


if __name__ == "__main__":
    program = sys.argv[1]
    package = Path(program).name
    if "--symbols" in sys.argv:
        wanted = sys.argv[sys.argv.index("--symbols") + 1]
        for size, name in sorted((s for s in symbols(program) if group(s[1], package) == wanted), reverse=True)[:60]:
            print(f"{size:>7,}  {name[:200]}")
    else:
        sizes = report(program, package)
        print(f"{sum(sizes.values()):>9,}  all symbols")
        for name, size in sizes.most_common():
            print(f"{size:>9,}  {name}")
