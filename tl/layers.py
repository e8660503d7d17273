#!/usr/bin/env python3
"""The lines of every layer, from the schemas that registry packages carry.

    layers.py            writes all.tl and old.tl from the packages that sources.txt pins
    layers.py --pin      writes the SHA-256 of what it downloads into sources.txt as well (write - in a new line)
    layers.py --old      writes old.tl from all.tl: after a line of TL has changed in src/

The packages are downloaded with pip, npm and cargo into target/schemas and compared with their SHA-256. Nothing of
them is run, except that pip asks a source distribution for its metadata. README.md describes the two tables.
"""
import argparse
import collections
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parent / "target").resolve()
SPACE = TARGET / "schemas"
OURS = 229  # the layer of api.tl

# Made up by the package that has them, or with an id that nobody's rule explains: in no schema of Telegram's.
FOREIGN = {"inputPeerPhotoFileLocationLegacy", "inputStickerSetThumbLegacy", "mtcute.customMethod", "messages.messageEmpty",
           "messageActionUserJoined", "messageActionUserUpdatedPhoto", "messageActionTTLChange",
           "messageActionCreatedBroadcastList", "messageActionLoginUnknownLocation"}
# Ids that are decreed, see README.md.
DECREED = {"ipPortSecret", "accessPointRule", "help.configSimple"}
# Every schema has these, and api.tl writes them out.
BUILT_IN = {"boolFalse", "boolTrue", "true", "vector", "error", "null"}


def crc(line):
    """The id that the schema's rule gives a line, as src/tl/line.rs does."""
    tokens = [token for token in line.rstrip("; ").split(" ") if not token.endswith("?true")]
    tokens[0] = tokens[0].split("#")[0]
    text = re.sub(r"(?<=[:?])bytes", "string", " ".join(tokens)).replace("<", " ")
    return zlib.crc32(re.sub("[>%{}]", "", text).encode())


def head(line):
    """The name and the id of a line."""
    name, number = line.split(" ", 1)[0].split("#")
    return name, int(number, 16)


# The forms that schemas come in.

def of_text(text):
    """(line, is it a function) of a text in TL."""
    is_function = False
    for line in text.splitlines():
        line = " ".join(line.split("//")[0].split())
        if line.startswith("---"):
            is_function = line == "---functions---"
        elif re.match(r"[\w.]+#[0-9a-f]+ .*;$", line):
            yield line, is_function


def of_json(text):
    """The JSON of mtcute, which calls a long that is no hash an int53."""
    for entry in json.loads(text)["e"]:
        fields = []
        for field in [*entry["arguments"], {**entry, "name": None}]:
            how = field.get("typeModifiers", {})
            ty = ("%" if how.get("isBareType") else "") + field["type"].replace("int53", "long")
            ty = f"Vector<{ty}>" if how.get("isVector") else f"vector<{ty}>" if how.get("isBareVector") else ty
            ty = f"{how['predicate']}?{ty}" if how.get("predicate") else ty
            fields.append(f"{field['name']}:{ty}" if field["name"] else f"= {ty};")
        generics = ["{X:Type}" for _ in entry.get("generics", [])]
        yield " ".join([f"{entry['name']}#{entry['id']:x}", *generics, *fields]), entry["kind"] == "method"


