#!/usr/bin/env python3
"""Real clients against `nanogram dc`: run.py [--nanogram PATH] [--only TEXT]

What each case is and what must come of it is in the functions below; what a client asks on its own is written at the head
of its script. Each case has a data centre of its own. Without --nanogram a release build is made. A client that refuses
anything is our bug.
"""
import argparse
import socket
import sys
import tempfile
import time

from clients import Failed, build, install, peer, program, start
from loopback import Dc
from relay import Relay

PARAM = "hello_42"
ALICE = {"phone": "+10000000001", "user": 1000001}
CAROL = {"phone": "+10000000003", "user": 1000003, "password": "two factors"}

# Script, the name of its session format, and what it calls the errors of a login and of messages.startBot.
TELETHON = ("with_telethon.py", "telethon",
            ["PhoneCodeInvalidError", "SessionPasswordNeededError", "PasswordHashInvalidError"],
            [[400, "StartParamInvalidError"], [400, "BotInvalidError"], [500, "RandomIdDuplicateError"]])
KURIGRAM = ("with_kurigram.py", "kurigram",
            ["PhoneCodeInvalid", "SessionPasswordNeeded", "PasswordHashInvalid"],
            [[400, "StartParamInvalid"], [400, "BotInvalid"], [500, "TimeoutError"]])
GRAMJS = ("with_gramjs.cjs", "gramjs",
          ["PHONE_CODE_INVALID", "PASSWORD_HASH_INVALID"],
          [[400, "START_PARAM_INVALID", "RPCError"], [400, "BOT_INVALID", "RPCError"],
           [500, "RANDOM_ID_DUPLICATE", "RPCError"]])
MTCUTE = ("with_mtcute.mjs", "mtcute",
          ["PHONE_CODE_INVALID", "PASSWORD_HASH_INVALID"],
          [[400, "START_PARAM_INVALID"], [400, "BOT_INVALID"], [500, "RANDOM_ID_DUPLICATE"]])


class Place:
    """A data centre for one case, and the public key it shows, as a file."""

    def __init__(self, nanogram, *args):
        self.nanogram, self.args = nanogram, args

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.pem = f"{self.folder.name}/dc.pem"
        self.dc = Dc(self.nanogram, "--pem", self.pem, *self.args).__enter__()
        return self

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
    result = peer(client[0], "start", place.dc, framing=framing)
    return f"{result['client']}, layer {result['layer']}: {answered(result)}"


def signs_in(place, client):
    """By phone and code, a wrong one first. `nanogram start` then starts the bot with the session that the client saved."""
    result = peer(client[0], "login", place.dc, **ALICE)
    check(result["refused"] == client[2][:1], "told a wrong code", result["refused"])
    shown = program(place.nanogram, "session", "show", result["session"])
    check(client[1] in shown.lower() or client[1] == "kurigram", "nanogram session show", shown)
    said = start(place.nanogram, place.dc, place.pem, result["session"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"a wrong code: {result['refused'][0]}; nanogram with its session: {said['reply']!r}"


def has_password(place, client):
    """By phone, code and password, a wrong one first."""
    result = peer(client[0], "login", place.dc, **CAROL)
    check(result["refused"] == client[2], "told a wrong code and a wrong password", result["refused"])
    said = start(place.nanogram, place.dc, place.pem, result["session"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"{', '.join(result['refused'])}; nanogram with its session: {said['reply']!r}"


def by_qr(place, client):
    """By a QR code that a second client accepts."""
    result = peer(client[0], "qr", place.dc)
    said = start(place.nanogram, place.dc, place.pem, result["session"])
    check(said["ok"] and PARAM in (said["reply"] or ""), "nanogram start says", said)
    return f"accepted by a second client; nanogram with its session: {said['reply']!r}"


def takes_ours(place, client):
    """The session of nanogram, which has started the bot with it and is gone, in the client's format."""
    ours = place.dc.info["session"]
    if client is KURIGRAM:  # Pyrogram's strings have no place for an address: ours must have none either
        theirs = peer(client[0], "login", place.dc, **ALICE)["session"]
        ours = program(place.nanogram, "session", "convert", "--to", "nanogram", theirs)
    start(place.nanogram, place.dc, place.pem, ours)
    string = program(place.nanogram, "session", "convert", "--to", client[1], ours)
    result = peer(client[0], "use", place.dc, string=string)
    # And back again: what it saves is the same account for nanogram.
    start(place.nanogram, place.dc, place.pem, result["session"])
    return answered(result)


def is_refused(place, client):
    """The documented errors of messages.startBot, in the client's own words."""
    result = peer(client[0], "refused", place.dc)
    check(result["refused"] == client[3], "refused with", result["refused"])
    return ", ".join(" ".join(map(str, error)) for error in result["refused"])


def goes_on(place, client, **asked):
    """Its connection is cut after an answer; it makes another by itself, and the same session starts the bot again."""
    with Relay(place.dc.info["addr"]) as relay:
        result = peer(client[0], "again", place.dc, relay, **asked)
        check(len(relay.opened) > 1, "connections", len(relay.opened))
    check("second" in result["reply"], "the reply is", result["reply"])
    return f"{len(relay.opened)} connections: {result['updates']}, {result['reply']!r}"


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


CLIENTS = [("Telethon", TELETHON), ("Kurigram", KURIGRAM), ("GramJS", GRAMJS), ("mtcute", MTCUTE)]
FRAMINGS = [
    ("Telethon", TELETHON, "full abridged intermediate obfuscated"), ("Kurigram", KURIGRAM, "abridged"),
    ("GramJS", GRAMJS, "full abridged"), ("mtcute", MTCUTE, "intermediate"),
]


def cases():
    """Name, arguments of `nanogram dc`, function, its arguments."""
    for name, client, framings in FRAMINGS:
        for framing in framings.split():
            yield f"{name}, {framing}", [], starts, (client, framing), {}
    for name, client in CLIENTS:
        yield f"{name} signs in", [], signs_in, (client,), {}
        yield f"{name}, password", [], has_password, (client,), {}
        yield f"{name}, our session", [low_port()] if client is GRAMJS else [], takes_ours, (client,), {}
        yield f"{name}, refused", [], is_refused, (client,), {}
        yield f"{name}, cut off", [], goes_on, (client,), {}
    yield "Telethon, QR code", [], by_qr, (TELETHON,), {}
    yield "mtcute with PFS, cut off", [], goes_on, (MTCUTE,), {"pfs": True}


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
        with Place(nanogram, *args) as place:
            try:
                print(f"ok    {name:26}{case(place, *given, **named)}")
            except Failed as fault:
                failed += 1
                print(f"FAIL  {name}\n      " + str(fault).strip().replace("\n", "\n      "))
                print("\nthe log of the DC, its end:\n" + place.dc.log_text()[-4000:])
            sys.stdout.flush()
    print(f"{len(chosen) - failed} of {len(chosen)} cases hold, {time.monotonic() - began:.0f} s")
    sys.exit(failed != 0)


main()
