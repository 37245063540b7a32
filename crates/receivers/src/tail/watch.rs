//! All files of one receiver: finding them, taking turns, noticing rotation, remembering places.
//!
//! Synchronous and run away from the runtime's threads, because reading files blocks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use config::Pattern;
use engine::clock;
use model::{Batch, Tag};
use tracing::{info, warn};
use wire::{Refused, add_refusal};

use super::Rules;
use super::glob;
use super::source::{Chunk, Identity, Source};
use super::state::{Place, State};

/// Read of one file at a turn, and of all together in a round.
const TURN_BYTES: u64 = 256 << 10;
const ROUND_BYTES: u64 = 1 << 20;

pub(super) struct Watch {
    rules: Rules,
    component: String,
    sources: Vec<Source>,
    /// Places of files that were read before this process started.
    earlier: State,
    /// What the state file holds.
    saved: State,
    scanned: Option<Instant>,
}

/// What came out of one look at all files.
#[derive(Default)]
pub(super) struct Round {
    pub(super) batches: Vec<(Batch, u64)>,
    pub(super) refused: Vec<Refused>,
}

impl Watch {
    pub(super) fn new(rules: Rules, component: String) -> Watch {
        let mut earlier = State::default();
        if let Some(file) = &rules.state_file {
            match State::load(file) {
                Ok(state) => earlier = state,
                Err(error) => {
                    warn!(component, file = %file.display(), %error, "cannot read the state file; files are read as new ones");
                }
            }
        }
        Watch { rules, component, sources: Vec::new(), earlier, saved: State::default(), scanned: None }
    }

    /// Looks at every file once.
    pub(super) fn round(&mut self) -> Round {
        let due = self.scanned.is_none_or(|at| at.elapsed() >= self.rules.refresh_interval);
        if due || self.notice_replaced() {
            self.scan();
        }
        let (mut round, mut left) = (Round::default(), ROUND_BYTES);
        let (now, rules) = (clock::now_nanos(), &self.rules);
        for source in &mut self.sources {
            match source.read(rules, TURN_BYTES.min(left), now) {
                Ok(Some(chunk)) => {
                    left -= chunk.bytes.min(left);
                    round.add(chunk);
                }
                Ok(None) => {}
                Err(error) => {
                    warn!(component = self.component, file = %source.path.display(), %error, "cannot read the file");
                }
            }
            if left == 0 {
                break;
            }
        }
        // The next round starts with a file that has waited.
        if left == 0 && !self.sources.is_empty() {
            self.sources.rotate_left(1);
        }
        self.let_go(&mut round, now);
        round
    }

    /// What is left of lines without an end, for those who do not come back to them.
    pub(super) fn finish(&mut self) -> Round {
        let mut round = Round::default();
        if self.rules.state_file.is_none() {
            let now = clock::now_nanos();
            let rules = &self.rules;
            self.sources.iter_mut().filter_map(|source| source.finish(rules, now)).for_each(|c| round.add(c));
        }
        round
    }

    /// Writes down how far files were read. Call it once their records are taken in.
    pub(super) fn save(&mut self) {
        let Some(file) = &self.rules.state_file else { return };
        let place = |source: &Source| Place {
            path: source.path.clone(),
            device: source.identity.device,
            inode: source.identity.inode,
            offset: source.line_offset(),
        };
        let state = State { files: self.sources.iter().map(place).collect() };
        if state == self.saved {
            return;
        }
        match state.save(file) {
            Ok(()) => self.saved = state,
            Err(error) => {
                warn!(component = self.component, file = %file.display(), %error, "cannot write the state file; a restart would read lines again");
            }
        }
    }

    /// Marks files whose name belongs to another now, or to none. True when there are new ones to find.
    fn notice_replaced(&mut self) -> bool {
        let mut found = false;
        for source in self.sources.iter_mut().filter(|source| source.replaced.is_none()) {
            let current = fs::metadata(&source.path).ok().map(|metadata| Identity::of(&metadata));
            if current != Some(source.identity) {
                source.replaced = Some(Instant::now());
                found = true;
            }
        }
        found
    }

