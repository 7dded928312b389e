//! The behaviour that the stores require of DynamoDB and Secrets Manager, checked on each engine.

mod pending_links;
mod secrets;
