//! Equivalents of the files that come with the images this program replaces, so that a configuration which
//! names them finds them where the image has none. What is on the disk comes first.

use std::io;

use crate::Files;

const STOCK_PARSERS: &[&str] = &[
    "/fluent-bit/parsers/parsers.conf",
    "/fluent-bit/etc/parsers.conf",
    "/fluent-bit/parsers/parsers_ambassador.conf",
    "/fluent-bit/parsers/parsers_cinder.conf",
    "/fluent-bit/parsers/parsers_extra.conf",
    "/fluent-bit/parsers/parsers_java.conf",
    "/fluent-bit/parsers/parsers_mult.conf",
    "/fluent-bit/parsers/parsers_openstack.conf",
];

const METRICS: &str = include_str!("shipped/plugin-metrics.conf");
const PARSERS: &str = include_str!("shipped/parsers.conf");
const MORE_PARSERS: &str = include_str!("shipped/parsers_more.conf");

const FILES: &[(&str, &str)] = &[
    ("/fluent-bit/configs/parse-json.conf", include_str!("shipped/parse-json.conf")),
    ("/fluent-bit/configs/minimize-log-loss.conf", include_str!("shipped/minimize-log-loss.conf")),
    (
        "/fluent-bit/configs/output-metrics-healthcheck.conf",
        include_str!("shipped/output-metrics-healthcheck.conf"),
    ),
    ("/fluent-bit/configs/plugin-metrics-to-cloudwatch.conf", METRICS),
    ("/fluent-bit/configs/plugin-and-storage-metrics-to-cloudwatch.conf", METRICS),
    (
        "/fluent-bit/configs/plugin-metrics-parser.conf",
        "# Nothing is parsed: see plugin-metrics-to-cloudwatch.conf.\n",
    ),
    ("/fluent-bit/parsers/parsers.conf", PARSERS),
    ("/fluent-bit/etc/parsers.conf", PARSERS),
    ("/fluent-bit/parsers/parsers_ambassador.conf", MORE_PARSERS),
    ("/fluent-bit/parsers/parsers_cinder.conf", MORE_PARSERS),
    ("/fluent-bit/parsers/parsers_extra.conf", MORE_PARSERS),
    ("/fluent-bit/parsers/parsers_java.conf", MORE_PARSERS),
    ("/fluent-bit/parsers/parsers_mult.conf", MORE_PARSERS),
    ("/fluent-bit/parsers/parsers_openstack.conf", MORE_PARSERS),
    ("/ecs/service.conf", include_str!("shipped/ecs-service.conf")),
    ("/ecs/input-forward.conf", include_str!("shipped/ecs-input-forward.conf")),
    ("/ecs/ecs-metadata.conf", include_str!("shipped/ecs-metadata.conf")),
    ("/ecs/filter-parser.conf", include_str!("shipped/ecs-filter-parser.conf")),
    ("/ecs/cloudwatch.conf", include_str!("shipped/ecs-cloudwatch.conf")),
    ("/ecs/s3.conf", include_str!("shipped/ecs-s3.conf")),
    ("/ecs/firehose.conf", include_str!("shipped/ecs-firehose.conf")),
    ("/ecs/kinesis.conf", include_str!("shipped/ecs-kinesis.conf")),
    ("/ecs/amazon-es.conf", include_str!("shipped/ecs-amazon-es.conf")),
];

/// Adds the shipped files behind others.
pub struct WithShipped<F>(pub F);

impl<F: Files> Files for WithShipped<F> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let embedded = FILES.iter().find(|(known, _)| *known == path);
        match (self.0.read(path), embedded) {
            (Err(cause), Some((_, text))) if cause.kind() == io::ErrorKind::NotFound => Ok((*text).into()),
            (result, _) => result,
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        let own = self.0.list(folder);
        let embedded = FILES.iter().filter_map(|(path, _)| path.strip_prefix(&prefix));
        let mut names: Vec<String> = embedded.filter(|name| !name.contains('/')).map(str::to_owned).collect();
        if names.is_empty() {
            return own;
        }
        names.extend(own.unwrap_or_default());
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// Whether a file is one of the stock parser files, of whichever image.
pub(super) fn is_stock(path: &str) -> bool {
    STOCK_PARSERS.contains(&path)
}

/// What to say when a file stands in for something this program does otherwise.
pub(super) fn caveat(text: &str) -> Option<&'static str> {
    (text == METRICS).then_some("metrics are served on port 2020 and not written to CloudWatch as log events")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn the_disk_comes_first() {
        let path = "/ecs/service.conf";
        assert_eq!(WithShipped(Memory::new().with(path, "mine")).read(path).expect("found"), b"mine");
        assert!(WithShipped(Memory::new()).read(path).is_ok());
        assert!(WithShipped(Memory::new()).read("/ecs/none.conf").is_err());
        assert!(WithShipped(Memory::new()).list("/ecs").expect("listed").contains(&"s3.conf".to_owned()));
    }
}
