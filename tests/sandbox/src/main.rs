//! The sandbox program, run by `make demo`. With `--no-gateway`, the functions run in another process, for example under `make watch`.

use std::io::{self, Stderr, Write};
use std::path::Path;
use std::process::ExitCode;

use sandbox::deployment::{self, FreshFunctions};
use sandbox::{Addresses, Endpoint, FunctionLog, Options, Sandbox, Settings, SettingsError};
use shared::{clock::Clock, config::Environment, rng::Rng};

const USAGE: &str = "\
usage: sandbox [--no-gateway] [--seed <number>]
       sandbox --variables

Run a simulated Spotify Open Access, DynamoDB, Secrets Manager, a demo site
and the functions of soa-link on 127.0.0.1.

  --no-gateway     leave out the functions; they run elsewhere at GATEWAY_PORT
  --seed <number>  use the same ids, codes and tokens at every start
  --variables      print the environment for functions that run elsewhere

Environment variables, with defaults:
  GATEWAY_PORT     port of the functions (9000)
  SPOTIFY_PORT     port of the simulated Spotify (9100)
  SITE_PORT        port of the demo site (9200)
  DYNAMODB_PORT    port of DynamoDB (9300)
  SECRETS_PORT     port of Secrets Manager (9400)
  DEMO_DB          file for DynamoDB's data (in memory)
  SANDBOX_CONFIG   TOML file with the settings of your own site (none)
  SIGN_IN          sign-in method: session, handoff or oidc (session)

Your own site instead of the demo's, also in SANDBOX_CONFIG:
  SIGN_IN_URL                        its sign-in; leaves out the demo site
  SITE_ISSUER, BACKEND_ISSUER        iss of its tokens and requests
  SITE_JWKS_URL, BACKEND_JWKS_URL    its published keys
  SITE_JWKS_FILE, BACKEND_JWKS_FILE  the same as files
  SESSION_COOKIE, SHOWS, PLANS, BRAND_NAME, RETURN_URL, ...
                                     see tests/sandbox/README.md

Use another service instead of a simulated one:
  AWS_ENDPOINT_URL_DYNAMODB          origin of DynamoDB
  AWS_ENDPOINT_URL_SECRETS_MANAGER   origin of Secrets Manager
  SPOTIFY_ACCOUNTS_URL               origin of Spotify
  OIDC_ISSUER                        OpenID provider (the demo site)
  OIDC_CLIENT_ID, OIDC_CLIENT_SECRET client registration at that provider
";

#[tokio::main]
async fn main() -> ExitCode {
    // Boxed: the future is too large for the stack.
    match Box::pin(run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), sandbox::RoutesError> {
    let (with_gateway, seed) = match arguments()? {
        Task::Help => {
            eprint!("{USAGE}");
            return Ok(());
        }
        Task::Variables => {
            print_variables(&options(&settings()?, false, None)?)?;
            return Ok(());
        }
        Task::Run { with_gateway, seed } => (with_gateway, seed),
    };
    let settings = settings()?;
    let options = deployment::with_secrets(options(&settings, with_gateway, seed)?);
    let rng = Rng::System;
    let log = options.log.clone();
    shared::telemetry::init_with(move || Tee(std::io::stderr(), log.clone()));
    let mut functions = None;
    let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
        let environment = environment(&options, &addresses)?;
        deployment::create_tables(&environment).await?;
        let started = FreshFunctions::start(&options, &settings, &environment, &rng).await?;
        let routes = started.routes().await;
        functions = Some(started);
        Ok(routes)
    })
    .await?;
    let environment = environment(&options, sandbox.addresses())?;
    match functions {
        Some(functions) => functions.watch(sandbox.secrets_manager()),
        None => deployment::create_tables(&environment).await?,
    }
    print_welcome(&sandbox);
    let following = deployment::sync(&environment, &options.clock, &rng);
    tokio::select! {
        ended = following => ended,
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}

