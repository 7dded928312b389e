//! The Lambda function `unlink`.

use unlink::Unlink;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::http::run(Unlink::of_process).await
}
