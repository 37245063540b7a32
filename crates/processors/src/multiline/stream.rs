//! The streams of lines, one a tag, and the groups open in them.

use model::{Batch, List, LogRecord, Reason, Span, Tag, Value};
use tokio::time::Instant;

use super::MAX_BYTES;
use super::machine::{Machine, State, Verdict};
use crate::fields;
use crate::held::{Held, Place};

/// What all open groups together may hold. Above it the one that waited longest is let go.
const MAX_HELD_BYTES: usize = 16 << 20;
/// Tags remembered for which nothing is held.
const MAX_IDLE: usize = 256;

pub(super) struct Streams {
    machines: Vec<Machine>,
    key: Box<[u8]>,
    streams: Vec<Stream>,
}

struct Stream {
    tag: Tag,
    /// The parser that took the last line.
    active: Option<usize>,
    groups: Vec<Group>,
}

struct Group {
    machine: usize,
    name: Box<[u8]>,
    state: State,
    held: Held,
}

/// A record as one parser sees it.
struct Line<'m> {
    record: LogRecord,
    list: List,
    /// The field that holds the text.
    key: &'m [u8],
    text: Span,
    /// What the rules look at.
    decisive: Span,
    group: Box<[u8]>,
}

impl Streams {
    pub fn new(machines: Vec<Machine>, key: &str) -> Streams {
        Streams { machines, key: key.as_bytes().into(), streams: Vec::new() }
    }

    pub fn held(&self) -> u64 {
        self.streams.iter().map(|stream| stream.groups.len() as u64).sum()
    }

    pub fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let now = Instant::now();
        let place = self.stream(&batch.tag);
        let stream = &mut self.streams[place];
        let records = std::mem::take(&mut batch.logs);
        batch.logs.reserve(records.len());
        for mut record in records {
            let taken = fields::fields(&mut batch.arena, &mut record)
                .is_some_and(|list| stream.take(&self.machines, &self.key, &mut batch, record, list, now));
            if !taken {
                stream.close(&mut batch);
                batch.logs.push(record);
            }
        }
        self.limit(out);
        out.push(batch);
    }

    fn stream(&mut self, tag: &Tag) -> usize {
        if let Some(place) = self.streams.iter().position(|stream| stream.tag == *tag) {
            return place;
        }
        if self.streams.len() >= MAX_IDLE {
            self.streams.retain(|stream| !stream.groups.is_empty());
        }
        self.streams.push(Stream { tag: tag.clone(), active: None, groups: Vec::new() });
        self.streams.len() - 1
    }

    fn limit(&mut self, out: &mut Vec<Batch>) {
        let groups = |streams: &[Stream]| -> Vec<(usize, usize, Instant, usize)> {
            let of_stream = |(place, stream): (usize, &Stream)| {
                let group =
                    move |(at, group): (usize, &Group)| (place, at, group.held.touched, group.held.size());
                stream.groups.iter().enumerate().map(group).collect::<Vec<_>>()
            };
            streams.iter().enumerate().flat_map(of_stream).collect()
        };
        loop {
            let open = groups(&self.streams);
            let oldest = open.iter().min_by_key(|(.., touched, _)| *touched);
            match oldest {
                Some(&(stream, group, ..))
                    if open.iter().map(|open| open.3).sum::<usize>() > MAX_HELD_BYTES =>
                {
                    out.push(self.streams[stream].groups.remove(group).held.into_batch());
                }
                _ => return,
            }
        }
    }

    pub fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        let machines = &self.machines;
        let late = |group: &mut Group| {
            now.saturating_duration_since(group.held.touched) >= machines[group.machine].flush_after
        };
        for stream in &mut self.streams {
            out.extend(stream.groups.extract_if(.., late).map(|group| group.held.into_batch()));
        }
    }

    pub fn finish(&mut self, out: &mut Vec<Batch>) {
        let groups = self.streams.drain(..).flat_map(|stream| stream.groups);
        out.extend(groups.map(|group| group.held.into_batch()));
    }
}

