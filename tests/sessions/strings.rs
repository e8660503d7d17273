//! Session strings, compared with those that the libraries themselves wrote.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, MediaDc, SavedSession, StringError, WriteError, string};
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

fn file() -> Value {
    serde_json::from_str(include_str!("../fixtures/session_strings.json")).unwrap()
}

fn key(hex: &Value) -> AuthKey {
    let hex = hex.as_str().unwrap();
    AuthKey::from_bytes(std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()))
}

fn addr(value: &Value) -> Option<(String, u16)> {
    let host = value.get("ip").or(value.get("address"))?.as_str()?;
    Some((host.to_owned(), u16::try_from(value["port"].as_u64()?).ok()?))
}

/// Session described by a vector's fields.
fn expected(library: &str, fields: &Value, auth_key: AuthKey) -> (Format, SavedSession) {
    let dc = |v: &Value| u8::try_from(v.as_u64().unwrap()).unwrap();
    let environment = |is_test| if is_test { Environment::Test } else { Environment::Production };
    match library {
        "telethon" | "gramjs" => {
            let format = if library == "telethon" { Format::Telethon } else { Format::GramJs };
            (format, SavedSession { addr: addr(fields), ..SavedSession::new(dc(&fields["dc_id"]), auth_key) })
        }
        "pyrogram_kurigram" => {
            let format = match fields["format"].as_str() {
                Some("old351") => Format::Pyrogram351,
                Some("old356") => Format::Pyrogram356,
                _ => Format::Pyrogram,
            };
            let session = SavedSession {
                environment: fields["test_mode"].as_bool().map(environment),
                user_id: fields["user_id"].as_i64(),
                is_bot: fields["is_bot"].as_bool(),
                api_id: fields["api_id"].as_i64().map(|id| i32::try_from(id).unwrap()),
                ..SavedSession::new(dc(&fields["dc_id"]), auth_key)
            };
            (format, session)
        }
        "mtcute" => {
            let media = fields.get("media").map(|m| MediaDc {
                dc_id: dc(&m["id"]),
                addr: addr(m).unwrap(),
                media_only: m["media_only"].as_bool().unwrap(),
            });
            let session = SavedSession {
                addr: addr(&fields["main"]),
                environment: Some(Environment::Production),
                user_id: fields["self"]["user_id"].as_i64(),
                is_bot: fields["self"]["bot"].as_bool(),
                media,
                ..SavedSession::new(dc(&fields["main"]["id"]), auth_key)
            };
            (Format::Mtcute, session)
        }
        _ => unreachable!(),
    }
}

/// Every string of the fixture, with its format and session.
fn vectors() -> Vec<(String, Format, SavedSession)> {
    let file = file();
    let key = key(&file["auth_key_hex"]);
    let mut all = Vec::new();
    for (library, count) in [("telethon", 3), ("gramjs", 3), ("pyrogram_kurigram", 5), ("mtcute", 4)] {
        let vectors = file[library]["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), count, "{library}");
        for vector in vectors {
            let (format, session) = expected(library, &vector["fields"], key.clone());
            all.push((vector["string"].as_str().unwrap().to_owned(), format, session));
        }
    }
    all
}

/// Session as text: all fields, the key by its id.
fn shown(session: &SavedSession) -> String {
    format!("{session:?}")
}

#[test]
fn the_libraries_strings_in_and_out() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 15);
    for (text, format, expected) in vectors {
        assert_eq!(Format::recognise(&text), Some(format), "{text}");
        let (as_read, session) = string::parse(&text).unwrap();
        assert_eq!((as_read, shown(&session)), (format, shown(&expected)));
        assert!(session.auth_key.is(&expected.auth_key));
        assert_eq!(string::write(&expected, format).unwrap().as_str(), text);
        assert_eq!(string::parse(&format!(" \n{text}\r\n")).unwrap().0, format, "blanks around it");
    }
}

