#!/usr/bin/env python3
"""What the fuzzers have found worth keeping, in text files: found.py unpack DIR | pack DIR

fuzz/found/TARGET.txt has one input in hexadecimal on each line, the shortest first. `unpack` writes them as files into
DIR/TARGET, where a fuzzer begins; `pack` makes the text anew from such folders: all of at most 512 bytes, up to
64 KiB a target. Let the fuzzer merge a folder first (-merge=1), so that each input in it reaches something of its own.
"""
import hashlib
import pathlib
import sys

FOUND = pathlib.Path(__file__).parent / "found"
LONGEST, TOTAL = 512, 64 << 10


def unpack(folder):
    for path in FOUND.glob("*.txt"):
        place = folder / path.stem
        place.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines():
            data = bytes.fromhex(line)
            (place / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(folder):
    FOUND.mkdir(exist_ok=True)
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        inputs = sorted({path.read_bytes() for path in place.iterdir()}, key=lambda data: (len(data), data))
        kept, size = [], 0
        for data in inputs:
            size += len(data)
            if data and len(data) <= LONGEST and size <= TOTAL:
                kept.append(data.hex())
        (FOUND / f"{place.name}.txt").write_text("".join(f"{line}\n" for line in kept))
        print(f"{place.name:18} {len(inputs):6} inputs, {len(kept):6} kept")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("unpack", "pack"):
        sys.exit(__doc__)
    {"unpack": unpack, "pack": pack}[sys.argv[1]](pathlib.Path(sys.argv[2]))
