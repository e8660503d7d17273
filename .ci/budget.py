"""What things may weigh and take: budget.json, in bytes or instructions. More than 2 % above it is a failure; when
something became smaller, write it down: NANOGRAM_WRITE=1.
"""
import json
import os
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent / "budget.json"
SLACK = 1.02


def check(measured, limits=None):
    """`measured` is {name: number}, printed each beside its budget; `limits` is {name: (number, limit)} of what differs
    from run to run, because it depends on what the other side draws at random.
    """
    for name, (value, limit) in (limits or {}).items():
        print(f"{value:>13,}  at most {limit:>10,}  {name}")
        if value > limit:
            sys.exit(f"{name}: {value:,} is more than {limit:,}")
    budget = json.loads(FILE.read_text()) if FILE.exists() else {}
    if os.environ.get("NANOGRAM_WRITE"):
        FILE.write_text(json.dumps(dict(sorted((budget | measured).items())), indent=4) + "\n")
        budget |= measured
    missing = [name for name in measured if name not in budget]
    grown = [name for name, value in measured.items() if name not in missing and value > budget[name] * SLACK]
    for name, value in measured.items():
        print(f"{value:>13,}  of {budget.get(name, 0):>13,}  {name}{'  TOO MUCH' if name in grown else ''}")
    if missing or grown:
        sys.exit(f"beyond .ci/budget.json by more than 2 %, or not in it: {', '.join(missing + grown)}")