#[test]
fn gramjs_reads_telethons_strings_as_we_do() {
    let file = file();
    for (nth, name) in ["reads_telethon_v4", "reads_telethon_v6"].iter().enumerate() {
        let text = file["telethon"]["vectors"][nth]["string"].as_str().unwrap();
        let seen = &file["gramjs"][name];
        let (_, session) = string::parse(text).unwrap();
        let (host, port) = session.addr.unwrap();
        assert_eq!((seen[0].as_u64(), seen[2].as_u64()), (Some(session.dc_id.into()), Some(port.into())));
        assert_eq!(seen[1].as_str(), Some(host.as_str()));
    }
}

#[test]
fn our_own_holds_what_any_string_holds() {
    for (text, _, session) in vectors() {
        let ours = string::write(&session, Format::Nanogram).unwrap();
        assert!(ours.starts_with("nanogram1:"));
        let (format, same) = string::parse(&ours).unwrap();
        let without_media = SavedSession { media: None, ..session.clone() };
        assert_eq!((format, shown(&same)), (Format::Nanogram, shown(&without_media)), "{text}");
        assert!(same.auth_key.is(&session.auth_key));
    }
}

#[test]
fn conversions_fill_in_what_the_table_knows() {
    let vectors = vectors();
    let to = |nth: usize, format| string::parse(&string::write(&vectors[nth].2, format).unwrap()).unwrap().1;
    // Pyrogram stores no address: it comes from the table.
    assert_eq!(to(6, Format::Telethon).addr, Some(("149.154.167.51".into(), 443)));
    assert_eq!(to(8, Format::GramJs).addr, Some(("149.154.167.40".into(), 443)), "of the test environment");
    // A web host name stands for its data centre.
    assert_eq!(to(4, Format::Telethon).addr, Some(("149.154.167.51".into(), 443)));
    // Telethon stores no environment: the address determines it.
    assert_eq!(to(0, Format::Mtcute).environment, Some(Environment::Production));
    assert_eq!(to(1, Format::Mtcute).addr, vectors[1].2.addr);
}

#[test]
fn what_a_format_cannot_say_is_refused() {
    let base = SavedSession::new(2, AuthKey::from_bytes([9; 256]));
    let refused = |session: &SavedSession, format| string::write(session, format).unwrap_err();
    let with_addr = |host: &str, port| SavedSession { addr: Some((host.into(), port)), ..base.clone() };
    let missing = |format, what| WriteError::Missing { format, what };

    assert_eq!(refused(&base, Format::Pyrogram), missing(Format::Pyrogram, "production or test"));
    let base = SavedSession { environment: Some(Environment::Production), ..base.clone() };
    assert_eq!(refused(&base, Format::Pyrogram), missing(Format::Pyrogram, "the user id"));
    let user = SavedSession { user_id: Some(1 << 40), is_bot: Some(false), ..base.clone() };
    assert_eq!(refused(&user, Format::Pyrogram), missing(Format::Pyrogram, "the api_id"));
    assert!(matches!(refused(&user, Format::Pyrogram351), WriteError::NoPlace { .. }));
    assert!(string::write(&user, Format::Pyrogram356).is_ok());
    let unknown = SavedSession { dc_id: 77, ..base.clone() };
    assert_eq!(refused(&unknown, Format::Telethon), missing(Format::Telethon, "the address"));
    for (session, format) in [
        (with_addr("example.org", 443), Format::Telethon),
        (with_addr("10.0.0.1", 32_768), Format::GramJs),
        (with_addr("dc2", 443), Format::GramJs),
        (with_addr(&"x".repeat(101), 443), Format::GramJs),
        (with_addr(&"x".repeat(101), 443), Format::Nanogram),
        (with_addr("localhost", 443), Format::Pyrogram),
        (with_addr("192.168.1.2", 443), Format::Pyrogram),
        (with_addr("::1", 443), Format::Pyrogram),
    ] {
        let e = refused(&session, format);
        assert!(matches!(e, WriteError::NoPlace { .. }), "{format}: {e}");
    }
    // An IPv6 address that begins with zeros resembles a short GramJS host, except for its length.
    let (format, session) = string::parse(&string::write(&with_addr("::1", 443), Format::Telethon).unwrap()).unwrap();
    assert_eq!((format, session.addr), (Format::Telethon, Some(("::1".into(), 443))));
}

