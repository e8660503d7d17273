/*
GramJS 2.26.22 (layer 198): node with_gramjs.cjs JOB JSON, jobs at the end; see peer.py

Without a session: `req_pq_multi`, `p_q_inner_data` without a dc, but in the new RSA_PAD; then, salt 0 at first,
invokeWithLayer(198, initConnection(help.getConfig)). `checkAuthorization` adds updates.getState, where a stranger must
be told 401. With a session: the same; users.getUsers([inputUserSelf]) when the first update arrives. Pings are
ping_delay_disconnect, every 9 s.

It speaks layer 198: `user`, `message` and `config` of that layer are what it can read (the DC learns the layer from
invokeWithLayer). Sessions hold the port as a signed 16-bit number (one above 32767 cannot be saved), the client connects
to port 80 and, after 303, to 443, whatever anybody says, so the connection is told the address here.

Server errors (500) it tries again itself, after 2 s, and waits up to `floodSleepThreshold` too; so it does what a 303
asks for: each counts as one of `requestRetries`.
*/
"use strict";
const { Api, TelegramClient, errors } = require("telegram");
const { Logger, LogLevel } = require("telegram/extensions/Logger");
const { Raw } = require("telegram/events");
const { StringSession } = require("telegram/sessions");
const connections = require("telegram/network/connection");
const { _serverKeys } = require("telegram/crypto/RSA");
const { LAYER } = require("telegram/tl/AllTLObjects");
const { version } = require("telegram/package.json");
const { createHash, createPublicKey, randomInt } = require("node:crypto");
const bigInt = require("big-integer");
const {
    API_HASH, API_ID, LONG_TEXT, PARAM, RANDOM_ID, assert, codeFor, dc, hostPort, run, sleep, tell, within, wrong,
} = require("./peer.cjs");

const TRANSPORTS = {
    full: connections.ConnectionTCPFull,
    abridged: connections.ConnectionTCPAbridged,
    obfuscated: connections.ConnectionTCPObfuscated,
};

class Here extends TRANSPORTS[dc.framing ?? "full"] {
    constructor(params) {
        const [ip, port] = hostPort(params.dcId === dc.dc_id ? dc.addr : dc.dcs[params.dcId]);
        super({ ...params, ip, port });
    }
}

/** The RSA key of the DC among those GramJS knows, under the fingerprint of the spec. */
function trust(pem) {
    const jwk = createPublicKey({ key: pem, format: "pem" }).export({ format: "jwk" });
    const n = Buffer.from(jwk.n, "base64url");
    const head = Buffer.from([254, n.length & 255, n.length >> 8, 0]);
    const digest = createHash("sha1").update(Buffer.concat([head, n, Buffer.from([3, 1, 0, 1])])).digest();
    const fingerprint = digest.subarray(-8).readBigInt64LE();
    _serverKeys.set(fingerprint.toString(), { n: bigInt(n.toString("hex"), 16), e: 65537 });
    return BigInt.asUintN(64, fingerprint);
}

const complaints = [];

/** A client of this DC: a stranger, or whoever the session string says, wherever that leads to. */
async function client(string, options) {
    const session = new StringSession(string ?? "");
    await session.load();
    session.setDC(session.dcId || dc.dc_id, hostPort(dc.addr)[0], 80);
    const baseLogger = new Logger(LogLevel.WARN);
    baseLogger.log = (level, text) => text !== "Disconnecting..." && complaints.push(`${level}: ${text}`);
    const made = new TelegramClient(session, API_ID, API_HASH, {
        connection: Here, connectionRetries: 1, requestRetries: 3, autoReconnect: false, timeout: 10, baseLogger,
        deviceModel: "interop", systemVersion: "1", appVersion: "1", securityChecks: true, ...options,
    });
    made.onError = async (error) => complaints.push(String(error));
    return made;
}

const quiet = () => assert(complaints.length === 0, `GramJS complains: ${complaints}`);

