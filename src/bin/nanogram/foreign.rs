//! Session files of other programs: databases of Telethon and Pyrogram are read; others are recognized, and the error
//! gives the line of code that exports a session string.

use crate::account::bad_file;
use crate::failure::{Exit, Failure};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::telegram::dcs::{self, Environment};
use nanogram::telegram::store::{SavedSession, from_base64url};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;
use zeroize::Zeroizing;

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

const MTCUTE: Other =
    Other { name: "a database of mtcute", hint: "in a program that uses it: console.log(await tg.exportSession())" };
const GRAMMERS: Other = Other {
    name: "a database of grammers",
    hint: "grammers writes no strings: in the table dc_option, the row that dc_home names has the address and the key; \
           or sign in anew with `nanogram login --qr`, which an app that is signed in accepts",
};
const TDLIB: Other = Other {
    name: "a database of TDLib",
    hint: "TDLib does not hand its keys out: sign in anew with `nanogram login --qr`, which an app that is signed in \
           accepts",
};
const TDESKTOP: Other = Other {
    name: "data of Telegram Desktop (tdata)",
    hint: "with the Python package opentele, which makes a session of its own: client = await \
           TDesktop(\"tdata\").ToTelethon(flag=CreateNewSession); print(StringSession.save(client.session)); or sign in \
           anew with `nanogram login --qr`",
};
const GRAMJS_STORE: Other = Other {
    name: "a StoreSession of GramJS",
    hint: "in a program that uses it: const s = new StringSession(\"\"); s.setDC(store.dcId, store.serverAddress, \
           store.port); s.setAuthKey(store.authKey); console.log(s.save())",
};
const MTKRUTO: Other = Other {
    name: "a string of MTKruto",
    hint: "MTKruto writes it in a form of its own: sign in anew with `nanogram login --qr`, which an app that is signed \
           in accepts",
};
const FEROGRAM: Other = Other {
    name: "a string of ferogram",
    hint: "in Rust, a string as Telethon has it (IPv4): let s = StringSession::decode(text)?; let s = s.session(); \
           format!(\"1{}\", URL_SAFE.encode([&[s.dc_id][..], &ip.octets(), &s.port.to_be_bytes(), &s.auth_key].concat()))",
};
const DATABASE: Other = Other {
    name: "an SQLite database, but not one of Telethon, Pyrogram, mtcute or grammers",
    hint: "give a session string instead: see how the program that wrote the database exports one",
};

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
        // Data centre number as a TL string, then the key's length as a TL string header.
        [1, b'1'..=b'5', 0, 2, 0xfe, ..] => MTKRUTO,
        // Version and data centre number, then 256 bytes of key, the address and the user id.
        [1 | 2, 1..=5, ..] if (271..=310).contains(&bytes.len()) => FEROGRAM,
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
        return database(path).map(Some);
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

/// Reads a database, opened read-only.
fn database(path: &Path) -> Result<(&'static str, SavedSession), Failure> {
    let bad = |error: rusqlite::Error| bad_file(path, &format!("the database cannot be read: {error}"));
    // The other program may have it open.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(bad)?;
    let has = |table: &str, column: &str| {
        let query = "select count(*) from pragma_table_info(?1) where name = ?2";
        connection.query_row(query, [table, column], |row| row.get::<_, i64>(0)).map(|count| count > 0)
    };
    // Each program is recognized by a column that only its table has.
    let (name, query): (_, &str) = if has("sessions", "takeout_id").map_err(bad)? {
        (
            "telethon-file",
            "select dc_id, auth_key, server_address, port from sessions where length(auth_key) > 0 limit 1",
        )
    } else if has("sessions", "test_mode").map_err(bad)? {
        // The oldest databases lack api_id.
        let has_api_id = has("sessions", "api_id").map_err(bad)?;
        ("pyrogram-file", if has_api_id { PYROGRAM } else { OLD_PYROGRAM })
    } else {
        let other = match (has("auth_keys", "key").map_err(bad)?, has("dc_option", "auth_key").map_err(bad)?) {
            (true, _) => MTCUTE,
            (_, true) => GRAMMERS,
            _ => DATABASE,
        };
        return Err(other.failure(&path.display().to_string()));
    };
    let read = if name == "telethon-file" { of_telethon } else { of_pyrogram };
    let session = connection.query_row(query, [], |row| Ok(read(row))).optional().map_err(bad)?;
    let session =
        session.ok_or_else(|| bad_file(path, "it holds no key: the program that wrote it never connected"))?;
    let session = session.map_err(bad)?;
    session.map(|session| (name, session)).ok_or_else(|| bad_file(path, "the row of its session is invalid"))
}

const PYROGRAM: &str =
    "select dc_id, auth_key, test_mode, user_id, is_bot, api_id from sessions where length(auth_key) > 0 limit 1";
const OLD_PYROGRAM: &str =
    "select dc_id, auth_key, test_mode, user_id, is_bot, null from sessions where length(auth_key) > 0 limit 1";

/// Session in a row, or `None` if a value is invalid.
type Read = Result<Option<SavedSession>, rusqlite::Error>;

fn begin(row: &Row<'_>) -> Read {
    let (dc_id, key) = (row.get::<_, i64>(0)?, Zeroizing::new(row.get::<_, Vec<u8>>(1)?));
    let (Ok(dc_id @ 1..), Ok(key)) = (u8::try_from(dc_id), <[u8; 256]>::try_from(key.as_slice())) else {
        return Ok(None);
    };
    let key = Zeroizing::new(key);
    // A key of zeros is not a key.
    Ok(key.iter().any(|byte| *byte != 0).then(|| SavedSession::new(dc_id, AuthKey::from_bytes(*key))))
}

fn of_telethon(row: &Row<'_>) -> Read {
    let (host, port) = (row.get::<_, Option<String>>(2)?, row.get::<_, Option<i64>>(3)?);
    let is_host = |host: &String| host.parse::<IpAddr>().is_ok();
    let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    Ok(begin(row)?.map(|session| SavedSession { addr: host.filter(is_host).zip(port), ..session }))
}

/// The address that newer versions save is a constant default of the table for every data centre, so it is ignored.
fn of_pyrogram(row: &Row<'_>) -> Read {
    let is_test = row.get::<_, Option<bool>>(2)? == Some(true);
    let (user_id, api_id) = (row.get::<_, Option<i64>>(3)?, row.get::<_, Option<i64>>(5)?);
    let is_bot = row.get(4)?;
    let environment = if is_test { Environment::Test } else { Environment::Production };
    let user_id = user_id.filter(|id| (1..1 << 53).contains(id));
    let api_id = api_id.and_then(|id| i32::try_from(id).ok()).filter(|id| *id > 0);
    let session = begin(row)?.filter(|session| dcs::address(environment, session.dc_id).is_some());
    Ok(session.map(|session| SavedSession { environment: Some(environment), user_id, is_bot, api_id, ..session }))
}
