//! What a user writes of each scraper, and the filters they share.

use std::collections::BTreeMap;

use config::{Pattern, closest};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Part, Scraper, cpu, disk, filesystem, memory, network, paging, process, processes, system};

/// A scraper that is named runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scrapers {
    pub cpu: Option<Common>,
    pub disk: Option<disk::Config>,
    pub filesystem: Option<filesystem::Config>,
    pub load: Option<system::LoadConfig>,
    pub memory: Option<Common>,
    pub network: Option<network::Config>,
    pub paging: Option<Common>,
    pub process: Option<process::Config>,
    pub processes: Option<Common>,
    pub system: Option<Common>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Metrics by name, to switch on or off.
    #[serde(default)]
    pub metrics: BTreeMap<String, Switch>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    pub enabled: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchType {
    #[default]
    Strict,
    Regexp,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    pub devices: Vec<String>,
    #[serde(default)]
    pub match_type: MatchType,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interfaces {
    pub interfaces: Vec<String>,
    #[serde(default)]
    pub match_type: MatchType,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FsTypes {
    pub fs_types: Vec<String>,
    #[serde(default)]
    pub match_type: MatchType,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountPoints {
    pub mount_points: Vec<String>,
    #[serde(default)]
    pub match_type: MatchType,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    pub names: Vec<String>,
    #[serde(default)]
    pub match_type: MatchType,
}

/// Why the scrapers cannot be built.
#[derive(Debug)]
pub struct Refused {
    pub message: String,
    pub help: String,
}

/// What to take and what to leave out.
#[derive(Debug, Default)]
pub struct Filter {
    include: Option<Matcher>,
    exclude: Option<Matcher>,
}

#[derive(Debug)]
enum Matcher {
    Strict(Vec<String>),
    Regexp(Vec<Pattern>),
}

pub type List = Option<(Vec<String>, MatchType)>;

impl Filter {
    pub fn new(include: List, exclude: List) -> Result<Filter, Refused> {
        let matcher = |list: List| list.map(Matcher::new).transpose();
        Ok(Filter { include: matcher(include)?, exclude: matcher(exclude)? })
    }

    pub fn takes(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.fits(name))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.fits(name))
    }
}

impl Matcher {
    fn new((names, match_type): (Vec<String>, MatchType)) -> Result<Matcher, Refused> {
        if match_type == MatchType::Strict {
            return Ok(Matcher::Strict(names));
        }
        let patterns = names.iter().map(|name| Pattern::new(name)).collect::<Result<_, _>>();
        patterns.map(Matcher::Regexp).map_err(|error| Refused {
            message: error.to_string(),
            help: "write another expression, or `match_type: strict`".into(),
        })
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Matcher::Strict(names) => names.iter().any(|each| each == name),
            Matcher::Regexp(patterns) => patterns.iter().any(|pattern| pattern.is_match(name.as_bytes())),
        }
    }
}

impl Scrapers {
    pub(super) fn parts(self) -> Result<Vec<Part>, Refused> {
        let mut parts = Vec::new();
        add(&mut parts, self.cpu.map(|common| Ok(cpu::Cpu::new(common))))?;
        add(&mut parts, self.disk.map(disk::Disk::new))?;
        add(&mut parts, self.filesystem.map(filesystem::Filesystem::new))?;
        add(&mut parts, self.load.map(|config| Ok(system::Load::new(config))))?;
        add(&mut parts, self.memory.map(|common| Ok(memory::Memory(common))))?;
        add(&mut parts, self.network.map(network::Network::new))?;
        add(&mut parts, self.paging.map(|common| Ok(paging::Paging(common))))?;
        add(&mut parts, self.process.map(process::Process::new))?;
        add(&mut parts, self.processes.map(|common| Ok(processes::Processes(common))))?;
        add(&mut parts, self.system.map(|common| Ok(system::System(common))))?;
        Ok(parts)
    }
}

fn add<S: Scraper + 'static>(
    parts: &mut Vec<Part>,
    scraper: Option<Result<S, Refused>>,
) -> Result<(), Refused> {
    let Some(scraper) = scraper.transpose()? else { return Ok(()) };
    let names = || S::METRICS.iter().map(|known| known.shape.name);
    // One that is unknown and switched off is not missed.
    let wanted = scraper.common().metrics.iter().filter(|(_, switch)| switch.enabled);
    for (name, _) in wanted {
        if !names().any(|known| known == name) {
            let message = format!("scraper `{}` has no metric `{name}`", S::NAME);
            let help = match closest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(Refused { message, help });
        }
    }
    parts.push(Part::new(scraper));
    Ok(())
}