    fn scan(&mut self) {
        let is_first = self.scanned.is_none();
        self.scanned = Some(Instant::now());
        let mut seen = HashSet::new();
        let paths: Vec<PathBuf> = self.rules.path.iter().flat_map(|pattern| glob::files(pattern)).collect();
        for path in paths {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let identity = Identity::of(&metadata);
            if !seen.insert(identity) || self.is_excluded(&path) {
                continue;
            }
            if let Some(known) = self.sources.iter_mut().find(|source| source.identity == identity) {
                known.path = path;
                known.replaced = None;
                continue;
            }
            if !self.is_too_old(metadata.modified().ok()) {
                self.open(&path, identity, metadata.len(), is_first);
            }
        }
    }

    fn open(&mut self, path: &Path, identity: Identity, size: u64, is_first: bool) {
        let known =
            self.earlier.offset_of(path, identity).map(|offset| if offset <= size { offset } else { 0 });
        // What appears later is new as a whole.
        let offset = known.unwrap_or(if is_first && !self.rules.read_from_head { size } else { 0 });
        let tag = tag(&self.rules.tag, self.rules.tag_pattern.as_ref(), path);
        match Source::open(path, offset, tag) {
            Ok(source) => {
                info!(component = self.component, file = %path.display(), offset, "reading file");
                self.sources.push(source);
            }
            Err(error) => {
                warn!(component = self.component, file = %path.display(), %error, "cannot open the file");
            }
        }
    }

    fn is_excluded(&self, path: &Path) -> bool {
        self.rules.exclude_path.iter().any(|pattern| glob::path_matches(pattern, path))
            || self.rules.exclude.iter().any(|pattern| glob::fits(pattern, path))
    }

    fn is_too_old(&self, modified: Option<SystemTime>) -> bool {
        let Some(limit) = self.rules.ignore_older.filter(|limit| !limit.is_zero()) else { return false };
        modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > limit)
    }

    /// Lets go of files that lost their name and had time to be read to their end.
    fn let_go(&mut self, round: &mut Round, now: u64) {
        let rules = &self.rules;
        self.sources.retain_mut(|source| {
            let keeps = source.replaced.is_none_or(|since| since.elapsed() < rules.rotate_wait);
            if !keeps {
                source.finish(rules, now).into_iter().for_each(|chunk| round.add(chunk));
            }
            keeps
        });
    }
}

impl Round {
    fn add(&mut self, chunk: Chunk) {
        let refused: u64 = chunk.refused.iter().map(|refused| refused.bytes).sum();
        chunk.refused.into_iter().for_each(|refused| add_refusal(&mut self.refused, refused));
        self.batches.push((chunk.batch, chunk.bytes.saturating_sub(refused)));
    }
}

/// `*` becomes the path with dots for slashes; `<name>` a group of the pattern.
fn tag(template: &str, pattern: Option<&Pattern>, path: &Path) -> Tag {
    let path = path.to_string_lossy();
    let mut tag = template.to_owned();
    if let Some(captures) = pattern.and_then(|pattern| pattern.captures(path.as_bytes())) {
        for (name, text) in captures.named() {
            tag = tag.replace(&format!("<{name}>"), &String::from_utf8_lossy(text));
        }
    }
    tag.replace('*', path.trim_start_matches('/').replace('/', ".").as_str()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_their_file() {
        let pattern = Pattern::new(r"(?<app>[a-z]+)\.(?<kind>log|out)$").unwrap();
        let path = Path::new("/var/log/shop.log");
        assert_eq!(&*tag("files", None, path), "files");
        assert_eq!(&*tag("host.*", None, path), "host.var.log.shop.log");
        assert_eq!(&*tag("<kind>.<app>", Some(&pattern), path), "log.shop");
        assert_eq!(&*tag("<app>", Some(&pattern), Path::new("/x")), "<app>");
    }
}
