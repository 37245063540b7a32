//! Writes onto resources what is known of the place this program runs in.
//!
//! ```yaml
//! resource_detection:
//!   detectors: [env, ecs, system]
//! ```
//!
//! Detectors are asked in their order, and the first to tell an attribute wins. Nothing that cannot be found out
//! stops anything: a detector that has no answer adds nothing. What `ecs` tells was asked for when the program
//! started; `ec2` is asked in the background, again and again, and adds what it knows once it answers. The keys are those of the Collector's processor of this name.
//! Source: semantic conventions for cloud, `aws.ecs` and `aws.log`; the Collector's resourcedetection processor.

mod detectors;
mod ec2;

use std::collections::HashMap;

use config::Pattern;
use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use detectors::{Detected, Found, Told};
use ec2::Instance;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who is asked, in this order: `env`, `system`, `ecs`, `ec2`, `docker`.
    #[serde(default = "env")]
    pub detectors: Vec<Detector>,
    /// Whether what is detected replaces what resources say already.
    #[serde(default = "yes")]
    pub r#override: bool,
    /// Attributes to leave out, or to add beyond the usual ones, by detector.
    #[serde(default)]
    pub attributes: HashMap<String, HashMap<String, bool>>,
    /// Tags of the instance that `ec2` adds as `ec2.tag.…`. The instance must let its metadata tell them.
    #[serde(default)]
    pub tags: Vec<Pattern>,
}

fn env() -> Vec<Detector> {
    vec![Detector::Env]
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    Env,
    /// The host's name and its system.
    System,
    /// The task, from its metadata endpoint.
    Ecs,
    /// The instance, from its metadata service. Not on Fargate.
    Ec2,
    /// As `system`: a container has no other way to ask.
    Docker,
}

impl Detector {
    fn name(self) -> &'static str {
        match self {
            Detector::Env => "env",
            Detector::System => "system",
            Detector::Ecs => "ecs",
            Detector::Ec2 => "ec2",
            Detector::Docker => "docker",
        }
    }
}

pub struct ResourceDetection {
    /// What each detector told, and the choice among its attributes.
    parts: Vec<(Found, Option<HashMap<String, bool>>)>,
    /// The parts as one.
    detected: Detected,
    /// Whose answer may still come, and its part.
    instance: Option<(usize, Instance)>,
    replaces: bool,
}

impl Processor for ResourceDetection {
    const NAME: &'static str = "resource_detection";
    type Config = Config;

    fn build(mut config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let (mut parts, mut instance) = (Vec::new(), None);
        for detector in &config.detectors {
            let environment = &cx.surroundings.environment;
            let found = match detector {
                Detector::Env => detectors::env(environment),
                Detector::System | Detector::Docker => Ok(detectors::system()),
                Detector::Ecs => Ok(cx.surroundings.task.as_deref().map(detectors::ecs).unwrap_or_default()),
                Detector::Ec2 => {
                    instance = Some((parts.len(), Instance::new(environment, config.tags.clone())));
                    Ok(Vec::new())
                }
            };
            let found = found.unwrap_or_else(|why| {
                cx.warn("detectors", why, "mend the variable; the detector adds nothing till then");
                Vec::new()
            });
            parts.push((found, config.attributes.remove(detector.name())));
        }
        let detected = merged(&parts);
        Ok(ResourceDetection { parts, detected, instance, replaces: config.r#override })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if let Some((place, instance)) = &mut self.instance
            && let Some(found) = instance.take()
        {
            self.parts[*place].0 = found;
            self.instance = None;
            self.detected = merged(&self.parts);
        }
        batch.need_resource();
        let Batch { arena, resources, .. } = &mut batch;
        for resource in resources {
            for (key, told) in self.detected.iter() {
                if self.replaces || arena.find(resource.attributes, key.as_bytes()).is_none() {
                    let value = store(arena, told);
                    arena.set(&mut resource.attributes, key.as_bytes(), value);
                }
            }
        }
        out.push(batch);
    }
}

fn merged(parts: &[(Found, Option<HashMap<String, bool>>)]) -> Detected {
    let mut detected = Detected::default();
    parts.iter().for_each(|(found, chosen)| detected.add(found, chosen.as_ref()));
    detected
}

fn store(arena: &mut Arena, told: &Told) -> Value {
    match told {
        Told::Text(text) => Value::Str(arena.store(text.as_bytes())),
        Told::List(items) => {
            let mut list = List::EMPTY;
            for item in items {
                let value = Value::Str(arena.store(item.as_bytes()));
                arena.push(&mut list, model::Span::EMPTY, value);
            }
            Value::Array(list)
        }
    }
}

#[cfg(test)]
mod tests;
