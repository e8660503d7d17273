#!/usr/bin/env python3
"""Signing in at a terminal, as people do: run.py [--nanogram PATH] [--accept-qr PATH] [--only NAME]

Each story has a `nanogram dc` and a home directory of its own, and drives the program on a pseudo-terminal. What was
seen goes to target/login/NAME.txt. Anything that is not as it should be ends with a failure. Without the paths, release
builds are made.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from terminal import Person, Surprise, check

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
OUT = TARGET / "login"

ALICE, CAROL = "+10000000001", "+10000000003"
PASSWORD = "two factors"  # nanogram::lab::dc::residents::CAROLS_PASSWORD
WRONG_PASSWORD = "three factors"
INTERRUPTED = 130


def by_code(me, _):
    """The number, the code, a bot, and out again."""
    login = me.at_terminal("login")
    login.expect("Phone number")
    login.type("Alice")
    login.expect("no phone number|5 to 15 digits")
    login.expect("Phone number")
    login.type("+1 (000) 000-00-01")
    login.expect("in your other app.*Code: ")
    code = me.dc.code()
    login.type_hidden(code)
    login.expect("signed in as Alice, user 1000001")
    check(code not in login.end(), "the code is shown")
    check(me.file.stat().st_mode & 0o077 == 0, "others can read the session file")
    show = json.loads(me.run("session", "show", str(me.file), "--json", place=False).stdout)
    check(show["user_id"] == 1000001 and show["dc_id"] == 2, "not Alice's session", show)
    check(show["addr"] == me.dc.info["addr"], "not where Alice is", show)
    start = me.run("start", "https://t.me/echo_bot?start=hello_42")
    check("You started me with: hello_42" in start.stdout, "the bot did not answer", start.stdout)
    again = me.at_terminal("login")
    again.expect("already signed in as Alice")
    again.end()
    out = me.at_terminal("logout")
    out.expect("signed out; .* is removed")
    out.end()
    check(not me.file.exists(), "the session file is still there")
    me.run("start", "@echo_bot", "x", code=4)


def with_password(me, _):
    """A wrong password, then the right one."""
    login = me.at_terminal("login", "--phone", CAROL)
    login.expect("Code: ")
    code = me.dc.code()
    login.type_hidden(code)
    login.expect(r"Password \(your hint: there is none\): ")
    login.type_hidden(WRONG_PASSWORD)
    login.expect("password is wrong")
    login.expect("Password.*: ")
    login.type_hidden(PASSWORD)
    login.expect("signed in as Carol")
    shown = login.end()
    for secret in (code, PASSWORD, WRONG_PASSWORD):
        check(secret not in shown and secret.encode() not in login.raw, "a secret is shown", secret)
        check(secret not in me.transcript.read_text(), "a secret is in the transcript", secret)


def wrong_code(me, _):
    """A wrong code, then the right one."""
    login = me.at_terminal("login", "--phone", ALICE)
    login.expect("Code: ")
    code = me.dc.code()
    login.type_hidden(f"{(int(code) + 1) % 100000:05}")
    login.expect("code is wrong")
    login.expect("Code: ")
    login.type_hidden(f"{code[:2]} {code[2:]}")
    login.expect("signed in as Alice")
    login.end()


def another_way(me, _):
    """The code does not come: it is asked for again, by SMS."""
    login = me.at_terminal("login", "--phone", ALICE)
    login.expect("type resend, after 60 s, to get it by SMS")
    login.expect("Code: ")
    login.type_hidden("resend")
    login.expect(r"allowed in \d+ s")
    login.expect("Code: ")
    time.sleep(61)
    login.type_hidden("resend")
    login.expect("code comes by SMS")
    login.expect("Code: ")
    login.type_hidden(me.dc.code(2))
    login.expect("signed in as Alice")
    login.end()


def accept(me, accept_qr, session, link):
    done = subprocess.run([accept_qr, me.dc.info["addr"], me.dc.pem, session, link], capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, "the QR code was not accepted", done.stderr)


def by_qr(me, accept_qr):
    """A QR code, which another program of Alice's lets in."""
    login = me.at_terminal("login", "--qr")
    link = login.expect(r"tg://login\?token=[\w-]+")[0]
    login.expect("valid for (2[5-9]|30) s")
    accept(me, accept_qr, me.dc.info["session"], link)
    login.expect("signed in as Alice")
    login.end()


def by_qr_refreshed(me, accept_qr):
    """A QR code that ends, and the next one."""
    login = me.at_terminal("login", "--qr")
    first = login.expect(r"tg://login\?token=[\w-]+")[0]
    second = login.expect(r"lines are replaced.*(tg://login\?token=[\w-]+)", wait=40)[1]
    check(first != second, "the same code is shown again")
    accept(me, accept_qr, me.dc.info["session"], second)
    login.expect("signed in as Alice")
    login.end()


