"""Kurigram 2.2.26, the living branch of Pyrogram (layer 229, abridged): with_kurigram.py JOB JSON; see peer.py

A new auth key: `req_pq_multi`, the old `p_q_inner_data` and RSA padding as in Telethon, each try on a connection of its
own, then another connection for the session. In every session first a bare ping with salt 0 (bad_server_salt must come)
and an EVEN seqno, answered within 2 s, then invokeWithLayer(229, initConnection(help.getConfig)), within 2 s; later
ping_delay_disconnect every 5 s with an odd seqno. `Client.start()` would also call updates.getState and
users.getFullUser; `connect` and `initialize` leave both out.

An `updateShortMessage` makes it call updates.getDifference and take `new_messages` of the answer as given; messages
pushed as `updates` are read as they are. Acknowledgements are sent only when ten are due. After 303 it asks
help.getConfig on the old connection and makes a key on a new one. Server errors (500) it tries again, and ends with a
TimeoutError.
"""
import asyncio
import base64
import hashlib
import secrets
import struct
import time

import pyrogram
from pyrogram import Client, errors, raw
from pyrogram.connection import Connection
from pyrogram.crypto import rsa
from pyrogram.handlers import RawUpdateHandler
from pyrogram.raw.all import layer
from pyrogram.session import Auth, Session

from peer import API_HASH, API_ID, PARAM, RANDOM_ID, Complaints, code_for, host_port, run, tell, wrong


def trust(dc):
    """The RSA key of the DC among those Pyrogram knows, under the fingerprint it computes itself."""
    der = base64.b64decode("".join(line for line in dc["public_key_pem"].splitlines() if "-" not in line))
    at = der.index(b"\x02\x82\x01\x01\x00") + 5
    modulus = int.from_bytes(der[at : at + 256], "big")
    assert der[at + 256 :] == b"\x02\x03\x01\x00\x01", "the exponent is not 65537"
    hashed = raw.core.Bytes(modulus.to_bytes(256, "big")) + raw.core.Bytes(b"\x01\x00\x01")
    fingerprint = struct.unpack("<q", hashlib.sha1(hashed).digest()[-8:])[0]
    rsa.server_public_keys[fingerprint] = rsa.PublicKey(modulus, 65537)
    assert fingerprint % 2**64 == int(dc["fingerprint"], 16) % 2**64, "Pyrogram computes another fingerprint"


def connection_to(dc):
    """Pyrogram knows the addresses of Telegram's DCs, and its sessions keep none: lead these connections to ours."""

    class Here(Connection):
        def __init__(self, **kwargs):
            if not kwargs["server_address"].startswith("127."):
                kwargs["server_address"], kwargs["port"] = host_port(dc["addr"])
            super().__init__(**kwargs)

    return Here


def client(dc, string=None, **options):
    """A client of this DC: a stranger, or whoever the session string says."""
    trust(dc)
    return Client(
        "interop", api_id=API_ID, api_hash=API_HASH, session_string=string, in_memory=True, workers=1,
        connection_factory=connection_to(dc), device_model="interop", app_version="1", system_version="1",
        loop=asyncio.get_running_loop(), **options,
    )


def printed(dc):
    """The session that the DC printed, in Pyrogram's form: dc, api_id, test mode, key, user id, bot."""
    key = base64.urlsafe_b64decode(dc["telethon_session"][1:])[-256:]
    packed = struct.pack(">BI?256sQ?", dc["dc_id"], API_ID, False, key, 1, False)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def answers_to(user, param=PARAM):
    """Resolves when the bot answers a start with `param`."""
    answer = asyncio.get_running_loop().create_future()

    async def arrived(_client, update, _users, _chats):
        message = getattr(update, "message", None)
        text = message if isinstance(message, str) else getattr(message, "message", "")
        if param in text and not getattr(message, "out", False) and not answer.done():
            answer.set_result(text)

    user.add_handler(RawUpdateHandler(arrived), group=id(answer))  # of a group only the first is asked
    return answer


def start_bot(peer, param=PARAM, random_id=RANDOM_ID):
    bot = raw.types.InputUser(user_id=peer.user_id, access_hash=peer.access_hash)
    return raw.functions.messages.StartBot(bot=bot, peer=peer, random_id=random_id, start_param=param)


def complains():
    return Complaints("pyrogram", "Discarding packet", "Restarting session")


def quiet(complaints):
    assert not complaints.seen, f"Kurigram complains: {complaints.seen}"


async def new_key(dc):
    stranger = client(dc)
    await stranger.storage.open()
    await stranger.storage.api_id(API_ID)
    key = await Auth(stranger, dc["dc_id"], "", 0, False).create()
    session = Session(stranger, dc["dc_id"], "", 0, key, False)
    await session.start()
    try:
        await session.invoke(raw.functions.users.GetUsers(id=[raw.types.InputUserSelf()]))
        raise AssertionError("a new key is already signed in")
    except errors.AuthKeyUnregistered:
        pass
    await session.stop()
    await stranger.storage.close()


async def start(dc):
    """A new key, which nobody is signed in with; then the session that the DC printed starts a bot."""
    complaints = complains()
    await new_key(dc)
    done = await use(dc)
    quiet(complaints)
    return {"layer": layer, **done}


