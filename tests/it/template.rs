//! `infra/template.yaml` says what the functions rely on.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Map, Value, json};
use shared::config::{
    CallbackConfig, Config as _, EntitlementsConfig, EntrypointConfig, PartnersConfig, SyncConfig, UnlinkConfig,
};

use shared::telemetry::metrics::Metric;

use crate::world::World;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The template as JSON, its short forms (`!Ref`) written out, by the decoder of cfn-lint.
pub(crate) fn template() -> Value {
    told(
        "import json; from cfnlint.decode import decode; t, errors = decode('infra/template.yaml'); assert not errors, errors; print(json.dumps(t))",
    )
}

/// The JSON that a script writes, by the Python of SAM.
fn told(script: &str) -> Value {
    let python = format!("{ROOT}/.venv/sam/bin/python");
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(ROOT)
        .output()
        .expect("`make setup` installs .venv/sam");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The template as it is after its transforms, with one set of parameters.
pub(crate) struct Transformed {
    /// What CloudFormation makes resources of.
    pub(crate) template: Value,
    /// Each function's properties, with every parameter and condition resolved.
    pub(crate) functions: BTreeMap<String, Value>,
}

/// The template as it is after its transforms, for each set of parameters. `with_globals`: whether the first transform resolves `Globals` too.
pub(crate) fn transform(
    bucket: &str,
    key: &str,
    parameters: &[Map<String, Value>],
    with_globals: bool,
) -> Vec<Transformed> {
    let asked = json!({"bucket": bucket, "key": key, "parameters": parameters, "globals": with_globals});
    let mut python = Command::new(format!("{ROOT}/.venv/sam/bin/python"))
        .args(["-c", include_str!("transform.py")])
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .current_dir(ROOT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`make setup` installs .venv/sam");
    python
        .stdin
        .take()
        .unwrap()
        .write_all(asked.to_string().as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Vec<Map<String, Value>> = serde_json::from_slice(&output.stdout).unwrap();
    let results = results.into_iter().map(|mut result| Transformed {
        template: result.remove("template").unwrap(),
        functions: result["functions"].as_object().unwrap().clone().into_iter().collect(),
    });
    results.collect()
}

/// As CloudFormation gets it, with the parameters' defaults.
fn transformed() -> Value {
    transform("bucket", "{}.zip", &[Map::new()], false).remove(0).template
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
        let mut given: BTreeSet<_> = given.keys().map(String::as_str).collect();
        // It is there to publish a version when it changes.
        assert!(given.remove("FUNCTION_CONFIGURATION"), "{function}");
        assert_eq!(given, read, "{function}");
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
            // What all have alike is in the next test.
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

/// Nobody writes into another's log, and the key is used by way of DynamoDB and Secrets Manager alone.
#[test]
fn each_function_writes_its_own_log_and_traces_and_all_may_use_the_key_alike() {
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
        .map(|after| after.split([' ', '\n', '`']).next().unwrap());
    for code in codes {
        assert!(
            shared::telemetry::Code::ALL.iter().any(|known| known.as_str() == code),
            "{code}"
        );
    }
}

/// Whoever is paged by 5xx looks a code up and finds what to do. Which codes those are stands where each problem gets its status: without a status of the asker's beside it
/// a code is one of ours.
#[test]
fn the_runbook_knows_every_code_that_is_answered_5xx() {
    use shared::telemetry::Code;
    const THEIRS: [&str; 7] = [
        "BAD_REQUEST",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "CONFLICT",
        "PAYLOAD_TOO_LARGE",
    ];
    let read = |file: &str| std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let source = read("shared/src/http/problem.rs");
    let (_, verdicts) = source.split_once("fn verdict(problem: &Problem)").unwrap();
    let verdicts = verdicts.replace("StatusCode::", "status ");
    let mut parts = verdicts.split("Code::");
    let mut before = parts.next().unwrap();
    let mut answered = BTreeSet::new();
    for part in parts {
        let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
        let theirs = THEIRS.iter().any(|status| before.contains(&format!("status {status}")));
        if !theirs && let Some(code) = Code::ALL.iter().find(|code| format!("{code:?}") == name) {
            answered.insert(code.as_str());
        }
        before = part;
    }
    let cells = |line: &str| -> Vec<String> {
        line.split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ', '`']).to_owned())
            .collect()
    };
    // What partners read says the same.
    let page = read("functions/README.md");
    let rows = page.lines().filter(|line| line.starts_with("| 5")).map(cells);
    let told: BTreeSet<_> = rows.map(|cells| cells[2].clone()).collect();
    assert_eq!(told, answered.iter().map(|code| (*code).to_owned()).collect());

    let runbook = read("infra/RUNBOOK.md");
    let (_, section) = runbook.split_once("\n## ApiErrors\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(cells);
    let known: BTreeSet<_> = rows.map(|cells| cells[0].clone()).collect();
    for code in &answered {
        assert!(known.contains(*code), "{code}");
    }
    // These are logged beside them.
    for code in ["PARTNER_SETTINGS_UNUSABLE", "FUNCTION_NOT_STARTED"] {
        assert!(known.contains(code), "{code}");
    }
    for code in &known {
        assert!(Code::ALL.iter().any(|one| one.as_str() == code), "{code}");
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
    for folder in ["tests/it", "functions", "shared/src", "infra/cli/src"] {
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
    for (name, alarm) in &alarms {
        // Where nothing is counted nothing is wrong, but where that is what the alarm is of: the sweep notes a value each minute, and a run that is not there none.
        let missing = if *name == "SyncSilentAlarm" {
            "breaching"
        } else {
            "notBreaching"
        };
        assert_eq!(alarm["TreatMissingData"], missing, "{name}");
    }
}

/// An event's alarm ends by itself after a minute, and what it tells of goes on: whoever was told of its end would think that all is well.
#[test]
fn each_alarm_tells_of_its_end_but_those_of_single_events() {
    let template = template();
    let topic = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    let mut silent = BTreeSet::new();
    for (name, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"], topic, "{name}");
        match alarm.get("OKActions") {
            Some(told) => assert_eq!(told, &topic, "{name}"),
            None => assert!(silent.insert(name)),
        }
    }
    let of_single_events = ["GuardHeldAlarm", "LinksLostAlarm", "PartnerUncertainAlarm"];
    assert_eq!(silent, BTreeSet::from(of_single_events));
    let runbook = std::fs::read_to_string(format!("{ROOT}/infra/RUNBOOK.md")).unwrap();
    for name in of_single_events {
        let heading = format!("\n## {}\n", name.trim_end_matches("Alarm"));
        let section = runbook.split(&heading).nth(1).unwrap().split("\n## ").next().unwrap();
        let words = section.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("The alarm ends by itself"), "{name}");
    }
}

/// Runs that are not there count nothing, and fail at nothing.
#[test]
fn a_sync_that_does_not_run_raises_an_alarm() {
    let alarm = &template()["Resources"]["SyncSilentAlarm"]["Properties"];
    let expected = json!({
        "MetricName": Metric::DirtyItems.name(), "Statistic": "SampleCount", "ComparisonOperator": "LessThanThreshold", "Threshold": 1,
        "Period": 300, "EvaluationPeriods": 2, "DatapointsToAlarm": 2, "TreatMissingData": "breaching",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&alarm[name], value, "{name}");
    }
    assert_eq!(alarm.get("Dimensions"), None);
}

/// A canary goes back by the first of these; the second says that Lambda refuses to run one.
#[test]
fn the_alarms_of_functions_leave_none_out() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let summed = |alarm: &str| {
        let parts = list(&alarms[alarm]["Metrics"]);
        assert_eq!(parts[0]["Expression"], "SUM(METRICS())", "{alarm}");
        let metrics = parts[1..].iter().map(|part| {
            let metric = &part["MetricStat"]["Metric"];
            let of = metric["Dimensions"][0]["Value"]["Ref"].as_str().unwrap_or_default();
            (metric["MetricName"].as_str().unwrap().to_owned(), of.to_owned())
        });
        metrics.collect::<BTreeSet<_>>()
    };
    let of_each = |metric: &str| FUNCTIONS.map(|function| (metric.to_owned(), function.to_owned()));
    let mut faults = BTreeSet::from(of_each("Errors"));
    faults.insert((Metric::Faults.name().to_owned(), String::new()));
    assert_eq!(summed("ReleaseFaultyAlarm"), faults);
    assert_eq!(summed("ThrottledAlarm"), BTreeSet::from(of_each("Throttles")));
}

/// Said once for all functions, and otherwise for none.
#[test]
fn each_function_has_an_alias_a_canary_and_its_reserve() {
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
        // It would count the reserved concurrency, which a version does not hold.
        assert!(!properties.contains_key("AutoPublishAliasAllProperties"), "{function}");
    }
    let none = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, 0]}]});
    assert_eq!(template["Conditions"]["HasReservedConcurrency"], none);
    // What SAM makes of it.
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

/// With a certificate the stack serves the host of `PublicUrl`, and nothing else: the API's own address answers no more.
#[test]
fn a_certificate_alone_makes_a_domain_and_turns_the_own_address_off() {
    let template = template();
    let given = |parameter: &str| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]});
    assert_eq!(template["Conditions"]["HasDomain"], given("CertificateArn"));
    let rule = json!({
        "RuleCondition": given("CertificateArn"),
        "Assertions": [{"Assert": given("PublicUrl"), "AssertDescription": "CertificateArn needs PublicUrl."}],
    });
    assert_eq!(template["Rules"]["Certificate"], rule);
    let all = &template["Resources"];
    assert_eq!(
        all["Api"]["Properties"]["DisableExecuteApiEndpoint"],
        json!({"Fn::If": ["HasDomain", true, false]})
    );
    let domain = json!({
        "Type": "AWS::ApiGatewayV2::DomainName", "Condition": "HasDomain",
        "Properties": {
            "DomainName": {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::Sub": "${PublicUrl}//"}]}]},
            "DomainNameConfigurations": [
                {"CertificateArn": {"Ref": "CertificateArn"}, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"},
            ],
        },
    });
    assert_eq!(all["ApiDomain"], domain);
    let mapping = json!({
        "Type": "AWS::ApiGatewayV2::ApiMapping", "Condition": "HasDomain",
        "Properties": {"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": "ApiDomain"}, "Stage": {"Ref": "ApiStage"}},
    });
    assert_eq!(all["ApiDomainMapping"], mapping);
}

/// The file is written to by `sam deploy --guided`: what a deployment adds is its own.
#[test]
fn each_stage_is_a_stack_of_its_own_with_its_tags_and_two_have_a_canary() {
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
        // Where people are served somebody looks at what will change.
        assert_eq!(deploy["confirm_changeset"] == true, canary, "{stage}");
    }
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
    let template = transformed();
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
        assert_eq!(groups[group]["RetentionInDays"], 30, "{name}");
        assert_eq!(function["TracingConfig"]["Mode"], "Active", "{name}");
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

/// The seconds of a constant that only its module knows.
fn seconds(file: &str, constant: &str) -> u64 {
    let source = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let said = source
        .split(&format!("const {constant}: Duration = Duration::from_secs("))
        .nth(1);
    said.and_then(|rest| rest.split(')').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{constant} of {file}"))
}

/// S-OPS-4: connect 1 s < call 3 s < answer 9 s < function 10 s < API. Those that no API waits for take longer, and nest in who waits for them.
#[test]
fn time_limits_nest() {
    let template = template();
    let timeouts: BTreeMap<_, _> = resources(&template, "AWS::Serverless::Function")
        .into_iter()
        .filter_map(|(name, function)| Some((name, function.get("Timeout")?.as_u64()?)))
        .collect();
    assert_eq!(
        timeouts,
        BTreeMap::from([("PartnersFunction", 90), ("SyncFunction", 300)])
    );
    let function = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert_eq!(function, 10);
    let call = shared::outbound::CALL.as_secs();
    let answer = seconds("shared/src/http/serve.rs", "LONGEST");
    assert!(seconds("shared/src/outbound.rs", "CONNECT") < call && call * 3 <= answer && answer < function);
    for integration in resources(&template, "AWS::ApiGatewayV2::Integration").values() {
        let integration = integration["TimeoutInMillis"].as_u64().unwrap();
        assert!(function * 1000 < integration && integration < 30_000);
    }
    // A run takes people in hand until it ends, and a person for as long as the lease; it has ended when the schedule begins the next round.
    let reserve = seconds("shared/src/worker.rs", "RESERVE");
    let lease = u64::try_from(shared::store::LEASE).unwrap();
    assert!(call * 3 < lease && lease + reserve < timeouts["SyncFunction"]);
    let schedule =
        &template["Resources"]["SyncFunction"]["Properties"]["Events"]["Reconcile"]["Properties"]["Schedule"];
    assert_eq!(schedule, "rate(5 minutes)");
    assert!(timeouts["SyncFunction"] <= 5 * 60);
    // The longest that operators ask for is a logo: a token, the picture fetched, and handed on.
    let logo =
        call + seconds("functions/partners/src/lib.rs", "FETCH") + seconds("shared/src/spotify/partners.rs", "UPLOAD");
    assert!(logo + reserve < timeouts["PartnersFunction"]);
    assert!(timeouts["PartnersFunction"] < seconds("shared/src/outbound.rs", "PATIENT"));
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
