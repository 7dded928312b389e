//! Tables, secrets, log groups and the queue of `infra/template.yaml`, and the stack policy that protects them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::template::{ROOT, list, resources, template};

/// All stored data is encrypted with the KMS key of the parameter `KmsKeyArn`, if it is set.
#[test]
fn each_table_secret_log_and_queue_uses_the_configured_kms_key() {
    let template = template();
    let key = json!({"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]});
    assert_eq!(
        template["Conditions"]["HasKey"],
        json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]}]})
    );
    let tables = resources(&template, "AWS::DynamoDB::Table");
    for (name, table) in &tables {
        let expected = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
        assert_eq!(table["SSESpecification"], expected, "{name}");
    }
    let (secrets, logs) = (
        resources(&template, "AWS::SecretsManager::Secret"),
        resources(&template, "AWS::Logs::LogGroup"),
    );
    for (name, kept) in secrets.iter().chain(&logs) {
        assert_eq!(kept["KmsKeyId"], key, "{name}");
    }
    assert_eq!((tables.len(), secrets.len(), logs.len()), (3, 3, 7));
    let queue = resources(&template, "AWS::SQS::Queue")["DeadLetterQueue"];
    assert_eq!(queue["KmsMasterKeyId"], key);
    // Without the key, SQS encrypts with a key of its own.
    let own = json!({"Fn::If": ["HasKey", {"Ref": "AWS::NoValue"}, true]});
    assert_eq!(queue["SqsManagedSseEnabled"], own);
}

/// The queue keeps messages for as long as SQS can, and only principals of the account with a permission of their own can use it.
#[test]
fn the_dead_letter_queue_is_private_and_keeps_messages_for_two_weeks() {
    let template = template();
    let queues = resources(&template, "AWS::SQS::Queue");
    assert_eq!(queues.keys().copied().collect::<Vec<_>>(), ["DeadLetterQueue"]);
    assert_eq!(queues["DeadLetterQueue"]["MessageRetentionPeriod"], 14 * 86_400);
    assert!(resources(&template, "AWS::SQS::QueuePolicy").is_empty());
    let variables = &template["Resources"]["SyncFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["DEAD_LETTER_QUEUE_URL"], json!({"Ref": "DeadLetterQueue"}));
    assert_eq!(
        template["Outputs"]["DeadLetterQueueUrl"]["Value"],
        json!({"Ref": "DeadLetterQueue"})
    );
}

/// Updates must not replace or delete what outlives the stack, and must not change `PartnerKeys`: another `GenerateSecretString` would write new keys.
#[test]
fn the_stack_policy_protects_what_outlives_the_stack() {
    let policy = std::fs::read_to_string(format!("{ROOT}/infra/stack-policy.json")).unwrap();
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let [allow, deny_removal, deny_update] = policy["Statement"].as_array().unwrap().as_slice() else {
        panic!("{policy}")
    };
    assert_eq!(
        allow,
        &json!({"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"})
    );
    assert_eq!(deny_removal["Effect"], "Deny");
    assert_eq!(deny_removal["Action"], json!(["Update:Replace", "Update:Delete"]));
    let kept: BTreeSet<_> = list(&deny_removal["Resource"])
        .iter()
        .map(|resource| resource.as_str().unwrap().replace("LogicalResourceId/", ""))
        .collect();
    let template = template();
    let all = template["Resources"].as_object().unwrap();
    // ProviderSecret is removed when the deployment changes from an OpenID provider to another kind of sign-in.
    let outlives = all
        .iter()
        .filter(|(name, resource)| resource["UpdateReplacePolicy"] == "Retain" && *name != "ProviderSecret");
    assert_eq!(kept, outlives.map(|(name, _)| name.clone()).collect());
    // `infra/deploy.sh` leaves out the last statement if ALLOW_KEY_UPDATE is 1.
    let keys =
        json!({"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/PartnerKeys"});
    assert_eq!(deny_update, &keys);
}

#[test]
fn the_pending_links_table_matches_the_store() {
    let template = template();
    let tables = resources(&template, "AWS::DynamoDB::Table");
    let table = tables["PendingLinksTable"];
    assert_eq!(
        table["KeySchema"],
        serde_json::json!([{"AttributeName": "id", "KeyType": "HASH"}])
    );
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        table["TimeToLiveSpecification"],
        serde_json::json!({"AttributeName": "delete_at", "Enabled": true})
    );
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
}

/// Subscribers, partners and secrets survive the deletion of the stack, and the tables can be restored. The rollback of a failed creation deletes the secrets,
/// which are empty. It keeps the tables, because it could not delete a protected table and would fail.
#[test]
fn irreplaceable_data_is_retained() {
    let template = template();
    let tables = resources(&template, "AWS::DynamoDB::Table");
    for name in ["SubscribersTable", "PartnersTable"] {
        assert_eq!(template["Resources"][name]["DeletionPolicy"], "Retain");
        assert_eq!(template["Resources"][name]["UpdateReplacePolicy"], "Retain");
        let table = tables[name];
        assert_eq!(table["DeletionProtectionEnabled"], true);
        let recovery = &table["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    }
    // An update that replaced or wrote one of these secrets would lose the value that an operator or Secrets Manager stored.
    let secrets = resources(&template, "AWS::SecretsManager::Secret");
    assert_eq!(
        secrets.keys().copied().collect::<Vec<_>>(),
        ["ClientSecret", "PartnerKeys", "ProviderSecret"]
    );
    for (name, secret) in secrets {
        let resource = &template["Resources"][name];
        assert_eq!(
            (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
            (&json!("RetainExceptOnCreate"), &json!("Retain")),
            "{name}"
        );
        // Compared exactly: a change would generate new keys, and Spotify would see every subscriber as a new user.
        let generated = json!({
            "SecretStringTemplate": r#"{"site":{"keys":[]},"backend":{"keys":[]}}"#, "GenerateStringKey": "partner_user_id_key",
            "PasswordLength": 64, "ExcludePunctuation": true,
        });
        let generated = (name == "PartnerKeys").then_some(&generated);
        assert_eq!(secret.get("GenerateSecretString"), generated, "{name}");
        assert!(
            !secret.contains_key("SecretString") && !secret.contains_key("Name"),
            "{name}"
        );
    }
    let table = tables["SubscribersTable"];
    assert_eq!(table["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(index["IndexName"], shared::store::DIRTY_INDEX);
    let keys = serde_json::json!([
        {"AttributeName": "dirty", "KeyType": "HASH"},
        {"AttributeName": "next_try_at", "KeyType": "RANGE"},
    ]);
    assert_eq!(index["KeySchema"], keys);
}

/// Environment variables and parameters hold names and URLs, never a secret.
#[test]
fn no_secret_is_in_the_environment_or_the_template() {
    let template = template();
    for function in resources(&template, "AWS::Serverless::Function").values() {
        for (name, value) in function["Environment"]["Variables"].as_object().unwrap() {
            assert!(!value.to_string().contains("resolve:secretsmanager"), "{name}");
        }
    }
    for parameter in template["Parameters"].as_object().unwrap().keys() {
        assert!(
            !parameter.contains("Secret") && !parameter.contains("Password"),
            "{parameter}"
        );
    }
}
