"""Telethon 1.45.0 (layer 229): with_telethon.py JSON_OF_DC [full|abridged|intermediate|obfuscated]

1. Without a session: a new auth key. Telethon still speaks the old form of the exchange: `req_pq_multi`,
   `p_q_inner_data` without a dc, RSA over sha1 + data + random bytes to 255. Then salt 0, so bad_server_salt must come,
   invokeWithLayer(229, initConnection(help.getConfig)), users.getUsers([inputUserSelf]) and, from is_user_authorized,
   updates.getState; to both of these a stranger must be told 401 AUTH_KEY_UNREGISTERED.
2. With the session of the DC: the same three calls, then updates.getDifference (from its update loop),
   contacts.resolveUsername, messages.startBot. Pings are ping once a minute.

Framing: the default is full; every other one sends its own mark first. Each message is acknowledged with msgs_ack, in
a container when there is more to send; a call over 512 bytes is gzipped if that saves.
"""
import asyncio
import json
import logging
import sys

import telethon
from telethon import TelegramClient, events
from telethon.crypto import rsa
from telethon.network import connection
from telethon.sessions import StringSession
from telethon.tl.alltlobjects import LAYER
from telethon.tl.functions.messages import StartBotRequest

TRANSPORTS = {
    "full": connection.ConnectionTcpFull,
    "abridged": connection.ConnectionTcpAbridged,
    "intermediate": connection.ConnectionTcpIntermediate,
    "obfuscated": connection.ConnectionTcpObfuscated,
}
PARAM = "hello_42"


class Complaints(logging.Handler):
    """What Telethon only logs: messages it refuses, types it does not know, answers nobody asked for."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        text = record.getMessage()
        if record.levelno >= logging.WARNING or "not found, remaining" in text or "without parent request" in text:
            self.seen.append(text)


def client(session, transport):
    return TelegramClient(
        session, 1, "0" * 32, connection=TRANSPORTS[transport], timeout=10, request_retries=1, connection_retries=0,
        auto_reconnect=False, raise_last_call_error=True, device_model="interop", system_version="1", app_version="1",
    )


async def new_key(dc, transport):
    host, port = dc["addr"].rsplit(":", 1)
    session = StringSession()
    session.set_dc(dc["dc_id"], host, int(port))
    stranger = client(session, transport)
    await stranger.connect()
    assert session.auth_key and len(session.auth_key.key) == 256, "no auth key"
    assert not await stranger.is_user_authorized(), "a new key is already signed in"
    await stranger.disconnect()


async def start_bot(dc, transport):
    session = StringSession(dc["telethon_session"])
    assert f"{session.server_address}:{session.port}" == dc["addr"], "telethon_session leads elsewhere"
    user = client(session, transport)
    answer = asyncio.get_running_loop().create_future()

    @user.on(events.NewMessage(incoming=True))
    async def arrived(event):
        if PARAM in event.raw_text and not answer.done():
            answer.set_result(event.raw_text)

    await user.connect()
    assert await user.is_user_authorized(), "the session is not signed in"
    bot = await user.get_input_entity("echo_bot")
    updates = await user(StartBotRequest(bot=bot, peer=bot, start_param=PARAM, random_id=-4156887774564))
    text = await asyncio.wait_for(answer, 15)
    await user.disconnect()
    return type(updates).__name__, text


async def main(dc, transport):
    complaints = Complaints()
    logging.getLogger("telethon").setLevel(logging.INFO)
    logging.getLogger("telethon").addHandler(complaints)
    rsa.add_key(dc["public_key_pem"], old=False)
    assert int(dc["fingerprint"], 16) % 2**64 in {f % 2**64 for f in rsa._server_keys}, (
        "Telethon computes another fingerprint for this key")
    await asyncio.wait_for(new_key(dc, transport), 30)
    updates, reply = await asyncio.wait_for(start_bot(dc, transport), 30)
    assert not complaints.seen, f"Telethon complains: {complaints.seen}"
    print(json.dumps({"client": f"Telethon {telethon.__version__}", "layer": LAYER, "updates": updates, "reply": reply}))


asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "full"))
