//! The endpoints ECS offers inside a task: metadata version 4 and the task role's credentials.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::aws::signature;
use crate::fault::Faults;
use crate::http::{Response, Server};

pub const CLUSTER: &str = "shop";
pub const TASK_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub const REGION: &str = "eu-west-1";
pub const TASK_ARN: &str = "arn:aws:ecs:eu-west-1:111122223333:task/shop/0f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// The token the agent hands to a task session, never a real one.
pub const SESSION_TOKEN: &str = "example-session-token";

/// Serves both; plain HTTP on the loopback interface, as AWS allows.
pub struct Metadata {
    server: Server,
    /// The task role's.
    credentials: Arc<Mutex<Value>>,
}

impl Metadata {
    /// A Fargate task of family `shop-web`, revision 7.
    pub fn start() -> Metadata {
        Metadata::with(task())
    }

    pub fn with(task: Value) -> Metadata {
        let credentials = Arc::new(Mutex::new(credentials(signature::ACCESS_KEY, "2099-01-01T00:00:00Z")));
        let given = credentials.clone();
        let server = Server::with(None, Arc::<Faults>::default(), move |request| {
            let json = |value: &Value| {
                Response::new(200, value.to_string()).with("Content-Type", "application/json")
            };
            match request.path.as_str() {
                "/v4/0f1e" => json(&task["Containers"][0]),
                "/v4/0f1e/task" => json(&task),
                "/v2/credentials/0f1e" => json(&given.lock().unwrap_or_else(PoisonError::into_inner)),
                path => Response::new(404, Value::from(format!("no {path} here")).to_string()),
            }
        });
        Metadata { server, credentials }
    }

    /// From now on the role's credentials are these; any other key than the stand-ins' is refused by them.
    pub fn give(&self, access_key: &str, expiration: &str) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) =
            credentials(access_key, expiration);
    }

    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// The variables ECS sets in the container.
    pub fn environment(&self) -> Vec<(String, String)> {
        let url = self.server.url();
        let variables = [
            ("ECS_CONTAINER_METADATA_URI_V4", format!("{url}/v4/0f1e")),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{url}/v2/credentials/0f1e")),
            ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".into()),
            ("AWS_REGION", REGION.into()),
            ("AWS_DEFAULT_REGION", REGION.into()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

fn credentials(access_key: &str, expiration: &str) -> Value {
    json!({
        "RoleArn": "arn:aws:iam::111122223333:role/shop-task",
        "AccessKeyId": access_key,
        "SecretAccessKey": signature::SECRET_KEY,
        "Token": SESSION_TOKEN,
        "Expiration": expiration,
    })
}

/// The document of `/task`, in the shape Fargate gives it.
pub fn task() -> Value {
    let cluster = format!("arn:aws:ecs:{REGION}:111122223333:cluster/{CLUSTER}");
    let container = |name: &str, serial: u32| {
        json!({
            "DockerId": format!("{TASK_ID}-{serial}"), "Name": name, "DockerName": name,
            "Image": format!("111122223333.dkr.ecr.{REGION}.amazonaws.com/{name}:1"), "ImageID": "sha256:00",
            "Labels": {
                "com.amazonaws.ecs.cluster": cluster, "com.amazonaws.ecs.container-name": name,
                "com.amazonaws.ecs.task-arn": TASK_ARN,
                "com.amazonaws.ecs.task-definition-family": "shop-web",
                "com.amazonaws.ecs.task-definition-version": "7"
            },
            "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": 256, "Memory": 512},
            "Type": "NORMAL", "ContainerARN": format!("arn:aws:ecs:{REGION}:111122223333:container/{CLUSTER}/{TASK_ID}/{serial}"),
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.40.3.17"], "PrivateDNSName": "ip-10-40-3-17.eu-west-1.compute.internal"}]
        })
    };
    json!({
        "Cluster": cluster, "TaskARN": TASK_ARN, "Family": "shop-web", "Revision": "7", "ServiceName": "shop-web",
        "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": 0.5, "Memory": 1024},
        "AvailabilityZone": "eu-west-1b", "LaunchType": "FARGATE",
        "Containers": [container("log_router", 1), container("web", 2)]
    })
}
