//! Deployment of the functions in the sandbox: variables, secrets, tables and routes, as in `infra/template.yaml`.
//!
//! The functions' real handlers run with the real AWS SDK and HTTP client against the simulated services.

mod fresh_functions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification, TimeToLiveStatus,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use callback::Callback;
use entitlements::Entitlements;
use entrypoint::Entrypoint;
use partners::Partners;
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    config::{
        CallbackConfig, Config, EntitlementsConfig, EntrypointConfig, Environment, PartnersConfig, SyncConfig,
        UnlinkConfig,
    },
    http_client::HttpClient,
    rng::Rng,
    runtime::{
        http::{HttpFunction, handle_event},
        worker::EventFunction as _,
    },
    store::DIRTY_INDEX,
};
use sync::Synchronizer;
use unlink::Unlink;

use crate::{Addresses, Endpoint, Key, KeySets, Options, Route, RoutesError, Settings, stream::Stream};

pub use self::fresh_functions::FreshFunctions;

/// Name of the pending-links table.
pub const PENDING_LINKS_TABLE: &str = "soa-link-pending-links";
/// Name of the subscribers table.
pub const SUBSCRIBERS_TABLE: &str = "soa-link-subscribers";
/// Name of the partners table.
pub const PARTNERS_TABLE: &str = "soa-link-partners";
/// Name by which operators invoke the partners function.
pub const PARTNERS_FUNCTION: &str = "partners";
/// Name of the Spotify client secret in Secrets Manager.
pub const CLIENT_SECRET_ID: &str = "soa-link/client-secret";
/// Name of the partner keys in Secrets Manager.
pub const PARTNER_KEYS_ID: &str = "soa-link/partner-keys";
/// Name of the `OpenID` client secret in Secrets Manager.
pub const OIDC_CLIENT_SECRET_ID: &str = "soa-link/oidc-client-secret";
/// Timeout of a function, as in `infra/template.yaml`.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Adds the functions' secrets to `options`: the Spotify client secret, the partner keys and the `OpenID` client secret.
#[must_use]
pub fn with_secrets(mut options: Options) -> Options {
    let client_secret = json!({"client_secret": options.client_secret});
    let partner_keys = partner_keys(&options, &options.key_sets);
    options
        .secrets
        .insert(CLIENT_SECRET_ID.to_owned(), client_secret.to_string());
    let oidc_client_secret = json!({"client_secret": options.oidc.client_secret});
    options.secrets.insert(PARTNER_KEYS_ID.to_owned(), partner_keys);
    options
        .secrets
        .insert(OIDC_CLIENT_SECRET_ID.to_owned(), oidc_client_secret.to_string());
    options
}

/// Returns the secret of the partner keys, as text. The backend's own keys are joined by the demo's, so that the console can sign requests.
fn partner_keys(options: &Options, own: &KeySets) -> String {
    let demo = |key: &Key| json!({"keys": [key.jwk()]});
    let mut backend = own.backend.clone().unwrap_or_else(|| json!({"keys": []}));
    if let Some(keys) = backend.get_mut("keys").and_then(Value::as_array_mut) {
        keys.push(options.backend_key.jwk());
    }
    let partner_keys = json!({
        "site": own.site.clone().unwrap_or_else(|| demo(&options.site_key)),
        "backend": backend,
        "partner_user_id_key": URL_SAFE_NO_PAD.encode(&options.partner_user_id_key),
    });
    partner_keys.to_string()
}

