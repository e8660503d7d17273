#!/usr/bin/env python3
"""Versions of many clients against `nanogram dc`: matrix.py --nanogram PATH [--only TEXT] [--broken] [--docs] [--lock]
[--jobs N] [--logs DIRECTORY]

Each client is installed into an environment of its own, target/matrix/NAME, at the versions and hashes that
matrix.lock.json pins, and runs through STEPS: with a new key it signs in by a code and uses everything that a program
would; then its connection is cut, and a second program goes on with the session that the first saved.

    --broken   only the five that .ci/run runs: versions whose layers were served wrongly once
    --docs     writes the table into docs/clients.md
    --lock     takes what the registries have for a client that matrix.lock.json does not pin, and pins it
    --jobs     clients that run at the same time
    --logs     keeps the log of the data centre of each client there
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from loopback import Dc
from relay import Proxy, Relay

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
SPACE = TARGET / "matrix"
LOCK = HERE / "matrix.lock.json"
STEPS = ["key", "code", "getMe", "resolve", "startBot", "answer", "sendMessage", "history", "dialogs", "cut", "second"]
ALICE = {"phone": "+10000000001", "user": 1000001}


class Client:
    """A version of a library: its packages, and the script that drives it."""

    def __init__(self, label, script, *packages, layer=None, **asked):
        self.label, self.script, self.packages, self.layer, self.asked = label, script, packages, layer, asked
        self.pause = asked.get("pause", 1000)
        self.name = re.sub(r"[^\w.]+", "-", label.lower()).strip("-")
        self.space = SPACE / self.name

    def is_pip(self):
        """Whether its packages are Python's; the script can be in Python all the same."""
        return "==" in self.packages[0]

    def interpreter(self):
        if not self.script.endswith(".py"):
            return "node"
        return self.space / "venv/bin/python" if self.is_pip() else sys.executable


def telethon(version):
    return Client(f"Telethon {version}", "matrix_telethon.py", f"telethon=={version}")


def pyrogram(label, package, **asked):
    return Client(label, "matrix_pyrogram.py", package, **asked)


def gramjs(version, **asked):
    return Client(f"GramJS {version}", "matrix_gramjs.cjs", f"telegram@{version}", module="telegram", **asked)


CLIENTS = [
    *map(telethon, ["1.24.0", "1.25.4", "1.26.1", "1.28.5", "1.30.3", "1.32.1", "1.35.0", "1.37.0", "1.39.0", "1.40.0", "1.42.0",
                    "1.43.2", "1.44.0", "1.45.0"]),
    *(pyrogram(f"Pyrogram {version}", f"pyrogram=={version}")
      for version in ["1.4.16", "2.0.27", "2.0.62", "2.0.106"]),
    pyrogram("Hydrogram 0.2.0", "hydrogram==0.2.0", module="hydrogram"),
    *(pyrogram(f"Pyrofork {version}", f"pyrofork=={version}") for version in ["2.3.45", "2.3.69"]),
    pyrogram("pyroblack 3.0.8", "pyroblack==3.0.8"),
    pyrogram("pyrotgfork 2.2.24.1", "pyrotgfork==2.2.24.1"),
    pyrogram("electrogram 0.3.230", "electrogram==0.3.230"),
    pyrogram("Kurigram 2.2.16", "kurigram==2.2.16"),
    pyrogram("Kurigram 2.2.26", "kurigram==2.2.26"),
    # These lose or repeat a call that is made while they reconnect: docs/clients.md says how.
    *(gramjs(version, pause=4000) for version in ["2.10.10", "2.17.10", "2.19.10"]),
    gramjs("2.26.22"),
    Client("mtcute 0.29.7", "matrix_mtcute.mjs", "@mtcute/node@0.29.7", "@mtcute/core@0.29.7", "long@5.2.3"),
    Client("mtcute 0.30.3", "matrix_mtcute.mjs", "@mtcute/node@0.30.3", "@mtcute/core@0.30.3", "long@5.2.3"),
    Client("@mtproto/core 6.3.0", "matrix_mtproto.cjs", "@mtproto/core@6.3.0"),
    Client("TDLib 1.8.0", "with_tdlib.py", "prebuilt-tdlib@0.1008000.0", layer="of TDLib", is_old=True,
           library="node_modules/prebuilt-tdlib/prebuilds/tdlib-linux-x64/libtdjson.so"),
    *(Client(f"TDLib {version}", "with_tdlib.py", f"tdjson=={version}", layer="of TDLib")
      for version in ["1.8.65", "1.8.69"]),
]
# Each was broken by other lines: `user` of 133 and of 162, those of 214, `message` of 224, and `user` of 225.
BROKEN = ["Telethon 1.24.0", "Telethon 1.30.3", "Telethon 1.40.0", "Telethon 1.43.2", "mtcute 0.29.7"]


