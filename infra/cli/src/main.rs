//! `soa-link`: the operator's command. Rosters in and out of the subscribers table, feeds, and why somebody cannot play an episode.
//! What it does to tables and functions it does with the operator's own AWS credentials.

mod aws;
mod doctor;
mod error;
mod explain;
mod feed;
mod keys;
mod logs;
mod partners;
mod private_file;
mod roster;
mod secret;
mod stack;
mod token;

use std::{io, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::error::CliError;

/// What the operator of a soa-link deployment does by hand.
///
/// AWS credentials, region and endpoints are those of the AWS tools: environment, profile, SSO.
/// It ends with 0 when all is well, with 1 when what was looked at is not, and with 2 when it could not look.
#[derive(Parser)]
#[command(
    name = "soa-link",
    version,
    arg_required_else_help = true,
    after_help = "Example: soa-link doctor --stack soa-link-prod"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::DoctorArgs),
    Explain(explain::ExplainArgs),
    Feed(feed::FeedArgs),
    Import(roster::ImportArgs),
    Export(roster::ExportArgs),
    Partners(partners::PartnersArgs),
    Keys(keys::KeysArgs),
    Secret(secret::SecretArgs),
    Token(token::TokenArgs),
    Logs(logs::LogsArgs),
    /// Completions for a shell, to be sourced: `source <(soa-link completions bash)`.
    #[command(after_help = "Example: soa-link completions bash > ~/.local/share/bash-completion/completions/soa-link")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failed) => {
            eprintln!("soa-link: {failed}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> Result<bool, CliError> {
    let mut out = io::stdout();
    match cli.command {
        Command::Doctor(args) => doctor::run(&args, &mut out).await,
        Command::Explain(args) => explain::run(&args, &mut out).await,
        Command::Feed(args) => feed::run(&args, &mut out),
        Command::Import(args) => roster::import(&args, &mut out).await,
        Command::Export(args) => roster::export(&args, &mut out).await,
        Command::Partners(args) => partners::run(&args, &mut out).await,
        Command::Keys(args) => keys::run(&args, &mut out).await,
        Command::Secret(args) => secret::run(&args, &mut out).await,
        Command::Token(args) => token::run(&args, &mut out),
        Command::Logs(args) => logs::run(&args, &mut out).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "soa-link", &mut out);
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    /// Checks a command and those below it.
    fn check(command: &clap::Command, above: &str) {
        let name = format!("{above}{}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.strip_prefix("Example: ").unwrap_or_default();
        let examples: Vec<_> = examples.lines().flat_map(commands_of).collect();
        assert!(
            examples.iter().any(|words| words.join(" ").starts_with(&name)),
            "{name} has no example of its own: {help}"
        );
        for words in examples {
            // What the environment may say as well, as PARTNER_ID, is left out of examples.
            let wrong = Cli::try_parse_from(&words).err().map(|error| error.kind());
            assert!(
                wrong.is_none_or(|kind| kind == ErrorKind::MissingRequiredArgument),
                "{words:?}: {wrong:?}"
            );
        }
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            check(command, &format!("{name} "));
        }
    }

    /// Of a line for the shell the commands of ours, in words.
    fn commands_of(line: &str) -> Vec<Vec<String>> {
        let mut commands = vec![Vec::new()];
        for (place, part) in line.split('"').enumerate() {
            let words: Vec<_> = if place % 2 == 1 {
                vec![part]
            } else {
                part.split_whitespace().collect()
            };
            for word in words {
                match (word, commands.last_mut()) {
                    ("|" | ">" | "<" | "&&", _) => commands.push(Vec::new()),
                    (word, Some(command)) => command.push(word.to_owned()),
                    (_, None) => {}
                }
            }
        }
        commands.retain(|words| words.first().is_some_and(|word| word == "soa-link"));
        commands
    }

    #[test]
    fn every_command_has_an_example_in_its_help_and_it_is_one_of_the_command() {
        check(&Cli::command(), "");
    }
}
