#!/usr/bin/env python3
"""Fails if pip or npm could install a package whose content is not pinned by a hash."""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


def main():
    faults, count = [], 0
    for path in tracked("*requirements*.txt"):
        text = re.sub(r"\\\n", " ", path.read_text())
        for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
            count += 1
            if not re.fullmatch(r"[\w.-]+==\S+(\s+--hash=sha256:[0-9a-f]{64})+", line):
                faults.append(f"{path.relative_to(ROOT)}: no version and hash: {line.split()[0]}")
    for path in tracked("*package-lock.json"):
        for name, package in json.loads(path.read_text())["packages"].items():
            count += bool(name)
            if name and not package.get("integrity", "").startswith("sha512-"):
                faults.append(f"{path.relative_to(ROOT)}: no integrity: {name}")
    for path in tracked(".ci", "tests/*.py", "benches/*.py", ".github"):
        if path == pathlib.Path(__file__).resolve():
            continue
        text = path.read_text(errors="replace")
        if re.search(r"\bpip\W+install\b|/pip\"", text) and "--require-hashes" not in text:
            faults.append(f"{path.relative_to(ROOT)}: pip install without --require-hashes")
        # Writing a lock file installs nothing.
        if re.search(r"\bnpm\W+(install|i)\b(?!\W+package-lock-only)", text):
            faults.append(f"{path.relative_to(ROOT)}: npm install, not npm ci")
    print(f"{count} packages of pip and npm, {len(faults)} without a hash")
    if faults or not count:
        sys.exit("\n".join(faults) or "no list of packages found")


main()
