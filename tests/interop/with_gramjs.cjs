/*
GramJS 2.26.22 (layer 198): node with_gramjs.cjs JSON_OF_DC [full|abridged|obfuscated]

1. Without a session: `req_pq_multi`, `p_q_inner_data` without a dc, but in the new RSA_PAD; then
   invokeWithLayer(198, initConnection(help.getConfig)) and, from checkAuthorization, updates.getState, where an unknown
   user must be told 401.
2. With the session of the DC: salt 0 at first, the same two calls, contacts.resolveUsername, messages.startBot;
   users.getUsers([inputUserSelf]) when the first update arrives. Pings are ping_delay_disconnect, every 9 s.

It speaks layer 198: `user`, `message` and `config` of that layer are what it can read (the DC learns the layer from
invokeWithLayer). Sessions hold the port as a signed 16-bit number (one above 32767 cannot be saved) and the client
connects to port 80 whatever they hold, so the connection is told the address here.
*/
"use strict";
const { Api, TelegramClient } = require("telegram");
const { Logger, LogLevel } = require("telegram/extensions/Logger");
const { Raw } = require("telegram/events");
const { StringSession } = require("telegram/sessions");
const connections = require("telegram/network/connection");
const { _serverKeys } = require("telegram/crypto/RSA");
const { LAYER } = require("telegram/tl/AllTLObjects");
const { version } = require("telegram/package.json");
const { createHash, createPublicKey } = require("node:crypto");
const bigInt = require("big-integer");

const PARAM = "hello_42";
const TRANSPORTS = {
    full: connections.ConnectionTCPFull,
    abridged: connections.ConnectionTCPAbridged,
    obfuscated: connections.ConnectionTCPObfuscated,
};

const dc = JSON.parse(process.argv[2]);
const Transport = TRANSPORTS[process.argv[3] || "full"];
const [host, port] = [dc.addr.slice(0, dc.addr.lastIndexOf(":")), Number(dc.addr.split(":").pop())];

class Here extends Transport {
    constructor(params) {
        super({ ...params, ip: host, port });
    }
}

function assert(holds, otherwise) {
    if (!holds) throw new Error(otherwise);
}

function within(seconds, promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: nothing for ${seconds} s`)), seconds * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
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

function client(session, complaints) {
    const baseLogger = new Logger(LogLevel.WARN);
    baseLogger.log = (level, text) => text !== "Disconnecting..." && complaints.push(`${level}: ${text}`);
    const made = new TelegramClient(session, 1, "0".repeat(32), {
        connection: Here, connectionRetries: 1, requestRetries: 1, autoReconnect: false, timeout: 10, baseLogger,
        deviceModel: "interop", systemVersion: "1", appVersion: "1", securityChecks: true,
    });
    made.onError = async (error) => complaints.push(String(error));
    return made;
}

async function newKey(complaints) {
    const session = new StringSession("");
    session.setDC(dc.dc_id, host, 80);
    const stranger = client(session, complaints);
    assert(await stranger.connect(), "GramJS does not connect");
    assert(session.authKey.getKey().length === 256, "no auth key");
    assert(!(await stranger.checkAuthorization()), "a new key is already signed in");
    await stranger.destroy();
}

async function startBot(complaints) {
    const session = new StringSession(dc.telethon_session);
    await session.load();
    session.setDC(dc.dc_id, host, 80);
    const user = client(session, complaints);
    let arrived;
    const answer = new Promise((resolve) => (arrived = resolve));
    user.addEventHandler((update) => {
        const message = update.message;
        const text = typeof message === "string" ? message : message?.message;
        const out = typeof message === "string" ? update.out : message?.out;
        if (typeof text === "string" && text.includes(PARAM) && !out) arrived(text);
    }, new Raw({}));
    assert(await user.connect(), "GramJS does not connect");
    assert(await user.checkAuthorization(), "the session is not signed in");
    const peer = await user.getInputEntity("echo_bot");
    const updates = await user.invoke(new Api.messages.StartBot({
        bot: new Api.InputUser({ userId: peer.userId, accessHash: peer.accessHash }),
        peer, randomId: bigInt("-4156887774564"), startParam: PARAM,
    }));
    const text = await within(15, answer, "the answer of the bot");
    await user.destroy();
    return [updates.className, text];
}

async function main() {
    const complaints = [];
    assert(trust(dc.public_key_pem) === BigInt("0x" + dc.fingerprint), "another fingerprint for this key");
    await within(30, newKey(complaints), "a new auth key");
    const [updates, reply] = await within(30, startBot(complaints), "messages.startBot");
    assert(complaints.length === 0, `GramJS complains: ${complaints}`);
    console.log(JSON.stringify({ client: `GramJS ${version}`, layer: LAYER, updates, reply }));
}

main().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
