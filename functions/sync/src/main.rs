//! The Lambda function `sync`.

use sync::Synchronizer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::worker::run(Synchronizer::of_process).await
}
