//! Which log groups and streams there are, and how they are named in requests.

use query::Named;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, Failure};

/// Groups or streams in one answer.
const PAGE: usize = 50;

/// The account and region that resource names tell of.
const ARN: &str = "arn:aws:logs:local:000000000000:log-group:";

/// The name of a group that is given by its name or as an ARN.
pub(super) fn name(identifier: &str) -> String {
    match identifier.split_once(":log-group:") {
        Some((arn, name)) if arn.starts_with("arn:") => {
            name.split_once(':').map_or(name, |(name, _)| name).to_owned()
        }
        _ => identifier.to_owned(),
    }
}

/// The one group that a request is about.
pub(super) fn one(given: Option<&str>, identifier: Option<&str>) -> Result<String, Failure> {
    match (given, identifier) {
        (Some(given), None) => Ok(given.to_owned()),
        (None, Some(identifier)) => Ok(name(identifier)),
        _ => Err(Failure::parameter("exactly one of logGroupName and logGroupIdentifier must be given")),
    }
}

/// Fails where no record is of the group.
pub(super) async fn must_exist(api: &Api, group: &str) -> Result<(), Failure> {
    match api.console.engine.has_log_group(group).await? {
        true => Ok(()),
        false => Err(Failure::no_such("log group", group)),
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribeGroups {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_identifiers: Vec<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn describe(api: &Api, asked: &DescribeGroups) -> Result<String, Failure> {
    if asked.log_group_name_prefix.is_some() && asked.log_group_name_pattern.is_some() {
        return Err(Failure::parameter("logGroupNamePrefix and logGroupNamePattern exclude each other"));
    }
    let identifiers: Vec<String> = asked.log_group_identifiers.iter().map(|one| name(one)).collect();
    let mut found = api.console.engine.log_groups().await?;
    found.retain(|group| {
        asked.log_group_name_prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix))
            && asked.log_group_name_pattern.as_ref().is_none_or(|part| group.name.contains(part))
            && (identifiers.is_empty() || identifiers.contains(&group.name))
    });
    let (page, next) = page(found, asked.next_token.as_deref(), asked.limit)?;
    let groups: Vec<Value> = page
        .iter()
        .map(|group| {
            let arn = format!("{ARN}{}", group.name);
            json!({
                "logGroupName": group.name, "creationTime": group.first, "metricFilterCount": 0,
                "arn": format!("{arn}:*"), "logGroupArn": arn, "logGroupClass": "STANDARD",
            })
        })
        .collect();
    Ok(answer("logGroups", groups, next))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribeStreams {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    descending: bool,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn describe_streams(api: &Api, asked: &DescribeStreams) -> Result<String, Failure> {
    let group = one(asked.log_group_name.as_deref(), asked.log_group_identifier.as_deref())?;
    let mut found = api.console.engine.log_streams(&group).await?;
    if found.is_empty() {
        return Err(Failure::no_such("log group", &group));
    }
    if let Some(prefix) = &asked.log_stream_name_prefix {
        found.retain(|stream| stream.name.starts_with(prefix));
    }
    match asked.order_by.as_deref() {
        Some("LastEventTime") if asked.log_stream_name_prefix.is_some() => {
            return Err(Failure::parameter("streams with a prefix cannot be ordered by LastEventTime"));
        }
        Some("LastEventTime") => found.sort_by_key(|stream| stream.last),
        None | Some("LogStreamName") => {}
        Some(_) => return Err(Failure::parameter("orderBy is LogStreamName or LastEventTime")),
    }
    if asked.descending {
        found.reverse();
    }
    let (page, next) = page(found, asked.next_token.as_deref(), asked.limit)?;
    let streams: Vec<Value> = page
        .iter()
        .map(|stream| {
            json!({
                "logStreamName": stream.name, "creationTime": stream.first, "firstEventTimestamp": stream.first,
                "lastEventTimestamp": stream.last, "lastIngestionTime": stream.last_ingested,
                "arn": format!("{ARN}{group}:log-stream:{}", stream.name), "storedBytes": 0,
            })
        })
        .collect();
    Ok(answer("logStreams", streams, next))
}

/// What comes behind the name that the token is, and the token for what is left.
fn page(
    mut found: Vec<Named>,
    token: Option<&str>,
    limit: Option<usize>,
) -> Result<(Vec<Named>, Option<String>), Failure> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Failure::parameter(format!("limit is 1 to {PAGE}")));
    }
    if let Some(token) = token {
        let Some(last) = found.iter().position(|named| named.name == token) else {
            return Err(Failure::parameter("The specified nextToken is invalid."));
        };
        found.drain(..=last);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|named| named.name.clone());
    Ok((found, next))
}

fn answer(member: &str, all: Vec<Value>, next: Option<String>) -> String {
    let mut answer = json!({ member: all });
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    answer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_by_arns_as_well() {
        for (identifier, expected) in [
            ("/ecs/shop", "/ecs/shop"),
            ("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/shop", "/ecs/shop"),
            ("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/shop:*", "/ecs/shop"),
            ("arn:aws-cn:logs:cn-north-1:123456789012:log-group:a:log-stream:b", "a"),
        ] {
            assert_eq!(name(identifier), expected);
        }
    }

    #[test]
    fn pages_follow_each_other() {
        let named = |name: &str| Named { name: name.into(), first: 0, last: 0, last_ingested: 0 };
        let all = || vec![named("a"), named("b"), named("c")];
        let (first, token) = page(all(), None, Some(2)).unwrap();
        assert_eq!((first.len(), token.as_deref()), (2, Some("b")));
        let (last, token) = page(all(), token.as_deref(), Some(2)).unwrap();
        assert_eq!((last[0].name.as_str(), token), ("c", None));
        assert!(page(all(), Some("x"), None).is_err());
        assert!(page(all(), None, Some(51)).is_err());
    }
}
