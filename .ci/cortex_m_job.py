#!/usr/bin/env python3
"""cortex_m_job.py NANOGRAM FIRMWARE: the firmware starts a bot of `nanogram dc`; what it takes is within the budget."""
import base64
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from budget import check

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/interop"))
from loopback import Dc  # noqa: E402

QEMU = "qemu-system-arm -M mps2-an386 -cpu cortex-m4 -nographic -monitor none -icount shift=0 " \
       "-semihosting-config enable=on,target=native"
ANSWER = "You started me with: hello_42"


def flash(firmware):
    """Bytes of the sections that are written to the chip."""
    sections = subprocess.run(["size", "-A", firmware], capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"^(\.\S+)\s+(\d+)\s+\d+$", sections, re.M))
    return sum(int(found.get(name, 0)) for name in (".vector_table", ".text", ".rodata", ".data"))


def provisions(info):
    """What a device has in its flash: see `Provisions` in examples/cortex-m/src/main.rs."""
    # Telethon's string is "1" and, in base64url, dc:1 | ip:4 | port:2 | auth_key:256.
    session = base64.urlsafe_b64decode(info["telethon_session"][1:])
    # PKCS #1: a sequence of two integers; the first is the modulus, behind a zero byte.
    der = base64.b64decode("".join(info["public_key_pem"].split("-----")[2].split()))
    at = der.index(bytes.fromhex("0282010100")) + 5
    return session[:1] + b"\0" + session[-256:] + der[at:at + 256] + b"echo_bot\0hello_42"


def main(nanogram, firmware):
    with Dc(nanogram) as dc, tempfile.TemporaryDirectory() as place:
        Path(place, "provisions").write_bytes(provisions(dc.info))
        command = [*QEMU.split(), "-serial", f"tcp:{dc.info['addr']}", "-kernel", Path(firmware).resolve()]
        done = subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    print(done.stdout, end="")
    if done.returncode != 0 or ANSWER not in done.stdout:
        sys.exit(f"exit code {done.returncode}\n{done.stderr}")
    ram = re.search(r"RAM: (\d+) bytes static, (\d+) of heap at most, (\d+) of stack at most", done.stdout)
    key = re.search(r"([\d.]+) M instructions: a key made and bound", done.stdout)
    static, heap, stack = map(int, ram.groups())
    # The number to be factored is drawn by the other side: 0.40 to 0.48 G instructions were seen.
    check(
        {"cortex-m: flash": flash(firmware)},
        limits={
            "cortex-m: RAM, static + heap + stack": (static + heap + stack, 28 * 1024),
            "cortex-m: instructions of the key exchange": (round(float(key[1]) * 1_000_000), 500_000_000),
        },
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
