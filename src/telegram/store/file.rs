//! The state on a disk: one small file for one process at a time, replaced as a whole or not at all.
//!
//! ```text
//! <path>.lock   locked while the session is in use: a key in two processes is AUTH_KEY_DUPLICATED
//! <path>.tmp    written, flushed to the disk, and then renamed to
//! <path>        which is therefore always one whole state, the old or the new, wherever a crash strikes
//! ```
//!
//! `<path>` is the file itself: symbolic links on the way to it are resolved once, when it is opened, so that the lock,
//! the writing and the removal are of one file by whatever name it was called. Links in the place of the lock or of the
//! temporary file are not followed.
//!
//! A state that is over is renamed, not removed, unless its owner asks for that: see [`SessionFile::set_aside`].
//!
//! All are readable by their owner alone (mode 0600) where files have modes. The lock belongs to the open file, so it
//! goes with the process, however that ends; the empty file stays, because to remove it would let two processes hold
//! a lock on two files of that name.

use super::realm::{Realm, Servers};
use super::state::{MAX_BYTES, State, StateError};
use crate::telegram::dcs::Environment;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// A session file that this process holds.
#[derive(Debug)]
pub struct SessionFile {
    path: PathBuf,
    lock: File,
}

impl Drop for SessionFile {
    /// Closing alone would not do while a child process, just forked, still shares the open file.
    fn drop(&mut self) {
        let _gone = self.lock.unlock();
    }
}

impl SessionFile {
    /// Takes the file for this process, and reads what is in it; `None` if there is no file yet.
    ///
    /// Directories that lead there are made.
    ///
    /// # Errors
    /// Another process has it, it is no session file, or the system refuses.
    pub fn open(path: &Path) -> Result<(Self, Option<State>), FileError> {
        let path = &real_path(path).map_err(|source| FileError::Io { doing: "find", path: path.into(), source })?;
        let at = |doing| move |source| FileError::Io { doing, path: path.into(), source };
        if let Some(parent) = path.parent() {
            make_dirs(parent).map_err(at("make the directory of"))?;
        }
        // Directories that have just been made can be resolved now.
        let path = &real_path(path).map_err(at("find"))?;
        let at = |doing| move |source| FileError::Io { doing, path: path.into(), source };
        let lock_path = beside(path, ".lock");
        let lock = open_lock(&lock_path).map_err(at("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileError::Locked(path.into())),
            Err(TryLockError::Error(source)) => return Err(at("lock")(source)),
        }
        let file = Self { path: path.into(), lock };
        let state = match read(path).map_err(at("read"))? {
            Some(bytes) => State::from_bytes(&bytes).map(Some),
            None => Ok(None),
        };
        let state = state.map_err(|fault| FileError::State { path: path.into(), fault })?;
        Ok((file, state))
    }

    /// Replaces what is in the file. When this returns, the disk has it.
    ///
    /// # Errors
    /// `state` cannot be read back, or the system refuses; the file holds what it held, unless it was the very last
    /// step that failed.
    pub fn save(&mut self, state: &State) -> Result<(), FileError> {
        let bytes = state.to_bytes();
        State::from_bytes(&bytes).map_err(|fault| FileError::State { path: self.path.clone(), fault })?;
        let written = replace(&self.path, &bytes, &mut |_| Ok(()));
        written.map_err(|source| FileError::Io { doing: "write", path: self.path.clone(), source })
    }

    /// Removes the file: the user has logged out.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(self) -> Result<(), FileError> {
        remove(&self.path).map_err(|source| FileError::Io { doing: "remove", path: self.path.clone(), source })
    }

    /// Renames the file, because its session is over: `<path>.ended-2026-12-01`, with a number after it if there is one
    /// of that day. Returns the new name; `None` if there is no file.
    ///
    /// A server's word that a key is dead is no reason to destroy the only copy of it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn set_aside(&mut self) -> Result<Option<PathBuf>, FileError> {
        let fail = |source| FileError::Io { doing: "rename", path: self.path.clone(), source };
        if !is_there(&self.path).map_err(fail)? {
            return Ok(None);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let today = date(now);
        let names = (1..).map(|nth| if nth == 1 { format!(".ended-{today}") } else { format!(".ended-{today}.{nth}") });
        for name in names.take(MAX_ENDED) {
            let aside = beside(&self.path, &name);
            if !is_there(&aside).map_err(fail)? {
                fs::rename(&self.path, &aside).map_err(fail)?;
                flush_directory(&self.path).map_err(fail)?;
                return Ok(Some(aside));
            }
        }
        Err(fail(io::Error::new(io::ErrorKind::AlreadyExists, "too many ended sessions of today lie beside it")))
    }

