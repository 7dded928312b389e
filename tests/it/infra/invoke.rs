//! The functions as Lambda runs them, in processes of their own. `cargo lambda invoke` sends them API Gateway's events. They use the sandbox's Spotify,
//! DynamoDB and Secrets Manager.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::{Options, deployment};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, encoding::base64, http_client::HttpClient};

use crate::support::{
    Provider, World, environment,
    lambda::{Lambda, PUBLIC_URL},
    parameter, signed,
};

/// The value and the attributes of the browser cookie that the answer sets.
fn cookie(answer: &Value) -> (String, String) {
    cookie_named(answer, "__Host-soa_link").unwrap()
}

fn cookie_named(answer: &Value, name: &str) -> Option<(String, String)> {
    let cookies = answer["cookies"].as_array().unwrap();
    cookies.iter().find_map(|cookie| {
        let (pair, attributes) = cookie.as_str()?.split_once(';')?;
        let (its_name, value) = pair.split_once('=')?;
        (its_name == name).then(|| (value.to_owned(), attributes.to_owned()))
    })
}

impl Lambda {
    /// Continues from a redirect to Spotify's consent page to the completion URL, without a session.
    async fn links(&self, begun: &Value, account: &str) {
        let authorize = begun["headers"]["location"].as_str().unwrap_or_default();
        assert!(authorize.contains("/authorize?"), "{begun}");
        let agreed = self
            .spotify
            .browser()
            .get(&format!("{authorize}&sandbox_account={account}"))
            .await;
        let [code, state] = ["code", "state"].map(|name| parameter(agreed.location(), name).unwrap());
        let binding = cookie(begun).0;
        let gaps = [
            ("session", ""),
            ("cookie", binding.as_str()),
            ("code", &code),
            ("state", &state),
        ];
        let done = self.invoke("callback", "callback", &gaps);
        let location = done["headers"]["location"].as_str().unwrap_or_default();
        assert!(location.contains("/oauth/success?"), "{done}");
    }
}

