//! `soa-link keys`: manages the keys that verify the site's tokens and the backend's requests. A key is generated here and written to a local file. Its
//! public part, or an HS256 key itself, is added to the secret of the partner's keys; the rest of that secret does not change. No secret key is printed.

use std::{io::Write, path::PathBuf};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};
use clap::{Args, Subcommand, ValueEnum};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use serde_json::{Map, Value, json};
use shared::{
    encoding::{base64, base64url},
    rng::Rng,
    secrets::SecretValue as _,
    sign_in::PartnerKeys,
};

use crate::{aws, error::CliError, private_file::new_private_file};

/// Manage the keys of your site and backend
///
/// To rotate a key, run `keys rotate` and sign with the new key five minutes
/// later. Run `keys remove` on the old key when its tokens have expired.
/// Remove a leaked key with `keys remove --at-once`.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = "Example: soa-link keys list")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Generate a key into a file; a key pair's public key (JWK) goes to stdout
    ///
    /// For HS256 there is one secret key, and its file is the JWK. It is never
    /// printed. For the other algorithms the file has the private key.
    #[command(
        verbatim_doc_comment,
        after_help = "Example: soa-link keys new --alg hs256 --kid site-2026 --output site-2026.jwk.json\n         soa-link keys new --kid site-2026 --output site-2026.pem > site-2026.jwk.json"
    )]
    New(NewKeyArgs),
    /// List the key ids, types and algorithms of the keys in the secret.
    #[command(after_help = "Example: soa-link keys list --json")]
    List {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Add a key of the site or the backend to the secret: public, or HS256.
    #[command(after_help = "Example: soa-link keys add backend backend-2026.jwk.json")]
    Add {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Owner of the key.
        of: KeyOwner,
        /// File with the public key, or the HS256 key, as a JSON Web Key (JWK).
        jwk: PathBuf,
    },
    /// Generate a key and add it to the secret; existing keys stay valid.
    #[command(
        after_help = "Example: soa-link keys rotate backend --alg hs256 --kid backend-2027 --output backend-2027.jwk.json"
    )]
    Rotate {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Owner of the key.
        of: KeyOwner,
        #[command(flatten)]
        new: NewKeyArgs,
    },
    /// Remove a key of the site or the backend from the secret
    ///
    /// The functions accept the key as long as the secret's previous version has
    /// it. To remove a leaked key from both versions, use `--at-once`.
    #[command(
        verbatim_doc_comment,
        after_help = "Example: soa-link keys remove backend backend-2026 --at-once"
    )]
    Remove {
        #[command(flatten)]
        secret: PartnerKeysArg,
        /// Owner of the key.
        of: KeyOwner,
        /// Key id (`kid`).
        kid: String,
        /// Also remove the key from the previous version, by writing the secret twice.
        #[arg(long)]
        at_once: bool,
    },
}

#[derive(Args)]
struct PartnerKeysArg {
    /// Secret of the partner's keys: stack output PartnerKeysId.
    #[arg(long, env = "PARTNER_KEYS_ID")]
    partner_keys_id: String,
}

/// Arguments of a new key.
#[derive(Args)]
struct NewKeyArgs {
    /// Key id (`kid`) of the new key.
    #[arg(long)]
    kid: String,
    /// Signature algorithm.
    #[arg(long, default_value = "es256")]
    alg: Alg,
    /// File to create with the private key (PKCS #8 in PEM) or HS256 key (JWK).
    #[arg(long)]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alg {
    /// HMAC with SHA-256 (RFC 7518 §3.2): one secret key for both sides.
    Hs256,
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

    /// The owner's keys in the secret's `members`. Adds an empty JWK set if the owner has no keys yet.
    fn keys(self, members: &mut Map<String, Value>) -> Result<&mut Vec<Value>, CliError> {
        let set = members.entry(self.member()).or_insert_with(|| json!({"keys": []}));
        let keys = set.get_mut("keys").and_then(Value::as_array_mut);
        keys.ok_or_else(|| CliError::new(format!("`{}` in the secret is not a JWK set", self.member())))
    }
}

