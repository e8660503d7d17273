//! Recordings in JSON; the format is shown at [`Recording::from_json`].

use super::{CaptureError, Chunk, Connection, Recording, Secrets};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::crypto::auth_key::AuthKey;
#[cfg(feature = "dc")]
use crate::lab::server::rsa::RsaPrivateKey;
use crate::protocol::keylog::{Entry, Hex, KeyLog, unhex};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

pub(super) fn read(text: &str) -> Result<Recording, CaptureError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let root = values.next().unwrap_or_else(|| serde_json::from_str(text)).map_err(|e| match e.is_eof() {
        true => CaptureError::Cut(e.line(), e.column()),
        false => CaptureError::Json(e.line(), e.column()),
    })?;
    let (whole, appended) = text.split_at(values.byte_offset());
    let listed = root.get("connections").and_then(Value::as_array).ok_or_else(|| shape("connections"))?;
    let connections = listed.iter().enumerate().map(|(at, one)| connection(one, &format!("connections[{at}]")));
    let mut recording = Recording {
        label: text_of(&root, "label"),
        connections: connections.collect::<Result<_, _>>()?,
        secrets: Secrets::default(),
        is_cut: false,
    };
    add_secrets(&mut recording.secrets, &root)?;
    append(&mut recording, appended, whole.matches('\n').count())?;
    Ok(recording)
}

/// Takes in what was appended to a recording, a line for each entry; `before` lines came before it.
fn append(recording: &mut Recording, text: &str, before: usize) -> Result<(), CaptureError> {
    let lines = text.split_inclusive('\n').zip(before + 1..).filter(|(line, _)| !line.trim().is_empty());
    for (line, number) in lines {
        match serde_json::from_str(line) {
            Ok(value) => add(recording, &value, &format!("line {number}: "))?,
            // Only the last line has no end: whoever wrote it was stopped.
            Err(e) if e.is_eof() && !line.ends_with('\n') => recording.is_cut = true,
            Err(e) => return Err(CaptureError::Json(number, e.column())),
        }
    }
    Ok(())
}

fn add(recording: &mut Recording, value: &Value, place: &str) -> Result<(), CaptureError> {
    add_secrets(&mut recording.secrets, value)?;
    let number = value.get("connection").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let bad = || shape(&format!("{place}connection"));
    if value.get("name").is_some() {
        if number != Some(recording.connections.len()) {
            return Err(bad());
        }
        recording.connections.push(Connection { name: text_of(value, "name"), ..Connection::default() });
    } else if value.get("hex").is_some() {
        let connection = number.and_then(|number| recording.connections.get_mut(number)).ok_or_else(bad)?;
        connection.chunks.push(chunk(value, place)?);
    }
    Ok(())
}

fn connection(value: &Value, place: &str) -> Result<Connection, CaptureError> {
    let events = value.get("events").and_then(Value::as_array).ok_or_else(|| shape(&format!("{place}.events")))?;
    let mut chunks = Vec::new();
    // Events without bytes, such as a close, are for other tools.
    for (at, event) in events.iter().enumerate().filter(|(_, event)| event.get("hex").is_some()) {
        chunks.push(chunk(event, &format!("{place}.events[{at}]."))?);
    }
    Ok(Connection { name: text_of(value, "name"), chunks, has_gap: false })
}

fn chunk(event: &Value, place: &str) -> Result<Chunk, CaptureError> {
    let bad = |name: &str| shape(&format!("{place}{name}"));
    Ok(Chunk {
        at: event.get("t").and_then(Value::as_f64).map(instant).ok_or_else(|| bad("t"))?,
        from: match event.get("dir").and_then(Value::as_str) {
            Some("c2s") => Side::Client,
            Some("s2c") => Side::Server,
            _ => return Err(bad("dir")),
        },
        bytes: event.get("hex").and_then(Value::as_str).and_then(unhex).ok_or_else(|| bad("hex"))?.into(),
    })
}

/// Microseconds; what is before the start is at the start.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn instant(secs: f64) -> Instant {
    Instant::from_micros((secs * 1e6 + 0.5) as u64)
}

