//! Order of files, ARNs, exported names.

use super::*;

#[test]
fn files_come_in_natural_order() {
    let environment = [
        ("aws_fluent_bit_init_s3_10", "arn:aws:s3:::b/ten.conf"),
        ("PATH", "/bin"),
        ("aws_fluent_bit_init_file_2", "/ecs/two.conf"),
        ("aws_fluent_bit_init_s3_1", "arn:aws:s3:::b/deep/one.conf"),
        ("aws_fluent_bit_init_S3_extra", "arn:aws-cn:s3:::b/words.conf"),
        ("MY_aws_fluent_bit_init_File_3x", "/three.conf"),
        ("aws_fluent_bit_init_s3", "arn:aws:s3:::b/none.conf"),
        ("aws_fluent_bit_init_s3_2", " "),
        ("aws_fluent_bit_init_s3_4", "arn:aws:sqs:eu-west-1:1:queue"),
        ("AWS_FLUENT_BIT_INIT_S3_1", "arn:aws:s3:::b/upper.conf"),
    ];
    let mut diagnostics = Diagnostics::new();
    let files = init_files(environment, &mut diagnostics);
    let names: Vec<String> = files.iter().map(|file| file.location.to_string()).collect();
    assert_eq!(
        names,
        [
            "s3://b/none.conf",
            "s3://b/deep/one.conf",
            "/ecs/two.conf",
            "/three.conf",
            "s3://b/ten.conf",
            "s3://b/words.conf"
        ]
    );
    assert_eq!(diagnostics.len(), 2);
    assert!(diagnostics.render(false).contains("variable aws_fluent_bit_init_s3_4"));
}

#[test]
fn arns() {
    for (text, expected) in [
        ("arn:aws:s3:::b/k", Some(("aws", "b", "k"))),
        ("arn:aws-us-gov:s3:::b/a/b:c.conf", Some(("aws-us-gov", "b", "a/b:c.conf"))),
        ("s3://b/k", Some(("aws", "b", "k"))),
        ("arn:aws:s3:::b", None),
        ("arn:aws:s3:::b/", None),
        ("arn:aws:s3::/k", None),
        ("arn:aws:ec2:::b/k", None),
        ("b/k", None),
        ("", None),
    ] {
        let parsed = text.parse::<S3Object>().ok();
        let parts = parsed.as_ref().map(|o| (o.partition.as_str(), o.bucket.as_str(), o.key.as_str()));
        assert_eq!(parts, expected, "{text}");
    }
}

#[test]
fn metadata_gives_names_and_the_user_wins() {
    let metadata = r#"{"Cluster":"arn:aws:ecs:eu-west-1:1:cluster/shop","TaskARN":"arn:aws:ecs:eu-west-1:1:task/shop/0f1e",
        "Family":"web","Revision":"7","AvailabilityZone":"eu-west-1a","LaunchType":"FARGATE"}"#;
    let environment = |name: &str| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "ECS_FAMILY" => Some("web".to_owned()),
        _ => None,
    };
    let mut diagnostics = Diagnostics::new();
    let variables = exported_variables(Some(metadata), &environment, &mut diagnostics);
    let pairs: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        pairs,
        [
            "FLB_AWS_USER_AGENT=ecs-init",
            "AWS_AVAILABILITY_ZONE=eu-west-1a",
            "ECS_CLUSTER=shop",
            "ECS_TASK_ARN=arn:aws:ecs:eu-west-1:1:task/shop/0f1e",
            "ECS_TASK_ID=0f1e",
            "ECS_LAUNCH_TYPE=FARGATE",
            "ECS_REVISION=7",
            "ECS_TASK_DEFINITION=web:7",
        ]
    );
    assert_eq!(diagnostics.len(), 1, "only the one that differs is worth a note");
    let none = exported_variables(None, &|_| None, &mut diagnostics);
    assert_eq!(none.len(), 1);
    exported_variables(Some("not json"), &|_| None, &mut diagnostics);
    assert_eq!(diagnostics.len(), 2);
}

#[test]
fn a_parser_file_is_known_by_its_text() {
    assert_eq!(classify(b"# [PARSER]\n[FILTER]"), Class::Parsers);
    assert_eq!(classify(b"[MULTILINE_PARSER]"), Class::Parsers);
    assert_eq!(classify(b"[parser]"), Class::Main);
    assert_eq!(classify(b""), Class::Main);
    let line = command_line(&[("a.conf".into(), Class::Main), ("p.conf".into(), Class::Parsers)]);
    assert!(line.starts_with("[FluentBit Init Process]") && line.ends_with("@INCLUDE a.conf -R p.conf"));
}
