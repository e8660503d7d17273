"""TDLib 1.8.67 (layer 229, intermediate), Telegram's own library: with_tdlib.py JOB JSON; see peer.py

It knows Telegram's RSA keys and addresses alone. Here it is a copy of the library with the key of our DC in the place of
those keys, as long as they are, and with 127. in the place of 149. in the addresses, so that nothing leaves this machine;
an HTTP proxy, `addr`, leads from those of the test environment to our DCs. It begins at data centre 1 and goes where a 303
says, with a new key. Nothing of a session can be carried in or out, so every job signs in.

A new auth key: req_pq_multi, p_q_inner_data_dc (with `pfs` also p_q_inner_data_temp_dc and auth.bindTempAuthKey), the new
RSA_PAD; then invokeWithLayer(229, initConnection(...)) around the first calls. Signed in it asks for some thirty things
that are not here; it lives with their errors, which it is told at once. Before it starts a bot it asks
messages.getPeerDialogs. What it refuses of what it is sent, it says in its log.
"""
import asyncio
import ctypes
import json
import os
import re
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from peer import API_HASH, API_ID, PARAM, code_for, host_port, run, tell, wrong

# What it logs of a server that does not have everything: no error of the protocol's.
HARMLESS = [
    "INPUT_METHOD_INVALID",  # what is not served
    "Entities have changed",  # it marks /start as a command, our DC does not
    "AuthDataShared.cpp", "SessionProxy.cpp", "session_id",  # a key is made, a session begins
    "Connection closed",  # it was cut
    "Failed to send yet unsent message", "FLOOD_WAIT",  # the server's errors, which are what is asked for
    "auth_dropTempAuthKeys",  # it says what it does
    "Message text has changed",  # in a group it shows /start@bot, our DC the parameter as well
]


def library(dc, folder):
    """The library with the DC's key, and with addresses of this machine; `library`: another one than tdjson's."""
    original = Path(dc.get("library") or next(Path(sysconfig.get_path("purelib"), "tdjson.libs").glob("libtdjson-*")))
    ours = dc["public_key_pem"].strip().encode()
    # Not the one of configurations that come by other ways, which ends with a new line.
    theirs = rb"-----BEGIN RSA PUBLIC KEY-----[^-]*-----END RSA PUBLIC KEY-----(?=\0)"
    code, keys = re.subn(theirs, lambda key: ours.ljust(len(key[0]), b"\0"), original.read_bytes())
    code, addresses = re.subn(rb"(?<=\0)149(?=\.154\.\d+\.\d+\0)", b"127", code)
    assert (keys, addresses) == (2, 8), f"{keys} keys and {addresses} addresses in {original.name}"
    copy = Path(folder, original.name)
    copy.write_bytes(code)
    library = ctypes.CDLL(str(copy))
    library.td_send.argtypes = [ctypes.c_int, ctypes.c_char_p]
    library.td_receive.argtypes, library.td_receive.restype = [ctypes.c_double], ctypes.c_char_p
    library.td_execute.argtypes, library.td_execute.restype = [ctypes.c_char_p], ctypes.c_char_p
    return library


class Refused(Exception):
    """What the library or the server answered in place of a result."""

    def __init__(self, error):
        super().__init__(f"{error['code']} {error['message']}")


