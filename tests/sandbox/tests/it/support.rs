//! The HTTP client of this crate's tests.

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// A client that follows no redirects.
pub(crate) fn client() -> Client {
    // reqwest wants a TLS provider even for plain HTTP. Another test may have installed it already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ClientBuilder::new().redirect(Policy::none()).build().unwrap()
}
