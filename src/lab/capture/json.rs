//! Recordings in JSON: the shape is drawn at [`Recording::from_json`].

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
    let root: Value = serde_json::from_str(text).map_err(|e| CaptureError::Json(e.line(), e.column()))?;
    let listed = root.get("connections").and_then(Value::as_array).ok_or_else(|| shape("connections"))?;
    let connections = listed.iter().enumerate().map(|(at, one)| connection(one, &format!("connections[{at}]")));
    Ok(Recording {
        label: text_of(&root, "label"),
        connections: connections.collect::<Result<_, _>>()?,
        secrets: secrets(&root)?,
    })
}

fn connection(value: &Value, place: &str) -> Result<Connection, CaptureError> {
    let events = value.get("events").and_then(Value::as_array).ok_or_else(|| shape(&format!("{place}.events")))?;
    let mut chunks = Vec::new();
    for (at, event) in events.iter().enumerate().filter(|(_, event)| event.get("hex").is_some()) {
        let bad = |name: &str| shape(&format!("{place}.events[{at}].{name}"));
        chunks.push(Chunk {
            at: event.get("t").and_then(Value::as_f64).map(instant).ok_or_else(|| bad("t"))?,
            from: match event.get("dir").and_then(Value::as_str) {
                Some("c2s") => Side::Client,
                Some("s2c") => Side::Server,
                _ => return Err(bad("dir")),
            },
            bytes: event.get("hex").and_then(Value::as_str).and_then(unhex).ok_or_else(|| bad("hex"))?.into(),
        });
    }
    Ok(Connection { name: text_of(value, "name"), chunks, has_gap: false })
}

/// Microseconds; what is before the start is at the start.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn instant(secs: f64) -> Instant {
    Instant::from_micros((secs * 1e6 + 0.5) as u64)
}

fn secrets(root: &Value) -> Result<Secrets, CaptureError> {
    let mut secrets = Secrets::default();
    for (id, key) in object(root, "auth_keys") {
        let key = key.get("auth_key").unwrap_or(key).as_str().and_then(unhex).and_then(|key| key.try_into().ok());
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
    Ok(secrets)
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
    let hex = |bytes: &[u8]| Hex(bytes).to_string();
    let keys = recording.secrets.keys().map(|key| (hex(&key.id()), json!({ "auth_key": hex(key.as_bytes()) })));
    root.insert("auth_keys".into(), Value::Object(keys.collect()));
    let nonces = recording.secrets.new_nonces.iter().map(|(nonce, new)| (hex(nonce), hex(new).into()));
    root.insert("new_nonces".into(), Value::Object(nonces.collect()));
    let connections = recording.connections.iter().map(|connection| {
        let events = connection.chunks.iter().map(|chunk| {
            let dir = if chunk.from == Side::Client { "c2s" } else { "s2c" };
            json!({ "t": seconds(chunk.at), "dir": dir, "hex": hex(&chunk.bytes) })
        });
        json!({ "name": connection.name, "events": events.collect::<Vec<_>>() })
    });
    root.insert("connections".into(), connections.collect());
    Value::Object(root)
}

#[expect(clippy::cast_precision_loss, reason = "exact for two hundred years")]
pub(super) fn seconds(at: Instant) -> f64 {
    at.as_micros() as f64 / 1e6
}
