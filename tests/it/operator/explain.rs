//! `soa-link explain`, and the command `explain` of the partners function.

use sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{
    World,
    cli::CliHarness,
    partners_function::{ask, operators},
};

#[tokio::test]
async fn explain_compares_the_stored_record_with_spotify() {
    let world = World::new().await;
    let operators = operators(&world).await;
    let explain = async || {
        ask(
            &operators,
            json!({"command": "explain", "sub": world.person("ada").sub}),
        )
        .await
    };
    let before = explain().await;
    assert_eq!(
        (&before["desired"], before["link"]["state"].as_str()),
        (&Value::Null, Some("none"))
    );
    assert_eq!(before["spotify"], json!({"linked": false}));
    assert_eq!(world.signed_in("ada").link("mara").await.status, 302);
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let linked = explain().await;
    assert_eq!(
        (&linked["desired"], linked["version"].as_i64()),
        (&json!(["gold"]), Some(1))
    );
    assert_eq!(linked["spotify"]["linked"], true);
    assert_ne!(linked["spotify"]["entitlements"], linked["desired"]);
    assert_eq!(linked["link"]["state"], "pending");
    assert!(!linked.to_string().contains(&world.partner_user_id("ada")));
    world.spotify().faults().add(Fault {
        status: Some(503),
        ..Fault::on("/api/v1/")
    });
    assert!(explain().await["spotify"]["error"].is_string());
    let by_id = json!({"command": "explain", "partner_user_id": world.partner_user_id("ada")});
    assert_eq!(ask(&operators, by_id).await["person"], linked["person"]);
}

#[tokio::test]
async fn explain_accepts_an_account_id() {
    let desk = CliHarness::new("explain").await;
    let sub = desk.world.person("ada").sub.clone();
    let (code, said) = desk.says(&["explain", "--sub", &sub]).await;
    assert!(
        code == 0 && said.contains("The subscriber has never linked their Spotify account."),
        "{said}"
    );
    assert_eq!(desk.world.signed_in("ada").link("mara").await.status, 302);
    let (_, said) = desk.says(&["explain", "--sub", &sub]).await;
    assert!(
        said.contains("Spotify has the subscriber's current entitlements: all-access, basic."),
        "{said}"
    );
    let json = desk
        .run(&[
            "explain",
            "--json",
            "--partner-user-id",
            &desk.world.partner_user_id("ada"),
        ])
        .await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["explained"]["spotify"]["linked"], true);
}
