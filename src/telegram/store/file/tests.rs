use super::*;
use crate::crypto::auth_key::AuthKey;
use crate::telegram::store::state::DcKey;
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

/// Variable that tells a child process at which step to die.
const DIE: &str = "NANOGRAM_TEST_DIE";

#[test]
fn a_process_killed_at_any_step_leaves_the_old_or_the_new() {
    let dir = Dir::new("kill");
    let path = dir.0.join("session");
    for (nth, stop) in STEPS.iter().enumerate() {
        SessionFile::open(&path).unwrap().0.save(&state(1)).unwrap();
        let test = "telegram::store::file::tests::a_process_that_dies";
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
    let place = |realm: &Realm, pairs| default_path_from(realm, &vars(pairs)).map(|path| path.display().to_string());
    let (production, test) = (&Realm::telegram(Environment::Production), &Realm::telegram(Environment::Test));
    if cfg!(all(unix, not(target_os = "macos"))) {
        assert_eq!(place(production, &[("HOME", "/home/a")]).unwrap(), "/home/a/.local/share/nanogram/session");
        assert_eq!(place(test, &[("HOME", "/home/a"), ("XDG_DATA_HOME", "/d")]).unwrap(), "/d/nanogram/session-test");
        assert_eq!(place(test, &[("XDG_DATA_HOME", "relative")]), None);
    }
    assert_eq!(place(test, &[]), None);
    for environment in [Environment::Production, Environment::Test] {
        let own = Realm { environment, servers: Servers::Own(Vec::from([-1, 5])) };
        let name = place(&own, &[("XDG_DATA_HOME", "/d"), ("HOME", "/d"), ("LOCALAPPDATA", "/d")]);
        assert!(name.is_none_or(|name| name.ends_with("-ffffffffffffffff")), "a file for each realm");
    }
}

#[test]
fn dates_of_the_calendar() {
    for (secs, day) in [
        (0, "1970-01-01"),
        (68_169_600, "1972-02-29"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_796_083_199, "2026-11-30"),
        (1_796_083_200, "2026-12-01"),
        (4_107_542_400, "2100-03-01"),
    ] {
        assert_eq!(date(secs), day);
    }
}