class OfTelethon:
    """The classes that Telethon generates: a method from_reader reads the fields in their order, with their flags.

    Types are told by the parameters of __init__. What is told by neither, the spelling of a type, is tried in each
    way until the id is the CRC-32 of the line: no guess can pass.
    """

    def __init__(self, lines):
        self.by_id = {}
        self.results = set()
        self.of_mtproto = {head(line)[1] for line, _ in of_text((HERE / "mtproto.tl").read_text())}
        for line, is_function in lines:
            self.by_id.setdefault(head(line)[1], (line, is_function))
            self.results.add(line.split("= ")[1].rstrip(";"))

    def __call__(self, files):
        for path, text in files:
            is_function = "/functions/" in path
            space = Path(path).stem
            for name, body in re.findall(r"^class (\w+)\((?:TLObject|TLRequest)\):\n(.*?)(?=^class |\Z)", text, re.M | re.S):
                number = int(re.search(r"CONSTRUCTOR_ID = 0x([0-9a-f]+)", body)[1], 16)
                name = name.removesuffix("Request") if is_function else name
                name = ("" if space == "__init__" else f"{space}.") + name[0].lower() + name[1:]
                yield self.line(name, number, is_function, body), is_function

    def line(self, name, number, is_function, body):
        read = self.fields(body)
        if number in self.by_id:
            # Only fields of no bytes may differ: the id does not see them.
            known = self.by_id[number][0].split(" ")
            spelled = [token for token in known if not token.endswith("?true")]
            for word in {word for _, word, _, _ in read if word}:
                at = next(i for i, token in enumerate(spelled) if token == f"{word}:#")
                spelled[at + 1:at + 1] = [f"{field}:{word}.{bit}?true" for field, w, bit, ty in read if w == word and ty == "true"]
            return " ".join(spelled)
        return self.guess(name, number, is_function, body, read)

    def fields(self, body):
        """(name, word of flags or None, bit, how it is read), the words themselves with how "#"."""
        reader = re.search(r"def from_reader\(cls, reader\):\n(.*?)return cls\((.*?)\)\n", body, re.S)
        found, given = [], dict(re.findall(r"(\w+)=(_\w+)", reader[2]))
        names = {held: name for name, held in given.items()}
        flag, is_element = None, False
        for line in reader[1].splitlines():
            line = line.strip()
            if m := re.fullmatch(r"(flags\d*) = reader\.read_int\(\)", line):
                found.append((m[1], None, None, "#"))
            elif m := re.fullmatch(r"(_\w+) = bool\((flags\d*) & (\d+)\)", line):
                found.append((self.plain(names.get(m[1], m[1])), m[2], int(m[3]).bit_length() - 1, "true"))
            elif m := re.fullmatch(r"if (flags\d*) & (\d+):", line):
                flag = m[1], int(m[2]).bit_length() - 1
            elif line == "else:":
                flag = None
            elif line.startswith("for "):
                is_element = True
            elif m := re.fullmatch(r"(_\w+) = (.*)", line):
                if is_element:
                    found[-1] = (*found[-1][:3], f"[{m[2]}]")
                    is_element = False
                elif m[2] != "None":
                    found.append((self.plain(names.get(m[1], m[1][1:])), *(flag or (None, None)), m[2]))
        return found

    @staticmethod
    def plain(name):
        return {"is_self": "self", "from_": "from"}.get(name, name)

    def guess(self, name, number, is_function, body, read):
        given = re.search(r"def __init__\(self(.*?)\):\n", body)
        hints = dict(re.findall(r"(\w+): ((?:Optional\[)?(?:List\[)?(?:'[\w.]+'|\w+))", given[1] if given else ""))
        spelled = []
        for field, word, bit, how in read:
            hint = hints.get({"self": "is_self", "from": "from_"}.get(field, field), "")
            kinds = self.kinds(how.strip("[]") if how.startswith("[") else how, hint)
            if how.startswith("["):
                kinds = [f"Vector<{kind}>" for kind in kinds]
            if how == "#":
                kinds = ["#"]
            spelled.append([f"{field}:" + (f"{word}.{bit}?" if word else "") + kind for kind in kinds])
        # Telethon tells the result by the CRC-32 of its type.
        told = int(re.search(r"SUBCLASS_OF_ID = 0x([0-9a-f]+)", body)[1], 16)
        for result in [ty for ty in sorted(self.results) if zlib.crc32(ty.encode()) == told]:
            for choice in choices(spelled):
                line = " ".join([f"{name}#{number:x}", *choice, "=", result + ";"])
                if crc(line) == number:
                    return line
        if number not in self.of_mtproto and not name.startswith("tls"):
            print(f"{name}#{number:x} is not recovered from {spelled}", file=sys.stderr)
        return None

    def kinds(self, how, hint):
        if "int()" in how:
            return ["int"]
        if "long()" in how:
            return ["long"]
        if "double" in how or "float" in how:
            return ["double"]
        if "date" in how:
            return ["int"]
        if "string" in how:
            return ["string"]
        if "bytes" in how:
            return ["bytes"]
        if "bool" in how:
            return ["Bool"]
        if "large_int" in how:
            return ["int128" if "128" in how else "int256"]
        m = re.search(r"Type(\w+)", hint)
        return self.boxed(m[1]) if m else ["true"]

    def boxed(self, text):
        """The types that are called so, whatever their namespace."""
        inner = text.removeprefix("Vector<").rstrip(">")
        short = inner.split(".")[-1]
        known = sorted(ty for ty in self.results if ty.split(".")[-1].lower() == short.lower() and "<" not in ty)
        names = known + [inner]
        return [f"Vector<{ty}>" for ty in names] if text.startswith("Vector<") else names