/// Runs a `keys` command.
///
/// # Errors
/// [`CliError`] if a file or the secret cannot be read or written, a key id is taken or unknown, or the functions would reject the new secret. The secret is
/// unchanged then, unless the second write of `--at-once` failed; a retry is safe.
pub(crate) async fn run(args: &KeysArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    match &args.command {
        KeysCommand::New(new) => {
            let jwk = new.make()?;
            if new.alg == Alg::Hs256 {
                let path = new.output.display();
                writeln!(
                    out,
                    "Created. Add the key: soa-link keys add site {path}, or: soa-link keys add backend {path}"
                )?;
            } else {
                writeln!(out, "{jwk}")?;
            }
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
            if jwk.get("d").is_some() {
                return Err(CliError::new("this is a private key; add its public key instead"));
            }
            secret.add(*of, jwk).await?;
            writeln!(out, "Added. The functions accept the key within five minutes.")?;
        }
        KeysCommand::Rotate { secret, of, new } => {
            let jwk = new.make()?;
            let others = match secret.add(*of, jwk).await {
                Ok(others) => others,
                Err(failed) => {
                    // A key that is not in the secret is useless.
                    let _ = std::fs::remove_file(&new.output);
                    return Err(failed);
                }
            };
            writeln!(
                out,
                "Added. Wait five minutes, then sign with {}.",
                new.output.display()
            )?;
            for old in others {
                let of = of.member();
                writeln!(
                    out,
                    "When the tokens of the old key have expired, run: soa-link keys remove {of} {old}"
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
                "Removed from both versions of the secret. Within five minutes, all functions reject the key, and any other key that only the previous version had."
            } else {
                "Removed. The functions still accept the key while the secret's previous version has it. To end that, run the same command with --at-once."
            };
            writeln!(out, "{said}")?;
        }
    }
    Ok(true)
}

async fn client() -> Result<Client, CliError> {
    Ok(Client::new(&aws::aws().await?))
}

impl NewKeyArgs {
    /// Generates a key and writes it to a file. Returns the JWK that belongs into the secret of the partner's keys: a public key, or the HS256 key itself.
    fn make(&self) -> Result<Value, CliError> {
        let unable = |_| CliError::new("cannot generate a key");
        let (algorithm, pkcs8) = match self.alg {
            Alg::Hs256 => return self.make_secret(),
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
        let jwk = Jwk::from_encoding_key(&signing, algorithm).map_err(|_| CliError::new("cannot generate a key"))?;
        let mut jwk = serde_json::to_value(jwk).map_err(|_| CliError::new("cannot generate a key"))?;
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

    /// Generates an HS256 key of the size of the hash (RFC 7518 §3.2).
    fn make_secret(&self) -> Result<Value, CliError> {
        let bytes = Rng::System
            .bytes::<32>()
            .map_err(|error| CliError::new(error.to_string()))?;
        let jwk = json!({"kty": "oct", "kid": self.kid, "alg": "HS256", "use": "sig", "k": base64url(bytes)});
        writeln!(new_private_file(&self.output)?, "{jwk}")?;
        Ok(jwk)
    }
}

impl PartnerKeysArg {
    /// Reads the secret's current version.
    async fn read(&self, client: &Client) -> Result<Map<String, Value>, CliError> {
        let id = &self.partner_keys_id;
        let read = client.get_secret_value().secret_id(id).send().await;
        let read = read.map_err(|error| CliError::aws(&format!("cannot read the secret {id}"), &error))?;
        let members = serde_json::from_str(read.secret_string().unwrap_or_default());
        members.map_err(|_| CliError::new(format!("the secret {id} is not a JSON object")))
    }

    /// Reads the previous version, which the functions accept too. Returns `None` if there is no such version or it is not a JSON object.
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
                &format!("cannot read the previous version of the secret {id}"),
                &error,
            )),
        }
    }

    /// Removes a key. With `at_once` it is also removed from the previous version, even if only that one has it.
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
                return Err(CliError::new("the secret has no key with this kid"));
            }
        }
        self.put(&client, &members).await?;
        if at_once && removed {
            // The first write made the version with the key the previous one.
            self.put(&client, &members).await?;
        }
        Ok(())
    }

    /// Adds a key. Returns the key ids that were there before.
    async fn add(&self, of: KeyOwner, jwk: Value) -> Result<Vec<String>, CliError> {
        let name = |key: &Value| key.get("kid").and_then(Value::as_str).map(str::to_owned);
        let kid = name(&jwk).ok_or_else(|| CliError::new("the key has no kid"))?;
        let mut others = Vec::new();
        self.change(of, |keys| {
            others = keys.iter().filter_map(name).collect();
            if others.contains(&kid) {
                return Err(CliError::new("the secret already has a key with this kid"));
            }
            keys.push(jwk);
            Ok(())
        })
        .await?;
        Ok(others)
    }

    /// Changes the keys of one owner, and nothing else in the secret.
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

    /// Writes a new version, unless the functions would reject it.
    async fn put(&self, client: &Client, members: &Map<String, Value>) -> Result<(), CliError> {
        PartnerKeys::from_members(members)
            .map_err(|what| CliError::new(format!("the functions would reject this secret: {what}")))?;
        let put = client.put_secret_value().secret_id(&self.partner_keys_id);
        let put = put.secret_string(json!(members).to_string()).send().await;
        put.map(drop)
            .map_err(|error| CliError::aws(&format!("cannot write the secret {}", self.partner_keys_id), &error))
    }
}

/// Prints id, type and algorithm of each key, and never its value: an `oct` key is a secret.
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
