//! The Lambda function `entrypoint`.

use entrypoint::Entrypoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::http::run::<Entrypoint>().await
}
