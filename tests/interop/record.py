#!/usr/bin/env python3
"""Records the real clients at `nanogram dc --record`: record.py [--nanogram PATH] [--only TEXT]

Each client makes a key, signs in as Alice with a code, is refused a parameter of 600 characters, sends a text of 1260 (not
Kurigram), starts @echo_bot, has its answer, loses the connection, makes another and starts the bot again. `nanogram
decode` must be able to read every message of it.
With NANOGRAM_WRITE=1 the recordings become tests/fixtures/recordings, which `tests/captures/recordings.rs` replays and fuzz/seeds are made
from; the numbers there are then to be looked at and put right.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clients import ROOT, TDLIB_PLACE, Failed, build, install, peer, tdlib_proxy
from loopback import Dc
from relay import Relay

FIXTURES = ROOT / "tests/fixtures/recordings"
ALICE = {"phone": "+10000000001", "user": 1000001}
# The most bytes of one file, and of all.
LARGEST, TOTAL = 150_000, 600_000

# File, script, and what is asked for.
CLIENTS = [
    ("telethon", "with_telethon.py", {"framing": "full"}),
    ("telethon_obfuscated", "with_telethon.py", {"framing": "obfuscated"}),
    ("kurigram", "with_kurigram.py", {}),
    ("gramjs", "with_gramjs.cjs", {"framing": "abridged"}),
    ("mtcute", "with_mtcute.mjs", {}),
    ("mtcute_pfs", "with_mtcute.mjs", {"pfs": True}),
    ("tdlib", "with_tdlib.py", {}),
    ("tdlib_pfs", "with_tdlib.py", {"pfs": True}),
]


def record(nanogram, script, asked, path):
    """One client from nothing to the second answer: its name and version."""
    place = TDLIB_PLACE if script == "with_tdlib.py" else []
    with Dc(nanogram, "--record", path, *place) as dc, tdlib_proxy(dc) if place else Relay(dc.info["addr"]) as relay:
        result = peer(script, "whole", dc, relay, **ALICE, **asked)
        if "second" not in result["reply"] or len(result["refused"]) != 1:
            raise Failed(f"it says {result}")
    return result["client"]


def whole(text):
    """The recording as one object: its first line, and the entries that were appended to it."""
    head, *entries = map(json.loads, text.splitlines())
    for entry in entries:
        head["auth_keys"].update(entry.get("auth_keys", {}))
        if "name" in entry:
            head["connections"].append({"name": entry["name"], "events": []})
        elif "hex" in entry:
            head["connections"][entry.pop("connection")]["events"].append(entry)
    return head


def compact(path, label):
    """The recording with its name, times in whole 10 µs, and without the ports, which differ each time."""
    recording = {**whole(Path(path).read_text()), "label": label}
    for number, connection in enumerate(recording["connections"]):
        place = re.search("data centre .*", connection["name"])[0]
        connection["name"] = f"connection {number} with {place}"
        for event in connection["events"]:
            event["t"] = round(event["t"], 5)
    return json.dumps(recording, separators=(",", ":")) + "\n"


def readable(nanogram, path):
    """That `nanogram decode` opens every packet and finds every check to hold; its own words for how many."""
    done = subprocess.run([nanogram, "decode", path], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"nanogram decode: exit code {done.returncode}\n{done.stderr}{done.stdout[-2000:]}")
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "every check holds"


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nanogram", help="the program; built if not given")
    asked.add_argument("--only", default="", help="only clients whose file's name contains this")
    asked.set_defaults(write=bool(os.environ.get("NANOGRAM_WRITE")))
    asked = asked.parse_args()
    nanogram = asked.nanogram or build()
    install()

    failed, total, began = 0, 0, time.monotonic()
    for name, script, how in CLIENTS:
        if asked.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.json"
            try:
                client = record(nanogram, script, how, path)
                words = ", ".join([client, *filter(None, (how.get("framing"), "PFS" if "pfs" in how else ""))])
                text = compact(path, words)
                path.write_text(text)
                told = readable(nanogram, path)
                total += len(text)
                if len(text) > LARGEST or total > TOTAL:
                    raise Failed(f"{len(text)} bytes, {total} with those before")
                print(f"ok    {name:20} {words:34} {len(text):7} bytes  {told}")
                if asked.write:
                    FIXTURES.mkdir(exist_ok=True)
                    (FIXTURES / path.name).write_text(text)
            except Failed as fault:
                failed += 1
                print(f"FAIL  {name}\n      " + str(fault).strip().replace("\n", "\n      "))
        sys.stdout.flush()
    print(f"{total} bytes, {time.monotonic() - began:.0f} s" + ("; written" if asked.write else ""))
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