class Failed(Exception):
    """A client did not come to its end: what it said."""


def run(command, cwd, **named):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500, **named)
    if done.returncode:
        raise Failed((done.stderr or done.stdout).strip()[-1500:])
    return done.stdout


def install(client, pinned, may_pin):
    """Its environment; what it is pinned to."""
    stamp = client.space / "installed"
    if pinned and stamp.exists() and stamp.read_text() == json.dumps(pinned, sort_keys=True):
        return pinned
    if not (pinned or may_pin):
        raise Failed(f"{LOCK.name} does not pin it: --lock")
    shutil.rmtree(client.space, ignore_errors=True)
    client.space.mkdir(parents=True)
    if client.is_pip():
        run([sys.executable, "-m", "venv", "venv"], client.space)
        pip = [client.space / "venv/bin/pip", "--quiet", "--disable-pip-version-check", "install"]
        if pinned:
            (client.space / "requirements.txt").write_text("\n".join(pinned) + "\n")
            run([*pip, "--no-deps", "--require-hashes", "-r", "requirements.txt"], client.space)
        else:
            # Some of them import what newer versions of setuptools do not bring any more.
            run([*pip, "--report", "report.json", *client.packages], client.space)
            taken = json.loads((client.space / "report.json").read_text())["install"]
            pinned = sorted(f"{one['metadata']['name']}=={one['metadata']['version']} "
                            f"--hash=sha256:{one['download_info']['archive_info']['hashes']['sha256']}" for one in taken)
    else:
        wanted = dict(package.rsplit("@", 1) for package in client.packages)
        (client.space / "package.json").write_text(json.dumps({"name": "matrix", "private": True, "dependencies": wanted}))
        if not pinned:
            run(["npm", "install", "--package-lock-only", "--ignore-scripts", "--silent"], client.space)
            pinned = json.loads((client.space / "package-lock.json").read_text())
            for package in pinned["packages"].values():
                package.pop("resolved", None)
        (client.space / "package-lock.json").write_text(json.dumps(pinned))
        run(["npm", "ci", "--ignore-scripts", "--silent"], client.space)
    stamp.write_text(json.dumps(pinned, sort_keys=True))
    return pinned


def job(client, name, dc, relay, said, **asked):
    """Runs a job of a script; the steps it has done are added to `said`."""
    for file in [client.script, "steps.py", "peer.py", "peer.cjs"]:
        shutil.copy(HERE / file, client.space)
    info = {**dc.info, "log": dc.log.name, **ALICE, **client.asked, **asked, "addr": relay.addr}
    with tempfile.TemporaryFile("w+") as complaint:
        process = subprocess.Popen([client.interpreter(), client.script, name, json.dumps(info)], cwd=client.space, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaint)
        giving_up = threading.Timer(100, process.kill)
        giving_up.start()
        last = {}
        try:
            for line in process.stdout:
                if not line.startswith("{"):
                    continue
                last = json.loads(line)
                if last.get("cut"):
                    relay.cut()
                if "step" in last:
                    said.append(last)
            if process.wait():
                complaint.seek(0)
                raise Failed(complaint.read().strip()[-1500:] or "it was ended after 100 s")
        finally:
            giving_up.cancel()
    return last


def keep(client, dc, logs):
    if logs:
        (logs / f"{client.name}.log").write_text(dc.log_text())


def through(client, nanogram, logs):
    """All steps: (layer, steps done, what went wrong)."""
    said, wrong = [], ""
    with Dc(nanogram) as dc, Relay(dc.info["addr"]) as relay:
        try:
            done = job(client, "first", dc, relay, said)["done"]
            job(client, "second", dc, relay, [], string=done["session"])
            said.append({"step": "second"})
        except Failed as fault:
            wrong = str(fault)
        layers = re.findall(r"layer (\d+)", dc.log_text())
        keep(client, dc, logs)
    steps = list(dict.fromkeys(one["step"] for one in said))
    # What is in the table is what the data centre heard, not what the client believes.
    return ", ".join(dict.fromkeys(layers)) or "?", steps, wrong


