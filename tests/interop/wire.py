"""What passed through a `relay.Relay`, counted: round trips, and the calls that travelled in each.

A round trip is counted where one must have waited: what a client sends belongs to the trip after the last one whose
answer it had; an answer belongs to the last trip that the DC had of the client. Whatever else was under way at the same
time adds none. The relay's delay keeps the trips apart: it is long against everything that is computed.
"""
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

RSA_KEY = Path(__file__).resolve().parent.parent.parent / "src/lab/dc/test_key.pem"
WRAPPERS = ("invokeWithLayer", "initConnection", "invokeWithoutUpdates", "invokeAfterMsg")


class Trips:
    """`trips.until("messages.startBot")` and so on, of one run of a client, whose keys open what was said."""

    def __init__(self, nanogram, relay, keys=(), keylog=None):
        self.delay, self.connections = relay.delay, len(relay.opened)
        self.began = relay.opened[0] if relay.opened else 0
        self.trip_of = self._count(relay.chunks)
        self.steps = self._decode(nanogram, relay, keys, keylog)

    def _count(self, chunks):
        """The round trip of every chunk, by connection, direction and time as the recording has it."""
        events = []
        for at, from_client, sent, delivered, _ in chunks:
            mark = {"key": (at, from_client, round(1e6 * ((sent if from_client else delivered) - self.began)))}
            events += [(sent, "sent", from_client, mark), (delivered, "delivered", from_client, mark)]
        at_client, at_dc, trips = 0, 0, {}
        for _, what, from_client, mark in sorted(events, key=lambda event: (event[0], event[1] == "sent")):
            if what == "sent":
                mark["trip"] = at_client + 1 if from_client else at_dc
                trips[mark["key"]] = mark["trip"]
            elif from_client:
                at_dc = max(at_dc, mark["trip"])
            else:
                at_client = max(at_client, mark["trip"])
        return trips

    def _decode(self, nanogram, relay, keys, keylog):
        keys = {hashlib.sha1(bytes.fromhex(key)).digest()[-8:].hex(): {"auth_key": key} for key in keys}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(relay.recording(rsa_private_pem=RSA_KEY.read_text(), auth_keys=keys), file)
            file.flush()
            keylog = ["--keylog", keylog] if keylog else []
            done = subprocess.run([nanogram, "decode", "--json", *keylog, file.name], capture_output=True, text=True)
        steps = [json.loads(line) for line in done.stdout.splitlines()]
        locked = [step for step in steps if step["kind"] in ("locked", "broken")]
        if done.returncode != 0 or locked:
            raise SystemExit(f"nanogram decode cannot follow: {locked[:1]} {done.stderr}")
        return steps

    def said(self):
        """Every message: step, whether the client said it, its value, without containers and gzip."""
        for step in self.steps:
            for _, value in messages(step):
                yield step, step["from"] == "client", value

    def place(self, step):
        """Round trips until then, and the time in round trips."""
        key = (step["connection"], step["from"] == "client", round(1e6 * step["t"]))
        return self.trip_of[key], step["t"] / (2 * self.delay)

    def until(self, call):
        """Until a call is answered, with no error."""
        for step, from_client, value in self.said():
            if not from_client and value["_"] == "rpc_result" and value.get("call") == call:
                if value["result"].get("_") != "rpc_error":
                    return self.place(step)
        raise SystemExit(f"{call} was not answered")

    def has(self, call):
        """Whether a call was sent."""
        return any(from_client and name(value) == call for _, from_client, value in self.said())

    def end(self):
        """Until the last answer."""
        return self.place([step for step, from_client, value in self.said() if not from_client][-1])

    def until_push(self, call):
        """Until the server pushes updates after `call` was sent: the bot's answer, as nothing else happens there."""
        is_sent = False
        for step, from_client, value in self.said():
            is_sent |= from_client and name(value) == call
            if is_sent and not from_client and value["_"].startswith("update"):
                return self.place(step)
        raise SystemExit(f"nothing was pushed after {call}")

    def sent(self, call):
        """What the client sent until `call` was answered: a list for each round trip, without acknowledgements.

        A message that was refused for its server salt, and is sent again, has a mark.
        """
        refused = {value["bad_msg_id"] for _, _, value in self.said() if value["_"] == "bad_server_salt"}
        last, _ = self.until(call) if self.has(call) else self.end()
        trips = {}
        for step in self.steps:
            if step["from"] == "client" and self.place(step)[0] <= last:
                for ids, value in messages(step):
                    mark = " (wrong salt)" if ids & refused else ""
                    if value["_"] != "msgs_ack":
                        trips.setdefault(self.place(step)[0], []).append(name(value) + mark)
        return [trips[trip] for trip in sorted(trips)]


def messages(step):
    """What is in a packet: the ids it may be refused by, its own and its container's; its value without gzip."""
    if step["kind"] == "plain":
        yield set(), step["value"]
    if step["kind"] == "sealed":
        yield from inner(step["message"], set())


def inner(message, outer):
    ids, value = outer | {message["msg_id"]}, message["value"]
    if value["_"] == "msg_container":
        for one in value["messages"]:
            yield from inner(one, ids)
    elif value["_"] == "gzip_packed" and isinstance(value.get("packed_data"), dict):
        yield from inner({**message, "value": value["packed_data"]}, ids)
    else:
        yield ids, value


def name(value):
    """The call inside its wrappers."""
    while value["_"] in WRAPPERS and isinstance(value.get("query"), dict):
        value = value["query"]
    return value["_"]
