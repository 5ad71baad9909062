//! Keeps the shape of the tree: who may use whom, what pure modules never name, how a file opens and how long it is.
//! It reads the sources as text; a path through `super` that climbs to the crate root, or a re-export there, would escape
//! it, so both are looked for and refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which of our top-level modules each one may use. What is not listed here may not exist.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("host", &[]),
    ("probe", &["model", "host"]),
    ("client", &["model", "clock"]),
    ("causes", &["model"]),
    ("track", &["model"]),
    ("diagnose", &["model", "causes", "track"]),
    ("observe", &["model", "client", "clock", "host", "probe"]),
    ("prepull", &["model", "client", "clock", "host"]),
    ("report", &["model", "causes", "client", "clock"]),
    ("serve", &["model", "client", "clock"]),
    ("config", &["model", "clock"]),
    ("engine", &["model", "clock", "track", "diagnose"]),
    ("app", &["*"]),
    ("cli", &["*"]),
];

/// Modules that do no I/O and read no clock, and what they therefore never name.
const PURE: &[&str] = &["model", "causes", "track", "diagnose"];
const IMPURE_NAMES: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::io",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "k8s_cri",
    "k8s_openapi",
    "containerd_client",
    "kube::",
    "tonic::",
    "tracing::",
];

/// Files that may be longer, with the reason.
const MAY_BE_LONG: &[(&str, &str)] = &[];
const LINES_AT_MOST: usize = 400;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(under: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![under.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The top-level module a source file belongs to: `src/observe/cri.rs` → `observe`.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(repository().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file without comments and string contents, so that prose about a clock is no clock. Knows no nested block
/// comments.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hidden = hidden(rest, kept.chars().next_back());
        if hidden == 0 {
            kept.push(first);
        }
        rest = &rest[hidden.max(first.len_utf8())..];
    }
    kept
}

/// How many bytes of a comment, a string or a character stand at the start of this text; the line break after a comment is
/// not one of them.
fn hidden(text: &str, before: Option<char>) -> usize {
    let up_to = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let raw = text.strip_prefix('b').unwrap_or(text).strip_prefix('r').filter(|_| !in_word);
    if let Some(marks) = raw.map(|raw| raw.len() - raw.trim_start_matches('#').len())
        && raw.is_some_and(|raw| raw[marks..].starts_with('"'))
    {
        return up_to(&format!("\"{}", "#".repeat(marks)), text.find('"').unwrap() + 1);
    }
    match text.as_bytes() {
        [b'/', b'/', ..] => text.find('\n').unwrap_or(text.len()),
        [b'/', b'*', ..] => up_to("*/", 2),
        [b'"', ..] => quoted(text, '"'),
        [b'\'', b'\\', ..] => quoted(text, '\''),
        [b'\'', ..] if text.chars().nth(2) == Some('\'') => quoted(text, '\''),
        _ => 0,
    }
}

/// The length of what stands between two quotes, with them.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The longest run of `super::` in the code outside of the tests at its end, which are a module more.
fn climbs(code: &str) -> usize {
    let outside = code.split("mod tests {").next().unwrap_or_default();
    (1..).take_while(|steps| outside.contains(&"super::".repeat(*steps))).last().unwrap_or(0)
}

/// Our top-level modules that the code names as `crate::x` or inside `use crate::{x::…, y::…}`.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = code;
    while let Some(at) = rest.find("crate::") {
        rest = &rest[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {}
                    _ if depth == 0 && (c.is_alphanumeric() || c == '_') => {
                        name.push(c);
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 || c == '{' || c == ':' {
                    let word = std::mem::take(&mut name);
                    if word.starts_with(char::is_lowercase) {
                        found.insert(word);
                    }
                }
            }
            found.insert(name);
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    found.retain(|name| known.contains(name.as_str()));
    found
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in rust_files(&repository().join("src")) {
        let module = module_of(&file);
        let text = code(&std::fs::read_to_string(&file).unwrap());
        let mut used = uses(&text);
        used.remove(&module);
        all.entry(module).or_default().extend(used);
    }
    all
}

#[test]
fn modules_use_only_what_the_flow_allows() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    for (module, used) in dependencies() {
        if module == "lib" || module == "main" {
            continue;
        }
        let allowed = allowed.get(module.as_str()).unwrap_or_else(|| panic!("src/{module} is not in the picture"));
        for name in used {
            assert!(allowed.contains(&"*") || allowed.contains(&name.as_str()), "src/{module} must not use {name}");
        }
    }
}

#[test]
fn no_path_escapes_over_the_crate_root() {
    let sources = repository().join("src");
    for file in rust_files(&sources) {
        let text = code(&std::fs::read_to_string(&file).unwrap());
        let depth = file.strip_prefix(&sources).unwrap().components().count();
        assert!(climbs(&text) < depth, "{} climbs to the crate root by `super`", file.display());
        assert!(climbs(&text.replacen("mod tests {", "", 1)) <= depth, "so do the tests of {}", file.display());
    }
    assert!(!code(&std::fs::read_to_string(sources.join("lib.rs")).unwrap()).contains("pub use"));
}

#[test]
fn modules_form_no_cycle() {
    let all = dependencies();
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    loop {
        let ready: Vec<&str> = all
            .iter()
            .filter(|(module, used)| {
                !settled.contains(module.as_str()) && used.iter().all(|name| settled.contains(name.as_str()))
            })
            .map(|(module, _)| module.as_str())
            .collect();
        if ready.is_empty() {
            break;
        }
        settled.extend(ready);
    }
    let knot: Vec<_> = all.keys().filter(|module| !settled.contains(module.as_str())).collect();
    assert!(knot.is_empty(), "these modules use each other in a circle: {knot:?}");
}

#[test]
fn pure_modules_name_neither_clock_nor_io_nor_wire_types() {
    for file in rust_files(&repository().join("src")) {
        if !PURE.contains(&module_of(&file).as_str()) {
            continue;
        }
        let text = code(&std::fs::read_to_string(&file).unwrap());
        for name in IMPURE_NAMES {
            assert!(!text.contains(name), "{} names {name}", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_stays_one_idea() {
    for folder in ["src", "tests", "benches"].map(|folder| repository().join(folder)) {
        for file in if folder.exists() { rust_files(&folder) } else { Vec::new() } {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//!"), "{} does not open with //!", file.display());
            let name = file.strip_prefix(repository()).unwrap().to_str().unwrap();
            let lines = text.lines().count();
            let excused = MAY_BE_LONG.iter().any(|(long, _)| *long == name);
            assert!(lines <= LINES_AT_MOST || excused, "{name} has {lines} lines: is that one idea?");
        }
    }
}

#[test]
fn the_main_file_stays_short() {
    let main = std::fs::read_to_string(repository().join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 100);
}

#[test]
fn hidden_uses_are_found() {
    let found = uses("use crate::{model::ids::PodId, track::{World, pod}, report};");
    assert_eq!(found, ["model", "report", "track"].map(str::to_owned).into());
    assert_eq!(uses("let x = crate::engine::run();"), ["engine".to_owned()].into());
}

#[test]
fn prose_is_no_code() {
    let text = r##"a("tokio:: \" x", 'y', '"', '\'', r#"std::fs " "#, b"q"); // crate::report
        fn f<'a>(x: &'a str) /* crate::serve */ -> &'a str { "http://x" } for"end""##;
    let left = code(text);
    for hidden in ["tokio", "std::fs", "crate::", "http", "end", "y", "q"] {
        assert!(!left.contains(hidden), "{hidden}: {left}");
    }
    assert!(left.contains("fn f<'a>(x: &'a str)  -> &'a str {  } for"), "{left}");
}

#[test]
fn paths_that_climb_are_found() {
    assert_eq!(climbs("use super::super::x; super::y"), 2);
    assert_eq!(climbs("mod tests { use super::super::x; }"), 0);
}
