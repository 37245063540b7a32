//! Writes onto resources what is known of the place this program runs in.
//!
//! ```yaml
//! resource_detection:
//!   detectors: [env, ecs, system]
//! ```
//!
//! Detectors are asked in their order, and the first to tell an attribute wins. Nothing that cannot be found out
//! stops anything: a detector that has no answer adds nothing. What `ecs` tells was asked for when the program
//! started. The keys are those of the Collector's processor of this name.
//! Source: semantic conventions for cloud, `aws.ecs` and `aws.log`; the Collector's resourcedetection processor.

mod detectors;

use std::collections::HashMap;

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use detectors::{Detected, Told};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who is asked, in this order: `env`, `system`, `ecs`, `docker`.
    #[serde(default = "env")]
    pub detectors: Vec<Detector>,
    /// Whether what is detected replaces what resources say already.
    #[serde(default = "yes")]
    pub r#override: bool,
    /// Attributes to leave out, or to add beyond the usual ones, by detector.
    #[serde(default)]
    pub attributes: HashMap<String, HashMap<String, bool>>,
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
    /// As `system`: a container has no other way to ask.
    Docker,
}

impl Detector {
    fn name(self) -> &'static str {
        match self {
            Detector::Env => "env",
            Detector::System => "system",
            Detector::Ecs => "ecs",
            Detector::Docker => "docker",
        }
    }
}

pub struct ResourceDetection {
    detected: Detected,
    replaces: bool,
}

impl Processor for ResourceDetection {
    const NAME: &'static str = "resource_detection";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let mut detected = Detected::default();
        for detector in &config.detectors {
            let chosen = config.attributes.get(detector.name());
            let found = match detector {
                Detector::Env => detectors::env(&cx.surroundings.environment),
                Detector::System | Detector::Docker => Ok(detectors::system()),
                Detector::Ecs => Ok(cx.surroundings.task.as_deref().map(detectors::ecs).unwrap_or_default()),
            };
            match found {
                Ok(found) => detected.add(found, chosen),
                Err(why) => {
                    cx.warn("detectors", why, "mend the variable; the detector adds nothing till then")
                }
            }
        }
        Ok(ResourceDetection { detected, replaces: config.r#override })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
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
