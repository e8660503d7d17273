/* Any version of GramJS (telegram) and of its fork teleproto: see matrix.py */
"use strict";
const { createHash, createPublicKey, randomInt } = require("node:crypto");
const { API_HASH, API_ID, assert, codeFor, dc, hostPort, sleep, tell, within } = require("./peer.cjs");

const from = (path) => require(dc.module + path);
const { Api, TelegramClient } = from("");
const { Raw } = from("/events");
const { StringSession } = from("/sessions");
const { Logger } = from("/extensions/Logger");
const { ConnectionTCPObfuscated } = from("/network/connection");
const { _serverKeys } = from("/crypto/RSA");
const bigInt = require("big-integer");

class Here extends ConnectionTCPObfuscated {
    constructor(...params) {
        const [ip, port] = hostPort(dc.addr);
        if (typeof params[0] === "object") super({ ...params[0], ip, port });
        else super(ip, port, ...params.slice(2)); // before 2.15
    }
}

const jwk = createPublicKey({ key: dc.public_key_pem, format: "pem" }).export({ format: "jwk" });
const n = Buffer.from(jwk.n, "base64url");
const head = Buffer.from([254, n.length & 255, n.length >> 8, 0]);
const digest = createHash("sha1").update(Buffer.concat([head, n, Buffer.from([3, 1, 0, 1])])).digest();
const big = (hex) => typeof [..._serverKeys.values()][0].n === "bigint" ? BigInt("0x" + hex) : bigInt(hex, 16);
_serverKeys.set(digest.subarray(-8).readBigInt64LE().toString(), { n: big(n.toString("hex")), e: 65537 });

async function client() {
    const session = new StringSession(dc.string ?? "");
    await session.load();
    session.setDC(dc.dc_id, hostPort(dc.addr)[0], 80);
    const baseLogger = new Logger("error");
    const made = new TelegramClient(session, API_ID, API_HASH, {
        connection: Here, connectionRetries: 5, requestRetries: 3, retryDelay: 300, autoReconnect: true, timeout: 10, baseLogger,
        deviceModel: "matrix", systemVersion: "1", appVersion: "1",
    });
    return made;
}

async function startBot(user, param) {
    const answer = new Promise((resolve) => user.addEventHandler((update) => {
        const message = update.message;
        const text = typeof message === "string" ? message : message?.message;
        const out = typeof message === "string" ? update.out : message?.out;
        if (typeof text === "string" && text.includes(param) && !out) resolve(text);
    }, new Raw({})));
    const bot = await user.getInputEntity("echo_bot");
    await user.invoke(new Api.messages.StartBot({ bot, peer: bot, randomId: bigInt(randomInt(2 ** 47)), startParam: param }));
    tell({ step: "startBot" });
    await within(15, answer, "the answer of the bot");
}

async function first() {
    const user = await client();
    await user.connect();
    tell({ step: "key", layer: from("/tl/AllTLObjects").LAYER });
    await user.start({ phoneNumber: dc.phone, phoneCode: () => codeFor(dc.user), onError: (error) => { throw error; } });
    tell({ step: "code" });
    assert((await user.getMe()).firstName === "Alice", "getMe");
    tell({ step: "getMe" });
    assert((await user.getEntity("echo_bot")).firstName === "Echo", "resolve");
    tell({ step: "resolve" });
    await startBot(user, "first_1");
    tell({ step: "answer" });
    assert((await user.sendMessage("echo_bot", { message: "good morning" })).message === "good morning", "sendMessage");
    tell({ step: "sendMessage" });
    const texts = (await user.getMessages("echo_bot", { limit: 20 })).map((message) => message.message);
    assert(texts.includes("good morning"), `history: ${texts}`);
    tell({ step: "history" });
    const names = (await user.getDialogs({ limit: 20 })).map((dialog) => dialog.name ?? dialog.title);
    assert(names.includes("Echo"), `dialogs: ${names}`);
    tell({ step: "dialogs" });
    tell({ cut: true });
    await sleep(dc.pause ?? 1000);
    await startBot(user, "second_2");
    tell({ step: "cut" });
    return { session: user.session.save() };
}

async function second() {
    const user = await client();
    await user.connect();
    assert(await user.checkAuthorization(), "signed in");
    assert((await user.getMe()).firstName === "Alice", "getMe");
    await startBot(user, "third_3");
    return {};
}

const limit = setTimeout(() => { console.error("not done after 75 s"); process.exit(1); }, 75_000);
({ first, second })[process.argv[2]]().then(
    (done) => { clearTimeout(limit); console.log(JSON.stringify({ done })); process.exit(0); },
    (error) => { console.error(error); process.exit(1); });
