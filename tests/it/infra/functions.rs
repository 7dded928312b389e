//! Functions and roles of `infra/template.yaml`, and the stages of `infra/samconfig.toml`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use shared::config::{
    CallbackConfig, Config as _, EntitlementsConfig, EntrypointConfig, PartnersConfig, SyncConfig, UnlinkConfig,
};

use crate::support::template::{
    FUNCTIONS, list, matches, resources, statements, template, told, transform, transformed,
};

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
            "secretsmanager:GetSecretValue (client secret)",
            "sqs:SendMessage"
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
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue (client secret)"
        ])
    );
}

/// The function `partners` updates no subscriber, and `sync` sends to no other queue.
#[test]
fn operators_update_only_the_guard_and_the_brake_and_sync_sends_to_one_queue() {
    let template = template();
    let of_role = |role: &str| statements(&template["Resources"][role]["Properties"]["Policies"][0]);
    let partners = of_role("PartnersRole");
    let on_subscribers = partners
        .iter()
        .filter(|statement| statement["Resource"] == json!({"Fn::GetAtt": ["SubscribersTable", "Arn"]}));
    let allowed: Vec<_> = on_subscribers
        .map(|statement| {
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            (&statement["Action"], keys.clone())
        })
        .collect();
    let (read, update) = (json!("dynamodb:GetItem"), json!("dynamodb:UpdateItem"));
    assert_eq!(
        allowed,
        [(&read, Value::Null), (&update, json!(["guard#*", "brake#*"]))]
    );
    let send = of_role("SyncRole")
        .into_iter()
        .find(|statement| statement["Action"] == "sqs:SendMessage")
        .unwrap();
    assert_eq!(send["Resource"], json!({"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}));
}

/// CodeDeploy moves only the aliases of this stack. It reads alarms and provisioned concurrency without a limit: `DescribeAlarms` is evaluated on all alarms
/// unless a call names some, and a denied read fails every deployment.
#[test]
fn code_deploy_reads_everything_it_asks_for_and_moves_only_our_aliases() {
    let template = template();
    let aliases = FUNCTIONS.into_iter().flat_map(|function| {
        [
            json!({"Fn::GetAtt": [function, "Arn"]}),
            json!({"Fn::Sub": format!("${{{function}.Arn}}:live")}),
        ]
    });
    let expected = json!([
        {"Effect": "Allow", "Action": ["lambda:GetAlias", "lambda:UpdateAlias"], "Resource": aliases.collect::<Vec<_>>()},
        {"Effect": "Allow", "Action": READ_BY_CODE_DEPLOY, "Resource": "*"},
    ]);
    let policy = &template["Resources"]["DeployRole"]["Properties"]["Policies"][0];
    assert_eq!(policy["PolicyDocument"]["Statement"], expected);
}

/// The read-only actions that CodeDeploy's role has on all resources.
const READ_BY_CODE_DEPLOY: [&str; 2] = ["cloudwatch:DescribeAlarms", "lambda:GetProvisionedConcurrencyConfig"];

/// No function writes to another's log, and the KMS key is usable only through DynamoDB, Secrets Manager and, by `sync`, SQS.
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
        let only_if =
            |condition: &str, statement: Value| json!({"Fn::If": [condition, statement, {"Ref": "AWS::NoValue"}]});
        let mut expected = vec![
            json!({"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": {"Fn::GetAtt": [logs, "Arn"]}}),
        ];
        if *name == "SyncRole" {
            let services = ["dynamodb", "secretsmanager", "sqs"];
            expected.push(only_if("HasKey", use_of_key(&services)));
        }
        let trace = json!({"Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*"});
        expected.push(only_if("HasTracing", trace));
        assert_eq!(alike, expected, "{name}");
    }
    let policy = &template["Resources"]["KeyPolicy"];
    assert_eq!(policy["Condition"], "HasKey");
    // `SyncRole` has its own statement.
    let functions: BTreeSet<_> = FUNCTIONS
        .iter()
        .map(|function| function.replace("Function", "Role"))
        .filter(|role| role != "SyncRole")
        .collect();
    let attached = list(&policy["Properties"]["Roles"]);
    assert_eq!(
        attached
            .iter()
            .map(|role| role["Ref"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>(),
        functions
    );
    let expected = json!([use_of_key(&["dynamodb", "secretsmanager"])]);
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

/// The policy statement that allows the use of the KMS key through these services.
fn use_of_key(services: &[&str]) -> Value {
    let services = services
        .iter()
        .map(|service| json!({"Fn::Sub": format!("{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")}));
    json!({
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
        "Resource": {"Ref": "KmsKeyArn"},
        "Condition": {"StringEquals": {"kms:ViaService": services.collect::<Vec<_>>()}},
    })
}

/// Lambda validates the event source mapping with the permissions of the function's role, so the role must be able to use the key by then. The mapping waits
/// for the alias, and so for the version, the function and its role with its inline policy.
#[test]
fn the_stream_waits_for_the_permission_to_use_the_key() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b";
    let with_key = json!({"KmsKeyArn": key}).as_object().unwrap().clone();
    let results = transform("bucket", "{}.zip", &[with_key, Map::new()], false);
    for (transformed, has_key) in results.iter().zip([true, false]) {
        let all = &transformed.template["Resources"];
        let alias = all["SyncFunctionStream"]["Properties"]["FunctionName"]["Ref"]
            .as_str()
            .unwrap();
        let version = all[alias]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
            .as_str()
            .unwrap();
        let function = all[version]["Properties"]["FunctionName"]["Ref"].as_str().unwrap();
        let role = &all[function]["Properties"]["Role"]["Fn::GetAtt"][0];
        assert_eq!(role, "SyncRole");
        let policies = all["SyncRole"]["Properties"]["Policies"].to_string();
        assert_eq!(policies.contains("sqs.eu-west-1.amazonaws.com"), has_key, "{policies}");
        assert_eq!(policies.contains(key), has_key, "{policies}");
    }
}

/// A failed run is not repeated: the next one does the work, and a repetition would count as another fault in `ReleaseFaultyAlarm`.
#[test]
fn a_failed_run_of_sync_is_not_repeated() {
    let template = transformed();
    let all = &template["Resources"];
    let configurations = resources(&template, "AWS::Lambda::EventInvokeConfig");
    assert_eq!(
        configurations.keys().copied().collect::<Vec<_>>(),
        ["SyncFunctionEventInvokeConfig"]
    );
    let configuration = configurations["SyncFunctionEventInvokeConfig"];
    assert_eq!(configuration["FunctionName"], json!({"Ref": "SyncFunction"}));
    assert_eq!(configuration["MaximumRetryAttempts"], 0);
    assert_eq!(configuration["MaximumEventAgeInSeconds"], 60);
    // The schedules invoke the alias, so the configuration must be the alias's.
    for rule in ["SyncFunctionSweep", "SyncFunctionReconcile"] {
        let alias = all[rule]["Properties"]["Targets"][0]["Arn"]["Ref"].as_str().unwrap();
        assert_eq!(configuration["Qualifier"], all[alias]["Properties"]["Name"], "{rule}");
    }
    // The stream retries, because unsent events exist only there.
    assert_eq!(all["SyncFunctionStream"]["Properties"]["MaximumRetryAttempts"], -1);
}

/// The stream invokes `sync` for individual changes and link checks that no worker has leased, and for results with an event. Bulk changes wait for the sweep.
#[test]
fn the_stream_leaves_bulk_changes_and_leased_subscribers_to_the_sweep() {
    let template = transformed();
    let filters = list(&template["Resources"]["SyncFunctionStream"]["Properties"]["FilterCriteria"]["Filters"]);
    let patterns: Vec<Value> = filters
        .iter()
        .map(|filter| serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(patterns.len(), 2);
    let invokes = |image: Value| {
        let record = json!({"dynamodb": {"NewImage": image}});
        patterns.iter().any(|pattern| matches(pattern, &record))
    };
    assert!(invokes(json!({"dirty": {"S": "3"}, "changed_at": {"N": "1767225600"}})));
    for shard in 0..8 {
        assert!(!invokes(json!({"dirty": {"S": format!("check#{shard}")}})), "{shard}");
        // The lease has removed the mark of the change, and a retry does not set it.
        let leased = json!({"dirty": {"S": shard.to_string()}, "lease_owner": {"S": "a worker"}});
        assert!(!invokes(json!({"dirty": {"S": shard.to_string()}})), "{shard}");
        assert!(!invokes(leased), "{shard}");
        assert!(!invokes(json!({"dirty": {"S": format!("bulk#{shard}")}})), "{shard}");
    }
    assert!(invokes(json!({"events_at": {"N": "1767225600"}})));
    assert!(invokes(
        json!({"events_at": {"N": "1767225600"}, "dirty": {"S": "bulk#0"}})
    ));
    // A call may still be in flight, so the lease stays, and the failure is an event.
    assert!(invokes(
        json!({"events_at": {"N": "1767225600"}, "lease_owner": {"S": "a worker"}})
    ));
    // A subscriber who was compared with Spotify and has not changed.
    assert!(!invokes(json!({"link_state": {"S": "linked"}})));
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
fn each_function_has_an_alias_and_a_canary() {
    let template = template();
    let globals = template["Globals"]["Function"].as_object().unwrap();
    let canary = json!({
        "Type": {"Ref": "Deployment"},
        "Role": {"Fn::GetAtt": ["DeployRole", "Arn"]},
        "Alarms": [{"Ref": "ReleaseFaultyAlarm"}],
    });
    let for_all = [("AutoPublishAlias", json!("live")), ("DeploymentPreference", canary)];
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
    // The template after SAM's transform.
    let template = transformed();
    for name in resources(&template, "AWS::Lambda::Function").keys() {
        assert_eq!(
            template["Resources"][format!("{name}Aliaslive")]["Properties"]["Name"],
            "live",
            "{name}"
        );
    }
}

/// `sync` has its own setting, also where the other functions reserve concurrency. By default none is reserved, because a new account can reserve nothing.
#[test]
fn sync_reserves_concurrency_apart_from_the_other_functions() {
    let reserved = |others: u32, sync: u32| {
        let set = json!({"ReservedConcurrency": others.to_string(), "SyncReservedConcurrency": sync.to_string()});
        set.as_object().unwrap().clone()
    };
    let sets = [Map::new(), reserved(5, 0), reserved(0, 6), reserved(5, 6)];
    let expected = [(0, 0), (5, 0), (0, 6), (5, 6)];
    // A value in `Globals` would apply to `sync` where the first transform has removed its own.
    for with_globals in [false, true] {
        let results = transform("bucket", "{}.zip", &sets, with_globals);
        for (transformed, (others, of_sync)) in results.iter().zip(expected) {
            for (name, function) in &transformed.functions {
                let reserved = function.get("ReservedConcurrentExecutions");
                let reserved = reserved.map(|number| number.to_string().trim_matches('"').to_owned());
                let number = if name == "SyncFunction" { of_sync } else { others };
                assert_eq!(
                    reserved,
                    (number > 0).then(|| number.to_string()),
                    "{name} {with_globals}"
                );
            }
        }
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
    // No action is "*". No resource is "*", except for what CodeDeploy only reads, and for X-Ray, whose actions support no resources.
    let traced = json!({"Tracing": "Active"}).as_object().unwrap().clone();
    let traced = transform("bucket", "{}.zip", &[traced], false).remove(0).template;
    let mut of_everything = BTreeSet::new();
    let of_roles = resources(&traced, "AWS::IAM::Role").into_iter();
    let of_roles =
        of_roles.flat_map(|(name, role)| list(&role["Policies"]).into_iter().map(move |policy| (name, policy)));
    let attached = resources(&traced, "AWS::IAM::Policy").into_iter();
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
    let xray = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];
    let allowed = [READ_BY_CODE_DEPLOY, xray].map(|actions| actions.map(str::to_owned).to_vec());
    assert_eq!(of_everything, BTreeSet::from(allowed));
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
        assert_eq!(function["TracingConfig"]["Mode"], "PassThrough", "{name}");
        // Lambda's own lines about each invocation are left out. Our lines keep the default level.
        assert_eq!(function["LoggingConfig"]["SystemLogLevel"], "WARN", "{name}");
        assert_eq!(function["LoggingConfig"].get("ApplicationLogLevel"), None, "{name}");
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