impl Stream {
    /// Offers the record to the parsers; false when none takes it.
    fn take(
        &mut self,
        machines: &[Machine],
        key: &[u8],
        batch: &mut Batch,
        record: LogRecord,
        list: List,
        now: Instant,
    ) -> bool {
        let last = self.active;
        let others = (0..machines.len()).filter(|place| Some(*place) != last);
        for place in last.into_iter().chain(others) {
            let machine = &machines[place];
            let Some(line) = Line::read(machine, key, batch, record, list) else { continue };
            let own = |group: &Group| group.machine == place && group.name == line.group;
            let open = self.groups.iter().position(own);
            let state = open.map(|open| self.groups[open].state);
            let verdict = machine.judge(state, batch.arena.bytes(line.decisive));
            if verdict == Verdict::NotMine {
                continue;
            }
            if last.is_some_and(|last| last != place) {
                // Another kind of line: what the last parser was at is over.
                self.close(batch);
            }
            self.active = Some(place);
            // Closing may have moved the group that was found.
            let open = self.groups.iter().position(own);
            self.put(machine, place, batch, line, open, verdict, now);
            return true;
        }
        false
    }

    #[allow(clippy::too_many_arguments)]
    fn put(
        &mut self,
        machine: &Machine,
        place: usize,
        batch: &mut Batch,
        line: Line<'_>,
        open: Option<usize>,
        verdict: Verdict,
        now: Instant,
    ) {
        let (state, ends) = match verdict {
            Verdict::NotMine => return,
            Verdict::Starts { state, ends } | Verdict::Continues { state, ends } => (state, ends),
        };
        let text = batch.arena.bytes(line.text);
        let continued = open.filter(|open| {
            matches!(verdict, Verdict::Continues { .. })
                && self.groups[*open].held.content().len() + text.len() < MAX_BYTES
        });
        let at = match (continued, open) {
            (Some(at), _) => {
                let held = &mut self.groups[at].held;
                held.add(machine.joint(held.content(), text), &model::Token::default(), now);
                held.add(text, &batch.token, now);
                self.groups[at].state = state;
                batch.discard(Reason::Joined, 1);
                at
            }
            (None, Some(at)) => {
                let group = Group::new(place, state, line, batch, now);
                std::mem::replace(&mut self.groups[at], group).held.release_into(batch);
                at
            }
            (None, None) => {
                self.groups.push(Group::new(place, state, line, batch, now));
                self.groups.len() - 1
            }
        };
        if ends {
            self.groups.remove(at).held.release_into(batch);
        }
    }

    /// Lets go of every open group, in the order they began.
    fn close(&mut self, batch: &mut Batch) {
        for group in self.groups.drain(..) {
            group.held.release_into(batch);
        }
        self.active = None;
    }
}

impl Group {
    fn new(machine: usize, state: State, line: Line<'_>, batch: &mut Batch, now: Instant) -> Group {
        let held = Held::new(batch, line.record, line.list, line.key, Place::Kept, now);
        Group { machine, name: line.group, state, held }
    }
}

impl<'m> Line<'m> {
    /// Reads the record as the parser wants it; `None` when it has no text, or text that is not the parser's.
    fn read(
        machine: &'m Machine,
        key: &'m [u8],
        batch: &mut Batch,
        mut record: LogRecord,
        mut list: List,
    ) -> Option<Line<'m>> {
        let arena = &mut batch.arena;
        let mut key = key;
        if let Some(parser) = &machine.parser {
            let whole = arena.get(list, key)?;
            let whole = fields::text_span(arena, whole)?;
            let parsed = parser.parse(arena, whole)?;
            record.time = parsed.time.unwrap_or(record.time);
            record.body = Value::Map(parsed.fields);
            list = parsed.fields;
            key = machine.key_content.as_deref().map_or(key, str::as_bytes);
        }
        let mut text = |key: &[u8]| {
            let value = arena.get(list, key)?;
            fields::text_span(arena, value)
        };
        let content = text(key)?;
        let decisive = machine.key_pattern.as_deref().and_then(|key| text(key.as_bytes()));
        let group = machine.key_group.as_deref().and_then(|key| text(key.as_bytes()));
        let group = group.map_or(&b""[..], |group| batch.arena.bytes(group));
        Some(Line {
            record,
            list,
            key,
            text: content,
            decisive: decisive.unwrap_or(content),
            group: group.into(),
        })
    }
}