async def use(dc):
    """The session `string` starts the bot, or `bot`, id and hash, if it is known."""
    complaints = complains()
    user = client(dc, dc.get("string", printed(dc)))
    answer = answers_to(user)
    assert await user.connect(), "the session string was not taken"
    await user.initialize()
    if "bot" in dc:
        peer = raw.types.InputPeerUser(user_id=int(dc["bot"][0]), access_hash=int(dc["bot"][1]))
    else:
        peer = await user.resolve_peer("echo_bot")
    updates = await user.invoke(start_bot(peer, random_id=secrets.randbits(62)))
    text = await asyncio.wait_for(answer, 15)
    string = await user.export_session_string()
    await user.terminate()
    await user.disconnect()
    quiet(complaints)
    return {"updates": type(updates).__name__, "reply": text, "session": string,
            "bot": [str(peer.user_id), str(peer.access_hash)]}


async def login(dc):
    """By `phone` and code, a wrong one first; then, if there is a `password`, by a wrong one and the right one."""
    complaints, refused = complains(), []
    user = client(dc)
    assert not await user.connect(), "a stranger is already signed in"
    sent = await user.send_code(dc["phone"])
    code = await code_for(dc, dc["user"])
    try:
        await user.sign_in(dc["phone"], sent.phone_code_hash, wrong(code))
    except errors.PhoneCodeInvalid as error:
        refused.append(type(error).__name__)
    try:
        me = await user.sign_in(dc["phone"], sent.phone_code_hash, code)
    except errors.SessionPasswordNeeded as error:
        refused.append(type(error).__name__)
        try:
            await user.check_password("no such password")
        except errors.PasswordHashInvalid as error:
            refused.append(type(error).__name__)
        me = await user.check_password(dc["password"])
    string, home = await user.export_session_string(), await user.storage.dc_id()
    await user.disconnect()
    assert me.id == dc["user"], f"signed in as {me.id}"
    quiet(complaints)
    return {"refused": refused, "dc_id": home, "session": string}


async def from_nothing(dc):
    """A new key, the code of `phone`, the bot."""
    user = client(dc)
    answer = answers_to(user)
    await user.connect()
    sent = await user.send_code(dc["phone"])
    await user.sign_in(dc["phone"], sent.phone_code_hash, await code_for(dc, dc["user"]))
    await user.initialize()
    updates = await user.invoke(start_bot(await user.resolve_peer("echo_bot")))
    text = await asyncio.wait_for(answer, 15)
    key = await user.storage.auth_key()
    await user.terminate()
    await user.disconnect()
    return {"updates": type(updates).__name__, "reply": text, "keys": [key.hex()]}


async def refused(dc):
    """What `calls` come to: [bot, peer, param, random_id] each. A name with a ! is that with a wrong access hash."""
    user = client(dc, printed(dc))
    await user.connect()
    seen = []
    for bot, peer, param, random_id in dc["calls"]:
        bot, wanted = await user.resolve_peer(bot), await user.resolve_peer(peer.strip("!"))
        call = start_bot(bot, param, random_id)
        call.peer = wanted
        if peer.endswith("!"):
            wanted.access_hash ^= 1
        try:
            await user.invoke(call, retries=1)
            seen.append("done")
        except errors.RPCError as error:
            seen.append(f"{error.CODE} {type(error).__name__}")
        except TimeoutError as error:  # all it says of an error of the server (500), after the last try
            seen.append(f"500 {type(error).__name__}")
    await user.disconnect()
    return {"refused": seen}


async def flooded(dc):
    """A wait that the DC asks for is an error with its seconds; or, the same again, waited out."""
    user = client(dc, printed(dc))
    await user.connect()
    bot, error = await user.resolve_peer("echo_bot"), None
    try:
        await user.invoke(start_bot(bot), sleep_threshold=0)
    except errors.FloodWait as flood:
        error = flood
    assert error, "no FloodWait"
    began = time.monotonic()
    updates = await user.invoke(start_bot(bot), sleep_threshold=60)
    waited = time.monotonic() - began
    await user.disconnect()
    return {"refused": type(error).__name__, "seconds": error.value, "waited": waited, "updates": type(updates).__name__}


async def twice(user, signs_in=None):
    """Starts a bot, loses the connection when the driver is told, and starts it again."""
    first, second = answers_to(user, "first"), answers_to(user, "second")
    await user.connect()
    if signs_in:
        await signs_in()
    await user.initialize()
    peer = await user.resolve_peer("echo_bot")
    await user.invoke(start_bot(peer, "first", 1))
    await asyncio.wait_for(first, 15)
    tell(cut=True)
    await asyncio.sleep(0.5)
    updates = await user.invoke(start_bot(peer, "second", 2))
    text = await asyncio.wait_for(second, 15)
    await user.terminate()
    await user.disconnect()
    return {"updates": type(updates).__name__, "reply": text}


async def again(dc):
    """The bot twice, with the session that the DC printed."""
    return await twice(client(dc, printed(dc)))


async def whole(dc):
    """A new key, the code of `phone`, a parameter that is too long, and the bot twice."""
    user, refused = client(dc), []

    async def sign_in():
        sent = await user.send_code(dc["phone"])
        await user.sign_in(dc["phone"], sent.phone_code_hash, await code_for(dc, dc["user"]))
        try:
            await user.invoke(start_bot(await user.resolve_peer("echo_bot"), "x" * 600))
        except errors.StartParamTooLong as error:
            refused.append(type(error).__name__)

    return {**await twice(user, sign_in), "refused": refused}


JOBS = (start, use, login, from_nothing, refused, flooded, again, whole)
run(f"Kurigram {pyrogram.__version__}", {job.__name__: job for job in JOBS})
