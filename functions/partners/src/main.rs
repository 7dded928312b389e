//! The Lambda function `partners`.

use partners::Partners;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::worker::run::<Partners>().await
}
