//! `nanogram completions` and `nanogram man`, both generated from the definition of the command line.

use crate::args::Cli;
use crate::args::value::did_you_mean;
use crate::failure::{Exit, Failure};
use crate::output;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "nanogram", &mut script);
    print(&script)
}

/// Prints the manual page of a command, or of the program if `path` is empty.
pub(crate) fn man(path: &[String]) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let mut name = "nanogram".to_string();
    for word in path {
        let known: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_string()).collect();
        let Some(sub) = command.find_subcommand(word) else {
            let similar = did_you_mean(word, known.iter().map(String::as_str));
            return Err(Failure::usage(format!("{name} has no command `{word}`{similar}")));
        };
        name = format!("{name}-{}", sub.get_name());
        command = sub.clone();
    }
    let mut page = Vec::new();
    let version = env!("CARGO_PKG_VERSION");
    Man::new(command.version(version)).render(&mut page).map_err(Failure::from)?;
    print(&page)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let text = str::from_utf8(text).map_err(|error| Failure::new(Exit::Other, "INTERNAL", error.to_string()))?;
    output::line(text.trim_end())
}