/// Returns the functions' environment variables for a sandbox at `addresses`.
#[must_use]
pub fn variables(options: &Options, addresses: &Addresses) -> Vec<(String, String)> {
    let publisher = &options.publisher;
    let shows = publisher.shows.iter().map(|show| {
        let unlocked_by = match show.entitlements.join(",") {
            names if options.is_branded && !names.is_empty() => format!("|{names}"),
            _ => String::new(),
        };
        format!("{}={}{unlocked_by}", show.id, show.name)
    });
    let issuer = options.oidc.issuer.clone().unwrap_or_else(|| addresses.site.clone());
    let variables = [
        ("PUBLIC_URL", options.public_url(addresses)),
        ("SPOTIFY_CLIENT_ID", options.client_id.clone()),
        ("PARTNER_ID", options.partner_id.clone()),
        ("SPOTIFY_CLIENT_SECRET_ID", CLIENT_SECRET_ID.to_owned()),
        ("PARTNER_KEYS_ID", PARTNER_KEYS_ID.to_owned()),
        ("PENDING_LINKS_TABLE", PENDING_LINKS_TABLE.to_owned()),
        ("SUBSCRIBERS_TABLE", SUBSCRIBERS_TABLE.to_owned()),
        ("PARTNERS_TABLE", PARTNERS_TABLE.to_owned()),
        ("SIGN_IN", options.sign_in.name().to_owned()),
        ("SIGN_IN_URL", format!("{}/sign-in", addresses.site)),
        ("SESSION_COOKIE", options.session_cookie.clone()),
        ("SITE_ISSUER", options.site_issuer(addresses)),
        ("BACKEND_ISSUER", options.backend_issuer(addresses)),
        ("SPOTIFY_ACCOUNTS_URL", addresses.spotify.clone()),
        ("SPOTIFY_OPEN_ACCESS_URL", addresses.spotify.clone()),
        ("SPOTIFY_CONTENT_ACCESS_URL", addresses.spotify.clone()),
        ("BRAND_NAME", options.publisher.name.clone()),
        ("OIDC_ISSUER", issuer),
        ("OIDC_CLIENT_ID", options.oidc.client_id.clone()),
        ("OIDC_CLIENT_SECRET_ID", OIDC_CLIENT_SECRET_ID.to_owned()),
        ("RETURN_URL", format!("{}/account", addresses.site)),
        ("SUBSCRIBE_URL", format!("{}/account", addresses.site)),
        ("SHOWS", shows.collect::<Vec<_>>().join(";")),
        ("FRAME_ORIGIN", addresses.site.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", addresses.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", addresses.secrets.clone()),
        ("EVENT_BUS", "default".to_owned()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", addresses.secrets.clone()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
    ];
    let branding = branding(options, addresses);
    let demo = variables.into_iter().chain(branding);
    let demo = demo.map(|(name, value)| (name.to_owned(), value));
    let changed: BTreeMap<_, _> = demo.chain(options.variables.clone()).collect();
    changed.into_iter().collect()
}

/// The variables of the pages' design: what the demo site looks like, and what it calls its plans.
fn branding(options: &Options, addresses: &Addresses) -> Vec<(&'static str, String)> {
    if !options.is_branded {
        return Vec::new();
    }
    let mut variables = vec![("ENTITLEMENT_NAMES", options.publisher.entitlement_names())];
    // Another site has a logo and a help page of its own.
    if matches!(options.site, Endpoint::Local(_)) {
        let site = &addresses.site;
        variables.extend([
            ("BRAND_COLOR", "#8a4b08".to_owned()),
            ("BRAND_LOGO_URL", format!("{site}/logo.svg")),
            ("BRAND_ICON_URL", format!("{site}/icon.svg")),
            ("SUPPORT_URL", format!("{site}/help")),
        ]);
    }
    variables
}

/// Checks the variables of all functions.
///
/// # Errors
/// Every variable that is missing or wrong, with the rule it breaks.
pub fn check_variables(environment: &Environment) -> Result<(), RoutesError> {
    fn check<C: Config>(environment: &Environment) -> Option<String> {
        let checked = C::from_environment(environment.clone());
        checked.err().map(|error| error.to_string())
    }
    let errors = [
        check::<EntrypointConfig>(environment),
        check::<CallbackConfig>(environment),
        check::<UnlinkConfig>(environment),
        check::<EntitlementsConfig>(environment),
        check::<SyncConfig>(environment),
        check::<PartnersConfig>(environment),
    ];
    let errors: BTreeSet<_> = errors.iter().flatten().flat_map(|errors| errors.split("; ")).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let errors = errors.into_iter().collect::<Vec<_>>().join("; ");
    // The rule does not say that `localhost` is no IP literal.
    let hint = if errors.contains("loopback IP literal") {
        " (a loopback IP literal is 127.0.0.1, not localhost)"
    } else {
        ""
    };
    Err(format!("{errors}{hint}").into())
}

/// Creates missing tables, as in `infra/template.yaml`.
///
/// # Errors
///
/// Fails if AWS variables are missing, or if DynamoDB is unreachable or refuses. A retry is safe.
pub async fn create_tables(environment: &Environment) -> Result<(), RoutesError> {
    let aws =
        AwsConfig::from_env(environment).ok_or("AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed")?;
    let dynamodb = aws.dynamodb(&HttpClient::new()?);
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind)
            .build()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let table = |name: &str| {
        let table = dynamodb.create_table().table_name(name);
        table.billing_mode(BillingMode::PayPerRequest)
    };
    let id = || Ok::<_, RoutesError>((attribute("id", ScalarAttributeType::S)?, key("id", KeyType::Hash)?));
    let (attribute_id, key_id) = id()?;
    let pending_links = table(PENDING_LINKS_TABLE)
        .attribute_definitions(attribute_id)
        .key_schema(key_id);
    ignore_existing_table(pending_links.send().await)?;

    let (attribute_id, key_id) = id()?;
    let partners = table(PARTNERS_TABLE)
        .attribute_definitions(attribute_id)
        .key_schema(key_id);
    ignore_existing_table(partners.send().await)?;

    let (attribute_id, key_id) = id()?;
    let dirty = GlobalSecondaryIndex::builder()
        .index_name(DIRTY_INDEX)
        .key_schema(key("dirty", KeyType::Hash)?)
        .key_schema(key("next_try_at", KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()?;
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()?;
    let subscribers = table(SUBSCRIBERS_TABLE)
        .attribute_definitions(attribute_id)
        .attribute_definitions(attribute("dirty", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("next_try_at", ScalarAttributeType::N)?)
        .key_schema(key_id)
        .global_secondary_indexes(dirty)
        .stream_specification(stream);
    ignore_existing_table(subscribers.send().await)?;

    turn_time_to_live_on(&dynamodb).await
}

/// Enables time to live on the pending-links table, if it is off.
async fn turn_time_to_live_on(dynamodb: &aws_sdk_dynamodb::Client) -> Result<(), RoutesError> {
    let time_to_live = dynamodb
        .describe_time_to_live()
        .table_name(PENDING_LINKS_TABLE)
        .send()
        .await?;
    let status = time_to_live
        .time_to_live_description()
        .and_then(|described| described.time_to_live_status());
    if status != Some(&TimeToLiveStatus::Enabled) {
        let time_to_live = TimeToLiveSpecification::builder()
            .attribute_name("delete_at")
            .enabled(true)
            .build()?;
        let update = dynamodb.update_time_to_live().table_name(PENDING_LINKS_TABLE);
        update.time_to_live_specification(time_to_live).send().await?;
    }
    Ok(())
}

/// Treats an existing table as success.
fn ignore_existing_table<T, R>(outcome: Result<T, SdkError<CreateTableError, R>>) -> Result<(), RoutesError>
where
    SdkError<CreateTableError, R>: std::error::Error + Send + Sync + 'static,
{
    match outcome {
        Err(error)
            if !error
                .as_service_error()
                .is_some_and(CreateTableError::is_resource_in_use_exception) =>
        {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

/// Starts the functions and returns their routes, as in `infra/template.yaml`.
///
/// # Errors
///
/// Fails if a function cannot start. The error names every missing or invalid variable or secret.
pub async fn routes(environment: &Environment, clock: &Clock, rng: &Rng) -> Result<Vec<Route>, RoutesError> {
    let entrypoint = Arc::new(Entrypoint::start(environment.clone(), clock.clone(), rng.clone()).await?);
    let callback = Arc::new(Callback::start(environment.clone(), clock.clone(), rng.clone()).await?);
    let unlink = Arc::new(Unlink::start(environment.clone(), clock.clone(), rng.clone()).await?);
    let entitlements = Entitlements::start(environment.clone(), clock.clone(), rng.clone()).await?;
    let entitlements = Arc::new(entitlements);
    let of_entitlements = ["get", "add", "replace", "delete"].into_iter().flat_map(|operation| {
        let path = format!("/{operation}-entitlements");
        [path.clone(), format!("/partners/{{partner_id}}{path}")]
    });
    let of_entitlements = of_entitlements.map(|path| route("POST", &path, &entitlements));
    let mut routes = vec![
        route("ANY", "$default", &entrypoint),
        route("GET", "/entrypoint", &entrypoint),
        route("GET", "/link", &entrypoint),
        route("GET", "/sign-in", &entrypoint),
        route("GET", "/sign-in/callback", &entrypoint),
        route("GET", "/partners/{partner_id}/sign-in/callback", &entrypoint),
        route("GET", "/callback", &callback),
        route("GET", "/unlink", &unlink),
        route("POST", "/unlink", &unlink),
        route("GET", "/account", &unlink),
        route("GET", "/sign-out", &unlink),
        route("GET", "/partners/{partner_id}/entrypoint", &entrypoint),
        route("GET", "/partners/{partner_id}/link", &entrypoint),
        route("GET", "/partners/{partner_id}/unlink", &unlink),
        route("POST", "/partners/{partner_id}/unlink", &unlink),
        route("GET", "/partners/{partner_id}/account", &unlink),
        route("GET", "/partners/{partner_id}/sign-out", &unlink),
    ];
    routes.extend(of_entitlements);
    if !environment.has("PARTNERS_TABLE") {
        return Ok(routes);
    }
    let partners = Arc::new(Partners::start(environment.clone(), clock.clone(), rng.clone()).await?);
    routes.push(Route::invoked(PARTNERS_FUNCTION, move |event: Value| {
        let partners = Arc::clone(&partners);
        async move {
            let done = partners.handle(&event, FUNCTION_TIMEOUT).await;
            done.unwrap_or_else(|error| json!({"errorMessage": error.to_string()}))
        }
    }));
    Ok(routes)
}

fn route<F: HttpFunction + Send + Sync + 'static>(method: &str, path: &str, function: &Arc<F>) -> Route {
    let function = Arc::clone(function);
    Route::new(method, path, move |event: Value| {
        let function = Arc::clone(&function);
        async move {
            let answer = handle_event(&*function, &event.to_string(), FUNCTION_TIMEOUT).await;
            serde_json::to_value(answer).unwrap_or_else(|_| json!({"statusCode": 500}))
        }
    })
}

/// Runs the sync function as on AWS: on the table's stream, and on schedule for its `sweep` and `reconcile` tasks.
///
/// Runs until it is dropped or fails.
///
/// # Errors
///
/// Fails if the function cannot start, or if the stream is unreachable.
pub async fn sync(environment: &Environment, clock: &Clock, rng: &Rng) -> Result<(), RoutesError> {
    let sync = Synchronizer::start(environment.clone(), clock.clone(), rng.clone()).await?;
    let sync = &sync;
    let aws =
        AwsConfig::from_env(environment).ok_or("AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed")?;
    let stream = Stream::of_table(&aws, SUBSCRIBERS_TABLE).await?;
    let feeding = stream.feed(async |event| sync.handle(&event, FUNCTION_TIMEOUT).await.ok());
    let scheduled = async |task: &'static str, every: Duration| -> Result<(), RoutesError> {
        loop {
            tokio::time::sleep(every).await;
            // A failed task is retried at the next run.
            let _ = sync.handle(&json!({ "task": task }), FUNCTION_TIMEOUT).await;
        }
    };
    let sweeping = scheduled("sweep", Duration::from_secs(1));
    let reconciling = scheduled("reconcile", Duration::from_secs(30));
    tokio::try_join!(feeding, sweeping, reconciling).map(drop)
}
