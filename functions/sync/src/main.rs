//! The Lambda function `sync`.

use sync::Synchronizer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::worker::run::<Synchronizer>().await
}