def by_qr_with_password(me, accept_qr):
    """A QR code that another program of Carol's lets in, and then her password."""
    first = me.space / "first.session"
    me.sign_in("--phone", CAROL, "--session", first, after=[PASSWORD])
    session = me.run("session", "export", "--session", first, place=False, is_secret=True).stdout.strip()
    login = me.at_terminal("login", "--qr")
    link = login.expect(r"tg://login\?token=[\w-]+")[0]
    accept(me, accept_qr, session, link)
    login.expect(r"Password.*: ")
    login.type_hidden(PASSWORD)
    login.expect("signed in as Carol")
    check(PASSWORD not in login.end(), "the password is shown")


def interrupted(me, _):
    """Ctrl-C wherever something is asked: the terminal is as it was."""
    login = me.at_terminal("login")
    login.expect("Phone number.*: ")
    login.ctrl_c()
    login.expect("interrupted")
    login.end(INTERRUPTED)
    login = me.at_terminal("login", "--phone", CAROL)
    login.expect("Code: ")
    login.shows_typing(False)
    login.ctrl_c()
    login.end(INTERRUPTED)
    login = me.at_terminal("login", "--phone", CAROL)
    login.expect("Code: ")
    login.type_hidden(me.dc.code(2))
    login.expect("Password.*: ")
    login.shows_typing(False)
    login.ctrl_c()
    login.end(INTERRUPTED)
    login = me.at_terminal("login", "--qr")
    login.expect("valid for")
    login.ctrl_c()
    login.end(INTERRUPTED)
    check(not me.file.exists(), "there is a session file, and nobody is signed in")


def out(me, _):
    """Signing out where the server cannot be told, and where it knows already."""
    me.sign_in("--phone", ALICE)
    kept = me.space / "kept.session"
    shutil.copy(me.file, kept)
    me.run("logout")
    gone = me.run("logout", "--session", kept)
    check("over already" in gone.stderr and not kept.exists(), "a dead session is not removed", gone.stderr)
    me.sign_in("--phone", ALICE)
    me.dc.stop()
    failed = me.run("logout", "--timeout", "5", code=3)
    check("is kept" in failed.stderr and me.file.exists(), "the session file is not kept", failed.stderr)
    me.run("logout", "--timeout", "5", "--force")
    check(not me.file.exists(), "the session file is still there")


def without_a_terminal(me, _):
    """Answers from stdin, one a line, and one JSON object."""
    done = me.sign_in("--phone", CAROL, "--json", after=[PASSWORD])
    said = json.loads(done.stdout)
    check(said["ok"] is True and said["user_id"] == 1000003 and said["new"] is True, "not signed in", said)
    check(PASSWORD not in done.stderr, "the password is shown")
    me.run("logout", "--json")
    ended = me.run("login", "--phone", ALICE, "--json", code=2)
    check(json.loads(ended.stdout)["error"]["type"] == "NO_ANSWER", "not told that stdin ended", ended.stdout)
    stranger = me.sign_in("--phone", "+10000000099", "--json", code=5)
    check(json.loads(stranger.stdout)["error"]["type"] == "NO_ACCOUNT", "not told that nobody has it", stranger.stdout)


STORIES = {story.__name__: story for story in (
    by_code, with_password, wrong_code, another_way, by_qr, by_qr_refreshed, by_qr_with_password, interrupted, out,
    without_a_terminal)}


def tell(name, nanogram, accept_qr):
    """One story, in this process."""
    with tempfile.TemporaryDirectory() as space:
        transcript = OUT / f"{name}.txt"
        transcript.write_text(f"# {STORIES[name].__doc__}\n")
        me = Person(nanogram, Path(space), transcript)
        try:
            STORIES[name](me, accept_qr)
        except Surprise as surprise:
            sys.exit(f"{surprise}\nlog of the data centre:\n{me.dc.log_path.read_text()[-3000:]}")
        finally:
            me.dc.stop()


def build():
    for what in (["--bin", "nanogram"], ["--example", "accept_qr"]):
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", *what], cwd=ROOT, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogram", type=Path, default=TARGET / "release/nanogram")
    parser.add_argument("--accept-qr", type=Path, default=TARGET / "release/examples/accept_qr")
    parser.add_argument("--only", choices=STORIES)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.nanogram.exists() or not args.accept_qr.exists():
        build()
    OUT.mkdir(parents=True, exist_ok=True)
    places = (args.nanogram.resolve(), args.accept_qr.resolve())
    if args.here:
        return tell(args.only, *map(str, places))

    def one(name):
        paths = ["--nanogram", places[0], "--accept-qr", places[1]]
        return subprocess.run([sys.executable, __file__, "--here", "--only", name, *paths],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)

    names = [args.only] if args.only else list(STORIES)
    failed = 0
    with ThreadPoolExecutor(4) as pool:
        for name, done in zip(names, pool.map(one, names)):
            failed += done.returncode != 0
            print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}: {STORIES[name].__doc__}", flush=True)
            if done.returncode:
                print(done.stderr, flush=True)
    if failed:
        sys.exit(f"{failed} of {len(names)} stories went wrong")


if __name__ == "__main__":
    main()
