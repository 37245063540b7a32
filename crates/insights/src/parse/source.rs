//! The `SOURCE` command.

use super::Parser;
use crate::error::Fault;
use crate::lex::Kind;
use crate::source::Source;

const MAX_PREFIXES: usize = 5;
const MAX_ACCOUNTS: usize = 20;
const MAX_DATA_SOURCES: usize = 10;

impl Parser<'_> {
    pub(super) fn source(&mut self) -> Result<Source, Fault> {
        self.advance()?;
        let mut source = Source::default();
        if self.take_word("logGroups")? {
            self.log_groups(&mut source)?;
        } else if self.take_word("dataSource")? {
            self.expect("(")?;
            source.data_sources = self.texts(MAX_DATA_SOURCES)?;
            self.expect(")")?;
        } else if let Kind::Text(group) = &self.next.kind {
            source.groups.push(group.clone());
            self.advance()?;
        } else {
            return Err(self.unexpected(["logGroups", "dataSource", "a log group's name"]));
        }
        Ok(source)
    }

    fn log_groups(&mut self, source: &mut Source) -> Result<(), Fault> {
        self.expect("(")?;
        while !self.at(")") {
            let word = self.next.kind.clone();
            let Kind::Word(word) = word else { return Err(self.unknown_option()) };
            let (list, most) = match word.to_ascii_lowercase().as_str() {
                "nameprefix" => (&mut source.prefixes, MAX_PREFIXES),
                "class" => (&mut source.classes, usize::MAX),
                "accountidentifiers" => (&mut source.accounts, MAX_ACCOUNTS),
                _ => return Err(self.unknown_option()),
            };
            self.advance()?;
            self.expect(":")?;
            *list = self.texts(most)?;
            if !self.take(",")? {
                break;
            }
        }
        self.expect(")")
    }

    fn unknown_option(&self) -> Fault {
        self.unexpected(["namePrefix", "class", "accountIdentifiers"])
    }

    /// Strings in brackets, `most` of them at most.
    fn texts(&mut self, most: usize) -> Result<Vec<String>, Fault> {
        let start = self.next.span;
        self.expect("[")?;
        let mut texts = Vec::new();
        loop {
            let Kind::Text(text) = &self.next.kind else { return Err(self.unexpected(["a string"])) };
            texts.push(text.clone());
            self.advance()?;
            if !self.take(",")? {
                break;
            }
        }
        self.expect("]")?;
        if texts.len() > most {
            return Err(Fault::new(start.to(self.last), format!("at most {most} may be named here")));
        }
        Ok(texts)
    }
}
