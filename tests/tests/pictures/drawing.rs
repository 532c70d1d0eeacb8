//! Boxes, lines and texts of an SVG file, readable on light and on dark pages.

use std::fmt::Write as _;

/// An upper estimate of a character's width in pixels, by the size of the letters.
const WIDTH_OF_A_CHARACTER: f64 = 0.56;

/// How a text is placed at its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Start,
    Middle,
    End,
}

#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Frame {
    pub(crate) const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    pub(crate) fn middle(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

pub(crate) struct Drawing {
    body: String,
    width: f64,
    height: f64,
}

impl Drawing {
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        let body = format!("<title>{}</title>\n", escaped(title));
        Self {
            body,
            width,
            height,
        }
    }

    /// A box with a title and lines below it. `class` is its colour.
    pub(crate) fn frame(&mut self, frame: Frame, class: &str, title: &str, lines: &[String]) {
        let Frame {
            x,
            y,
            width,
            height,
        } = frame;
        _ = writeln!(
            self.body,
            "<rect class=\"i-{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
        self.fits(title, 14.0, width);
        let (middle, centre) = frame.middle();
        if lines.is_empty() {
            self.text(middle, centre + 5.0, Align::Middle, "title", title);
            return;
        }
        self.text(middle, y + 20.0, Align::Middle, "title", title);
        for (at, line) in (0..).zip(lines) {
            self.fits(line, 12.0, width);
            let below = f64::from(at) * 16.0;
            self.text(x + 10.0, y + 40.0 + below, Align::Start, "small", line);
        }
    }

    /// The height of a box with so many lines.
    pub(crate) fn height_of(lines: usize) -> f64 {
        34.0 + 16.0 * f64::from(u32::try_from(lines).unwrap())
    }

    /// Lines from point to point, with an arrow at the end.
    pub(crate) fn arrow(&mut self, points: &[(f64, f64)]) {
        self.line(points, "line", true);
    }

    pub(crate) fn line(&mut self, points: &[(f64, f64)], class: &str, has_arrow: bool) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let arrow = if has_arrow {
            " marker-end=\"url(#arrow)\""
        } else {
            ""
        };
        let points = points.join(" ");
        _ = writeln!(
            self.body,
            "<polyline class=\"i-{class}\" points=\"{points}\"{arrow}/>"
        );
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, align: Align, class: &str, text: &str) {
        let anchor = match align {
            Align::Start => "start",
            Align::Middle => "middle",
            Align::End => "end",
        };
        let text = escaped(text);
        _ = writeln!(
            self.body,
            "<text class=\"i-{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    fn fits(&self, text: &str, size: f64, width: f64) {
        let letters = f64::from(u32::try_from(text.chars().count()).unwrap());
        let needed = letters * size * WIDTH_OF_A_CHARACTER;
        assert!(
            needed <= width,
            "{text:?} needs {needed} of {width} in a box of the picture"
        );
    }

    pub(crate) fn finish(self) -> String {
        let Self {
            body,
            width,
            height,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" style=\"max-width: 100%; height: auto\">\n\
<!-- Drawn by the code under tests/ from what the core does. -->\n\
<style>\n\
text {{ font-family: system-ui, 'Segoe UI', 'Helvetica Neue', sans-serif; fill: #1f2328; }}\n\
.i-title {{ font-size: 14px; font-weight: 600; }}\n\
.i-head {{ font-size: 16px; font-weight: 600; }}\n\
.i-small {{ font-size: 12px; }}\n\
.i-page {{ fill: #ffffff; stroke: #d0d7de; }}\n\
.i-step {{ fill: #ddf4ff; stroke: #54aeff; }}\n\
.i-good {{ fill: #dafbe1; stroke: #4ac26b; }}\n\
.i-bad {{ fill: #ffebe9; stroke: #ff8182; }}\n\
.i-open {{ fill: #fff8c5; stroke: #d4a72c; }}\n\
.i-plain {{ fill: #f6f8fa; stroke: #8c959f; }}\n\
.i-line {{ fill: none; stroke: #57606a; stroke-width: 1.5; }}\n\
.i-life {{ fill: none; stroke: #d0d7de; stroke-width: 1.5; stroke-dasharray: 4 4; }}\n\
</style>\n\
<defs><marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0,0 L10,5 L0,10 z\" fill=\"#57606a\"/></marker></defs>\n\
<rect class=\"i-page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
{body}</svg>\n",
            width - 1.0,
            height - 1.0
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
