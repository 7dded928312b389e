//! `soa-link keys`: the keys by which the site's tokens and the backend's requests are known. A private key is made here and stays in a file of the operator's; the public
//! half goes into the secret of the partner's keys, beside those that are there, and what else is in that secret stays as it is.

use std::{io::Write, path::PathBuf};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};
use clap::{Args, Subcommand, ValueEnum};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use serde_json::{Map, Value, json};
use shared::{encoding::base64, secrets::SecretValue as _, sign_in::PartnerKeys};

use crate::{aws, error::CliError, private_file::new_private_file};

/// Makes keys, and puts them into the secret of the partner's keys.
///
/// To rotate one: `keys rotate`, five minutes later sign with the new one, and `keys remove` the old one when its tokens have expired. One that has leaked goes by
/// `keys remove --at-once`.
#[derive(Args)]
#[command(after_help = "Example: soa-link keys list")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Makes a key pair: the private key in a file of yours, the public one on standard output, as a JSON Web Key.
    #[command(after_help = "Example: soa-link keys new --kid site-2026 --output site-2026.pem > site-2026.jwk.json")]
    New(KeyPairArgs),
    /// Which keys the secret has, by their names and kinds.
    #[command(after_help = "Example: soa-link keys list --json")]
    List {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// For programs: one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Adds a public key to those of the site or of the backend.
    #[command(after_help = "Example: soa-link keys add backend backend-2026.jwk.json")]
    Add {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Whose.
        of: KeyOwner,
        /// The file with its JSON Web Key.
        jwk: PathBuf,
    },
    /// Makes a key pair and adds its public key, beside those that are there: both are taken.
    #[command(after_help = "Example: soa-link keys rotate backend --kid backend-2027 --output backend-2027.pem")]
    Rotate {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Whose.
        of: KeyOwner,
        #[command(flatten)]
        pair: KeyPairArgs,
    },
    /// Takes a key out of those of the site or of the backend.
    ///
    /// The functions go on to take it while the secret's previous version has it. A key that has leaked goes `--at-once`, from both versions.
    #[command(after_help = "Example: soa-link keys remove backend backend-2026 --at-once")]
    Remove {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Whose.
        of: KeyOwner,
        /// Its name.
        kid: String,
        /// Write the secret twice, so that its previous version has not got the key either.
        #[arg(long)]
        at_once: bool,
    },
}

#[derive(Args)]
struct PartnerKeysArg {
    /// The stack's output PartnerKeysId.
    #[arg(long, env = "PARTNER_KEYS_ID")]
    partner_keys_id: String,
}

/// A key pair to be made.
#[derive(Args)]
struct KeyPairArgs {
    /// Its name among others, which tokens carry.
    #[arg(long)]
    kid: String,
    /// What it signs with.
    #[arg(long, default_value = "es256")]
    alg: Alg,
    /// Where the private key goes, as PKCS #8 in PEM. It must not be there yet.
    #[arg(long)]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Alg {
    /// ECDSA on P-256 (RFC 7518 §3.4).
    Es256,
    /// Ed25519 (RFC 8037).
    Eddsa,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeyOwner {
    /// The site's session and hand-off tokens.
    Site,
    /// The backend's signed requests.
    Backend,
}

impl KeyOwner {
    fn member(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Backend => "backend",
        }
    }

    /// Its keys in the secret, none where it has none yet.
    fn keys(self, members: &mut Map<String, Value>) -> Result<&mut Vec<Value>, CliError> {
        let set = members.entry(self.member()).or_insert_with(|| json!({"keys": []}));
        let keys = set.get_mut("keys").and_then(Value::as_array_mut);
        keys.ok_or_else(|| CliError::new(format!("`{}` in the secret is no JWK set", self.member())))
    }
}

