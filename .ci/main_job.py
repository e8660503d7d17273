#!/usr/bin/env python3
"""The main job as a user runs it.

    main_job.py demo COMMAND…             the README's command, then the same with --json
    main_job.py two-processes NANOGRAM    `nanogram dc` in one process, `nanogram start` in others
    main_job.py minimal NANOGRAM PROGRAM… sizes of builds of examples/minimal.rs, each run against `nanogram dc` as
                                          PROGRAM ADDR PEM_FILE SESSION LINK
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/interop"))
from loopback import Dc  # noqa: E402

PARAM = "hello_42"
REFUSED = 5  # the exit code for what the server refuses


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


def minimal(nanogram, programs):
    for program in programs:
        with Dc(nanogram) as dc, tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            pem.write(dc.info["public_key_pem"])
            pem.flush()
            link = f"https://t.me/echo_bot?start={PARAM}"
            said = run([program, dc.info["addr"], pem.name, dc.info["session"], link], timeout=60).stdout.strip()
        check("updates" in said.lower(), "no constructor of Updates", said)
        print(f"{Path(program).stat().st_size:>9,} bytes  {Path(program).name}: {said.splitlines()[-1]}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["demo", *command]:
            demo(command)
        case ["two-processes", nanogram]:
            two_processes(nanogram)
        case ["minimal", nanogram, *programs]:
            minimal(nanogram, programs)
        case _:
            sys.exit(__doc__)
