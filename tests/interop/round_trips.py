#!/usr/bin/env python3
"""Round trips that a client needs until a bot is started: round_trips.py [--nanogram PATH]

Each client runs against `nanogram dc` through a relay that delays everything by 50 ms in either direction, so a round trip
takes 100 ms; wire.py counts them in the relayed traffic. Without NANOGRAM_WRITE=1, nanogram's rows are measured and
compared with EXPECTED and docs/round-trips.md; with it all rows are measured and that file is written.
"""
import argparse
import base64
import itertools
import os
import re
import sys
import tempfile
from pathlib import Path

from clients import ROOT, build, install, peer, program, sign_in, start
from loopback import Dc
from relay import Relay
from wire import Trips

DELAY = 0.05
CALL = "messages.startBot"
ALICE = {"phone": "+10000000001", "user": 1000001}
DOC = ROOT / "docs/round-trips.md"

# What nanogram needs, in the order of the columns below; with `docs/round-trips.md` it is the same number twice.
EXPECTED = {"nanogram": [12, 6, 2, 1], "nanogram, no PFS": [8, 3, 2, 1]}

TITLES = ("from nothing", "session string", "all kept, new name", "all kept, known name")
HEAD = f"""\
# Round trips until a bot is started

Number of times a client waits for the data centre, from the TCP connection until `messages.startBot` is answered.
`NANOGRAM_WRITE=1 python3 tests/interop/round_trips.py` wrote this file; `.ci/run` measures nanogram's rows again.

| client | {" | ".join(TITLES)} |
| --- | --- | --- | --- | --- |
"""

NOTES = f"""
In brackets: the time in round trips of {DELAY * 2000:.0f} ms. The excess over the number is computation.
{{answers}}

- **From nothing**: there is no key. The client creates one, signs in as Alice with the code, typed at once, and starts the
  bot. `a + b` are two programs, one after the other.
- **Session string**: only the string is known; the bot's username must be resolved.
- **All kept**: the client has everything that it saved in an earlier run: nanogram's session file (server salts,
  temporary key), mtcute's storage (salts and temporary keys, but not the salts of those). Telethon, GramJS and Kurigram
  save no salt: their first message is refused, and sent again with the right one.
- **Known name**: the bot's id and access hash are known, to nanogram from its file, to the others as arguments.

PFS is perfect forward secrecy: creating a temporary key takes three round trips, binding it to the account's key one.
nanogram uses it by default, mtcute on demand, Telethon, GramJS and Kurigram not at all. Telethon, GramJS and mtcute
`connect()` and make the call; for Kurigram, `connect()` and `initialize()` replace `start()`, which requests more.

## Method

Every client runs against `nanogram dc` through a relay that delays all bytes by {DELAY * 1000:.0f} ms in either direction. A round trip
is counted where the client must have waited: a message that it sends belongs to the round trip after the last one whose
answer it had received, at least in part; a message of the data centre belongs to the last round trip that it had received
in part. `nanogram decode` opens the recording and names the messages. TCP's own handshake is not counted; there is one
for each connection, and Kurigram has two when it creates a key. The relay is `tests/interop/relay.py`, the count is in
`wire.py`, the clients are `with_*`.

## Messages of each client

`→` separates round trips, commas separate messages within one. Acknowledgements are left out.
"""


class Column:
    """One run: the trips of its connections, one program after the other."""

    def __init__(self, *runs):
        self.runs = runs
        self.counts = [(run.until(CALL) if run.has(CALL) else run.end(), run) for run in runs]

    def total(self):
        return sum(trips for (trips, _), _ in self.counts)

    def text(self):
        """`3 (3.1)`, or `7 (7.4) + 1 (1.0)`."""
        return " + ".join(f"{trips} ({time:.1f})" for (trips, time), _ in self.counts)

    def is_answered_at_once(self):
        """Whether the bot's answer needed no more round trips than that of the data centre."""
        last = self.runs[-1]
        return last.until_push(CALL)[0] == last.until(CALL)[0]

    def sent(self):
        return " + ".join(" → ".join(", ".join(calls) for calls in run.sent(CALL)) for run in self.runs)


