"""Telethon 1.45.0 (layer 229): with_telethon.py JOB JSON, jobs at the end; see peer.py

Without a session: a new auth key. Telethon still speaks the old form of the exchange: `req_pq_multi`,
`p_q_inner_data` without a dc, RSA over sha1 + data + random bytes to 255. Then salt 0, so bad_server_salt must come,
and invokeWithLayer(229, initConnection(help.getConfig)). With a session: these two as well, then updates.getDifference
from its update loop. `is_user_authorized` adds updates.getState, which must tell a stranger 401 AUTH_KEY_UNREGISTERED.
Pings are ping once a minute.

Framing: the default is full; every other one sends its own mark first. Each message is acknowledged with msgs_ack, in
a container when there is more to send; a call over 512 bytes is gzipped if that saves.

Signing in, it follows 303 to the address and port that help.getConfig gave, with a new key. Server errors (500) and
waits up to `flood_sleep_threshold` it tries again itself, after 2 s and after the wait.
"""
import asyncio
import base64
import logging
import secrets
import time

import telethon
from telethon import TelegramClient, errors, events
from telethon.crypto import rsa
from telethon.network import connection
from telethon.sessions import StringSession
from telethon.tl.alltlobjects import LAYER
from telethon.tl.functions.auth import AcceptLoginTokenRequest
from telethon.tl.functions.messages import StartBotRequest
from telethon.tl.types import InputPeerUser

from peer import API_HASH, API_ID, LONG_TEXT, PARAM, RANDOM_ID, Complaints, code_for, host_port, run, tell, wrong

TRANSPORTS = {
    "full": connection.ConnectionTcpFull,
    "abridged": connection.ConnectionTcpAbridged,
    "intermediate": connection.ConnectionTcpIntermediate,
    "obfuscated": connection.ConnectionTcpObfuscated,
}
LASTING = {"auto_reconnect": True, "connection_retries": 5, "request_retries": 3}


def client(dc, string=None, **options):
    """A client of this DC: a stranger, or whoever the session string says, wherever that leads to."""
    if dc["public_key_pem"]:
        rsa.add_key(dc["public_key_pem"], old=False)
    session = StringSession(string)
    session.set_dc(session.dc_id or dc["dc_id"], *host_port(dc["addr"]))
    options = {"request_retries": 1, "connection_retries": 0, "auto_reconnect": False, **options}
    return TelegramClient(
        session, API_ID, API_HASH, connection=TRANSPORTS[dc.get("framing", "full")], timeout=10,
        raise_last_call_error=True, device_model="interop", system_version="1", app_version="1", **options,
    )


def answers_to(user, param=PARAM):
    """Resolves when the bot answers a start with `param`."""
    answer = asyncio.get_running_loop().create_future()

    @user.on(events.NewMessage(incoming=True))
    async def arrived(event):
        if param in event.raw_text and not answer.done():
            answer.set_result(event.raw_text)

    return answer


def start_bot(bot, param=PARAM, random_id=RANDOM_ID):
    return StartBotRequest(bot=bot, peer=bot, start_param=param, random_id=random_id)


def quiet(complaints):
    assert not complaints.seen, f"Telethon complains: {complaints.seen}"


async def start(dc):
    """A new key, which nobody is signed in with; then the session that the DC printed starts a bot."""
    complaints = Complaints("telethon", "not found, remaining", "without parent request")
    stranger = client(dc)
    assert int(dc["fingerprint"], 16) % 2**64 in {f % 2**64 for f in rsa._server_keys}, (
        "Telethon computes another fingerprint for this key")
    await stranger.connect()
    assert len(stranger.session.auth_key.key) == 256, "no auth key"
    assert not await stranger.is_user_authorized(), "a new key is already signed in"
    await stranger.disconnect()

    printed = StringSession(dc["telethon_session"])
    assert (printed.server_address, printed.port) == host_port(dc["addr"]), "telethon_session leads elsewhere"
    user = client(dc, dc["telethon_session"])
    answer = answers_to(user)
    await user.connect()
    assert await user.is_user_authorized(), "the session is not signed in"
    updates = await user(start_bot(await user.get_input_entity("echo_bot")))
    text = await asyncio.wait_for(answer, 15)
    await user.disconnect()
    quiet(complaints)
    return {"layer": LAYER, "updates": type(updates).__name__, "reply": text}