#[test]
fn a_part_of_a_string_is_none() {
    let mut texts: Vec<String> = vectors().into_iter().map(|(text, ..)| text).collect();
    texts.extend(vectors().iter().map(|(_, _, session)| string::write(session, Format::Nanogram).unwrap().to_string()));
    for text in &texts {
        for end in 0..text.len() {
            match string::parse(&text[..end]) {
                Err(e) => assert!(!e.to_string().is_empty()),
                // Copying by double click loses the padding, and nothing else.
                Ok(_) => assert_eq!(text.trim_end_matches('='), &text[..end]),
            }
            if end > 0 {
                assert!(string::parse(&text[end..]).is_err(), "{}", &text[end..]);
            }
        }
        for longer in [format!("{text}A"), format!("{text}AAAA"), format!("{text}==="), format!("{text}{text}")] {
            assert!(string::parse(&longer).is_err(), "{longer}");
        }
    }
}

#[test]
fn our_own_shows_every_change() {
    let session = &vectors()[11].2;
    let text = string::write(session, Format::Nanogram).unwrap();
    for at in 0..text.len() {
        for other in ["A", "B", "-", "=", "+", " ", "9"] {
            let mut changed = text.to_string();
            changed.replace_range(at..=at, other);
            let is_same = changed.replace('+', "-") == *text;
            assert!(is_same || string::parse(&changed).is_err(), "{changed}");
        }
    }
    assert_eq!(string::parse("nanogram2:AAAA").unwrap_err(), StringError::Version(2));
    assert!(string::parse("nanogram1:AAAA").unwrap_err().to_string().contains("length"));
}

#[test]
fn no_key_no_session() {
    let empty =
        SavedSession { environment: Some(Environment::Test), ..SavedSession::new(2, AuthKey::from_bytes([0; 256])) };
    for format in [Format::Telethon, Format::GramJs, Format::Mtcute, Format::Nanogram] {
        assert_eq!(string::parse(&string::write(&empty, format).unwrap()).unwrap_err(), StringError::NoKey);
    }
}

#[test]
fn the_key_is_never_shown() {
    for (text, _, session) in vectors() {
        let shown = format!("{session:?}");
        assert!(shown.contains("32d1586ea457dfc8"), "{shown}");
        assert!(!shown.contains("00010203") && !shown.contains("0, 1, 2, 3"), "{shown}");
        // An error does not repeat the refused text.
        let e = string::parse(&text[..text.len() - 20]).unwrap_err();
        assert!(!format!("{e} {e:?}").contains(&text[100..110]));
    }
}

#[test]
fn names_of_formats() {
    for format in [Format::Telethon, Format::GramJs, Format::Pyrogram, Format::Mtcute, Format::Nanogram] {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!("Kurigram".parse(), Ok(Format::Pyrogram));
    assert!("tdata".parse::<Format>().is_err());
}

#[test]
fn nothing_panics_and_what_reads_can_be_written() {
    let vectors = vectors();
    let mut rng = ChaCha12Rng::seed_from_u64(351);
    let mut read = 0;
    for _ in 0..30_000 {
        let mut text = vectors[rng.random_range(0..vectors.len())].0.clone().into_bytes();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..text.len());
            match rng.random_range(0..4) {
                0 => text[at.min(12)] = b"ABCw-_/+=1"[rng.random_range(0..10)],
                1 => text[at] = rng.random_range(b' '..=b'~'),
                2 => text.insert(at, b'A'),
                _ => drop(text.remove(at)),
            }
        }
        if let Ok((format, session)) = string::parse(std::str::from_utf8(&text).unwrap()) {
            read += 1;
            for to in [format, Format::Nanogram] {
                // Other formats may lack a field; nanogram's format has all.
                match string::write(&session, to) {
                    Ok(text) => assert_eq!(string::parse(&text).unwrap().0, to),
                    Err(e) => assert!(to != Format::Nanogram, "{e}"),
                }
            }
        }
    }
    assert!(read > 1_000, "only {read} of the texts were sessions");
}

/// Found by fuzzing: GramJS stores the port as a signed number, and a string with a negative one was accepted but could
/// not be written again.
#[test]
fn a_gramjs_port_above_32767_is_refused() {
    let text = include_str!("../fixtures/findings/session_string-gramjs-port-above-32767.txt");
    assert!(string::parse(text).is_err());
}
