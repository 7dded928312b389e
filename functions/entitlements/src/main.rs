//! The Lambda function `entitlements`.

use entitlements::Entitlements;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::http::run::<Entitlements>().await
}
