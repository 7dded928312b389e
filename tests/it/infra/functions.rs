//! Functions and roles of `infra/template.yaml`, and the stages of `infra/samconfig.toml`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::config::{
    CallbackConfig, Config as _, EntitlementsConfig, EntrypointConfig, PartnersConfig, SyncConfig, UnlinkConfig,
};

use crate::support::template::{FUNCTIONS, list, resources, statements, template, told, transformed};

#[test]
fn each_function_is_given_exactly_the_variables_it_reads() {
    let template = template();
    let functions = resources(&template, "AWS::Serverless::Function");
    assert_eq!(
        functions.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(FUNCTIONS)
    );
    let read = [
        EntrypointConfig::variable_names(),
        CallbackConfig::variable_names(),
        UnlinkConfig::variable_names(),
        EntitlementsConfig::variable_names(),
        SyncConfig::variable_names(),
        PartnersConfig::variable_names(),
    ];
    for (function, read) in FUNCTIONS.into_iter().zip(read) {
        let given = functions[function]["Environment"]["Variables"].as_object().unwrap();
        let mut given: BTreeSet<_> = given.keys().map(String::as_str).collect();
        // No function reads it: a change of its value publishes a version.
        assert!(given.remove("FUNCTION_CONFIGURATION"), "{function}");
        assert_eq!(given, read, "{function}");
    }
    let globals = &template["Globals"]["Function"];
    assert!(globals.get("Environment").is_none());
}

