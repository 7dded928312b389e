//! `soa-link secret rotate`: another client secret for the functions. Spotify decides which ones it takes, so it is asked before the functions use the new one and
//! after, and when it does not take it, nothing has changed, or is changed back.

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Write},
    path::PathBuf,
};

use aws_sdk_secretsmanager::Client;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::{
    http_client::HttpClient,
    oauth::token::{Grant, TokenError},
    secret::ClientSecret,
    secrets::SecretValue as _,
    spotify::{SpotifyError, TokenEndpoint, USER_SOA_UNLINK},
};

use crate::{
    aws,
    error::CliError,
    stack::{StackArgs, Variables},
};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// Changes secrets of the deployment.
#[derive(Args)]
#[command(after_help = "Example: soa-link secret rotate --stack soa-link-prod")]
pub(crate) struct SecretArgs {
    #[command(subcommand)]
    command: SecretCommand,
}

#[derive(Subcommand)]
enum SecretCommand {
    Rotate(RotateArgs),
}

/// Has the functions use another client secret: tries it at Spotify, switches, tries again, and goes back by itself if Spotify does not take it.
///
/// The secret is read from a file, from standard input, or asked for. The functions take it within five minutes, and at once when Spotify
/// refuses the old one.
#[derive(Args)]
#[command(after_help = "Example: soa-link secret rotate --stack soa-link-prod < new-secret.txt")]
struct RotateArgs {
    #[command(flatten)]
    deployment: StackArgs,
    /// The file with the new client secret, and nothing else. Without one it is read from standard input.
    #[arg(long)]
    from: Option<PathBuf>,
    /// For programs: one JSON document.
    #[arg(long)]
    json: bool,
}

/// Rotates.
///
/// # Errors
/// [`CliError`] when a secret cannot be read or written.
pub(crate) async fn run(args: &SecretArgs, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let SecretCommand::Rotate(args) = &args.command;
    let new = new_secret(args.from.as_ref())?;
    let aws = aws::aws().await?;
    let known = args.deployment.merged_variables(&aws).await?;
    let rotation = Rotation::of(&known, Client::new(&aws))?;
    let said = rotation.rotate(&new).await?;
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"rotated": said.rotated, "previous_is_taken": said.previous_is_taken, "what": said.what})
        )?;
    } else {
        writeln!(out, "{}", said.what)?;
    }
    Ok(said.rotated)
}

/// What came of it.
struct RotationResult {
    rotated: bool,
    /// Whether Spotify takes the old one still, where that is known.
    previous_is_taken: Option<bool>,
    what: &'static str,
}

/// Takes the new secret from where nobody else sees it: not from the command line, which other processes and the shell's history have.
fn new_secret(from: Option<&PathBuf>) -> Result<ClientSecret, CliError> {
    let text = match from {
        Some(file) => {
            fs::read_to_string(file).map_err(|error| CliError::new(format!("{}: {error}", file.display())))?
        }
        None if io::stdin().is_terminal() => {
            rpassword::prompt_password("New client secret, as Spotify's dashboard shows it: ")?
        }
        None => {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            line
        }
    };
    ClientSecret::parse(text.trim()).map_err(|weak| CliError::new(format!("the new client secret {weak}")))
}

struct Rotation {
    secrets_manager: Client,
    id: String,
    token_endpoint: TokenEndpoint,
}

impl Rotation {
    fn of(known: &Variables, secrets_manager: Client) -> Result<Self, CliError> {
        let needed = |name: &str| {
            let value = known.get(name).cloned();
            value.ok_or_else(|| CliError::new(format!("no function has the variable {name}")))
        };
        let accounts = known
            .get("SPOTIFY_ACCOUNTS_URL")
            .map_or("https://accounts.spotify.com", String::as_str);
        let (id, client_id) = (needed("SPOTIFY_CLIENT_SECRET_ID")?, needed("SPOTIFY_CLIENT_ID")?);
        let accounts_url = accounts
            .parse()
            .map_err(|_| CliError::new("SPOTIFY_ACCOUNTS_URL is no URL"))?;
        Ok(Self {
            secrets_manager,
            id,
            token_endpoint: TokenEndpoint::new(&HttpClient::new()?, &accounts_url, client_id),
        })
    }

