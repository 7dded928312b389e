//! Checks of AWS resources: triggers of `sync`, tables, and the keys of site and backend.

use aws_sdk_dynamodb::types::{StreamViewType, TimeToLiveStatus};
use aws_sdk_eventbridge::{operation::describe_event_bus::DescribeEventBusError, types::RuleState};
use shared::{
    clock::Clock,
    sign_in::{PartnerKeys, RemoteKeys},
    store::DIRTY_INDEX,
};

use super::{Checks, Findings, fix_for};

/// The quota of concurrent invocations that a new account often has.
const NEW_ACCOUNT_QUOTA: i32 = 10;

impl Checks {
    /// Checks the schedules of `sync` and the event source mapping of the subscribers table's stream.
    pub(super) async fn triggers(&self, stack: &str, findings: &mut Findings) {
        let events = aws_sdk_eventbridge::Client::new(&self.aws);
        for task in ["sweep", "reconcile"] {
            let rule = format!("{stack}-{task}");
            let described = events.describe_rule().name(&rule).send().await;
            match described.ok().and_then(|described| described.state) {
                Some(RuleState::Enabled) => findings.ok(format!("schedule {rule}: enabled")),
                Some(_) => findings.fail(
                    format!("schedule {rule}: disabled"),
                    "run aws events enable-rule --name <schedule>.",
                ),
                None => findings.fail(
                    format!("schedule {rule}: cannot be read"),
                    "deploy the template, and allow your credentials events:DescribeRule.",
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
                findings.ok(format!("event source mapping of {function}: enabled"));
            }
            Ok(_) => findings.fail(
                format!("event source mapping of {function}: missing or disabled"),
                "enable the mapping, or deploy the template. Until then only the sweep syncs, and no events are sent.",
            ),
            Err(_) => findings.fail(
                format!("event source mappings of {function}: cannot be listed"),
                "allow your credentials lambda:ListEventSourceMappings.",
            ),
        }
    }

    /// Checks the event bus: EventBridge reports success for events to a bus that does not exist.
    pub(super) async fn event_bus(&self, findings: &mut Findings) {
        let Some(bus) = self.known("EVENT_BUS") else { return };
        let events = aws_sdk_eventbridge::Client::new(&self.aws);
        match events.describe_event_bus().name(bus).send().await {
            Ok(_) => findings.ok(format!("event bus {bus}: exists")),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeEventBusError::is_resource_not_found_exception) =>
            {
                findings.fail(
                    format!("event bus {bus}: does not exist, so all events are lost"),
                    "create the bus, or set EventBusName to an existing one.",
                );
            }
            Err(_) => findings.fail(
                format!("event bus {bus}: cannot be read"),
                "allow your credentials events:DescribeEventBus.",
            ),
        }
    }

    /// Checks the account's quota of concurrent invocations.
    pub(super) async fn concurrency(&self, findings: &mut Findings) {
        let lambda = aws_sdk_lambda::Client::new(&self.aws);
        let settings = lambda.get_account_settings().send().await;
        let limit = settings.map(|settings| settings.account_limit.map(|limit| limit.concurrent_executions));
        match limit {
            Ok(Some(limit)) if limit > NEW_ACCOUNT_QUOTA => {
                findings.ok(format!("quota of concurrent invocations: {limit}"));
            }
            Ok(Some(limit)) => findings.fail(
                format!("quota of concurrent invocations: {limit}, of which `sync` may use 6"),
                "ask AWS for 1,000, as infra/README.md, Deploy, describes.",
            ),
            Ok(None) | Err(_) => findings.fail(
                "quota of concurrent invocations: cannot be read",
                "allow your credentials lambda:GetAccountSettings.",
            ),
        }
    }

    /// Checks key, index, stream and time to live of the tables.
    pub(super) async fn tables(&self, findings: &mut Findings) {
        const MISSING: &str = "check the stack's outputs, and allow your credentials dynamodb:DescribeTable.";
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.aws);
        for variable in ["PENDING_LINKS_TABLE", "SUBSCRIBERS_TABLE", "PARTNERS_TABLE"] {
            let Some(name) = self.known(variable) else { continue };
            let described = dynamodb.describe_table().table_name(name).send().await;
            let Some(table) = described.ok().and_then(|described| described.table) else {
                findings.fail(format!("table {name} ({variable}): cannot be read"), MISSING);
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
                    format!("table {name}: the key is not `id`"),
                    "use the table that the template creates.",
                );
            } else if variable == "SUBSCRIBERS_TABLE" && !has_index {
                findings.fail(
                    format!("table {name}: index `{DIRTY_INDEX}` is missing"),
                    "deploy the template's table. Without the index nothing is retried.",
                );
            } else if variable == "SUBSCRIBERS_TABLE" && stream != Some(&StreamViewType::NewAndOldImages) {
                findings.fail(
                    format!("table {name}: no stream of new and old images"),
                    "deploy the template's table. Without the stream only the sweep syncs, and no events are sent.",
                );
            } else if variable == "PENDING_LINKS_TABLE" && !self.has_ttl(&dynamodb, name).await {
                findings.fail(
                    format!("table {name}: time to live is off"),
                    "enable TTL on `delete_at`.",
                );
            } else {
                findings.ok(format!("table {name}: configuration is correct"));
            }
        }
    }

    /// Whether TTL on `delete_at` is enabled or being enabled.
    async fn has_ttl(&self, dynamodb: &aws_sdk_dynamodb::Client, table: &str) -> bool {
        let described = dynamodb.describe_time_to_live().table_name(table).send().await.ok();
        let described = described.and_then(|described| described.time_to_live_description);
        described.is_some_and(|described| {
            let on = [Some(&TimeToLiveStatus::Enabled), Some(&TimeToLiveStatus::Enabling)];
            described.attribute_name() == Some("delete_at") && on.contains(&described.time_to_live_status())
        })
    }

    /// Checks the keys of site and backend, in the secret and at their published URLs.
    pub(super) async fn keys(&self, findings: &mut Findings) {
        const FILL: &str = "fill the secret as infra/README.md, Deploy, describes, and keep its partner_user_id_key.";
        let Some(secret) = self.secret::<PartnerKeys>("PARTNER_KEYS_ID") else {
            return;
        };
        match secret.get().await {
            Err(error) => findings.fail(&error, fix_for(&error, FILL)),
            Ok(keys) => {
                findings.ok("secret of the partner's keys: well-formed");
                let by_site = self.known("SIGN_IN") != Some("oidc") && self.known("SITE_JWKS_URL").is_none();
                if by_site && !keys.current.has_site_keys() {
                    findings.fail(
                        "secret of the partner's keys: no site key, so every sign-in fails",
                        "add one: soa-link keys add site <file>.",
                    );
                }
                let by_backend = self.known("BACKEND_ISSUER").is_some() && self.known("BACKEND_JWKS_URL").is_none();
                if by_backend && !keys.current.has_backend_keys() {
                    findings.fail(
                        "secret of the partner's keys: no backend key, so every signed request is rejected",
                        "add one: soa-link keys add backend <file>.",
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
                Ok(_) => findings.ok(format!("{variable}: the published keys are usable")),
                Err(error) => findings.fail(
                    format!("{variable}: {error}"),
                    "publish a JWK set there over https, with an RSA, P-256 or Ed25519 key.",
                ),
            }
        }
    }
}