/// Returns the environment of the functions, after checking it.
fn environment(options: &Options, addresses: &Addresses) -> Result<Environment, sandbox::RoutesError> {
    let environment: Environment = deployment::variables(options, addresses).into_iter().collect();
    deployment::check_variables(&environment)?;
    Ok(environment)
}

/// Writes the log to standard error and to the console.
struct Tee(Stderr, FunctionLog);

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

enum Task {
    Help,
    Variables,
    Run { with_gateway: bool, seed: Option<u64> },
}

fn arguments() -> Result<Task, String> {
    let (mut with_gateway, mut seed) = (true, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--no-gateway" => with_gateway = false,
            "--seed" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                seed = Some(number.ok_or_else(|| format!("--seed needs a number\n\n{USAGE}"))?);
            }
            "--variables" => return Ok(Task::Variables),
            "--help" | "-h" => return Ok(Task::Help),
            other => return Err(format!("unknown argument: {other}\n\n{USAGE}")),
        }
    }
    Ok(Task::Run { with_gateway, seed })
}

fn settings() -> Result<Settings, SettingsError> {
    let file = variable("SANDBOX_CONFIG");
    Settings::read(file.as_deref().map(Path::new), variable)
}

fn options(settings: &Settings, with_gateway: bool, seed: Option<u64>) -> Result<Options, sandbox::RoutesError> {
    let gateway = port("GATEWAY_PORT", 9000)?;
    let demo = Options {
        gateway: if with_gateway {
            Endpoint::Local(gateway)
        } else {
            Endpoint::External(format!("http://127.0.0.1:{gateway}"))
        },
        spotify: endpoint("SPOTIFY_ACCOUNTS_URL", "SPOTIFY_PORT", 9100)?,
        site: Endpoint::Local(port("SITE_PORT", 9200)?),
        dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB", "DYNAMODB_PORT", 9300)?,
        secrets_manager: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER", "SECRETS_PORT", 9400)?,
        seed,
        db_file: variable("DEMO_DB").map(Into::into),
        clock: Clock::ahead(),
        is_branded: true,
        ..Options::default()
    };
    Ok(settings.apply(demo)?)
}

fn endpoint(elsewhere: &str, port_variable: &str, default: u16) -> Result<Endpoint, String> {
    match variable(elsewhere) {
        Some(origin) => Ok(Endpoint::External(origin)),
        None => Ok(Endpoint::Local(port(port_variable, default)?)),
    }
}

fn port(name: &str, default: u16) -> Result<u16, String> {
    match variable(name) {
        Some(text) => text.parse().map_err(|_| format!("{name} must be a port, 0 to 65535")),
        None => Ok(default),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that reads the sandbox's own variables"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[expect(clippy::print_stdout, reason = "`--variables` prints to standard output")]
fn print_variables(options: &Options) -> Result<(), sandbox::RoutesError> {
    let origin = |place: &Endpoint| match place {
        Endpoint::Local(port) => format!("http://127.0.0.1:{port}"),
        Endpoint::External(origin) => origin.clone(),
    };
    let addresses = Addresses {
        gateway: origin(&options.gateway),
        spotify: origin(&options.spotify),
        site: origin(&options.site),
        dynamodb: origin(&options.dynamodb),
        secrets: origin(&options.secrets_manager),
    };
    let variables = deployment::variables(options, &addresses);
    deployment::check_variables(&variables.iter().cloned().collect())?;
    for (name, value) in variables {
        println!("{name}={value}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the address is program output")]
fn print_welcome(sandbox: &Sandbox) {
    let addresses = sandbox.addresses();
    println!("Open {}", addresses.site);
    if let Some(console) = sandbox.console() {
        println!("Console {console}");
    }
    eprintln!(
        "functions {}, Spotify {}, DynamoDB {}, Secrets Manager {}. Press Ctrl-C to stop.",
        addresses.gateway, addresses.spotify, addresses.dynamodb, addresses.secrets
    );
}