def real(script, **always):
    """Runs a client in all four ways: its name, and the columns."""

    def measure(nanogram):
        def run(dc, job, **asked):
            with Relay(dc.info["addr"], DELAY) as relay:
                result = peer(script, job, dc, relay, **always, **asked)
            return result, Column(Trips(nanogram, relay, [key_of(dc), *result.get("keys", [])]))

        with Dc(nanogram) as dc:
            done, from_nothing = run(dc, "from_nothing", **ALICE)
        with Dc(nanogram) as dc:
            first, string = run(dc, "use")
            kept = {"string": first["session"], "direct": dc.info["addr"]}
            _, new_name = run(dc, "use", **kept)
            _, known_name = run(dc, "use", bot=first["bot"], **kept)
        return done["client"], [from_nothing, string, new_name, known_name]

    return measure


def ours(*flags):
    """The same of nanogram, with these flags."""

    def measure(nanogram):
        def run(dc, what, session, **asked):
            keylog = f"{folder}/{dc.info['addr']}-{next(count)}.keys"
            with Relay(dc.info["addr"], DELAY) as relay:
                what(nanogram, dc, pem, session, "--keylog", keylog, *flags, addr=relay.addr, **asked)
            return Trips(nanogram, relay, keylog=keylog)

        count = itertools.count()
        with tempfile.TemporaryDirectory() as folder:
            pem, file = f"{folder}/dc.pem", f"{folder}/alice.session"
            with Dc(nanogram, "--pem", pem) as dc:
                from_nothing = Column(run(dc, sign_in, file, **ALICE), run(dc, start, file))
                known_name = Column(run(dc, start, file))
            Path(file).unlink()
            with Dc(nanogram, "--pem", pem) as dc:
                string = Column(run(dc, start, dc.info["session"]))
                # Another program has used the account before: everything is in the file, but this name.
                sign_in(nanogram, dc, pem, file, *flags, **ALICE)
                new_name = Column(run(dc, start, file))
        version = program(nanogram, "--version")
        return version, [from_nothing, string, new_name, known_name]

    return measure


def key_of(dc):
    return base64.urlsafe_b64decode(dc.info["telethon_session"][1:])[-256:].hex()


OURS = [("nanogram", ours()), ("nanogram, no PFS", ours("--no-pfs"))]
OTHERS = [
    ("Telethon", real("with_telethon.py")),
    ("GramJS", real("with_gramjs.cjs")),
    ("Kurigram", real("with_kurigram.py")),
    ("mtcute", real("with_mtcute.mjs")),
    ("mtcute, PFS", real("with_mtcute.mjs", pfs=True)),
]


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nanogram", help="the program; built if not given")
    asked.set_defaults(write=bool(os.environ.get("NANOGRAM_WRITE")))
    asked.add_argument("--only", default="", help="only rows whose name contains this")
    asked = asked.parse_args()
    nanogram = asked.nanogram or build()
    rows = [row for row in OURS + (OTHERS if asked.write else []) if asked.only.lower() in row[0].lower()]
    if asked.write:
        install()

    table, lists, faults, all_at_once = [], [], [], True
    for name, measure in rows:
        version, columns = measure(nanogram)
        label = version + name[name.find(","):] if "," in name else version
        table.append(f"| {label} | " + " | ".join(column.text() for column in columns) + " |")
        print(table[-1], flush=True)
        lists.append(f"\n**{label}**\n\n" + "".join(
            f"- {title}: {column.sent()}\n" for title, column in zip(TITLES, columns)))
        all_at_once &= all(column.is_answered_at_once() for column in columns)
        if name in EXPECTED and (totals := [column.total() for column in columns]) != EXPECTED[name]:
            faults.append(f"{name}: {totals} round trips, not {EXPECTED[name]}")
    if asked.write and not asked.only:
        answers = "The bot's answer always arrived in the same round trip as the data centre's." if all_at_once else ""
        DOC.parent.mkdir(exist_ok=True)
        DOC.write_text(HEAD + "\n".join(table) + "\n" + NOTES.format(answers=answers) + "".join(lists))
    for name, _ in OURS if not asked.only else []:
        if (said := written(name)) != EXPECTED[name]:
            faults.append(f"{DOC.name} says {said} of {name}, not {EXPECTED[name]}")
    sys.exit("\n".join(faults) or 0)


def written(name):
    """The round trips that the document names in a row."""
    for line in DOC.read_text().splitlines():
        label, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.sub(r" [\d.]+", "", label) == name:
            return [sum(map(int, re.findall(r"(\d+) \(", cell))) for cell in cells]
    return None

if __name__ == "__main__":
    main()
