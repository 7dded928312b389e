//! The contract of secrets that are read by name, on the sandbox's Secrets Manager and on ministack.

#![cfg(test)]

use std::sync::Arc;

use aws_sdk_secretsmanager::primitives::Blob;
use sandbox::{Key, Options, deployment};
use serde_json::{Value, json};
use shared::{
    secret::ClientSecret,
    secrets::{LIMITS, SecretError, SecretValue, Versions},
    sign_in::PartnerKeys,
};

use crate::support::{
    proxy::Step,
    secret_vault::{ID, Vault},
};

const FIRST: &str = "the-first-client-secret-0123456789";
const SECOND: &str = "the-second-client-secret-0123456789";
const THIRD: &str = "the-third-client-secret-0123456789";
/// Content that no error may show.
const PLANTED: &str = "Planted";
/// Minimum interval between two reads after a failed or an early one, in seconds. It prevents a stampede.
const PAUSE: i64 = 5;

macro_rules! contract {
    ($($test:ident)*) => {
        mod on_the_sandbox {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(super::Vault::sandbox().await).await; })*
        }

        mod on_ministack {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(super::Vault::ministack().await).await; })*
        }
    };
}

contract! {
    the_current_and_the_previous_version_are_read
    a_secret_that_was_never_rotated_has_no_previous_version
    a_pending_version_of_a_secret_is_not_used
    a_rotation_is_seen_after_five_minutes_and_not_before
    a_rotation_is_seen_at_once_after_a_refusal
    refusals_do_not_cause_a_stampede
    twenty_concurrent_readers_cause_one_read
    a_cached_secret_is_used_for_an_hour_while_secrets_manager_is_down
    a_secret_that_fails_to_load_at_startup_is_read_when_needed
    a_transient_secrets_manager_error_is_retried_and_a_refusal_is_not
    a_malformed_client_secret_is_named_and_not_shown
    malformed_partner_keys_are_named_and_not_shown
    a_secret_that_is_not_text_is_named
    a_malformed_previous_version_is_ignored
    a_malformed_new_version_leaves_the_old_one_in_use
    a_missing_secret_is_named_in_the_error
}

async fn the_current_and_the_previous_version_are_read(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    vault.put(&client_secret(SECOND)).await;
    let secret = vault.secret();
    secret.preload().await.unwrap();
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, Some(FIRST)));
    assert_eq!(vault.reads(), 2);

    let keys = partner_keys();
    let other = Vault {
        id: "soa-link/other",
        ..vault
    };
    other.create(&keys).await;
    let secret = other.secret::<PartnerKeys>();
    secret.preload().await.unwrap();
    assert!(secret.get().await.unwrap().previous.is_none());
    other.put(&keys).await;
    other.clock.advance(LIMITS.max_age);
    assert!(secret.get().await.unwrap().previous.is_some());
}

async fn a_secret_that_was_never_rotated_has_no_previous_version(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = vault.secret();
    secret.preload().await.unwrap();
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
}

async fn a_pending_version_of_a_secret_is_not_used(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let put = vault.client.put_secret_value().secret_id(vault.id);
    let put = put.secret_string(client_secret(SECOND)).version_stages("AWSPENDING");
    let pending = put.send().await.unwrap().version_id.unwrap();
    let secret = vault.secret();
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));

    // At the end of a rotation the label moves, and no value is written.
    let current = vault
        .client
        .get_secret_value()
        .secret_id(vault.id)
        .send()
        .await
        .unwrap();
    let promote = vault.client.update_secret_version_stage().secret_id(vault.id);
    let promote = promote.version_stage("AWSCURRENT").move_to_version_id(pending);
    let promote = promote.set_remove_from_version_id(current.version_id);
    promote.send().await.unwrap();
    vault.clock.advance(LIMITS.max_age);
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, Some(FIRST)));
}

