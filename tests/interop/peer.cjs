/*
What the clients in JavaScript share: their command line, and the code in the DC's log. See peer.py.
*/
"use strict";
const { readFileSync } = require("node:fs");

const dc = JSON.parse(process.argv[3]);

function assert(holds, otherwise) {
    if (!holds) throw new Error(otherwise);
}

function hostPort(addr) {
    return [addr.slice(0, addr.lastIndexOf(":")), Number(addr.split(":").pop())];
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function within(seconds, promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: nothing for ${seconds} s`)), seconds * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The code that the DC wrote into its log instead of sending it. */
async function codeFor(user) {
    for (let tries = 0; tries < 100; tries++) {
        const found = [...readFileSync(dc.log, "utf8").matchAll(new RegExp(`the code for ${user} is (\\d+)`, "g"))];
        if (found.length) return found.pop()[1];
        await sleep(50);
    }
    throw new Error(`the log of the DC has no code for ${user}`);
}

/** A code of the same length that is not this one. */
const wrong = (code) => String((Number(code) + 1) % 10 ** code.length).padStart(code.length, "0");

/** Says something to the driver in the middle of a job. */
const tell = (what) => console.log(JSON.stringify(what));

/** `jobs`: functions that return what to print beside the client's name. */
function run(client, jobs) {
    within(60, jobs[process.argv[2]](), process.argv[2]).then(
        (result) => process.stdout.write(JSON.stringify({ client, ...result }) + "\n", () => process.exit(0)),
        (error) => {
            console.error(error);
            process.exit(1);
        },
    );
}

module.exports = {
    API_ID: 1, API_HASH: "0".repeat(32), PARAM: "hello_42", RANDOM_ID: "-4156887774564",
    // So long that who can pack it does, and the server its answer.
    LONG_TEXT: "nanogram ".repeat(140),
    assert, codeFor, dc, hostPort, run, sleep, tell, within, wrong,
};
