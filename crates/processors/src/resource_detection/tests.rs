//! What is written onto resources, from the shapes that the endpoint answers with.

use model::json;
use net::Environment;
use net::ecs::Task;
use serde_json::json;
use testkit::http::{Response, Server};

use super::*;

/// After the task metadata endpoint, version 4, on Fargate.
fn task() -> Task {
    let document = json!({
        "Cluster": "arn:aws:ecs:us-west-2:111122223333:cluster/default",
        "TaskARN": "arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3",
        "Family": "curltest", "Revision": "3", "AvailabilityZone": "us-west-2d", "LaunchType": "FARGATE",
        "Containers": [
            {"Name": "app", "Type": "NORMAL", "KnownStatus": "RUNNING", "LogDriver": "awslogs",
             "LogOptions": {"awslogs-group": "/ecs/app", "awslogs-region": "us-west-2", "awslogs-stream": "ecs/app/e9"}},
            {"Name": "stopped", "Type": "NORMAL", "KnownStatus": "STOPPED", "LogDriver": "awslogs",
             "LogOptions": {"awslogs-group": "/ecs/old"}},
        ],
    });
    Task::parse(&serde_json::to_vec(&document).unwrap()).unwrap()
}

fn told(found: &[(String, Told)], key: &str) -> Option<Told> {
    found.iter().find(|(known, _)| known == key).map(|(_, told)| told.clone())
}

#[test]
fn ecs_tells_the_task() {
    let found = detectors::ecs(&task());
    for (key, value) in [
        ("cloud.provider", "aws"),
        ("cloud.platform", "aws_ecs"),
        ("cloud.account.id", "111122223333"),
        ("cloud.region", "us-west-2"),
        ("cloud.availability_zone", "us-west-2d"),
        ("aws.ecs.cluster.arn", "arn:aws:ecs:us-west-2:111122223333:cluster/default"),
        ("aws.ecs.task.id", "e9028f8d5d8e4f258373e7b93ce9a3c3"),
        ("aws.ecs.task.family", "curltest"),
        ("aws.ecs.task.revision", "3"),
        ("aws.ecs.launchtype", "fargate"),
    ] {
        assert_eq!(told(&found, key), Some(value.into()), "{key}");
    }
    let list = |item: &str| Some(Told::List(vec![item.to_owned()]));
    assert_eq!(told(&found, "aws.log.group.names"), list("/ecs/app"));
    assert_eq!(
        told(&found, "aws.log.stream.arns"),
        list("arn:aws:logs:us-west-2:111122223333:log-group:/ecs/app:log-stream:ecs/app/e9")
    );
    let mut on_ec2 = task();
    on_ec2.cluster = "default".into();
    let arn = told(&detectors::ecs(&on_ec2), "aws.ecs.cluster.arn");
    assert_eq!(arn, Some("arn:aws:ecs:us-west-2:111122223333:cluster/default".into()));
}

#[test]
fn the_variable_is_percent_encoded_and_all_or_nothing() {
    let of = |text: &str| detectors::env(&Environment::default().with("OTEL_RESOURCE_ATTRIBUTES", text));
    let found = of("service.name=shop,team=a%2Cb+c").unwrap();
    assert_eq!(told(&found, "service.name"), Some("shop".into()));
    assert_eq!(told(&found, "team"), Some("a,b c".into()));
    assert!(of("service.name=shop,broken").is_err());
    assert!(of("k=ü").is_err());
    assert!(of("").unwrap().is_empty());
}

#[test]
fn the_first_detector_to_tell_wins_and_attributes_can_be_left_out() {
    let mut detected = Detected::default();
    let chosen = HashMap::from([("b".to_owned(), false)]);
    detected.add(&vec![("a".into(), "1".into()), ("b".into(), "2".into())], Some(&chosen));
    detected.add(&vec![("a".into(), "3".into()), ("b".into(), "4".into())], None);
    let told: Vec<_> = detected.iter().cloned().collect();
    assert_eq!(told, [("a".to_owned(), Told::from("1")), ("b".to_owned(), Told::from("4"))]);
}

/// Records of Forward have no resource: they get one. With `override: false` what is there stays.
#[test]
fn resources_are_written_on() {
    for (replaces, expected) in [(true, "us-west-2"), (false, "mars")] {
        let parts = vec![(vec![("cloud.region".into(), "us-west-2".into())], None)];
        let detected = merged(&parts);
        let mut processor = ResourceDetection { parts, detected, instance: None, replaces };
        let mut batch = engine::testing::batch("t", &["{}"]);
        batch.need_resource();
        let mars = Value::Str(batch.arena.store(b"mars"));
        let mut list = List::EMPTY;
        batch.arena.set(&mut list, b"cloud.region", mars);
        batch.resources[0].attributes = list;
        let mut out = Vec::new();
        processor.process(batch, &mut out);
        let mut text = Vec::new();
        json::write_value(&out[0].arena, Value::Map(out[0].resources[0].attributes), &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), format!(r#"{{"cloud.region":"{expected}"}}"#));
    }
}

/// The instance's service answers late, and wants a token; meanwhile batches pass. `ecs` tells the platform first.
#[tokio::test]
async fn the_instance_is_asked_in_the_background() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let token = request.header("x-aws-ec2-metadata-token") == Some("t0ken");
        match request.path.as_str() {
            "/latest/api/token" if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
                Response::new(503, "")
            }
            "/latest/api/token" if request.method == "PUT" => Response::new(200, "t0ken"),
            _ if !token => Response::new(401, ""),
            "/latest/dynamic/instance-identity/document" => Response::new(
                200,
                r#"{"accountId":"123456789012","availabilityZone":"eu-west-1b","imageId":"ami-1","instanceId":"i-1",
                    "instanceType":"t4g.small","region":"eu-west-1","version":"2017-09-30"}"#,
            ),
            "/latest/meta-data/hostname" => Response::new(200, "ip-10-0-0-1.eu-west-1.compute.internal"),
            "/latest/meta-data/tags/instance/" => Response::new(200, "team\nName"),
            "/latest/meta-data/tags/instance/team" => Response::new(200, "shop"),
            _ => Response::new(404, ""),
        }
    });
    let environment = Environment::default()
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", server.address()));
    let mut instance = Instance::new(&environment, vec![Pattern::new("^team$").unwrap()]);
    let found = loop {
        if let Some(found) = instance.take() {
            break found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let all: Vec<_> = found
        .iter()
        .map(|(key, told)| match told {
            Told::Text(text) => format!("{key}={text}"),
            Told::List(_) => panic!("{key} is a list"),
        })
        .collect();
    assert_eq!(
        all.join(" "),
        "cloud.provider=aws cloud.platform=aws_ec2 cloud.region=eu-west-1 cloud.account.id=123456789012 \
         cloud.availability_zone=eu-west-1b host.id=i-1 host.image.id=ami-1 host.type=t4g.small \
         host.name=ip-10-0-0-1.eu-west-1.compute.internal ec2.tag.team=shop"
    );
    assert!(instance.take().is_none(), "it answers once");
    let fargate = environment.with("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE");
    assert!(Instance::new(&fargate, Vec::new()).take().is_none(), "nobody is asked there");
}
