//! Documents tell what is there: those that the program makes are current, and every path that is named exists.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use kubewhy::cli::docs::{self, DocsArgs};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[derive(clap::Parser)]
struct Docs {
    #[command(flatten)]
    args: DocsArgs,
}

#[test]
fn documents_made_from_the_program_are_current() {
    let args = Docs::parse_from(["docs", "--check", "--root", root().to_str().unwrap()]).args;
    docs::run(&args).unwrap();
}

/// Beginnings of what is no path of the repository: what a build makes, and labels of ours.
const ELSEWHERE: &[&str] = &["target/", "kubewhy.dev/", "prepull.kubewhy.dev/"];

/// What stands between backticks and looks like a path of the repository: it has a slash or a known ending, no blanks,
/// and begins at the root.
fn paths(text: &str) -> Vec<&str> {
    let looks_like_a_path = |word: &&str| {
        let ending = [".rs", ".md", ".toml", "Makefile"].iter().any(|end| word.ends_with(end));
        (word.contains('/') || ending)
            && !word.contains([' ', '*', ':', '<', '('])
            && !word.starts_with(['/', '-', '.', '~'])
            && !ELSEWHERE.iter().any(|beginning| word.starts_with(beginning))
    };
    text.split('`').skip(1).step_by(2).filter(looks_like_a_path).collect()
}

/// The pages of a folder. Not docs/causes.md: the paths that its steps name are those of broken nodes.
fn pages(folder: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|end| end == "md") && !file.ends_with("docs/causes.md")).collect()
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let others = ["README.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md"];
    let others = others.into_iter().map(|file| root().join(file));
    for file in pages("docs").into_iter().chain(pages("docs/adr")).chain(others) {
        let text = std::fs::read_to_string(&file).unwrap();
        for path in paths(&text) {
            let places = [root().join(path), root().join("src").join(path)];
            assert!(places.iter().any(|place| place.exists()), "{} names {path}, which is not there", file.display());
        }
    }
}

/// The YAML blocks of the page on configuration.
fn examples() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_defaults_in_the_documents_are_the_defaults() {
    let accepted = kubewhy::config::parse(examples()[0].as_bytes(), &[]).unwrap();
    assert_eq!(accepted.settings, kubewhy::model::settings::Settings::default());
    assert!(accepted.notes.is_empty());
}

#[test]
fn every_example_of_a_configuration_is_in_order() {
    for example in examples() {
        kubewhy::config::parse(example.as_bytes(), &[]).unwrap_or_else(|faults| panic!("{faults:?}\n{example}"));
    }
}

/// The configuration in the ConfigMap that is shipped.
fn shipped() -> String {
    let text = std::fs::read_to_string(root().join("deploy/base/configmap.yaml")).unwrap();
    let map: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    map["data"]["config.yaml"].as_str().unwrap().to_owned()
}

#[test]
fn every_configuration_that_we_show_or_ship_fits_the_schema_that_we_ship() {
    let schema = std::fs::read_to_string(root().join("deploy/config.schema.json")).unwrap();
    let validator = jsonschema::draft7::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    for file in examples().into_iter().chain([shipped()]) {
        // As YAML 1.2 has it, and editors: `off` is a text.
        let options = serde_saphyr::options! { strict_booleans: true };
        let json = serde_saphyr::from_str_with_options(&file, options).unwrap();
        let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{file}");
    }
    let bad = serde_saphyr::from_str("report: {evnts: all}").unwrap();
    assert!(!validator.is_valid(&bad));
}

#[test]
fn every_module_has_its_line_in_the_architecture() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for module in library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(text.contains(&format!("`{module}")), "ARCHITECTURE.md does not name {module}");
    }
}
