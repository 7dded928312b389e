//! What DynamoDB and Secrets Manager must do, on each engine alike.

mod pending_links;
mod secrets;