async fn a_rotation_is_seen_after_five_minutes_and_not_before(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = vault.secret();
    secret.preload().await.unwrap();
    vault.put(&client_secret(SECOND)).await;
    vault.clock.advance(299);
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
    assert_eq!(vault.reads(), 2);
    vault.clock.advance(1);
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, Some(FIRST)));
    assert_eq!(vault.reads(), 4);

    vault.put(&client_secret(THIRD)).await;
    vault.clock.advance(299);
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, Some(FIRST)));
    vault.clock.advance(1);
    assert_eq!(held(&secret.get().await.unwrap()), (THIRD, Some(SECOND)));
}

async fn a_rotation_is_seen_at_once_after_a_refusal(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = vault.secret();
    let refused = secret.get().await.unwrap();
    vault.put(&client_secret(SECOND)).await;
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
    let read = secret.refresh_after_rejection(&refused).await.unwrap();
    assert_eq!(held(&read), (SECOND, Some(FIRST)));
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, Some(FIRST)));
    assert_eq!(vault.reads(), 4);
}

async fn refusals_do_not_cause_a_stampede(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = Arc::new(vault.secret::<ClientSecret>());
    let refused = secret.get().await.unwrap();
    vault.put(&client_secret(SECOND)).await;
    let readers = twenty(|| {
        let (secret, refused) = (secret.clone(), refused.clone());
        async move { secret.refresh_after_rejection(&refused).await }
    });
    for read in readers.await {
        assert_eq!(held(&read.unwrap()), (SECOND, Some(FIRST)));
    }
    assert_eq!(vault.reads(), 4);

    // The new secret is refused as well, and is not read again at once.
    let refused = secret.get().await.unwrap();
    vault.put(&client_secret(THIRD)).await;
    vault.clock.advance(PAUSE - 1);
    let read = secret.refresh_after_rejection(&refused).await.unwrap();
    assert_eq!(held(&read), (SECOND, Some(FIRST)));
    assert_eq!(vault.reads(), 4);
    vault.clock.advance(1);
    let read = secret.refresh_after_rejection(&refused).await.unwrap();
    assert_eq!(held(&read), (THIRD, Some(SECOND)));
    assert_eq!(vault.reads(), 6);

    // Nor is it read again after a refusal while Secrets Manager was down.
    let refused = read;
    vault.down(true);
    vault.clock.advance(PAUSE);
    assert_eq!(
        secret.refresh_after_rejection(&refused).await.unwrap_err(),
        SecretError::Unavailable
    );
    let asked = vault.proxy.seen();
    // The result does not matter here, only that Secrets Manager is not called.
    drop(secret.refresh_after_rejection(&refused).await);
    assert_eq!(vault.proxy.seen(), asked);
}

async fn twenty_concurrent_readers_cause_one_read(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = Arc::new(vault.secret::<ClientSecret>());
    // Once with an empty cache and once after expiry. A read is two requests: the current and the previous version.
    for reads in [2, 4] {
        let readers = twenty(|| {
            let secret = secret.clone();
            async move { secret.get().await }
        });
        for read in readers.await {
            assert_eq!(held(&read.unwrap()), (FIRST, None));
        }
        assert_eq!(vault.reads(), reads);
        vault.clock.advance(LIMITS.max_age);
    }
}

async fn a_cached_secret_is_used_for_an_hour_while_secrets_manager_is_down(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = vault.secret();
    secret.preload().await.unwrap();
    vault.put(&client_secret(SECOND)).await;
    vault.down(true);
    vault.clock.advance(LIMITS.max_age);
    let first = secret.get().await.unwrap();
    assert_eq!(held(&first), (FIRST, None));
    // A read has just failed, so no caller waits for another failure.
    let asked = vault.proxy.seen();
    vault.clock.advance(PAUSE - 1);
    secret.get().await.unwrap();
    assert_eq!(vault.proxy.seen(), asked);
    vault.clock.advance(1);
    secret.get().await.unwrap();
    assert!(vault.proxy.seen() > asked);

    vault.clock.advance(LIMITS.stale_if_error - LIMITS.max_age - PAUSE - 1);
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
    vault.clock.advance(1);
    assert_eq!(secret.get().await.unwrap_err(), SecretError::Unavailable);
    vault.down(false);
    vault.clock.advance(PAUSE);
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, Some(FIRST)));
}

