//! Hosts that botocore's endpoint rule sets give, and the variables that override them.

use crate::Environment;
use crate::aws::{Service, region};

/// Service, region, then the host plain, with FIPS, with dual stack, with both.
const HOSTS: &[(&str, &str, [&str; 4])] = &[
    (
        "logs",
        "eu-west-1",
        [
            "logs.eu-west-1.amazonaws.com",
            "logs-fips.eu-west-1.amazonaws.com",
            "logs.eu-west-1.api.aws",
            "logs-fips.eu-west-1.api.aws",
        ],
    ),
    (
        "logs",
        "us-gov-west-1",
        [
            "logs.us-gov-west-1.amazonaws.com",
            "logs.us-gov-west-1.amazonaws.com",
            "logs.us-gov-west-1.api.aws",
            "logs-fips.us-gov-west-1.api.aws",
        ],
    ),
    (
        "monitoring",
        "us-gov-west-1",
        [
            "monitoring.us-gov-west-1.amazonaws.com",
            "monitoring.us-gov-west-1.amazonaws.com",
            "monitoring.us-gov-west-1.api.aws",
            "monitoring.us-gov-west-1.api.aws",
        ],
    ),
    (
        "firehose",
        "us-gov-west-1",
        [
            "firehose.us-gov-west-1.amazonaws.com",
            "firehose-fips.us-gov-west-1.amazonaws.com",
            "firehose.us-gov-west-1.api.aws",
            "firehose-fips.us-gov-west-1.api.aws",
        ],
    ),
    (
        "sts",
        "cn-north-1",
        [
            "sts.cn-north-1.amazonaws.com.cn",
            "sts-fips.cn-north-1.amazonaws.com.cn",
            "sts.cn-north-1.api.amazonwebservices.com.cn",
            "sts-fips.cn-north-1.api.amazonwebservices.com.cn",
        ],
    ),
    (
        "s3",
        "eu-west-1",
        [
            "s3.eu-west-1.amazonaws.com",
            "s3-fips.eu-west-1.amazonaws.com",
            "s3.dualstack.eu-west-1.amazonaws.com",
            "s3-fips.dualstack.eu-west-1.amazonaws.com",
        ],
    ),
    (
        "secretsmanager",
        "eu-west-1",
        [
            "secretsmanager.eu-west-1.amazonaws.com",
            "secretsmanager-fips.eu-west-1.amazonaws.com",
            "secretsmanager.eu-west-1.amazonaws.com",
            "secretsmanager-fips.eu-west-1.amazonaws.com",
        ],
    ),
    (
        "kinesis",
        "us-iso-east-1",
        [
            "kinesis.us-iso-east-1.c2s.ic.gov",
            "kinesis-fips.us-iso-east-1.c2s.ic.gov",
            "kinesis.us-iso-east-1.api.aws.ic.gov",
            "kinesis-fips.us-iso-east-1.api.aws.ic.gov",
        ],
    ),
    (
        "ecs",
        "us-isob-east-1",
        [
            "ecs.us-isob-east-1.sc2s.sgov.gov",
            "ecs-fips.us-isob-east-1.sc2s.sgov.gov",
            "ecs.us-isob-east-1.api.aws.scloud",
            "ecs-fips.us-isob-east-1.api.aws.scloud",
        ],
    ),
    (
        "xray",
        "eusc-de-east-1",
        [
            "xray.eusc-de-east-1.amazonaws.eu",
            "xray-fips.eusc-de-east-1.amazonaws.eu",
            "xray.eusc-de-east-1.api.amazonwebservices.eu",
            "xray-fips.eusc-de-east-1.api.amazonwebservices.eu",
        ],
    ),
];

#[test]
fn finds_the_host_as_botocore_does() {
    for (name, region, hosts) in HOSTS {
        let switches = [("false", "false"), ("true", "false"), ("false", "TRUE"), ("1", "true")];
        for (host, (fips, dual_stack)) in hosts.iter().zip(switches) {
            let variables = [("AWS_USE_FIPS_ENDPOINT", fips), ("AWS_USE_DUALSTACK_ENDPOINT", dual_stack)];
            let service = Service::new(name, region, &Environment::from(variables));
            assert_eq!(service.endpoint, format!("https://{host}"));
            assert!(!service.is_custom);
        }
    }
}

#[test]
fn variables_override_the_host() {
    let endpoint = |name: &str, variables: &[(&str, &str)]| {
        Service::new(name, "eu-west-1", &variables.iter().copied().collect()).endpoint
    };
    let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000/");
    let own = ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "https://vpce-1.logs.example");
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        ("logs", &[all], "http://127.0.0.1:5000"),
        ("logs", &[all, own], "https://vpce-1.logs.example"),
        ("s3", &[all, own], "http://127.0.0.1:5000"),
        ("logs", &[("AWS_ENDPOINT_URL_LOGS", "logs.internal")], "https://logs.internal"),
        ("monitoring", &[("AWS_ENDPOINT_URL_CLOUDWATCH", "http://m")], "http://m"),
        ("sts", &[("AWS_ENDPOINT_URL_STS", "http://t:1/base/")], "http://t:1/base"),
        (
            "sts",
            &[all, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
            "https://sts.eu-west-1.amazonaws.com",
        ),
    ];
    for (name, variables, expected) in cases {
        assert_eq!(endpoint(name, variables), *expected, "{variables:?}");
    }
    let service = Service::new("logs", "eu-west-1", &Environment::from([all]));
    assert_eq!(service.with_endpoint("logs.other:8443").endpoint, "https://logs.other:8443");
}

#[test]
fn the_region_comes_from_variables_then_the_profile() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config");
    std::fs::write(&file, "[default]\nregion = us-west-2\n[profile eu]\nregion=eu-north-1\n").unwrap();
    let base = Environment::from([("AWS_CONFIG_FILE", file.to_str().unwrap())]);
    assert_eq!(region(&Environment::default()), None);
    assert_eq!(region(&base).as_deref(), Some("us-west-2"));
    assert_eq!(region(&base.with("AWS_PROFILE", "eu")).as_deref(), Some("eu-north-1"));
    assert_eq!(region(&base.with("AWS_DEFAULT_REGION", "sa-east-1")).as_deref(), Some("sa-east-1"));
    let both = base.with("AWS_DEFAULT_REGION", "sa-east-1").with("AWS_REGION", "ap-south-1");
    assert_eq!(region(&both).as_deref(), Some("ap-south-1"));
}
