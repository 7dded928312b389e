//! The Lambda function `callback`.

use callback::Callback;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::http::run::<Callback>().await
}
