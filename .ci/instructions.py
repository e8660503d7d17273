#!/usr/bin/env python3
"""Holds callgrind's counts against .ci/instructions.json: fails where one is more than 3 in a hundred above it.

    .ci/instructions.py FOLDER                    compares
    NANOGRAM_WRITE=1 .ci/instructions.py FOLDER   writes the file anew
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

BUDGET = Path(__file__).with_suffix(".json")
MORE = 1.03


def counted(folder):
    counts = {}
    for path in sorted(Path(folder).rglob("callgrind.*.out")):
        text = path.read_text(errors="replace")
        events = re.search(r"^events: (.*)$", text, re.M)
        total = re.search(r"^(?:summary|totals): (.*)$", text, re.M)
        if not events or not total:
            sys.exit(f"{path}: no count in it")
        at = events[1].split().index("Ir")
        counts[path.name.removeprefix("callgrind.").removesuffix(".out")] = int(total[1].split()[at])
    if not counts:
        sys.exit(f"{folder}: nothing was counted")
    return counts


def main():
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    counts = counted(sys.argv[1])
    if os.environ.get("NANOGRAM_WRITE"):
        BUDGET.write_text(json.dumps({"rustc": rustc, "instructions": counts}, indent=2) + "\n")
        print(f"{BUDGET.name}: {len(counts)} counts")
        return
    before = json.loads(BUDGET.read_text())
    if before["rustc"] != rustc:
        print(f"counted with rustc {rustc}, the file with {before['rustc']}: what differs may be the compiler's")
    wrong = []
    for name in sorted(before["instructions"].keys() | counts.keys()):
        old, new = before["instructions"].get(name), counts.get(name)
        if old is None or new is None:
            wrong.append(f"{name}: {'not in ' + BUDGET.name if old is None else 'not counted'}")
            continue
        print(f"{name:<45}{old:>14,}{new:>14,}{new / old - 1:>+9.2%}")
        if new > old * MORE:
            wrong.append(f"{name}: {new / old - 1:+.2%} instructions")
    if wrong:
        sys.exit("\n".join(wrong))


main()
