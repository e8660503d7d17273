#!/usr/bin/env python3
"""Writes the table of docs/fuzzing.md: coverage.py COVERAGE LOGS

COVERAGE has one file of `llvm-cov export -summary-only` for each fuzz target, LOGS what each fuzzer printed. Lines of unit
tests do not count: they are not in the programs.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/fuzzing.md"
# What a target aims at: files, or folders.
AIMS = {
    "frame": [f"src/wire/transport/{name}.rs" for name in ("framer", "framing", "abridged", "intermediate", "full", "fault")],
    "detect": ["src/wire/transport/detect.rs", "src/wire/transport/obfuscated.rs", "src/crypto/ctr.rs"],
    "tl_value": ["src/tl/reader.rs", "src/tl/primitives.rs", "src/tl/schema/value.rs", "src/tl/schema/show.rs"],
    "skip_vs_value": ["src/tl/table.rs", "src/tl/reader.rs", "src/tl/schema/value.rs"],
    "open_packet": ["src/protocol/session/packet.rs", "src/protocol/session/endpoint.rs", "src/protocol/session/replay.rs", "src/protocol/session/mod.rs", "src/protocol/session/service.rs", "src/wire/mt/message.rs"],
    "client_handshake": ["src/protocol/handshake/client.rs", "src/protocol/handshake/plain.rs", "src/wire/mt/auth.rs"],
    "server_handshake": ["src/lab/server/handshake.rs", "src/protocol/handshake/plain.rs", "src/wire/mt/auth.rs", "src/lab/server/rsa.rs"],
    "session_ops": ["src/protocol/session/"],
    "duel": ["src/protocol/connection/", "src/protocol/session/", "src/protocol/handshake/client.rs", "src/lab/server/handshake.rs", "src/lab/dc/faults/", "src/lab/dc/serve.rs", "src/lab/dc/send.rs"],
    "link": ["src/telegram/link.rs", "src/telegram/link/"],
    "session_string": ["src/telegram/store/string.rs"],
    "inflate": ["src/wire/mt/gzip.rs"],
}
START = "<!-- table -->\n"
ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.M)


def seeds(target):
    files = list((ROOT / "fuzz/seeds" / target).iterdir())
    found = (ROOT / f"fuzz/found/{target}.txt").read_text().splitlines()
    size = sum(file.stat().st_size for file in files) + sum(len(line) // 2 for line in found)
    return f"{len(files)} + {len(found)}", f"{size / 1024:.1f}"


def covered(target, folder):
    files = json.loads((folder / f"{target}.json").read_text())["data"][0]["files"]
    count, total, parts = 0, 0, []
    for aim in AIMS[target]:
        inside = [f["summary"]["lines"] for f in files if str(pathlib.Path(f["filename"]).resolve()).startswith(str(ROOT / aim))]
        if not inside:
            sys.exit(f"{target}: nothing of {aim} is in the program")
        some, of = sum(lines["covered"] for lines in inside), sum(lines["count"] for lines in inside)
        count, total = count + some, total + of
        parts.append(f"`{aim}` {100 * some // of} %")
    return f"{100 * count / total:.0f} %", ", ".join(parts)


def runs(target, logs, before):
    try:
        text = (logs / target).read_text(errors="replace")
    except FileNotFoundError:
        return before
    number, rate = (re.search(rf"^stat::{name}: +(\d+)", text, re.M) for name in ("number_of_executed_units", "average_exec_per_sec"))
    edges = re.findall(r"cov: (\d+)", text)
    if not (number and rate and edges):
        return before
    return [f"{int(number[1]):,}", f"{int(rate[1]):,}", edges[-1]]


def main():
    folder, logs = map(pathlib.Path, sys.argv[1:3])
    page = PAGE.read_text()
    before = {name: [cell.strip() for cell in cells.split("|")] for name, cells in ROW.findall(page[page.index(START) :])}
    rows = []
    for target in AIMS:
        number, size = seeds(target)
        share, parts = covered(target, folder)
        ran = runs(target, logs, before.get(target, ["-"] * 8)[2:5])
        rows.append(f"| `{target}` | {number} | {size} | {' | '.join(ran)} | {share} | {parts} |")
    head = "| target | inputs: seeds + found | KiB | executions | a second | edges | lines reached | of which |\n" + "| --- " + "| ---: " * 6 + "| --- |\n"
    start, end = page.index(START) + len(START), page.index("<!-- end -->")
    PAGE.write_text(page[:start] + head + "\n".join(rows) + "\n" + page[end:])
    print("\n".join(rows))


if __name__ == "__main__":
    main()
