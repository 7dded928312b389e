//! The Lambda function `unlink`.

use unlink::Unlink;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::http::run::<Unlink>().await
}
