"""The real clients, from PyPI and npm at the versions of requirements.txt and package-lock.json, and how to run them.

They are installed beside the build (target/interop) with the ordinary clients, pip and npm.
"""
import hashlib
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

from relay import Proxy

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
SPACE = TARGET / "interop"


def build():
    """The program, as a release build."""
    subprocess.run(["cargo", "build", "--release", "--bin", "nanogram"], cwd=ROOT, check=True)
    return TARGET / "release/nanogram"


def install():
    """Copies this folder to target/interop and installs there, unless what is there came from the same lists."""
    lists = [HERE / name for name in ("requirements-build.txt", "requirements.txt", "package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in lists)).hexdigest()
    stamp = SPACE / "installed"
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(SPACE, ignore_errors=True)
        SPACE.mkdir(parents=True)
        for path in lists:
            shutil.copy(path, SPACE)
        subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=SPACE, check=True)
        pip = [SPACE / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "-r", "requirements-build.txt"], cwd=SPACE, check=True)
        # Build isolation would fetch setuptools without a hash.
        subprocess.run([*pip, "--no-build-isolation", "-r", "requirements.txt"], cwd=SPACE, check=True)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=SPACE, check=True)
        stamp.write_text(digest)
    for script in [*HERE.glob("with_*"), *HERE.glob("peer.*")]:
        shutil.copy(script, SPACE)


class Failed(Exception):
    """A client or the program did not do what it was to do: in its own words."""


def peer(script, job, dc, relay=None, **asked):
    """Runs a job of a client at a `loopback.Dc`, through the relay if there is one; its result."""
    interpreter = SPACE / "venv/bin/python" if script.endswith(".py") else "node"
    there = {**dc.info, "log": dc.log.name, **asked}
    if relay:
        there["addr"] = relay.addr
    complaint = tempfile.TemporaryFile("w+")
    client = subprocess.Popen(
        [interpreter, SPACE / script, job, json.dumps(there)], cwd=SPACE, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaint)
    giving_up = threading.Timer(90, client.kill)
    giving_up.start()
    try:
        said = []
        for line in client.stdout:
            said.append(line)
            if relay and line.strip() in ('{"cut": true}', '{"cut":true}'):
                relay.cut()
        if client.wait() != 0:
            complaint.seek(0)
            raise Failed(complaint.read() or "".join(said) or "it was ended after 90 s")
    finally:
        giving_up.cancel()
    return json.loads(said[-1])


# What `nanogram dc` is told for TDLib, which begins at data centre 1 of the test environment.
TDLIB_PLACE = ["--test", "--also=1=127.0.0.1:0"]


def tdlib_proxy(dc):
    """TDLib looks for data centres where Telegram has those of its test environment, but for the first number of four."""
    return Proxy({"127.154.175.10": dc.info["dcs"]["1"], "127.154.167.40": dc.info["dcs"]["2"]})


def program(nanogram, *args, expect=0):
    """Runs the program; what it printed."""
    done = subprocess.run([nanogram, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
    if done.returncode != expect:
        raise Failed(f"nanogram {args[0]}: exit code {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout.strip()


def help_of(nanogram, *command):
    """What the program says of a command: whether it has a flag, say."""
    return program(nanogram, *command, "--help")


def start(nanogram, dc, pem, session, *args, addr=None, bot="@echo_bot"):
    """`nanogram start` of a bot that answers: the object it printed."""
    return json.loads(program(
        nanogram, "start", bot, "hello_42", f"--session={session}", "--dc", addr or dc.info["addr"], "--key", pem,
        "--json", "--wait=5", *args))


def sign_in(nanogram, dc, pem, session, *args, addr=None, phone, user, password=None):
    """`nanogram login` into the file `session`, with the code that the DC wrote into its log."""
    command = [nanogram, "login", "--phone", phone, "--session", session, "--dc", addr or dc.info["addr"], "--key", pem]
    known = dc.log_text().count(f"the code for {user} is ")
    login = subprocess.Popen(
        [*command, "--json", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        codes = re.findall(rf"the code for {user} is (\d+)", dc.log_text())
        if len(codes) > known or login.poll() is not None:
            break
        time.sleep(0.05)
    answers = [*codes[known:][-1:], *([password] if password else [])]
    said, complaint = login.communicate("".join(line + "\n" for line in answers), timeout=60)
    if login.returncode != 0:
        raise Failed(f"nanogram login: exit code {login.returncode}\n{complaint}{said}")
    return json.loads(said)
