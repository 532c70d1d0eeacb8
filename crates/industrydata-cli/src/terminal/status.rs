//! The status of a wait: one line on a terminal, replaced in place. Elsewhere a line on each change, and one every five
//! minutes.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anstyle::Style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use industrydata_core::Timestamp;

use crate::terminal::{
    colour::{CAUTION, GOOD, has_error_colours, paint},
    detail::Detail,
    stream::write_error,
    times::{self, duration},
    width::{Width, columns, cut},
};

/// How often the line on a terminal is drawn: its seconds count.
const TICK: Duration = Duration::from_millis(250);
/// How often a wait without a terminal says that it goes on.
const HEARTBEAT: Duration = Duration::from_secs(5 * 60);

/// How many columns of a reason are worth showing.
const SHORTEST_WHY: usize = 16;

/// The line that is on the terminal now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// What is known of a wait.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    /// The state, without control characters.
    pub(crate) state: String,
    /// Why the next poll is later than usual, without control characters.
    pub(crate) why: Option<String>,
    /// When the wait began.
    pub(crate) since: Timestamp,
    /// When the next poll is. A wait for a slot tries again then.
    pub(crate) next: Instant,
    /// What happens then, such as `next poll`.
    pub(crate) what: &'static str,
    /// When the wait gives up, if that is a time.
    pub(crate) gives_up: Option<Timestamp>,
}

impl Status {
    /// Whether people should read of the change from the other.
    fn differs(&self, other: &Self) -> bool {
        (&self.state, &self.why) != (&other.state, &other.why)
    }

    /// The status in one line of this width. What matters least is left out first.
    fn render(&self, width: Width, now: Timestamp, at: Instant) -> String {
        let elapsed = now.duration_since(self.since);
        // Whole seconds: a fraction would suggest more than a clock of another machine gives.
        let elapsed = duration(Duration::from_secs(
            elapsed.as_secs().try_into().unwrap_or_default(),
        ));
        let next = self.next.saturating_duration_since(at);
        // From a second on, a fraction would only make the line restless.
        let next = match next.as_secs() {
            0 => next,
            seconds => Duration::from_secs(seconds + u64::from(next.subsec_nanos() > 0)),
        };
        let next = match next.as_millis() < 100 {
            true => format!("{} now", self.what),
            false => format!("{} in {}", self.what, duration(next)),
        };
        let why = match &self.why {
            Some(why) => format!(": {why}"),
            None => String::new(),
        };
        let gives_up = match self.gives_up {
            Some(until) => format!(" (gives up at {})", times::at_today(until, now)),
            None => String::new(),
        };
        let state = &self.state;
        let short = format!("{state} · {elapsed} · {next}");
        // A reason is cut rather than left out, if enough of it is left to be read.
        let room = width.0.map(|width| width.saturating_sub(columns(&short)));
        let cut_why = match (room, &self.why) {
            (Some(room), Some(_)) if room >= SHORTEST_WHY => {
                Some(cut(&format!("{short}{why}"), width.0.unwrap_or_default()))
            }
            _ => None,
        };
        let forms = [
            Some(format!("{short}{why}{gives_up}")),
            Some(format!("{short}{why}")),
            cut_why,
            Some(short.clone()),
            Some(format!("{state} · {next}")),
            Some(format!("{state} · {elapsed}")),
        ];
        let mut forms = forms.into_iter().flatten();
        let fitting = forms.find(|form| width.fits(columns(form)));
        let text = fitting.unwrap_or_else(|| cut(state, width.0.unwrap_or(usize::MAX)));
        self.painted(&text)
    }

    /// The text with its state in colour.
    fn painted(&self, text: &str) -> String {
        let style: Style = if self.why.is_some() { CAUTION } else { GOOD };
        match text.strip_prefix(&self.state) {
            Some(rest) => format!("{}{rest}", paint(style, &self.state)),
            None => text.to_owned(),
        }
    }
}

/// Shows the status of one wait until it is dropped.
pub(crate) enum StatusLine {
    /// The user wants no progress.
    Nothing,
    /// One line, replaced in place.
    Terminal(Arc<Mutex<Option<Status>>>),
    /// Lines, one below the other.
    Lines(Lines),
}

impl StatusLine {
    /// A line for a wait that begins.
    pub(crate) fn new() -> Self {
        if !Detail::Usual.is_shown() {
            return Self::Nothing;
        }
        let target = ProgressDrawTarget::stderr();
        if target.is_hidden() {
            return Self::Lines(Lines::new(HEARTBEAT, |text| {
                write_error(&format!("{text}\n"))
            }));
        }
        let status = Arc::new(Mutex::new(None));
        let shown = Arc::clone(&status);
        let has_colours = has_error_colours();
        let key = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            if let Some(status) = &*lock(&shown) {
                let text =
                    Status::render(status, Width::stderr(), Timestamp::now(), Instant::now());
                let _ = match has_colours {
                    true => out.write_str(&text),
                    false => write!(out, "{}", anstream::adapter::strip_str(&text)),
                };
            }
        };
        let style = ProgressStyle::with_template("{status}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key("status", key);
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        *lock(&SHOWN) = Some(bar);
        Self::Terminal(status)
    }

