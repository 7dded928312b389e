//! `infra/template.yaml` says what the functions rely on.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::{Map, Value};
use shared::config::{
    CallbackConfig, Config as _, EntitlementsConfig, EntrypointConfig, PartnersConfig, SyncConfig, UnlinkConfig,
};

use crate::world::World;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The template as JSON, its short forms (`!Ref`) written out, by the decoder of cfn-lint.
fn template() -> Value {
    let script = "import json; from cfnlint.decode import decode; t, errors = decode('infra/template.yaml'); assert not errors, errors; print(json.dumps(t))";
    let python = format!("{ROOT}/.venv/sam/bin/python");
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(ROOT)
        .output()
        .expect("`make setup` installs .venv/sam");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn resources<'a>(template: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Map<String, Value>> {
    let all = template["Resources"].as_object().unwrap();
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind
        .map(|(name, resource)| (name.as_str(), resource["Properties"].as_object().unwrap()))
        .collect()
}

const FUNCTIONS: [&str; 6] = [
    "EntrypointFunction",
    "CallbackFunction",
    "UnlinkFunction",
    "EntitlementsFunction",
    "SyncFunction",
    "PartnersFunction",
];

#[test]
fn each_function_is_given_exactly_the_variables_it_reads() {
    let template = template();
    let functions = resources(&template, "AWS::Serverless::Function");
    assert_eq!(
        functions.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(FUNCTIONS)
    );
    let read = [
        EntrypointConfig::variables(),
        CallbackConfig::variables(),
        UnlinkConfig::variables(),
        EntitlementsConfig::variables(),
        SyncConfig::variables(),
        PartnersConfig::variables(),
    ];
    for (function, read) in FUNCTIONS.into_iter().zip(read) {
        let given = functions[function]["Environment"]["Variables"].as_object().unwrap();
        assert_eq!(
            given.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            read,
            "{function}"
        );
    }
    let globals = &template["Globals"]["Function"];
    assert!(globals.get("Environment").is_none());
}

