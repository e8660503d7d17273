/*
mtcute 0.30.3 (layer 227, intermediate): node with_mtcute.mjs JOB JSON, jobs at the end; see peer.py

Without a session: the exchange of today, `p_q_inner_data_dc` with the number of the DC (negative for media, +10000 in
test mode) in RSA_PAD. Then, in one container with get_future_salts(64), the first call of the session, whatever it is,
as invokeWithLayer(227, initConnection(…)); updates.getState comes by itself, wrapped too. A stranger must be told 401
AUTH_KEY_UNREGISTERED. Whoever signs in gets an updates loop, which adds updates.getState and updates.getDifference.
get_future_salts goes with nearly every call until enough are known; ping_delay_disconnect (7 s) and msgs_state_req
follow a lost connection. With `usePfs` a temporary key (p_q_inner_data_temp_dc, a day) is made and bound first. Its
storage keeps salts and temporary keys.

All its messages have odd seqnos, msgs_ack and get_future_salts too. Bodies over 128 bytes travel in gzip_packed if
that saves a tenth - as a zlib stream, not gzip. It speaks layer 227: `user`, `message` and `config` of that layer are
what it can read.
*/
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { MemoryStorage, networkMiddlewares, tl } from "@mtcute/core";
import { addPublicKey, parsePublicKey, readStringSession } from "@mtcute/core/utils.js";
import { TelegramClient } from "@mtcute/node";
import { NodeCryptoProvider } from "@mtcute/node/utils.js";
import Long from "long";
import peer from "./peer.cjs";

const {
    API_HASH, API_ID, LONG_TEXT, PARAM, RANDOM_ID, assert, codeFor, dc, hostPort, run, sleep, tell, within, wrong,
} = peer;

function dcsAt(addr) {
    const [ipAddress, port] = hostPort(addr);
    const here = { id: dc.dc_id, ipAddress, port };
    return { main: here, media: here };
}

const complaints = [];

/** A client of this DC; `string` says who, and wherever that leads to, it is led here. */
async function client(string, { addr = dc.addr, storage = new MemoryStorage(), middlewares } = {}) {
    const made = new TelegramClient({
        apiId: API_ID, apiHash: API_HASH, storage, defaultDcs: dcsAt(addr),
        initConnectionOptions: { deviceModel: "interop", systemVersion: "1", appVersion: "1" },
        updates: { catchUp: false }, network: {
            usePfs: dc.pfs ?? false,
            // Server errors (500) are tried again for ever otherwise.
            middlewares: networkMiddlewares.basic({ internalErrors: { maxRetries: 0 }, ...middlewares }),
        },
    });
    made.log.mgr.level = 2; // warnings and errors
    made.log.mgr.handler = (_color, level, tag, format, args) => complaints.push([level, tag, format, ...args].join(" "));
    made.onError.add((error) => complaints.push(String(error)));
    if (string) await made.importSession({ ...session(string), primaryDcs: dcsAt(addr) });
    return made;
}

const quiet = () => assert(complaints.length === 0, `mtcute complains: ${complaints.join("; ")}`);

/** What a string of mtcute holds; of the one that the DC printed, which is Telethon's, the key. */
function session(string) {
    if (string !== dc.telethon_session) return readStringSession(string);
    return { version: 3, self: null, authKey: new Uint8Array(Buffer.from(string.slice(1), "base64url").subarray(-256)) };
}

/** Resolves when the bot answers a start with `param`, as the server pushes it. */
function answersTo(user, param = PARAM) {
    return new Promise((resolve) => user.onServerUpdate.add((pushed) => {
        for (const { message } of pushed.updates ?? []) {
            if (message?._ === "message" && !message.out && message.message.includes(param)) resolve(message.message);
        }
    }));
}

function startBot(userId, accessHash, startParam = PARAM, randomId = RANDOM_ID) {
    const [bot, to] = ["inputUser", "inputPeerUser"].map((_) => ({ _, userId, accessHash }));
    return { _: "messages.startBot", bot, peer: to, randomId: Long.fromString(randomId), startParam };
}

