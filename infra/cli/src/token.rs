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
    encoding::{from_base64, hex},
    rng::Rng,
};

use crate::{error::CliError, keys::Alg};

/// Sign a test token, as your site or backend would.
#[derive(Args)]
#[command(
    after_help = "Example: soa-link token session --key site.pem --kid site-2026 --iss https://www.example.com --aud https://link.example.com --sub 4711"
)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Sign the value of a session cookie, valid for one hour.
    #[command(
        after_help = "Example: soa-link token session --key site.pem --kid site-2026 --iss https://www.example.com --aud https://link.example.com --sub 4711 --entitlements \"gold newsletter\""
    )]
    Session(Claims),
    /// Sign a hand-off token, valid once and for two minutes.
    #[command(
        after_help = "Example: soa-link token handoff --key site.pem --kid site-2026 --iss https://www.example.com --aud https://link.example.com --sub 4711 --nonce the-nonce"
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
        after_help = "Example: soa-link token request --key backend.pem --kid backend --iss https://example.com --aud https://link.example.com/replace-entitlements --partner-id 0000000000000000000000 --sub 4711 --entitlements gold | curl --data-binary @- -H 'content-type: application/jwt' https://link.example.com/replace-entitlements"
    )]
    Request(Claims),
}

#[derive(Args)]
struct Claims {
    /// File with the private key, PKCS #8 in PEM, as `soa-link keys new` writes it.
    #[arg(long)]
    key: PathBuf,
    /// Signature algorithm of the key.
    #[arg(long, default_value = "es256")]
    alg: Alg,
    /// Key id (`kid`).
    #[arg(long)]
    kid: String,
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
    let (algorithm, key) = signing_key(&claims.key, claims.alg)?;
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(claims.kid.clone()),
        ..Header::new(algorithm)
    };
    let token = jsonwebtoken::encode(&header, &Value::from(payload), &key);
    let token =
        token.map_err(|_| CliError::new("the key does not fit the algorithm; choose another one with --alg"))?;
    write!(out, "{token}")?;
    // A program that reads the token from a pipe gets no line end.
    if io::stdout().is_terminal() {
        writeln!(out)?;
    }
    Ok(true)
}

fn signing_key(path: &Path, alg: Alg) -> Result<(Algorithm, EncodingKey), CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::new(format!("{}: {error}", path.display())))?;
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let pkcs8 = from_base64(&body).filter(|_| text.contains("-----BEGIN PRIVATE KEY-----"));
    let pkcs8 =
        pkcs8.ok_or_else(|| CliError::new(format!("{} is not a PKCS #8 private key in PEM", path.display())))?;
    Ok(match alg {
        Alg::Es256 => (Algorithm::ES256, EncodingKey::from_ec_der(&pkcs8)),
        Alg::Eddsa => (Algorithm::EdDSA, EncodingKey::from_ed_der(&pkcs8)),
    })
}
