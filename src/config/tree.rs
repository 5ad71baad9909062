//! YAML text → a tree of nodes that know where they stand. Scalars keep the text as it was written, so that `1.10` stays
//! `1.10` and `off` is no boolean until a reader asks for one.
//!
//! Built from the parser's events without recursion and within bounds, so that no file can exhaust memory or stack.
//! Anchors, aliases and tags are refused: nothing here needs them, and they are how a small file becomes a large one.

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use super::fault::{Place, Remark, Remarks};

/// How deep a file may nest. The deepest thing it can say is at 7.
const DEPTH: usize = 16;
/// How many nodes a file may have: a hundred sets of fifty images have half as many.
const NODES: usize = 20_000;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Value {
    /// One word or text; `plain` if it was not quoted.
    Scalar { text: String, plain: bool },
    /// `- a` or `[a]`.
    List(Vec<Node>),
    /// `a: b` or `{a: b}`.
    Map(Vec<Entry>),
    /// Something that was remarked here already, and is no value: an alias.
    Refused,
}

/// One `key: value`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) value: Node,
}

impl Node {
    /// Nothing was written, or `null`, or `~`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }
}

/// Reads the one document of a file; `None` for a file that says nothing. Keys written twice are remarked and the first
/// is kept.
///
/// # Errors
/// The first thing after which the text can't be read on.
pub(super) fn parse(text: &str, remarks: &Remarks) -> Result<Option<Node>, Remark> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder { open: Vec::new(), root: None, nodes: 0, remarks };
    while let Some(event) = next(&mut parser)? {
        builder.take(event)?;
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

fn next<'a>(parser: &mut Parser<'a, StrInput<'a>>) -> Result<Option<(Event<'a>, Place)>, Remark> {
    match parser.next_event() {
        None => Ok(None),
        Some(Ok((event, span))) => Ok(Some((event, place(&span.start)))),
        Some(Err(error)) => Err(not_yaml(&error)),
    }
}

fn not_yaml(error: &ScanError) -> Remark {
    Remark { at: place(error.marker()), says: format!("this is not YAML: {}", error.info()) }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// A collection whose end has not come yet.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<Entry>, Option<(String, Place)>),
}

struct Builder<'r> {
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    remarks: &'r Remarks,
}

impl Builder<'_> {
    fn take(&mut self, (event, at): (Event<'_>, Place)) -> Result<(), Remark> {
        self.refuse_indirections(&event, at);
        match event {
            Event::Alias(_) => self.close(at, Value::Refused),
            Event::DocumentStart(..) if self.root.is_some() => {
                refuse(at, "a second document begins here; a file holds one, so remove the line ---")
            }
            Event::Scalar(text, style, ..) => {
                self.close(at, Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain })
            }
            Event::SequenceStart(..) => self.enter(at, Open::List(at, Vec::new())),
            Event::MappingStart(..) => self.enter(at, Open::Map(at, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(at, items)) => self.close(at, Value::List(items)),
                Some(Open::Map(at, entries, _)) => self.close(at, Value::Map(entries)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What is remarked here leaves the rest of the file readable, so that the next fault is found too.
    fn refuse_indirections(&self, event: &Event<'_>, at: Place) {
        let (anchor, tag) = match event {
            Event::Alias(_) => return self.remarks.fault(at, "aliases (*name) are not read here; write the value out"),
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag),
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => (*anchor, tag),
            _ => return,
        };
        if anchor > 0 {
            self.remarks.fault(at, "anchors (&name) are not read here; write the value out where it is used");
        }
        if let Some(tag) = tag {
            self.remarks.fault(at, format!("tags ({}) are not read here; write the value without it", tag.original()));
        }
    }

    fn enter(&mut self, at: Place, open: Open) -> Result<(), Remark> {
        if self.open.len() >= DEPTH {
            return refuse(at, "this nests too deep; no setting is that deep");
        }
        self.open.push(open);
        Ok(())
    }

    /// A node is complete: hands it to the collection it stands in.
    fn close(&mut self, at: Place, value: Value) -> Result<(), Remark> {
        self.nodes += 1;
        if self.nodes > NODES {
            return refuse(at, "this file says too much; split the sets between pools of nodes");
        }
        let node = Node { at, value };
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match (key.take(), node.value) {
                (Some((name, named)), value) => {
                    put(entries, Entry { key: name, at: named, value: Node { at, value } }, self.remarks);
                }
                (None, Value::Scalar { text, .. }) => *key = Some((text, at)),
                (None, _) => return refuse(at, "a list or a map can't be a key; a key is one word"),
            },
        }
        Ok(())
    }
}

fn put(entries: &mut Vec<Entry>, entry: Entry, remarks: &Remarks) {
    match entries.iter().find(|earlier| earlier.key == entry.key) {
        Some(earlier) => remarks.fault(
            entry.at,
            format!("{} is said twice, first in line {}; keep one of them", entry.key, earlier.at.line),
        ),
        None => entries.push(entry),
    }
}

fn refuse<T>(at: Place, says: &str) -> Result<T, Remark> {
    Err(Remark { at, says: says.to_owned() })
}