/** The keys in use, the temporary one too. */
async function keys(storage) {
    const kept = [await storage.authKeys.get(dc.dc_id), await storage.authKeys.getTemp(dc.dc_id, 0, 0)];
    return kept.filter((key) => key).map((key) => Buffer.from(key).toString("hex"));
}

/** A new key, which nobody is signed in with; then the key that the DC printed starts a bot, updates loop and all. */
async function start() {
    const stranger = await client();
    await stranger.connect();
    const config = await stranger.call({ _: "help.getConfig" });
    assert(config.thisDc === dc.dc_id, `help.getConfig says this is DC ${config.thisDc}`);
    const error = await stranger.call({ _: "users.getUsers", id: [{ _: "inputUserSelf" }] }).then(() => "done", (e) => e);
    assert(tl.RpcError.is(error, "AUTH_KEY_UNREGISTERED"), `a stranger is told ${error}`);
    await stranger.destroy();

    const user = await client(dc.telethon_session);
    const answer = new Promise((resolve) => user.onRawUpdate.add(({ update }) => {
        if (update._ !== "updateNewMessage" || update.message._ !== "message" || update.message.out) return;
        if (update.message.message.includes(PARAM)) resolve(update.message.message);
    }));
    await user.connect();
    const [me] = await user.call({ _: "users.getUsers", id: [{ _: "inputUserSelf" }] });
    await user.notifyLoggedIn(me); // starts the updates loop, which takes nothing before it has asked for its state
    while (!user._client.updates.updatesLoopActive) await sleep(10);
    const { userId, accessHash } = await user.resolvePeer("echo_bot");
    const updates = await user.call(startBot(userId, accessHash));
    user.handleClientUpdate(updates, true);
    const reply = await within(15, answer, "the answer of the bot");
    quiet();
    await user.destroy();
    return { layer: tl.LAYER, updates: updates._, reply };
}

/** The session `string` starts the bot, or `bot`, id and hash. `direct`: with what an earlier run has kept. */
async function use() {
    const [storage, string] = [new MemoryStorage(), dc.string ?? dc.telethon_session];
    if (dc.direct) {
        const before = await client(string, { addr: dc.direct, storage });
        await before.connect();
        await before.call({ _: "help.getConfig" });
        await sleep(100); // salts come after the answer
        await before._client.mt.storage.dcs.store(dcsAt(dc.addr));
        await before.disconnect();
    }
    const user = await client(dc.direct ? undefined : string, { storage });
    const answer = answersTo(user);
    await user.connect();
    const known = dc.bot ? { userId: Number(dc.bot[0]), accessHash: Long.fromString(dc.bot[1]) }
        : await user.resolvePeer("echo_bot");
    const updates = await user.call(startBot(known.userId, known.accessHash, PARAM, String(randomInt(2 ** 47))));
    const reply = await within(15, answer, "the answer of the bot");
    const [saved, inUse] = [await user.exportSession(), await keys(storage)];
    quiet();
    await user.destroy();
    const found = [String(known.userId), known.accessHash.toString()];
    return { updates: updates._, reply, session: saved, keys: inUse, bot: found };
}

/** By `phone` and code, a wrong one first; then, if there is a `password`, by a wrong one and the right one. */
async function login() {
    const user = await client();
    const [seen, shown] = [[], []];
    const me = await user.start({
        phone: dc.phone,
        code: async () => shown.push("code") === 1 ? wrong(await codeFor(dc.user)) : codeFor(dc.user),
        password: async () => shown.push("password") === 3 ? "no such password" : dc.password,
        codeSentCallback: () => {},
        invalidCodeCallback: (what) => void seen.push(what === "code" ? "PHONE_CODE_INVALID" : "PASSWORD_HASH_INVALID"),
    });
    const saved = await user.exportSession();
    while (!user._client.updates.updatesLoopActive) await sleep(10); // it asks for its state first
    quiet();
    await user.destroy();
    assert(me.id === dc.user, `signed in as ${me.id}`);
    return { refused: seen, dc_id: readStringSession(saved).primaryDcs.main.id, session: saved };
}