/// Does what was asked about keys.
///
/// # Errors
/// [`CliError`] when the secret cannot be read or written, or would not be good.
pub(crate) async fn run(args: &KeysArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    match &args.command {
        KeysCommand::New(pair) => {
            writeln!(out, "{}", pair.make()?)?;
        }
        KeysCommand::List { secret, json } => {
            let members = secret.read(&client().await?).await?;
            list(&members, *json, out)?;
        }
        KeysCommand::Add { secret, of, jwk } => {
            let text =
                std::fs::read_to_string(jwk).map_err(|error| CliError::new(format!("{}: {error}", jwk.display())))?;
            let jwk: Value =
                serde_json::from_str(&text).map_err(|_| CliError::new(format!("{} is not JSON", jwk.display())))?;
            if jwk.get("d").is_some() || jwk.get("kty").and_then(Value::as_str) == Some("oct") {
                return Err(CliError::new("this is a private key: only its public half goes there"));
            }
            secret.add(*of, jwk).await?;
            writeln!(out, "Added. The functions take it within five minutes.")?;
        }
        KeysCommand::Rotate { secret, of, pair } => {
            let jwk = pair.make()?;
            let others = match secret.add(*of, jwk).await {
                Ok(others) => others,
                Err(failed) => {
                    // A private key without its public half is of no use.
                    let _ = std::fs::remove_file(&pair.output);
                    return Err(failed);
                }
            };
            writeln!(
                out,
                "Added. From five minutes from now on sign with {}.",
                pair.output.display()
            )?;
            for old in others {
                let of = of.member();
                writeln!(
                    out,
                    "When what the old key signed has expired: soa-link keys remove {of} {old}"
                )?;
            }
        }
        KeysCommand::Remove {
            secret,
            of,
            kid,
            at_once,
        } => {
            secret.remove(*of, kid, *at_once).await?;
            let said = if *at_once {
                "Removed from both versions of the secret. In five minutes no function takes it any more, nor what else only the version before had."
            } else {
                "Removed. While the secret's previous version has it, it is still taken: the same command with --at-once ends that."
            };
            writeln!(out, "{said}")?;
        }
    }
    Ok(true)
}

async fn client() -> Result<Client, CliError> {
    Ok(Client::new(&aws::aws().await?))
}

impl KeyPairArgs {
    /// Makes a pair: the private half into a file, the public half as a JSON Web Key.
    fn make(&self) -> Result<Value, CliError> {
        let unable = |_| CliError::new("no key can be made");
        let (algorithm, pkcs8) = match self.alg {
            Alg::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(unable)?;
                (Algorithm::ES256, pair.to_pkcs8v1().map_err(unable)?.as_ref().to_vec())
            }
            Alg::Eddsa => {
                let pair = Ed25519KeyPair::generate().map_err(unable)?;
                (Algorithm::EdDSA, pair.to_pkcs8v1().map_err(unable)?.as_ref().to_vec())
            }
        };
        let signing = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&pkcs8),
            _ => EncodingKey::from_ed_der(&pkcs8),
        };
        let jwk = Jwk::from_encoding_key(&signing, algorithm).map_err(|_| CliError::new("no key can be made"))?;
        let mut jwk = serde_json::to_value(jwk).map_err(|_| CliError::new("no key can be made"))?;
        if let Some(members) = jwk.as_object_mut() {
            members.extend([
                ("kid".to_owned(), self.kid.clone().into()),
                ("alg".to_owned(), format!("{algorithm:?}").into()),
                ("use".to_owned(), "sig".into()),
            ]);
        }
        let mut file = new_private_file(&self.output)?;
        let encoded = base64(&pkcs8);
        writeln!(file, "-----BEGIN PRIVATE KEY-----")?;
        for line in encoded.as_bytes().chunks(64) {
            file.write_all(line)?;
            writeln!(file)?;
        }
        writeln!(file, "-----END PRIVATE KEY-----")?;
        Ok(jwk)
    }
}

impl PartnerKeysArg {
    async fn read(&self, client: &Client) -> Result<Map<String, Value>, CliError> {
        let id = &self.partner_keys_id;
        let read = client.get_secret_value().secret_id(id).send().await;
        let read = read.map_err(|error| CliError::aws(&format!("the secret {id} cannot be read"), &error))?;
        let members = serde_json::from_str(read.secret_string().unwrap_or_default());
        members.map_err(|_| CliError::new(format!("the secret {id} is not a JSON object")))
    }

