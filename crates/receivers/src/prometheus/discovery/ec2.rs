//! Instances of EC2 as targets, asked for with `DescribeInstances`.

mod xml;

use std::collections::BTreeMap;

use config::{Interval, Secret};
use net::Environment;
use net::aws::{AssumeRole, AwsClient, Credentials, Service};
use net::http::{Client, ClientSettings};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::prometheus::config::TargetGroup;
use xml::Element;

const VERSION: &str = "2016-11-15";

/// Of one answer, which EC2 cuts at a thousand instances.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// More answers than this are a circle.
const MAX_PAGES: usize = 100;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ec2SdConfig {
    /// By default that of the variables `AWS_REGION` and `AWS_DEFAULT_REGION`.
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub endpoint: Option<String>,
    #[serde(default)]
    pub access_key: Option<String>,
    #[serde(default)]
    pub secret_key: Option<Secret>,
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub role_arn: Option<String>,
    /// Of the target, at the instance's private address.
    #[serde(default = "port")]
    pub port: u16,
    #[serde(default = "one_minute")]
    pub refresh_interval: Interval,
    #[serde(default)]
    pub filters: Vec<Filter>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub name: String,
    pub values: Vec<String>,
}

fn port() -> u16 {
    80
}

fn one_minute() -> Interval {
    Interval::from_secs(60)
}

/// A region of EC2 to ask.
pub struct Ec2 {
    client: AwsClient,
    region: String,
    port: u16,
    parameters: Vec<(String, String)>,
}

impl Ec2 {
    /// The error tells what is wrong with the settings.
    pub fn new(config: &Ec2SdConfig, environment: &Environment) -> Result<Ec2, String> {
        let environment = match &config.profile {
            Some(profile) => environment.with("AWS_PROFILE", profile),
            None => environment.clone(),
        };
        let region = config.region.clone().or_else(|| net::aws::region(&environment));
        let region = region.ok_or("ec2_sd_configs: there is no `region`, nor a variable AWS_REGION")?;
        let settings =
            ClientSettings { max_response_bytes: MAX_ANSWER_BYTES, ..ClientSettings::new(&environment) };
        let http = Client::new(settings).map_err(|error| error.to_string())?;
        let mut credentials = match (&config.access_key, &config.secret_key) {
            (Some(key), Some(secret)) => Credentials::fixed(key, secret.reveal(), None),
            (None, None) => Credentials::from_environment(&environment).map_err(|error| error.to_string())?,
            _ => return Err("ec2_sd_configs: `access_key` and `secret_key` go together".into()),
        };
        if let Some(role_arn) = &config.role_arn {
            let region = Some(region.clone());
            let role = AssumeRole { role_arn: role_arn.clone(), region, ..AssumeRole::default() };
            credentials = credentials.assume_role(role, &environment, &http);
        }
        let mut service = Service::new("ec2", &region, &environment);
        if let Some(endpoint) = &config.endpoint {
            service = service.with_endpoint(endpoint);
        }
        let client = AwsClient::new(service, credentials, http);
        Ok(Ec2 { client, region, port: config.port, parameters: parameters(&config.filters) })
    }

    /// All instances, each a group of its own.
    pub async fn ask(&self) -> Result<Vec<TargetGroup>, String> {
        let (mut groups, mut token) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let own = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let mut parameters: Vec<_> = own.collect();
            parameters.extend((!token.is_empty()).then_some(("NextToken", token.as_str())));
            let answer = self.client.call_query("DescribeInstances", VERSION, &parameters).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let page = xml::read(&answer.body)?;
            groups.extend(self.groups(&page));
            token = page.text("nextToken").to_owned();
            if token.is_empty() {
                return Ok(groups);
            }
        }
        Err(format!("the answer has more than {MAX_PAGES} pages"))
    }

    fn groups(&self, answer: &Element) -> Vec<TargetGroup> {
        let mut groups = Vec::new();
        for reservation in answer.items("reservationSet") {
            for instance in reservation.items("instancesSet") {
                let address = instance.text("privateIpAddress");
                if !address.is_empty() {
                    let targets = vec![format!("{address}:{}", self.port)];
                    groups.push(TargetGroup { targets, labels: self.labels(reservation, instance) });
                }
            }
        }
        groups
    }

    fn labels(&self, reservation: &Element, instance: &Element) -> BTreeMap<String, String> {
        let placement = instance.child("placement");
        let placed = |name: &str| placement.map_or("", |placement| placement.text(name));
        let state = instance.child("instanceState").map_or("", |state| state.text("name"));
        let mut labels: BTreeMap<String, String> = network(instance);
        for (name, value) in [
            ("ami", instance.text("imageId")),
            ("architecture", instance.text("architecture")),
            ("availability_zone", placed("availabilityZone")),
            ("availability_zone_id", placed("availabilityZoneId")),
            ("instance_id", instance.text("instanceId")),
            ("instance_lifecycle", instance.text("instanceLifecycle")),
            ("instance_state", state),
            ("instance_type", instance.text("instanceType")),
            ("owner_id", reservation.text("ownerId")),
            ("platform", instance.text("platform")),
            ("private_dns_name", instance.text("privateDnsName")),
            ("private_ip", instance.text("privateIpAddress")),
            ("public_dns_name", instance.text("dnsName")),
            ("public_ip", instance.text("ipAddress")),
            ("region", self.region.as_str()),
        ] {
            labels.insert(name.to_owned(), value.to_owned());
        }
        for tag in instance.items("tagSet") {
            labels.insert(format!("tag_{}", label_name(tag.text("key"))), tag.text("value").to_owned());
        }
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        labels.map(|(name, value)| (format!("__meta_ec2_{name}"), value)).collect()
    }
}

/// Lists have a comma at both ends, so that a pattern can look for a whole entry.
fn network(instance: &Element) -> BTreeMap<String, String> {
    let (mut subnets, mut addresses, mut primary) = (Vec::new(), Vec::new(), Vec::new());
    for interface in instance.items("networkInterfaceSet") {
        let subnet = interface.text("subnetId");
        if !subnet.is_empty() && !subnets.contains(&subnet) {
            subnets.push(subnet);
        }
        for address in interface.items("ipv6AddressesSet") {
            addresses.push(address.text("ipv6Address"));
            primary.extend((address.text("isPrimaryIpv6") == "true").then(|| address.text("ipv6Address")));
        }
    }
    let list =
        |items: Vec<&str>| if items.is_empty() { String::new() } else { format!(",{},", items.join(",")) };
    BTreeMap::from([
        ("vpc_id".to_owned(), instance.text("vpcId").to_owned()),
        ("primary_subnet_id".to_owned(), instance.text("subnetId").to_owned()),
        ("subnet_id".to_owned(), list(subnets)),
        ("ipv6_addresses".to_owned(), list(addresses)),
        ("primary_ipv6_addresses".to_owned(), list(primary)),
    ])
}

fn parameters(filters: &[Filter]) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (n, filter) in filters.iter().enumerate() {
        parameters.push((format!("Filter.{}.Name", n + 1), filter.name.clone()));
        for (m, value) in filter.values.iter().enumerate() {
            parameters.push((format!("Filter.{}.Value.{}", n + 1, m + 1), value.clone()));
        }
    }
    parameters
}

fn label_name(tag: &str) -> String {
    tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
