//! Sessions that other programs keep in files: the databases of Telethon, Pyrogram and grammers are read, the others are
//! named, with the line of code that makes a session string of them.

use crate::account::bad_file;
use crate::failure::{Exit, Failure};
use nanogram::telegram::store::{SavedSession, from_base64url};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

#[cfg(feature = "sqlite")]
mod database;

/// First bytes of a database. Source: sqlite.org/fileformat2.html#magic_header_string
const SQLITE: &[u8] = b"SQLite format 3\0";
/// First bytes of a file of Telegram Desktop.
const TDATA: &[u8] = b"TDF$";
/// Most entries of a directory that are inspected.
const MOST_ENTRIES: usize = 1000;

/// Program whose sessions are recognized but not read.
struct Other {
    name: &'static str,
    hint: &'static str,
}

// Source: TDLib 1.8.69, td_api.tl: no method returns an auth key, and the binlog can be encrypted.
const TDLIB: Other = Other {
    name: "a database of TDLib",
    hint: "TDLib does not hand its keys out: sign in anew with `nanogram login --qr`, which an app that is signed in \
           accepts",
};
// A session with the key of Telegram Desktop would end both with AUTH_KEY_DUPLICATED, hence `CreateNewSession`.
// Source: opentele 1.15.1, td/tdesktop.py (`ToTelethon`) and tl/telethon.py (`FromTDesktop`).
const TDESKTOP: Other = Other {
    name: "data of Telegram Desktop (tdata)",
    hint: "with the Python package opentele, which signs in anew with the account of tdata: client = await \
           TDesktop(\"tdata\").ToTelethon(flag=CreateNewSession); print(StringSession.save(client.session)); or use \
           `nanogram login --qr`",
};
// Source: telegram 2.26.22, sessions/StoreSession.js (`load`) and sessions/StringSession.js (`save`).
const GRAMJS_STORE: Other = Other {
    name: "a StoreSession of GramJS",
    hint: "in a program that uses it: const store = new StoreSession(DIRECTORY); await store.load(); const s = new \
           StringSession(\"\"); s.setDC(store.dcId, store.serverAddress, store.port); s.setAuthKey(store.authKey); \
           console.log(s.save())",
};
// Source: @mtcute/convert 0.29.7, mtkruto/convert.js and mtkruto/parse.js, which reads what MTKruto's
// client/0_storage_operations.ts (`exportAuthString`) writes and leaves out what newer versions add.
const MTKRUTO: Other = Other {
    name: "a string of MTKruto",
    hint: "with the npm packages @mtcute/convert and @mtcute/core (utils.js): \
           console.log(writeStringSession(convertFromMtkrutoSession(text)))",
};
// Source: ferogram 0.6.6, src/lib.rs, and ferogram-session 0.6.6, src/string_session.rs (`StringSession`, `Session`).
const FEROGRAM: Other = Other {
    name: "a string of ferogram",
    hint: "in Rust, with ferogram::string_session::StringSession and base64: let s = \
           StringSession::decode(text)?.session(); let ip = match s.ip { IpAddr::V4(ip) => ip.octets().to_vec(), \
           IpAddr::V6(ip) => ip.octets().to_vec() }; println!(\"1{}\", URL_SAFE.encode([&[s.dc_id][..], &ip, \
           &s.port.to_be_bytes(), &s.auth_key].concat()))",
};
#[cfg(not(feature = "sqlite"))]
const SQLITE_LEFT_OUT: Other =
    Other { name: "an SQLite database", hint: "build the program with the feature `sqlite`, or give a session string" };

impl Other {
    fn failure(&self, of: &str) -> Failure {
        let message = format!("{of} is {}, which nanogram cannot read", self.name);
        Failure::new(Exit::Usage, "SESSION_FOREIGN", message).hint(self.hint)
    }
}

/// Names the program of a session string that is recognized but not read. The error does not repeat the text.
pub(crate) fn of_text(text: &str) -> Option<Failure> {
    let bytes = from_base64url(text.trim_ascii()).ok()?;
    let other = match bytes.as_slice() {
        // `2` or `2-test` as a TL string, then the key's length; runs of zeros are a zero and their number.
        [1, b'1'..=b'5', 0, 2, 0xfe, ..] | [6, b'1'..=b'3', b'-', b't', b'e', b's', b't', 0, 1, 0xfe, ..] => MTKRUTO,
        // Version, data centre, version of IP; 256 bytes of key with an address and a user's id.
        [1 | 2, 1..=5, 4 | 6, ..] if (271..=310).contains(&bytes.len()) => FEROGRAM,
        _ => return None,
    };
    Some(other.failure("the text"))
}

/// Reads a session from a file of another program; `None` if it is not such a file.
pub(crate) fn of_path(path: &Path) -> Result<Option<(&'static str, SavedSession)>, Failure> {
    let shown = path.display().to_string();
    if path.is_dir() {
        return directory(path).map_or(Ok(None), |other| Err(other.failure(&shown)));
    }
    let mut head = [0; 16];
    let read = File::open(path).and_then(|file| fill(file, &mut head)).map_err(|e| bad_file(path, &e.to_string()))?;
    let head = head.get(..read).unwrap_or_default();
    if head == SQLITE {
        #[cfg(feature = "sqlite")]
        return database::read(path).map(Some);
        #[cfg(not(feature = "sqlite"))]
        return Err(SQLITE_LEFT_OUT.failure(&shown));
    }
    if head.starts_with(TDATA) {
        return Err(TDESKTOP.failure(&shown));
    }
    if path.extension().is_some_and(|extension| extension == "binlog") {
        return Err(TDLIB.failure(&shown));
    }
    Ok(None)
}

fn fill(mut file: File, head: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = head.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            n => read += n,
        }
    }
    Ok(read)
}

fn directory(path: &Path) -> Option<Other> {
    let entries = fs::read_dir(path).ok()?.take(MOST_ENTRIES).flatten();
    let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    match () {
        () if has("key_datas") || has("tdata") => Some(TDESKTOP),
        () if has(".binlog") => Some(TDLIB),
        () if has("authKey") => Some(GRAMJS_STORE),
        () => None,
    }
}
