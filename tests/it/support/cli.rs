//! The `soa-link` command, run as an operator runs it, with a temporary folder.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use sandbox::deployment;
use serde_json::Value;
use shared::{
    aws::AwsConfig,
    http_client::HttpClient,
    partner::{PartnerId, PartnerUserId},
    store::{Subscriber, Subscribers},
};
use tokio::process::Command;

use crate::support::{World, lambda::bootstrap};

/// A world, and a temporary folder for the command's files.
pub(crate) struct CliHarness {
    pub(crate) world: World,
    pub(crate) folder: PathBuf,
    pub(crate) subscribers: Subscribers,
    pub(crate) partner_id: PartnerId,
}

impl Drop for CliHarness {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl CliHarness {
    pub(crate) async fn new(name: &str) -> Self {
        let world = World::new().await;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("roster-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let dynamodb = AwsConfig::from_env(&world.environment(&[]))
            .unwrap()
            .dynamodb(&HttpClient::new().unwrap());
        let partner_id = PartnerId::parse(&world.sandbox.options().partner_id).unwrap();
        Self {
            world,
            folder,
            subscribers: Subscribers::new(dynamodb, deployment::SUBSCRIBERS_TABLE.to_owned()),
            partner_id,
        }
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let addresses = self.world.sandbox.addresses();
        let mut command = Command::new(bootstrap("soa-link"));
        command
            .args(arguments)
            .env_clear()
            .envs([
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "sandbox"),
                ("AWS_SECRET_ACCESS_KEY", "sandbox"),
                ("AWS_ENDPOINT_URL_DYNAMODB", &addresses.dynamodb),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &addresses.secrets),
                ("AWS_ENDPOINT_URL_LAMBDA", &addresses.gateway),
                ("SUBSCRIBERS_TABLE", deployment::SUBSCRIBERS_TABLE),
                ("PARTNER_ID", self.partner_id.as_str()),
                ("PARTNERS_FUNCTION", deployment::PARTNERS_FUNCTION),
            ])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Runs the command. Returns the exit code, and standard output followed by standard error.
    pub(crate) async fn says(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        let said = [output.stdout, output.stderr]
            .map(|said| String::from_utf8(said).unwrap())
            .concat();
        (output.status.code().unwrap(), said)
    }

    /// Runs `import --json`. Returns the first JSON line, the diff.
    pub(crate) async fn diff(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["import", "--json"], arguments].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(
            text.lines()
                .next()
                .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr))),
        )
        .unwrap()
    }

    pub(crate) async fn get(&self, n: usize) -> Subscriber {
        let person = PartnerUserId::parse(&id(n)).unwrap();
        self.subscribers.get(&self.partner_id, &person).await.unwrap()
    }

    pub(crate) async fn hears(&self, n: usize) -> String {
        self.get(n).await.entitlements.iter().collect::<Vec<_>>().join(" ")
    }

    pub(crate) async fn has(&self, n: usize, names: &[&str]) {
        let person = PartnerUserId::parse(&id(n)).unwrap();
        super::set_entitlements(&self.subscribers, &self.partner_id, &person, names, 1).await;
    }
}

pub(crate) fn id(n: usize) -> String {
    format!("{n:032x}")
}

pub(crate) fn csv(rows: &[(usize, &str)]) -> String {
    let mut csv = "partner_user_id,entitlements\n".to_owned();
    for (n, names) in rows {
        csv.extend([&id(*n), ",", names, "\n"]);
    }
    csv
}