/// S-OPS-1: named actions on named resources; the entrypoint cannot read the client secret.
#[test]
fn each_function_may_do_what_it_does_and_nothing_else() {
    let template = template();
    let roles = resources(&template, "AWS::IAM::Role");
    assert_eq!(roles.len(), 6);
    let may = |role: &str| -> BTreeSet<String> {
        let statements = roles[role]["Policies"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
        let mut actions = BTreeSet::new();
        for statement in statements {
            let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for resource in list(&statement["Resource"]) {
                assert_ne!(resource, "*", "{role}");
            }
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
            .filter(|action| !action.starts_with("logs:") && !action.starts_with("kms:"))
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

/// The entrypoint claims pending sign-ins, and of the pending links none; it reads the client secret at the `OpenID` provider only where there is one.
#[test]
fn the_entrypoint_may_sign_people_in_and_link_nobody() {
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
    // These, and no other policy, are attached to roles from outside.
    let attached = resources(&template, "AWS::IAM::Policy");
    assert_eq!(
        attached.keys().copied().collect::<Vec<_>>(),
        ["EventsPolicy", "KeyPolicy", "ProviderPolicy"]
    );
}

/// Whoever is paged finds what to do.
#[test]
fn each_alarm_has_a_heading_in_the_runbook_and_each_heading_an_alarm() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let named: BTreeSet<_> = alarms
        .keys()
        .map(|name| name.trim_end_matches("Alarm").to_owned())
        .collect();
    let runbook = std::fs::read_to_string(format!("{ROOT}/infra/RUNBOOK.md")).unwrap();
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    assert_eq!(named, headings.map(str::to_owned).collect());
    for (heading, text) in runbook
        .split("\n## ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap())
    {
        for part in ["**You see**", "**Why**", "**Do**", "**It worked**"] {
            assert!(text.contains(part), "{heading} {part}");
        }
    }
    for code in runbook
        .split("logs ")
        .skip(1)
        .filter_map(|after| after.split([' ', '`', '"']).nth(1))
    {
        let known = |known: &&shared::telemetry::Code| known.as_str() == code;
        assert!(
            !code.contains('_') || shared::telemetry::Code::ALL.iter().any(|code| known(&code)),
            "{code}"
        );
    }
}

/// What the threat model says is shown is shown: each test that it names is there.
#[test]
fn each_test_that_the_threat_model_names_is_there() {
    fn sources(folder: &std::path::Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for folder in ["tests/it", "shared/src", "infra/cli/src"] {
        sources(&std::path::Path::new(ROOT).join(folder), &mut all);
    }
    let model = std::fs::read_to_string(format!("{ROOT}/SECURITY.md")).unwrap();
    let mut rows = 0;
    for row in model
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        rows += 1;
        for name in shown_by.split(", ").map(|name| name.trim_matches('`')) {
            assert!(
                all.contains(&format!("fn {name}("))
                    || all.contains(&format!("        {name}\n"))
                    || all.contains(&format!("        {name},")),
                "{name}"
            );
        }
    }
    assert!(rows > 10);
}

/// An alarm that counts a log's code counts one that there is, and whoever is paged by it is told.
#[test]
fn each_alarm_is_of_something_that_can_happen() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let filters = resources(&template, "AWS::Logs::MetricFilter");
    let counted: BTreeSet<_> = filters
        .values()
        .map(|filter| {
            let pattern = filter["FilterPattern"].as_str().unwrap();
            if let Some((_, code)) = pattern.split_once("$.code = \"") {
                let code = code.split('"').next().unwrap();
                assert!(
                    shared::telemetry::Code::ALL.iter().any(|known| known.as_str() == code),
                    "{code}"
                );
            }
            filter["MetricTransformations"][0]["MetricName"].as_str().unwrap()
        })
        .collect();
    let own: BTreeSet<_> = alarms
        .values()
        .filter(|alarm| alarm["Namespace"] != "AWS/Lambda")
        .map(|alarm| alarm["MetricName"].as_str().unwrap())
        .collect();
    assert_eq!(counted, own);
    assert!(
        alarms
            .values()
            .all(|alarm| alarm["TreatMissingData"] == "notBreaching" && alarm["AlarmActions"].is_object())
    );
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
        let table = tables[name];
        assert_eq!(table["DeletionProtectionEnabled"], true);
        let recovery = &table["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
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

/// The routes of `make watch`.
fn watched() -> BTreeSet<String> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let router = metadata["metadata"]["lambda"]["watch"]["router"]
        .as_object()
        .unwrap()
        .clone();
    let of_path = |(path, methods): (String, Value)| {
        let methods = methods.as_array().unwrap().clone();
        methods
            .into_iter()
            .map(move |method| format!("{} {path}", method["method"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    router.into_iter().flat_map(of_path).collect()
}

/// S-OPS-3, S-LOG-3.
#[test]
fn routes_are_explicit_and_logs_end_and_have_no_query() {
    let template = template();
    let routes = resources(&template, "AWS::ApiGatewayV2::Route");
    let keys: BTreeSet<_> = routes
        .values()
        .map(|route| route["RouteKey"].as_str().unwrap().to_owned())
        .collect();
    let world = tokio::runtime::Runtime::new().unwrap();
    let served = world.block_on(async {
        let world = World::new().await;
        sandbox::bundle::routes(&world.environment(&[]), &world.clock, &shared::chance::Chance::System)
            .await
            .unwrap()
    });
    let served: BTreeSet<_> = served
        .iter()
        .filter(|route| !route.is_invoked())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(keys, served);
    assert_eq!(watched(), served);
    let groups = resources(&template, "AWS::Logs::LogGroup");
    assert_eq!(groups.len(), 7);
    assert!(groups.values().all(|group| group.contains_key("RetentionInDays")));
    for stage in resources(&template, "AWS::ApiGatewayV2::Stage").values() {
        let format = stage["AccessLogSettings"]["Format"].as_str().unwrap().to_lowercase();
        assert!(
            !["$context.path", "query", "cookie", "authorization\"", "header"]
                .iter()
                .any(|word| format.contains(word)),
            "{format}"
        );
        assert!(stage["DefaultRouteSettings"]["ThrottlingRateLimit"].is_object());
    }
    assert!(
        resources(&template, "AWS::ApiGatewayV2::Api")
            .values()
            .all(|api| !api.contains_key("CorsConfiguration"))
    );
}

/// The description of the routes has exactly those that there are, and points at nothing that is not in it.
#[test]
fn the_openapi_description_is_of_the_routes_there_are() {
    fn references<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                all.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, all));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, all)),
            _ => {}
        }
    }
    let template = template();
    let routes = resources(&template, "AWS::ApiGatewayV2::Route");
    let routes: BTreeSet<_> = routes
        .values()
        .map(|route| route["RouteKey"].as_str().unwrap().to_owned())
        .collect();
    let described: Value = serde_json::from_str(include_str!("../../infra/openapi.json")).unwrap();
    let (mut operations, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.insert(format!("{} {path}", method.to_uppercase()));
            assert!(
                names.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{path}"
            );
        }
    }
    assert_eq!(operations, routes);
    let mut all = Vec::new();
    references(&described, &mut all);
    for reference in all {
        assert!(
            described.pointer(reference.trim_start_matches('#')).is_some(),
            "{reference}"
        );
    }
}

/// S-OPS-4: connect 1 s < call 3 s < answer 9 s < function 10 s < API.
#[test]
fn time_limits_nest() {
    let template = template();
    let function = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert_eq!(function, 10);
    assert!(shared::outbound::CALL.as_secs() * 2 < function);
    for integration in resources(&template, "AWS::ApiGatewayV2::Integration").values() {
        let integration = integration["TimeoutInMillis"].as_u64().unwrap();
        assert!(function * 1000 < integration && integration < 30_000);
    }
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
