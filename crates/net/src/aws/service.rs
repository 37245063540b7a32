//! Which host answers for a service in a region, as the AWS SDKs would choose it.
//!
//! The rules are those of the endpoint rule sets that botocore ships, reduced to the formula they share
//! and its exceptions; the table in the tests was generated from them.

use crate::Environment;

use super::profile::Profiles;

/// One service in one region, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name in signatures, such as `logs`.
    pub name: String,
    pub region: String,
    /// Without a trailing slash, such as `https://logs.eu-west-1.amazonaws.com`.
    pub endpoint: String,
    /// The endpoint was set by the user, so S3 buckets go into the path.
    pub is_custom: bool,
    /// What programs call themselves: ours, and what the init image adds.
    pub(super) user_agent: String,
}

struct Partition {
    region_prefix: &'static str,
    suffix: &'static str,
    dual_stack_suffix: &'static str,
}

const PARTITIONS: &[Partition] = &[
    Partition {
        region_prefix: "cn-",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
    },
    Partition { region_prefix: "us-isob-", suffix: "sc2s.sgov.gov", dual_stack_suffix: "api.aws.scloud" },
    Partition {
        region_prefix: "us-isof-",
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
    },
    Partition { region_prefix: "us-iso-", suffix: "c2s.ic.gov", dual_stack_suffix: "api.aws.ic.gov" },
    Partition {
        region_prefix: "eu-isoe-",
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        region_prefix: "eusc-",
        suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
    },
    Partition { region_prefix: "", suffix: "amazonaws.com", dual_stack_suffix: "api.aws" },
];

/// Services whose ordinary GovCloud endpoint is the FIPS one.
const GOV_FIPS_IS_ORDINARY: &[&str] = &[
    "appconfigdata",
    "dynamodb",
    "ec2",
    "events",
    "kinesis",
    "logs",
    "monitoring",
    "sns",
    "sqs",
    "ssm",
    "sts",
];

/// Services named otherwise in `AWS_ENDPOINT_URL_<SERVICE>` than in signatures and hosts.
const SERVICE_IDS: &[(&str, &str)] = &[
    ("events", "EVENTBRIDGE"),
    ("logs", "CLOUDWATCH_LOGS"),
    ("monitoring", "CLOUDWATCH"),
    ("secretsmanager", "SECRETS_MANAGER"),
];

impl Service {
    pub fn new(name: &str, region: &str, environment: &Environment) -> Service {
        let custom = custom_endpoint(name, environment);
        let is_custom = custom.is_some();
        let endpoint = custom.unwrap_or_else(|| format!("https://{}", host(name, region, environment)));
        let mut user_agent = concat!("outrigger/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(suffix) = environment.get("FLB_AWS_USER_AGENT") {
            user_agent = format!("{user_agent} {suffix}");
        }
        Service { name: name.into(), region: region.into(), endpoint, is_custom, user_agent }
    }

    /// The same service at an address of the user's, such as an option `endpoint`. A bare host gets `https://`.
    pub fn with_endpoint(mut self, endpoint: &str) -> Service {
        self.endpoint = tidy(endpoint);
        self.is_custom = true;
        self
    }

    pub fn host(&self) -> &str {
        let rest = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    pub(super) fn is_s3(&self) -> bool {
        self.name == "s3"
    }
}

/// The region from the variables or the profile. The task's own metadata and IMDS are the caller's to ask.
pub fn region(environment: &Environment) -> Option<String> {
    let set = environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).map(str::to_owned);
    set.or_else(|| Profiles::read(environment).selected()?.region.clone())
}

fn custom_endpoint(name: &str, environment: &Environment) -> Option<String> {
    if environment.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return None;
    }
    let id = SERVICE_IDS.iter().find(|(service, _)| *service == name).map(|(_, id)| *id);
    let names = [id.map(str::to_owned), Some(name.to_uppercase())];
    let specific = names.iter().flatten().find_map(|id| environment.get(&format!("AWS_ENDPOINT_URL_{id}")));
    specific.or_else(|| environment.get("AWS_ENDPOINT_URL")).map(tidy)
}

fn tidy(endpoint: &str) -> String {
    let endpoint = endpoint.trim().trim_end_matches('/');
    if endpoint.contains("://") { endpoint.into() } else { format!("https://{endpoint}") }
}

fn host(name: &str, region: &str, environment: &Environment) -> String {
    let mut fips = environment.is_true("AWS_USE_FIPS_ENDPOINT");
    let dual_stack = environment.is_true("AWS_USE_DUALSTACK_ENDPOINT");
    let partition = PARTITIONS
        .iter()
        .find(|partition| region.starts_with(partition.region_prefix))
        .unwrap_or(&PARTITIONS[PARTITIONS.len() - 1]);
    let gov = region.starts_with("us-gov-");
    // Only with both switches do these have a host of their own, except the two whose rules differ.
    let always_ordinary = matches!(name, "monitoring" | "events");
    if fips && gov && GOV_FIPS_IS_ORDINARY.contains(&name) && (!dual_stack || always_ordinary) {
        fips = false;
    }
    let suffix = partition.suffix;
    match (name, fips, dual_stack) {
        ("s3", false, false) => format!("s3.{region}.{suffix}"),
        ("s3", true, false) => format!("s3-fips.{region}.{suffix}"),
        ("s3", false, true) => format!("s3.dualstack.{region}.{suffix}"),
        ("s3", true, true) => format!("s3-fips.dualstack.{region}.{suffix}"),
        // Its ordinary hosts have both kinds of address.
        ("secretsmanager", fips, true) if suffix == "amazonaws.com" => {
            format!("secretsmanager{}.{region}.{suffix}", if fips { "-fips" } else { "" })
        }
        (_, false, false) => format!("{name}.{region}.{suffix}"),
        (_, true, false) => format!("{name}-fips.{region}.{suffix}"),
        (_, false, true) => format!("{name}.{region}.{}", partition.dual_stack_suffix),
        (_, true, true) => format!("{name}-fips.{region}.{}", partition.dual_stack_suffix),
    }
}
