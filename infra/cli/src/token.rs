//! `soa-link token`: tokens as the partner's site or backend signs them, to test a deployment with `curl`.

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};
use shared::{
    clock::Clock,
    encoding::{from_base64, from_base64url, hex},
    rng::Rng,
};

use crate::{error::CliError, keys::Alg};

/// Lower bound of an HS256 key, in bytes: the size of the hash (RFC 7518 §3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Sign a test token, as your site or backend would.
#[derive(Args)]
#[command(
    after_help = "Example: soa-link token session --key site.jwk.json --iss https://www.example.com --aud https://link.example.com --sub 4711"
)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Sign the value of a session cookie, valid for one hour.
    #[command(
        after_help = "Example: soa-link token session --key site.jwk.json --iss https://www.example.com --aud https://link.example.com --sub 4711 --entitlements \"gold newsletter\""
    )]
    Session(Claims),
    /// Sign a hand-off token, valid once and for two minutes.
    #[command(
        after_help = "Example: soa-link token handoff --key site.jwk.json --iss https://www.example.com --aud https://link.example.com --sub 4711 --nonce the-nonce"
    )]
    Handoff {
        #[command(flatten)]
        claims: Claims,
        /// Query parameter `nonce` with which your sign-in page was opened.
        #[arg(long)]
        nonce: String,
    },
    /// Sign the body of a backend request, valid once and for five minutes.
    #[command(
        after_help = "Example: soa-link token request --key backend.jwk.json --iss https://example.com --aud https://link.example.com/replace-entitlements --partner-id 0000000000000000000000 --sub 4711 --entitlements gold | curl --data-binary @- -H 'content-type: application/jwt' https://link.example.com/replace-entitlements"
    )]
    Request(Claims),
}

#[derive(Args)]
struct Claims {
    /// File of `soa-link keys new`: private key in PEM, or HS256 key (JWK).
    #[arg(long)]
    key: PathBuf,
    /// Signature algorithm of the key: es256 unless the key file has another.
    #[arg(long)]
    alg: Option<Alg>,
    /// Key id (`kid`); a JWK has its own.
    #[arg(long)]
    kid: Option<String>,
    /// Issuer: `SITE_ISSUER`, or `BACKEND_ISSUER` for a request.
    #[arg(long)]
    iss: String,
    /// Audience: `PUBLIC_URL`, or for a request the exact URL to call.
    #[arg(long)]
    aud: String,
    /// Your account id of the subscriber.
    #[arg(long)]
    sub: Option<String>,
    /// Partner User ID of the subscriber, instead of `sub` in a request.
    #[arg(long)]
    partner_user_id: Option<String>,
    /// Partner id: required in a request, and if partners share a site's keys.
    #[arg(long, env = "PARTNER_ID")]
    partner_id: Option<String>,
    /// Entitlements of the subscriber, separated by spaces.
    #[arg(long)]
    entitlements: Option<String>,
}

/// Prints the token.
///
/// # Errors
/// [`CliError`] if the key cannot be read or does not fit the algorithm.
pub(crate) fn run(args: &TokenArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let (claims, typ, life, nonce) = match &args.kind {
        Kind::Session(claims) => (claims, "JWT", 3600, None),
        Kind::Handoff { claims, nonce } => (claims, "soa-handoff+jwt", 120, Some(nonce)),
        Kind::Request(claims) => (claims, "soa-request+jwt", 300, None),
    };
    let now = Clock::System.now();
    let mut payload = Map::from_iter([
        ("iss".to_owned(), claims.iss.as_str().into()),
        ("aud".to_owned(), claims.aud.as_str().into()),
        ("iat".to_owned(), now.into()),
        ("exp".to_owned(), (now + life).into()),
    ]);
    let optional = [
        ("sub", &claims.sub),
        ("partner_user_id", &claims.partner_user_id),
        ("partner_id", &claims.partner_id),
        ("nonce", &nonce.cloned()),
    ];
    payload.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))),
    );
    if let Some(names) = &claims.entitlements {
        let names: Vec<_> = names.split_ascii_whitespace().collect();
        payload.insert("entitlements".to_owned(), names.into());
    }
    if life < 3600 {
        let jti = Rng::System
            .bytes::<16>()
            .map_err(|error| CliError::new(error.to_string()))?;
        payload.insert("jti".to_owned(), hex(&jti).into());
    }
    let key = SigningKey::read(&claims.key, claims.alg)?;
    let kid = claims.kid.clone().or(key.kid);
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.ok_or_else(|| CliError::new("the key file has no kid; pass --kid"))?),
        ..Header::new(key.algorithm)
    };
    let key = key.signing;
    let token = jsonwebtoken::encode(&header, &Value::from(payload), &key);
    let token = token.map_err(|_| mismatch())?;
    write!(out, "{token}")?;
    // A program that reads the token from a pipe gets no line end.
    if io::stdout().is_terminal() {
        writeln!(out)?;
    }
    Ok(true)
}

/// A key from a file of `soa-link keys new`.
struct SigningKey {
    algorithm: Algorithm,
    signing: EncodingKey,
    /// Key id, if the file has one.
    kid: Option<String>,
}

impl SigningKey {
    /// Reads a private key in PEM, or an HS256 key as a JWK. No error contains a part of the key.
    fn read(path: &Path, alg: Option<Alg>) -> Result<Self, CliError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| CliError::new(format!("{shown}: {error}")))?;
        if let Ok(jwk) = serde_json::from_str::<Value>(&text) {
            if alg.is_some_and(|alg| alg != Alg::Hs256) {
                return Err(mismatch());
            }
            return Self::from_jwk(&jwk).map_err(|why| CliError::new(format!("{shown}: {why}")));
        }
        let body: String = text
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .map(str::trim)
            .collect();
        let pkcs8 = from_base64(&body).filter(|_| text.contains("-----BEGIN PRIVATE KEY-----"));
        let pkcs8 = pkcs8.ok_or_else(|| {
            CliError::new(format!(
                "{shown} is neither a PKCS #8 private key in PEM nor an HS256 key as a JWK"
            ))
        })?;
        let (algorithm, signing) = match alg {
            Some(Alg::Hs256) => return Err(mismatch()),
            Some(Alg::Eddsa) => (Algorithm::EdDSA, EncodingKey::from_ed_der(&pkcs8)),
            Some(Alg::Es256) | None => (Algorithm::ES256, EncodingKey::from_ec_der(&pkcs8)),
        };
        Ok(Self {
            algorithm,
            signing,
            kid: None,
        })
    }

    /// Applies the functions' rules to an HS256 key, so that a key that they reject signs nothing.
    fn from_jwk(jwk: &Value) -> Result<Self, &'static str> {
        let member = |name| jwk.get(name).and_then(Value::as_str);
        if member("kty") != Some("oct") {
            return Err("a JWK must be an HS256 key (`kty`: `oct`); pass a private key in PEM");
        }
        if jwk.get("alg").is_some() && member("alg") != Some("HS256") {
            return Err("the `alg` of an `oct` key must be HS256");
        }
        let bytes = member("k").and_then(from_base64url).ok_or("`k` is not base64url")?;
        if bytes.len() < MIN_SECRET_BYTES {
            return Err("the key is too short: an HS256 key has at least 32 bytes");
        }
        Ok(Self {
            algorithm: Algorithm::HS256,
            signing: EncodingKey::from_secret(&bytes),
            kid: member("kid").map(str::to_owned),
        })
    }
}

fn mismatch() -> CliError {
    CliError::new("the key does not fit the algorithm; choose another one with --alg")
}
