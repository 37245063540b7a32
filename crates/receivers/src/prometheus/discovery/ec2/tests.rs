//! Instances as the service lists them become targets.

use std::sync::{Arc, Mutex};

use testkit::http::{Response, Server};

use super::*;

const CAPTURE: &str = include_str!("../../../../../../fixtures/aws/ec2-describe-instances.xml");

fn config(endpoint: &str) -> Ec2SdConfig {
    let text = format!(
        r#"{{"region": "eu-west-1", "endpoint": "{endpoint}", "port": 9100, "access_key": "testing",
            "secret_key": "testing", "filters": [{{"name": "tag:team", "values": ["a", "b c"]}},
            {{"name": "instance-state-name", "values": ["running"]}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn ec2(endpoint: &str) -> Ec2 {
    Ec2::new(&config(endpoint), &Environment::default()).unwrap()
}

/// What boto3 read out of the same answer.
#[test]
fn instances_become_targets() {
    let groups = ec2("http://localhost").groups(&xml::read(CAPTURE.as_bytes()).unwrap());
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].targets, ["10.160.137.159:9100"]);
    assert_eq!(groups[1].targets, ["10.29.19.17:9100"]);
    let expected = [
        ("__meta_ec2_ami", "ami-03cf127a"),
        ("__meta_ec2_architecture", "x86_64"),
        ("__meta_ec2_availability_zone", "eu-west-1a"),
        ("__meta_ec2_instance_id", "i-40d196f9055cd784e"),
        ("__meta_ec2_instance_state", "running"),
        ("__meta_ec2_instance_type", "t3.small"),
        ("__meta_ec2_owner_id", "123456789012"),
        ("__meta_ec2_platform", "windows"),
        ("__meta_ec2_primary_subnet_id", "subnet-8b6926483c1097bb7"),
        ("__meta_ec2_private_dns_name", "ip-10-160-137-159.eu-west-1.compute.internal"),
        ("__meta_ec2_private_ip", "10.160.137.159"),
        ("__meta_ec2_public_dns_name", "ec2-54-214-163-143.eu-west-1.compute.amazonaws.com"),
        ("__meta_ec2_public_ip", "54.214.163.143"),
        ("__meta_ec2_region", "eu-west-1"),
        ("__meta_ec2_subnet_id", ",subnet-8b6926483c1097bb7,"),
        ("__meta_ec2_tag_Name", "node & <edge>"),
        ("__meta_ec2_tag_team_name", "shop"),
        ("__meta_ec2_vpc_id", "vpc-d5c0e033ed92634ec"),
    ];
    let labels: Vec<_> =
        groups[0].labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(labels, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_asked_for() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let server = Server::start(move |request| {
        let mut asked = seen.lock().unwrap();
        asked.push(String::from_utf8(request.body).unwrap());
        let more = "<nextToken>t+1</nextToken></DescribeInstancesResponse>";
        match asked.len() {
            1 => Response::new(200, CAPTURE.replace("</DescribeInstancesResponse>", more)),
            _ => Response::new(200, CAPTURE),
        }
    });
    assert_eq!(ec2(&server.url()).ask().await.unwrap().len(), 4);
    let first = "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Ateam&Filter.1.Value.1=a\
                 &Filter.1.Value.2=b%20c&Filter.2.Name=instance-state-name&Filter.2.Value.1=running";
    let asked = asked.lock().unwrap();
    assert_eq!(*asked, [first.to_owned(), format!("{first}&NextToken=t%2B1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_a_fault() {
    let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>\
                  <RequestID>7c1f0a</RequestID></Response>";
    let server = Server::start(move |_| Response::new(403, denied));
    let why = ec2(&server.url()).ask().await.unwrap_err();
    assert!(why.contains("UnauthorizedOperation"), "{why}");
    let deep = "<a>".repeat(1000);
    for body in ["", "hello", "<a>", "<a><b></a></b>", "</a>", "<a", "<a></a></b>", &deep] {
        assert!(xml::read(body.as_bytes()).is_err(), "{body}");
    }
    assert!(xml::read(b"<?xml?><a x=\"1\"><b/>t</a>").is_ok());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let half = Ec2SdConfig { secret_key: None, ..config("http://localhost") };
    let nowhere = Ec2SdConfig { region: None, ..config("http://localhost") };
    for config in [half, nowhere] {
        assert!(Ec2::new(&config, &Environment::default()).is_err());
    }
    let from_variables = Ec2SdConfig { region: None, ..config("http://localhost") };
    assert!(Ec2::new(&from_variables, &Environment::from([("AWS_REGION", "eu-west-1")])).is_ok());
}
