//! `soa-link partners`.

use sandbox::Fault;
use serde_json::{Value, json};

use crate::support::cli::CliHarness;

#[tokio::test]
async fn the_partners_command_creates_lists_changes_and_disables() {
    let desk = CliHarness::new("partners").await;
    let (code, said) = desk.says(&["partners", "list"]).await;
    assert_eq!(code, 0, "{said}");
    let create = [
        "partners",
        "--json",
        "create",
        "lunar",
        "--name",
        "Lunar Industries",
        "--set",
        "BRAND_COLOR=#1a2b3c",
    ];
    let created: Value = serde_json::from_slice(&desk.run(&create).await.stdout).unwrap();
    let partner_id = created["partner_id"].as_str().unwrap();
    assert_eq!(created["settings"], json!({"BRAND_COLOR": "#1a2b3c"}));
    let (code, said) = desk.says(&["partners", "list"]).await;
    assert!(
        code == 0 && said.contains(partner_id) && said.contains("BRAND_COLOR"),
        "{said}"
    );
    let (code, said) = desk
        .says(&["partners", "put", partner_id, "--name", "Moon", "--version", "1"])
        .await;
    assert!(code == 0 && said.contains("version           2"), "{said}");
    let (code, said) = desk
        .says(&["partners", "put", partner_id, "--name", "Moon", "--version", "1"])
        .await;
    assert!(code == 2 && said.contains("another version"), "{said}");
    assert_eq!(desk.says(&["partners", "disable", partner_id]).await.0, 0);
    assert!(desk.says(&["partners", "list"]).await.1.contains("disabled"));
    assert_eq!(desk.says(&["partners", "enable", partner_id]).await.0, 0);
    let (code, said) = desk
        .says(&["partners", "release-guard", partner_id, "--seconds", "60"])
        .await;
    assert!(code == 0 && said.contains("released_until"), "{said}");
    let (code, said) = desk
        .says(&["partners", "create", "moon", "--name", "x", "--set", "SIGN_IN=magic"])
        .await;
    assert!(code == 2 && said.contains("SIGN_IN must be"), "{said}");
    // `partners list` reports an uncertain creation and exits with 1 until an operator settles it.
    desk.world.spotify().faults().add(Fault {
        status: Some(503),
        times: Some(1),
        ..Fault::on("/api/v1/create-partner")
    });
    let (code, said) = desk.says(&["partners", "create", "mars", "--name", "Mars"]).await;
    assert!(code == 2 && said.contains("ask Spotify"), "{said}");
    let (code, said) = desk.says(&["partners", "list"]).await;
    assert!(code == 1 && said.contains("soa-link partners settle mars"), "{said}");
    assert_eq!(desk.says(&["partners", "settle", "mars", "--not-created"]).await.0, 0);
    assert_eq!(desk.says(&["partners", "list"]).await.0, 0);
    assert!(desk.says(&["completions", "bash"]).await.1.contains("soa-link"));
}
