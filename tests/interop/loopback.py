"""Starts `nanogram dc --json` and says where it is; used by the drivers beside it and by .ci/main_job.py."""
import json
import select
import subprocess
import sys
import tempfile

FIELDS = ("addr", "dc_id", "fingerprint", "public_key_pem", "session", "telethon_session")


class Dc:
    """with Dc("target/release/nanogram") as dc: dc.line is the JSON line as printed, dc.info the same as a dict.

    `dc.log` is a file that the DC writes its log to; others may read it meanwhile.
    """

    def __init__(self, nanogram, *args):
        self.command = [nanogram, "dc", "--json", *args]

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile("w", suffix=".log")
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        self.line = self.process.stdout.readline().strip() if ready else ""
        try:
            self.info = json.loads(self.line)
            missing = [field for field in FIELDS if field not in self.info]
        except ValueError:
            missing = FIELDS
        if missing:
            self.__exit__(RuntimeError, None, None)
            raise SystemExit(f"nanogram dc --json printed {self.line!r}: no {', '.join(missing)}")
        return self

    def __exit__(self, kind, _error, _trace):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.stdout.close()
        if kind is not None:
            print("the log of the DC:\n" + self.log_text()[-8000:], file=sys.stderr)
        self.log.close()

    def log_text(self):
        with open(self.log.name) as log:
            return log.read()
