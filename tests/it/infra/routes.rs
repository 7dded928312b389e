//! Routes and domain of `infra/template.yaml`, and the description of the routes in `infra/openapi.json`.

use std::{collections::BTreeSet, process::Command};

use serde_json::{Value, json};

use crate::support::{
    World,
    template::{ROOT, resources, template},
};

/// With a certificate the stack serves only the host of `PublicUrl`, and the API's default endpoint is disabled.
#[test]
fn a_certificate_adds_a_domain_and_disables_the_default_endpoint() {
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
        // All other paths. cargo-lambda has no route for another method of a path that it knows.
        if let Some(function) = methods.as_str() {
            assert_eq!(
                (function, ["/", "/{*path}"].contains(&path.as_str())),
                ("entrypoint", true)
            );
            return vec!["$default".to_owned()];
        }
        let methods = methods.as_array().unwrap().clone();
        methods
            .into_iter()
            .map(move |method| format!("{} {path}", method["method"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    router.into_iter().flat_map(of_path).collect()
}

/// The template, the sandbox and `make watch` serve the same routes. Access logs contain no path, query, cookie or header.
#[test]
fn routes_are_explicit_and_logs_expire_and_hold_no_query() {
    let template = template();
    let routes = resources(&template, "AWS::ApiGatewayV2::Route");
    let keys: BTreeSet<_> = routes
        .values()
        .map(|route| route["RouteKey"].as_str().unwrap().to_owned())
        .collect();
    let world = tokio::runtime::Runtime::new().unwrap();
    let served = world.block_on(async {
        let world = World::new().await;
        sandbox::deployment::routes(&world.environment(&[]), &world.clock, &shared::rng::Rng::System)
            .await
            .unwrap()
    });
    let served: BTreeSet<_> = served
        .iter()
        .filter(|route| !route.is_invoked())
        .map(sandbox::Route::key)
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
        let throttle = json!({"$default": {"ThrottlingRateLimit": 2, "ThrottlingBurstLimit": 10}});
        assert_eq!(stage["RouteSettings"], throttle);
    }
    assert!(
        resources(&template, "AWS::ApiGatewayV2::Api")
            .values()
            .all(|api| !api.contains_key("CorsConfiguration"))
    );
}

/// The description has exactly the template's routes, and each reference in it resolves.
#[test]
fn the_openapi_description_matches_the_routes() {
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
    let mut routes: BTreeSet<_> = routes
        .values()
        .map(|route| route["RouteKey"].as_str().unwrap().to_owned())
        .collect();
    let described: Value = serde_json::from_str(include_str!("../../../infra/openapi.json")).unwrap();
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
    // Its responses are described with the other operations: 404, and 405 for another method.
    assert!(routes.remove("$default"));
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
