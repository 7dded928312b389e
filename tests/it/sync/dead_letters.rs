//! What can never succeed does not block the stream: it is set aside in an SQS queue. Everything else waits.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client;
use sandbox::{Fault, deployment};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, http_client::HttpClient, runtime::worker::EventFunction as _};
use sync::Synchronizer;

use crate::support::{
    Ministack, World,
    synchronizer::{LONG, heard, linked, start_with},
};

/// Ada is linked. The function sends dead letters to a queue of ministack.
struct Case {
    world: World,
    sync: Synchronizer,
    sqs: Client,
    queue_url: String,
    _ministack: Ministack,
}

impl Case {
    async fn new() -> Self {
        let (world, _) = linked().await;
        let ministack = Ministack::with("dynamodb,events,secretsmanager,sqs").await;
        let environment = world.environment(&[("AWS_ENDPOINT_URL_SQS", ministack.origin())]);
        let aws = AwsConfig::from_env(&environment).unwrap();
        let mut config = aws_sdk_sqs::config::Builder::from(&aws.sdk(&HttpClient::new().unwrap()));
        config.set_endpoint_url(aws.sqs_endpoint.clone());
        let sqs = Client::from_conf(config.build());
        let queue_url = loop {
            // The first call loads the service, which takes longer than the SDK waits.
            if let Ok(created) = sqs.create_queue().queue_name("dead-letters").send().await {
                break created.queue_url.unwrap();
            }
        };
        let variables = [
            ("AWS_ENDPOINT_URL_SQS", ministack.origin()),
            ("DEAD_LETTER_QUEUE_URL", queue_url.as_str()),
        ];
        let sync = start_with(&world, &variables).await;
        Self {
            world,
            sync,
            sqs,
            queue_url,
            _ministack: ministack,
        }
    }

    /// Handles the records. Returns the sequence numbers of those that are delivered again.
    async fn handle(&self, records: &[Value]) -> Vec<String> {
        let answer = self.sync.handle(&json!({ "Records": records }), LONG).await.unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        failures
            .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn messages(&self) -> Vec<Value> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(10);
        let received = received.send().await.unwrap();
        let bodies = received.messages().iter().map(|message| message.body().unwrap());
        bodies.map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// EventBridge answers the next calls with these statuses and bodies.
    fn event_bus_answers(&self, answers: &[(u16, Value)]) {
        for (status, body) in answers {
            self.world.sandbox.secrets_manager().faults().add(Fault {
                times: Some(1),
                ..Fault::answer("/", *status, &body.to_string())
            });
        }
    }
}

/// A record of a link that Spotify has confirmed, which yields one event.
fn confirmed(sequence_number: &str) -> Value {
    let image =
        |state: &str| json!({"partner_id": {"S": "p"}, "partner_user_id": {"S": "u"}, "link_state": {"S": state}});
    json!({"eventID": format!("event of {sequence_number}"), "dynamodb": {
        "Keys": {"id": {"S": "p#u"}}, "SequenceNumber": sequence_number,
        "OldImage": image("pending"), "NewImage": image("linked"),
    }})
}

fn entry_error(code: &str) -> Value {
    json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "…"}]})
}

#[tokio::test]
async fn an_event_that_the_bus_rejects_for_its_content_is_set_aside_and_acknowledged() {
    let case = Case::new().await;
    case.event_bus_answers(&[(200, entry_error("MalformedDetail"))]);
    assert!(case.handle(&[confirmed("1")]).await.is_empty());
    let messages = case.messages().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = &messages[0];
    assert_eq!(
        (
            &message["reason"],
            &message["event_id"],
            &message["sequence_number"],
            &message["id"]
        ),
        (
            &json!("event rejected"),
            &json!("event of 1"),
            &json!("1"),
            &json!("p#u")
        )
    );
    assert_eq!(message["event"]["DetailType"], "LinkConfirmed");
    // The log names the record, and not the subscriber.
    let log = crate::support::logged();
    let line = log.lines().find(|line| line.contains("RECORD_SET_ASIDE")).unwrap();
    assert!(line.contains("event of 1") && !line.contains("p#u"), "{line}");
}

