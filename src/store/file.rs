//! The state on a disk: one small file for one process at a time, replaced as a whole or not at all.
//!
//! ```text
//! <path>.lock   locked while the session is in use: a key in two processes is AUTH_KEY_DUPLICATED
//! <path>.tmp    written, flushed to the disk, and then renamed to
//! <path>        which is therefore always one whole state, the old or the new, wherever a crash strikes
//! ```
//!
//! All are readable by their owner alone (mode 0600) where files have modes. The lock belongs to the open file, so it
//! goes with the process, however that ends; the empty file stays, because to remove it would let two processes hold
//! a lock on two files of that name.

use super::state::{MAX_BYTES, State, StateError};
use crate::crypto::keys::Environment;
use alloc::vec::Vec;
use core::fmt;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
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
        let at = |doing| move |source| FileError::Io { doing, path: path.into(), source };
        if let Some(parent) = path.parent() {
            make_dirs(parent).map_err(at("make the directory of"))?;
        }
        let lock_path = beside(path, ".lock");
        let lock = private().write(true).create(true).truncate(false).open(&lock_path).map_err(at("lock"))?;
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where the session is kept unless someone says otherwise: where the platform keeps a user's data.
///
/// `$XDG_DATA_HOME/nanogram/session`, by default under `~/.local/share`; `~/Library/Application Support` on macOS;
/// `%LOCALAPPDATA%` on Windows. The test environment has a file of its own, `session-test`. `None` without a home.
#[must_use]
pub fn default_path(environment: Environment) -> Option<PathBuf> {
    default_path_from(environment, &|name| std::env::var_os(name))
}

fn default_path_from(environment: Environment, var: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let dir = |name| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = if cfg!(windows) {
        dir("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        dir("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        dir("XDG_DATA_HOME").or_else(|| dir("HOME").map(|home| home.join(".local/share")))
    };
    let name = match environment {
        Environment::Production => "session",
        Environment::Test => "session-test",
    };
    data.map(|data| data.join("nanogram").join(name))
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
    /// What is in it, or was to be put into it, is no state.
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: StateError,
    },
    /// The system refused.
    Io {
        /// What was tried: a verb that the path follows.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
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
mod tests {
    use super::*;
    use crate::crypto::auth_key::AuthKey;
    use crate::store::state::DcKey;
    use alloc::format;
    use alloc::string::ToString;
    use std::process::Command;

    const STEPS: [Step; 7] = [
        Step::Clear,
        Step::Create,
        Step::WriteFirstHalf,
        Step::WriteSecondHalf,
        Step::Flush,
        Step::Rename,
        Step::FlushDirectory,
    ];

    /// An empty directory of this process, gone with the value.
    struct Dir(PathBuf);
    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("nanogram-{name}-{}", std::process::id()));
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

    fn state(mark: i64) -> State {
        let mut state = State::new(Environment::Test, 2);
        state.clock_offset = Some(mark);
        state.keys.insert(2, DcKey::new(AuthKey::from_bytes([7; 256])));
        state
    }
    fn mark(path: &Path) -> Option<i64> {
        SessionFile::open(path).unwrap().1.map(|state| state.clock_offset.unwrap())
    }

    #[test]
    fn an_error_at_any_step_leaves_the_old_or_the_new() {
        let dir = Dir::new("step");
        let path = dir.0.join("session");
        for had_old in [false, true] {
            for stop in STEPS {
                let _absent = fs::remove_file(&path);
                let old = had_old.then_some(1);
                if had_old {
                    SessionFile::open(&path).unwrap().0.save(&state(1)).unwrap();
                }
                let mut seen = Vec::new();
                let stopped = replace(&path, &state(2).to_bytes(), &mut |step| {
                    seen.push(step);
                    if step == stop { Err(io::Error::other("stop")) } else { Ok(()) }
                });
                assert!(stopped.is_err());
                assert!(STEPS.starts_with(&seen) && seen.last() == Some(&stop), "{seen:?}");
                let renamed = stop == Step::FlushDirectory;
                assert_eq!(mark(&path), if renamed { Some(2) } else { old }, "stopped before {stop:?}");
                // What the crash left lying about does not hinder the next.
                SessionFile::open(&path).unwrap().0.save(&state(3)).unwrap();
                assert_eq!(mark(&path), Some(3));
            }
        }
    }

    /// What a test says to the process that it starts, and lets die.
    const DIE: &str = "NANOGRAM_TEST_DIE";

    #[test]
    fn a_process_killed_at_any_step_leaves_the_old_or_the_new() {
        let dir = Dir::new("kill");
        let path = dir.0.join("session");
        for (nth, stop) in STEPS.iter().enumerate() {
            SessionFile::open(&path).unwrap().0.save(&state(1)).unwrap();
            let test = "store::file::tests::a_process_that_dies";
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test])
                .env(DIE, format!("{nth} {}", path.display()))
                .output()
                .unwrap();
            assert!(!child.status.success(), "it did not die before {stop:?}");
            assert!(dir.0.join("session.lock").exists(), "its lock is gone, the file of it is not");
            let is_new = *stop == Step::FlushDirectory;
            assert_eq!(mark(&path), Some(if is_new { 2 } else { 1 }), "killed before {stop:?}");
        }
    }

    /// The other half of the test above; alone it does nothing.
    #[test]
    fn a_process_that_dies() {
        let Ok(orders) = std::env::var(DIE) else { return };
        let (nth, path) = orders.split_once(' ').unwrap();
        let stop = STEPS[nth.parse::<usize>().unwrap()];
        let (file, _) = SessionFile::open(Path::new(path)).unwrap();
        let bytes = state(2).to_bytes();
        let _never = replace(&file.path, &bytes, &mut |step| if step == stop { std::process::abort() } else { Ok(()) });
    }

    #[test]
    fn the_default_place_follows_the_platform() {
        let vars = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(*value))
        };
        let place =
            |environment, pairs| default_path_from(environment, &vars(pairs)).map(|path| path.display().to_string());
        if cfg!(all(unix, not(target_os = "macos"))) {
            let (production, test) = (Environment::Production, Environment::Test);
            assert_eq!(place(production, &[("HOME", "/home/a")]).unwrap(), "/home/a/.local/share/nanogram/session");
            assert_eq!(
                place(test, &[("HOME", "/home/a"), ("XDG_DATA_HOME", "/d")]).unwrap(),
                "/d/nanogram/session-test"
            );
            assert_eq!(place(test, &[("XDG_DATA_HOME", "relative")]), None);
        }
        assert_eq!(place(Environment::Test, &[]), None);
    }
}