    async fn rotate(&self, new: &ClientSecret) -> Result<RotationResult, CliError> {
        let (old_version, old) = self.current().await?;
        let of_old = self.probe(&old).await?;
        if old.ct_eq(new) {
            let taken = of_old != Answer::InvalidClient;
            return Ok(RotationResult {
                rotated: taken,
                previous_is_taken: None,
                what: if taken {
                    "The functions use this secret already, and Spotify takes it."
                } else {
                    "The functions use this secret already, and Spotify does not take it."
                },
            });
        }
        // Where even the old one is refused for another reason, such as the scope, no more can be asked of the new one.
        let is_taken = |answer| answer == Answer::Granted || (answer == Answer::Refused && of_old == Answer::Refused);
        let new_version = self.put_pending(new).await?;
        if !is_taken(self.probe(new).await?) {
            self.move_label(PENDING, &new_version, None).await?;
            return Ok(RotationResult {
                rotated: false,
                previous_is_taken: Some(of_old != Answer::InvalidClient),
                what: "Spotify does not take this secret: nothing was changed. Is it this client's, and letter for letter as the dashboard shows it?",
            });
        }
        self.move_label(CURRENT, &old_version, Some(&new_version)).await?;
        self.move_label(PENDING, &new_version, None).await?;
        // Read back, as the functions will.
        let (_, current) = self.current().await.map_err(|failed| switched(&failed))?;
        if !(current.ct_eq(new) && is_taken(self.probe(&current).await.map_err(|failed| switched(&failed))?)) {
            self.move_label(CURRENT, &new_version, Some(&old_version)).await?;
            return Ok(RotationResult {
                rotated: false,
                previous_is_taken: None,
                what: "Spotify no longer takes this secret: the functions are back at the one before.",
            });
        }
        let previous_is_taken = self
            .probe(&old)
            .await
            .ok()
            .map(|answer| answer != Answer::InvalidClient);
        Ok(RotationResult {
            rotated: true,
            previous_is_taken,
            what: match previous_is_taken {
                Some(true) => {
                    "Rotated. Spotify still takes the old secret as well: remove it in the dashboard, in five minutes or later."
                }
                Some(false) => "Rotated. Spotify no longer takes the old secret.",
                None => "Rotated. Whether Spotify still takes the old secret could not be asked.",
            },
        })
    }

    /// The version that the functions use, and its id.
    async fn current(&self) -> Result<(String, ClientSecret), CliError> {
        let id = &self.id;
        let read = self.secrets_manager.get_secret_value().secret_id(id).send().await;
        let read = read.map_err(|error| CliError::aws(&format!("the secret {id} cannot be read"), &error))?;
        let members: Option<Value> = serde_json::from_str(read.secret_string().unwrap_or_default()).ok();
        let members = members.as_ref().and_then(Value::as_object);
        let members = members.ok_or_else(|| CliError::new(format!("the secret {id} is not a JSON object")))?;
        let secret =
            ClientSecret::from_members(members).map_err(|what| CliError::new(format!("the secret {id} {what}")))?;
        Ok((read.version_id().unwrap_or_default().to_owned(), secret))
    }

    /// Puts it where no function looks; its version's id.
    async fn put_pending(&self, new: &ClientSecret) -> Result<String, CliError> {
        let value = json!({"client_secret": new.expose()}).to_string();
        let put = self.secrets_manager.put_secret_value().secret_id(&self.id);
        let put = put.secret_string(value).version_stages(PENDING).send().await;
        let put = put.map_err(|error| CliError::aws(&format!("the secret {} cannot be written", self.id), &error))?;
        Ok(put.version_id().unwrap_or_default().to_owned())
    }

    /// Moves a label from one version to another, or takes it away.
    async fn move_label(&self, label: &str, from: &str, to: Option<&str>) -> Result<(), CliError> {
        let moved = self.secrets_manager.update_secret_version_stage().secret_id(&self.id);
        let moved = moved.version_stage(label).remove_from_version_id(from);
        let moved = moved.set_move_to_version_id(to.map(str::to_owned)).send().await;
        moved.map(drop).map_err(|error| {
            CliError::aws(
                &format!("the versions of the secret {} cannot be changed", self.id),
                &error,
            )
        })
    }

    /// What Spotify says to a request for a token with it.
    async fn probe(&self, secret: &ClientSecret) -> Result<Answer, CliError> {
        let asked = self
            .token_endpoint
            .request(secret, &Grant::ClientCredentials, USER_SOA_UNLINK);
        match asked.await {
            Ok(_) | Err(SpotifyError::Token(TokenError::ScopeMissing)) => Ok(Answer::Granted),
            Err(SpotifyError::Token(TokenError::Refused { .. })) => Ok(Answer::Refused),
            Err(SpotifyError::Token(TokenError::InvalidClient)) => Ok(Answer::InvalidClient),
            Err(error) => Err(CliError::new(format!(
                "Spotify's {error}; the same command may be given again"
            ))),
        }
    }
}

/// What Spotify says to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Granted,
    /// Not this, in no words that speak of the secret.
    Refused,
    InvalidClient,
}

/// The functions have the new one by now, and the old one to fall back on.
fn switched(failed: &CliError) -> CliError {
    CliError::new(format!(
        "the functions use the new secret, and fall back on the old one; it could not be tried again: {failed}"
    ))
}
