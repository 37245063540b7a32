//! `aws` becomes `aws_metadata`.

use crate::fluent_bit::table::{Field, Plugin, To, field, nothing_more, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["aws"], kind: "aws_metadata", fields: FIELDS, finish: nothing_more };

const FIELDS: &[Field] = &[
    field("imds_version", "imds_version", To::Word(&[("v1", "v1"), ("v2", "v2")])),
    field("az", "availability_zone", To::Bool),
    field("ec2_instance_id", "instance_id", To::Bool),
    field("ec2_instance_type", "instance_type", To::Bool),
    field("private_ip", "private_ip", To::Bool),
    field("vpc_id", "vpc_id", To::Bool),
    field("ami_id", "ami_id", To::Bool),
    field("account_id", "account_id", To::Bool),
    field("hostname", "hostname", To::Bool),
    field("tags_enabled", "tags", To::Bool),
    field("tags_include", "tags_include", To::Commas),
    field("tags_exclude", "tags_exclude", To::Commas),
    field("retry_interval_s", "retry_interval", To::Time),
    silent("enable_entity", "entities are not sent"),
    silent("use_v1", "the newer way is used"),
];
