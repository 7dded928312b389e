//! The contract of the pending-links store. It runs on dynoxide, which the sandbox embeds, and on ministack. If `STORE_ENDPOINT_URL` is set, it also
//! runs on that endpoint (DynamoDB Local or AWS), with `AWS_REGION` and credentials from the environment. That run creates a table and deletes it.

#![cfg(test)]

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};
use sandbox::deployment;
use serde_json::Value;
use shared::{
    jws::{JwtId, RequestId},
    oauth::{nonce::Nonce, pkce::CodeVerifier, state::State},
    partner::{Entitlements, PartnerId, PartnerUserId, ShowUri},
    rng::Rng,
    secret::sha256_hex,
    sign_in::SignInMethod,
    store::{Consumption, PendingLink, PendingLinks, PendingSignIn, RequestUse, StoreError},
};
use tokio::time::Instant;

use crate::support::{
    dynamodb_engine::{Engine, SOON, create_table, emulated},
    proxy::{Proxy, Step, failure, throttled},
};

/// Expiry of the links in these tests, in Unix seconds. It lies far ahead, so that TTL never deletes them.
const EXPIRES_AT: i64 = 2_000_000_000;
/// Five minutes before the links expire, in Unix seconds.
const NOW: i64 = EXPIRES_AT - 300;

/// Turns each function into one test per emulator. Those of `everywhere` also run, in a single test, on the endpoint of `STORE_ENDPOINT_URL`.
macro_rules! contract {
    (everywhere: $($everywhere:ident)*; emulators: $($emulators:ident)*) => {
        mod on_dynoxide {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $everywhere() { super::$everywhere(&super::Engine::dynoxide().await).await; })*
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $emulators() { super::$emulators(&super::Engine::dynoxide().await).await; })*
        }

        mod on_ministack {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $everywhere() { super::$everywhere(&super::Engine::ministack().await).await; })*
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $emulators() { super::$emulators(&super::Engine::ministack().await).await; })*
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn the_configured_endpoint_keeps_the_contract() {
            let Some(engine) = Engine::given().await.map(Arc::new) else {
                return;
            };
            let contract = tokio::spawn({
                let engine = engine.clone();
                async move {
                    $(println!("{}", stringify!($everywhere)); $everywhere(&engine).await;)*
                }
            });
            let kept = contract.await;
            engine.client.delete_table().table_name(&engine.table).send().await.unwrap();
            kept.unwrap();
        }
    };
}

contract! {
    everywhere:
        a_pending_link_reads_back_as_it_was_written
        a_state_is_stored_once
        a_retry_may_store_the_same_link_again
        a_pending_link_is_consumed_once
        a_retry_by_the_same_invocation_consumes_the_link_again
        one_of_fifty_concurrent_requests_consumes_the_link
        a_rejected_request_does_not_consume_the_link
        an_expired_link_is_rejected_before_ttl_deletes_it
        ttl_is_on_in_seconds_and_later_than_the_expiry
        the_table_stores_only_hashes_of_states_and_jtis
        a_pending_sign_in_reads_back_and_is_consumed_once
        a_jti_and_its_link_are_written_together_or_not_at_all
        one_of_fifty_concurrent_links_with_the_same_jti_is_stored
        a_jti_is_used_once
        one_of_fifty_concurrent_uses_of_a_jti_succeeds
        jtis_of_different_kinds_do_not_collide
        a_repeated_request_is_told_apart_from_another_one_with_its_jti
        a_missing_table_is_reported_as_a_refused_call;
    emulators:
        a_retry_after_a_lost_answer_is_not_a_replay
        a_retry_after_a_late_answer_is_not_a_replay
        a_throttled_call_succeeds_on_the_third_try
        the_stream_reports_every_change_of_a_link_in_order
}