class TdLib:
    """The library, and its clients; what they hear is handed out while somebody waits, `patience` seconds at most."""

    def __init__(self, dc, patience=20):
        self.dc, self.patience, self.clients, self.log = dc, patience, {}, Path(FOLDER, "log")
        self.library = library(dc, FOLDER)
        self.execute("setLogStream", log_stream={"@type": "logStreamFile", "path": str(self.log), "max_file_size": 1 << 24})
        self.execute("setLogVerbosityLevel", new_verbosity_level=2)

    def execute(self, method, **given):
        said = json.loads(self.library.td_execute(json.dumps({"@type": method, **given}).encode()))
        assert said["@type"] == "ok", said

    async def pump(self):
        """Hands out what comes next, if it comes soon."""
        said = await asyncio.to_thread(self.library.td_receive, 0.05)
        if said:
            said = json.loads(said)
            self.clients[said["@client_id"]].hear(said)

    async def until(self, found, what):
        """Waits for what `found` gives."""
        ends = time.monotonic() + self.patience
        while (value := found()) is None:
            assert time.monotonic() < ends, f"no {what} within {self.patience} s"
            await self.pump()
        return value

    def quiet(self):
        """That it has refused nothing of what it was sent."""
        lines = re.findall(r"^\[ [012]\].*", self.log.read_text(), re.M)
        lines = [line for line in lines if not any(text in line for text in HARMLESS)]
        assert not lines, "TDLib complains:\n" + "\n".join(lines)


class Client:
    """One account. `pfs`: with keys that change."""

    def __init__(self, td, pfs=False):
        self.td, self.id, self.last = td, td.library.td_create_client_id(), 0
        self.answers, self.states, self.texts, self.failed = {}, [], [], []
        td.clients[self.id] = self
        self.send("setOption", name="use_pfs", value={"@type": "optionValueBoolean", "value": pfs})
        parameters = {
            "use_test_dc": True, "database_directory": f"{FOLDER}/{self.id}", "api_id": API_ID, "api_hash": API_HASH,
            "system_language_code": "en", "device_model": "interop", "system_version": "1", "application_version": "1"}
        host, port = host_port(td.dc["addr"])
        proxy = {"server": host, "port": port, "type": {"@type": "proxyTypeHttp", "http_only": False}}
        if td.dc.get("is_old"):  # before 1.8.6
            self.send("setTdlibParameters", parameters={"@type": "tdlibParameters", **parameters})
            self.send("checkDatabaseEncryptionKey")
            self.send("addProxy", **proxy, enable=True)
        else:
            self.send("setTdlibParameters", **parameters)
            self.send("addProxy", proxy={"@type": "proxy", **proxy}, enable=True)

    def send(self, method, **given):
        self.last += 1
        self.td.library.td_send(self.id, json.dumps({"@type": method, **given, "@extra": self.last}).encode())
        return self.last

    async def call(self, method, **given):
        call = self.send(method, **given)
        said = await self.td.until(lambda: self.answers.pop(call, None), f"answer to {method}")
        if said["@type"] == "error":
            raise Refused(said)
        return said

    def hear(self, said):
        kind = said["@type"]
        if "@extra" in said:
            self.answers[said["@extra"]] = said
        elif kind == "updateAuthorizationState":
            self.states.append(said["authorization_state"])
        elif kind == "updateMessageSendFailed":
            old = {"code": said.get("error_code"), "message": said.get("error_message")}
            self.failed.append(said.get("error", old))
        elif kind == "updateNewMessage" and not said["message"]["is_outgoing"]:
            content = said["message"]["content"]
            if content["@type"] == "messageText":
                self.texts.append(content["text"]["text"])

    async def state(self, *names):
        """Waits until it is in one of these states."""
        def seen():
            state = self.states[-1] if self.states else {"@type": "none"}
            return state if state["@type"].removeprefix("authorizationState") in names else None

        return await self.td.until(seen, " or ".join(names))

    async def sign_in(self, phone, user, password=None, errs=True):
        """By a wrong code and the right one; then, if there is a password, by a wrong one and the right one."""
        refused = []
        await self.state("WaitPhoneNumber")
        await self.call("setAuthenticationPhoneNumber", phone_number=phone)
        await self.state("WaitCode")
        code = await code_for(self.td.dc, user)
        right = [("checkAuthenticationCode", "code", code, wrong(code))]
        if password:
            right.append(("checkAuthenticationPassword", "password", password, "no such password"))
        for method, field, value, bad in right:
            try:
                if errs:
                    await self.call(method, **{field: bad})
            except Refused as error:
                refused.append(str(error))
            await self.call(method, **{field: value})
            await self.state("WaitPassword", "Ready")
        await self.state("Ready")
        me = await self.call("getMe")
        assert me["id"] == user, f"signed in as {me['id']}"
        return refused

    async def start(self, bot, peer, param):
        """Presses START; what becomes of the message."""
        bot = await self.call("searchPublicChat", username=bot)
        chat = await self.call("searchPublicChat", username=peer)
        known, failed = len(self.texts), len(self.failed)
        await self.call("sendBotStartMessage", bot_user_id=bot["type"]["user_id"], chat_id=chat["id"], parameter=param)

        def over():
            if len(self.failed) > failed:
                raise Refused(self.failed[-1])
            return next((text for text in self.texts[known:] if param in text), None)

        return await self.td.until(over, "answer of the bot")