async fn a_secret_that_fails_to_load_at_startup_is_read_when_needed(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    vault.down(true);
    let secret = vault.secret();
    secret.preload().await.unwrap();
    assert_eq!(secret.get().await.unwrap_err(), SecretError::Unavailable);
    // Calls during the backoff fail at once, without a request.
    let asked = vault.proxy.seen();
    vault.clock.advance(PAUSE - 1);
    assert_eq!(secret.get().await.unwrap_err(), SecretError::Unavailable);
    assert_eq!(vault.proxy.seen(), asked);
    vault.clock.advance(1);
    assert_eq!(secret.get().await.unwrap_err(), SecretError::Unavailable);
    assert!(vault.proxy.seen() > asked);

    vault.down(false);
    vault.clock.advance(PAUSE);
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
}

async fn a_transient_secrets_manager_error_is_retried_and_a_refusal_is_not(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let answer = |status, code: &str| Step::Answer(status, json!({"__type": code, "Message": PLANTED}).to_string());
    vault
        .proxy
        .then(&[answer(400, "ThrottlingException"), answer(500, "InternalServiceError")]);
    assert_eq!(held(&vault.secret().get().await.unwrap()), (FIRST, None));

    for step in [
        answer(400, "ThrottlingException"),
        answer(500, "InternalServiceError"),
        answer(503, "ServiceUnavailable"),
        Step::Answer(502, "<html>".to_owned()),
    ] {
        vault.proxy.every(Some(step.clone()));
        let secret = vault.secret::<ClientSecret>();
        secret.preload().await.unwrap();
        assert_eq!(secret.get().await.unwrap_err(), SecretError::Unavailable, "{step:?}");
    }
    for code in [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "DecryptionFailure",
    ] {
        vault.proxy.every(Some(answer(400, code)));
        let asked = vault.proxy.seen();
        let error = vault.secret::<ClientSecret>().preload().await.unwrap_err();
        assert_eq!(error, SecretError::Refused { id: ID.to_owned() }, "{code}");
        assert_eq!(vault.proxy.seen(), asked + 2, "{code}");
        assert!(!format!("{error} {error:?}").contains(PLANTED));
    }
}

async fn a_malformed_client_secret_is_named_and_not_shown(vault: Vault) {
    vault.create("placeholder").await;
    let long = PLANTED.repeat(8);
    for (value, wrong) in [
        (format!("{long}, no JSON"), "is not a JSON object"),
        (format!("{{\"client_secret\": \"{long}\""), "is not a JSON object"),
        (json!([long]).to_string(), "is not a JSON object"),
        (json!(long).to_string(), "is not a JSON object"),
        (
            json!({"clientSecret": long}).to_string(),
            "lacks the member `client_secret`",
        ),
        (
            json!({"client_secret": [long]}).to_string(),
            "member `client_secret` is not text",
        ),
        (
            json!({"client_secret": PLANTED}).to_string(),
            "member `client_secret` must be at least 32",
        ),
        (
            json!({"client_secret": format!("{long}\n")}).to_string(),
            "member `client_secret` must be at least 32",
        ),
    ] {
        vault.put(&value).await;
        vault.is_malformed::<ClientSecret>(wrong).await;
    }
}

async fn malformed_partner_keys_are_named_and_not_shown(vault: Vault) {
    vault.create("placeholder").await;
    let changed = |name: &str, value: Value| {
        let mut keys: Value = serde_json::from_str(&partner_keys()).unwrap();
        keys[name] = value;
        keys.to_string()
    };
    let short = Key {
        kid: PLANTED.to_owned(),
        secret: PLANTED.as_bytes().to_vec(),
    };
    for (value, wrong) in [
        (
            json!({"a": PLANTED}).to_string(),
            "lacks the member `partner_user_id_key`",
        ),
        (
            changed("site", json!({"keys": PLANTED})),
            "member `site` is not a JWK set",
        ),
        (changed("site", json!(PLANTED)), "member `site` is not a JWK set"),
        (changed("site", json!({"keys": [PLANTED]})), "member `site` key 1"),
        (
            changed("backend", json!({"keys": [short.jwk()]})),
            "member `backend` key 1 is too short",
        ),
        (changed("backend", Value::Null), "member `backend`"),
        (changed("partner_user_id_key", json!(7)), "member `partner_user_id_key`"),
        (
            changed("partner_user_id_key", json!(PLANTED)),
            "member `partner_user_id_key`",
        ),
    ] {
        vault.put(&value).await;
        vault.is_malformed::<PartnerKeys>(wrong).await;
    }
}