async fn a_pending_link_reads_back_as_it_was_written(engine: &Engine) {
    let entitlements = || Entitlements::parse(["tier-b", "tier-a:2", "0"]).unwrap();
    let verifier = || CodeVerifier::generate(&Rng::System).unwrap();
    for (entitlements, code_verifier, sign_in_method) in [
        (None, None, SignInMethod::Session),
        (Some(Entitlements::default()), None, SignInMethod::Handoff),
        (Some(entitlements()), None, SignInMethod::Session),
        (None, Some(verifier()), SignInMethod::Handoff),
        (Some(entitlements()), Some(verifier()), SignInMethod::Oidc),
    ] {
        let (state, pending) = journey();
        let pending = PendingLink {
            show: entitlements
                .as_ref()
                .and_then(|_| ShowUri::parse("0MossHour0000000000002").ok()),
            language: entitlements.as_ref().map(|_| "pt-BR".to_owned()),
            entitlements,
            code_verifier,
            sign_in_method,
            ..pending
        };
        engine.put(&state, &pending).await.unwrap();
        let consumed = engine.claim(&state, &pending, "me").await.unwrap().unwrap();
        assert_eq!(facts(&consumed), facts(&pending));
    }
    let (state, pending) = journey();
    let most = Entitlements::parse((0..Entitlements::MAX_COUNT).map(|n| format!("{n:0>128}"))).unwrap();
    let pending = PendingLink {
        entitlements: Some(most),
        ..pending
    };
    engine.hand_off(&state, &pending, &handoff_jti(&state)).await.unwrap();
    let consumed = engine.claim(&state, &pending, "me").await.unwrap().unwrap();
    assert_eq!(facts(&consumed), facts(&pending));
}

async fn a_state_is_stored_once(engine: &Engine) {
    let (state, pending) = journey();
    let (_, other) = journey();
    engine.put(&state, &pending).await.unwrap();
    assert_eq!(engine.put(&state, &other).await, Err(StoreError::Rejected));
    assert!(engine.claim(&state, &other, "me").await.unwrap().is_none());
    let consumed = engine.claim(&state, &pending, "me").await.unwrap().unwrap();
    assert_eq!(facts(&consumed), facts(&pending));
}

async fn a_retry_may_store_the_same_link_again(engine: &Engine) {
    let (state, pending) = journey();
    engine.put(&state, &pending).await.unwrap();
    engine.put(&state, &pending).await.unwrap();

    let (handed_off, by_handoff) = journey();
    let jti = handoff_jti(&handed_off);
    engine.hand_off(&handed_off, &by_handoff, &jti).await.unwrap();
    engine.hand_off(&handed_off, &by_handoff, &jti).await.unwrap();

    for (state, pending) in [(state, pending), (handed_off, by_handoff)] {
        assert!(engine.claim(&state, &pending, "me").await.unwrap().is_some());
        assert!(engine.claim(&state, &pending, "other").await.unwrap().is_none());
    }
}

async fn a_pending_link_is_consumed_once(engine: &Engine) {
    let (state, pending) = engine.stored().await;
    assert!(engine.claim(&state, &pending, "me").await.unwrap().is_some());
    for other in ["other", "", "me ", "ME"] {
        assert!(engine.claim(&state, &pending, other).await.unwrap().is_none());
    }
}

async fn a_retry_by_the_same_invocation_consumes_the_link_again(engine: &Engine) {
    let (state, pending) = engine.stored().await;
    for _ in 0..3 {
        let consumed = engine.claim(&state, &pending, "me").await.unwrap().unwrap();
        assert_eq!(facts(&consumed), facts(&pending));
    }
    assert!(engine.claim(&state, &pending, "other").await.unwrap().is_none());
    assert!(engine.claim(&state, &pending, "me").await.unwrap().is_some());
}

async fn one_of_fifty_concurrent_requests_consumes_the_link(engine: &Engine) {
    for round in 0..5 {
        let (state, pending) = engine.stored().await;
        let outcomes = fifty(|n| {
            let (links, state, bindings) = (engine.patient(), state.hash(), vec![pending.browser_binding.clone()]);
            async move { links.consume(&state, &bindings, &format!("invocation {n}"), NOW).await }
        });
        let outcomes = outcomes.await;
        let won: Vec<_> = outcomes
            .into_iter()
            .filter_map(|outcome| outcome.unwrap().granted())
            .collect();
        assert_eq!(won.len(), 1, "round {round}");
        assert_eq!(facts(&won[0]), facts(&pending));
    }
}

