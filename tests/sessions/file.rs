//! The session file after changes by other programs or by hand.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::file::{FileError, SessionFile};
use nanogram::telegram::store::state::{DcKey, MAX_BYTES, SavedUser, State, StateError};
use std::fs;
use std::path::PathBuf;

/// Temporary directory of this process, removed when dropped.
struct Dir(PathBuf);
impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nanogram-file-{name}-{}", std::process::id()));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}
impl Drop for Dir {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn state() -> State {
    let mut state = State::new(Environment::Production, 4);
    state.user = Some(SavedUser { id: 777_000_123, is_bot: false });
    state.keys.insert(4, DcKey::new(AuthKey::from_bytes([9; 256])));
    state
}

#[test]
fn what_is_saved_is_there_the_next_time() {
    let dir = Dir::new("saved");
    let path = dir.0.join("new/directories/session");
    let (mut file, none) = SessionFile::open(&path).unwrap();
    assert!(none.is_none());
    file.save(&state()).unwrap();
    drop(file);
    let (file, there) = SessionFile::open(&path).unwrap();
    let there = there.unwrap();
    assert_eq!((there.user, there.home), (state().user, 4));
    assert!(there.keys[&4].auth_key.is(&state().keys[&4].auth_key));
    assert_eq!(file.path(), path);
    file.remove().unwrap();
    assert!(SessionFile::open(&path).unwrap().1.is_none());
}

#[cfg(unix)]
#[test]
fn it_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new("mode");
    let path = dir.0.join("own/session");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (mut file, _) = SessionFile::open(&path).unwrap();
    file.save(&state()).unwrap();
    let lock = dir.0.join("own/session.lock");
    assert_eq!((mode(&path), mode(&lock), mode(&dir.0.join("own"))), (0o600, 0o600, 0o700));

    // World-readable after a copy: restricted by the next read, and by the next write.
    for save in [false, true] {
        drop(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        file = SessionFile::open(&path).unwrap().0;
        if save {
            file.save(&state()).unwrap();
        }
        assert_eq!(mode(&path), 0o600);
    }
}

#[cfg(unix)]
#[test]
fn a_link_laid_in_the_way_is_not_followed() {
    let dir = Dir::new("link");
    let (path, bait) = (dir.0.join("session"), dir.0.join("bait"));
    fs::write(&bait, "bait").unwrap();
    std::os::unix::fs::symlink(&bait, dir.0.join("session.tmp")).unwrap();
    SessionFile::open(&path).unwrap().0.save(&state()).unwrap();
    assert_eq!(fs::read(&bait).unwrap(), b"bait");
    assert!(SessionFile::open(&path).unwrap().1.is_some());
}

#[test]
fn one_at_a_time() {
    let dir = Dir::new("lock");
    let path = dir.0.join("session");
    let (mut first, _) = SessionFile::open(&path).unwrap();
    for _ in 0..2 {
        let e = SessionFile::open(&path).unwrap_err();
        assert!(matches!(e, FileError::Locked(_)), "{e}");
        assert!(e.to_string().contains("in use by another process"));
        first.save(&state()).unwrap();
    }
    assert!(SessionFile::open(&dir.0.join("other")).is_ok(), "another session is another file");
    drop(first);
    assert!(SessionFile::open(&path).unwrap().1.is_some());
}

#[test]
fn what_is_no_session_file_is_refused_and_left_alone() {
    let dir = Dir::new("foreign");
    let path = dir.0.join("session");
    let whole = state().to_bytes();
    let mut changed = whole.to_vec();
    changed[100] ^= 1;
    let mut newer = whole.to_vec();
    newer[8] = 9;
    for (bytes, fault) in [
        (b"SQLite format 3\0 and so on".to_vec(), StateError::Foreign),
        (vec![0; 1000], StateError::Foreign),
        (vec![b'x'; 10 * MAX_BYTES], StateError::Foreign),
        (Vec::new(), StateError::Cut),
        (whole[..whole.len() - 1].to_vec(), StateError::Cut),
        (whole[..3].to_vec(), StateError::Cut),
        (changed, StateError::Damaged),
        ([&whole[..], &vec![0; MAX_BYTES]].concat(), StateError::Damaged),
        (newer, StateError::Version(9)),
    ] {
        fs::write(&path, &bytes).unwrap();
        match SessionFile::open(&path) {
            Err(FileError::State { fault: found, .. }) => assert_eq!(found, fault),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(SessionFile::open(&path), Err(FileError::Io { doing: "read", .. })));
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let dir = Dir::new("unreadable");
    let path = dir.0.join("session");
    let (mut file, _) = SessionFile::open(&path).unwrap();
    file.save(&state()).unwrap();
    let nowhere = State { home: 99, ..state() };
    assert!(matches!(file.save(&nowhere), Err(FileError::State { fault: StateError::Invalid(_), .. })));
    drop(file);
    assert_eq!(SessionFile::open(&path).unwrap().1.unwrap().home, 4);
}
