//! Binary layout of a [`State`].
//!
//! ```text
//! "nanogram" | version:4 | length:4 | environment:4 | home:4 | flags:4
//!   | [user_id:8 Bool] | [api_id:4] | [clock:8] | [config_date:4 config_expires:4]        flags 1, 2, 4, 8
//!   | count:4 ( dc:4 made_at:4 auth_key:256 salts Bool [temporary] )*                     keys
//!   | count:4 ( username as TL string, kind:4 id:8 access_hash:8 seen:8 )*                names
//!   | count:4 ( dc:4 ip as TL bytes, port:4 )*                                            addresses
//!   | count:4 ( fingerprint:8 )*                                                          servers, since version 3
//!   | SHA-256:32 of everything before
//!
//! salts      count:4 ( salt:8 valid_since:4 valid_until:4 )*
//! temporary  expires_at:4 auth_key:256 salts
//! ```
//!
//! Flag 16: the built-in addresses are not used. Flag 32, since version 3: the servers are Telegram's. The fingerprints
//! are those of the RSA keys of private servers. With neither, the servers are unknown.
//!
//! Version 2 did not record the owner of the servers. Such a file is assumed to be Telegram's unless it has flag 16 or
//! an address in a private network. In that case it belongs to unknown private servers and is never used with
//! Telegram's.
//!
//! Numbers are little-endian, as in TL. The length detects a truncated file and the hash a modified one. Both are
//! refused, because a partial state is worse than none. All variable parts have limits.

use super::names::{CachedName, KINDS};
use super::realm::{MAX_FINGERPRINTS, Servers};
use super::saved::is_local;
use super::state::{ConfigAge, DcKey, MAX_BYTES, MAX_SALTS, SavedSalt, SavedUser, State, StateError, TempKey, VERSION};
use crate::base::time::UnixTime;
use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::Environment;
use crate::telegram::link::Username;
use crate::tl::{Reader, Tl, write_bytes};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"nanogram";
const HASH: usize = 32;
/// Oldest version that can be read.
const OLDEST: u32 = 2;
/// Length of the header `MAGIC | version:4 | length:4`, in bytes.
const HEAD: usize = MAGIC.len() + 4 + 4;

impl State {
    /// Encodes the state. The bytes contain keys and are wiped on drop.
    ///
    /// Items beyond a limit, such as excess salts, are omitted.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // The buffer never grows, so that no copy of a key is left behind.
        let mut out = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        out.extend_from_slice(MAGIC);
        VERSION.write(&mut out);
        let length_at = out.len();
        // A placeholder, replaced by the length below.
        0_u32.write(&mut out);
        u32::from(self.dcs.environment() == Environment::Test).write(&mut out);
        u32::from(self.home).write(&mut out);
        self.write_account(&mut out);
        self.write_keys(&mut out);
        self.write_names(&mut out);
        self.write_addresses(&mut out);
        self.write_servers(&mut out);