async fn a_rejected_request_does_not_consume_the_link(engine: &Engine) {
    let (state, pending) = engine.stored().await;
    let (unknown, other) = engine.stored().await;
    let consume = async |state: &State, bindings: &[&str], now| {
        let bindings: Vec<_> = bindings.iter().map(|&binding| binding.to_owned()).collect();
        engine.links.consume(&state.hash(), &bindings, "me", now).await.unwrap()
    };
    let (own, others) = (pending.browser_binding.as_str(), other.browser_binding.as_str());
    let rejected = async |state: &State, bindings: &[&str], now| match consume(state, bindings, now).await {
        // A rejection carries the pending link, so that the person can be sent back.
        Consumption::Rejected(rejection) => (rejection.reason, rejection.pending.is_some()),
        Consumption::Granted(_) => panic!("granted to {bindings:?}"),
    };
    let another = ("another browser's", true);
    assert_eq!(rejected(&state, &[], NOW).await, ("no browser cookie", true));
    assert_eq!(rejected(&state, &[""], NOW).await, another);
    assert_eq!(rejected(&state, &[others], NOW).await, another);
    assert_eq!(rejected(&state, &[&own[1..]], NOW).await, another);
    assert_eq!(rejected(&state, &[&own.to_uppercase()], NOW).await, another);
    assert_eq!(rejected(&unknown, &[own], NOW).await, another);
    let never_stored = State::generate(&Rng::System).unwrap();
    assert_eq!(rejected(&never_stored, &[own], NOW).await, ("unknown", false));
    assert_eq!(rejected(&state, &[own], EXPIRES_AT).await, ("expired", true));

    // Several tabs: the maximum number of bindings of one browser, with the right one among them.
    let tabs: Vec<_> = (0..7).map(|n| sha256_hex(&n.to_string())).collect();
    let tabs: Vec<_> = tabs.iter().map(String::as_str).chain([own]).collect();
    assert!(consume(&state, &tabs, NOW).await.granted().is_some());
    assert!(consume(&unknown, &[others], NOW).await.granted().is_some());
    let by_another = [own.to_owned()];
    let again = engine
        .links
        .consume(&state.hash(), &by_another, "another", NOW)
        .await
        .unwrap();
    assert!(matches!(again, Consumption::Rejected(rejection) if rejection.is_spent()));
    // The cookie of a journey that has ended is gone.
    assert_eq!(rejected(&state, &[], NOW).await, ("spent", true));
}

async fn an_expired_link_is_rejected_before_ttl_deletes_it(engine: &Engine) {
    let (state, pending) = engine.stored().await;
    let consume = async |now| {
        let bindings = [pending.browser_binding.clone()];
        engine
            .links
            .consume(&state.hash(), &bindings, "me", now)
            .await
            .unwrap()
            .granted()
    };
    assert!(consume(EXPIRES_AT + 1).await.is_none());
    assert!(consume(EXPIRES_AT).await.is_none());
    // Compared as numbers: as text, 2000000000 would be greater than this value.
    assert!(consume(10_000_000_000).await.is_none());
    let item = engine.link(&state).await.unwrap();
    assert!(!item.contains_key("consumed_by"));
    assert!(consume(EXPIRES_AT - 1).await.is_some());
}

