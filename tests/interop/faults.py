#!/usr/bin/env python3
"""Reactions of real clients to each fault of `nanogram dc`: faults.py [--nanogram PATH] [--client NAME] [--only REGEX] [--jobs N]

Every fault and client get a separate data centre, which injects the fault once and is honest afterwards. Faults of the key
exchange and of signing in are for a client that signs in with a phone number; those of QR codes for one that shows such a
code; all others for one that is signed in, finds @echo_bot, starts it and waits for its answer. The outcome follows from
the client's last output and from the data centre's log of the client's reactions.

NANOGRAM_WRITE=1 writes the outcomes into docs/faults-clients.md, which explains each word. --quick runs a few faults and
compares their outcomes with that page.
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

from clients import ROOT, SPACE, TDLIB_PLACE, build, install, tdlib_proxy
from loopback import Dc

PAGE = ROOT / "docs/faults-clients.md"
# How long a client has; with --quick, one that is to hang.
LIMIT, QUICK_LIMIT = 40, 12
ALICE = {"phone": "+10000000001", "user": 1000001}
CAROL = {"phone": "+10000000003", "user": 1000003, "password": "two factors"}
CLIENTS = {"telethon": "Telethon", "gramjs": "GramJS", "tdlib": "TDLib", "nanogram": "nanogram"}
SCRIPTS = {"telethon": "with_telethon.py", "gramjs": "with_gramjs.cjs", "tdlib": "with_tdlib.py"}

# Nothing is said that one could believe or not: a refusal, a delay, a silence, an end.
ASKS_NOTHING = re.compile(
    r"params-fail|dh-gen-fail|stall-.|bad-msg-\d+|new-salt|forgotten-session|lost-answer|silence|flood-wait.*|hang-up|"
    r"internal-error|.*-migrate-999|fault-\d+|half-frame|byte-by-byte|accept-and-stall|cut-70|close-on-accept|perm-empty|"
    r"bind-invalid|secure-random|sent-code-payment|key-.*ed|session-revoked|user-deactivated")
QUICK = (
    "res-pq-nonce dh-params-nonce prime-composite g-a-1 dh-gen-hash bad-msg-key no-padding wrong-session msg-id-even replay "
    "future-31 inner-even forged-salt second-answer").split()


# Errors whose name says nothing.
PLAIN = {"Error", "TypeError", "ValueError", "RuntimeError", "AttributeError", "AssertionError"}


def named(error, says):
    """An error as the table has it: what it is called, and what it says if that tells more."""
    says = re.sub(r"\s+", " ", says).replace("|", "/").strip()
    return f"{error} ({says[:70].rstrip(' .')})" if error in PLAIN and says else error


def exchange(fault):
    return fault["row"][0] == "A" and fault["name"] != "plain-packet"


def job(fault):
    """What a client is to do while it meets this fault."""
    if fault["row"] == "E11":
        return {"what": "qr"}
    if fault["row"] in ("E5", "E6", "E7", "E9"):
        return {"what": "login", **CAROL}
    if exchange(fault) or fault["row"] == "E10" or fault["name"] == "phone-migrate-999":
        return {"what": "login", **ALICE}
    return {"what": "start"}


def way(client, dc):
    """What stands between them."""
    return tdlib_proxy(dc) if client == "tdlib" else nullcontext()


class Run:
    """One client and one fault: how it ended (done, error, hung, crashed), what was said, the log of the DC until then."""

    def __init__(self, nanogram, client, fault, limit):
        self.fault, self.asked = fault, job(fault)
        framing = "full" if fault["name"].startswith("full-") else "abridged"
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as said:
            pem, began = f"{folder}/dc.pem", time.monotonic()
            # TDLib begins at data centre 1, and is not to leave it unless the fault makes it.
            place = [*TDLIB_PLACE, "--home=alice=1", "--home=carol=1"] if client == "tdlib" else []
            with Dc(nanogram, "--pem", pem, f"--fault={fault['name']}", *place) as dc, way(client, dc) as proxy:
                if client == "nanogram":
                    command = self.ours(nanogram, dc, pem, folder)
                else:
                    interpreter = SPACE / "venv/bin/python" if SCRIPTS[client].endswith(".py") else "node"
                    there = {**dc.info, "log": dc.log.name, "framing": framing, **self.asked}
                    there["addr"] = proxy.addr if proxy else dc.info["addr"]
                    command = [interpreter, SPACE / SCRIPTS[client], "hurt", json.dumps(there)]
                process = subprocess.Popen(
                    command, cwd=SPACE, text=True, stdout=said, stderr=said, stdin=subprocess.PIPE)
                try:
                    self.wait(process, dc, said, limit)
                finally:
                    self.took = time.monotonic() - began
                    process.kill()
                    process.wait()
                    with suppress(BrokenPipeError):  # it may have gone before it read all
                        process.stdin.close()
            said.seek(0)
            self.said = said.read()
        if self.end is None:
            self.end, self.error = self.ended(client, process.returncode)

    def wait(self, process, dc, said, limit):
        """Until it has ended, or the limit: then the log is that of the moment before it is ended."""
        until, has_code, self.end, self.error = time.monotonic() + limit, False, None, None
        while time.monotonic() < until and process.poll() is None:
            log = dc.log_text()
            # What our own program asks for.
            if not has_code and (code := re.search(rf"the code for {self.asked.get('user')} is (\d+)", log)):
                has_code = True
                lines = [code[1], *filter(None, [self.asked.get("password")])]
                try:
                    process.stdin.write("".join(line + "\n" for line in lines))
                    process.stdin.flush()
                except BrokenPipeError:
                    pass
            if self.asked["what"] == "qr" and "tg://login?token=" in Path(f"/dev/fd/{said.fileno()}").read_text():
                self.end = "done"
                break
            time.sleep(0.1)
        else:
            if process.poll() is None:
                self.end = "hung"
            else:
                time.sleep(0.2)  # the DC has yet to hear that it has gone
        self.log = dc.log_text()

    def ours(self, nanogram, dc, pem, folder):
        where = ["--dc", dc.info["addr"], "--key", pem, "--json"]
        if self.asked["what"] == "start":
            return [nanogram, "start", "@echo_bot", "hello_42", f"--session={dc.info['session']}", "--wait=10", *where]
        how = ["--qr"] if self.asked["what"] == "qr" else ["--phone", self.asked["phone"]]
        return [nanogram, "login", *how, "--session", f"{folder}/session", *where]

    def ended(self, client, code):
        """What a client that has ended says in its last object."""
        for line in reversed(self.said.splitlines()):
            try:
                last = json.loads(line)
            except ValueError:
                continue
            if "ended" in last:
                return last["ended"], named(last.get("error"), last.get("says", ""))
            if client == "nanogram" and "error" in last:
                return "error", last["error"]["type"]
            if client == "nanogram" and code == 0:
                has_reply = self.asked["what"] != "start" or last.get("reply")
                return ("done", None) if has_reply else ("error", "no reply")
        return "crashed", f"exit code {code}"

    def facts(self):
        """What the client did after the fault."""
        name = self.fault["name"]
        return re.findall(rf"after {re.escape(name)} the peer (.*)", self.log)

    def met(self):
        return f"misbehaved: {self.fault['name']}\n" in self.log

    def took_it(self):
        name, facts = self.fault["name"], self.facts()
        after = self.log.partition(f"misbehaved: {name}\n")[2]
        if name.startswith("srp-") or name == "kdf-unknown":
            # Who asks again for what to prove has not taken this.
            return "auth.checkPassword" in after.partition("account.getPassword")[0]
        if name == "sent-code-success":
            return self.end == "done" and "auth.signIn" not in after
        if name == "sign-up":
            return self.end == "done" or "auth.signUp" in after
        if name == "qr-migrate-999":
            return self.end == "done"
        if exchange(self.fault):
            return "went on" in facts[: (facts + ["began the key exchange again"]).index("began the key exchange again")]
        return bool({"acknowledged it", "used its salt", "answered it"} & set(facts))

    def outcome(self):
        """The cell of the table."""
        if not self.met():
            return "not met"
        end = f"error {self.error}" if self.end == "error" else self.end
        if ASKS_NOTHING.fullmatch(self.fault["name"]):
            return end
        if self.took_it():
            return f"accepted; {end}"
        if self.end in ("hung", "crashed"):
            return end
        left = {"left", "began the key exchange again"} & set(self.facts())
        return f"{'refused' if left or self.end == 'error' else 'ignored'}; {end}"


def rows_of_page():
    """The table as it stands: name to the cells of the clients."""
    if not PAGE.exists():
        return {}
    lines = PAGE.read_text().splitlines()
    columns = next((line for line in lines if line.startswith("| fault | row | ")), "")
    known = {shown: client for client, shown in CLIENTS.items()}
    clients = [known.get(column) for column in columns.strip("| ").split(" | ")[2:]]
    found = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return {name.strip("`"): dict(zip(clients, cells, strict=True)) for name, _row, *cells in found}


def word(cell):
    return re.split("[; ]", cell)[0].replace("not", "not met")


COUNTED = ["accepted", "ignored", "refused", "done", "error", "hung", "crashed", "not met"]

HEAD = """\
# Reactions of clients to the faults of the test data centre