/// The provider is an independent implementation, with the demo's accounts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_links_by_oidc_through_the_function_processes() {
    World::prepare();
    let provider = Provider::start(PUBLIC_URL, &json!({}));
    let oidc = sandbox::Oidc {
        issuer: Some(provider.issuer.clone()),
        ..sandbox::Oidc::default()
    };
    let options = Options {
        sign_in: sandbox::SignIn::Oidc,
        oidc,
        ..Options::default()
    };
    let lambda = Lambda::with(options).await;
    let away = lambda.invoke("entrypoint", "entrypoint-signed-out", &[]);
    let location = away["headers"]["location"].as_str().unwrap();
    assert!(location.starts_with(&format!("{}/auth?", provider.issuer)), "{away}");
    let back = lambda
        .spotify
        .browser()
        .at_provider(&provider, location, "account=member-1002")
        .await;
    let [code, state] = ["code", "state"].map(|name| parameter(&back, name).unwrap());
    let iss: String = url::form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect();
    let binding = cookie(&away).0;
    let gaps = [
        ("code", code.as_str()),
        ("state", &state),
        ("iss", &iss),
        ("cookie", &binding),
    ];
    let begun = lambda.invoke("entrypoint", "sign-in-callback", &gaps);
    assert_eq!(
        lambda.invoke("entrypoint", "sign-in-callback", &gaps)["statusCode"],
        400
    );
    lambda.links(&begun, "mara").await;
    let link = &lambda.sandbox.spotify().links()[0];
    assert_eq!(
        (link.account.as_str(), &link.entitlements[..]),
        ("mara", &["basic".to_owned()][..])
    );
    // The account page shows the link.
    let visit = cookie_named(&begun, "__Host-soa_visit").unwrap().0;
    let page = lambda.invoke("unlink", "account", &[("visit", &visit)]);
    assert_eq!(page["statusCode"], 200, "{page}");
    assert!(page["body"].as_str().unwrap().contains("data-state=\"linked\""));
    assert_eq!(page["headers"]["content-language"], "ja");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_links_and_unlinks_through_the_function_processes() {
    let lambda = Lambda::start().await;
    let session = lambda.session("ada");
    let begun = lambda.invoke("entrypoint", "entrypoint-signed-in", &[("session", &session)]);
    assert_eq!(begun["statusCode"], 302);
    let authorize = begun["headers"]["location"].as_str().unwrap();
    assert!(authorize.starts_with(&format!("{}/authorize?", lambda.sandbox.addresses().spotify)));
    assert_eq!(
        parameter(authorize, "redirect_uri").as_deref(),
        Some("https://link.example.com/callback")
    );
    let (binding, attributes) = cookie(&begun);
    assert_eq!(attributes, " Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax");

    let agreed = lambda
        .spotify
        .browser()
        .get(&format!("{authorize}&sandbox_account=mara"))
        .await;
    let (code, state) = (
        parameter(agreed.location(), "code").unwrap(),
        parameter(agreed.location(), "state").unwrap(),
    );
    let gaps = [
        ("session", session.as_str()),
        ("cookie", &binding),
        ("code", &code),
        ("state", &state),
    ];
    let done = lambda.invoke("callback", "callback", &gaps);
    assert_eq!(done["statusCode"], 302, "{done}");
    assert!(
        done["headers"]["location"]
            .as_str()
            .unwrap()
            .contains("/oauth/success?")
    );
    assert_eq!(
        cookie(&done),
        (
            String::new(),
            " Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax".to_owned()
        )
    );
    assert_eq!(lambda.sandbox.spotify().links()[0].account, "mara");
    assert_eq!(lambda.calls(), (1, 1, 0));
    let again = lambda.invoke("callback", "callback", &gaps);
    assert_eq!(again["statusCode"], 400);
    assert!(
        again["headers"]["content-type"]
            .as_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert_eq!(lambda.calls(), (1, 1, 0));

    let page = lambda.invoke("unlink", "unlink-page", &[("session", &session)]);
    assert_eq!(page["statusCode"], 200);
    let body = page["body"].as_str().unwrap();
    let form_token = body
        .split_once("name=\"form_token\" value=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    let form = format!("form_token={form_token}");
    let (binding, length) = (cookie(&page).0, form.len().to_string());
    let gaps = [
        ("session", session.as_str()),
        ("cookie", &binding),
        ("length", &length),
        ("form_base64", &base64(&form)),
    ];
    let unlinked = lambda.invoke("unlink", "unlink-form", &gaps);
    assert_eq!(unlinked["statusCode"], 200, "{unlinked}");
    assert!(lambda.sandbox.spotify().links().is_empty());
    assert_eq!(lambda.calls(), (2, 1, 1));
}

/// The backend writes, and sync updates Spotify by the table's stream, the sweep and the reconciliation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_change_is_synced_through_the_function_processes() {
    let lambda = Lambda::start().await;
    let options = lambda.sandbox.options();
    let partner_user_id = lambda.spotify.partner_user_id("ada");
    let id = format!("{}#{partner_user_id}", options.partner_id);
    // The subscriber is already linked, as an earlier reconciliation would record it.
    lambda.sandbox.spotify().force_link(sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: partner_user_id.clone(),
        account: "mara".to_owned(),
        ..sandbox::Link::default()
    });
    let aws = AwsConfig::from_env(&environment(options, lambda.sandbox.addresses(), &[])).unwrap();
    let put = aws
        .dynamodb(&HttpClient::new().unwrap())
        .put_item()
        .table_name(deployment::SUBSCRIBERS_TABLE);
    let item = [
        ("id", id.as_str()),
        ("partner_id", &options.partner_id),
        ("partner_user_id", &partner_user_id),
        ("link_state", "linked"),
    ];
    let item = item.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    put.set_item(Some(item.into())).send().await.unwrap();

    let says = |entitlements: &[&str], jti: &str| {
        let mut claims = lambda.spotify.request_claims("ada", jti);
        claims["iss"] = options.site_issuer(lambda.sandbox.addresses()).into();
        claims["aud"] = format!("{PUBLIC_URL}/replace-entitlements").into();
        claims["partner_id"] = options.partner_id.clone().into();
        claims["entitlements"] = json!(entitlements);
        let jws = World::request_token(&claims);
        let gaps = [("jws_base64", base64(&jws)), ("length", jws.len().to_string())];
        let gaps = gaps.each_ref().map(|(gap, value)| (*gap, value.as_str()));
        let answer = lambda.invoke("entitlements", "replace-entitlements", &gaps);
        assert_eq!(answer["statusCode"], 202, "{answer}");
    };
    let heard = || {
        lambda
            .sandbox
            .spotify()
            .link(&options.partner_id, &partner_user_id)
            .unwrap()
            .entitlements
    };
    says(&["gold"], "jti-1");
    let followed = lambda.invoke("sync", "stream", &[("id", &id)]);
    assert_eq!(
        (followed, heard()),
        (json!({"batchItemFailures": []}), vec!["gold".to_owned()])
    );
    says(&["silver"], "jti-2");
    lambda.invoke("sync", "sweep", &[]);
    assert_eq!(heard(), ["silver"]);
    lambda.sandbox.spotify().force_link(sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: partner_user_id.clone(),
        account: "mara".to_owned(),
        entitlements: vec!["drifted".to_owned()],
        ..sandbox::Link::default()
    });
    lambda.invoke("sync", "reconcile", &[]);
    assert_eq!(heard(), ["silver"]);
    let told = lambda.sandbox.secrets_manager().event_bus().all();
    assert!(
        told.is_empty(),
        "the stream event reports no result, so no event is published: {told:?}"
    );

    let explained = lambda.invoke("partners", "explain", &[("partner_user_id", &partner_user_id)]);
    assert_eq!(
        (&explained["desired"], explained["version"].as_i64()),
        (&json!(["silver"]), Some(2))
    );
    assert_eq!(
        explained["spotify"],
        json!({"linked": true, "entitlements": ["silver"]})
    );
    let released = lambda.invoke("partners", "release-guard", &[("partner_id", &options.partner_id)]);
    assert!(released["released_until"].is_i64(), "{released}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_lambda_event_gets_the_expected_answer() {
    let lambda = Lambda::start().await;
    let site = &lambda.sandbox.addresses().site;
    let location = |answer: &Value| answer["headers"]["location"].as_str().unwrap_or_default().to_owned();

    // Signed out: the person is sent to sign in and returns by hand-off.
    let away = lambda.invoke("entrypoint", "entrypoint-signed-out", &[]);
    assert!(location(&away).starts_with(&format!("{site}/sign-in?")), "{away}");
    let mut claims = lambda
        .spotify
        .handoff_claims("bela", &parameter(&location(&away), "nonce").unwrap(), "jti-1");
    claims["iss"] = lambda.sandbox.options().site_issuer(lambda.sandbox.addresses()).into();
    claims["aud"] = PUBLIC_URL.into();
    let token = signed(&lambda.sandbox.options().site_key, "soa-handoff+jwt", &claims);
    let gaps = [("token", token.as_str()), ("cookie", &cookie(&away).0)];
    let handed_over = lambda.invoke("entrypoint", "entrypoint-handoff", &gaps);
    assert_eq!(
        lambda.invoke("entrypoint", "entrypoint-handoff", &gaps)["statusCode"],
        401
    );

    lambda.links(&handed_over, "jonas").await;
    assert_eq!(lambda.sandbox.spotify().links()[0].account, "jonas");

    let created = lambda.invoke("partners", "create-partner", &[]);
    let partner_id = created["partner_id"].as_str().unwrap_or_else(|| panic!("{created}"));
    let session = lambda.session_at(partner_id, "ada");
    let partner = lambda.invoke(
        "entrypoint",
        "entrypoint-partner",
        &[("session", &session), ("partner_id", partner_id)],
    );
    assert!(location(&partner).contains("/authorize?"), "{partner}");
    let link = lambda.invoke("entrypoint", "link", &[]);
    assert!(
        location(&link).contains("/link/0WickerlightSandbox000?spotifyShowUri=spotify%3Ashow%3A"),
        "{link}"
    );

    let gaps = BTreeMap::from([
        ("session", session.clone()),
        ("cookie", cookie(&partner).0),
        ("state", parameter(&location(&partner), "state").unwrap()),
    ]);
    let gaps: Vec<_> = gaps.iter().map(|(gap, value)| (*gap, value.as_str())).collect();
    let denied = lambda.invoke("callback", "callback-denied", &gaps);
    assert_eq!(denied["statusCode"], 403);
    assert_eq!(lambda.calls(), (2, 1, 0));

    let mut claims = lambda.spotify.request_claims("ada", "jti-1");
    claims["iss"] = lambda.sandbox.options().site_issuer(lambda.sandbox.addresses()).into();
    claims["aud"] = format!("{PUBLIC_URL}/unlink").into();
    claims["partner_id"] = lambda.sandbox.options().partner_id.clone().into();
    let jws = World::request_token(&claims);
    let gaps = [("jws_base64", base64(&jws)), ("length", jws.len().to_string())];
    let gaps = gaps.each_ref().map(|(gap, value)| (*gap, value.as_str()));
    let unlinked = lambda.invoke("unlink", "unlink-signed", &gaps);
    assert_eq!(
        (unlinked["statusCode"].as_u64(), unlinked["body"].as_str()),
        (Some(204), None)
    );
    // The same request again is answered without a call.
    assert_eq!(lambda.invoke("unlink", "unlink-signed", &gaps)["statusCode"], 204);
    assert_eq!(lambda.calls(), (3, 1, 1));
}
