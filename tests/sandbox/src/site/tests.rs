//! Unit tests that need the site's clock.

#[path = "../../tests/it/site/visit.rs"]
mod visit;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use self::visit::visit_at;
use super::Site;
use crate::clock::Clock;
use crate::{Endpoint, SignIn};

#[tokio::test]
async fn a_code_of_the_demo_provider_expires_after_a_minute() {
    // The test serves the site itself, to control its clock.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut visit = visit_at(Endpoint::External(origin), SignIn::Oidc).await;
    let options = Arc::new(visit.sandbox.options().clone());
    let spotify = visit.sandbox.spotify().clone();
    let site = Site::new(&options, visit.sandbox.addresses(), spotify, Clock::default());
    let (_stop, stopped) = watch::channel(());
    super::serve(listener, site.clone(), stopped);
    visit.post("/sign-in", "person=ada").await;
    for (seconds, status) in [(55, 200), (60, 400)] {
        let code = visit.code().await;
        site.0.clock.advance(Duration::from_secs(seconds));
        assert_eq!(visit.exchange(&code, &[]).await.status(), status);
    }
}
