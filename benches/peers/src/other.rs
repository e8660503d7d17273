//! Second process: the ciphers of grammers with its own build settings (see `alone/Cargo.toml`), in the same rounds.

use crate::measure::Contender;
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone)]
pub struct Alone(Rc<RefCell<(ChildStdin, BufReader<ChildStdout>)>>);

impl Alone {
    /// Builds the package `alone` separately and starts it.
    pub fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--release", "--locked", "--package", "alone", "--manifest-path"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else { return Err("no pipes".into()) };
        Ok(Self(Rc::new(RefCell::new((to, BufReader::new(from))))))
    }

    /// Sends a line and reads a line.
    pub fn ask(&self, line: &str) -> String {
        let (to, from) = &mut *self.0.borrow_mut();
        writeln!(to, "{line}").expect("the other process listens");
        let mut answer = String::new();
        let len = from.read_line(&mut answer).expect("the other process answers");
        assert!(len > 0, "the other process ended at: {line:.60}");
        answer.trim_end().to_owned()
    }

    /// Sets the packet for the next commands.
    pub fn give(&self, packet: &[u8]) {
        let hex: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
        self.ask(&format!("packet {hex}"));
    }

    /// Contender for a named command.
    pub fn contender<'a>(&self, work: String) -> Contender<'a> {
        let alone = self.clone();
        let run = move |n| {
            let nanos = alone.ask(&format!("{work} {n}")).parse().expect("a number");
            Duration::from_nanos(nanos)
        };
        Contender::counted("grammers", run)
    }
}
