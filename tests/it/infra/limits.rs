//! Time limits of `infra/template.yaml` and of the code: an inner limit ends before the outer one.

use std::collections::BTreeMap;

use shared::{
    http_client::{CALL_TIMEOUT, CONNECT_TIMEOUT, OPERATOR_TIMEOUT},
    runtime::{http::ANSWER_TIMEOUT, worker::SHUTDOWN_RESERVE},
    spotify::UPLOAD_TIMEOUT,
};

use crate::support::template::{resources, template};

/// Connect 1 s < call 3 s < answer 9 s < function 10 s < API. Functions without an API have longer limits, below those of their own callers.
#[test]
fn time_limits_nest() {
    let template = template();
    let timeouts: BTreeMap<_, _> = resources(&template, "AWS::Serverless::Function")
        .into_iter()
        .filter_map(|(name, function)| Some((name, function.get("Timeout")?.as_u64()?)))
        .collect();
    assert_eq!(
        timeouts,
        BTreeMap::from([("PartnersFunction", 90), ("SyncFunction", 300)])
    );
    let function = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert_eq!(function, 10);
    let call = CALL_TIMEOUT.as_secs();
    let answer = ANSWER_TIMEOUT.as_secs();
    assert!(CONNECT_TIMEOUT.as_secs() < call && call * 3 <= answer && answer < function);
    for integration in resources(&template, "AWS::ApiGatewayV2::Integration").values() {
        let integration = integration["TimeoutInMillis"].as_u64().unwrap();
        assert!(function * 1000 < integration && integration < 30_000);
    }
    // A run acquires leases until shortly before its end, and ends before the schedule starts the next one.
    let reserve = SHUTDOWN_RESERVE.as_secs();
    let lease = u64::try_from(shared::store::LEASE_SECS).unwrap();
    assert!(call * 3 < lease && lease + reserve < timeouts["SyncFunction"]);
    let schedule =
        &template["Resources"]["SyncFunction"]["Properties"]["Events"]["Reconcile"]["Properties"]["Schedule"];
    assert_eq!(schedule, "rate(5 minutes)");
    assert!(timeouts["SyncFunction"] <= 5 * 60);
    // An operator's longest command is the upload of a logo: request a token, fetch the picture, send it to Spotify.
    let logo = call + partners::FETCH_TIMEOUT.as_secs() + UPLOAD_TIMEOUT.as_secs();
    assert!(logo + reserve < timeouts["PartnersFunction"]);
    assert!(timeouts["PartnersFunction"] < OPERATOR_TIMEOUT.as_secs());
}