{count} faults of [the list](faults.md) were injected with `nanogram dc --fault NAME`, each once, into a new client and
without other failures. {versions}.
`NANOGRAM_WRITE=1 tests/interop/faults.py` runs them and writes this page; last on {date}.

The task of a client was to find @echo_bot, start it and receive its answer, signed in. For faults of the key exchange and
of signing in, it was to sign in with a phone number, a code and, for SRP, a password; for `qr-migrate-999`, to show a QR
code. The time limit was {limit} s from the start of the program.

- Telethon and GramJS had their default settings, except at most 5 connection attempts, 0.3 s apart. GramJS had
  `securityChecks` on, which is off by default.
- nanogram was `nanogram start` or `nanogram login`.
- Frames were abridged; for the faults of full framing they were full, which `nanogram start` does not use.
- TDLib cannot be given a session and signed in each time. Most faults therefore met it earlier, while it requested the
  configuration. It uses obfuscated intermediate frames, and requests the parameters of the password again before it
  proves the password.

| word | observation |
| --- | --- |
| accepted | the client took data of the fault as the server's: it acknowledged a message that only the faulty packet contained, or acknowledged a repeated message twice; it used a salt that only the fault revealed; it answered a question of the fault. In a key exchange it sent the next step, or a packet under the key; in SRP, a proof of the password |
| ignored | none of that was observed, and the client continued on the same connection |
| refused | none of that was observed, and the client disconnected, began the key exchange again, or reported an error |
| hung | none of that was observed, and the task was not done after {limit} s |
| crashed | none of that was observed, and the program ended without an error that its caller could have handled |
| done, error | the fault contains nothing to believe (a refusal, a delay, a disconnection): the task was done, or the caller got this error |
| not met | the client never did what the fault waits for |

