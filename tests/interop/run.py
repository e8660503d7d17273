#!/usr/bin/env python3
"""Real clients against `nanogram dc`: run.py [--nanogram PATH] [--only NAME]

Each client makes a new auth key, then starts a bot with the session string that the DC printed, and must see the bot's
answer arrive. They come from PyPI and npm at the versions of requirements.txt and package-lock.json, and are installed
beside the build (target/interop) with the ordinary clients, pip and npm. Without --nanogram a release build is made.
What a client asks on its own is written at the head of its script. A client that refuses anything is our bug.
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from loopback import Dc

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
SPACE = TARGET / "interop"

# What is shown, script, framing.
CASES = [
    ("Telethon, full", "with_telethon.py", "full"),
    ("Telethon, abridged", "with_telethon.py", "abridged"),
    ("Telethon, intermediate", "with_telethon.py", "intermediate"),
    ("Telethon, obfuscated", "with_telethon.py", "obfuscated"),
    ("Kurigram, abridged", "with_kurigram.py", "abridged"),
    ("GramJS, full", "with_gramjs.cjs", "full"),
    ("GramJS, abridged", "with_gramjs.cjs", "abridged"),
    ("mtcute, intermediate", "with_mtcute.mjs", "intermediate"),
]


def install():
    """Copies this folder to target/interop and installs there, unless what is there came from the same lists."""
    lists = [HERE / name for name in ("requirements.txt", "package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in lists)).hexdigest()
    stamp = SPACE / "installed"
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(SPACE, ignore_errors=True)
        SPACE.mkdir(parents=True)
        for path in lists:
            shutil.copy(path, SPACE)
        subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=SPACE, check=True)
        pip = [SPACE / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", "requirements.txt"], cwd=SPACE, check=True)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=SPACE, check=True)
        stamp.write_text(digest)
    for script in HERE.glob("with_*"):
        shutil.copy(script, SPACE)


def run(script, line, framing):
    command = [SPACE / "venv/bin/python"] if script.endswith(".py") else ["node"]
    try:
        done = subprocess.run([*command, SPACE / script, line, framing], cwd=SPACE, capture_output=True, text=True, timeout=90)
    except subprocess.TimeoutExpired as late:
        return None, f"nothing for {late.timeout} s\n{(late.stderr or b'').decode()}"
    if done.returncode != 0:
        return None, done.stderr or done.stdout
    result = json.loads(done.stdout.splitlines()[-1])
    if "hello_42" not in result["reply"]:
        return None, f"the reply is {result['reply']!r}"
    return result, ""


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nanogram", help="the program; built if not given")
    asked.add_argument("--only", default="", help="only clients whose name contains this")
    asked = asked.parse_args()
    cases = [case for case in CASES if asked.only.lower() in case[0].lower()]
    if not cases:
        sys.exit(f"no client is called {asked.only}")
    if not asked.nanogram:
        subprocess.run(["cargo", "build", "--release", "--bin", "nanogram"], cwd=ROOT, check=True)
    install()

    failed = 0
    for name, script, framing in cases:
        # A data centre for each: all use the same random_id, which one data centre executes once.
        with Dc(asked.nanogram or TARGET / "release/nanogram") as dc:
            result, fault = run(script, dc.line, framing)
            if result:
                print(f"ok    {name:24}{result['client']:18}layer {result['layer']}  {result['updates']:9}{result['reply']!r}")
            else:
                failed += 1
                print(f"FAIL  {name}\n      " + fault.strip().replace("\n", "\n      "))
                print("\nthe log of the DC, its end:\n" + dc.log_text()[-4000:])
            sys.stdout.flush()
    print(f"{len(cases) - failed} of {len(cases)} clients started a bot")
    sys.exit(failed != 0)


main()
