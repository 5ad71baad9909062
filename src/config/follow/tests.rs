//! A file that is edited, broken and mended while it is followed.

use super::*;
use crate::model::settings::EventScope;

struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("config.yaml")
    }

    fn write(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    fn start(&self) -> (Follower, Settings) {
        Follower::start(Source {
            file: self.file(),
            state_dir: Some(self.dir.path().to_path_buf()),
            catalogue: vec!["RuntimeDown"],
        })
    }

    /// Follows the file in a task; what it says comes out of the channel.
    fn follow(&self) -> (watch::Receiver<Arc<Settings>>, mpsc::Receiver<Observation>, CancellationToken) {
        let (follower, settings) = self.start();
        let (sender, receiver) = watch::channel(Arc::new(settings));
        let (out, seen) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        tokio::spawn(follower.run(sender, out, clock, stop.clone()));
        (receiver, seen, stop)
    }
}

async fn state(seen: &mut mpsc::Receiver<Observation>) -> ConfigState {
    match seen.recv().await.unwrap().seen {
        Seen::Config(state) => state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_file_at_the_start_leaves_the_last_accepted_one_in_force() {
    let desk = Desk::new();
    desk.write("report: {events: node}");
    assert_eq!(desk.start().1.report.events, EventScope::Node);
    desk.write("report: {events: sometimes}");
    let (follower, settings) = desk.start();
    assert_eq!(settings.report.events, EventScope::Node);
    let ConfigState::Refused { faults, in_force } = follower.state else { panic!("{:?}", follower.state) };
    assert_eq!(in_force, "the last accepted file");
    assert!(
        faults[0].ends_with("config.yaml:1:18: sometimes stands here; one of off, node, all is wanted"),
        "{faults:?}"
    );
}

#[test]
fn a_bad_or_missing_file_at_the_very_first_start_means_the_defaults() {
    let desk = Desk::new();
    let (missing, settings) = desk.start();
    assert_eq!(settings, Settings::default());
    let ConfigState::Refused { faults, in_force } = missing.state else { panic!("{:?}", missing.state) };
    assert_eq!(in_force, "defaults, no pre-pull");
    assert!(faults[0].contains("config.yaml: can't be read"), "{faults:?}");
    fs::create_dir(desk.file()).unwrap();
    assert!(
        matches!(desk.start().0.state, ConfigState::Refused { faults, .. } if faults[0].contains("no regular file"))
    );
}

#[test]
fn after_a_rollback_what_is_known_of_the_newer_file_holds_and_nothing_is_pulled_ahead() {
    let desk = Desk::new();
    let newer =
        "report: {events: off, colour: red}\nprepull: {sets: [{name: base, images: ['a.lab/b:1'], unless: x}]}\n";
    desk.write(newer);
    fs::write(desk.dir.path().join("config.accepted.yaml"), newer).unwrap();
    let (follower, settings) = desk.start();
    assert_eq!(settings.report.events, EventScope::Off, "a brake outlives a rollback");
    assert!(settings.prepull.sets.is_empty(), "what is unknown here may have held the set back");
    let ConfigState::Refused { faults, in_force } = follower.state else { panic!("{:?}", follower.state) };
    assert_eq!((faults.len(), in_force), (2, KNOWN));
    fs::write(desk.dir.path().join("config.accepted.yaml"), "report: {events: seldom}").unwrap();
    assert_eq!(
        desk.start().1,
        Settings::default(),
        "of a value that is unknown here nobody knows what it was to hold back"
    );
}

#[tokio::test(start_paused = true)]
async fn an_edit_comes_into_force_and_a_bad_one_changes_nothing() {
    let desk = Desk::new();
    desk.write("report: {events: all}");
    let (settings, mut seen, _stop) = desk.follow();
    assert_eq!(state(&mut seen).await, ConfigState::Accepted);
    desk.write("report: {events: off}");
    assert_eq!(state(&mut seen).await, ConfigState::Accepted);
    assert_eq!(settings.borrow().report.events, EventScope::Off);
    desk.write("report: {event: all}");
    assert!(matches!(state(&mut seen).await, ConfigState::Refused { in_force: "the settings of before", .. }));
    assert_eq!(settings.borrow().report.events, EventScope::Off);
}

#[tokio::test(start_paused = true)]
async fn a_config_map_swaps_its_files_by_a_symlink() {
    let desk = Desk::new();
    let version = |name: &str, text: &str| {
        let dir = desk.dir.path().join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("config.yaml"), text).unwrap();
        let new = desk.dir.path().join("..data_tmp");
        std::os::unix::fs::symlink(name, &new).unwrap();
        fs::rename(&new, desk.dir.path().join("..data")).unwrap();
    };
    version("..1", "report: {spread: 1s}");
    std::os::unix::fs::symlink("..data/config.yaml", desk.file()).unwrap();
    let (settings, mut seen, _stop) = desk.follow();
    assert_eq!(state(&mut seen).await, ConfigState::Accepted);
    version("..2", "report: {spread: 2s}");
    assert_eq!(state(&mut seen).await, ConfigState::Accepted);
    assert_eq!(settings.borrow().report.spread, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_does_not_change_is_told_once() {
    let desk = Desk::new();
    desk.write("report: {spread: never}");
    let (_settings, mut seen, stop) = desk.follow();
    assert!(matches!(state(&mut seen).await, ConfigState::Refused { .. }));
    sleep(Duration::from_secs(600)).await;
    stop.cancel();
    assert!(seen.recv().await.is_none());
}
