//! `soa-link doctor`: whether a deployment can work, looked at from outside and without changing anything. Each finding says what is wrong and how to mend it.

use std::{collections::BTreeMap, fmt::Display, io::Write};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{StreamViewType, TimeToLiveStatus};
use aws_sdk_eventbridge::types::RuleState;
use chrono::DateTime;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use shared::{
    clock::Clock,
    config::{
        CallbackConfig, Config, EntitlementsConfig, EntrypointConfig, Environment, PartnersConfig, PublicUrl,
        SyncConfig, UnlinkConfig, has_own_provider,
    },
    oauth::token::{Grant, TokenError},
    outbound::Outbound,
    secret::ClientSecret,
    secrets::{Secret, SecretError},
    sign_in::{PartnerKeys, PublishedKeys},
    spotify::{
        SOA_CREATE_PARTNER, SOA_MANAGE_ENTITLEMENTS, SOA_MANAGE_PARTNER, SpotifyError, TokenEndpoint, USER_SOA_UNLINK,
    },
    store::{DIRTY_INDEX, Partners},
};

use crate::{
    Failed,
    deployment::{Deployment, Variables, known},
    operator,
};

/// How far, in seconds, this machine's clock and Spotify's may be apart before it is said.
const SKEW: i64 = 30;
/// The scopes of the client's own tokens, and whether a deployment needs them.
const SCOPES: [(&str, bool); 4] = [
    (USER_SOA_UNLINK, true),
    (SOA_MANAGE_ENTITLEMENTS, true),
    (SOA_MANAGE_PARTNER, false),
    (SOA_CREATE_PARTNER, false),
];
/// Looks whether a deployment can work: configuration, secrets, keys, tables, Spotify, clock.
///
/// It reads secrets, and asks Spotify for tokens of the client's own. It changes nothing, and shows no secret.
#[derive(Args)]
#[command(after_help = "Example: soa-link doctor --stack soa-link-prod")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    deployment: Deployment,
    /// For programs: one JSON document.
    #[arg(long)]
    json: bool,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, what: impl Into<String>) {
        self.0.push(Finding {
            what: what.into(),
            good: true,
            mend: None,
        });
    }

    fn wrong(&mut self, what: impl Display, mend: &str) {
        self.0.push(Finding {
            what: what.to_string(),
            good: false,
            mend: Some(mend.to_owned()),
        });
    }
}

/// Looks, and says what it found.
///
/// # Errors
/// [`Failed`] when there is nothing to look at.
pub(crate) async fn run(args: &DoctorArgs, out: &mut (dyn Write + Send)) -> Result<bool, Failed> {
    let aws = operator::aws().await?;
    let functions = args.deployment.functions(&aws).await?;
    let mut findings = Findings::default();
    configuration(&functions, &mut findings);
    let deployment = Deployed {
        outbound: Outbound::new()?,
        aws,
        known: known(functions),
    };
    if let Some(stack) = args.deployment.stack() {
        deployment.triggers(stack, &mut findings).await;
    }
    deployment.tables(&mut findings).await;
    deployment.keys(&mut findings).await;
    deployment.providers(&mut findings).await;
    deployment.spotify(&mut findings).await;
    let all_good = findings.0.iter().all(|finding| finding.good);
    if args.json {
        writeln!(out, "{}", json!({"good": all_good, "findings": findings.0}))?;
    } else {
        for finding in &findings.0 {
            writeln!(out, "{} {}", if finding.good { "good " } else { "WRONG" }, finding.what)?;
            if let Some(mend) = &finding.mend {
                writeln!(out, "      {mend}")?;
            }
        }
    }
    Ok(all_good)
}

/// Whether each function would start with its variables; what is wrong with several is said once.
fn configuration(functions: &[(String, Variables)], findings: &mut Findings) {
    let mut of_functions: BTreeMap<Option<String>, Vec<&str>> = BTreeMap::new();
    for (function, variables) in functions {
        of_functions
            .entry(problems(function, variables))
            .or_default()
            .push(function);
    }
    for (problems, functions) in of_functions {
        let functions = functions.join(", ");
        match problems {
            None => findings.good(format!("{functions}: the variables are what they must be")),
            Some(problems) => findings.wrong(
                format!("{functions}: {problems}"),
                "Change the stack's parameters, and deploy. functions/README.md, Variables, says what each is.",
            ),
        }
    }
}

/// Why a function would not start with these, if it would not.
fn problems(function: &str, variables: &Variables) -> Option<String> {
    // Lambda's own, which its configuration does not show.
    let lambdas_own =
        ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name.to_owned(), "x".to_owned()));
    let environment: Environment = lambdas_own.into_iter().chain(variables.clone()).collect();
    let problems = match function {
        "entrypoint" => EntrypointConfig::from_environment(environment).err(),
        "callback" => CallbackConfig::from_environment(environment).err(),
        "unlink" => UnlinkConfig::from_environment(environment).err(),
        "entitlements" => EntitlementsConfig::from_environment(environment).err(),
        "sync" => SyncConfig::from_environment(environment).err(),
        _ => PartnersConfig::from_environment(environment).err(),
    };
    problems.map(|problems| problems.to_string())
}

