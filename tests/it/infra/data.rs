//! Tables, secrets and logs of `infra/template.yaml`.

use serde_json::json;

use crate::support::template::{resources, template};

/// All that is kept is under the key of whoever has one.
#[test]
fn each_table_secret_and_log_is_under_your_own_key_where_there_is_one() {
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

/// S-DDB-3, S-DDB-4.
#[test]
fn the_table_is_as_the_store_needs_it() {
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

/// S-DDB-4: what a backend said once is kept, and can be had back.
#[test]
fn what_is_nowhere_else_is_kept() {
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
    // An update that made one of these anew, or wrote to it, would lose what an operator or Secrets Manager has put there.
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
        // Letter for letter: a change of it writes all keys anew, and every subscriber would be somebody else to Spotify.
        let born = json!({
            "SecretStringTemplate": r#"{"site":{"keys":[]},"backend":{"keys":[]}}"#, "GenerateStringKey": "partner_user_id_key",
            "PasswordLength": 64, "ExcludePunctuation": true,
        });
        let born = (name == "PartnerKeys").then_some(&born);
        assert_eq!(secret.get("GenerateSecretString"), born, "{name}");
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

/// S-SEC-1: names and URLs only.
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
