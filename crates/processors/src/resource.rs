//! Changes the attributes of resources, which all signals of a task share.
//!
//! ```yaml
//! resource:
//!   attributes:
//!     - {key: deployment.environment.name, action: upsert, value: production}
//! ```
//!
//! Records that came without a resource get one. The keys are those of the Collector's processor of this name.

use engine::{BuildContext, ConfigError, Processor};
use model::Batch;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::actions::{self, Action, Step};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What to do, in this order.
    #[serde(default)]
    pub attributes: Vec<Action>,
}

pub struct Resource(Vec<Step>);

impl Processor for Resource {
    const NAME: &'static str = "resource";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Resource(actions::compile(config.attributes, "attributes", cx)?))
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.need_resource();
        let Batch { arena, resources, .. } = &mut batch;
        for resource in resources {
            self.0.iter().for_each(|step| step.apply(arena, &mut resource.attributes));
        }
        out.push(batch);
    }
}
