//! The reconciliation compares each linked subscriber with Spotify and corrects differences.

use std::time::Duration;

use sandbox::Fault;
use serde_json::{Value, json};
use shared::runtime::worker::EventFunction as _;
use sync::Synchronizer;

use crate::support::synchronizer::{GET, LONG, calls, heard, link, linked, sweep};

async fn reconcile(sync: &Synchronizer) -> Value {
    sync.handle(&json!({"task": "reconcile"}), LONG).await.unwrap()
}

/// Spotify sends no notifications, so the reconciliation reads each link and corrects what differs.
#[tokio::test]
async fn reconciliation_finds_and_corrects_drift() {
    let (world, sync) = linked().await;
    let options = world.sandbox.options();
    reconcile(&sync).await;
    assert_eq!(calls(&world), (1, 0));
    // The entitlements have changed at Spotify.
    let drifted = sandbox::Link {
        partner_id: options.partner_id.clone(),
        partner_user_id: world.partner_user_id("ada"),
        account: "mara".to_owned(),
        entitlements: vec!["everything".to_owned()],
        ..sandbox::Link::default()
    };
    world.spotify().force_link(drifted);
    reconcile(&sync).await;
    assert_eq!(
        (heard(&world), calls(&world)),
        (vec!["all-access".to_owned(), "basic".to_owned()], (2, 1))
    );
    // The link has been removed at Spotify.
    world
        .spotify()
        .remove_link(&options.partner_id, &world.partner_user_id("ada"));
    world.advance(300);
    reconcile(&sync).await;
    assert_eq!(
        link(&world).await,
        ("unlinked".to_owned(), "get-entitlements".to_owned())
    );
    reconcile(&sync).await;
    assert_eq!(calls(&world), (3, 1));
}

/// The next run resumes a run that ended early, and a round checks each subscriber once.
#[tokio::test]
async fn reconciliation_resumes_where_the_last_run_stopped() {
    let (world, sync) = linked().await;
    for (person, account) in [("bela", "jonas"), ("yuki", "ines"), ("noor", "teo")] {
        assert_eq!(world.signed_in(person).link(account).await.status, 302);
    }
    world.advance(20);
    sweep(&sync).await;
    world.spotify().requests().clear();
    // A run has time for only one or two subscribers.
    world.spotify().faults().add(Fault {
        delay_ms: Some(50),
        times: None,
        ..Fault::on(GET)
    });
    let asked = || -> Vec<_> {
        let requests = world.spotify().requests().to(GET);
        requests
            .iter()
            .map(|request| request.jws.as_ref().unwrap().payload_text.clone())
            .collect()
    };
    let mut runs = 0;
    while asked().len() < 4 && runs < 100 {
        runs += 1;
        sync.handle(&json!({"task": "reconcile"}), Duration::from_millis(60))
            .await
            .unwrap();
    }
    let each: std::collections::BTreeSet<_> = asked().into_iter().collect();
    assert_eq!((each.len(), asked().len()), (4, 4), "each once, in {runs} runs");
    assert!(runs > 1);
}
