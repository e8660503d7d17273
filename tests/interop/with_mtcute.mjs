/*
mtcute 0.30.3 (layer 227, intermediate): node with_mtcute.mjs JSON_OF_DC

1. Without a session: the exchange of today, `p_q_inner_data_dc` with the number of the DC (negative for media, +10000
   in test mode) in RSA_PAD. Then, in one container with get_future_salts(64), the first call of the session, whatever
   it is, as invokeWithLayer(227, initConnection(…)); updates.getState comes by itself, wrapped too. help.getConfig is
   only called because this script does. A stranger must be told 401 AUTH_KEY_UNREGISTERED.
2. With the session of the DC: users.getUsers([inputUserSelf]), contacts.resolveUsername, messages.startBot; the updates
   loop adds updates.getState and updates.getDifference. get_future_salts goes with nearly every call until enough are
   known; ping_delay_disconnect (7 s) and msgs_state_req follow a lost connection.

All its messages have odd seqnos, msgs_ack and get_future_salts too. Bodies over 128 bytes travel in gzip_packed if
that saves a tenth - as a zlib stream, not gzip. It speaks layer 227: `user`, `message` and `config` of that layer are
what it can read.
*/
import { readFileSync } from "node:fs";
import { MemoryStorage, tl } from "@mtcute/core";
import { addPublicKey, parsePublicKey } from "@mtcute/core/utils.js";
import { TelegramClient } from "@mtcute/node";
import { NodeCryptoProvider } from "@mtcute/node/utils.js";
import Long from "long";

const PARAM = "hello_42";
const dc = JSON.parse(process.argv[2]);
const [ipAddress, port] = [dc.addr.slice(0, dc.addr.lastIndexOf(":")), Number(dc.addr.split(":").pop())];
const here = { id: dc.dc_id, ipAddress, port };
const primaryDcs = { main: here, media: here };

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

function client(complaints) {
    const made = new TelegramClient({
        apiId: 1, apiHash: "0".repeat(32), storage: new MemoryStorage(), defaultDcs: primaryDcs,
        initConnectionOptions: { deviceModel: "interop", systemVersion: "1", appVersion: "1" },
        updates: { catchUp: false },
    });
    made.log.mgr.level = 2; // warnings and errors
    made.log.mgr.handler = (_color, level, tag, format, args) => complaints.push([level, tag, format, ...args].join(" "));
    made.onError.add((error) => complaints.push(String(error)));
    return made;
}

async function newKey(complaints) {
    const stranger = client(complaints);
    await stranger.connect();
    const config = await stranger.call({ _: "help.getConfig" });
    assert(config.thisDc === dc.dc_id, `help.getConfig says this is DC ${config.thisDc}`);
    try {
        await stranger.call({ _: "users.getUsers", id: [{ _: "inputUserSelf" }] });
    } catch (error) {
        assert(tl.RpcError.is(error, "AUTH_KEY_UNREGISTERED"), `a stranger is told ${error}`);
        return await stranger.destroy();
    }
    throw new Error("a new key is already signed in");
}

async function startBot(complaints) {
    const user = client(complaints);
    let arrived;
    const answer = new Promise((resolve) => (arrived = resolve));
    user.onRawUpdate.add(({ update }) => {
        if (update._ !== "updateNewMessage" || update.message._ !== "message" || update.message.out) return;
        if (update.message.message.includes(PARAM)) arrived(update.message.message);
    });
    const authKey = new Uint8Array(Buffer.from(dc.telethon_session.slice(1), "base64url").subarray(-256));
    await user.importSession({ version: 3, primaryDcs, self: null, authKey });
    await user.connect();
    const [me] = await user.call({ _: "users.getUsers", id: [{ _: "inputUserSelf" }] });
    await user.notifyLoggedIn(me); // starts the updates loop, which takes nothing before it has asked for its state
    while (!user._client.updates.updatesLoopActive) await new Promise((done) => setTimeout(done, 10));
    const peer = await user.resolvePeer("echo_bot");
    const updates = await user.call({
        _: "messages.startBot", bot: { _: "inputUser", userId: peer.userId, accessHash: peer.accessHash }, peer,
        randomId: Long.fromString("-4156887774564"), startParam: PARAM,
    });
    user.handleClientUpdate(updates, true);
    const text = await within(15, answer, "the answer of the bot");
    await user.destroy();
    return [updates._, text];
}

async function main() {
    const complaints = [];
    const crypto = new NodeCryptoProvider();
    await crypto.initialize();
    const { fingerprint } = parsePublicKey(crypto, dc.public_key_pem);
    assert(BigInt("0x" + fingerprint) === BigInt("0x" + dc.fingerprint), `mtcute computes the fingerprint ${fingerprint}`);
    addPublicKey(crypto, dc.public_key_pem);
    await within(30, newKey(complaints), "a new auth key");
    const [updates, reply] = await within(30, startBot(complaints), "messages.startBot");
    assert(complaints.length === 0, `mtcute complains: ${complaints.join("; ")}`);
    const { version } = JSON.parse(readFileSync(new URL("node_modules/@mtcute/core/package.json", import.meta.url)));
    console.log(JSON.stringify({ client: `mtcute ${version}`, layer: tl.LAYER, updates, reply }));
}

main().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
