"""What the clients in Python share: their command line, the code in the DC's log, and what a library only logs.

A client is run as SCRIPT JOB JSON. The JSON is what `nanogram dc --json` printed, `log`, the file that it writes its
log to, and what the job asks for. The last line it prints is a JSON object, the result.
"""
import asyncio
import json
import logging
import re
import sys

API_ID, API_HASH = 1, "0" * 32
PARAM = "hello_42"
RANDOM_ID = -4156887774564
# So long that who can pack it does, and the server its answer.
LONG_TEXT = "nanogram " * 140


class Complaints(logging.Handler):
    """What a library only logs: messages it refuses, types it does not know, answers nobody asked for."""

    def __init__(self, library, *signs):
        super().__init__()
        self.seen, self.signs = [], signs
        logging.getLogger(library).setLevel(logging.INFO)
        logging.getLogger(library).addHandler(self)

    def emit(self, record):
        text = record.getMessage()
        if record.levelno >= logging.WARNING or any(sign in text for sign in self.signs):
            self.seen.append(text)


def host_port(addr):
    host, port = addr.rsplit(":", 1)
    return host, int(port)


async def code_for(dc, user):
    """The code that the DC wrote into its log instead of sending it."""
    for _ in range(100):
        with open(dc["log"]) as log:
            found = re.findall(rf"the code for {user} is (\d+)", log.read())
        if found:
            return found[-1]
        await asyncio.sleep(0.05)
    raise AssertionError(f"the log of the DC has no code for {user}")


def wrong(code):
    """A code of the same length that is not this one."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def tell(**what):
    """Says something to the driver in the middle of a job."""
    print(json.dumps(what), flush=True)


def run(client, jobs):
    """`jobs`: functions that take the DC and return what to print beside the client's name."""
    job, dc = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps({"client": client, **asyncio.run(asyncio.wait_for(jobs[job](dc), 60))}))
