//! The answer for a person: the cause first, then what to do. Colour where the terminal has it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::answer::Answer;
use super::input::Message;

const CAUSE: Style = AnsiColor::Red.on_default().bold();
const NONE: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const LABEL: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Answers a person. Of several messages, those that say the same are told once.
pub(super) fn tell(out: &mut impl Write, messages: &[Message], verbose: bool) -> io::Result<()> {
    let answers: Vec<_> = messages.iter().map(Answer::to).collect();
    let alone = answers.len() == 1;
    let mut told: Vec<(&Answer, usize)> = Vec::new();
    let mut index = BTreeMap::new();
    for answer in answers.iter().filter(|answer| alone || verbose || answer.names()) {
        let at = *index.entry((answer.cause, &answer.sentence)).or_insert(told.len());
        match told.get_mut(at) {
            Some((_, count)) => *count += 1,
            None => told.push((answer, 1)),
        }
    }
    for (number, (answer, count)) in told.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        one(out, answer, *count, verbose)?;
    }
    if let [message] = messages {
        merged(out, message.lines_read_as_one())?;
    }
    rest(out, &answers, told.iter().map(|(_, count)| count).sum(), told.is_empty())
}

fn one(out: &mut impl Write, answer: &Answer, count: usize, verbose: bool) -> io::Result<()> {
    let style = match () {
        () if answer.names() => CAUSE,
        () if answer.good_news => GOOD,
        () => NONE,
    };
    write!(out, "{style}{}{style:#}", answer.cause)?;
    let more = if count > 1 { format!(", and {} more like it", count - 1) } else { String::new() };
    if !answer.place.is_empty() {
        write!(out, "  {FAINT}({}{more}){FAINT:#}", answer.place)?;
    }
    writeln!(out, "\n{}", answer.sentence)?;
    if answer.names() {
        advice(out, answer)?;
    }
    if verbose || !answer.names() {
        label(out, "message", &answer.message)?;
    }
    if verbose {
        answer.facts.iter().try_for_each(|(name, value)| label(out, name, value))?;
    }
    Ok(())
}

fn advice(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    writeln!(out, "{LABEL}{}:{LABEL:#} {} {}", answer.owner, answer.advice, answer.mends)?;
    answer.steps.iter().try_for_each(|step| writeln!(out, "  * {step}"))?;
    label(out, "rules out", answer.rules_out)?;
    let words: Vec<_> = answer.evidence.iter().map(|part| format!("\u{201c}{part}\u{201d}")).collect();
    label(out, "known from", &format!("{} ({})", words.join(" and "), answer.confidence))?;
    if !answer.also.is_empty() {
        label(out, "named too", &answer.also.join(", "))?;
    }
    Ok(())
}

fn label(out: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{FAINT}{name}: {value}{FAINT:#}")
}

/// Whoever pasted several messages should know that they were taken for one.
fn merged(out: &mut impl Write, lines: usize) -> io::Result<()> {
    if lines < 2 {
        return Ok(());
    }
    writeln!(
        out,
        "{FAINT}{lines} lines were read as one message; if they are several, pass them one at a time.{FAINT:#}"
    )
}

/// What was read and not told.
fn rest(out: &mut impl Write, answers: &[Answer], told: usize, none: bool) -> io::Result<()> {
    let left = answers.len() - told;
    if left == 0 {
        return Ok(());
    }
    if !none {
        writeln!(out)?;
    }
    let good = answers.iter().filter(|answer| answer.good_news).count();
    writeln!(
        out,
        "{FAINT}{left} of {} messages name no cause ({good} of them are good news); -v shows them.{FAINT:#}",
        answers.len()
    )
}
