//! The HTTP client of this crate's tests.

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// Creates a client that follows no redirects.
pub(crate) fn client() -> Client {
    // reqwest needs a TLS provider even for plain HTTP. Another test may have installed one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ClientBuilder::new().redirect(Policy::none()).build().unwrap()
}
