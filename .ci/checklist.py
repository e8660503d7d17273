#!/usr/bin/env python3
"""Results of the security checklist in a test run: checklist.py LOG

LOG is the output of `cargo test --all-features`, including stderr. Prints each row of docs/security.md with its tests
and their results. Fails if a test did not run or did not pass, or if docs/checklist.md differs; with NANOGRAM_WRITE=1
that page is written instead.
"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/checklist.md"
HEAD = """# Results of the security checklist

Each row of [the checklist](security.md) with its tests and their results in a test run. `.ci/checklist.py` writes this
page from the output of `cargo test --all-features`; `.ci/run` compares it.

| row | passed | tests |
| --- | --- | --- |
"""


def results(log):
    """Result of each test, by its file and name."""
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
                # a::b::name of tests/NAME/main.rs stands in tests/NAME/a/b.rs, or in an inline module of tests/NAME/a.rs.
                folder = pathlib.PurePath(file).parent
                modules = path[:-1]
                while modules and not (ROOT / folder / "/".join(modules)).with_suffix(".rs").is_file():
                    modules.pop()
                place = (folder / "/".join(modules)).with_suffix(".rs").as_posix() if modules else file
                ended[place, path[-1]] = test[2]
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
        sys.exit("docs/checklist.md differs: NANOGRAM_WRITE=1 .ci/checklist.py LOG writes it")


if __name__ == "__main__":
    main()