def choices(parts):
    """Every way to take one of each."""
    if not parts:
        yield []
        return
    for rest in choices(parts[1:]):
        for one in parts[0]:
            yield [one, *rest]


# The packages.

def text_of(file):
    """Some archives were made on Windows."""
    return file.read().decode().replace("\r\n", "\n")


class Source:
    """A line of sources.txt: layer, registry, package, version, SHA-256, file in the archive."""

    def __init__(self, line):
        self.layer, self.registry, self.name, self.version, self.sha256, self.path = line.split()
        self.layer = int(self.layer)

    def __str__(self):
        return f"{self.layer} {self.registry} {self.name} {self.version} {self.sha256} {self.path}"

    def archive(self):
        """The archive, downloaded if it is not there."""
        place = SPACE / f"{self.registry}-{self.name.replace('/', '+')}-{self.version}"
        if not place.exists() or not any(place.iterdir()):
            place.mkdir(parents=True, exist_ok=True)
            self.download(place)
        return next(place.iterdir())

    def download(self, place):
        if self.registry == "pypi":
            venv = SPACE / "pip"
            if not venv.exists():
                subprocess.run([sys.executable, "-m", "venv", venv], check=True)
                subprocess.run([venv / "bin/pip", "install", "--quiet", "setuptools", "wheel", "hatchling", "poetry-core"], check=True)
            subprocess.run([venv / "bin/pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps",
                            "--no-build-isolation", "--no-binary", ":all:", "-d", place, f"{self.name}=={self.version}"], check=True)
        elif self.registry == "npm":
            subprocess.run(["npm", "pack", "--silent", f"{self.name}@{self.version}"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        else:
            fetch = SPACE / "cargo"
            (fetch / "src").mkdir(parents=True, exist_ok=True)
            (fetch / "src/lib.rs").write_text("")
            (fetch / "Cargo.toml").write_text(
                '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
                f'"{self.name}" = "={self.version}"\n')
            subprocess.run(["cargo", "fetch", "--quiet"], cwd=fetch, check=True)
            home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
            crate = next(home.glob(f"registry/cache/*/{self.name}-{self.version}.crate"))
            (place / crate.name).write_bytes(crate.read_bytes())

    def files(self):
        """(path, text) of the archive, that of one root folder left out."""
        with tarfile.open(self.archive()) as inside:
            for member in inside:
                if member.isfile():
                    yield member.name.split("/", 1)[-1], lambda member=member: text_of(inside.extractfile(member))

    def is_generated(self):
        return self.path.endswith("telethon/tl/")

    def lines(self, others=()):
        path = self.path
        if self.is_generated():
            files = [(name, text()) for name, text in self.files()
                     if re.fullmatch(re.escape(path) + r"(types|functions)/\w+\.py", name)]
            found = OfTelethon(others)(files)
        else:
            text = next(text() for name, text in self.files() if name == path)
            found = of_json(text) if path.endswith(".json") else of_text(text)
        for line, is_function in found:
            if line is None:
                continue
            name, number = head(line)
            if name not in FOREIGN | BUILT_IN and (crc(line) == number or name in DECREED):
                yield line, is_function

    def check(self, pin):
        digest = hashlib.sha256(self.archive().read_bytes()).hexdigest()
        if pin and self.sha256 == "-":
            self.sha256 = digest
        if self.sha256 != digest:
            sys.exit(f"{self.name} {self.version} has the SHA-256 {digest}, not {self.sha256}")


# The tables.

def ranges(layers, known):
    """Layers as text, such as 133-144,146: a run goes on as long as no layer between is known to lack the line."""
    runs, inside = [], False
    for layer in known:
        if layer in layers:
            if inside:
                runs[-1][1] = layer
            else:
                runs.append([layer, layer])
        inside = layer in layers
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def layers_of(text):
    """The layers in a text such as 133-144,146."""
    for run in text.split(","):
        first, last = run.split("-") if "-" in run else (run, run)
        yield from range(int(first), int(last) + 1)


def types_of(line):
    """The types of the fields of a line."""
    return {re.sub(r".*[?<%:]|>", "", token) for token in line.split(" = ")[0].split(" ")[1:] if ":" in token and token[0] != "{"}


def spoken(rows):
    """The names that the library speaks: of each line in src/, and of whatever a client may put into its calls."""
    names = set()
    for path in (HERE.parent / "src").rglob("*.rs"):
        names |= set(re.findall(r'"([\w.]+)#[0-9a-f]{1,8} ', path.read_text()))
    types, wanted = collections.defaultdict(list), set()
    for is_function, name, _, line, _ in rows:
        if not is_function:
            types[line.split(" = ")[1].rstrip(";")].append((name, line))
        elif name in names:
            wanted |= types_of(line)
    # And what today's lines do not have, where another layer's line needs it.
    today = {row[3].split(" = ")[1].rstrip(";") for row in rows if OURS in layers_of(row[4])}
    for _, name, _, line, _ in rows:
        if name in names:
            wanted |= {ty for ty in types_of(line) if ty in types and ty not in today}
    done = set()
    while wanted - done:
        ty = (wanted - done).pop()
        done.add(ty)
        for name, line in types.get(ty, []):
            names.add(name)
            wanted |= types_of(line)
    return names


def write(name, title, rows, served):
    """Rows: (is it a function, name, first layer, line, ranges)."""
    out = [f"// {title} Written by layers.py.", f"// LAYERS {served}"]
    for is_function, kind in ((False, "types"), (True, "functions")):
        out.append(f"---{kind}---")
        out += [f"{line} // {at}" for f, _, _, line, at in sorted(rows) if f == is_function]
    (HERE / name).write_text("\n".join(out) + "\n")
    print(f"{name}: {len(rows)} lines, {(HERE / name).stat().st_size} bytes")


def write_old():
    """old.tl, of what is in all.tl: the lines that the library speaks and that not every layer has."""
    rows, is_function, known = [], False, []
    for text in (HERE / "all.tl").read_text().splitlines():
        line, _, comment = text.partition(" // ")
        if text.startswith("// LAYERS "):
            known = list(layers_of(text.removeprefix("// LAYERS ")))
        elif text.startswith("---"):
            is_function = text == "---functions---"
        elif comment:
            rows.append((is_function, head(line)[0], next(layers_of(comment)), line, comment))
    names, always = spoken(rows), f"{known[0]}-{known[-1]}"
    few = [row for row in rows if row[1] in names and row[4] != always]
    # A layer that no package has is served where nothing that is spoken differs between its neighbours.
    served = set(known)
    for before, after in zip(known, known[1:]):
        if all((before in at) == (after in at) for at in (set(layers_of(row[4])) for row in few)):
            served |= set(range(before, after))
    write("old.tl", "Lines that the library speaks and that not every layer has, with the layers that have them.", few,
          ranges(served, range(known[0], known[-1] + 1)))
    print("not served:", *(layer for layer in range(known[0], known[-1]) if layer not in served))


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--pin", action="store_true")
    asked.add_argument("--old", action="store_true")
    asked = asked.parse_args()
    if not asked.old:
        write_all(asked.pin)
    write_old()


def write_all(pin):
    """all.tl, of the packages."""
    listed = (HERE / "sources.txt").read_text().splitlines()
    sources = [Source(line) for line in listed if line and not line.startswith("#")]
    for source in sources:
        source.check(pin)
    if pin:
        comments = [line for line in listed if line.startswith("#")]
        (HERE / "sources.txt").write_text("\n".join(comments + [str(source) for source in sources]) + "\n")

    layers = {}
    for source in sorted(sources, key=Source.is_generated):
        others = [line for lines in layers.values() for line in lines]
        layers[source.layer] = list(source.lines(others))
    today = {head(line): line for line, _ in of_text((HERE / "api.tl").read_text())}
    known = sorted(layers)

    # A line is told by its id and its fields of no bytes; `string` and `bytes` are one to the wire, and so is the order
    # of flags. Those of today are spelled as in api.tl.
    seen, spelled = collections.defaultdict(set), {}
    for layer in [OURS, *(layer for layer in known if layer != OURS)]:
        for line, is_function in layers[layer]:
            key = (is_function, *head(line), frozenset(token for token in line.split(" ") if token.endswith("?true")))
            seen[key].add(layer)
            spelled.setdefault(key, today.get(head(line), line) if layer == OURS else line)
    rows = [(key[0], key[1], min(at), spelled[key], ranges(at, known)) for key, at in seen.items()]
    served = ranges(known, range(known[0], known[-1] + 1))
    write("all.tl", "Every line of every layer, with the layers that have it.", rows, served)


if __name__ == "__main__":
    main()