    /// Path of the file, symbolic links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Default path of the session, in the platform's directory for user data.
///
/// `$XDG_DATA_HOME/nanogram/session`, by default under `~/.local/share`; `~/Library/Application Support` on macOS;
/// `%LOCALAPPDATA%` on Windows. Each realm has its own file: `session-test` for Telegram's test environment,
/// `session-0123456789abcdef` for servers with an RSA key of that fingerprint. `None` without a home.
#[must_use]
pub fn default_path(realm: &Realm) -> Option<PathBuf> {
    default_path_from(realm, &|name| std::env::var_os(name))
}

fn default_path_from(realm: &Realm, var: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let dir = |name| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = if cfg!(windows) {
        dir("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        dir("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        dir("XDG_DATA_HOME").or_else(|| dir("HOME").map(|home| home.join(".local/share")))
    };
    let mut name = String::from(match realm.environment {
        Environment::Production => "session",
        Environment::Test => "session-test",
    });
    match &realm.servers {
        Servers::Own(own) => name.extend(own.first().map(|fingerprint| format!("-{fingerprint:016x}"))),
        Servers::Telegram | Servers::Unknown => {}
    }
    data.map(|data| data.join("nanogram").join(name))
}

/// Symbolic links that may lead from one to the next.
const MAX_LINKS: u32 = 32;
/// Ended sessions of one day and name.
const MAX_ENDED: usize = 1000;

/// The path with symbolic links resolved, those to files that do not exist included.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match fs::read_link(&path) {
            Ok(target) => path = parent.join(target),
            // No file yet: the directory alone can be resolved, if there is one.
            Err(_) => {
                let Some(name) = path.file_name() else { return Ok(path) };
                return Ok(fs::canonicalize(parent).map_or_else(|_| path.clone(), |parent| parent.join(name)));
            }
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Opens the lock file, which is made if it is not there. A symbolic link in its place is refused.
fn open_lock(path: &Path) -> io::Result<File> {
    match private().write(true).create_new(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let file = OpenOptions::new().write(true).open(path)?;
    // Looked at after it was opened: what was put there in between is seen.
    let there = fs::symlink_metadata(path)?;
    if there.is_file() && is_same(&there, &file.metadata()?) {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "a symbolic link or no file is in the place of its lock"))
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        found => found.map(|_| true),
    }
}

/// The date, `2026-12-01`, of seconds since 1970 (UTC).
///
/// Years begin in March here, so that the day that comes every four years is the last of one.
fn date(secs: u64) -> String {
    let days = secs / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A step of [`replace`]; between any two of them the power may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Clear,
    Create,
    WriteFirstHalf,
    WriteSecondHalf,
    Flush,
    Rename,
    FlushDirectory,
}

/// Puts `bytes` in the place of the file. `before` is asked before each step, and stops it there.
fn replace(path: &Path, bytes: &[u8], before: &mut dyn FnMut(Step) -> io::Result<()>) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    before(Step::Clear)?;
    remove(&temporary)?;
    before(Step::Create)?;
    // A new file and no other: nobody's link is followed, nobody's mode is inherited.
    let mut file = private().write(true).create_new(true).open(&temporary)?;
    let (first, second) = bytes.split_at_checked(bytes.len() / 2).unwrap_or((bytes, &[]));
    before(Step::WriteFirstHalf)?;
    file.write_all(first)?;
    before(Step::WriteSecondHalf)?;
    file.write_all(second)?;
    before(Step::Flush)?;
    file.sync_all()?;
    drop(file);
    before(Step::Rename)?;
    fs::rename(&temporary, path)?;
    before(Step::FlushDirectory)?;
    flush_directory(path)
}

/// The file's bytes, not more than a state has; `None` if there is no file.
fn read(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    close_to_others(&file)?;
    // One byte more than a state has is enough to see that this is none, and leaves no copy behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// `path` with something after its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

/// Takes from others what a careless copy or a backup may have given them.
#[cfg(unix)]
fn close_to_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { file.set_permissions(fs::Permissions::from_mode(0o600)) }
}
#[cfg(not(unix))]
fn close_to_others(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_dirs(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
#[cfg(not(unix))]
fn make_dirs(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The name is in the directory, so the directory must reach the disk too.
#[cfg(unix)]
fn flush_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
#[cfg(not(unix))]
fn flush_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Why there is no session file to be had.
#[non_exhaustive]
#[derive(Debug)]
pub enum FileError {
    /// Another process holds it.
    Locked(PathBuf),
    /// Content that is not a valid state.
    State {
        /// The file.
        path: PathBuf,
        /// Reason.
        fault: StateError,
    },
    /// The system refused.
    Io {
        /// Operation that failed: a verb that the path follows.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(path) => write!(
                f,
                "{} is in use by another process: wait for it, or give this one a session of its own",
                path.display()
            ),
            Self::State { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
        }
    }
}
impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Locked(_) => None,
            Self::State { fault, .. } => Some(fault),
            Self::Io { source, .. } => Some(source),
        }
    }
}

#[cfg(test)]
mod tests;
