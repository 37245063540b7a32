//! What each detector knows, as attributes of the semantic conventions.

use std::collections::HashMap;

use net::Environment;
use net::ecs::Task;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Text(String),
    List(Vec<String>),
}

impl From<&str> for Told {
    fn from(text: &str) -> Told {
        Told::Text(text.to_owned())
    }
}

/// What one detector told.
pub(super) type Found = Vec<(String, Told)>;

/// Attributes in the order they were told; each once.
#[derive(Debug, Default)]
pub(super) struct Detected(Found);

impl Detected {
    /// Who told an attribute first, wins. `chosen` says of single attributes whether they are wanted.
    pub fn add(&mut self, found: &Found, chosen: Option<&HashMap<String, bool>>) {
        for (key, told) in found {
            let wanted = chosen.and_then(|chosen| chosen.get(key)).copied().unwrap_or(true);
            let empty = *told == Told::Text(String::new()) || *told == Told::List(Vec::new());
            if wanted && !empty && !self.0.iter().any(|(known, _)| known == key) {
                self.0.push((key.clone(), told.clone()));
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &(String, Told)> {
        self.0.iter()
    }
}

/// `OTEL_RESOURCE_ATTRIBUTES=key=value,…`, percent-encoded; one bad pair spoils all, as in the Collector.
pub(super) fn env(environment: &Environment) -> Result<Found, String> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let Some(text) = environment.get(name).or(environment.get("OTEL_RESOURCE")) else {
        return Ok(Vec::new());
    };
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').ok_or(format!("{name}: `{pair}` has no `=`"))?;
            let (key, value) = (key.trim(), decode(value.trim()));
            let fits = |text: &str| text.len() <= 256 && text.is_ascii();
            if key.is_empty() || !fits(key) || !fits(&value) {
                return Err(format!("{name}: `{key}` or its value is empty, longer than 256 or not ASCII"));
            }
            Ok((key.to_owned(), Told::Text(value)))
        })
        .collect()
}

/// `%20` and `+` as a query has them.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

pub(super) fn system() -> Found {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    vec![("host.name".into(), name.trim().into()), ("os.type".into(), "linux".into())]
}

pub(super) fn ecs(task: &Task) -> Found {
    let text = |key: &str, value: &str| (key.to_owned(), Told::from(value));
    let (region, account) = (task.region().unwrap_or_default(), task.account().unwrap_or_default());
    let partition = task.task_arn.split(':').nth(1).unwrap_or("aws");
    let cluster = match task.cluster.starts_with("arn:") {
        true => task.cluster.clone(),
        false => format!("arn:{partition}:ecs:{region}:{account}:cluster/{}", task.cluster),
    };
    let launch = task.launch_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut found = vec![
        text("cloud.provider", "aws"),
        text("cloud.platform", "aws_ecs"),
        text("cloud.account.id", account),
        text("cloud.region", region),
        text("cloud.availability_zone", task.availability_zone.as_deref().unwrap_or_default()),
        text("aws.ecs.cluster.arn", &cluster),
        text("aws.ecs.task.arn", &task.task_arn),
        text("aws.ecs.task.id", task.id()),
        text("aws.ecs.task.family", &task.family),
        text("aws.ecs.task.revision", &task.revision),
        text("aws.ecs.launchtype", &launch),
    ];
    found.extend(logs(task, partition, region, account));
    found
}

/// Where the log driver sends the lines of the task's running containers.
fn logs(task: &Task, partition: &str, region: &str, account: &str) -> Found {
    let (mut groups, mut streams) = (Vec::new(), Vec::new());
    let (mut group_arns, mut stream_arns) = (Vec::new(), Vec::new());
    for container in task.document["Containers"].as_array().into_iter().flatten() {
        let is = |key: &str, value: &str| container[key].as_str() == Some(value);
        if !is("Type", "NORMAL") || !is("KnownStatus", "RUNNING") || !is("LogDriver", "awslogs") {
            continue;
        }
        let option = |key: &str| container["LogOptions"][key].as_str().map(str::to_owned);
        let region = option("awslogs-region").unwrap_or_else(|| region.to_owned());
        let Some(group) = option("awslogs-group") else { continue };
        let arn = format!("arn:{partition}:logs:{region}:{account}:log-group:{group}");
        if let Some(stream) = container["LogOptions"]["awslogs-stream"].as_str().map(str::to_owned) {
            stream_arns.push(format!("{arn}:log-stream:{stream}"));
            streams.push(stream);
        }
        if !groups.contains(&group) {
            groups.push(group);
            group_arns.push(arn);
        }
    }
    let lists = [
        ("aws.log.group.names", groups),
        ("aws.log.group.arns", group_arns),
        ("aws.log.stream.names", streams),
        ("aws.log.stream.arns", stream_arns),
    ];
    lists.into_iter().map(|(key, list)| (key.to_owned(), Told::List(list))).collect()
}