/** Resolves when the bot answers a start with `param`. */
function answersTo(user, param = PARAM) {
    return new Promise((resolve) => user.addEventHandler((update) => {
        const message = update.message;
        const text = typeof message === "string" ? message : message?.message;
        const out = typeof message === "string" ? update.out : message?.out;
        if (typeof text === "string" && text.includes(param) && !out) resolve(text);
    }, new Raw({})));
}

const startBot = (bot, startParam = PARAM, randomId = RANDOM_ID) =>
    new Api.messages.StartBot({ bot, peer: bot, randomId: bigInt(randomId), startParam });

/** A new key, which nobody is signed in with; then the session that the DC printed starts a bot. */
async function start() {
    const stranger = await client();
    assert(await stranger.connect(), "GramJS does not connect");
    assert(stranger.session.authKey.getKey().length === 256, "no auth key");
    assert(!(await stranger.checkAuthorization()), "a new key is already signed in");
    await stranger.destroy();

    const user = await client(dc.telethon_session);
    const answer = answersTo(user);
    assert(await user.connect(), "GramJS does not connect");
    assert(await user.checkAuthorization(), "the session is not signed in");
    const updates = await user.invoke(startBot(await user.getInputEntity("echo_bot")));
    const reply = await within(15, answer, "the answer of the bot");
    await user.destroy();
    quiet();
    return { layer: LAYER, updates: updates.className, reply };
}

/** The session `string` starts the bot, as a user would write it; or `bot`, id and hash, if it is known. */
async function use() {
    const user = await client(dc.string ?? dc.telethon_session);
    const answer = answersTo(user);
    assert(await user.connect(), "GramJS does not connect");
    const bot = dc.bot
        ? new Api.InputPeerUser({ userId: bigInt(dc.bot[0]), accessHash: bigInt(dc.bot[1]) }) : "echo_bot";
    const updates = await user.invoke(startBot(bot, PARAM, randomInt(2 ** 47)));
    const reply = await within(15, answer, "the answer of the bot");
    const known = await user.getInputEntity(bot);
    const session = user.session.save();
    await user.destroy();
    quiet();
    return { updates: updates.className, reply, session, bot: [String(known.userId), String(known.accessHash)] };
}

/** By `phone` and code, a wrong one first; then, if there is a `password`, by a wrong one and the right one. */
async function login() {
    const user = await client();
    const [seen, shown] = [[], []];
    await user.start({
        phoneNumber: dc.phone,
        phoneCode: async () => shown.push("code") === 1 ? wrong(await codeFor(dc.user)) : codeFor(dc.user),
        password: async () => shown.push("password") === 3 ? "no such password" : dc.password,
        onError: async (error) => void seen.push(error.errorMessage ?? String(error)),
    });
    const me = await user.getMe();
    const session = user.session.save();
    const home = user.session.dcId;
    await user.destroy();
    assert(Number(me.id) === dc.user, `signed in as ${me.id}`);
    quiet();
    return { refused: seen, dc_id: home, session };
}

/** A new key, the code of `phone`, the bot. */
async function fromNothing() {
    const user = await client();
    const answer = answersTo(user);
    await user.start({ phoneNumber: dc.phone, phoneCode: () => codeFor(dc.user), onError: (error) => { throw error; } });
    const updates = await user.invoke(startBot("echo_bot"));
    const reply = await within(15, answer, "the answer of the bot");
    const keys = [user.session.authKey.getKey().toString("hex")];
    await user.destroy();
    return { updates: updates.className, reply, keys };
}

/** What `calls` come to: [bot, peer, param, random_id] each. A name with a ! is that with a wrong access hash. */
async function refused() {
    const user = await client(dc.telethon_session, { requestRetries: 1 });
    await user.connect();
    const seen = [];
    for (const [bot, peer, startParam, randomId] of dc.calls) {
        const wanted = await user.getInputEntity(peer.replace("!", ""));
        if (peer.endsWith("!")) wanted.accessHash = wanted.accessHash.xor(1);
        const call = new Api.messages.StartBot({ bot, peer: wanted, startParam, randomId: bigInt(randomId) });
        seen.push(await user.invoke(call).then(() => "done", (error) => {
            assert(error instanceof errors.RPCError, String(error));
            return `${error.code} ${error.errorMessage}`;
        }));
    }
    await user.destroy();
    return { refused: seen };
}

