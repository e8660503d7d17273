//! Creation and opening of files that hold keys.
//!
//! Key logs and recordings decrypt whole sessions, and a permanent auth key can act for its account. A new file is
//! created with mode 0600. An existing file is used only if it is a regular file, is closed to group and others, and is
//! not reached through a symbolic link. Its mode is never changed, because the name may lead to a device or to another
//! user's file. On systems without Unix modes only the file type is checked.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::string::String;

/// Opens the file at `path` for appending, and creates it if it is missing.
///
/// # Errors
/// The path is a symbolic link or not a regular file, the file is accessible to group or others, or the system refuses.
pub fn append(path: &Path) -> io::Result<File> {
    // Two attempts: another process may remove or create the file between the two steps.
    for _ in 0..2 {
        match create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => return result,
        }
        match existing(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => return result,
        }
    }
    existing(path)
}

/// Opens the file at `path` like [`append`] and truncates it.
///
/// # Errors
/// The errors of [`append`]; the file is then unchanged.
pub fn replace(path: &Path) -> io::Result<File> {
    let file = append(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// Creates the file at `path`, for appending.
///
/// # Errors
/// The name exists, even as a dangling symbolic link, or the system refuses.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // `create_new` refuses an existing file or symbolic link, and the mode below applies from the creation on, so the
    // file is never readable by others.
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn existing(path: &Path) -> io::Result<File> {
    // Unlike `metadata`, this does not follow a symbolic link.
    let seen = fs::symlink_metadata(path)?;
    check(&seen)?;
    let file = OpenOptions::new().append(true).open(path)?;
    // The path may have been replaced between the check and the open: compare the opened file with the checked one.
    let opened = file.metadata()?;
    check(&opened)?;
    if is_same(&seen, &opened) { Ok(file) } else { Err(refused("it was replaced while it was being opened")) }
}

fn check(meta: &Metadata) -> io::Result<()> {
    if meta.file_type().is_symlink() {
        return Err(refused("it is a symbolic link, and keys are not written through one"));
    }
    if !meta.is_file() {
        return Err(refused("it is not a regular file"));
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777;
        // Write access counts as well: it would let others replace the keys.
        if mode & 0o077 != 0 {
            let why = std::format!("its mode is {mode:04o}, and keys belong in a file of mode 0600 (chmod 600)");
            return Err(refused(why));
        }
    }
    Ok(())
}

fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, why.into())
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}
#[cfg(not(unix))]
const fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::string::ToString;

    #[test]
    fn only_regular_files_closed_to_others_take_keys() {
        let folder = std::env::temp_dir().join(std::format!("nanogram-private-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        let (file, link, open) = (folder.join("keys"), folder.join("link"), folder.join("open"));
        append(&file).unwrap().write_all(b"one\n").unwrap();
        append(&file).unwrap().write_all(b"two\n").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("one\ntwo\n", 0o600));
        symlink(&file, &link).unwrap();
        fs::write(&open, "as it was").unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
        for (path, why) in [(&link, "symbolic link"), (&open, "0644"), (&folder, "not a regular file")] {
            for result in [append(path), replace(path)] {
                let why_not = result.unwrap_err().to_string();
                assert!(why_not.contains(why), "{}: {why_not}", path.display());
            }
        }
        let null = Path::new("/dev/null");
        let before = mode(null);
        assert!(append(null).is_err());
        assert_eq!((mode(null), mode(&open)), (before, 0o644));
        assert_eq!(fs::read_to_string(&open).unwrap(), "as it was");
        symlink(folder.join("nowhere"), folder.join("dangling")).unwrap();
        assert!(append(&folder.join("dangling")).is_err());
        assert!(!folder.join("nowhere").exists());
        replace(&file).unwrap().write_all(b"three").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "three");
        fs::remove_dir_all(&folder).unwrap();
    }
}
