//! Lines of a terminal: pieces of text with a style each, cut or wrapped to a width. What comes from the node can't move the
//! cursor or change a colour: control characters do not survive.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::model::wording::one_line;

/// Names: of a node, of a column.
pub(super) const STRONG: Style = Style::new().bold();
/// What is wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What takes long.
pub(super) const SLOW: Style = AnsiColor::Yellow.on_default();
/// What goes well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What matters less.
pub(super) const FAINT: Style = Style::new().dimmed();
/// All else.
pub(super) const PLAIN: Style = Style::new();

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    /// A line of one piece.
    pub(super) fn of(style: Style, text: &str) -> Self {
        Self::default().then(style, text)
    }

    /// The line with a piece more. Its blanks are kept, for columns.
    pub(super) fn then(mut self, style: Style, text: &str) -> Self {
        let words: Vec<_> = text.split(' ').map(one_line).collect();
        self.0.push((style, words.join(" ")));
        self
    }

    /// The line with a cell more: text, blanks up to `width`, and a gap of two.
    pub(super) fn cell(self, style: Style, text: &str, width: usize) -> Self {
        let padded = width.saturating_sub(text.chars().count()) + 2;
        let mut line = self.then(style, text);
        line.0.push((PLAIN, " ".repeat(padded)));
        line
    }

    /// The line, at most `width` columns of it, with `…` where something was cut.
    pub(super) fn cut(self, width: usize) -> Self {
        let columns: usize = self.0.iter().map(|(_, text)| text.chars().count()).sum();
        if columns <= width {
            return self;
        }
        let mut room = width.saturating_sub(1);
        let mut kept: Vec<(Style, String)> = Vec::new();
        for (style, text) in self.0 {
            let piece: String = text.chars().take(room).collect();
            room -= piece.chars().count();
            kept.push((style, piece));
        }
        kept.push((FAINT, "…".to_owned()));
        Self(kept)
    }

    /// The line as bytes for a terminal, with or without colour.
    pub(super) fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        for (style, piece) in &self.0 {
            _ = match colour && *style != PLAIN && !piece.trim().is_empty() {
                true => write!(text, "{style}{piece}{style:#}"),
                false => write!(text, "{piece}"),
            };
        }
        text.truncate(text.trim_end().len());
        text
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(true))
    }
}

/// `text` in lines of at most `width` columns, each after `indent` blanks. A word that is longer than that is cut by the
/// page.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> Vec<Line> {
    let mut lines: Vec<String> = Vec::new();
    for word in one_line(text).split(' ').filter(|word| !word.is_empty()) {
        let room = |line: &&mut String| indent + line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut().filter(room) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| Line::of(PLAIN, &format!("{}{line}", " ".repeat(indent)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_terminal_ends_whatever_its_styles() {
        let line = Line::of(BAD, "wörd").then(PLAIN, " and more");
        assert_eq!(line.clone().cut(13).render(false), "wörd and more");
        assert_eq!(line.clone().cut(8).render(false), "wörd an…");
        assert_eq!(line.cut(3).render(false), "wö…");
    }

    #[test]
    fn nothing_from_the_node_reaches_the_terminal_as_a_command() {
        let line = Line::of(PLAIN, "a\u{1b}[2Jb\nc").then(BAD, "  \u{1b}]0;x\u{7}  ");
        assert!(!line.render(false).contains(char::is_control), "{line}");
        assert_eq!(Line::of(BAD, "x").render(true), format!("{BAD}x{BAD:#}"));
    }

    #[test]
    fn a_sentence_is_wrapped_between_words() {
        let lines: Vec<_> =
            wrap("one two  three averylongword x", 10, 2).iter().map(|line| line.render(false)).collect();
        assert_eq!(lines, ["  one two", "  three", "  averylongword", "  x"]);
    }
}
