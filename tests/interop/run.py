#!/usr/bin/env python3
"""Real clients against `nanogram dc`: run.py [--nanogram PATH] [--only TEXT]

What each case is and what must come of it is in the functions below; what a client asks on its own is written at the head
of its script. Each case has a data centre of its own. Without --nanogram a release build is made. A client that refuses
anything is our bug.
"""
import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time

from clients import TDLIB_PLACE, Failed, build, install, peer, program, sign_in, start, tdlib_proxy
from loopback import Dc
from relay import Relay

PARAM = "hello_42"
ALICE = {"phone": "+10000000001", "user": 1000001}
DAVE = {"phone": "+10000000004", "user": 1000004}
CAROL = {"phone": "+10000000003", "user": 1000003, "password": "two factors"}

# Bot, peer, parameter, random_id, and the documented error of messages.startBot that it is.
REFUSED = [
    ("echo_bot", "echo_bot", PARAM, 1, "done"),
    ("bob_nano", "bob_nano", PARAM, 2, "400 BOT_INVALID"),
    ("deleted_bot", "deleted_bot", PARAM, 3, "400 INPUT_USER_DEACTIVATED"),
    ("echo_bot", "echo_bot!", PARAM, 4, "400 PEER_ID_INVALID"),
    ("echo_bot", "closed_group", PARAM, 5, "400 CHAT_ADMIN_REQUIRED"),
    ("echo_bot", "quiet_group", PARAM, 6, "403 CHAT_WRITE_FORBIDDEN"),
    ("echo_bot", "nano_group", "", 7, "400 START_PARAM_EMPTY"),
    ("echo_bot", "echo_bot", "no spaces!", 8, "400 START_PARAM_INVALID"),
    ("echo_bot", "echo_bot", "x" * 65, 9, "400 START_PARAM_TOO_LONG"),
    ("echo_bot", "echo_bot", PARAM, 1, "500 RANDOM_ID_DUPLICATE"),
]


def camel(error):
    """START_PARAM_INVALID as the classes are called: StartParamInvalid."""
    return "".join(word.capitalize() for word in error.split("_"))


class Client:
    """Its script, the name of its session format, what it calls an error, and what becomes of a wrong code."""

    def __init__(self, name, script, framings, form, call=lambda error: error, asks=True):
        self.name, self.script, self.framings, self.form, self.call = name, script, framings.split(), form, call
        # Some raise SESSION_PASSWORD_NEEDED, others ask their user.
        self.password = ["PHONE_CODE_INVALID", *([] if asks else ["SESSION_PASSWORD_NEEDED"]), "PASSWORD_HASH_INVALID"]

    def told(self, error):
        return f"{error[:4]}{self.call(error[4:])}" if error[0].isdigit() else error


# What GramJS 2.26 says to one key in 256: it hashes a key without the zeros that it begins with.
SHORT_KEY = "invalid new nonce hash"

TELETHON = Client("Telethon", "with_telethon.py", "full abridged intermediate obfuscated", "telethon",
                  lambda error: camel(error) + "Error", asks=False)
# Kurigram has that error with 400 as well, and says only that it got no answer where the server has a fault (500).
ODD = {"CHAT_WRITE_FORBIDDEN": "ChatWriteForbidden403", "RANDOM_ID_DUPLICATE": "TimeoutError"}
KURIGRAM = Client("Kurigram", "with_kurigram.py", "abridged", "kurigram",
                  lambda error: ODD.get(error) or camel(error), asks=False)
GRAMJS = Client("GramJS", "with_gramjs.cjs", "full abridged", "gramjs")
MTCUTE = Client("mtcute", "with_mtcute.mjs", "intermediate", "mtcute")
CLIENTS = [TELETHON, KURIGRAM, GRAMJS, MTCUTE]