After the semicolon is the end of the task: done, the error that the caller got, hung, or crashed. Some faults are valid
protocol, and accepting them is right: `past-290`, `retry-once`, `sent-code-success`; [the list](faults.md) describes each.
A client that acknowledges a message has read it; its further use of the message is not observed. `overtaken` is an answer
that arrives after the next packet; a client that sends nothing while it waits never meets it. Telethon uses the system's
libssl for AES where it finds one, as it did here.

"""


def version(client):
    if client == "telethon":
        return "Telethon " + re.search(r"Telethon==(\S+)", (SPACE / "requirements.txt").read_text())[1]
    if client == "tdlib":
        return "TDLib " + re.search(r"tdjson==(\S+)", (SPACE / "requirements.txt").read_text())[1]
    if client == "gramjs":
        return "GramJS " + json.loads((SPACE / "package.json").read_text())["dependencies"]["telegram"]
    return "nanogram " + re.search(r'^version = "(.+?)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]


def page(faults, rows):
    """The page as it is to be."""
    versions = [version(client) for client in CLIENTS]
    versions = f"The clients were {', '.join(versions[:-1])} and {versions[-1]}"
    text = HEAD.format(count=len(faults), versions=versions, date=datetime.date.today(), limit=LIMIT)
    text += "| | " + " | ".join(CLIENTS.values()) + " |\n| --- |" + " ---: |" * len(CLIENTS) + "\n"
    for counted in COUNTED:
        counts = [sum(word(rows[fault["name"]][client]) == counted for fault in faults) for client in CLIENTS]
        text += f"| {counted} | " + " | ".join(map(str, counts)) + " |\n"
    text += "\n| fault | row | " + " | ".join(CLIENTS.values()) + " |\n| --- | --- |" + " --- |" * len(CLIENTS) + "\n"
    for fault in faults:
        cells = [rows[fault["name"]][client] for client in CLIENTS]
        text += f"| `{fault['name']}` | {fault['row']} | " + " | ".join(cells) + " |\n"
    return text


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nanogram", help="the program; built if not given")
    asked.add_argument("--client", default="all", choices=["all", "both", *CLIENTS], help="both: Telethon and GramJS")
    asked.add_argument("--only", default="", metavar="REGEX", help="only faults whose row and name have this in them")
    asked.add_argument("--jobs", type=int, default=6, help="how many at once")
    asked.add_argument("--quick", action="store_true", help="a few, each as docs/faults-clients.md says")
    asked.set_defaults(write=bool(os.environ.get("NANOGRAM_WRITE")))
    asked.add_argument("--verbose", action="store_true", help="what the client and the log of the DC say, too")
    asked = asked.parse_args()
    nanogram = str(Path(asked.nanogram or build()).resolve())
    install()
    listed = subprocess.run([nanogram, "dc", "--list-faults", "--json"], capture_output=True, text=True, check=True)
    faults = json.loads(listed.stdout)
    chosen = [f for f in faults if re.search(asked.only, f"{f['row']} {f['name']}") and (not asked.quick or f["name"] in QUICK)]
    clients = {"all": list(CLIENTS), "both": ["telethon", "gramjs"]}.get(asked.client, [asked.client])
    began, failed, rows = time.monotonic(), 0, rows_of_page()

    def run(pair):
        client, fault = pair
        hangs = asked.quick and rows.get(fault["name"], {}).get(client) == "hung"
        return Run(nanogram, client, fault, QUICK_LIMIT if hangs else LIMIT)

    with ThreadPoolExecutor(asked.jobs) as pool:
        pairs = [(client, fault) for fault in chosen for client in clients]
        for (client, fault), seen in zip(pairs, pool.map(run, pairs), strict=True):
            outcome, name = seen.outcome(), fault["name"]
            stands = rows.get(name, {}).get(client)
            differs = asked.quick and (not stands or word(stands) != word(outcome))
            failed += differs
            print(f"{'FAIL  ' if differs else ''}{client:9} {name:24} {outcome:32} {seen.took:4.1f} s  "
                  f"{', '.join(seen.facts())}{f'; the page says {stands}' if differs else ''}")
            if asked.verbose:
                print(seen.said + seen.log)
            sys.stdout.flush()
            if not asked.quick:
                rows.setdefault(name, {})[client] = outcome
    if asked.write:
        PAGE.write_text(page(faults, rows))
    print(f"{len(pairs)} runs, {time.monotonic() - began:.0f} s" + (f", {failed} differ" if asked.quick else ""))
    sys.exit(failed != 0)


main()
