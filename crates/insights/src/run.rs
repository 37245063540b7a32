//! A program at work: rows in, a table out.

mod rest;
mod rows;

use crate::aggregate::{Groups, set};
use crate::check::DEFAULT_LIMIT;
use crate::cluster::{Clusters, Samples};
use crate::expr::Env;
use crate::number::Number;
use crate::program::{Limits, Program, Window};
use crate::row::Row;
use crate::run::rows::{Scratch, walk};
use crate::step::{RowStep, Step};
use crate::table::Table;
use crate::top::{Kept, Order, Top};
use crate::value::Value;

/// Rows kept for commands behind `sort` that may still drop some.
const MOST_KEPT: usize = 100_000;

/// One execution. Runs of the same program over parts of the rows can be merged.
#[derive(Debug)]
pub struct Run<'p> {
    program: &'p Program,
    window: Window,
    limits: Limits,
    sink: Sink,
    scratch: Scratch,
    /// Kept only for its memory.
    variables: Vec<Value<'static>>,
    matched: u64,
}

/// Where rows go once the commands that need only one row are done.
#[derive(Debug)]
enum Sink {
    Rows(Top),
    Groups(Groups),
    Clusters(Clusters<Samples>),
}

impl<'p> Run<'p> {
    pub(crate) fn new(program: &'p Program, window: Window, limits: Limits) -> Run<'p> {
        Run {
            program,
            window,
            limits,
            sink: sink(program, &limits),
            scratch: Scratch::default(),
            variables: Vec::new(),
            matched: 0,
        }
    }

    /// Takes in a row of the query's window. Rows should come newest first; in any other order all of them must
    /// come.
    pub fn push(&mut self, row: &impl Row) {
        self.take(row, false);
    }

    /// Takes in a row of [`Program::reference_window`]; only `diff` uses it.
    pub fn push_reference(&mut self, row: &impl Row) {
        if self.program.shift.is_some() {
            self.take(row, true);
        }
    }

    fn take(&mut self, row: &dyn Row, reference: bool) {
        let program = self.program;
        let mut variables = recycled(std::mem::take(&mut self.variables));
        let (sink, limits, window) = (&mut self.sink, &self.limits, self.window);
        let mut n_emitted = 0;
        walk(&program.steps[..program.first], row, window, &mut variables, &mut self.scratch, &mut |env| {
            n_emitted += 1;
            sink.add(program, env, reference, limits);
        });
        self.matched += u64::from(n_emitted > 0 && !reference);
        self.variables = recycled(variables);
    }

    /// Whether rows older than those pushed cannot change the answer, given that rows come newest first.
    pub fn enough(&self) -> bool {
        self.program.newest_first_enough && matches!(&self.sink, Sink::Rows(top) if top.full())
    }

    /// Takes over what another run of the same program and window found in other rows.
    ///
    /// The answer is that of one run over the rows of both, this one's first.
    pub fn merge(&mut self, other: Run<'p>) {
        self.matched += other.matched;
        match (&mut self.sink, other.sink) {
            (Sink::Rows(own), Sink::Rows(other)) => own.merge(other, &self.limits),
            (Sink::Clusters(own), Sink::Clusters(other)) => own.merge(other, &self.limits),
            (Sink::Groups(own), Sink::Groups(other)) => {
                if let Some(Step::Stats(stats)) = self.program.steps.get(self.program.first) {
                    own.merge(stats, other, &self.limits);
                }
            }
            _ => {}
        }
    }

    /// The answer.
    pub fn finish(self) -> Table {
        rest::finish(self)
    }
}

fn sink(program: &Program, limits: &Limits) -> Sink {
    let rest = &program.steps[program.first..];
    let next_limit = match rest.get(1) {
        Some(Step::Limit(count)) => *count,
        _ => DEFAULT_LIMIT,
    };
    match rest.first() {
        Some(Step::Stats(_)) => Sink::Groups(Groups::default()),
        Some(Step::Pattern(_)) => Sink::Clusters(Clusters::default()),
        Some(Step::Limit(count) | Step::Tail(count)) => Sink::Rows(Top::new(Order::Newest, *count)),
        Some(Step::Dedup(_)) => Sink::Rows(Top::new(Order::Distinct, next_limit.min(limits.groups))),
        Some(Step::Sort(keys)) => {
            let drops = |step: &Step| !matches!(step, Step::Row(RowStep::Let(..)));
            let may_drop = rest.get(1).is_some_and(|step| !matches!(step, Step::Limit(_)));
            let most = if may_drop && rest[1..].iter().any(drops) { MOST_KEPT } else { next_limit };
            Sink::Rows(Top::new(Order::Keys(keys.iter().map(|key| key.descending).collect()), most))
        }
        Some(Step::Totals(_) | Step::Row(_)) | None => Sink::Rows(Top::new(Order::Newest, DEFAULT_LIMIT)),
    }
}

impl Sink {
    fn add<'r>(&mut self, program: &'r Program, env: &Env<'_, 'r>, reference: bool, limits: &Limits) {
        let step = program.steps.get(program.first);
        match (self, step) {
            (Sink::Groups(groups), Some(Step::Stats(stats))) => groups.add(stats, env, limits),
            (Sink::Clusters(clusters), Some(Step::Pattern(pattern))) => {
                if let Some(text) = pattern.expr.eval(env).string() {
                    clusters.add(&text, Samples::one(reference), limits);
                }
            }
            (Sink::Rows(top), step) => {
                let time = program.time.as_ref().and_then(|path| env.row.field(path).number());
                let time = time.map_or(i64::MIN, Number::int);
                if top.refuses(time) {
                    return;
                }
                let keys = keys(step, env);
                if !top.is_behind(&keys, time) {
                    let keys = keys.into_iter().map(Value::into_owned).collect();
                    top.add(Kept { time, keys, row: row(program, env) }, limits);
                }
            }
            _ => {}
        }
    }
}

/// What `sort` and `dedup` look at.
fn keys<'r>(step: Option<&'r Step>, env: &Env<'_, 'r>) -> Vec<Value<'r>> {
    match step {
        Some(Step::Sort(keys)) => keys.iter().map(|key| key.expr.eval(env)).collect(),
        Some(Step::Dedup(keys)) => keys.iter().map(|key| key.eval(env)).collect(),
        _ => Vec::new(),
    }
}

/// The variables of a row with the fields it must carry along.
fn row(program: &Program, env: &Env<'_, '_>) -> Vec<Value<'static>> {
    let mut row: Vec<Value<'static>> = env.variables.iter().map(|value| value.clone().into_owned()).collect();
    for (slot, path) in &program.captures {
        set(&mut row, *slot, env.row.field(path).into_owned());
    }
    row
}

/// The same memory for values of another row.
fn recycled<'b>(mut values: Vec<Value<'_>>) -> Vec<Value<'b>> {
    values.clear();
    values.into_iter().map(|_| Value::Null).collect()
}