async fn a_secret_that_is_not_text_is_named(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let put = vault.client.put_secret_value().secret_id(vault.id);
    put.secret_binary(Blob::new(client_secret(PLANTED)))
        .send()
        .await
        .unwrap();
    vault.is_malformed::<ClientSecret>("is not text").await;
}

async fn a_malformed_previous_version_is_ignored(vault: Vault) {
    for placeholder in ["placeholder", "{}", "{\"client_secret\": \"CHANGE ME\"}"] {
        let vault = &vault;
        vault.put_or_create(placeholder).await;
        vault.put(&client_secret(FIRST)).await;
        let secret = vault.secret();
        secret.preload().await.unwrap();
        assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
    }
}

async fn a_malformed_new_version_leaves_the_old_one_in_use(vault: Vault) {
    vault.create(&client_secret(FIRST)).await;
    let secret = vault.secret();
    secret.preload().await.unwrap();
    vault.put(PLANTED).await;
    vault.clock.advance(LIMITS.max_age);
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
    vault.put(&client_secret(SECOND)).await;
    vault.clock.advance(PAUSE);
    assert_eq!(held(&secret.get().await.unwrap()), (SECOND, None));
}

async fn a_missing_secret_is_named_in_the_error(vault: Vault) {
    let secret = vault.secret::<ClientSecret>();
    let refused = SecretError::Refused { id: ID.to_owned() };
    assert!(refused.to_string().contains(ID));
    assert_eq!(secret.preload().await.unwrap_err(), refused);
    vault.clock.advance(PAUSE);
    assert_eq!(secret.get().await.unwrap_err(), refused);
    vault.create(&client_secret(FIRST)).await;
    vault.clock.advance(PAUSE);
    assert_eq!(held(&secret.get().await.unwrap()), (FIRST, None));
}

/// Runs twenty readers concurrently and returns their outputs.
async fn twenty<F>(reader: impl Fn() -> F) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let readers: Vec<_> = (0..20).map(|_| tokio::spawn(reader())).collect();
    let mut read = Vec::new();
    for reader in readers {
        read.push(reader.await.unwrap());
    }
    read
}

fn client_secret(secret: &str) -> String {
    json!({"client_secret": secret}).to_string()
}

fn partner_keys() -> String {
    let mut options = deployment::with_secrets(Options {
        backend_key: Key {
            kid: "backend".to_owned(),
            secret: b"a key of the backend's, 32 bytes or more".to_vec(),
        },
        ..Options::default()
    });
    options.secrets.remove(deployment::PARTNER_KEYS_ID).unwrap()
}

/// The current and the previous version, in plain text.
fn held(versions: &Versions<ClientSecret>) -> (&str, Option<&str>) {
    (
        versions.current.expose(),
        versions.previous.as_ref().map(ClientSecret::expose),
    )
}

impl Vault {
    /// Asserts that loading fails with an error that names the secret and the member at fault, but not the content.
    async fn is_malformed<T: SecretValue>(&self, wrong: &str) {
        let (loaded, got) = (self.secret::<T>(), self.secret::<T>());
        for error in [loaded.preload().await.err(), got.get().await.err()] {
            let error = error.unwrap();
            assert!(matches!(error, SecretError::Malformed { .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("{} {wrong}", self.id)), "{error}");
            assert!(!format!("{error} {error:?}").contains(PLANTED), "{error}");
        }
    }
}