        let length = u32::try_from(out.len() + HASH).unwrap_or(u32::MAX).to_le_bytes();
        if let Some(place) = out.get_mut(length_at..).and_then(<[u8]>::first_chunk_mut) {
            *place = length;
        }
        let hash: [u8; HASH] = Sha256::digest(&*out).into();
        out.extend_from_slice(&hash);
        out
    }

    fn write_account(&self, out: &mut Vec<u8>) {
        // In the order of the flag bits, the lowest first.
        let there = [
            self.user.is_some(),
            self.api_id.is_some(),
            self.clock_offset.is_some(),
            self.config.is_some(),
            !self.dcs.has_built_in(),
            self.servers == Servers::Telegram,
        ];
        there.iter().rev().fold(0_u32, |flags, is_there| flags << 1 | u32::from(*is_there)).write(out);
        if let Some(user) = self.user {
            user.id.write(out);
            user.is_bot.write(out);
        }
        if let Some(api_id) = self.api_id {
            api_id.write(out);
        }
        if let Some(offset) = self.clock_offset {
            offset.write(out);
        }
        if let Some(ConfigAge { date, expires }) = self.config {
            date.write(out);
            expires.write(out);
        }
    }
    fn write_keys(&self, out: &mut Vec<u8>) {
        count(self.keys.len()).write(out);
        for (dc_id, key) in &self.keys {
            u32::from(*dc_id).write(out);
            key.made_at.write(out);
            out.extend_from_slice(key.auth_key.as_bytes());
            write_salts(&key.salts, out);
            key.temporary.is_some().write(out);
            if let Some(temporary) = &key.temporary {
                temporary.expires_at.write(out);
                out.extend_from_slice(temporary.auth_key.as_bytes());
                write_salts(&temporary.salts, out);
            }
        }
    }
    fn write_names(&self, out: &mut Vec<u8>) {
        count(self.names.iter().count()).write(out);
        for name in self.names.iter() {
            write_bytes(name.username.as_str().as_bytes(), out);
            // The index of the kind in `KINDS`.
            count(KINDS.iter().take_while(|kind| **kind != name.kind).count()).write(out);
            name.id.write(out);
            name.access_hash.write(out);
            name.seen.as_micros().write(out);
        }
    }
    fn write_addresses(&self, out: &mut Vec<u8>) {
        count(self.dcs.offered().count()).write(out);
        for (dc_id, addr) in self.dcs.offered() {
            u32::from(dc_id).write(out);
            match addr.ip() {
                IpAddr::V4(ip) => write_bytes(&ip.octets(), out),
                IpAddr::V6(ip) => write_bytes(&ip.octets(), out),
            }
            u32::from(addr.port()).write(out);
        }
    }

    fn write_servers(&self, out: &mut Vec<u8>) {
        let own = match &self.servers {
            Servers::Own(own) => own.as_slice(),
            _ => &[],
        };
        count(own.len().min(MAX_FINGERPRINTS)).write(out);
        for fingerprint in own.iter().take(MAX_FINGERPRINTS) {
            fingerprint.write(out);
        }
    }

    /// Decodes the output of [`to_bytes`](Self::to_bytes) completely, or fails. Version 2, without `servers`, is
    /// accepted.
    ///
    /// # Errors
    /// The bytes are not a state, have another version, or are truncated or modified.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut r = Reader::new(bytes);
        if r.array() != Ok(MAGIC) {
            return Err(if MAGIC.starts_with(bytes) { StateError::Cut } else { StateError::Foreign });
        }
        let version = r.u32()?;
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(StateError::Version(version));
        }
        let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
        // Reported before the hash is compared, which is part of what is missing.
        if bytes.len() < length {
            return Err(StateError::Cut);
        }
        let (body, hash) = bytes.split_last_chunk::<HASH>().ok_or(StateError::Cut)?;
        let is_whole = bytes.len() == length && bytes.len() <= MAX_BYTES && Sha256::digest(body).as_slice() == hash;
        let mut r = Reader::new(body.get(HEAD..).filter(|_| is_whole).ok_or(StateError::Damaged)?);

        let environment = match r.u32()? {
            0 => Environment::Production,
            1 => Environment::Test,
            _ => return Err(StateError::Invalid("the environment")),
        };
        let mut state = Self::new(environment, 0);
        state.home = state.read_dc(&mut r)?;
        let is_telegrams = state.read_account(&mut r, version)?;
        state.read_keys(&mut r)?;
        state.read_names(&mut r)?;
        state.read_addresses(&mut r)?;
        state.servers = match version {
            OLDEST => state.inferred_servers(),
            _ => read_servers(&mut r, is_telegrams)?,
        };
        // A contradiction: Telegram's servers always have built-in addresses.
        if state.servers == Servers::Telegram && !state.dcs.has_built_in() {
            return Err(StateError::Invalid("the servers"));
        }
        r.end()?;
        Ok(state)
    }

    fn read_dc(&self, r: &mut Reader<'_>) -> Result<u8, StateError> {
        self.dcs.known(r.i32()?).ok_or(StateError::Invalid("a data centre"))
    }
    /// Determines the servers of a file that does not record them.
    fn inferred_servers(&mut self) -> Servers {
        if self.dcs.offered().any(|(_, addr)| is_local(addr.ip())) {
            self.dcs.drop_built_in();
        }
        if self.dcs.has_built_in() { Servers::Telegram } else { Servers::Unknown }
    }
    /// Reads the account. Returns true if the servers are Telegram's.
    fn read_account(&mut self, r: &mut Reader<'_>, version: u32) -> Result<bool, StateError> {
        let flags = r.u32()?;
        // An unknown flag could announce a field, and the rest would be misread.
        if flags > if version == OLDEST { 0b1_1111 } else { 0b11_1111 } {
            return Err(StateError::Invalid("the flags"));
        }
        if flags & 1 != 0 {
            self.user = Some(SavedUser { id: r.i64()?, is_bot: bool::read(r)? });
        }
        if flags & 2 != 0 {
            self.api_id = Some(r.i32()?);
        }
        if flags & 4 != 0 {
            self.clock_offset = Some(r.i64()?);
        }
        if flags & 8 != 0 {
            self.config = Some(ConfigAge { date: r.i32()?, expires: r.i32()? });
        }
        if flags & 16 != 0 {
            self.dcs.drop_built_in();
        }
        Ok(flags & 32 != 0)
    }
    fn read_keys(&mut self, r: &mut Reader<'_>) -> Result<(), StateError> {
        // The smallest size of an entry bounds the count by the length of the file.
        for _ in 0..r.count(4 + 4 + 256 + 4 + 4)? {
            let (dc_id, made_at) = (self.read_dc(r)?, r.i32()?);
            let (auth_key, salts) = (AuthKey::from_bytes(*r.array()?), read_salts(r)?);
            let temporary = match bool::read(r)? {
                true => {
                    let expires_at = r.i32()?;
                    Some(TempKey { auth_key: AuthKey::from_bytes(*r.array()?), expires_at, salts: read_salts(r)? })
                }
                false => None,
            };
            self.keys.insert(dc_id, DcKey { auth_key, made_at, salts, temporary });
        }
        Ok(())
    }
    fn read_names(&mut self, r: &mut Reader<'_>) -> Result<(), StateError> {
        for _ in 0..r.count(4 + 4 + 24)? {
            let username = core::str::from_utf8(r.bytes()?).ok().and_then(|name| Username::parse(name).ok());
            let username = username.ok_or(StateError::Invalid("a username"))?;
            let kind = usize::try_from(r.u32()?).ok().and_then(|at| KINDS.get(at)).copied();
            let kind = kind.ok_or(StateError::Invalid("a username"))?;
            let (id, access_hash, seen) = (r.i64()?, r.i64()?, UnixTime::from_micros(r.i64()?));
            self.names.insert(CachedName { username, kind, id, access_hash, seen });
        }
        Ok(())
    }
    fn read_addresses(&mut self, r: &mut Reader<'_>) -> Result<(), StateError> {
        for _ in 0..r.count(4 + 8 + 4)? {
            let dc_id = self.read_dc(r)?;
            let ip = r.bytes()?;
            // The length distinguishes IPv4 from IPv6.
            let v4 = <[u8; 4]>::try_from(ip).map(IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(ip).map(IpAddr::from));
            let place = ip.ok().zip(u16::try_from(r.u32()?).ok()).map(SocketAddr::from);
            if !place.is_some_and(|place| self.dcs.add(dc_id, place)) {
                return Err(StateError::Invalid("an address"));
            }
        }
        Ok(())
    }
}

fn read_servers(r: &mut Reader<'_>, is_telegrams: bool) -> Result<Servers, StateError> {
    let mut own = Vec::new();
    for _ in 0..r.count(8)? {
        own.push(r.i64()?);
    }
    match (is_telegrams, own.len()) {
        (true, 0) => Ok(Servers::Telegram),
        (false, 0) => Ok(Servers::Unknown),
        (false, ..=MAX_FINGERPRINTS) => Ok(Servers::Own(own)),
        _ => Err(StateError::Invalid("the servers")),
    }
}

fn write_salts(salts: &[SavedSalt], out: &mut Vec<u8>) {
    count(salts.len().min(MAX_SALTS)).write(out);
    for salt in salts.iter().take(MAX_SALTS) {
        salt.salt.write(out);
        salt.valid_since.write(out);
        salt.valid_until.write(out);
    }
}

fn read_salts(r: &mut Reader<'_>) -> Result<Vec<SavedSalt>, StateError> {
    let mut salts = Vec::new();
    for _ in 0..r.count(16)? {
        salts.push(SavedSalt { salt: r.i64()?, valid_since: r.i32()?, valid_until: r.i32()? });
    }
    Ok(salts)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