#[tokio::test]
async fn an_event_that_the_bus_may_accept_later_waits() {
    let case = Case::new().await;
    for code in [
        "InternalFailure",
        "ThrottlingException",
        "AccessDeniedException",
        "NotAuthorizedForSourceException",
    ] {
        case.event_bus_answers(&[(200, entry_error(code))]);
        assert_eq!(case.handle(&[confirmed("1")]).await, ["1"], "{code}");
    }
    case.event_bus_answers(&[(400, json!({"__type": "AccessDeniedException"}))]);
    assert_eq!(case.handle(&[confirmed("1")]).await, ["1"]);
    assert!(case.messages().await.is_empty());
}

/// EventBridge refuses a whole call because of one entry. The others are sent.
#[tokio::test]
async fn one_rejected_event_does_not_hold_up_the_others_of_its_call() {
    let case = Case::new().await;
    let rejected = (400, json!({"__type": "ValidationException"}));
    let sent = (200, json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}));
    case.event_bus_answers(&[rejected.clone(), sent.clone(), rejected, sent]);
    let records = ["1", "2", "3"].map(confirmed);
    assert!(case.handle(&records).await.is_empty());
    let messages = case.messages().await;
    let set_aside: Vec<_> = messages.iter().map(|message| &message["sequence_number"]).collect();
    assert_eq!(set_aside, ["2"]);
}

/// The table was edited by hand. Other subscribers of the batch are synced.
#[tokio::test]
async fn an_unreadable_item_is_set_aside_and_acknowledged() {
    let case = Case::new().await;
    let world = &case.world;
    let dynamodb = AwsConfig::from_env(&world.environment(&[]))
        .unwrap()
        .dynamodb(&HttpClient::new().unwrap());
    let partner_id = &world.sandbox.options().partner_id;
    let broken = [
        ("version", AttributeValue::S("three".to_owned())),
        ("entitlements", AttributeValue::S("gold".to_owned())),
        ("attempts", AttributeValue::S("none".to_owned())),
        ("partner_user_id", AttributeValue::S("Not An Id".to_owned())),
        ("link_state", AttributeValue::S("perhaps".to_owned())),
    ];
    let mut records = Vec::new();
    for (n, (name, value)) in broken.iter().enumerate() {
        let id = format!("{partner_id}#{n:032x}");
        let put = dynamodb.put_item().table_name(deployment::SUBSCRIBERS_TABLE);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = std::collections::HashMap::from([
            ("id".to_owned(), text(&id)),
            ("partner_id".to_owned(), text(partner_id)),
            ("partner_user_id".to_owned(), text(&format!("{n:032x}"))),
            ("link_state".to_owned(), text("linked")),
            ("dirty".to_owned(), text("0")),
            ("next_try_at".to_owned(), AttributeValue::N("1".to_owned())),
        ]);
        item.insert((*name).to_owned(), value.clone());
        put.set_item(Some(item)).send().await.unwrap();
        records.push(changed(&id, &n.to_string()));
    }
    world.write_entitlements("replace", "ada", &["gold"]).await;
    records.push(changed(
        &format!("{partner_id}#{}", world.partner_user_id("ada")),
        "last",
    ));
    assert!(case.handle(&records).await.is_empty());
    assert_eq!(heard(world), ["gold"]);
    let messages = case.messages().await;
    assert_eq!(messages.len(), broken.len(), "{messages:?}");
    assert!(messages.iter().all(|message| message["reason"] == "unreadable item"));
    // A sweep meets the same items and goes on.
    world.write_entitlements("replace", "ada", &["silver"]).await;
    case.sync.handle(&json!({"task": "sweep"}), LONG).await.unwrap();
    assert_eq!(heard(world), ["silver"]);
}

fn changed(id: &str, sequence_number: &str) -> Value {
    json!({"eventID": sequence_number, "dynamodb": {
        "Keys": {"id": {"S": id}}, "SequenceNumber": sequence_number,
        "OldImage": {}, "NewImage": {"dirty": {"S": "0"}, "version": {"N": "1"}},
    }})
}

/// Nothing is acknowledged before it is safe.
#[tokio::test]
async fn a_record_waits_while_it_cannot_be_set_aside() {
    let case = Case::new().await;
    let gone = case.sqs.delete_queue().queue_url(&case.queue_url).send().await;
    gone.unwrap();
    case.event_bus_answers(&[(200, entry_error("MalformedDetail"))]);
    assert_eq!(case.handle(&[confirmed("1")]).await, ["1"]);
    assert!(!crate::support::logged().contains("RECORD_SET_ASIDE"));
}