async def use(dc):
    """The session `string` starts the bot, as a user would write it; or `bot`, id and hash, if it is known."""
    complaints = Complaints("telethon", "not found, remaining")
    user = client(dc, dc.get("string", dc["telethon_session"]))
    answer = answers_to(user)
    await user.connect()
    bot = InputPeerUser(*map(int, dc["bot"])) if "bot" in dc else "echo_bot"
    updates = await user(start_bot(bot, random_id=secrets.randbits(62)))
    text = await asyncio.wait_for(answer, 15)
    known = await user.get_input_entity(bot)
    string = user.session.save()
    await user.disconnect()
    quiet(complaints)
    return {"updates": type(updates).__name__, "reply": text, "session": string,
            "bot": [str(known.user_id), str(known.access_hash)]}


async def login(dc):
    """By `phone` and code, a wrong one first; then, if there is a `password`, by a wrong one and the right one."""
    complaints = Complaints("telethon", "not found, remaining")
    user, refused = client(dc), []
    await user.connect()
    await user.send_code_request(dc["phone"])
    code = await code_for(dc, dc["user"])
    try:
        await user.sign_in(dc["phone"], wrong(code))
    except errors.PhoneCodeInvalidError as error:
        refused.append(type(error).__name__)
    try:
        await user.sign_in(dc["phone"], code)
    except errors.SessionPasswordNeededError as error:
        refused.append(type(error).__name__)
        try:
            await user.sign_in(password="no such password")
        except errors.PasswordHashInvalidError as error:
            refused.append(type(error).__name__)
        await user.sign_in(password=dc["password"])
    me, string, home = await user.get_me(), user.session.save(), user.session.dc_id
    await user.disconnect()
    assert me.id == dc["user"], f"signed in as {me.id}"
    quiet(complaints)
    return {"refused": refused, "dc_id": home, "session": string}


async def from_nothing(dc):
    """A new key, the code of `phone`, the bot."""
    user = client(dc)
    answer = answers_to(user)
    await user.connect()
    await user.send_code_request(dc["phone"])
    await user.sign_in(dc["phone"], await code_for(dc, dc["user"]))
    updates = await user(start_bot("echo_bot"))
    text = await asyncio.wait_for(answer, 15)
    await user.disconnect()
    return {"updates": type(updates).__name__, "reply": text, "keys": [user.session.auth_key.key.hex()]}


async def qr(dc):
    """By a QR code, which another client, signed in with the session that the DC printed, accepts."""
    complaints = Complaints("telethon", "not found, remaining")
    phone, screen = client(dc, dc["telethon_session"]), client(dc)
    await phone.connect()
    await screen.connect()
    shown = await screen.qr_login()
    waiting = asyncio.ensure_future(shown.wait(20))
    await asyncio.sleep(0.1)  # `wait` must be at work before the code is accepted
    await phone(AcceptLoginTokenRequest(shown.token))
    me = await waiting
    assert me.is_self and me.id == (await phone.get_me()).id, f"signed in as {me.id}"
    string = screen.session.save()
    await screen.disconnect()
    await phone.disconnect()
    quiet(complaints)
    return {"refused": [], "dc_id": dc["dc_id"], "session": string}


async def accept(dc):
    """Accepts the QR code of another program, its link being `link`: what it is told that program is."""
    user = client(dc, dc["telethon_session"])
    await user.connect()
    token = dc["link"].removeprefix("tg://login?token=")
    let_in = await user(AcceptLoginTokenRequest(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))))
    await user.disconnect()
    return {"app": f"{let_in.device_model}, {let_in.app_version}"}


async def refused(dc):
    """What `calls` come to: [bot, peer, param, random_id] each. A name with a ! is that with a wrong access hash."""
    user = client(dc, dc["telethon_session"], request_retries=0)
    await user.connect()
    seen = []
    for bot, peer, param, random_id in dc["calls"]:
        bot, wanted = await user.get_input_entity(bot), await user.get_input_entity(peer.strip("!"))
        if peer.endswith("!"):
            wanted.access_hash ^= 1
        try:
            await user(StartBotRequest(bot=bot, peer=wanted, start_param=param, random_id=random_id))
            seen.append("done")
        except errors.RPCError as error:
            seen.append(f"{error.code} {type(error).__name__}")
    await user.disconnect()
    return {"refused": seen}


