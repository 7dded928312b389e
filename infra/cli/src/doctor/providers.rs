//! The redirect URIs to register with `OpenID` providers.

use shared::{config::has_own_provider, store::PartnerTable, urls::PublicUrl};

use super::{Checks, Findings};

impl Checks {
    /// Lists the redirect URI for each `OpenID` provider: the deployment's and those of partners.
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
                }
            }
            Err(error) => findings.fail(
                format!("table {table}: cannot list partners: {error}"),
                "allow your credentials dynamodb:Scan on the table.",
            ),
        }
    }
}