/** A new key, the code of `phone`, the bot. */
async function fromNothing() {
    const storage = new MemoryStorage();
    const user = await client(undefined, { storage });
    const answer = answersTo(user);
    await user.start({ phone: dc.phone, code: () => codeFor(dc.user), codeSentCallback: () => {} });
    const { userId, accessHash } = await user.resolvePeer("echo_bot");
    const updates = await user.call(startBot(userId, accessHash));
    const reply = await within(15, answer, "the answer of the bot");
    const known = await keys(storage);
    await user.destroy();
    return { updates: updates._, reply, keys: known };
}

/** What `calls` come to: [bot, peer, param, random_id] each. A name with a ! is that with a wrong access hash. */
async function refused() {
    const user = await client(dc.telethon_session);
    await user.connect();
    const seen = [];
    for (const [bot, to, param, randomId] of dc.calls) {
        const [{ userId, accessHash }, wanted] = [await user.resolvePeer(bot), await user.resolvePeer(to.replace("!", ""))];
        const call = { ...startBot(userId, accessHash, param, String(randomId)), peer: wanted };
        if (to.endsWith("!")) call.peer = { ...wanted, accessHash: wanted.accessHash.xor(1) };
        seen.push(await user.call(call).then(() => "done", (error) => {
            assert(tl.RpcError.is(error), String(error));
            return `${error.code} ${error.text}`;
        }));
    }
    await user.destroy();
    return { refused: seen };
}

/** A wait that the DC asks for is an error with its seconds; or, the same again, waited out. */
async function flooded() {
    const user = await client(dc.telethon_session);
    await user.connect();
    const { userId, accessHash } = await user.resolvePeer("echo_bot");
    const error = await user.call(startBot(userId, accessHash), { floodSleepThreshold: 0 }).then(() => "done", (e) => e);
    assert(tl.RpcError.is(error, "FLOOD_WAIT_%d"), String(error));
    const began = Date.now();
    const updates = await user.call(startBot(userId, accessHash));
    const waited = (Date.now() - began) / 1000;
    await user.destroy();
    return { refused: error.text, seconds: error.seconds, waited, updates: updates._ };
}

/** Starts a bot, loses the connection when the driver is told, and starts it again. */
async function twice(user, begin) {
    const [first, second] = [answersTo(user, "first"), answersTo(user, "second")];
    const refused = await begin();
    const { userId, accessHash } = await user.resolvePeer("echo_bot");
    await user.call(startBot(userId, accessHash, "first", "1"));
    await within(15, first, "the first answer");
    tell({ cut: true });
    await sleep(500);
    const updates = await user.call(startBot(userId, accessHash, "second", "2"));
    const reply = await within(15, second, "the second answer");
    await user.destroy();
    return { updates: updates._, reply, refused };
}

/** The bot twice, with the session that the DC printed. */
async function again() {
    const user = await client(dc.telethon_session);
    return twice(user, () => user.connect());
}

/** A new key, the code of `phone`, a long text, a parameter that is too long, and the bot twice. */
async function whole() {
    const user = await client();
    return twice(user, async () => {
        await user.start({ phone: dc.phone, code: () => codeFor(dc.user), codeSentCallback: () => {} });
        const { userId, accessHash } = await user.resolvePeer("echo_bot");
        await user.sendText("echo_bot", LONG_TEXT);
        return user.call(startBot(userId, accessHash, "x".repeat(600))).then(() => [], (error) => [error.text]);
    });
}

const crypto = new NodeCryptoProvider();
await crypto.initialize();
const { fingerprint } = parsePublicKey(crypto, dc.public_key_pem);
assert(BigInt("0x" + fingerprint) === BigInt("0x" + dc.fingerprint), `mtcute computes the fingerprint ${fingerprint}`);
addPublicKey(crypto, dc.public_key_pem);
const { version } = JSON.parse(readFileSync(new URL("node_modules/@mtcute/core/package.json", import.meta.url)));
run(`mtcute ${version}`, { start, use, login, from_nothing: fromNothing, refused, flooded, again, whole });