class Place:
    """A data centre for one case, and the public key it shows, as a file."""

    def __init__(self, nanogram, *args):
        self.nanogram, self.args = nanogram, args

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.pem = self.file("dc.pem")
        self.dc = Dc(self.nanogram, "--pem", self.pem, *self.args).__enter__()
        return self

    def file(self, name):
        return f"{self.folder.name}/{name}"

    def __exit__(self, *error):
        self.dc.__exit__(None, None, None)
        self.folder.cleanup()


def check(holds, what, seen):
    if not holds:
        raise Failed(f"{what}: {seen!r}")


def answered(result):
    check(PARAM in result["reply"], "the reply is", result["reply"])
    return f"{result['updates']}, {result['reply']!r}"


def starts(place, client, framing):
    """A new auth key, which nobody is signed in with; the session that the DC printed starts a bot, which answers."""
    result = peer(client.script, "start", place.dc, framing=framing)
    return f"{result['client']}, layer {result['layer']}: {answered(result)}"


def signs_in(place, client):
    """By phone and code, a wrong one first. `nanogram start` then starts the bot with the session that it saved."""
    result = peer(client.script, "login", place.dc, **ALICE)
    check(result["refused"] == [client.call("PHONE_CODE_INVALID")], "told a wrong code", result["refused"])
    shown = program(place.nanogram, "session", "show", result["session"])
    check(client.form in shown.lower() or client.form == "kurigram", "nanogram session show", shown)
    said = start(place.nanogram, place.dc, place.pem, result["session"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"a wrong code: {result['refused'][0]}; nanogram with its session: {said['reply']!r}"


def has_password(place, client):
    """By phone, code and password, a wrong one first."""
    result = peer(client.script, "login", place.dc, **CAROL)
    wanted = [client.call(error) for error in client.password]
    check(result["refused"] == wanted, "told a wrong code and a wrong password", result["refused"])
    said = start(place.nanogram, place.dc, place.pem, result["session"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"{', '.join(result['refused'])}; nanogram with its session: {said['reply']!r}"


def lives_elsewhere(place, client):
    """By the phone of somebody who lives in data centre 4: after 303 the client goes there, as help.getConfig says."""
    result = peer(client.script, "login", place.dc, **DAVE)
    check(result["dc_id"] == 4, "signed in at data centre", result["dc_id"])
    said = start(place.nanogram, place.dc, place.pem, result["session"], addr=place.dc.info["dcs"]["4"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"303 to data centre 4; nanogram with its session, there: {said['reply']!r}"


def is_flooded(place, client):
    """FLOOD_WAIT_3 twice: an error with its seconds, then waited out by the client itself."""
    result = peer(client.script, "flooded", place.dc)
    check(result["seconds"] == 3 and 3 <= result["waited"] < 9, "told to wait 3 s", result)
    return f"{result['refused']}, {result['seconds']} s; waited out in {result['waited']:.1f} s: {result['updates']}"


def by_qr(place, client):
    """By a QR code that a second client accepts."""
    result = peer(client.script, "qr", place.dc)
    said = start(place.nanogram, place.dc, place.pem, result["session"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"accepted by a second client; nanogram with its session: {said['reply']!r}"


def accept_with_telethon(place, link):
    return peer(TELETHON.script, "accept", place.dc, link=link)


def lets_us_in(place, accept, *args):
    """The QR code of `nanogram login --qr`, which the client accepts."""
    file, shown = place.file("alice.session"), place.file("shown")
    with open(shown, "w") as story:
        login = subprocess.Popen(
            [place.nanogram, "login", "--qr", "--session", file, "--dc", place.dc.info["addr"], "--key", place.pem,
             *args],
            stdin=subprocess.DEVNULL, stdout=story, stderr=story)
    try:
        for _ in range(100):
            if link := re.search(r"tg://login\?token=[\w-]+", open(shown).read()):
                break
            time.sleep(0.05)
        check(link, "no link is shown", open(shown).read())
        result = accept(place, link[0])
        check(login.wait(20) == 0, "nanogram login says", open(shown).read())
    finally:
        login.kill()
    said = start(place.nanogram, place.dc, place.pem, file, *args)
    return f"{result['client']} let in {result['app']!r}: {said['reply']!r}"


def takes_ours(place, client):
    """`nanogram login`, and a start: then the same session in the client's format, and back again as it saves it."""
    ours = place.file("alice.session")
    sign_in(place.nanogram, place.dc, place.pem, ours, **ALICE)
    if client is KURIGRAM:  # its strings have no place for the address that ours has: one of its own, through our format
        theirs = peer(client.script, "login", place.dc, **ALICE)["session"]
        ours = program(place.nanogram, "session", "convert", "--to", "nanogram", theirs)
    start(place.nanogram, place.dc, place.pem, ours)
    string = program(place.nanogram, "session", "convert", "--to", client.form, ours)
    result = peer(client.script, "use", place.dc, string=string)
    back = place.file("back.session")
    # The client's string does not name the servers that it is of.
    servers = ("--dc", place.dc.info["addr"], "--key", place.pem)
    program(place.nanogram, "session", "import", result["session"], "--session", back, *servers)
    start(place.nanogram, place.dc, place.pem, back)
    return answered(result)


def is_refused(place, client):
    """The documented errors of messages.startBot, in the client's own words."""
    result = peer(client.script, "refused", place.dc, calls=[call[:4] for call in REFUSED])
    for call, seen in zip(REFUSED, result["refused"], strict=True):
        check(seen == client.told(call[4]), f"{call[:3]} is to be {call[4]}, and was", seen)
    return f"{len(REFUSED) - 1} documented errors, the last {seen}"


def goes_on(place, client, connections=2, **asked):
    """Its connection is cut after an answer; it makes another by itself, and the same session starts the bot again."""
    with Relay(place.dc.info["addr"]) as relay:
        result = peer(client.script, "again", place.dc, relay, **asked)
        check(len(relay.opened) >= connections, "connections", len(relay.opened))
    check("second" in result["reply"], "the reply is", result["reply"])
    return f"{len(relay.opened)} connections: {result['updates']}, {result['reply']!r}"


def with_tdlib(place, job, **asked):
    """A job of TDLib's; with how many connections it made."""
    with tdlib_proxy(place.dc) as proxy:
        return {**peer("with_tdlib.py", job, place.dc, proxy, **{**ALICE, **asked}), "opened": len(proxy.opened)}


def accept_with_tdlib(place, link):
    return with_tdlib(place, "accept", link=link)


def tdlib_signs_in(place, *wrong, connections=2, **asked):
    """At data centre 1, which sends it on: by code and perhaps password, wrong ones first. It starts the bot."""
    result = with_tdlib(place, "login", **asked)
    check(result["refused"] == ["400 PHONE_CODE_INVALID", *wrong], "told a wrong code and password", result["refused"])
    check(PARAM in result["reply"], "the reply is", result["reply"])
    check(result["opened"] >= connections, "connections", result["opened"])
    return f"{result['client']}: {', '.join(result['refused'])}; {result['reply']!r}"


def tdlib_is_refused(place):
    """The errors of messages.startBot that it does not find itself; random_ids are its own."""
    calls = [call for call in REFUSED[:-1] if not call[1].endswith("!")]
    result = with_tdlib(place, "refused", calls=[call[:3] for call in calls])
    for call, seen in zip(calls, result["refused"], strict=True):
        # It says 400 for 403, and looks at the bot before it asks.
        wanted = "400 User is not a bot" if call[0] in ("bob_nano", "deleted_bot") else call[4].replace("403", "400")
        check(seen == wanted, f"{call[:3]} is to be {wanted}, and was", seen)
    return f"{len(calls) - 1} errors, the last {seen}"


def tdlib_goes_on(place, **asked):
    """Its connections are cut after an answer; it makes others by itself, and starts the bot again."""
    result = with_tdlib(place, "again", **asked)
    check(result["opened"] > 2 and "second" in result["reply"], "it says", result)
    return f"{result['opened']} connections: {result['reply']!r}"


def tdlib_cases():
    """As `cases` has them."""
    place = TDLIB_PLACE
    yield "TDLib signs in", place, tdlib_signs_in, (), {}
    yield "TDLib with PFS", place, tdlib_signs_in, (), {"pfs": True}
    yield "TDLib, password", place, tdlib_signs_in, ("400 PASSWORD_HASH_INVALID",), CAROL
    yield "TDLib, data centre 4", place, tdlib_signs_in, (), DAVE
    yield "TDLib, refused", place, tdlib_is_refused, (), {}
    yield "TDLib, flooded", [*place, "--refuse=messages.startBot=FLOOD_WAIT_3*2"], tdlib_signs_in, (), {}
    yield "TDLib, cut off", place, tdlib_goes_on, (), {}
    yield "TDLib with PFS, cut off", place, tdlib_goes_on, (), {"pfs": True}
    yield "TDLib, answer lost", [*place, "--hang-up=messages.startBot"], tdlib_signs_in, (), {"connections": 3}
    yield "TDLib, our QR code", place, lets_us_in, (accept_with_tdlib, "--test"), {}


def low_port():
    """A free port below 32768: GramJS cannot save a higher one."""
    for port in range(20_000, 32_768):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
                return f"--listen=127.0.0.1:{port}"
            except OSError:
                continue
    raise SystemExit("no port below 32768 is free")


def cases():
    """Name, arguments of `nanogram dc`, function, its arguments."""
    for client in CLIENTS:
        for framing in client.framings:
            yield f"{client.name}, {framing}", [], starts, (client, framing), {}
    for client in CLIENTS:
        name = client.name
        yield f"{name} signs in", [], signs_in, (client,), {}
        yield f"{name}, password", [], has_password, (client,), {}
        yield f"{name}, our session", [low_port()] if client is GRAMJS else [], takes_ours, (client,), {}
        yield f"{name}, data centre 4", [], lives_elsewhere, (client,), {}
        yield f"{name}, refused", [], is_refused, (client,), {}
        yield f"{name}, flooded", ["--refuse=messages.startBot=FLOOD_WAIT_3*2"], is_flooded, (client,), {}
        yield f"{name}, cut off", [], goes_on, (client,), {}
    yield "Telethon, QR code", [], by_qr, (TELETHON,), {}
    yield "Telethon, our QR code", [], lets_us_in, (accept_with_telethon,), {}
    yield "mtcute with PFS, cut off", [], goes_on, (MTCUTE,), {"pfs": True}
    # The bot was started, but nobody has heard of it yet; these two go on in the same session, and hear of it there.
    for client in (KURIGRAM, MTCUTE):
        yield f"{client.name}, answer lost", ["--hang-up=messages.startBot"], goes_on, (client,), {"connections": 3}
    yield from tdlib_cases()


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nanogram", help="the program; built if not given")
    asked.add_argument("--only", default="", help="only cases whose name contains this")
    asked = asked.parse_args()
    chosen = [case for case in cases() if asked.only.lower() in case[0].lower()]
    if not chosen:
        sys.exit(f"no case is called {asked.only}")
    nanogram = asked.nanogram or build()
    install()

    failed, began = 0, time.monotonic()
    for name, args, case, given, named in chosen:
        for attempt in (1, 2):
            with Place(nanogram, *args) as place:
                try:
                    print(f"ok    {name:24}  {case(place, *given, **named)}")
                    break
                except Failed as fault:
                    if attempt == 1 and SHORT_KEY in str(fault):
                        print(f"again {name:24}  GramJS made a key that begins with a zero, and left the zero out")
                        continue
                    failed += 1
                    print(f"FAIL  {name}\n      " + str(fault).strip().replace("\n", "\n      "))
                    print("\nthe log of the DC, its end:\n" + place.dc.log_text()[-4000:])
                    break
                finally:
                    sys.stdout.flush()
    print(f"{len(chosen) - failed} of {len(chosen)} cases hold, {time.monotonic() - began:.0f} s")
    sys.exit(failed != 0)


main()