async fn ttl_is_on_in_seconds_and_later_than_the_expiry(engine: &Engine) {
    let (state, pending) = journey();
    let jti = handoff_jti(&state);
    engine.hand_off(&state, &pending, &jti).await.unwrap();
    let link = engine.link(&state).await.unwrap();
    let used = engine.item(&jti_id("handoff", state.expose())).await.unwrap();
    for (item, expires_at) in [(link, EXPIRES_AT), (used, jti.expires_at)] {
        let seconds = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
        assert_eq!(seconds("expires_at"), expires_at);
        let outlives = seconds("delete_at") - expires_at;
        assert!((1..=86_400).contains(&outlives), "{outlives} s");
    }

    let described = engine.client.describe_time_to_live().table_name(&engine.table);
    let described = described.send().await.unwrap().time_to_live_description.unwrap();
    assert_eq!(described.attribute_name(), Some("delete_at"));
    let status = described.time_to_live_status().unwrap();
    assert!(matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
}

async fn the_table_stores_only_hashes_of_states_and_jtis(engine: &Engine) {
    let (state, pending) = journey();
    let jti = "a hand-off's own name";
    let used = JwtId::handoff("site", jti, EXPIRES_AT);
    engine.hand_off(&state, &pending, &used).await.unwrap();
    let stored = engine.link(&state).await.unwrap();
    engine.claim(&state, &pending, "me").await.unwrap().unwrap();
    let consumed = engine.link(&state).await.unwrap();
    let used = engine.item(&jti_id("handoff", jti)).await.unwrap();
    assert_eq!(
        stored["id"],
        AttributeValue::S(format!("link#{}", sha256_hex(state.expose())))
    );
    for item in [stored, consumed, used] {
        let text = format!("{item:?}");
        assert!(!text.contains(state.expose()), "{text}");
        assert!(!text.contains(jti), "{text}");
    }
    assert!(engine.item(state.expose()).await.is_none());
    assert!(engine.item(&format!("link#{}", state.expose())).await.is_none());
}

async fn a_pending_sign_in_reads_back_and_is_consumed_once(engine: &Engine) {
    let (state, link) = journey();
    let redirect_uri = "https://link.example.com/partners/1111111111111111111111/sign-in/callback";
    let sign_in = || PendingSignIn {
        redirect_uri: redirect_uri.to_owned(),
        return_to: "https://link.example.com/account?lang=ar".to_owned(),
        code_verifier: CodeVerifier::new("verifier"),
        nonce: Nonce::new("nonce"),
        browser_binding: link.browser_binding.clone(),
        expires_at: EXPIRES_AT,
    };
    let links = &engine.links;
    let bindings = [link.browser_binding.clone()];
    links.put_sign_in(&state.hash(), &sign_in()).await.unwrap();
    // A pending sign-in is not a pending link, even under the same state.
    assert!(
        links
            .consume(&state.hash(), &bindings, "me", NOW)
            .await
            .unwrap()
            .granted()
            .is_none()
    );
    let other_browser = [sha256_hex("another browser")];
    let other_redirect_uri = "https://link.example.com/sign-in/callback";
    for (redirect_uri, bindings, now) in [
        (redirect_uri, &other_browser, NOW),
        (redirect_uri, &bindings, EXPIRES_AT),
        (other_redirect_uri, &bindings, NOW),
    ] {
        assert!(
            links
                .consume_sign_in(&state.hash(), redirect_uri, bindings, "me", now)
                .await
                .unwrap()
                .granted()
                .is_none()
        );
    }
    let consumed = links
        .consume_sign_in(&state.hash(), redirect_uri, &bindings, "me", NOW)
        .await
        .unwrap()
        .granted()
        .unwrap();
    assert_eq!(consumed.return_to, sign_in().return_to);
    assert_eq!(
        (consumed.code_verifier.expose(), consumed.nonce.expose()),
        ("verifier", "nonce")
    );
    assert_eq!(
        (consumed.browser_binding, consumed.expires_at),
        (link.browser_binding.clone(), EXPIRES_AT)
    );
    assert!(
        links
            .consume_sign_in(&state.hash(), redirect_uri, &bindings, "you", NOW)
            .await
            .unwrap()
            .granted()
            .is_none()
    );
    assert!(
        links
            .consume_sign_in(&state.hash(), redirect_uri, &bindings, "me", NOW)
            .await
            .unwrap()
            .granted()
            .is_some()
    );
}

async fn a_jti_and_its_link_are_written_together_or_not_at_all(engine: &Engine) {
    let (first, pending) = journey();
    let jti = handoff_jti(&first);
    engine.hand_off(&first, &pending, &jti).await.unwrap();
    assert!(engine.link(&first).await.is_some());

    // The jti is already used, so no link is stored.
    let (second, other) = journey();
    assert_eq!(
        engine.hand_off(&second, &other, &jti).await,
        Err(StoreError::AlreadyUsed)
    );
    assert!(engine.link(&second).await.is_none());

    // The state is already taken, so the jti is not recorded and the token still works for another state.
    let unused = handoff_jti(&second);
    let taken = engine.hand_off(&first, &other, &unused).await;
    assert!(!matches!(taken, Ok(()) | Err(StoreError::AlreadyUsed)), "{taken:?}");
    assert!(engine.item(&jti_id("handoff", second.expose())).await.is_none());
    engine.hand_off(&second, &other, &unused).await.unwrap();
    assert!(engine.claim(&second, &other, "me").await.unwrap().is_some());
    assert!(engine.claim(&first, &pending, "me").await.unwrap().is_some());
}

async fn one_of_fifty_concurrent_links_with_the_same_jti_is_stored(engine: &Engine) {
    for round in 0..3 {
        let jti = State::generate(&Rng::System).unwrap();
        let outcomes = fifty(|_| {
            let (links, jti) = (engine.patient(), handoff_jti(&jti));
            async move {
                let (state, pending) = journey();
                (links.put_with_jwt_id(&state.hash(), &pending, &jti).await, state)
            }
        });
        let mut won = 0;
        for (outcome, state) in outcomes.await {
            // AWS may refuse a transaction because another one is in progress. The caller then knows nothing, and nothing is written.
            assert!(
                matches!(outcome, Ok(()) | Err(StoreError::AlreadyUsed | StoreError::Unavailable)),
                "{outcome:?}"
            );
            assert_eq!(engine.link(&state).await.is_some(), outcome.is_ok());
            won += usize::from(outcome.is_ok());
        }
        assert_eq!(won, 1, "round {round}");
    }
}

async fn a_jti_is_used_once(engine: &Engine) {
    let jti = token_jti("once");
    engine.links.record_use(&jti, "me").await.unwrap();
    assert_eq!(
        engine.links.record_use(&jti, "other").await,
        Err(StoreError::AlreadyUsed)
    );
    // The same invocation again is a retry.
    engine.links.record_use(&jti, "me").await.unwrap();
    assert_eq!(
        engine.links.record_use(&jti, "other").await,
        Err(StoreError::AlreadyUsed)
    );
    // The same jti in another token with another expiry.
    let again = JwtId::handoff("site", "once", EXPIRES_AT + 300);
    assert_eq!(
        engine.links.record_use(&again, "other").await,
        Err(StoreError::AlreadyUsed)
    );
}

async fn one_of_fifty_concurrent_uses_of_a_jti_succeeds(engine: &Engine) {
    for round in 0..3 {
        let name = format!("at once {round}");
        let outcomes = fifty(|n| {
            let (links, jti) = (engine.patient(), token_jti(&name));
            async move { links.record_use(&jti, &format!("invocation {n}")).await }
        });
        let outcomes = outcomes.await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let lost = outcomes
            .iter()
            .filter(|&&outcome| outcome == Err(StoreError::AlreadyUsed));
        assert_eq!((won, lost.count()), (1, 49), "round {round}");
    }
}

async fn jtis_of_different_kinds_do_not_collide(engine: &Engine) {
    let (state, pending) = journey();
    let (another, other) = journey();
    let first = |state: &State| request(state.expose(), "jws");
    let used = engine.links.record_request(&first(&state)).await;
    assert_eq!(used, Ok(RequestUse::First));
    engine.hand_off(&state, &pending, &handoff_jti(&state)).await.unwrap();
    engine.hand_off(&another, &other, &handoff_jti(&another)).await.unwrap();
    let used = engine.links.record_request(&first(&another)).await;
    assert_eq!(used, Ok(RequestUse::First));
}

async fn a_repeated_request_is_told_apart_from_another_one_with_its_jti(engine: &Engine) {
    let record = async |jti, jws| engine.links.record_request(&request(jti, jws)).await;
    assert_eq!(record("1", "a.b.c").await, Ok(RequestUse::First));
    assert_eq!(record("1", "a.b.c").await, Ok(RequestUse::Repeated { done: false }));
    assert_eq!(record("1", "a.b.d").await, Err(StoreError::AlreadyUsed));
    assert_eq!(record("2", "a.b.c").await, Ok(RequestUse::First));
    engine.links.record_done(&request("1", "a.b.c")).await.unwrap();
    assert_eq!(record("1", "a.b.c").await, Ok(RequestUse::Repeated { done: true }));
    assert_eq!(record("1", "a.b.d").await, Err(StoreError::AlreadyUsed));
    // The people of a batch have markers of their own.
    let person = request("1", "a.b.c").for_person(0);
    assert_eq!(engine.links.record_request(&person).await, Ok(RequestUse::First));
    let used = engine.item(&jti_id("request", "1")).await.unwrap();
    assert!(!format!("{used:?}").contains("a.b.c"), "{used:?}");
}

async fn a_missing_table_is_reported_as_a_refused_call(engine: &Engine) {
    let links = PendingLinks::new(engine.client.clone(), "soa-link-no-such-table".to_owned());
    assert_eq!(all_fail(&links).await, [StoreError::Rejected; 4]);
}

async fn a_retry_after_a_lost_answer_is_not_a_replay(engine: &Engine) {
    a_retry_is_no_replay(engine, &Step::Lose).await;
}

async fn a_retry_after_a_late_answer_is_not_a_replay(engine: &Engine) {
    a_retry_is_no_replay(engine, &Step::Swallow).await;
}

/// DynamoDB carries out each write, its first answer is lost or late, and the SDK sends the request again.
async fn a_retry_is_no_replay(engine: &Engine, spoilt: &Step) {
    let put = async {
        let (proxy, links) = engine.behind(std::slice::from_ref(spoilt)).await;
        let (state, pending) = journey();
        links.put(&state.hash(), &pending).await.unwrap();
        assert_eq!(proxy.seen(), 2);
        assert!(engine.claim(&state, &pending, "me").await.unwrap().is_some());
    };
    let put_handed_off = async {
        let (proxy, links) = engine.behind(std::slice::from_ref(spoilt)).await;
        let (state, pending) = journey();
        let jti = handoff_jti(&state);
        links.put_with_jwt_id(&state.hash(), &pending, &jti).await.unwrap();
        assert_eq!(proxy.seen(), 2);
        let (other, others) = journey();
        let used = engine.hand_off(&other, &others, &jti).await;
        assert_eq!(used, Err(StoreError::AlreadyUsed));
        assert!(engine.claim(&state, &pending, "me").await.unwrap().is_some());
    };
    let use_once = async {
        let (proxy, links) = engine.behind(std::slice::from_ref(spoilt)).await;
        let jti = token_jti("a lost answer");
        links.record_use(&jti, "me").await.unwrap();
        assert_eq!(proxy.seen(), 2);
        assert_eq!(
            engine.links.record_use(&jti, "other").await,
            Err(StoreError::AlreadyUsed)
        );
    };
    let consume = async {
        let (proxy, links) = engine.behind(std::slice::from_ref(spoilt)).await;
        let (state, pending) = engine.stored().await;
        let bindings = [pending.browser_binding.clone()];
        let consumed = links
            .consume(&state.hash(), &bindings, "me", NOW)
            .await
            .unwrap()
            .granted()
            .unwrap();
        assert_eq!(facts(&consumed), facts(&pending));
        assert_eq!(proxy.seen(), 2);
        assert!(engine.claim(&state, &pending, "other").await.unwrap().is_none());
    };
    tokio::join!(put, put_handed_off, use_once, consume);
}

async fn a_throttled_call_succeeds_on_the_third_try(engine: &Engine) {
    let (proxy, links) = engine.behind(&[throttled(), throttled()]).await;
    let (state, pending) = journey();
    links.put(&state.hash(), &pending).await.unwrap();
    assert_eq!(proxy.seen(), 3);

    let (proxy, links) = engine.behind(&[throttled(), throttled()]).await;
    let bindings = [pending.browser_binding.clone()];
    assert!(
        links
            .consume(&state.hash(), &bindings, "me", NOW)
            .await
            .unwrap()
            .granted()
            .is_some()
    );
    assert_eq!(proxy.seen(), 3);
}

async fn the_stream_reports_every_change_of_a_link_in_order(engine: &Engine) {
    let table = "soa-link-streamed";
    let arn = create_table(&engine.client, table).await.unwrap();
    let links = PendingLinks::new(engine.client.clone(), table.to_owned());
    let (one, of_one) = journey();
    let (two, of_two) = journey();
    let jti = handoff_jti(&two);
    links.put(&one.hash(), &of_one).await.unwrap();
    links.put_with_jwt_id(&two.hash(), &of_two, &jti).await.unwrap();
    for (state, pending) in [(&two, &of_two), (&one, &of_one)] {
        let bindings = [pending.browser_binding.clone()];
        assert!(
            links
                .consume(&state.hash(), &bindings, "me", NOW)
                .await
                .unwrap()
                .granted()
                .is_some()
        );
        // This request is rejected and writes nothing.
        assert!(
            links
                .consume(&state.hash(), &bindings, "other", NOW)
                .await
                .unwrap()
                .granted()
                .is_none()
        );
    }

    let records = engine.records(&arn, 5).await;
    let of = |id: &str| -> Vec<&Value> {
        let of_id = |record: &&Value| record["dynamodb"]["Keys"]["id"]["S"] == id;
        records.iter().filter(of_id).collect()
    };
    for state in [&one, &two] {
        let events = of(&link_id(state));
        let names: Vec<_> = events.iter().map(|event| event["eventName"].as_str()).collect();
        assert_eq!(names, [Some("INSERT"), Some("MODIFY")]);
        let (put, consumed) = (&events[0]["dynamodb"], &events[1]["dynamodb"]);
        assert_eq!(put["OldImage"], Value::Null);
        assert_eq!(put["NewImage"]["consumed_by"], Value::Null);
        assert_eq!(consumed["OldImage"], put["NewImage"]);
        assert_eq!(consumed["NewImage"]["consumed_by"]["S"], "me");
        let number = |event: &Value| event["SequenceNumber"].as_str().unwrap().parse::<u128>().unwrap();
        assert!(number(put) < number(consumed));
    }
    assert_eq!(of(&jti_id("handoff", two.expose())).len(), 1);
    assert_eq!(records.len(), 5);
}

#[tokio::test]
async fn an_endpoint_that_is_down_fails_fast_as_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let links = PendingLinks::new(emulated(&endpoint), deployment::PENDING_LINKS_TABLE.to_owned());
    let started = Instant::now();
    assert_eq!(all_fail(&links).await, [StoreError::Unavailable; 4]);
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_silent_or_malformed_answer_fails_fast_as_unavailable() {
    for step in [
        Step::Silence,
        Step::Refuse,
        Step::Answer(500, "{}".to_owned()),
        Step::Answer(503, "<html>no JSON</html>".to_owned()),
        Step::Answer(200, "<html>no JSON</html>".to_owned()),
    ] {
        let proxy = Proxy::in_front_of("http://127.0.0.1:1").await;
        proxy.every(Some(step.clone()));
        let links = PendingLinks::new(emulated(proxy.origin()), deployment::PENDING_LINKS_TABLE.to_owned());
        let started = Instant::now();
        assert_eq!(all_fail(&links).await, [StoreError::Unavailable; 4], "{step:?}");
        assert!(started.elapsed() < SOON, "{step:?}");
    }
}

#[tokio::test]
async fn endless_throttling_is_unavailable_after_three_tries() {
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ] {
        let proxy = Proxy::in_front_of("http://127.0.0.1:1").await;
        proxy.every(Some(failure(code)));
        let links = PendingLinks::new(emulated(proxy.origin()), deployment::PENDING_LINKS_TABLE.to_owned());
        let started = Instant::now();
        assert_eq!(all_fail(&links).await, [StoreError::Unavailable; 4], "{code}");
        assert!(started.elapsed() < SOON, "{code}");
        assert_eq!(proxy.seen(), 4 * 3, "{code}");
    }
}

