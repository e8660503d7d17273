//! Session databases of Telethon, Pyrogram and grammers; that of mtcute is named.

use super::Other;
use crate::account::bad_file;
use crate::failure::Failure;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::telegram::dcs;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::SavedSession;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use zeroize::Zeroizing;

// Source: @mtcute/core 0.30.3, highlevel/base.js (`exportSession`, a promise); run by tests/interop/matrix_mtcute.mjs.
const MTCUTE: Other =
    Other { name: "a database of mtcute", hint: "in a program that uses it: console.log(await tg.exportSession())" };
const DATABASE: Other = Other {
    name: "an SQLite database, but not one of Telethon, Pyrogram, mtcute or grammers",
    hint: "a session string will do as well: see how the program that wrote it exports one",
};

/// Reads a database without changing it.
pub(super) fn read(path: &Path) -> Result<(&'static str, SavedSession), Failure> {
    let bad = |error: rusqlite::Error| bad_file(path, &format!("the database cannot be read: {error}"));
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(bad)?;
    let has = |table: &str, column: &str| {
        let query = "select count(*) from pragma_table_info(?1) where name = ?2";
        connection.query_row(query, [table, column], |row| row.get::<_, i64>(0)).map(|count| count > 0)
    };
    let (name, query): (_, &str) = if has("sessions", "takeout_id").map_err(bad)? {
        (
            "telethon-file",
            "select dc_id, auth_key, server_address, port from sessions where length(auth_key) > 0 limit 1",
        )
    } else if has("sessions", "test_mode").map_err(bad)? {
        // The oldest have no api_id.
        let has_api_id = has("sessions", "api_id").map_err(bad)?;
        ("pyrogram-file", if has_api_id { PYROGRAM } else { OLD_PYROGRAM })
    } else if has("dc_option", "auth_key").map_err(bad)? {
        ("grammers-file", GRAMMERS)
    } else {
        let other = if has("auth_keys", "key").map_err(bad)? { MTCUTE } else { DATABASE };
        return Err(other.failure(&path.display().to_string()));
    };
    let of = match name {
        "telethon-file" => of_telethon,
        "grammers-file" => of_grammers,
        _ => of_pyrogram,
    };
    let session = connection.query_row(query, [], |row| Ok(of(row))).optional().map_err(bad)?;
    let session =
        session.ok_or_else(|| bad_file(path, "it holds no key: the program that wrote it never connected"))?;
    let session = session.map_err(bad)?;
    session
        .map(|session| (name, session))
        .ok_or_else(|| bad_file(path, "what the row of its session says cannot be so"))
}

const PYROGRAM: &str =
    "select dc_id, auth_key, test_mode, user_id, is_bot, api_id from sessions where length(auth_key) > 0 limit 1";
const OLD_PYROGRAM: &str =
    "select dc_id, auth_key, test_mode, user_id, is_bot, null from sessions where length(auth_key) > 0 limit 1";

/// The data centre that is signed in to; before grammers is, it is 2.
/// Source: grammers-session 0.11.0, src/storages/sqlite.rs (`DcOption`, `DEFAULT_DC`)
const GRAMMERS: &str = "select dc_id, auth_key, ipv4 from dc_option where length(auth_key) > 0 \
                        and dc_id = coalesce((select dc_id from dc_home), 2)";

/// A row, or `None` if a value in it is none of a session.
type Read = Result<Option<SavedSession>, rusqlite::Error>;

fn begin(row: &Row<'_>) -> Read {
    let (dc_id, key) = (row.get::<_, i64>(0)?, Zeroizing::new(row.get::<_, Vec<u8>>(1)?));
    let (Ok(dc_id @ 1..), Ok(key)) = (u8::try_from(dc_id), <[u8; 256]>::try_from(key.as_slice())) else {
        return Ok(None);
    };
    let key = Zeroizing::new(key);
    Ok(key.iter().any(|byte| *byte != 0).then(|| SavedSession::new(dc_id, AuthKey::from_bytes(*key))))
}

fn of_telethon(row: &Row<'_>) -> Read {
    let (host, port) = (row.get::<_, Option<String>>(2)?, row.get::<_, Option<i64>>(3)?);
    let is_host = |host: &String| host.parse::<IpAddr>().is_ok();
    let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    Ok(begin(row)?.map(|session| SavedSession { addr: host.filter(is_host).zip(port), ..session }))
}

fn of_grammers(row: &Row<'_>) -> Read {
    let place = row.get::<_, Option<String>>(2)?.and_then(|text| text.parse::<SocketAddr>().ok());
    let addr = place.filter(|place| place.port() != 0).map(|place| (place.ip().to_string(), place.port()));
    Ok(begin(row)?.map(|session| SavedSession { addr, ..session }))
}

/// The address that newer versions save is a default of the table, whatever the data centre: it is not read.
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
