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
        let salt = |i: i32| SavedSalt { salt: i64::from(i) << 40, valid_since: i * 1800, valid_until: i * 1800 + 3600 };
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
        // Version 1 was never released; it had no temporary keys.
        assert_eq!(State::from_bytes(&newer).unwrap_err(), StateError::Version(version.into()));
    }
}

/// Encodes the state in version 2.
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

/// Anyone who can compute the hash can write arbitrary bytes. Those are refused too, without a panic.
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
            state.dcs.add(dc_id, (IpAddr::from([0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]), 443).into());
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
