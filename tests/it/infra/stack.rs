//! A stack of the template in an emulated AWS, after SAM's transform. The functions' own programs run behind its API, its stream and its schedules. Tables,
//! secrets, routes and variables come from the stack alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Response, header},
};
use sandbox::{Addresses, Endpoint, Options, Sandbox, deployment};
use serde_json::{Map, Value, json};
use shared::clock::Clock;
use tokio::net::TcpListener;

use crate::support::{
    Ministack, World, backend_key,
    lambda::bootstrap,
    template::{template, transform},
};

const STACK: &str = "soa-link-test";
const SERVICES: &str = "apigateway,cloudformation,cloudwatch,dynamodb,dynamodbstreams,events,iam,lambda,logs,monitoring,s3,secretsmanager,sqs,sts";

/// An emulated AWS.
struct Aws {
    ministack: Ministack,
    http: reqwest::Client,
}

impl Aws {
    #[expect(clippy::disallowed_methods, reason = "the client of the test, not of a function")]
    async fn start() -> Self {
        Self {
            ministack: Ministack::with(SERVICES).await,
            http: reqwest::Client::new(),
        }
    }

    /// Sends a request with a credential that the emulator accepts without a signature, and returns the body of the answer.
    async fn call(&self, service: &str, request: reqwest::RequestBuilder) -> String {
        let credential = format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request");
        let answer = request.header("authorization", credential).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{service} {status} {text}");
        text
    }

    async fn put(&self, path: &str, content: Vec<u8>) {
        let url = format!("{}/{path}", self.ministack.origin());
        self.call("s3", self.http.put(url).body(content)).await;
    }

    async fn cloudformation(&self, action: &str, parameters: &[(String, String)]) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action)
            .append_pair("Version", "2010-05-15")
            .append_pair("StackName", STACK);
        for (name, value) in parameters {
            form.append_pair(name, value);
        }
        let request = self.http.post(self.ministack.origin()).body(form.finish());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.call("cloudformation", request).await
    }

    /// Runs `soa-link` in this AWS and returns its exit code and its output.
    async fn soa_link(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = tokio::process::Command::new(bootstrap("soa-link"));
        let environment = [
            ("AWS_ENDPOINT_URL", self.ministack.origin()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let output = command
            .args(arguments)
            .env_clear()
            .envs(environment)
            .output()
            .await
            .unwrap();
        let said = [output.stdout, output.stderr]
            .map(|said| String::from_utf8(said).unwrap())
            .concat();
        (output.status.code().unwrap(), said)
    }

    async fn json(&self, service: &str, target: &str, input: &Value) -> Value {
        let request = self.http.post(self.ministack.origin()).header("x-amz-target", target);
        let request = request
            .header("content-type", "application/x-amz-json-1.1")
            .body(input.to_string());
        serde_json::from_str(&self.call(service, request).await).unwrap()
    }
}

/// The deployment package of a function: a ZIP file with its stripped program.
fn zip(function: &str, folder: &Path) -> Vec<u8> {
    let (program, zip) = (folder.join("bootstrap"), folder.join(format!("{function}.zip")));
    let run = |command: &mut Command| assert!(command.status().unwrap().success());
    run(Command::new("strip").arg("-o").arg(&program).arg(bootstrap(function)));
    run(Command::new("python3")
        .args(["-m", "zipfile", "-c"])
        .arg(&zip)
        .arg(&program));
    std::fs::read(zip).unwrap()
}

/// Removes what the emulator does not support: CodeDeploy, alarms of expressions, and the resources that refer to them. It also removes the URL patterns,
/// because the simulated Spotify and the front use plain HTTP.
fn for_the_emulator(mut template: Value) -> Value {
    let resources = template["Resources"].as_object_mut().unwrap();
    resources.retain(|name, resource| {
        let of_expressions = resource["Properties"].get("Metrics").is_some();
        let code_deploy = resource["Type"].as_str().unwrap().starts_with("AWS::CodeDeploy");
        !of_expressions && !code_deploy && !["Dashboard", "DeployRole"].contains(&name.as_str())
    });
    for resource in resources.values_mut() {
        resource.as_object_mut().unwrap().remove("UpdatePolicy");
    }
    for (name, parameter) in template["Parameters"].as_object_mut().unwrap() {
        if name.ends_with("Url") || name.ends_with("Origin") {
            parameter.as_object_mut().unwrap().remove("AllowedPattern");
        }
    }
    template
}

/// The parameter of a variable, such as `SpotifyClientId` for `SPOTIFY_CLIENT_ID`.
fn parameter_of(variable: &str) -> String {
    let words = variable
        .split('_')
        .map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
    words.collect()
}

/// A proxy at `PUBLIC_URL` that forwards requests to the stack's API, with the API's host name.
fn front(listener: TcpListener, origin: String, host: String) {
    let http = reqwest::ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let pass = move |request: Request| {
        let (http, origin, host) = (http.clone(), origin.clone(), host.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            parts.headers.insert(header::HOST, host.parse().unwrap());
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let answer = http
                .request(parts.method, format!("{origin}{}", parts.uri))
                .headers(parts.headers)
                .body(body);
            let answer = answer.send().await.unwrap();
            let mut passed = Response::new(Body::empty());
            *passed.status_mut() = answer.status();
            *passed.headers_mut() = answer.headers().clone();
            passed.headers_mut().remove(header::TRANSFER_ENCODING);
            *passed.body_mut() = Body::from(answer.bytes().await.unwrap());
            passed
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass)).await.unwrap() });
}

