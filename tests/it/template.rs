//! `infra/template.yaml` says what the functions rely on.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::{Map, Value};
use shared::config::{
    CallbackConfig, Config as _, EntitlementsConfig, EntrypointConfig, PartnersConfig, SyncConfig, UnlinkConfig,
};

use shared::metrics::Metric;

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

/// As CloudFormation gets it.
pub(crate) fn transformed(bucket: &str, key: &str) -> Value {
    let output = Command::new(format!("{ROOT}/.venv/sam/bin/python"))
        .args(["-c", include_str!("transform.py"), bucket, key])
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .current_dir(ROOT)
        .output()
        .expect("`make setup` installs .venv/sam");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// A policy's statements, those of a condition too.
fn statements(policy: &Value) -> Vec<Value> {
    let all = list(&policy["PolicyDocument"]["Statement"]).into_iter();
    all.map(|statement| match statement.get("Fn::If") {
        Some(either) => either[1].clone(),
        None => statement,
    })
    .collect()
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
    let codes = runbook
        .split("--code ")
        .skip(1)
        .map(|after| after.split([' ', '`']).next().unwrap());
    for code in codes {
        assert!(
            shared::telemetry::Code::ALL.iter().any(|known| known.as_str() == code),
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
    // Our own: of a log's code, or of what the functions count.
    let single = alarms.values().map(|alarm| {
        let of = |name: &str| alarm.get(name).unwrap_or(&Value::Null);
        (of("Namespace"), of("MetricName"), of("Dimensions"))
    });
    let of_expressions = alarms
        .values()
        .flat_map(|alarm| alarm.get("Metrics").and_then(Value::as_array).into_iter().flatten());
    let of_expressions = of_expressions.map(|part| &part["MetricStat"]["Metric"]);
    let of_expressions =
        of_expressions.map(|metric| (&metric["Namespace"], &metric["MetricName"], &metric["Dimensions"]));
    let own: BTreeSet<_> = single
        .chain(of_expressions)
        .filter(|(namespace, ..)| namespace["Fn::Sub"] == "soa-link/${AWS::StackName}")
        .map(|(_, name, dimensions)| (name.as_str().unwrap(), dimensions[0]["Name"].as_str()))
        .collect();
    for (name, dimension) in &own {
        let measured = Metric::ALL.iter().find(|metric| metric.name() == *name);
        assert!(
            counted.contains(name) || measured.is_some_and(|metric| metric.dimension() == *dimension),
            "{name} {dimension:?}"
        );
    }
    assert!(counted.iter().all(|name| own.contains(&(*name, None))));
    assert!(
        alarms
            .values()
            .all(|alarm| alarm["TreatMissingData"] == "notBreaching" && alarm["AlarmActions"].is_object())
    );
}

/// What the functions count is shown, and what is shown is counted.
#[test]
fn the_dashboard_shows_every_metric_there_is_and_no_other() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let mut shown = BTreeSet::new();
    let metrics = body["widgets"].as_array().unwrap().iter();
    for metric in metrics.flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten()) {
        match metric[0].as_str() {
            Some("soa-link/${AWS::StackName}") => {
                let dimension = metric[2].as_str();
                shown.insert((metric[1].as_str().unwrap().to_owned(), dimension.map(str::to_owned)));
            }
            Some(aws) => assert!(aws.starts_with("AWS/"), "{metric}"),
            None => {
                let search = metric[0]["expression"].as_str().unwrap();
                let of =
                    |before: &str, after: char| search.split(before).nth(1).and_then(|rest| rest.split(after).next());
                assert!(search.contains("\"soa-link/${AWS::StackName}\","), "{search}");
                let name = of("MetricName=\"", '"').unwrap().to_owned();
                shown.insert((name, of("\",", '}').map(str::to_owned)));
            }
        }
    }
    let there_are = Metric::ALL
        .iter()
        .map(|metric| (metric.name().to_owned(), metric.dimension().map(str::to_owned)));
    assert_eq!(shown, there_are.collect());
    let alarms = body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|widget| widget["type"] == "alarm")
        .unwrap();
    let alarms = alarms["properties"]["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arn| arn.as_str().unwrap());
    let alarms: BTreeSet<_> = alarms
        .map(|arn| arn.trim_start_matches("${").trim_end_matches(".Arn}"))
        .collect();
    assert_eq!(
        alarms,
        resources(&template, "AWS::CloudWatch::Alarm").keys().copied().collect()
    );
}

/// The rules hold of what CloudFormation gets, whatever SAM adds.
#[test]
fn what_sam_makes_of_the_template_keeps_the_rules() {
    let template = transformed("bucket", "{}.zip");
    // No action and no resource is "*", but for X-Ray, whose actions know no resources.
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
        assert!(groups[group]["RetentionInDays"].is_object(), "{name}");
        assert_eq!(function["TracingConfig"]["Mode"]["Ref"], "Tracing", "{name}");
        // Each goes over by CodeDeploy, which goes back when an alarm is raised.
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
    // Whatever comes goes to an alias, never to what was deployed last.
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
    // CloudFormation takes no more from S3.
    assert!(template.to_string().len() < 1_000_000);
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
