//! What a deployment has in AWS: triggers of `sync`, tables, and the keys of partners.

use aws_sdk_dynamodb::types::{StreamViewType, TimeToLiveStatus};
use aws_sdk_eventbridge::types::RuleState;
use shared::{
    clock::Clock,
    sign_in::{PartnerKeys, RemoteKeys},
    store::DIRTY_INDEX,
};

use super::{Checks, Findings, mend_of};

impl Checks {
    /// Whether `sync` is told of changes, and comes round by itself.
    pub(super) async fn triggers(&self, stack: &str, findings: &mut Findings) {
        let events = aws_sdk_eventbridge::Client::new(&self.aws);
        for task in ["sweep", "reconcile"] {
            let rule = format!("{stack}-{task}");
            let described = events.describe_rule().name(&rule).send().await;
            match described.ok().and_then(|described| described.state) {
                Some(RuleState::Enabled) => findings.ok(format!("the schedule {rule} is on")),
                Some(_) => findings.fail(
                    format!("the schedule {rule} is off"),
                    "What did not get through to Spotify is not tried again: aws events enable-rule --name <it>.",
                ),
                None => findings.fail(
                    format!("the schedule {rule} cannot be looked at"),
                    "Deploy the template; and your own credentials need events:DescribeRule.",
                ),
            }
        }
        let lambda = aws_sdk_lambda::Client::new(&self.aws);
        let function = format!("{stack}-sync:live");
        let mappings = lambda
            .list_event_source_mappings()
            .function_name(&function)
            .send()
            .await;
        let mappings = mappings.map(|mappings| mappings.event_source_mappings.unwrap_or_default());
        match mappings {
            Ok(mappings) if mappings.iter().any(|mapping| mapping.state() == Some("Enabled")) => {
                findings.ok(format!("the table's stream leads to {function}"));
            }
            Ok(_) => findings.fail(
                format!("no stream leads to {function}, or it is off"),
                "Spotify follows by the sweep alone, and nobody is told: turn the event source mapping on, or deploy.",
            ),
            Err(_) => findings.fail(
                format!("it cannot be seen what leads to {function}"),
                "Your own credentials need lambda:ListEventSourceMappings.",
            ),
        }
    }

    pub(super) async fn tables(&self, findings: &mut Findings) {
        const MISSING: &str = "Look at the stack's outputs, and whether your own credentials may describe the table.";
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.aws);
        for variable in ["PENDING_LINKS_TABLE", "SUBSCRIBERS_TABLE", "PARTNERS_TABLE"] {
            let Some(name) = self.known(variable) else { continue };
            let described = dynamodb.describe_table().table_name(name).send().await;
            let Some(table) = described.ok().and_then(|described| described.table) else {
                findings.fail(format!("the table {name} ({variable}) cannot be looked at"), MISSING);
                continue;
            };
            let key: Vec<_> = table
                .key_schema()
                .iter()
                .map(aws_sdk_dynamodb::types::KeySchemaElement::attribute_name)
                .collect();
            let has_index = table
                .global_secondary_indexes()
                .iter()
                .any(|index| index.index_name() == Some(DIRTY_INDEX));
            let stream = table
                .stream_specification()
                .and_then(|stream| stream.stream_view_type());
            if key != ["id"] {
                findings.fail(
                    format!("the table {name} has another key than `id`"),
                    "It is not the table that the template makes.",
                );
            } else if variable == "SUBSCRIBERS_TABLE" && !has_index {
                findings.fail(
                    format!("the table {name} has no index `{DIRTY_INDEX}`"),
                    "Nobody would be tried again: deploy the template's table.",
                );
            } else if variable == "SUBSCRIBERS_TABLE" && stream != Some(&StreamViewType::NewAndOldImages) {
                findings.fail(
                    format!("the table {name} has no stream of new and old images"),
                    "Spotify would follow by the sweep alone, and nobody be told: deploy the template's table.",
                );
            } else if variable == "PENDING_LINKS_TABLE" && !self.tidies_up(&dynamodb, name).await {
                findings.fail(
                    format!("the table {name} never forgets"),
                    "Turn its time to live on, by `delete_at`.",
                );
            } else {
                findings.ok(format!("the table {name} is as it must be"));
            }
        }
    }

    async fn tidies_up(&self, dynamodb: &aws_sdk_dynamodb::Client, table: &str) -> bool {
        let described = dynamodb.describe_time_to_live().table_name(table).send().await.ok();
        let described = described.and_then(|described| described.time_to_live_description);
        described.is_some_and(|described| {
            let on = [Some(&TimeToLiveStatus::Enabled), Some(&TimeToLiveStatus::Enabling)];
            described.attribute_name() == Some("delete_at") && on.contains(&described.time_to_live_status())
        })
    }

    pub(super) async fn keys(&self, findings: &mut Findings) {
        const FILL: &str = "Fill it as infra/README.md, Deploy, says, and keep its partner_user_id_key.";
        let Some(secret) = self.secret::<PartnerKeys>("PARTNER_KEYS_ID") else {
            return;
        };
        match secret.get().await {
            Err(error) => findings.fail(&error, mend_of(&error, FILL)),
            Ok(keys) => {
                findings.ok("the secret of the partner's keys is well-formed");
                let by_site = self.known("SIGN_IN") != Some("oidc") && self.known("SITE_JWKS_URL").is_none();
                if by_site && !keys.current.has_site_keys() {
                    findings.fail(
                        "the site has no key: nobody could sign in",
                        "Add one: soa-link keys add site <file>.",
                    );
                }
                let by_backend = self.known("BACKEND_ISSUER").is_some() && self.known("BACKEND_JWKS_URL").is_none();
                if by_backend && !keys.current.has_backend_keys() {
                    findings.fail(
                        "the backend has no key: no signed request would be taken",
                        "Add one: soa-link keys add backend <file>.",
                    );
                }
            }
        }
        for variable in ["SITE_JWKS_URL", "BACKEND_JWKS_URL"] {
            let Some(url) = self.known(variable) else { continue };
            let published = RemoteKeys::new(url.to_owned(), self.http.clone(), Clock::System)
                .get()
                .await;
            match published {
                Ok(_) => findings.ok(format!("the keys at {variable} can be had and used")),
                Err(error) => findings.fail(
                    format!("{variable}: {error}"),
                    "Publish a JWK set there, by https, with an RSA, P-256 or Ed25519 key in it.",
                ),
            }
        }
    }
}