async def flooded(dc):
    """A wait that the DC asks for is an error with its seconds; or, the same again, waited out."""
    user = client(dc, dc["telethon_session"], flood_sleep_threshold=0)
    await user.connect()
    bot, error = await user.get_input_entity("echo_bot"), None
    try:
        await user(start_bot(bot))
    except errors.FloodWaitError as flood:
        error = flood
    assert error, "no FloodWaitError"
    began, user.flood_sleep_threshold = time.monotonic(), 60
    updates = await user(start_bot(bot))
    waited = time.monotonic() - began
    await user.disconnect()
    return {"refused": type(error).__name__, "seconds": error.seconds, "waited": waited,
            "updates": type(updates).__name__}


async def twice(user, signs_in=None):
    """Starts a bot, loses the connection when the driver is told, and starts it again."""
    first, second = answers_to(user, "first"), answers_to(user, "second")
    await user.connect()
    if signs_in:
        await signs_in()
    await user(start_bot("echo_bot", "first", 1))
    await asyncio.wait_for(first, 15)
    tell(cut=True)
    await asyncio.sleep(0.5)
    updates = await user(start_bot("echo_bot", "second", 2))
    text = await asyncio.wait_for(second, 15)
    await user.disconnect()
    return {"updates": type(updates).__name__, "reply": text}


async def again(dc):
    """The bot twice, with the session that the DC printed."""
    return await twice(client(dc, dc["telethon_session"], **LASTING))


async def whole(dc):
    """A new key, the code of `phone`, a parameter that is too long, a long text, and the bot twice."""
    user, refused = client(dc, **LASTING), []

    async def sign_in():
        await user.send_code_request(dc["phone"])
        await user.sign_in(dc["phone"], await code_for(dc, dc["user"]))
        try:
            await user(start_bot("echo_bot", "x" * 600))
        except errors.StartParamTooLongError as error:
            refused.append(type(error).__name__)
        await user.send_message("echo_bot", LONG_TEXT)

    return {**await twice(user, sign_in), "refused": refused}


async def start_a_bot(user, dc):
    """Finds the bot, starts it, has its answer."""
    answer = answers_to(user)
    await user.connect()
    await user(start_bot(await user.get_input_entity("echo_bot")))
    await answer


async def sign_in(user, dc):
    """A new key, the code of `phone`, and the `password` if there is one."""
    await user.connect()
    await user.send_code_request(dc["phone"])
    try:
        await user.sign_in(dc["phone"], await code_for(dc, dc["user"]))
    except errors.SessionPasswordNeededError:
        await user.sign_in(password=dc["password"])
    await user.get_me()


async def show_qr(user, dc):
    """A new key, and a QR code to be shown."""
    await user.connect()
    await user.qr_login()


class Telling(logging.Handler):
    """Tells what the library warns of, as it happens."""

    def emit(self, record):
        error = record.exc_info and record.exc_info[1]
        tell(said=record.getMessage()[:300] + (f" {error!r}"[:300] if error else ""))


async def hurt(dc):
    """A job at a DC with a fault, with the settings that Telethon has by itself, but for 0.3 s before it tries again."""
    logging.getLogger("telethon").addHandler(Telling(logging.WARNING))
    what = {"start": start_a_bot, "login": sign_in, "qr": show_qr}[dc["what"]]
    user = client(dc, dc["telethon_session"] if dc["what"] == "start" else None,
                  auto_reconnect=True, connection_retries=5, request_retries=5, retry_delay=0.3)
    try:
        await what(user, dc)
    except Exception as error:
        return {"ended": "error", "error": type(error).__name__, "says": str(error)[:300]}
    await user.disconnect()
    return {"ended": "done"}


JOBS = (start, use, login, from_nothing, qr, accept, refused, flooded, again, whole, hurt)
run(f"Telethon {telethon.__version__}", {job.__name__: job for job in JOBS})