def through_tdlib(client, nanogram, logs):
    """TDLib tells no step of its own, and finds the test environment at addresses that only a proxy leads here."""
    with Dc(nanogram, "--test", "--also=1=127.0.0.1:0") as dc:
        wrong, steps = "", []
        with Proxy({"127.154.175.10": dc.info["dcs"]["1"], "127.154.167.40": dc.info["dcs"]["2"]}) as proxy:
            for name, covers in (("login", STEPS[:6]), ("again", ["cut"])):
                try:
                    job(client, name, dc, proxy, [])
                    steps += covers
                except Failed as fault:
                    wrong = f"{name}: {fault}"
        layers = re.findall(r"layer (\d+)", dc.log_text())
        keep(client, dc, logs)
    return ", ".join(dict.fromkeys(layers)) or "?", steps, wrong


def attempt(client, nanogram, pinned, may_pin, logs):
    try:
        pinned = install(client, pinned, may_pin)
    except (Failed, subprocess.TimeoutExpired) as fault:
        return pinned, "-", None, f"cannot be installed: {fault}"
    way = through_tdlib if client.script == "with_tdlib.py" else through
    return pinned, *way(client, nanogram, logs)


def verdict(client, steps, wrong):
    if steps is None:
        return "not run"
    wanted = [*STEPS[:6], "cut"] if client.script == "with_tdlib.py" else STEPS
    if steps == wanted:
        full = "full" if wanted is STEPS else "all but what its driver leaves out"
        return full if client.pause == 1000 else f"{full}, {client.pause // 1000} s after the cut"
    missing = next((step for step in wanted if step not in steps), "?")
    return f"fails at {missing}"


def write_docs(rows):
    """The rows between the two marks in docs/clients.md."""
    path = ROOT / "docs/clients.md"
    text = path.read_text()
    begin, end = "<!-- matrix -->\n", "<!-- end of matrix -->"
    table = [f"Run on {datetime.date.today()} with Python {sys.version.split()[0]} and Node {run(['node', '--version'], HERE).strip()[1:]}.", "",
             "| client | layer | result |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in rows), ""]
    before, rest = text.split(begin)
    path.write_text(before + begin + "\n".join(table) + end + rest.split(end)[1])


def write_lock(pins):
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(pin, sort_keys=True)}" for name, pin in sorted(pins.items()))
    LOCK.write_text("{\n" + text + "\n}\n")


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nanogram", required=True)
    asked.add_argument("--only", default="")
    for flag in ("--broken", "--docs", "--lock"):
        asked.add_argument(flag, action="store_true")
    asked.add_argument("--jobs", type=int, default=3)
    asked.add_argument("--logs", type=Path)
    parser, asked = asked, asked.parse_args()
    if asked.docs and (asked.only or asked.broken):
        parser.error("--docs writes the whole table: it goes with neither --only nor --broken")
    if asked.logs:
        asked.logs.mkdir(parents=True, exist_ok=True)
    nanogram = Path(asked.nanogram).resolve()
    pins = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    chosen = [client for client in CLIENTS if asked.only.lower() in client.label.lower()
              and (client.label in BROKEN or not asked.broken)]
    began, rows, failed = time.monotonic(), [], 0
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        jobs = [pool.submit(attempt, client, nanogram, pins.get(client.name), asked.lock, asked.logs)
                for client in chosen]
        for client, at in zip(chosen, jobs):
            pinned, layer, steps, wrong = at.result()
            if pinned:
                pins[client.name] = pinned
            result = verdict(client, steps, wrong)
            failed += result.startswith("fails") or (steps is None and asked.broken)
            rows.append((client.label, layer, result))
            print(f"{client.label:22} {layer:10} {result}", flush=True)
            if wrong:
                print("    " + "\n    ".join(wrong.splitlines()[-6:]), flush=True)
            if asked.lock:
                write_lock(pins)
    if asked.docs:
        write_docs(rows)
    print(f"{len(chosen) - failed} of {len(chosen)} clients, {time.monotonic() - began:.0f} s")
    sys.exit(failed != 0)


main()