async def login(dc):
    """By `phone` and code, and `password` if there is one; then the bot."""
    td = TdLib(dc)
    user = Client(td, dc.get("pfs", False))
    refused = await user.sign_in(dc["phone"], dc["user"], dc.get("password"))
    text = await user.start("echo_bot", "echo_bot", PARAM)
    td.quiet()
    return {"refused": refused, "reply": text}


async def refused(dc):
    """What `calls` come to: [bot, peer, param] each."""
    td, seen = TdLib(dc), []
    user = Client(td)
    await user.sign_in(dc["phone"], dc["user"])
    for bot, peer, param in dc["calls"]:
        try:
            await user.start(bot, peer, param)
            seen.append("done")
        except Refused as error:
            seen.append(str(error))
    td.quiet()
    return {"refused": seen}


async def twice(user):
    """Starts the bot, loses its connections when the driver is told, and starts it again."""
    await user.start("echo_bot", "echo_bot", "first")
    tell(cut=True)
    await asyncio.sleep(0.5)
    text = await user.start("echo_bot", "echo_bot", "second")
    user.td.quiet()
    return {"reply": text}


async def again(dc):
    """Signs in; the bot twice."""
    user = Client(TdLib(dc), dc.get("pfs", False))
    await user.sign_in(dc["phone"], dc["user"])
    return await twice(user)


async def accept(dc):
    """Lets in whoever shows `link`."""
    td = TdLib(dc)
    user = Client(td)
    await user.sign_in(dc["phone"], dc["user"])
    session = await user.call("confirmQrCodeAuthentication", link=dc["link"])
    td.quiet()
    return {"app": f"{session['device_model']}, {session['application_version']}"}


async def whole(dc):
    """A new key, the code of `phone`, a parameter that is too long, and the bot twice."""
    td = TdLib(dc)
    user, refused = Client(td, dc.get("pfs", False)), []
    await user.sign_in(dc["phone"], dc["user"])
    try:
        await user.start("echo_bot", "echo_bot", "x" * 600)
    except Refused as error:
        refused.append(str(error))
    return {**await twice(user), "refused": refused}


async def hurt(dc):
    """A job at a DC with a fault. To start a bot it has to sign in first."""
    user = Client(TdLib(dc, patience=1000))
    try:
        if dc["what"] == "qr":
            await user.state("WaitPhoneNumber")
            await user.call("requestQrCodeAuthentication")
            tell(link=(await user.state("WaitOtherDeviceConfirmation"))["link"])
            await user.state("Ready")
        who = {field: dc[field] for field in ("phone", "user", "password") if field in dc}
        await user.sign_in(**(who or {"phone": "+10000000001", "user": 1000001}), errs=False)
        if dc["what"] == "start":
            await user.start("echo_bot", "echo_bot", PARAM)
    except Refused as error:
        return {"ended": "error", "error": str(error).split(" ", 1)[1]}
    return {"ended": "done"}


JOBS = (login, refused, again, accept, whole, hurt)
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as FOLDER:
    run("TDLib 1.8.67", {job.__name__: job for job in JOBS})
    sys.stdout.flush()
# Its threads go on: an ordinary end would take from them what they use.
os._exit(0)
