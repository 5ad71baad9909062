//! What is drawn again and again: in place on a terminal, one block after the other anywhere else.

use std::io::{self, IsTerminal as _, Write};

use crate::cli::line::{FAINT, Line};

const WIDTH: usize = 100;
const HIDE_CURSOR: &str = "\u{1b}[?25l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";
const TO_LINE_END: &str = "\u{1b}[K";
const TO_SCREEN_END: &str = "\u{1b}[J";

/// Columns and rows of the terminal that stdout is; 100 columns where it is none.
pub(in crate::cli) fn size() -> (usize, Option<usize>) {
    let of_terminal = rustix::termios::tcgetwinsize(io::stdout()).ok();
    match of_terminal.filter(|size| size.ws_col > 0 && size.ws_row > 0) {
        Some(size) => (size.ws_col.into(), Some(size.ws_row.into())),
        None => (WIDTH, None),
    }
}

/// Where pages go, one after the other.
#[derive(Debug)]
pub(super) struct Screen<W: Write> {
    out: W,
    colour: bool,
    in_place: bool,
    /// Lines of the page that stands there.
    standing: usize,
    drawn: bool,
}

impl Screen<io::Stdout> {
    /// Standard output, with colour where it has it.
    pub(super) fn stdout() -> Self {
        let out = io::stdout();
        let colour = anstream::AutoStream::choice(&out) != anstream::ColorChoice::Never;
        let in_place = out.is_terminal();
        Self { out, colour, in_place, standing: 0, drawn: false }
    }
}

impl<W: Write> Screen<W> {
    /// Whether pages replace each other.
    pub(super) fn in_place(&self) -> bool {
        self.in_place
    }

    /// Draws a page; in place no more of it than fits into `rows`, for what has scrolled away can't be drawn again.
    pub(super) fn draw(&mut self, page: &[Line], rows: Option<usize>) -> io::Result<()> {
        let text = if self.in_place { self.over(page, rows) } else { self.after(page) };
        self.drawn = true;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn after(&self, page: &[Line]) -> String {
        let gap = if self.drawn { "\n" } else { "" };
        page.iter().fold(gap.to_owned(), |text, line| text + &line.render(self.colour) + "\n")
    }

    /// In one write, and line by line over the old ones: nothing flickers.
    fn over(&mut self, page: &[Line], rows: Option<usize>) -> String {
        let page = fit(page, rows);
        let mut text = HIDE_CURSOR.to_owned();
        if self.standing > 0 {
            text += &format!("\u{1b}[{}A", self.standing);
        }
        for line in &page {
            text = text + "\r" + &line.render(self.colour) + TO_LINE_END + "\n";
        }
        self.standing = page.len();
        text + TO_SCREEN_END
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        if self.in_place && self.drawn {
            _ = self.out.write_all(SHOW_CURSOR.as_bytes()).and_then(|()| self.out.flush());
        }
    }
}

/// The page with its end left out where it does not fit: the cursor stands below it.
fn fit(page: &[Line], rows: Option<usize>) -> Vec<Line> {
    let room = rows.map_or(usize::MAX, |rows| rows.saturating_sub(1).max(1));
    if page.len() <= room {
        return page.to_vec();
    }
    let shown = room - 1;
    let more = Line::of(FAINT, &format!("… {} lines more", page.len() - shown));
    page.iter().take(shown).cloned().chain([more]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lines: &[&str]) -> Vec<Line> {
        lines.iter().map(|text| Line::default().then(anstyle::Style::new(), text)).collect()
    }

    fn drawn(in_place: bool, pages: &[&[&str]], rows: Option<usize>) -> String {
        let mut bytes = Vec::new();
        let mut screen = Screen { out: &mut bytes, colour: false, in_place, standing: 0, drawn: false };
        pages.iter().for_each(|lines| screen.draw(&page(lines), rows).unwrap());
        drop(screen);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_page_is_drawn_over_the_one_before_and_the_cursor_comes_back() {
        let text = drawn(true, &[&["a", "b"], &["c"]], Some(24));
        let first = "\u{1b}[?25l\ra\u{1b}[K\n\rb\u{1b}[K\n\u{1b}[J";
        let second = "\u{1b}[?25l\u{1b}[2A\rc\u{1b}[K\n\u{1b}[J";
        assert_eq!(text, format!("{first}{second}\u{1b}[?25h"));
    }

    #[test]
    fn where_there_is_no_terminal_blocks_follow_each_other_without_commands() {
        assert_eq!(drawn(false, &[&["a", "b"], &["c"]], None), "a\nb\n\nc\n");
    }

    #[test]
    fn a_page_that_is_higher_than_the_terminal_is_cut_and_says_so() {
        let text = drawn(true, &[&["a", "b", "c", "d"]], Some(4));
        assert!(text.contains("a") && text.contains("b") && text.contains("… 2 lines more"), "{text}");
        assert!(!text.contains("c\u{1b}"), "{text}");
    }
}
