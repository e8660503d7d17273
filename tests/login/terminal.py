"""A terminal with somebody at it, and the data centre that somebody signs in to; for run.py beside it."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

PATIENCE = 30  # seconds; all that is waited for here takes a fraction of one


class Surprise(Exception):
    """Something that must not be."""


def check(holds, what, seen=""):
    if not holds:
        raise Surprise(f"{what}: {seen}")


class Dc:
    """`nanogram dc` in a directory of its own, whose log has the codes."""

    def __init__(self, nanogram, space):
        self.pem, log = space / "dc.pem", space / "dc.log"
        self.log_path = log
        with open(log, "w") as stderr:
            self.process = subprocess.Popen(
                [nanogram, "dc", "--json", "--pem", self.pem], stdout=subprocess.PIPE, stderr=stderr, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        check(ready, "the data centre does not begin")
        self.info = json.loads(self.process.stdout.readline())
        self.place = ["--dc", self.info["addr"], "--key", str(self.pem)]

    def codes(self):
        return re.findall(r"the code for (?:\d+|a number that nobody has) is (\d+)", self.log_path.read_text())

    def code(self, nth=1):
        """The code that was sent as the nth."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if len(self.codes()) >= nth:
                return self.codes()[nth - 1]
            time.sleep(0.02)
        raise Surprise(f"no code number {nth} in {self.log_path}")

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Terminal:
    """A command on a pseudo-terminal of 24 lines and 100 columns."""

    def __init__(self, command, env, transcript):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.slave, self.transcript, self.raw, self.seen = slave, transcript, b"", 0
        self.before = termios.tcgetattr(slave)
        self.note("$ " + " ".join(shorten(str(word)) for word in command))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def note(self, line):
        with open(self.transcript, "a") as file:
            file.write(line + "\n")

    def read(self, wait):
        """What there is to read; False at the end."""
        ready, _, _ = select.select([self.master], [], [], wait)
        if ready:
            try:
                self.raw += os.read(self.master, 65536)
            except OSError:
                return False
        return bool(ready) or self.process.poll() is None

    def text(self):
        """All that was shown, without colours and what was wiped away."""
        text = self.raw.decode(errors="replace").replace("\r\n", "\n")
        text = re.sub(r"\x1b\[(\d*)A\r\x1b\[J", lambda up: f"\n[{up[1]} lines are replaced]\n", text)
        text = re.sub(r"\x1b\[[0-9;?]*[A-HJ-Za-z]", "", text)
        return re.sub(r"[^\n]*\r(?!\n)", "", re.sub(r"\x1b\[[0-9;?]*K", "\r", text))

    def expect(self, pattern, wait=PATIENCE):
        """Waits until this is shown after all that was expected before."""
        until = time.monotonic() + wait
        while True:
            found = re.search(pattern, self.text()[self.seen:], re.S)
            if found:
                self.seen += found.end()
                return found
            if time.monotonic() > until or not self.read(0.1) and not self.read(0):
                found = re.search(pattern, self.text()[self.seen:], re.S)
                check(found, f"{pattern!r} is not shown", self.text()[-1500:])

    def flags(self):
        return termios.tcgetattr(self.slave)[3]

    def shows_typing(self, wanted):
        """Waits until the terminal echoes, or does not."""
        until = time.monotonic() + PATIENCE
        while bool(self.flags() & termios.ECHO) != wanted:
            check(time.monotonic() < until, "the terminal does not " + ("echo" if wanted else "hide what is typed"))
            self.read(0.02)

    def type(self, text):
        os.write(self.master, text.encode() + b"\r")

    def type_hidden(self, text):
        self.shows_typing(False)
        self.type(text)

    def ctrl_c(self):
        os.write(self.master, b"\x03")

    def end(self, code=0):
        """Waits for the end; the exit code, and a terminal as it was."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.05)
        while select.select([self.master], [], [], 0)[0] and self.read(0):
            pass
        self.note(self.text())
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            raise Surprise(f"it does not end: {self.text()[-1500:]}")
        is_as_it_was = termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        check(self.process.returncode == code, f"exit code {self.process.returncode}, not {code}", self.text()[-1500:])
        check(is_as_it_was, "the terminal is not as it was")
        return self.text()


def shorten(word):
    return word if len(word) < 70 else word[:20] + "…"


class Person:
    """Somebody with a home directory of one's own, at a data centre of one's own."""

    def __init__(self, nanogram, space, transcript):
        self.nanogram, self.space, self.transcript = nanogram, space, transcript
        self.dc = Dc(nanogram, space)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(space), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.shown = []

    @property
    def file(self):
        """Session file of the data centre: servers with an RSA key of their own have one named after it."""
        folder = self.space / ".local/share/nanogram"
        named = [file for file in folder.glob("session-*") if re.fullmatch("session-[0-9a-f]{16}", file.name)]
        return named[0] if named else folder / "session-of-nobody"

    def at_terminal(self, *args, place=True):
        command = [self.nanogram, *args, *(self.dc.place if place else [])]
        return Terminal(command, self.env, self.transcript)

    def run(self, *args, place=True, code=0, is_secret=False):
        """Runs it without a terminal, and with nothing on stdin."""
        return self.start(args, place, subprocess.DEVNULL, is_secret)[1](None, code)

    def sign_in(self, *args, after=(), code=0):
        """Signs in without a terminal: the code that is sent is a line of stdin, and so is each of `after`."""
        nth = len(self.dc.codes()) + 1
        process, end = self.start(("login", *args), True, subprocess.PIPE)
        lines = [self.dc.code(nth), *after]
        return end("".join(f"{line}\n" for line in lines), code)

    def start(self, args, place, stdin, is_secret=False):
        command = [str(word) for word in (self.nanogram, *args, *(self.dc.place if place else []))]
        process = subprocess.Popen(
            command, env=self.env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def end(given, code):
            stdout, stderr = process.communicate(given, timeout=PATIENCE * 4)
            with open(self.transcript, "a") as file:
                file.write("$ " + " ".join(map(shorten, command)) + "\n" + stderr + ("…" if is_secret else stdout) + "\n")
            check(process.returncode == code, f"exit code {process.returncode}, not {code}", stderr + stdout)
            return subprocess.CompletedProcess(command, code, stdout, stderr)

        return process, end
