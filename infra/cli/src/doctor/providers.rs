//! `OpenID` providers: the redirect URIs to register, and what of their metadata and keys will not work.

use std::time::Duration;

use shared::{
    config::has_own_provider,
    sign_in::{ID_TOKEN_ALGORITHMS, ProviderMetadata},
    store::PartnerTable,
    urls::PublicUrl,
};

use super::{Checks, Findings};

/// Upper bound of one call to a provider.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Lists of the metadata, the values of which at least one is needed, and the fix.
const REQUIRED: [(&str, &[&str], &str); 3] = [
    (
        "id_token_signing_alg_values_supported",
        &ID_TOKEN_ALGORITHMS,
        "let the provider sign ID tokens for this client with one of them, for example by giving it an RSA key.",
    ),
    (
        "response_types_supported",
        &["code"],
        "enable the authorization code flow for this client.",
    ),
    (
        "code_challenge_methods_supported",
        &["S256"],
        "enable PKCE with S256 for this client.",
    ),
];

impl Checks {
    /// Lists the redirect URI for each `OpenID` provider, the deployment's and those of partners, and inspects the providers.
    pub(super) async fn providers(&self, findings: &mut Findings) {
        let Some(public_url) = self.known("PUBLIC_URL").and_then(PublicUrl::parse) else {
            return;
        };
        let register = |whose: &str, partner_id| {
            let redirect_uri = public_url.sign_in_redirect_uri(partner_id);
            format!("register this redirect URI with {whose}, letter for letter: {redirect_uri}")
        };
        if self.known("SIGN_IN") == Some("oidc") {
            findings.ok(register("your OpenID provider", None));
            if let Some(issuer) = self.known("OIDC_ISSUER") {
                self.provider("your OpenID provider", issuer, findings).await;
            }
        }
        let Some(table) = self.known("PARTNERS_TABLE") else {
            return;
        };
        let partners = PartnerTable::new(aws_sdk_dynamodb::Client::new(&self.aws), table.to_owned());
        match partners.list().await {
            Ok((partners, _)) => {
                for partner in partners.iter().filter(|partner| has_own_provider(&partner.settings)) {
                    let whose = format!("the OpenID provider of partner {}", partner.partner_id);
                    findings.ok(register(&whose, Some(partner.partner_id.as_str())));
                    if let Some(issuer) = partner.settings.get("OIDC_ISSUER") {
                        self.provider(&whose, issuer, findings).await;
                    }
                }
            }
            Err(error) => findings.fail(
                format!("table {table}: cannot list partners: {error}"),
                "allow your credentials dynamodb:Scan on the table.",
            ),
        }
    }

    /// Inspects the metadata and keys of a provider, as the functions read them.
    async fn provider(&self, whose: &str, issuer: &str, findings: &mut Findings) {
        let metadata = match ProviderMetadata::fetch(&self.http, issuer, FETCH_TIMEOUT).await {
            Ok(metadata) => metadata,
            Err(failure) => {
                return findings.fail(
                    format!("{whose}: {failure}"),
                    "OIDC_ISSUER must be the issuer, letter for letter; the page `/.well-known/openid-configuration` below it shows it.",
                );
            }
        };
        let mut is_ok = true;
        for (list, accepted, fix) in REQUIRED {
            if metadata.supports(list, accepted) == Some(false) {
                is_ok = false;
                findings.fail(format!("{whose}: {list} has none of {}", accepted.join(", ")), fix);
            }
        }
        let in_body = match self.known("OIDC_CLIENT_AUTHENTICATION") {
            Some("client_secret_basic") => "client_secret_basic",
            Some("client_secret_post") => "client_secret_post",
            Some("none") => "none",
            _ if metadata.wants_secret_in_body => "client_secret_post",
            _ => "client_secret_basic",
        };
        if metadata.supports("token_endpoint_auth_methods_supported", &[in_body]) == Some(false) {
            is_ok = false;
            findings.fail(
                format!("{whose}: the token endpoint does not support {in_body}"),
                "set OIDC_CLIENT_AUTHENTICATION to a method that it supports.",
            );
        }
        if is_ok {
            findings.ok(format!("{whose}: metadata and keys are usable"));
        }
    }
}
