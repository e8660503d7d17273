#!/usr/bin/env python3
"""How often a client waits for the data centre until a bot is started: round_trips.py [--nanogram PATH] [--write]

Each client runs against `nanogram dc` through a relay that holds everything back for 50 ms on its way, so that a round
trip takes 100 ms; wire.py counts them in what passed. Without --write the rows of nanogram are measured and must be what
is said below and in docs/round-trips.md; with it all rows are, and that file is written.
"""
import argparse
import base64
import sys
import tempfile
from pathlib import Path

from clients import ROOT, build, help_of, install, peer, sign_in, start
from loopback import Dc
from relay import Relay
from wire import Trips

DELAY = 0.05
CALL = "messages.startBot"
ALICE = {"phone": "+10000000001", "user": 1000001}
DOC = ROOT / "docs/round-trips.md"
COLUMNS = ("from nothing", "session alone", "all kept, new name", "all kept, known name")

# What nanogram needs, by column; more is a fault, and less is to be written down here.
EXPECTED = {
    "nanogram": (None, 3, None, 2),
}


class Run:
    """A client at a DC of its own."""

    def __init__(self, nanogram, dc):
        self.nanogram, self.dc = nanogram, dc
        self.key = base64.urlsafe_b64decode(dc.info["telethon_session"][1:])[-256:].hex()

    def of(self, script, job, **asked):
        """A job of a real client: its result, and its trips."""
        with Relay(self.dc.info["addr"], DELAY) as relay:
            result = peer(script, job, self.dc, relay, **asked)
        return result, Trips(self.nanogram, relay, [self.key, *result.get("keys", [])])


def real(script, **always):
    """The columns of a real client: trips, one after the other, and its name."""

    def columns(nanogram):
        def run(job, **asked):
            return Run(nanogram, dc).of(script, job, **always, **asked)

        with Dc(nanogram) as dc:
            done, trips = run("from_nothing", **ALICE)
            yield done["client"], [trips]
        with Dc(nanogram) as dc:
            done, trips = run("use")
            yield None, [trips]
            kept = {"string": done["session"], "direct": dc.info["addr"]}
            yield None, [run("use", **kept)[1]]
            yield None, [run("use", bot=done["bot"], **kept)[1]]

    return columns


def ours(*flags):
    """The columns of nanogram."""

    def columns(nanogram):
        def run(session, bot="@echo_bot", what=start, **more):
            with Relay(dc.info["addr"], DELAY) as relay:
                args = [*flags]
                keylog = None
                if "--keylog" in help_of(nanogram, "start"):
                    keylog = f"{folder}/keys.txt"
                    args += ["--keylog", keylog]
                what(nanogram, dc, pem, session, *args, addr=relay.addr, bot=bot, **more)
            return Trips(nanogram, relay, [Run(nanogram, dc).key], keylog)

        with tempfile.TemporaryDirectory() as folder:
            pem, file = f"{folder}/dc.pem", f"{folder}/alice.session"
            with Dc(nanogram, "--pem", pem) as dc:
                if "login" in help_of(nanogram):
                    yield None, [run(file, what=sign_in, **ALICE), run(file)]
                    Path(file).unlink()
                else:
                    yield None, None
            with Dc(nanogram, "--pem", pem) as dc:
                yield None, [run(dc.info["session"])]
                if "login" in help_of(nanogram):
                    sign_in(nanogram, dc, pem, file, *flags, **ALICE)
                    yield None, [run(file)]
                    yield None, [run(file)]

    return columns


ROWS = [
    ("nanogram", ours()),
    ("Telethon", real("with_telethon.py")),
    ("GramJS", real("with_gramjs.cjs")),
    ("Kurigram", real("with_kurigram.py")),
    ("mtcute", real("with_mtcute.mjs")),
    ("mtcute, PFS", real("with_mtcute.mjs", pfs=True)),
]