    /// Shows this status from now on.
    pub(crate) fn set(&self, new: Status) {
        match self {
            Self::Nothing => {}
            Self::Terminal(status) => {
                *lock(status) = Some(new);
                if let Some(bar) = &*lock(&SHOWN) {
                    bar.enable_steady_tick(TICK);
                    bar.tick();
                }
            }
            Self::Lines(lines) => lines.set(new),
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if let Self::Terminal(_) = self {
            end();
        }
    }
}

/// Takes the line off the terminal for good, if there is one.
pub(crate) fn end() {
    let shown = lock(&SHOWN).take();
    if let Some(bar) = shown {
        bar.finish_and_clear();
    }
}

/// Writes something else, with the line off the terminal meanwhile.
pub(super) fn suspend<T>(write: impl FnOnce() -> T) -> T {
    let shown = lock(&SHOWN).clone();
    match shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// A status without a terminal.
pub(crate) struct Lines {
    send: Sender<Status>,
    /// The thread that writes; `None` if it could not start.
    writer: Option<thread::JoinHandle<()>>,
}

impl Lines {
    fn new(heartbeat: Duration, write: impl Fn(String) + Send + 'static) -> Self {
        let (send, statuses) = mpsc::channel::<Status>();
        let work = move || {
            let mut last: Option<(Status, Instant)> = None;
            loop {
                let left = last.as_ref().map_or(heartbeat, |(_, written)| {
                    heartbeat.saturating_sub(written.elapsed())
                });
                let status = match statuses.recv_timeout(left) {
                    Ok(status) => status,
                    Err(RecvTimeoutError::Timeout) => match &last {
                        Some((status, _)) => status.clone(),
                        None => continue,
                    },
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let written = match &last {
                    Some((last, written))
                        if !status.differs(last)
                            && written.elapsed() < heartbeat
                            && !Detail::Verbose.is_shown() =>
                    {
                        *written
                    }
                    _ => {
                        write(status.render(Width(None), Timestamp::now(), Instant::now()));
                        Instant::now()
                    }
                };
                last = Some((status, written));
            }
        };
        let writer = thread::Builder::new().name("status".to_owned()).spawn(work);
        Self {
            send,
            writer: writer.ok(),
        }
    }

    fn set(&self, status: Status) {
        // Without its thread, nothing is written.
        let _ = self.send.send(status);
    }
}

impl Drop for Lines {
    /// Waits until the last change is written, so that it comes before the result.
    fn drop(&mut self) {
        let (closed, _) = mpsc::channel();
        drop(std::mem::replace(&mut self.send, closed));
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str, why: Option<&str>) -> Status {
        let now = Timestamp::now();
        Status {
            state: state.to_owned(),
            why: why.map(str::to_owned),
            since: now,
            next: Instant::now() + Duration::from_secs(30),
            what: "next poll",
            gives_up: now.checked_add(Duration::from_secs(7200)).ok(),
        }
    }

    fn shown(status: &Status, width: Option<usize>) -> String {
        let at = status.next - Duration::from_secs(12);
        let now = status.since + Duration::from_secs(65);
        let text = status.render(Width(width), now, at);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_status_fits_the_terminal_and_loses_the_least_first() {
        let usual = status("running", None);
        let whole = shown(&usual, None);
        assert!(
            whole.starts_with("running · 1 min 5 s · next poll in 12 s (gives up at "),
            "{whole}"
        );
        assert_eq!(shown(&usual, Some(200)), whole);
        assert_eq!(
            shown(&usual, Some(40)),
            "running · 1 min 5 s · next poll in 12 s"
        );
        assert_eq!(shown(&usual, Some(30)), "running · next poll in 12 s");
        assert_eq!(shown(&usual, Some(20)), "running · 1 min 5 s");
        let failing = status("running", Some("the last poll failed (503)"));
        assert!(shown(&failing, None).contains("in 12 s: the last poll failed (503) (gives"));
        assert_eq!(
            shown(&failing, Some(60)),
            "running · 1 min 5 s · next poll in 12 s: the last poll fail…"
        );
        assert_eq!(
            shown(&failing, Some(50)),
            "running · 1 min 5 s · next poll in 12 s"
        );
        for width in 20..120 {
            for status in [&usual, &failing, &status(&"x".repeat(200), None)] {
                assert!(columns(&shown(status, Some(width))) <= width);
            }
        }
    }

    #[test]
    fn without_a_terminal_a_line_is_written_on_each_change_and_each_heartbeat() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&written);
        let write = move |text: String| {
            let text = anstream::adapter::strip_str(&text).to_string();
            let state = text.split(" · ").next().unwrap_or_default().to_owned();
            lock(&record).push(state);
        };
        let heartbeat = Duration::from_millis(300);
        let lines = Lines::new(heartbeat, write);
        for state in ["notStarted", "running", "running", "running"] {
            lines.set(status(state, None));
        }
        thread::sleep(heartbeat * 5 / 2);
        lines.set(status("running", Some("the last poll failed")));
        drop(lines);
        let written = lock(&written).clone();
        assert_eq!(
            written,
            ["notStarted", "running", "running", "running", "running"]
        );
    }
}
