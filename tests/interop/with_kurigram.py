"""Kurigram 2.2.26, the living branch of Pyrogram (layer 229, abridged): with_kurigram.py JSON_OF_DC

1. A new auth key: `req_pq_multi`, the old `p_q_inner_data` and RSA padding as in Telethon, each try on a connection of
   its own, then another connection for the session.
2. In every session first a bare ping with salt 0 (bad_server_salt must come) and an EVEN seqno, answered within 2 s,
   then invokeWithLayer(229, initConnection(help.getConfig)), within 2 s; later ping_delay_disconnect every 5 s with an
   odd seqno. A user then calls contacts.resolveUsername and messages.startBot. `Client.start()` would also call
   updates.getState and users.getFullUser; `connect` and `initialize` leave both out.

An `updateShortMessage` makes it call updates.getDifference and take `new_messages` of the answer as given; messages
pushed as `updates` are read as they are. Acknowledgements are sent only when ten are due.
"""
import asyncio
import base64
import hashlib
import json
import logging
import struct
import sys

import pyrogram
from pyrogram import Client, raw
from pyrogram.connection import Connection
from pyrogram.crypto import rsa
from pyrogram.handlers import RawUpdateHandler
from pyrogram.raw.all import layer
from pyrogram.session import Auth, Session

PARAM = "hello_42"


class Complaints(logging.Handler):
    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        text = record.getMessage()
        if record.levelno >= logging.WARNING or "Discarding packet" in text or "Restarting session" in text:
            self.seen.append(text)


def trust(pem):
    """The RSA key of the DC among those Pyrogram knows, under the fingerprint it computes itself."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if "-" not in line))
    at = der.index(b"\x02\x82\x01\x01\x00") + 5
    modulus = int.from_bytes(der[at : at + 256], "big")
    assert der[at + 256 :] == b"\x02\x03\x01\x00\x01", "the exponent is not 65537"
    hashed = raw.core.Bytes(modulus.to_bytes(256, "big")) + raw.core.Bytes(b"\x01\x00\x01")
    fingerprint = struct.unpack("<q", hashlib.sha1(hashed).digest()[-8:])[0]
    rsa.server_public_keys[fingerprint] = rsa.PublicKey(modulus, 65537)
    return fingerprint % 2**64


def connection_to(addr):
    """Pyrogram's sessions keep no address, only the number of a DC: lead every connection to ours."""
    host, port = addr.rsplit(":", 1)

    class Here(Connection):
        def __init__(self, **kwargs):
            super().__init__(**{**kwargs, "server_address": host, "port": int(port)})

    return Here


def client(dc, session_string=None):
    return Client(
        "interop", api_id=1, api_hash="0" * 32, session_string=session_string, in_memory=True, workers=1,
        connection_factory=connection_to(dc["addr"]), device_model="interop", app_version="1", system_version="1",
        loop=asyncio.get_running_loop(),
    )


async def new_key(dc):
    stranger = client(dc)
    await stranger.storage.open()
    await stranger.storage.api_id(1)
    key = await Auth(stranger, dc["dc_id"], "", 0, False).create()
    session = Session(stranger, dc["dc_id"], "", 0, key, False)
    await session.start()
    try:
        await session.invoke(raw.functions.users.GetUsers(id=[raw.types.InputUserSelf()]))
        raise AssertionError("a new key is already signed in")
    except pyrogram.errors.AuthKeyUnregistered:
        pass
    await session.stop()
    await stranger.storage.close()


async def start_bot(dc):
    # The same auth key in Pyrogram's form: dc, api_id, test mode, key, user id, bot.
    key = base64.urlsafe_b64decode(dc["telethon_session"][1:])[-256:]
    packed = struct.pack(">BI?256sQ?", dc["dc_id"], 1, False, key, 1, False)
    user = client(dc, base64.urlsafe_b64encode(packed).decode().rstrip("="))
    answer = asyncio.get_running_loop().create_future()

    async def arrived(_client, update, _users, _chats):
        message = getattr(update, "message", None)
        text = message if isinstance(message, str) else getattr(message, "message", "")
        if PARAM in text and not getattr(message, "out", False) and not answer.done():
            answer.set_result(text)

    user.add_handler(RawUpdateHandler(arrived))
    assert await user.connect(), "the session string was not taken"
    await user.initialize()
    peer = await user.resolve_peer("echo_bot")
    bot = raw.types.InputUser(user_id=peer.user_id, access_hash=peer.access_hash)
    start = raw.functions.messages.StartBot(bot=bot, peer=peer, random_id=-4156887774564, start_param=PARAM)
    updates = await user.invoke(start)
    text = await asyncio.wait_for(answer, 15)
    await user.terminate()
    await user.disconnect()
    return type(updates).__name__, text


async def main(dc):
    complaints = Complaints()
    logging.getLogger("pyrogram").setLevel(logging.INFO)
    logging.getLogger("pyrogram").addHandler(complaints)
    assert trust(dc["public_key_pem"]) == int(dc["fingerprint"], 16) % 2**64, "Pyrogram computes another fingerprint"
    await asyncio.wait_for(new_key(dc), 30)
    updates, reply = await asyncio.wait_for(start_bot(dc), 30)
    assert not complaints.seen, f"Kurigram complains: {complaints.seen}"
    print(json.dumps({"client": f"Kurigram {pyrogram.__version__}", "layer": layer, "updates": updates, "reply": reply}))


asyncio.run(main(json.loads(sys.argv[1])))