#[tokio::test]
async fn a_permanent_dynamodb_error_is_not_retried() {
    for code in [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
        "ValidationException",
    ] {
        let proxy = Proxy::in_front_of("http://127.0.0.1:1").await;
        proxy.every(Some(failure(code)));
        let links = PendingLinks::new(emulated(proxy.origin()), deployment::PENDING_LINKS_TABLE.to_owned());
        assert_eq!(all_fail(&links).await, [StoreError::Rejected; 4], "{code}");
        assert_eq!(proxy.seen(), 4, "{code}");
    }
}

/// The errors of `put`, `put_with_jwt_id`, `record_use` and `consume`, in this order.
async fn all_fail(links: &PendingLinks) -> [StoreError; 4] {
    let (state, pending) = journey();
    let (hash, jti) = (state.hash(), handoff_jti(&state));
    let bindings = [pending.browser_binding.clone()];
    let (put, put_handed_off, use_once, consume) = tokio::join!(
        links.put(&hash, &pending),
        links.put_with_jwt_id(&hash, &pending, &jti),
        links.record_use(&jti, "me"),
        links.consume(&hash, &bindings, "me", NOW),
    );
    [
        put.unwrap_err(),
        put_handed_off.unwrap_err(),
        use_once.unwrap_err(),
        consume.unwrap_err(),
    ]
}

