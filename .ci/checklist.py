#!/usr/bin/env python3
"""The rows of the security checklist with their results, out of a test run: checklist.py LOG

LOG is what `cargo test --all-features` printed, standard error too. Prints a line for each row of docs/security.md with the
tests that hold it and how they ended; fails if one did not run or did not pass, or if docs/checklist.md, which has the
same lines, is of another day. With NANOGRAM_WRITE=1 that page is written anew.
"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/checklist.md"
HEAD = """# The security checklist, run

Each row of [the checklist](security.md), the tests that hold it, and what became of them in a test run. Written by
`.ci/checklist.py` from what `cargo test --all-features` printed; `.ci/run` compares.

| row | passed | tests |
| --- | --- | --- |
"""


def results(log):
    """How each test ended, by the file it is in and its name."""
    ended, file = {}, None
    for line in log.splitlines():
        if running := re.match(r"\s*Running (?:unittests )?(\S+) \(", line):
            file = running[1]
        elif test := re.match(r"test (\S+)(?: - should panic)? \.\.\. (\w+)", line):
            path = test[1].split("::")
            if file == "src/lib.rs":
                # crypto::rsa::tests::name stands in src/crypto/rsa.rs, or in mod.rs there.
                module = "/".join(part for part in path[:-1] if part != "tests")
                for place in (f"src/{module}.rs", f"src/{module}/mod.rs"):
                    ended[place, path[-1]] = test[2]
            else:
                ended[file, path[-1]] = test[2]
    return ended


def main():
    ended = results(pathlib.Path(sys.argv[1]).read_text(errors="replace"))
    lines, bad, count = [], [], 0
    for row, cells in re.findall(r"^\| (\w+) \|(.*)\|$", (ROOT / "docs/security.md").read_text(), re.M):
        tests = re.findall(r"`((?:src|tests)/\S+?)::(\w+)`", cells)
        if not tests:
            continue
        how = [(file, name, ended.get((file, name), "not run")) for file, name in tests]
        bad += [f"{row}: {file}::{name}: {result}" for file, name, result in how if result != "ok"]
        count += len(tests)
        passed = sum(result == "ok" for _, _, result in how)
        lines.append(f"| {row} | {passed} of {len(tests)} | {', '.join(f'`{file}::{name}`' for file, name, _ in how)} |")
    page = HEAD + "\n".join(lines) + f"\n\n{len(lines)} rows, {count} tests named, {len(bad)} not passed.\n"
    print("\n".join(lines))
    print(f"{len(lines)} rows, {count} tests named, {len(bad)} not passed")
    if bad or not lines:
        sys.exit("\n".join(bad) or "docs/security.md has no rows")
    if os.environ.get("NANOGRAM_WRITE"):
        PAGE.write_text(page)
    elif PAGE.read_text() != page:
        sys.exit("docs/checklist.md is of another day: NANOGRAM_WRITE=1 .ci/checklist.py LOG writes it")


if __name__ == "__main__":
    main()
