#!/usr/bin/env python3
"""ffi_job.py NANOGRAM FOLDER: the builds of examples/c/start_bot.c in FOLDER, each run against `nanogram dc`."""
import base64
import re
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/interop"))
from loopback import Dc  # noqa: E402

LINK, ANSWER = "https://t.me/echo_bot?start=hello_42", "You started me with: hello_42"
# A session of Telegram's data centre 2 as Telethon writes it; its key is made up.
PRODUCTION = "1" + base64.urlsafe_b64encode(struct.pack(">B4sH256s", 2, bytes([149, 154, 167, 51]), 443, bytes(range(256)))).decode()
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all"]


def run(command, session, *args, expect=0):
    done = subprocess.run([*command, "-", *args], input=session + "\n", capture_output=True, text=True, timeout=300)
    if done.returncode != expect:
        sys.exit(f"{command}: exit code {done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
    if session and session in done.stdout + done.stderr:
        sys.exit(f"{command} prints the session")
    return done


def whole_job(name, command, dc, pem, stranger, nameless):
    """A start, what a person does wrong, and what the server refuses."""
    session, addr = dc.info["session"], dc.info["addr"]
    done = run(command, session, LINK, addr, pem)
    if ANSWER not in done.stdout:
        sys.exit(f"{name}: no answer of the bot in {done.stdout!r}")
    for expect, error, args in (
        (5, "USERNAME_NOT_OCCUPIED (400)", (session, "t.me/nobody_here?start=x", addr, pem)),
        (2, "belongs to other servers", (PRODUCTION, LINK, addr, pem)),
        (4, "transport error -404", (stranger, LINK, addr, pem)),
        (4, "transport error -404", (nameless, LINK, addr, pem)),
        (2, "no session string", (session[:-9], LINK, addr, pem)),
        (2, "no link that starts a bot", (session, "https://example.org/", addr, pem)),
        (2, "the PEM file cannot be read", (session, LINK, addr, pem + ".none")),
        (3, "refused", (session, LINK, f"127.0.0.1:{free_port()}", pem)),
    ):
        said = run(command, *args, expect=expect).stderr
        if error not in said:
            sys.exit(f"{name}: not {error!r} but {said!r}")
    memory = re.search(r"memory: .*", done.stderr)
    if memory and ", 0 left" not in memory[0]:
        sys.exit(f"{name}: {memory[0]}")
    print(f"{name}: {done.stdout.splitlines()[-1]}{f' ({memory[0]})' if memory else ''}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(nanogram, folder):
    folder = Path(folder)
    with Dc(nanogram) as other:
        stranger = other.info["session"]
    # Telethon's strings do not name the servers, so the key is tried.
    convert = [nanogram, "session", "convert", "--to", "telethon", "-"]
    nameless = subprocess.run(convert, input=stranger, capture_output=True, text=True, check=True).stdout.strip()
    with Dc(nanogram) as dc, tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
        pem.write(dc.info["public_key_pem"])
        pem.flush()
        for name, command in (
            ("plain", [folder / "start_bot"]),
            ("AddressSanitizer", [folder / "start_bot_asan"]),
            ("valgrind", [*VALGRIND, folder / "start_bot"]),
            ("memory from C", [folder / "start_bot_bare"]),
            ("memory from C, valgrind", [*VALGRIND, folder / "start_bot_bare"]),
        ):
            whole_job(name, command, dc, pem.name, stranger, nameless)
    for program in ("start_bot", "start_bot_bare"):
        stripped = folder / f"{program}.stripped"
        subprocess.run(["strip", "-o", stripped, folder / program], check=True)
        print(f"{stripped.stat().st_size:>9,} bytes  {program}, stripped")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