async fn within_seconds(seconds: u64, what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(seconds),
            "not within {seconds} s: {what}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployed_stack_links_subscribers_and_syncs_spotify() {
    World::prepare();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public_url = format!("http://{}", listener.local_addr().unwrap());
    let options = deployment::with_secrets(Options {
        gateway: Endpoint::External(public_url.clone()),
        backend_key: backend_key(),
        ..Options::default()
    });
    let sandbox = Sandbox::start(options.clone(), async |_: Addresses| Ok(Vec::new()))
        .await
        .unwrap();
    let world = World::of(sandbox, Clock::System);
    let aws = Aws::start().await;

    aws.put("code", Vec::new()).await;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("stack-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for function in ["entrypoint", "callback", "unlink", "entitlements", "sync", "partners"] {
        aws.put(&format!("code/{function}.zip"), zip(function, &folder)).await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
    // The stack's parameters come from the variables of the sandbox's functions.
    let known = template();
    let given = deployment::variables(&options, world.sandbox.addresses()).into_iter();
    let given = given.map(|(variable, value)| (parameter_of(&variable), value));
    // The parameters of an OpenID provider do not apply to sign-in by session.
    let given: BTreeMap<_, _> = given
        .filter(|(name, _)| known["Parameters"].get(name).is_some() && !name.starts_with("Oidc"))
        .collect();
    let mut parameters: Map<_, _> = given
        .clone()
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    parameters.insert("AWS::StackName".to_owned(), STACK.into());
    let transformed = transform("code", "{}.zip", &[parameters], false).remove(0);
    let template = for_the_emulator(transformed.template);
    aws.put("code/template.json", template.to_string().into_bytes()).await;
    let mut parameters = vec![(
        "TemplateURL".to_owned(),
        format!("{}/code/template.json", aws.ministack.origin()),
    )];
    parameters.push(("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned()));
    for (place, (name, value)) in given.into_iter().enumerate() {
        let member = format!("Parameters.member.{}", place + 1);
        parameters.extend([
            (format!("{member}.ParameterKey"), name),
            (format!("{member}.ParameterValue"), value),
        ]);
    }
    aws.cloudformation("CreateStack", &parameters).await;
    let stack = loop {
        let stack = aws.cloudformation("DescribeStacks", &[]).await;
        if !stack.contains("_IN_PROGRESS</StackStatus>") {
            break stack;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(
        stack.contains("<StackStatus>CREATE_COMPLETE<"),
        "{}",
        aws.cloudformation("DescribeStackEvents", &[]).await
    );
    let outputs: BTreeMap<_, _> = stack
        .split("<OutputKey>")
        .skip(1)
        .map(|output| {
            let (name, rest) = output.split_once("</OutputKey><OutputValue>").unwrap();
            (name.to_owned(), rest.split_once("</OutputValue>").unwrap().0.to_owned())
        })
        .collect();
    assert_eq!(outputs["CallbackUrl"], format!("{public_url}/callback"));

    // The secrets are placeholders until the operator fills them.
    let host = outputs["ApiUrl"].trim_start_matches("http://").to_owned();
    front(listener, aws.ministack.origin().to_owned(), host);
    for (id, of) in [
        ("ClientSecretId", deployment::CLIENT_SECRET_ID),
        ("PartnerKeysId", deployment::PARTNER_KEYS_ID),
    ] {
        let (_, value) = options.secrets.iter().find(|(name, _)| *name == of).unwrap();
        let input = json!({"SecretId": outputs[id], "SecretString": value});
        aws.json("secretsmanager", "secretsmanager.PutSecretValue", &input)
            .await;
    }

    let linked = world.signed_in("ada").link("mara").await;
    assert!(
        linked.status == 302 && linked.location().contains("/oauth/success?"),
        "{}",
        linked.body
    );
    assert_eq!(world.linked("ada").unwrap().1, ["all-access", "basic"]);
    // The first change waits until `register-user` cannot be in flight, and then for the scheduled sweep.
    world.write_entitlements("replace", "ada", &["gold"]).await;
    let heard = |names: &[&str]| world.linked("ada").unwrap().1 == names;
    within_seconds(110, "the scheduled sweep updates Spotify", || heard(&["gold"])).await;
    let has_linked = world.read_entitlements("ada").await;
    assert_eq!(has_linked["link"]["state"], "linked");
    // Later changes are synced at once by the stream.
    world.write_entitlements("add", "ada", &["silver"]).await;
    within_seconds(20, "the stream updates Spotify", || heard(&["gold", "silver"])).await;

    // The emulator's CloudFormation does not enable TTL. `doctor` reports it, and succeeds after TTL is enabled.
    let (code, said) = aws.soa_link(&["doctor", "--stack", STACK]).await;
    assert!(code == 1 && said.matches("FAIL").count() == 1, "{said}");
    assert!(
        said.contains(&format!(
            "FAIL table {}: time to live is off",
            outputs["PendingLinksTableName"]
        )),
        "{said}"
    );
    let ttl = json!({
        "TableName": outputs["PendingLinksTableName"],
        "TimeToLiveSpecification": {"AttributeName": "delete_at", "Enabled": true},
    });
    aws.json("dynamodb", "DynamoDB_20120810.UpdateTimeToLive", &ttl).await;
    let (code, said) = aws.soa_link(&["doctor", "--stack", STACK]).await;
    assert!(code == 0 && !said.contains("FAIL"), "{said}");
    // Lambda writes each log line as a separate event, but the emulator does not, so the test writes two.
    let group = format!("/aws/lambda/{STACK}-callback");
    aws.json(
        "logs",
        "Logs_20140328.CreateLogStream",
        &json!({"logGroupName": group, "logStreamName": "two"}),
    )
    .await;
    let now = Clock::System.now_ms();
    let line = |request_id: &str, code: &str| {
        let line = json!({
            "timestamp": "x", "level": "WARN", "code": code, "message": "said so",
            "span": {"name": "request", "function": "callback", "request_id": request_id, "person": "5b1f3c"},
        });
        json!({"timestamp": now, "message": line.to_string()})
    };
    let lines = json!({
        "logGroupName": group, "logStreamName": "two",
        "logEvents": [line("r-1=", "CALLBACK_CONFLICT"), line("r-2=", "OUT_OF_TIME")],
    });
    aws.json("logs", "Logs_20140328.PutLogEvents", &lines).await;
    let first = "WARN  CALLBACK_CONFLICT said so\n    function=callback person=5b1f3c request_id=r-1=\n";
    for asked in [
        &["r-1="][..],
        &["--code", "CALLBACK_CONFLICT"],
        &["r-1=", "--person", "5b1f3c"],
    ] {
        let (code, said) = aws.soa_link(&[&["logs", "--stack", STACK], asked].concat()).await;
        assert!(
            code == 0 && said.ends_with(first) && !said.contains("r-2="),
            "{asked:?} {said}"
        );
    }
    let (code, said) = aws.soa_link(&["logs", "--stack", STACK, "nobodys"]).await;
    assert!(
        code == 1 && said.contains("No matching lines in the last 1 h"),
        "{said}"
    );
    let (code, _) = aws.soa_link(&["logs", "--stack", STACK, "x\") || ($.a = \""]).await;
    assert_eq!(code, 2);
    let off = json!({"Name": format!("{STACK}-sweep")});
    aws.json("events", "AWSEvents.DisableRule", &off).await;
    let (code, said) = aws.soa_link(&["doctor", "--stack", STACK]).await;
    assert!(
        code == 1 && said.contains(&format!("FAIL schedule {STACK}-sweep: disabled")),
        "{said}"
    );

    // The API serves the routes of the template and no others.
    assert_eq!(world.browser().get("/nowhere").await.status, 404);
    assert_eq!(world.browser().get("/unlink").await.status, 302);
    // The metrics are in the functions' own log groups, under the stack's namespace.
    let mut counted = String::new();
    for function in ["entrypoint", "callback", "sync"] {
        let input =
            json!({"logGroupName": format!("/aws/lambda/{STACK}-{function}"), "filterPattern": "CloudWatchMetrics"});
        counted += &aws
            .json("logs", "Logs_20140328.FilterLogEvents", &input)
            .await
            .to_string();
    }
    for metric in [
        "EntrypointReached",
        "ConsentSent",
        "Registered",
        "Completed",
        "Confirmed",
        "SyncLag",
        "DirtyItems",
    ] {
        assert!(counted.contains(metric), "{metric} in {counted}");
    }
    assert!(counted.contains(&format!("soa-link/{STACK}")));
}
