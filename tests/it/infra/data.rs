//! Tables, secrets and log groups of `infra/template.yaml`.

use serde_json::json;

use crate::support::template::{resources, template};

/// All stored data is encrypted with the KMS key of the parameter `KmsKeyArn`, if it is set.
#[test]
fn each_table_secret_and_log_uses_the_configured_kms_key() {
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

/// Subscribers, partners and secrets survive the deletion of the stack, and the tables can be restored.
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
            (&json!("Retain"), &json!("Retain")),
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
