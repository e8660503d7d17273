//! A [`State`] as bytes.
//!
//! ```text
//! "nanogram" | version:4 | length:4 | environment:4 | home:4 | flags:4
//!   | [user_id:8 Bool] | [api_id:4] | [clock:8] | [config_date:4 config_expires:4]        flags 1, 2, 4, 8
//!   | count:4 ( dc:4 made_at:4 auth_key:256 salts Bool [temporary] )*                     keys
//!   | count:4 ( username as TL string, kind:4 id:8 access_hash:8 seen:8 )*                names
//!   | count:4 ( dc:4 ip as TL bytes, port:4 )*                                            addresses
//!   | count:4 ( fingerprint:8 )*                                                          servers, since version 3
//!   | SHA-256:32 of all before
//!
//! salts      count:4 ( salt:8 valid_since:4 valid_until:4 )*
//! temporary  expires_at:4 auth_key:256 salts
//! ```
//!
//! Flag 16: the addresses are all there are, none is built in. Flag 32, since version 3: the servers are Telegram's.
//! Fingerprints are those of the RSA keys of somebody's own servers. Without either the servers are not known.
//!
//! Version 2 did not record whose the servers are. Such a file is taken to be of Telegram's, unless it has flag 16 or an
//! address in a private network: then it is of servers of somebody's own, which ones is not known, and it is never used
//! at Telegram's.
//!
//! Little-endian, as TL. A file that was cut says so by its length, one that was changed by its hash; both are refused
//! rather than guessed at, because half a state is worse than none. Everything that grows has a limit.

use super::names::{CachedName, KINDS};
use super::realm::{MAX_FINGERPRINTS, Servers};
use super::state::{ConfigAge, DcKey, MAX_BYTES, MAX_SALTS, SavedSalt, SavedUser, State, StateError, TempKey, VERSION};
use crate::base::time::UnixTime;
use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::Environment;
use crate::telegram::link::Username;
use crate::telegram::store::string::is_local;
use crate::tl::{Reader, Tl, write_bytes};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"nanogram";
const HASH: usize = 32;
/// The oldest version that is read.
const OLDEST: u32 = 2;
/// `MAGIC | version:4 | length:4`
const HEAD: usize = MAGIC.len() + 4 + 4;

