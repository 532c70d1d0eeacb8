//! A subscriber that keeps every span and event.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{self, Debug, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// The fields of a span or an event, as text.
pub(crate) type Fields = BTreeMap<String, String>;

/// A span.
#[derive(Clone, Debug)]
pub struct RecordedSpan {
    /// Its name.
    pub name: &'static str,
    /// Its target.
    pub target: String,
    /// Its fields.
    pub fields: Fields,
    /// The place of its parent among the spans.
    pub parent: Option<usize>,
    /// How often it is entered now.
    pub entered: usize,
}

/// An event.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    /// Its level.
    pub level: Level,
    /// Its target.
    pub target: String,
    /// Its fields, the message among them.
    pub fields: Fields,
    /// The place of its span among the spans.
    pub span: Option<usize>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<RecordedSpan>,
    events: Vec<RecordedEvent>,
    /// What each thread has entered.
    stacks: HashMap<ThreadId, Vec<usize>>,
}

/// Keeps every span and event of the threads that it is the subscriber of. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Traces(Arc<Mutex<Kept>>);

impl Traces {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spans of this project, in the order in which they began. The parents are places in [`all_spans`](Self::all_spans).
    #[must_use]
    pub fn spans(&self, name: &str) -> Vec<RecordedSpan> {
        let spans = self.all_spans().into_iter();
        spans.filter(|span| span.name == name).collect()
    }

    /// All spans, also those of other crates.
    #[must_use]
    pub fn all_spans(&self) -> Vec<RecordedSpan> {
        self.kept().spans.clone()
    }

    /// The events of this project with this message.
    #[must_use]
    pub fn events(&self, message: &str) -> Vec<RecordedEvent> {
        let kept = self.kept();
        let events = kept.events.iter().filter(|it| it.target == "industrydata");
        let named = events.filter(|it| it.fields["message"] == message);
        named.cloned().collect()
    }

    /// The names of a span and of those above it, the innermost first.
    #[must_use]
    pub fn path(&self, span: Option<usize>) -> Vec<&'static str> {
        let spans = self.all_spans();
        let above = std::iter::successors(span, |at| spans[*at].parent);
        above.map(|at| spans[at].name).collect()
    }

    /// Everything that was recorded, as text.
    #[must_use]
    pub fn text(&self) -> String {
        let kept = self.kept();
        let mut text = String::new();
        for span in &kept.spans {
            writeln!(text, "{span:?}").unwrap();
        }
        for event in &kept.events {
            writeln!(text, "{event:?}").unwrap();
        }
        text
    }
}

impl Subscriber for Traces {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut kept = self.kept();
        let parent = match attributes.parent() {
            Some(id) => Some(place(id)),
            None if attributes.is_contextual() => kept.current(),
            None => None,
        };
        let mut fields = Fields::new();
        attributes.record(&mut Writer(&mut fields));
        let metadata = attributes.metadata();
        let span = RecordedSpan {
            name: metadata.name(),
            target: metadata.target().to_owned(),
            fields,
            parent,
            entered: 0,
        };
        kept.spans.push(span);
        Id::from_u64(kept.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut kept = self.kept();
        values.record(&mut Writer(&mut kept.spans[place(span)].fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut kept = self.kept();
        let span = match event.parent() {
            Some(id) => Some(place(id)),
            None if event.is_contextual() => kept.current(),
            None => None,
        };
        let mut fields = Fields::new();
        event.record(&mut Writer(&mut fields));
        kept.events.push(RecordedEvent {
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            fields,
            span,
        });
    }

    fn enter(&self, span: &Id) {
        let mut kept = self.kept();
        let stack = kept.stacks.entry(thread::current().id()).or_default();
        stack.push(place(span));
        kept.spans[place(span)].entered += 1;
    }

    fn exit(&self, span: &Id) {
        let mut kept = self.kept();
        let stack = kept.stacks.entry(thread::current().id()).or_default();
        assert_eq!(stack.pop(), Some(place(span)), "a span is left out of turn");
        kept.spans[place(span)].entered -= 1;
    }
}

impl Kept {
    fn current(&self) -> Option<usize> {
        self.stacks.get(&thread::current().id())?.last().copied()
    }
}

fn place(id: &Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

/// Writes fields as text.
struct Writer<'f>(&'f mut Fields);

impl Visit for Writer<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        fmt::write(&mut text, format_args!("{value:?}")).unwrap();
        self.0.insert(field.name().to_owned(), text);
    }
}