/// A new state and its pending link, bound to a browser of their own.
fn journey() -> (State, PendingLink) {
    let state = State::generate(&Rng::System).unwrap();
    let pending = PendingLink {
        partner_id: PartnerId::parse("0WickerlightSandbox000").unwrap(),
        partner_user_id: PartnerUserId::parse(&sha256_hex(&format!("person {}", state.expose()))).unwrap(),
        show: None,
        language: None,
        entitlements: None,
        code_verifier: None,
        sign_in_method: SignInMethod::Session,
        browser_binding: sha256_hex(&format!("browser {}", state.expose())),
        expires_at: EXPIRES_AT,
    };
    (state, pending)
}

/// All fields of a pending link, for comparison.
fn facts(pending: &PendingLink) -> impl PartialEq + std::fmt::Debug {
    (
        pending.partner_id.clone(),
        pending.partner_user_id.expose().to_owned(),
        pending.show.clone(),
        pending.language.clone(),
        pending.entitlements.clone(),
        pending
            .code_verifier
            .as_ref()
            .map(|verifier| verifier.expose().to_owned()),
        pending.sign_in_method,
        pending.browser_binding.clone(),
        pending.expires_at,
    )
}

fn handoff_jti(state: &State) -> JwtId {
    JwtId::handoff("site", state.expose(), EXPIRES_AT)
}

