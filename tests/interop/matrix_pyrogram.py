"""Any version of Pyrogram and of what descends from it: see matrix.py

They know the addresses of Telegram's data centres and keep none, so whatever they connect to is led to ours.
"""
import asyncio
import base64
import hashlib
import importlib
import inspect
import json
import secrets
import socket
import struct
import sys
from asyncio import base_events, selector_events

ADDR = json.loads(sys.argv[2])["addr"].rsplit(":", 1)
ADDR = ADDR[0], int(ADDR[1])


def led(original, host_first):
    def here(self, *args, **named):
        if host_first and named.get("sock"):
            return original(self, *args, **named)
        if host_first:
            named.update(host=ADDR[0], port=ADDR[1])
            return original(self, args[0], **{k: v for k, v in named.items() if k not in ("happy_eyeballs_delay",)})
        where = [a for a in args if isinstance(a, tuple) and len(a) > 1 and a[0] != "127.0.0.1"]
        return original(self, *[ADDR if a in where else a for a in args], **named)
    return here


socket.socket.connect = led(socket.socket.connect, False)
selector_events.BaseSelectorEventLoop.sock_connect = led(selector_events.BaseSelectorEventLoop.sock_connect, False)
base_events.BaseEventLoop.create_connection = led(base_events.BaseEventLoop.create_connection, True)

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)

# Hydrogram alone has a name of its own.
PACKAGE = json.loads(sys.argv[2]).get("module", "pyrogram")
Client, raw = importlib.import_module(PACKAGE).Client, importlib.import_module(f"{PACKAGE}.raw")
rsa = importlib.import_module(f"{PACKAGE}.crypto.rsa")
RawUpdateHandler = importlib.import_module(f"{PACKAGE}.handlers").RawUpdateHandler
layer = importlib.import_module(f"{PACKAGE}.raw.all").layer

from peer import API_HASH, API_ID, code_for, tell  # noqa: E402
from steps import run  # noqa: E402


def client(dc):
    der = base64.b64decode("".join(line for line in dc["public_key_pem"].splitlines() if "-" not in line))
    at = der.index(b"\x02\x82\x01\x01\x00") + 5
    modulus = int.from_bytes(der[at:at + 256], "big")
    hashed = raw.core.Bytes(modulus.to_bytes(256, "big")) + raw.core.Bytes(b"\x01\x00\x01")
    rsa.server_public_keys[struct.unpack("<q", hashlib.sha1(hashed).digest()[-8:])[0]] = rsa.PublicKey(modulus, 65537)
    takes = inspect.signature(Client.__init__).parameters
    common = {"api_id": API_ID, "api_hash": API_HASH, "workers": 1, "device_model": "matrix", "app_version": "1",
              "system_version": "1"}
    if "session_string" in takes:
        return Client("matrix", session_string=dc.get("string"), in_memory=True, **common)
    return Client(dc.get("string", ":memory:"), **common)


async def start_bot(user, param):
    answer = asyncio.get_running_loop().create_future()

    async def arrived(_client, update, _users, _chats):
        message = getattr(update, "message", None)
        text = message if isinstance(message, str) else getattr(message, "message", "")
        if param in (text or "") and not getattr(message, "out", False) and not answer.done():
            answer.set_result(text)

    user.add_handler(RawUpdateHandler(arrived), group=id(answer))
    peer = await user.resolve_peer("echo_bot")
    bot = raw.types.InputUser(user_id=peer.user_id, access_hash=peer.access_hash)
    call = raw.functions.messages.StartBot(bot=bot, peer=peer, random_id=secrets.randbits(62), start_param=param)
    await invoke(user, call)
    tell(step="startBot")
    await asyncio.wait_for(answer, 15)


async def invoke(user, call):
    return await getattr(user, "invoke", getattr(user, "send", None))(call)


async def first(dc):
    user = client(dc)
    await user.connect()
    tell(step="key", layer=layer)
    sent = await user.send_code(dc["phone"])
    await user.sign_in(dc["phone"], sent.phone_code_hash, await code_for(dc, dc["user"]))
    tell(step="code")
    await user.initialize()
    assert (await user.get_me()).first_name == "Alice"
    tell(step="getMe")
    await user.resolve_peer("echo_bot")
    tell(step="resolve")
    await start_bot(user, "first_1")
    tell(step="answer")
    assert (await user.send_message("echo_bot", "good morning")).text == "good morning"
    tell(step="sendMessage")
    if hasattr(user, "get_chat_history"):
        messages = [message async for message in user.get_chat_history("echo_bot", limit=20)]
    else:
        messages = await user.get_history("echo_bot", limit=20)
    assert "good morning" in [message.text for message in messages], messages
    tell(step="history")
    dialogs = user.get_dialogs(limit=20)
    dialogs = [one async for one in dialogs] if inspect.isasyncgen(dialogs) else await dialogs
    assert "Echo" in [dialog.chat.first_name for dialog in dialogs]
    tell(step="dialogs")
    tell(cut=True)
    await asyncio.sleep(1)
    await user.get_me()
    await start_bot(user, "second_2")
    tell(step="cut")
    string = await user.export_session_string()
    await user.terminate()
    await user.disconnect()
    return {"session": string}


async def second(dc):
    user = client(dc)
    assert await user.connect()
    await user.initialize()
    assert (await user.get_me()).first_name == "Alice"
    await start_bot(user, "third_3")
    await user.terminate()
    await user.disconnect()
    return {}


run(first, second, loop.run_until_complete)