impl State {
    /// The state as bytes; they hold keys, and are wiped when dropped.
    ///
    /// What is beyond a limit is left out: salts from the end.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Never to grow: no copy of a key is left behind.
        let mut out = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        out.extend_from_slice(MAGIC);
        VERSION.write(&mut out);
        let length_at = out.len();
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

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, all of it or nothing; and version 2, which has no `servers`.
    ///
    /// # Errors
    /// The bytes are something else, of another version, cut, or changed.
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
        if state.servers == Servers::Telegram && !state.dcs.has_built_in() {
            return Err(StateError::Invalid("the servers"));
        }
        r.end()?;
        Ok(state)
    }

    fn read_dc(&self, r: &mut Reader<'_>) -> Result<u8, StateError> {
        self.dcs.known(r.i32()?).ok_or(StateError::Invalid("a data centre"))
    }
    /// Servers of a file that does not name them.
    fn inferred_servers(&mut self) -> Servers {
        if self.dcs.offered().any(|(_, addr)| is_local(addr.ip())) {
            self.dcs.drop_built_in();
        }
        if self.dcs.has_built_in() { Servers::Telegram } else { Servers::Unknown }
    }
    /// The account; whether the servers are Telegram's.
    fn read_account(&mut self, r: &mut Reader<'_>, version: u32) -> Result<bool, StateError> {
        let flags = r.u32()?;
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
mod tests {
    use super::*;
    use crate::telegram::store::names::NameKind;
    use alloc::format;
    use alloc::string::String;

    fn name(username: &str, seen: i64) -> CachedName {
        let username = Username::parse(username).unwrap();
        CachedName { username, kind: NameKind::Channel, id: 1 << 40, access_hash: -7, seen: UnixTime::from_secs(seen) }
    }

    fn auth_key(n: u8) -> AuthKey {
        AuthKey::from_bytes([n; 256])
    }

    fn full() -> State {
        let mut state = State::new(Environment::Test, 2);
        state.dcs.drop_built_in();
        state.servers = Servers::Own(Vec::from([-7, 1 << 40]));
        state.config = Some(ConfigAge { date: 100, expires: 3700 });
        state.user = Some(SavedUser { id: 7_000_000_001, is_bot: false });
        state.api_id = Some(12_345);
        state.clock_offset = Some(-1_500_000);
        for dc_id in 1..=3 {
            let salt =
                |i: i32| SavedSalt { salt: i64::from(i) << 40, valid_since: i * 1800, valid_until: i * 1800 + 3600 };
            let mut key = DcKey { made_at: 5, salts: (0..3).map(salt).collect(), ..DcKey::new(auth_key(dc_id)) };
            if dc_id != 1 {
                let salts = (3..5).map(salt).collect();
                key.temporary = Some(TempKey { auth_key: auth_key(dc_id + 100), expires_at: 86_400, salts });
            }
            state.keys.insert(dc_id, key);
        }
        state.names.insert(name("DurgerKingBot", 100));
        state.names.insert(name("a", 200));
        assert!(state.dcs.add(2, "127.0.0.1:14430".parse().unwrap()));
        assert!(state.dcs.add(3, "[2001:67c:4e8:f002::b]:443".parse().unwrap()));
        state
    }

    fn shown(state: &State) -> String {
        format!("{state:?}")
    }

    #[test]
    fn a_state_reads_as_it_was_written() {
        for state in [full(), State::new(Environment::Production, 5)] {
            let bytes = state.to_bytes();
            let same = State::from_bytes(&bytes).unwrap();
            assert_eq!(shown(&same), shown(&state));
            assert_eq!(same.to_bytes(), bytes);
            assert!(same.keys.iter().all(|(dc_id, key)| key.auth_key.is(&state.keys[dc_id].auth_key)));
            assert!(!shown(&state).contains("[2, 2"), "no key in sight");
        }
    }

    #[test]
    fn a_part_or_a_change_is_refused() {
        let bytes = full().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(State::from_bytes(&bytes[..end]).unwrap_err(), StateError::Cut, "{end}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                assert!(State::from_bytes(&changed).is_err(), "bit {bit} of byte {at}");
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(State::from_bytes(&longer).unwrap_err(), StateError::Damaged);
        assert_eq!(State::from_bytes(b"SQLite format 3\0").unwrap_err(), StateError::Foreign);
        let mut newer = bytes.to_vec();
        for version in [1, 4] {
            newer[8] = version;
            // Version 1 was never released: it knew no temporary keys.
            assert_eq!(State::from_bytes(&newer).unwrap_err(), StateError::Version(version.into()));
        }
    }

    /// The same state as version 2 wrote it.
    fn of_version_2(state: &State) -> Vec<u8> {
        let bytes = State { servers: Servers::Unknown, ..state.clone() }.to_bytes();
        let mut body = bytes[..bytes.len() - HASH - 4].to_vec();
        body[8] = 2;
        let length = count(body.len() + HASH).to_le_bytes();
        body[12..16].copy_from_slice(&length);
        let hash: [u8; HASH] = Sha256::digest(&body).into();
        [body, hash.into()].concat()
    }

    #[test]
    fn an_older_file_is_telegrams_unless_it_leads_elsewhere() {
        let telegrams = State { servers: Servers::Telegram, ..State::new(Environment::Production, 2) };
        let mut local = telegrams.clone();
        assert!(local.dcs.add(2, "127.0.0.1:4430".parse().unwrap()));
        let read = |state| State::from_bytes(&of_version_2(state)).unwrap();
        assert_eq!(read(&telegrams).servers, Servers::Telegram);
        for own in [read(&full()), read(&local)] {
            assert_eq!((own.servers.clone(), own.dcs.has_built_in()), (Servers::Unknown, false));
            assert_eq!(shown(&State::from_bytes(&own.to_bytes()).unwrap()), shown(&own), "and it stays so");
        }
    }

    /// Whoever can compute a hash can write any bytes: those are refused too, without a panic.
    #[test]
    fn bytes_with_a_fitting_hash_are_checked_all_the_same() {
        let sealed = |mut body: Vec<u8>| {
            let length = count(body.len() + HASH).to_le_bytes();
            body[12..16].copy_from_slice(&length);
            let hash: [u8; HASH] = Sha256::digest(&body).into();
            [body, hash.into()].concat()
        };
        let bytes = full().to_bytes();
        let body = &bytes[..bytes.len() - HASH];
        for end in HEAD..body.len() {
            assert!(State::from_bytes(&sealed(body[..end].into())).is_err(), "{end}");
        }
        for at in HEAD..body.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = body.to_vec();
                changed[at] = value;
                if let Ok(state) = State::from_bytes(&sealed(changed)) {
                    assert_eq!(shown(&State::from_bytes(&state.to_bytes()).unwrap()), shown(&state));
                }
            }
        }
    }

    #[test]
    fn a_state_at_its_limits_fits_and_is_as_large_as_it_gets() {
        let mut state = State::new(Environment::Production, 1);
        let salt = SavedSalt { salt: 1, valid_since: 2, valid_until: 3 };
        for dc_id in 0..=u8::MAX {
            let salts = Vec::from([salt; 2 * MAX_SALTS]);
            if state.dcs.known(dc_id.into()).is_some() {
                let temporary = Some(TempKey { auth_key: auth_key(2), expires_at: 1, salts: salts.clone() });
                state.keys.insert(dc_id, DcKey { auth_key: auth_key(1), made_at: 0, salts, temporary });
            }
            for last in 0..u8::MAX {
                state
                    .dcs
                    .add(dc_id, (IpAddr::from([0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]), 443).into());
            }
        }
        for i in 0..1000 {
            state.names.insert(name(&format!("{}{i:03}", "n".repeat(29)), i));
        }
        state.servers = Servers::Own(Vec::from([1; 100]));
        let bytes = state.to_bytes();
        assert!(bytes.len() <= MAX_BYTES, "{}", bytes.len());
        let same = State::from_bytes(&bytes).unwrap();
        assert_eq!(same.keys[&5].salts.len(), MAX_SALTS);
        assert_eq!(same.names.iter().map(|name| name.seen.as_secs()).min(), Some(1000 - 256), "the oldest went");
    }
}
