/* @mtproto/core: see matrix.py. It has no option for addresses and keys; its list of DCs and its RSA are replaced here. */
"use strict";
const { createPublicKey, randomInt } = require("node:crypto");
const { API_HASH, API_ID, assert, codeFor, dc, hostPort, sleep, tell, within } = require("./peer.cjs");
const MTProto = require("@mtproto/core");

const jwk = createPublicKey({ key: dc.public_key_pem, format: "pem" }).export({ format: "jwk" });
const modulus = Buffer.from(jwk.n, "base64url").toString("hex");

/** Its storage is a map of strings: what a second program goes on with. */
function client(saved = {}) {
    const instance = { set: (key, value) => { saved[key] = value; }, get: (key) => saved[key] };
    const made = new MTProto({ api_id: API_ID, api_hash: API_HASH, storageOptions: { instance } });
    const [ip, port] = hostPort(dc.addr);
    made.dcList = [{ id: dc.dc_id, ip, port }];
    made.crypto.rsa.getRsaKeyByFingerprints = async ([fingerprint]) => ({ fingerprint, modulus, exponent: "010001" });
    made.updateInitConnectionParams({ device_model: "matrix", system_version: "1", app_version: "1" });
    return made;
}

async function echoBot(user) {
    const { users } = await user.call("contacts.resolveUsername", { username: "echo_bot" });
    const bot = users.find((one) => one.username === "echo_bot");
    assert(bot.first_name === "Echo", "resolve");
    return { user_id: bot.id, access_hash: bot.access_hash };
}

async function startBot(user, bot, param) {
    const messages = ({ updates = [], message }) => [message, ...updates.map((update) => update.message)];
    const answer = new Promise((resolve) => {
        const arrived = (said) => messages(said).forEach((one) => {
            if (typeof one === "object" && !one.out && one.message.includes(param)) resolve(one.message);
        });
        user.updates.on("updates", arrived);
        user.updates.on("updateShortMessage", (said) => { if (!said.out && said.message.includes(param)) resolve(said.message); });
    });
    await user.call("messages.startBot", {
        bot: { _: "inputUser", ...bot }, peer: { _: "inputPeerUser", ...bot }, random_id: randomInt(2 ** 47), start_param: param,
    });
    tell({ step: "startBot" });
    await within(15, answer, "the answer of the bot");
}

const me = async (user) => (await user.call("users.getUsers", { id: [{ _: "inputUserSelf" }] }))[0].first_name;

async function first() {
    const saved = {};
    const user = client(saved);
    await user.call("help.getConfig");
    tell({ step: "key" });
    const { phone_code_hash } = await user.call("auth.sendCode", { phone_number: dc.phone, settings: { _: "codeSettings" } });
    await user.call("auth.signIn", { phone_number: dc.phone, phone_code_hash, phone_code: await codeFor(dc.user) });
    tell({ step: "code" });
    assert(await me(user) === "Alice", "getMe");
    tell({ step: "getMe" });
    const bot = await echoBot(user);
    tell({ step: "resolve" });
    await startBot(user, bot, "first_1");
    tell({ step: "answer" });
    const peer = { _: "inputPeerUser", ...bot };
    await user.call("messages.sendMessage", { peer, message: "good morning", random_id: randomInt(2 ** 47) });
    tell({ step: "sendMessage" });
    const zero = { offset_id: 0, offset_date: 0, add_offset: 0, limit: 20, max_id: 0, min_id: 0, hash: 0 };
    const texts = (await user.call("messages.getHistory", { peer, ...zero })).messages.map((message) => message.message);
    assert(texts.includes("good morning"), `history: ${texts}`);
    tell({ step: "history" });
    const dialogs = await user.call("messages.getDialogs", { offset_peer: { _: "inputPeerEmpty" }, ...zero });
    const names = dialogs.users.map((one) => one.first_name);
    assert(dialogs.dialogs.length && names.includes("Echo"), `dialogs: ${names}`);
    tell({ step: "dialogs" });
    tell({ cut: true });
    await sleep(1000);
    await startBot(user, bot, "second_2");
    tell({ step: "cut" });
    return { session: JSON.stringify(saved) };
}

async function second() {
    const user = client(JSON.parse(dc.string));
    assert(await me(user) === "Alice", "getMe");
    await startBot(user, await echoBot(user), "third_3");
    return {};
}

const limit = setTimeout(() => { console.error("not done after 75 s"); process.exit(1); }, 75_000);
({ first, second })[process.argv[2]]().then(
    (done) => { clearTimeout(limit); console.log(JSON.stringify({ done })); process.exit(0); },
    (error) => { console.error(error); process.exit(1); });
