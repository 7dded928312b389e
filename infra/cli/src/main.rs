//! `soa-link`: the operator's command. Rosters in and out of the subscribers table, feeds, partners, and why somebody cannot play an episode.
//! What it does to tables and functions it does with the operator's own AWS credentials.

mod operator;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What the operator of a soa-link deployment does by hand.
#[derive(Parser)]
#[command(name = "soa-link", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("soa-link: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    match cli.command {}
}
