#!/usr/bin/env python3
"""The main job as a user runs it.

    main_job.py demo COMMAND…             the README's command, then the same with --json
    main_job.py two-processes NANOGRAM    `nanogram dc` in one process, `nanogram start` in others
    main_job.py sizes [--by EMULATOR] NANOGRAM PROGRAM…
                                          sizes of builds of the small examples, against .ci/budget.json, each run against
                                          `nanogram dc`: with a session, without a key, refused
"""
import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/interop"))
import budget  # noqa: E402
from loopback import Dc  # noqa: E402

PARAM = "hello_42"
REFUSED = 5  # the exit code for what the server refuses
NOBODY = 4  # and if nobody is signed in


def run(command, expect=0, timeout=600):
    print("$", " ".join(arg if len(arg) < 80 else arg[:20] + "…" for arg in command), flush=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if done.returncode != expect:
        sys.exit(f"exit code {done.returncode}, not {expect}\n{done.stderr}\n{done.stdout}")
    return done


def check(holds, what, seen):
    if not holds:
        sys.exit(f"{what}: {seen}")


def one_object(done):
    try:
        return json.loads(done.stdout)
    except ValueError as fault:
        sys.exit(f"stdout is not one JSON object ({fault}): {done.stdout!r}")


def started(said, **wanted):
    check(said.get("ok") is True, "not ok", said)
    missing = {"bot", "peer", "random_id", "start_param", "updates"} - said.keys()
    check(not missing, f"no {missing}", said)
    check(isinstance(said["random_id"], str), "random_id is no string", said)
    check("updates" in said["updates"]["_"].lower(), "updates._ names no constructor of Updates", said)
    for key, value in wanted.items():
        check(said[key] == value, f"{key} is not {value!r}", said)


def demo(command):
    said = one_object(run([*command, "--json"]))
    started(said)
    check(said["start_param"] in said.get("reply", ""), "the reply does not contain the parameter", said)
    story = run(command)
    last = story.stdout.strip().splitlines()[-1:] or [""]
    check(said["start_param"] in last[0], "the last line does not hold the answer of the bot", story.stdout)
    print(last[0])


def two_processes(nanogram):
    with Dc(nanogram) as dc, tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
        pem.write(dc.info["public_key_pem"])
        pem.flush()
        here = ["--dc", dc.info["addr"], "--key", pem.name]
        user = [*here, f"--session={dc.info['session']}", "--json"]

        by_link = run([nanogram, "start", f"https://t.me/echo_bot?start={PARAM}", *user], timeout=60)
        started(one_object(by_link), start_param=PARAM)
        by_name = run(
            [nanogram, "start", "@echo_bot", PARAM, "--peer", "@echo_bot", "--random-id=-4156887774564", *user], timeout=60)
        started(one_object(by_name), start_param=PARAM, random_id="-4156887774564")

        for param, error in (("no spaces!", "START_PARAM_INVALID"), ("x" * 65, "START_PARAM_TOO_LONG")):
            said = one_object(run([nanogram, "start", "@echo_bot", param, *user], expect=REFUSED, timeout=60))
            check(said.get("ok") is False and said["error"]["type"] == error, f"not refused with {error}", said)
            print(" ", error)


def modulus(pem):
    # PKCS #1: a sequence of two integers; the first is the modulus, behind a zero byte.
    der = base64.b64decode("".join(pem.split("-----")[2].split()))
    at = der.index(bytes.fromhex("0282010100")) + 5
    return der[at:at + 256].hex()


def small(nanogram, program, by):
    """A start that succeeds, one that the server refuses, and one with a key of its own, which is nobody's."""
    is_client = Path(program).name.startswith("client")
    with Dc(nanogram) as dc, tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
        pem.write(dc.info["public_key_pem"])
        pem.flush()
        here = [*by, program, dc.info["addr"], pem.name if is_client else modulus(dc.info["public_key_pem"])]

        def start(session, bot, code=0):
            job = [f"https://t.me/{bot}?start={PARAM}"] if is_client else [bot, PARAM]
            done = subprocess.run([*here, session, *job], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            check(done.returncode == code, f"exit code {done.returncode}, not {code}", done.stderr)
            return done.stderr if code else done.stdout

        said = start(dc.info["session"], "echo_bot")
        check("updates" in said.lower(), "no constructor of Updates", said)
        refused = start(dc.info["session"], "bob_nano", REFUSED)
        check("BOT_INVALID (400): this is not a bot" in refused, "no typed error with its text", refused)
        nobody = start("-", "echo_bot", NOBODY)
        check("AUTH_KEY_UNREGISTERED" in nobody, "no key of its own", nobody)
    print(f"{Path(program).name}: {said.strip()}")
    return Path(program).stat().st_size


def sizes(nanogram, programs, by=()):
    budget.check({f"{Path(program).name}: bytes": small(nanogram, program, by) for program in programs})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["demo", *command]:
            demo(command)
        case ["two-processes", nanogram]:
            two_processes(nanogram)
        case ["sizes", "--by", emulator, nanogram, *programs]:
            sizes(nanogram, programs, by=[emulator])
        case ["sizes", nanogram, *programs]:
            sizes(nanogram, programs)
        case _:
            sys.exit(__doc__)
