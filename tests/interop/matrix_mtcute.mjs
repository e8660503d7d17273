/* Any version of mtcute: see matrix.py */
import { randomInt } from "node:crypto";
import { MemoryStorage, tl } from "@mtcute/core";
import { addPublicKey } from "@mtcute/core/utils.js";
import { TelegramClient } from "@mtcute/node";
import { NodeCryptoProvider } from "@mtcute/node/utils.js";
import Long from "long";
import peer from "./peer.cjs";

const { API_HASH, API_ID, assert, codeFor, dc, hostPort, sleep, tell, within } = peer;
const [ipAddress, port] = hostPort(dc.addr);
const here = { id: dc.dc_id, ipAddress, port };
const dcs = { main: here, media: here };

async function client() {
    const made = new TelegramClient({
        apiId: API_ID, apiHash: API_HASH, storage: new MemoryStorage(), defaultDcs: dcs,
        initConnectionOptions: { deviceModel: "matrix", systemVersion: "1", appVersion: "1" },
    });
    made.log.mgr.level = 1;
    const crypto = new NodeCryptoProvider();
    await crypto.initialize?.();
    addPublicKey(crypto, dc.public_key_pem);
    return made;
}

async function startBot(user, param) {
    const answer = new Promise((resolve) => user.onNewMessage.add((message) => {
        if (!message.isOutgoing && message.text.includes(param)) resolve(message.text);
    }));
    const { userId, accessHash } = await user.resolvePeer("echo_bot");
    const [bot, to] = ["inputUser", "inputPeerUser"].map((_) => ({ _, userId, accessHash }));
    const randomId = Long.fromNumber(randomInt(2 ** 47));
    user.handleClientUpdate(await user.call({ _: "messages.startBot", bot, peer: to, randomId, startParam: param }), true);
    tell({ step: "startBot" });
    await within(15, answer, "the answer of the bot");
}

async function first() {
    const user = await client();
    await user.connect();
    await user.call({ _: "help.getConfig" });
    tell({ step: "key", layer: tl.LAYER });
    await user.start({ phone: dc.phone, code: () => codeFor(dc.user), codeSentCallback: () => {} });
    while (!user._client.updates.updatesLoopActive) await sleep(10);
    tell({ step: "code" });
    assert((await user.getMe()).firstName === "Alice", "getMe");
    tell({ step: "getMe" });
    assert((await user.getUser("echo_bot")).firstName === "Echo", "resolve");
    tell({ step: "resolve" });
    await startBot(user, "first_1");
    tell({ step: "answer" });
    assert((await user.sendText("echo_bot", "good morning")).text === "good morning", "sendMessage");
    tell({ step: "sendMessage" });
    const texts = (await user.getHistory("echo_bot", { limit: 20 })).map((message) => message.text);
    assert(texts.includes("good morning"), `history: ${texts}`);
    tell({ step: "history" });
    const names = [];
    for await (const dialog of user.iterDialogs({ limit: 20 })) names.push((dialog.peer ?? dialog.chat).displayName);
    assert(names.includes("Echo"), `dialogs: ${names}`);
    tell({ step: "dialogs" });
    tell({ cut: true });
    await sleep(1000);
    await user.getMe();
    await startBot(user, "second_2");
    tell({ step: "cut" });
    return { session: await user.exportSession() };
}

async function second() {
    const user = await client();
    await user.importSession(dc.string);
    await user.connect();
    const me = await user.getMe();
    assert(me.firstName === "Alice", "getMe");
    await user.startUpdatesLoop?.();
    while (!user._client.updates.updatesLoopActive) await sleep(10);
    await startBot(user, "third_3");
    return {};
}

const limit = setTimeout(() => { console.error("not done after 75 s"); process.exit(1); }, 75_000);
({ first, second })[process.argv[2]]().then(
    (done) => { clearTimeout(limit); console.log(JSON.stringify({ done })); process.exit(0); },
    (error) => { console.error(error); process.exit(1); });
