//! `soa-link secret rotate`: replaces the client secret of the functions. The new secret is tried at Spotify before and after the switch. If Spotify refuses it,
//! nothing is changed, or the switch is undone.

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

/// Rotate the client secret.
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

/// Replace the client secret, after trying the new one at Spotify
///
/// Tries the secret again after the switch, and undoes the switch if Spotify
/// refuses it. The functions use the new secret within five minutes, or at once
/// if Spotify refuses the old one.
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example: soa-link secret rotate --stack soa-link-prod < new-secret.txt"
)]
struct RotateArgs {
    #[command(flatten)]
    deployment: StackArgs,
    /// File with only the new client secret. The default is standard input.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Rotates the client secret. Returns whether the functions use the new one.
///
/// # Errors
/// [`CliError`] if a secret cannot be read or written, or Spotify cannot be asked. A retry is safe.
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

/// Outcome of a rotation.
struct RotationResult {
    rotated: bool,
    /// Whether Spotify still accepts the old secret, if known.
    previous_is_taken: Option<bool>,
    what: &'static str,
}

/// Reads the new secret. It is not an argument, because other processes and the shell's history can read those.
fn new_secret(from: Option<&PathBuf>) -> Result<ClientSecret, CliError> {
    let text = match from {
        Some(file) => {
            fs::read_to_string(file).map_err(|error| CliError::new(format!("{}: {error}", file.display())))?
        }
        None if io::stdin().is_terminal() => {
            rpassword::prompt_password("New client secret, from Spotify's dashboard: ")?
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
            value.ok_or_else(|| CliError::new(format!("no function has the variable {name}; deploy the template")))
        };
        let accounts = known
            .get("SPOTIFY_ACCOUNTS_URL")
            .map_or("https://accounts.spotify.com", String::as_str);
        let (id, client_id) = (needed("SPOTIFY_CLIENT_SECRET_ID")?, needed("SPOTIFY_CLIENT_ID")?);
        let accounts_url = accounts
            .parse()
            .map_err(|_| CliError::new("SPOTIFY_ACCOUNTS_URL is not a URL"))?;
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
                    "The functions already use this secret, and Spotify accepts it."
                } else {
                    "The functions already use this secret, and Spotify refuses it. Copy the secret from Spotify's dashboard again."
                },
            });
        }
        // If Spotify refuses even the old secret for another reason, such as the scope, the same refusal of the new one is no evidence against it.
        let is_taken = |answer| answer == Answer::Granted || (answer == Answer::Refused && of_old == Answer::Refused);
        let new_version = self.put_pending(new).await?;
        if !is_taken(self.probe(new).await?) {
            self.move_label(PENDING, &new_version, None).await?;
            return Ok(RotationResult {
                rotated: false,
                previous_is_taken: Some(of_old != Answer::InvalidClient),
                what: "Spotify refuses this secret; nothing was changed. Copy the secret of this client from Spotify's dashboard again.",
            });
        }
        self.move_label(CURRENT, &old_version, Some(&new_version)).await?;
        self.move_label(PENDING, &new_version, None).await?;
        // Reads the secret back, as the functions do.
        let (_, current) = self.current().await.map_err(|failed| error_after_switch(&failed))?;
        if !(current.ct_eq(new)
            && is_taken(
                self.probe(&current)
                    .await
                    .map_err(|failed| error_after_switch(&failed))?,
            ))
        {
            self.move_label(CURRENT, &new_version, Some(&old_version)).await?;
            return Ok(RotationResult {
                rotated: false,
                previous_is_taken: None,
                what: "Spotify refuses this secret after the switch; the functions use the previous one again. Check the secret in Spotify's dashboard.",
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
                    "Rotated. Spotify still accepts the old secret. Wait five minutes, then remove it in Spotify's dashboard."
                }
                Some(false) => "Rotated. Spotify no longer accepts the old secret.",
                None => "Rotated. Spotify could not be asked whether it still accepts the old secret.",
            },
        })
    }

    /// Reads the current version: its id and the secret.
    async fn current(&self) -> Result<(String, ClientSecret), CliError> {
        let id = &self.id;
        let read = self.secrets_manager.get_secret_value().secret_id(id).send().await;
        let read = read.map_err(|error| CliError::aws(&format!("cannot read the secret {id}"), &error))?;
        let members: Option<Value> = serde_json::from_str(read.secret_string().unwrap_or_default()).ok();
        let members = members.as_ref().and_then(Value::as_object);
        let members = members.ok_or_else(|| CliError::new(format!("the secret {id} is not a JSON object")))?;
        let secret =
            ClientSecret::from_members(members).map_err(|what| CliError::new(format!("the secret {id} {what}")))?;
        Ok((read.version_id().unwrap_or_default().to_owned(), secret))
    }

    /// Stores the new secret under a label that the functions do not read. Returns the version's id.
    async fn put_pending(&self, new: &ClientSecret) -> Result<String, CliError> {
        let value = json!({"client_secret": new.expose()}).to_string();
        let put = self.secrets_manager.put_secret_value().secret_id(&self.id);
        let put = put.secret_string(value).version_stages(PENDING).send().await;
        let put = put.map_err(|error| CliError::aws(&format!("cannot write the secret {}", self.id), &error))?;
        Ok(put.version_id().unwrap_or_default().to_owned())
    }

    /// Moves a label from one version to another, or removes it if `to` is `None`.
    async fn move_label(&self, label: &str, from: &str, to: Option<&str>) -> Result<(), CliError> {
        let moved = self.secrets_manager.update_secret_version_stage().secret_id(&self.id);
        let moved = moved.version_stage(label).remove_from_version_id(from);
        let moved = moved.set_move_to_version_id(to.map(str::to_owned)).send().await;
        moved.map(drop).map_err(|error| {
            CliError::aws(
                &format!("cannot change the version labels of the secret {}", self.id),
                &error,
            )
        })
    }

    /// Requests a token with `secret` from Spotify.
    async fn probe(&self, secret: &ClientSecret) -> Result<Answer, CliError> {
        let asked = self
            .token_endpoint
            .request(secret, &Grant::ClientCredentials, USER_SOA_UNLINK);
        match asked.await {
            Ok(_) | Err(SpotifyError::Token(TokenError::ScopeMissing)) => Ok(Answer::Granted),
            Err(SpotifyError::Token(TokenError::Refused { .. })) => Ok(Answer::Refused),
            Err(SpotifyError::Token(TokenError::InvalidClient)) => Ok(Answer::InvalidClient),
            Err(error) => Err(CliError::new(format!("Spotify's {error}; run the same command again"))),
        }
    }
}

/// Spotify's answer to a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Granted,
    /// Refused for another reason than the secret, such as the scope.
    Refused,
    InvalidClient,
}

/// An error after the switch, when the functions already use the new secret.
fn error_after_switch(failed: &CliError) -> CliError {
    CliError::new(format!(
        "the functions use the new secret and fall back on the old one, but the new one could not be tried again: {failed}"
    ))
}
