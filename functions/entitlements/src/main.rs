//! The Lambda function `entitlements`.

use entitlements::Entitlements;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::http::run(Entitlements::of_process).await
}