/** A wait that the DC asks for is an error with its seconds; or, the same again, waited out. */
async function flooded() {
    const user = await client(dc.telethon_session, { floodSleepThreshold: 0 });
    await user.connect();
    const bot = await user.getInputEntity("echo_bot");
    const error = await user.invoke(startBot(bot)).then(() => "done", (error) => error);
    assert(error instanceof errors.FloodWaitError, String(error));
    const began = Date.now();
    user.floodSleepThreshold = 60;
    const updates = await user.invoke(startBot(bot));
    const waited = (Date.now() - began) / 1000;
    await user.destroy();
    return { refused: error.constructor.name, seconds: error.seconds, waited, updates: updates.className };
}

/** Starts a bot, loses the connection when the driver is told, and starts it again. */
async function twice(user, begin) {
    const [first, second] = [answersTo(user, "first"), answersTo(user, "second")];
    const refused = await begin();
    await user.invoke(startBot("echo_bot", "first", 1));
    await within(15, first, "the first answer");
    tell({ cut: true });
    await sleep(500);
    const updates = await user.invoke(startBot("echo_bot", "second", 2));
    const reply = await within(15, second, "the second answer");
    await user.destroy();
    return { updates: updates.className, reply, refused };
}

const LASTING = { autoReconnect: true, connectionRetries: 5, retryDelay: 300 };

/** The bot twice, with the session that the DC printed. */
async function again() {
    const user = await client(dc.telethon_session, LASTING);
    return twice(user, async () => void await user.connect());
}

/** A new key, the code of `phone`, a long text, a parameter that is too long, and the bot twice. */
async function whole() {
    const user = await client(undefined, LASTING);
    return twice(user, async () => {
        const onError = (error) => { throw error; };
        await user.start({ phoneNumber: dc.phone, phoneCode: () => codeFor(dc.user), onError });
        await user.sendMessage("echo_bot", { message: LONG_TEXT });
        return user.invoke(startBot("echo_bot", "x".repeat(600))).then(() => [], (error) => [error.errorMessage]);
    });
}

/** Finds the bot, starts it, has its answer. */
async function startABot(user) {
    const answer = answersTo(user);
    await user.connect();
    await user.invoke(startBot(await user.getInputEntity("echo_bot")));
    await answer;
}

/** A new key, the code of `phone`, and the `password` if there is one. */
async function signIn(user) {
    await user.start({
        phoneNumber: dc.phone, phoneCode: () => codeFor(dc.user), password: async () => dc.password,
        onError: (error) => { throw error; },
    });
    await user.getMe();
}

/** A new key, and a QR code to be shown. */
async function showQr(user) {
    await user.connect();
    let shown;
    const isShown = new Promise((resolve) => { shown = resolve; });
    const signing = user.signInUserWithQrCode({ apiId: API_ID, apiHash: API_HASH }, {
        qrCode: async () => shown(), onError: (error) => { throw error; },
    });
    await Promise.race([isShown, signing]);
}

/** A job at a DC with a fault, with the settings that GramJS has by itself, but for 0.3 s before it tries again. */
async function hurt() {
    const what = { start: startABot, login: signIn, qr: showQr }[dc.what];
    const user = await client(dc.what === "start" ? dc.telethon_session : undefined, {
        autoReconnect: true, connectionRetries: 5, requestRetries: 5, retryDelay: 300,
    });
    complaints.push = (...said) => said.forEach((text) => tell({ said: text.slice(0, 300) }));
    try {
        await what(user);
    } catch (error) {
        const name = /^[A-Z0-9_]+$/.test(error?.errorMessage) ? error.errorMessage : error?.constructor?.name;
        return { ended: "error", error: name ?? "nothing", says: String(error?.message ?? error).slice(0, 300) };
    }
    await user.destroy();
    return { ended: "done" };
}

assert(trust(dc.public_key_pem) === BigInt("0x" + dc.fingerprint), "another fingerprint for this key");
run(`GramJS ${version}`, { start, use, login, from_nothing: fromNothing, refused, flooded, again, whole, hurt });
