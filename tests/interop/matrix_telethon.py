"""Any version of Telethon, from a new key to a second program with the saved session: see matrix.py"""
import asyncio
import secrets

from telethon import TelegramClient, events
from telethon.crypto import rsa
from telethon.network import connection
from telethon.sessions import StringSession
from telethon.tl.alltlobjects import LAYER
from telethon.tl.functions.messages import StartBotRequest

from peer import API_HASH, API_ID, code_for, host_port, tell
from steps import run


def client(dc):
    rsa.add_key(dc["public_key_pem"], old=False)
    session = StringSession(dc.get("string"))
    session.set_dc(dc["dc_id"], *host_port(dc["addr"]))
    return TelegramClient(session, API_ID, API_HASH, connection=connection.ConnectionTcpFull, timeout=10,
                          connection_retries=5, request_retries=2, device_model="matrix", system_version="1", app_version="1")


async def start_bot(user, param):
    answer = asyncio.get_running_loop().create_future()

    @user.on(events.NewMessage(incoming=True))
    async def arrived(event):
        if param in event.raw_text and not answer.done():
            answer.set_result(event.raw_text)

    bot = await user.get_input_entity("echo_bot")
    await user(StartBotRequest(bot=bot, peer=bot, start_param=param, random_id=secrets.randbits(62)))
    tell(step="startBot")
    await asyncio.wait_for(answer, 15)
    user.remove_event_handler(arrived)


async def first(dc):
    user = client(dc)
    await user.connect()
    tell(step="key", layer=LAYER)
    await user.send_code_request(dc["phone"])
    await user.sign_in(dc["phone"], await code_for(dc, dc["user"]))
    tell(step="code")
    assert (await user.get_me()).first_name == "Alice"
    tell(step="getMe")
    assert (await user.get_entity("echo_bot")).first_name == "Echo"
    tell(step="resolve")
    await start_bot(user, "first_1")
    tell(step="answer")
    sent = await user.send_message("echo_bot", "good morning")
    assert sent.raw_text == "good morning"
    tell(step="sendMessage")
    texts = [message.raw_text async for message in user.iter_messages("echo_bot", limit=20)]
    assert "good morning" in texts and any("first_1" in text for text in texts), texts
    tell(step="history")
    assert "Echo" in [dialog.name for dialog in await user.get_dialogs(limit=20)]
    tell(step="dialogs")
    tell(cut=True)
    await asyncio.sleep(1)
    await user.get_me()
    await start_bot(user, "second_2")
    tell(step="cut")
    string = user.session.save()
    await user.disconnect()
    return {"session": string}


async def second(dc):
    user = client(dc)
    await user.connect()
    assert await user.is_user_authorized()
    assert (await user.get_me()).first_name == "Alice"
    await start_bot(user, "third_3")
    await user.disconnect()
    return {}


run(first, second)