/// The jti of a hand-off that starts no journey, as that of `/account`.
fn token_jti(jti: &str) -> JwtId {
    JwtId::handoff("site", jti, EXPIRES_AT)
}

fn request(jti: &str, jws: &str) -> RequestId {
    RequestId::new("backend", jti, EXPIRES_AT, jws)
}

fn jti_id(kind: &str, jti: &str) -> String {
    let issuer = if kind == "handoff" { "site" } else { "backend" };
    format!("jti#{kind}#{}", sha256_hex(&format!("{issuer}\0{jti}")))
}

fn link_id(state: &State) -> String {
    format!("link#{}", sha256_hex(state.expose()))
}

/// Runs fifty tasks concurrently and returns their outputs.
async fn fifty<F>(task: impl Fn(usize) -> F) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = (0..50).map(|n| tokio::spawn(task(n))).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

impl Engine {
    /// A new state whose pending link is stored.
    async fn stored(&self) -> (State, PendingLink) {
        let (state, pending) = journey();
        self.put(&state, &pending).await.unwrap();
        (state, pending)
    }

    async fn put(&self, state: &State, pending: &PendingLink) -> Result<(), StoreError> {
        self.links.put(&state.hash(), pending).await
    }

    async fn hand_off(&self, state: &State, pending: &PendingLink, jti: &JwtId) -> Result<(), StoreError> {
        self.links.put_with_jwt_id(&state.hash(), pending, jti).await
    }

    async fn claim(
        &self,
        state: &State,
        pending: &PendingLink,
        invocation: &str,
    ) -> Result<Option<PendingLink>, StoreError> {
        let bindings = [pending.browser_binding.clone()];
        Ok(self
            .links
            .consume(&state.hash(), &bindings, invocation, NOW)
            .await?
            .granted())
    }

    async fn link(&self, state: &State) -> Option<HashMap<String, AttributeValue>> {
        self.item(&link_id(state)).await
    }
}
