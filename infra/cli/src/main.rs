//! `soa-link`: the command-line tool of a deployment's operator. It runs with the operator's own AWS credentials.

mod aws;
mod check_links;
mod doctor;
mod error;
mod explain;
mod feed;
mod keys;
mod logs;
mod partners;
mod private_file;
mod rate_limit;
mod roster;
mod secret;
mod stack;
mod token;

use std::{io, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::error::CliError;

/// Operate a soa-link deployment
///
/// Credentials, region and endpoints come from the AWS configuration of this
/// machine: environment, profile, SSO or a credential process.
///
/// Exit codes: 0 success; 1 a check failed, nothing was found or nothing was
/// changed; 2 the command could not be carried out.
#[derive(Parser)]
#[command(
    name = "soa-link",
    version,
    verbatim_doc_comment,
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
    CheckLinks(check_links::CheckLinksArgs),
    RateLimit(rate_limit::RateLimitArgs),
    Keys(keys::KeysArgs),
    Secret(secret::SecretArgs),
    Token(token::TokenArgs),
    Logs(logs::LogsArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Example: soa-link completions bash > ~/.local/share/bash-completion/completions/soa-link")]
    Completions {
        /// Shell that reads the script.
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
        Command::CheckLinks(args) => check_links::run(&args, &mut out).await,
        Command::RateLimit(args) => rate_limit::run(&args, &mut out).await,
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

    /// Checks that `command` and its subcommands have examples, and that the parser accepts them.
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
            // Examples leave out arguments that the environment can supply, such as PARTNER_ID.
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

    /// The `soa-link` commands of a shell line, each as a list of words.
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
    fn the_help_of_every_command_has_a_valid_example() {
        check(&Cli::command(), "");
    }
}