    /// The version before, which the functions take too, where there is one that can be read as they read it.
    async fn read_previous(&self, client: &Client) -> Result<Option<Map<String, Value>>, CliError> {
        let id = &self.partner_keys_id;
        let read = client.get_secret_value().secret_id(id).version_stage("AWSPREVIOUS");
        match read.send().await {
            Ok(read) => Ok(serde_json::from_str(read.secret_string().unwrap_or_default()).ok()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(CliError::aws(
                &format!("the previous version of the secret {id} cannot be read"),
                &error,
            )),
        }
    }

    /// Takes a key out; at once means out of the version before as well, also where it is left in that one alone.
    async fn remove(&self, of: KeyOwner, kid: &str, at_once: bool) -> Result<(), CliError> {
        let client = client().await?;
        let mut members = self.read(&client).await?;
        let is_it = |key: &Value| key.get("kid").and_then(Value::as_str) == Some(kid);
        let keys = of.keys(&mut members)?;
        let before = keys.len();
        keys.retain(|key| !is_it(key));
        let removed = keys.len() < before;
        if !removed {
            let previous = if at_once {
                self.read_previous(&client).await?
            } else {
                None
            };
            let lingers = previous.is_some_and(|mut previous| {
                let keys = of.keys(&mut previous);
                keys.is_ok_and(|keys| keys.iter().any(is_it))
            });
            if !lingers {
                return Err(CliError::new("there is no key of this name"));
            }
        }
        self.put(&client, &members).await?;
        if at_once && removed {
            // What was current a moment ago has become the previous version, with the key in it.
            self.put(&client, &members).await?;
        }
        Ok(())
    }

    /// Adds a public key; the names of those that were there.
    async fn add(&self, of: KeyOwner, jwk: Value) -> Result<Vec<String>, CliError> {
        let name = |key: &Value| key.get("kid").and_then(Value::as_str).map(str::to_owned);
        let kid = name(&jwk).ok_or_else(|| CliError::new("the key has no kid"))?;
        let mut others = Vec::new();
        self.change(of, |keys| {
            others = keys.iter().filter_map(name).collect();
            if others.contains(&kid) {
                return Err(CliError::new("there is a key of this name"));
            }
            keys.push(jwk);
            Ok(())
        })
        .await?;
        Ok(others)
    }

    /// Changes one set of keys and nothing else.
    async fn change(
        &self,
        of: KeyOwner,
        change: impl FnOnce(&mut Vec<Value>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let client = client().await?;
        let mut members = self.read(&client).await?;
        change(of.keys(&mut members)?)?;
        self.put(&client, &members).await
    }

    /// Writes a new version, and nothing that the functions would not take.
    async fn put(&self, client: &Client, members: &Map<String, Value>) -> Result<(), CliError> {
        PartnerKeys::from_members(members)
            .map_err(|what| CliError::new(format!("the functions would not take it: {what}")))?;
        let put = client.put_secret_value().secret_id(&self.partner_keys_id);
        let put = put.secret_string(json!(members).to_string()).send().await;
        put.map(drop).map_err(|error| {
            CliError::aws(
                &format!("the secret {} cannot be written", self.partner_keys_id),
                &error,
            )
        })
    }
}

/// The keys by their names and kinds; what an `oct` key is made of is shown to nobody.
fn list(members: &Map<String, Value>, as_json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let known = [KeyOwner::Site, KeyOwner::Backend].map(|of| {
        let keys = members
            .get(of.member())
            .and_then(|set| set.get("keys"))
            .and_then(Value::as_array);
        (of.member(), keys.map(Vec::as_slice).unwrap_or_default())
    });
    if as_json {
        let of = |keys: &[Value]| -> Vec<Value> {
            let shown = |key: &Value| json!({"kid": key.get("kid"), "kty": key.get("kty"), "alg": key.get("alg")});
            keys.iter().map(shown).collect()
        };
        let document = Map::from_iter(known.map(|(member, keys)| (member.to_owned(), of(keys).into())));
        writeln!(out, "{}", Value::from(document))?;
        return Ok(());
    }
    writeln!(out, "{:<10}{:<32}{:<6}alg", "of", "kid", "kty")?;
    for (member, keys) in known {
        for key in keys {
            let said = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            writeln!(out, "{member:<10}{:<32}{:<6}{}", said("kid"), said("kty"), said("alg"))?;
        }
    }
    Ok(())
}