/// Roles have named actions on named resources, and the entrypoint cannot read the client secret.
#[test]
fn each_function_has_only_the_permissions_it_needs() {
    let template = template();
    let roles = resources(&template, "AWS::IAM::Role");
    assert_eq!(roles.len(), 7);
    let may = |role: &str| -> BTreeSet<String> {
        let policies = list(&roles[role]["Policies"]);
        let statements = policies.iter().flat_map(statements);
        let mut actions = BTreeSet::new();
        for statement in statements {
            for action in list(&statement["Action"]) {
                let action = action.as_str().unwrap_or_default().to_owned();
                assert!(!action.contains('*'), "{role} {action}");
                let on_secret = statement["Resource"].to_string().contains("ClientSecret");
                actions.insert(if action.contains("GetSecretValue") && on_secret {
                    format!("{action} (client secret)")
                } else {
                    action
                });
            }
        }
        actions
            .into_iter()
            // The next test covers the statements that all roles share.
            .filter(|action| !["logs:", "kms:", "xray:"].iter().any(|of| action.starts_with(of)))
            .collect()
    };
    let set = |actions: &[&str]| {
        actions
            .iter()
            .map(|action| (*action).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        may("EntrypointRole"),
        set(&[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue"
        ])
    );
    assert_eq!(
        may("EntitlementsRole"),
        set(&[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue"
        ])
    );
    assert_eq!(
        may("SyncRole"),
        set(&[
            "dynamodb:DescribeStream",
            "dynamodb:GetItem",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue (client secret)"
        ])
    );
    assert_eq!(
        may("UnlinkRole"),
        set(&[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue (client secret)"
        ])
    );
    assert_eq!(
        may("CallbackRole"),
        set(&[
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue (client secret)"
        ])
    );
    assert_eq!(
        may("PartnersRole"),
        set(&[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue (client secret)"
        ])
    );
}

/// No function writes to another's log, and the KMS key is usable only through DynamoDB and Secrets Manager.
#[test]
fn each_function_writes_only_its_own_log_and_all_share_the_key() {
    let template = template();
    let of = |statement: &Value, services: &[&str]| {
        let actions = statement["Action"].to_string();
        services
            .iter()
            .any(|service| actions.contains(&format!("\"{service}:")))
    };
    let roles = resources(&template, "AWS::IAM::Role");
    for (name, role) in &roles {
        let policies = list(&role["Policies"]);
        let alike: Vec<_> = policies
            .iter()
            .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]))
            .filter(|statement| {
                of(&statement["Fn::If"][1], &["logs", "kms", "xray"]) || of(statement, &["logs", "kms", "xray"])
            })
            .collect();
        if *name == "DeployRole" {
            assert!(alike.is_empty());
            continue;
        }
        let logs = name.replace("Role", "Logs");
        let expected = json!([
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": {"Fn::GetAtt": [logs, "Arn"]}},
            {"Fn::If": [
                "HasTracing",
                {"Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*"},
                {"Ref": "AWS::NoValue"},
            ]},
        ]);
        assert_eq!(Value::from(alike), expected, "{name}");
    }
    let policy = &template["Resources"]["KeyPolicy"];
    assert_eq!(policy["Condition"], "HasKey");
    let functions: BTreeSet<_> = FUNCTIONS
        .iter()
        .map(|function| function.replace("Function", "Role"))
        .collect();
    let attached = list(&policy["Properties"]["Roles"]);
    assert_eq!(
        attached
            .iter()
            .map(|role| role["Ref"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>(),
        functions
    );
    let expected = json!([{
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
        "Resource": {"Ref": "KmsKeyArn"},
        "Condition": {"StringEquals": {"kms:ViaService": [
            {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"},
            {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
        ]}},
    }]);
    assert_eq!(policy["Properties"]["PolicyDocument"]["Statement"], expected);
    for (name, policy) in resources(&template, "AWS::IAM::Policy") {
        let statements = statements(&Value::from(policy.clone()));
        let alike = statements
            .iter()
            .filter(|statement| of(statement, &["logs", "kms", "xray"]))
            .count();
        assert_eq!(alike, usize::from(name == "KeyPolicy"), "{name}");
    }
}

/// The entrypoint consumes pending sign-ins and no pending links. It reads the `OpenID` provider's client secret only if one is configured.
#[test]
fn the_entrypoint_may_consume_sign_ins_but_not_pending_links() {
    let template = template();
    let statements =
        &template["Resources"]["EntrypointRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let statements = statements.as_array().unwrap();
    let update = statements
        .iter()
        .find(|statement| statement["Action"] == "dynamodb:UpdateItem")
        .unwrap();
    let table = serde_json::json!({"Fn::GetAtt": ["PendingLinksTable", "Arn"]});
    assert_eq!(update["Resource"], table);
    let keys = &update["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert_eq!(keys, &serde_json::json!(["sign-in#*"]));
    let policy = &template["Resources"]["ProviderPolicy"];
    assert_eq!(policy["Condition"], "HasProviderSecret");
    assert_eq!(
        policy["Properties"]["Roles"],
        serde_json::json!([{"Ref": "EntrypointRole"}])
    );
    let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Action"], "secretsmanager:GetSecretValue");
    assert_eq!(statements[0]["Resource"], serde_json::json!({"Ref": "ProviderSecret"}));
    // No other policy is attached to a role from outside.
    let attached = resources(&template, "AWS::IAM::Policy");
    assert_eq!(
        attached.keys().copied().collect::<Vec<_>>(),
        ["EventsPolicy", "KeyPolicy", "ProviderPolicy"]
    );
}

/// The settings are global in the template, and no function overrides them.
#[test]
fn each_function_has_an_alias_a_canary_and_reserved_concurrency() {
    let template = template();
    let globals = template["Globals"]["Function"].as_object().unwrap();
    let reserve =
        json!({"Fn::If": ["HasReservedConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]});
    let canary = json!({
        "Type": {"Ref": "Deployment"},
        "Role": {"Fn::GetAtt": ["DeployRole", "Arn"]},
        "Alarms": [{"Ref": "ReleaseFaultyAlarm"}],
    });
    let for_all = [
        ("AutoPublishAlias", json!("live")),
        ("DeploymentPreference", canary),
        ("ReservedConcurrentExecutions", reserve.clone()),
    ];
    for (name, value) in &for_all {
        assert_eq!(&globals[*name], value, "{name}");
    }
    for (function, properties) in resources(&template, "AWS::Serverless::Function") {
        assert!(
            for_all.iter().all(|(name, _)| !properties.contains_key(*name)),
            "{function}"
        );
        // The property would include the reserved concurrency, which is not part of a version.
        assert!(!properties.contains_key("AutoPublishAliasAllProperties"), "{function}");
    }
    let none = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, 0]}]});
    assert_eq!(template["Conditions"]["HasReservedConcurrency"], none);
    // The template after SAM's transform.
    let template = transformed();
    for (name, function) in resources(&template, "AWS::Lambda::Function") {
        assert_eq!(function["ReservedConcurrentExecutions"], reserve, "{name}");
        assert_eq!(
            template["Resources"][format!("{name}Aliaslive")]["Properties"]["Name"],
            "live",
            "{name}"
        );
    }
}

/// `sam deploy --guided` writes to the file, so values that a deployment adds are ignored.
#[test]
fn each_stage_has_its_own_stack_and_tags_and_two_have_a_canary() {
    let stages =
        told("import json, tomlkit; print(json.dumps(tomlkit.parse(open('infra/samconfig.toml').read()).unwrap()))");
    let named = stages
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect::<BTreeSet<_>>();
    assert_eq!(named, BTreeSet::from(["dev", "prod", "staging", "version"]));
    for (stage, canary) in [("dev", false), ("staging", true), ("prod", true)] {
        let (for_all, deploy) = (
            &stages[stage]["global"]["parameters"],
            &stages[stage]["deploy"]["parameters"],
        );
        assert_eq!(for_all["stack_name"], format!("soa-link-{stage}"));
        assert_eq!(deploy["tags"], format!("application=soa-link stage={stage}"));
        assert_eq!(deploy["capabilities"], "CAPABILITY_IAM", "{stage}");
        let overrides = for_all["parameter_overrides"].as_array().into_iter().flatten();
        assert_eq!(
            overrides.clone().any(|one| one == "Deployment=Canary10Percent5Minutes"),
            canary,
            "{stage}"
        );
        // Stages with subscribers require a look at the change set.
        assert_eq!(deploy["confirm_changeset"] == true, canary, "{stage}");
    }
}

/// The rules also hold for the template that CloudFormation gets, with the resources that SAM adds.
#[test]
fn the_transformed_template_keeps_the_rules() {
    let template = transformed();
    // No action and no resource is "*", except for X-Ray, whose actions support no resources.
    let mut of_everything = BTreeSet::new();
    let of_roles = resources(&template, "AWS::IAM::Role").into_iter();
    let of_roles =
        of_roles.flat_map(|(name, role)| list(&role["Policies"]).into_iter().map(move |policy| (name, policy)));
    let attached = resources(&template, "AWS::IAM::Policy").into_iter();
    let attached = attached.map(|(name, policy)| (name, Value::from(policy.clone())));
    for (name, policy) in of_roles.chain(attached) {
        for statement in statements(&policy) {
            let actions = list(&statement["Action"]);
            let actions: Vec<_> = actions
                .iter()
                .map(|action| action.as_str().unwrap().to_owned())
                .collect();
            assert!(actions.iter().all(|action| !action.contains('*')), "{name} {actions:?}");
            if list(&statement["Resource"]).iter().any(|resource| resource == "*") {
                of_everything.insert(actions);
            }
        }
    }
    let xray = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(of_everything, BTreeSet::from([xray]));
    assert!(
        resources(&template, "AWS::IAM::Role")
            .values()
            .all(|role| role.get("ManagedPolicyArns").is_none())
    );

    let functions = resources(&template, "AWS::Lambda::Function");
    assert_eq!(
        functions.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(FUNCTIONS)
    );
    let groups = resources(&template, "AWS::Logs::LogGroup");
    for (name, function) in &functions {
        let group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap();
        assert_eq!(groups[group]["RetentionInDays"], 30, "{name}");
        assert_eq!(function["TracingConfig"]["Mode"], "Active", "{name}");
        // CodeDeploy shifts traffic to each new version and rolls back if an alarm is raised.
        let group = resources(&template, "AWS::CodeDeploy::DeploymentGroup")[format!("{name}DeploymentGroup").as_str()];
        assert_eq!(
            group["AlarmConfiguration"]["Alarms"],
            serde_json::json!([{"Name": {"Ref": "ReleaseFaultyAlarm"}}]),
            "{name}"
        );
        assert!(
            group["AutoRollbackConfiguration"]["Events"]
                .to_string()
                .contains("DEPLOYMENT_STOP_ON_ALARM")
        );
        assert_eq!(
            group["ServiceRoleArn"],
            serde_json::json!({"Fn::GetAtt": ["DeployRole", "Arn"]})
        );
        let alias = &template["Resources"][format!("{name}Aliaslive")];
        assert!(
            alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"].is_object(),
            "{name}"
        );
    }
    // Every event source invokes an alias, never the latest code.
    let aliased = |value: &Value| {
        value["Ref"]
            .as_str()
            .is_some_and(|name| name.ends_with("FunctionAliaslive"))
    };
    for integration in resources(&template, "AWS::ApiGatewayV2::Integration").values() {
        assert!(aliased(&integration["IntegrationUri"]));
    }
    for permission in resources(&template, "AWS::Lambda::Permission").values() {
        assert!(aliased(&permission["FunctionName"]));
    }
    for rule in resources(&template, "AWS::Events::Rule").values() {
        assert!(aliased(&rule["Targets"][0]["Arn"]));
    }
    for stream in resources(&template, "AWS::Lambda::EventSourceMapping").values() {
        assert!(aliased(&stream["FunctionName"]));
    }
    for (name, table) in resources(&template, "AWS::DynamoDB::Table") {
        assert_eq!(table["SSESpecification"]["SSEType"], "KMS", "{name}");
    }
    // CloudFormation's limit for a template in S3.
    assert!(template.to_string().len() < 1_000_000);
}