/// How to mend a secret that cannot be had.
fn mend_of(error: &SecretError, malformed: &'static str) -> &'static str {
    match error {
        SecretError::Unavailable => "Try again; look at the region, your own credentials and the network.",
        SecretError::Refused { .. } => {
            "Look at the stack's outputs, and whether your own credentials may read the secret."
        }
        SecretError::Malformed { .. } => malformed,
    }
}

struct Deployed {
    aws: SdkConfig,
    outbound: Outbound,
    known: Variables,
}

impl Deployed {
    fn known(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }

    /// Whether `sync` is told of changes, and comes round by itself.
    async fn triggers(&self, stack: &str, findings: &mut Findings) {
        let events = aws_sdk_eventbridge::Client::new(&self.aws);
        for task in ["sweep", "reconcile"] {
            let rule = format!("{stack}-{task}");
            let described = events.describe_rule().name(&rule).send().await;
            match described.ok().and_then(|described| described.state) {
                Some(RuleState::Enabled) => findings.good(format!("the schedule {rule} is on")),
                Some(_) => findings.wrong(
                    format!("the schedule {rule} is off"),
                    "What did not get through to Spotify is not tried again: aws events enable-rule --name <it>.",
                ),
                None => findings.wrong(
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
                findings.good(format!("the table's stream leads to {function}"));
            }
            Ok(_) => findings.wrong(
                format!("no stream leads to {function}, or it is off"),
                "Spotify follows by the sweep alone, and nobody is told: turn the event source mapping on, or deploy.",
            ),
            Err(_) => findings.wrong(
                format!("it cannot be seen what leads to {function}"),
                "Your own credentials need lambda:ListEventSourceMappings.",
            ),
        }
    }

    async fn tables(&self, findings: &mut Findings) {
        const MISSING: &str = "Look at the stack's outputs, and whether your own credentials may describe the table.";
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.aws);
        for variable in ["PENDING_LINKS_TABLE", "SUBSCRIBERS_TABLE", "PARTNERS_TABLE"] {
            let Some(name) = self.known(variable) else { continue };
            let described = dynamodb.describe_table().table_name(name).send().await;
            let Some(table) = described.ok().and_then(|described| described.table) else {
                findings.wrong(format!("the table {name} ({variable}) cannot be looked at"), MISSING);
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
                findings.wrong(
                    format!("the table {name} has another key than `id`"),
                    "It is not the table that the template makes.",
                );
            } else if variable == "SUBSCRIBERS_TABLE" && !has_index {
                findings.wrong(
                    format!("the table {name} has no index `{DIRTY_INDEX}`"),
                    "Nobody would be tried again: deploy the template's table.",
                );
            } else if variable == "SUBSCRIBERS_TABLE" && stream != Some(&StreamViewType::NewAndOldImages) {
                findings.wrong(
                    format!("the table {name} has no stream of new and old images"),
                    "Spotify would follow by the sweep alone, and nobody be told: deploy the template's table.",
                );
            } else if variable == "PENDING_LINKS_TABLE" && !self.tidies_up(&dynamodb, name).await {
                findings.wrong(
                    format!("the table {name} never forgets"),
                    "Turn its time to live on, by `delete_at`.",
                );
            } else {
                findings.good(format!("the table {name} is as it must be"));
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

    fn secret<T: shared::secrets::SecretValue>(&self, variable: &str) -> Option<Secret<T>> {
        let client = aws_sdk_secretsmanager::Client::new(&self.aws);
        Some(Secret::new(client, self.known(variable)?.to_owned(), Clock::System))
    }

    async fn keys(&self, findings: &mut Findings) {
        const FILL: &str = "Fill it as infra/README.md, Deploy, says, and keep its partner_user_id_key.";
        let Some(secret) = self.secret::<PartnerKeys>("PARTNER_KEYS_ID") else {
            return;
        };
        match secret.get().await {
            Err(error) => findings.wrong(&error, mend_of(&error, FILL)),
            Ok(keys) => {
                findings.good("the secret of the partner's keys is well-formed");
                let by_site = self.known("SIGN_IN") != Some("oidc") && self.known("SITE_JWKS_URL").is_none();
                if by_site && !keys.current.has_site_keys() {
                    findings.wrong(
                        "the site has no key: nobody could sign in",
                        "Add one: soa-link keys add site <file>.",
                    );
                }
                let by_backend = self.known("BACKEND_ISSUER").is_some() && self.known("BACKEND_JWKS_URL").is_none();
                if by_backend && !keys.current.has_backend_keys() {
                    findings.wrong(
                        "the backend has no key: no signed request would be taken",
                        "Add one: soa-link keys add backend <file>.",
                    );
                }
            }
        }
        for variable in ["SITE_JWKS_URL", "BACKEND_JWKS_URL"] {
            let Some(url) = self.known(variable) else { continue };
            let published = PublishedKeys::new(url.to_owned(), self.outbound.clone(), Clock::System)
                .get()
                .await;
            match published {
                Ok(_) => findings.good(format!("the keys at {variable} can be had and used")),
                Err(error) => findings.wrong(
                    format!("{variable}: {error}"),
                    "Publish a JWK set there, by https, with an RSA, P-256 or Ed25519 key in it.",
                ),
            }
        }
    }

    /// The redirect URI to register with each `OpenID` provider: the deployment's own, and those of partners.
    async fn providers(&self, findings: &mut Findings) {
        let Some(public_url) = self.known("PUBLIC_URL").and_then(PublicUrl::parse) else {
            return;
        };
        let register = |whose: &str, partner_id| {
            let redirect_uri = public_url.sign_in_redirect_uri(partner_id);
            format!("register this redirect URI with {whose}, letter for letter: {redirect_uri}")
        };
        if self.known("SIGN_IN") == Some("oidc") {
            findings.good(register("your OpenID provider", None));
        }
        let Some(table) = self.known("PARTNERS_TABLE") else {
            return;
        };
        let partners = Partners::new(aws_sdk_dynamodb::Client::new(&self.aws), table.to_owned());
        match partners.all().await {
            Ok((partners, _)) => {
                for partner in partners.iter().filter(|partner| has_own_provider(&partner.settings)) {
                    let whose = format!("the OpenID provider of partner {}", partner.partner_id);
                    findings.good(register(&whose, Some(&partner.partner_id)));
                }
            }
            Err(error) => findings.wrong(
                format!("the partners in {table} cannot be read: {error}"),
                "Your own credentials need dynamodb:Scan on the table.",
            ),
        }
    }

    async fn spotify(&self, findings: &mut Findings) {
        if let Some(url) = self.known("PUBLIC_URL").and_then(PublicUrl::parse) {
            findings.good(format!(
                "register this redirect URI in Spotify's dashboard, letter for letter: {}",
                url.redirect_uri()
            ));
        }
        let (Some(secret), Some(client_id)) = (
            self.secret::<ClientSecret>("SPOTIFY_CLIENT_SECRET_ID"),
            self.known("SPOTIFY_CLIENT_ID"),
        ) else {
            return;
        };
        let versions = match secret.get().await {
            Ok(versions) => versions,
            Err(error) => {
                const PUT: &str = "Put {\"client_secret\": \"…\"} there, as Spotify's dashboard shows it.";
                findings.wrong(&error, mend_of(&error, PUT));
                return;
            }
        };
        findings.good("the client secret is well-formed");
        let accounts = self
            .known("SPOTIFY_ACCOUNTS_URL")
            .unwrap_or("https://accounts.spotify.com");
        let Ok(accounts_url) = accounts.parse() else {
            return;
        };
        let endpoint = TokenEndpoint::new(&self.outbound, &accounts_url, client_id);
        self.clock(accounts, findings).await;
        for (scope, needed) in SCOPES {
            let asked = endpoint.request(&versions.current, &Grant::ClientCredentials, scope);
            match asked.await {
                Ok(_) => findings.good(format!("Spotify grants {scope}")),
                Err(SpotifyError::Token(TokenError::InvalidClient)) => {
                    findings.wrong("Spotify refuses the client id or its secret", "Compare both with Spotify's dashboard; a secret that was rotated there goes into Secrets Manager.");
                    return;
                }
                Err(SpotifyError::Token(TokenError::Refused { .. } | TokenError::ScopeMissing)) if needed => {
                    findings.wrong(
                        format!("Spotify does not grant {scope}"),
                        "Ask Spotify to allow-list the client id for it.",
                    );
                }
                Err(SpotifyError::Token(TokenError::Refused { .. } | TokenError::ScopeMissing)) => {
                    findings.good(format!(
                        "Spotify does not grant {scope}, which only creating partners and logos need"
                    ));
                }
                Err(error) => {
                    findings.wrong(
                        format!("Spotify's {error}"),
                        "Try again; look at Spotify's status, and whether the function's network reaches it.",
                    );
                    return;
                }
            }
        }
    }

    async fn clock(&self, accounts: &str, findings: &mut Findings) {
        let asked = self.outbound.date(accounts).await;
        let there = asked.and_then(|date| DateTime::parse_from_rfc2822(&date).ok());
        let Some(there) = there else { return };
        let apart = (there.timestamp() - Clock::System.now()).abs();
        if apart > SKEW {
            findings.wrong(
                format!("this machine's clock and Spotify's are {apart} s apart"),
                "Set the clock: a token's life is a minute's matter. Lambda's own clock is right.",
            );
        } else {
            findings.good("this machine's clock is right");
        }
    }
}