fn add_secrets(secrets: &mut Secrets, root: &Value) -> Result<(), CaptureError> {
    for (id, key) in object(root, "auth_keys") {
        let key = key.get("auth_key").unwrap_or(key).as_str().and_then(unhex).and_then(|key| key.try_into().ok());
        // The id is redundant, so it detects a damaged key.
        let key = key.map(AuthKey::from_bytes).filter(|key| Some(&key.id()[..]) == unhex(id).as_deref());
        secrets.note(&Entry::AuthKey(key.ok_or_else(|| shape(&format!("auth_keys.{id}")))?));
    }
    for (nonce, new_nonce) in object(root, "new_nonces") {
        let pair = unhex(nonce).zip(new_nonce.as_str().and_then(unhex));
        let pair = pair.and_then(|(nonce, new_nonce)| Some((nonce.try_into().ok()?, new_nonce.try_into().ok()?)));
        let (nonce, new_nonce) = pair.ok_or_else(|| shape(&format!("new_nonces.{nonce}")))?;
        secrets.note(&Entry::NewNonce { nonce, new_nonce });
    }
    #[cfg(feature = "dc")]
    if let Some(pem) = root.get("rsa_private_pem").and_then(Value::as_str) {
        secrets.add_rsa(RsaPrivateKey::from_pem(pem).map_err(|_| shape("rsa_private_pem"))?);
    }
    Ok(())
}

fn object<'v>(root: &'v Value, name: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    root.get(name).and_then(Value::as_object).into_iter().flatten()
}
fn text_of(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().into()
}
fn shape(place: &str) -> CaptureError {
    CaptureError::Shape(place.into())
}

pub(super) fn write(recording: &Recording) -> Value {
    let mut root = Map::new();
    root.insert("label".into(), recording.label.as_str().into());
    #[cfg(feature = "dc")]
    if let Some(pem) = recording.secrets.rsa.first().and_then(RsaPrivateKey::to_pem) {
        root.insert("rsa_private_pem".into(), pem.into());
    }
    root.insert("auth_keys".into(), Value::Object(recording.secrets.keys().map(key_entry).collect()));
    let nonces = recording.secrets.new_nonces.iter().map(|(nonce, new)| (hex(nonce), hex(new).into()));
    root.insert("new_nonces".into(), Value::Object(nonces.collect()));
    let connections = recording.connections.iter().map(|connection| {
        let events = connection.chunks.iter().map(|chunk| Value::Object(event(chunk)));
        json!({ "name": connection.name, "events": events.collect::<Vec<_>>() })
    });
    root.insert("connections".into(), connections.collect());
    Value::Object(root)
}

fn hex(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}
fn key_entry(key: &AuthKey) -> (String, Value) {
    (hex(&key.id()), json!({ "auth_key": hex(key.as_bytes()) }))
}
fn event(chunk: &Chunk) -> Map<String, Value> {
    let dir = if chunk.from == Side::Client { "c2s" } else { "s2c" };
    [("t", seconds(chunk.at).into()), ("dir", dir.into()), ("hex", hex(&chunk.bytes).into())]
        .map(|(name, value): (_, Value)| (name.to_string(), value))
        .into_iter()
        .collect()
}

/// A key, as an entry that is appended.
#[cfg(all(feature = "client", feature = "dc"))]
pub(crate) fn appended_key(key: &AuthKey) -> Value {
    json!({ "auth_keys": Value::Object([key_entry(key)].into_iter().collect()) })
}
/// The beginning of connection `number`, as an entry that is appended.
#[cfg(all(feature = "client", feature = "dc"))]
pub(crate) fn appended_connection(number: usize, name: &str) -> Value {
    json!({ "connection": number, "name": name })
}
/// Bytes of connection `number`, as an entry that is appended.
#[cfg(all(feature = "client", feature = "dc"))]
pub(crate) fn appended_chunk(number: usize, chunk: &Chunk) -> Value {
    let mut entry = event(chunk);
    entry.insert("connection".into(), number.into());
    Value::Object(entry)
}

#[expect(clippy::cast_precision_loss, reason = "exact for two hundred years")]
pub(super) fn seconds(at: Instant) -> f64 {
    at.as_micros() as f64 / 1e6
}
