//! A fleet that is given a new set of images: what its registry is asked in the worst second, by the delays that each node's
//! plan has. `--nocapture` shows the table.

use std::time::Duration;

use kubewhy::model::settings::{PrepullSet, PrepullSettings};
use kubewhy::model::verification::Verification;
use kubewhy::prepull::plan::plan;
use kubewhy_lab::prepull::fleet::{Load, table};

/// Twenty images of five layers each of their own, as the lab's registry counted them on a node that had nothing else to do.
const TWENTY_IMAGES: &[u64] = &[160];

const SPREAD: Duration = Duration::from_secs(600);

fn load(nodes: usize, requests: &[u64]) -> Load {
    let set = PrepullSet::new("base", vec!["registry.example.com/base/jre:21".into()]);
    let settings = PrepullSettings { spread: SPREAD, sets: vec![set], ..PrepullSettings::default() };
    let delay = |node| plan(&settings, &format!("node-{node}"), &[], &Verification::Unknown).sets[0].delay;
    Load::of(&(0..nodes).map(delay).collect::<Vec<_>>(), requests)
}

#[test]
fn five_thousand_nodes_ask_a_hundredth_at_most_of_what_they_would_ask_at_once() {
    let loads = [10, 100, 1_000, 5_000].map(|nodes| load(nodes, TWENTY_IMAGES));
    eprintln!("{}", table(&loads));
    assert!(loads[3].ratio() <= 0.01, "{}", loads[3]);
    assert!(loads.windows(2).all(|pair| pair[1].ratio() < pair[0].ratio()), "a larger fleet gains less: {loads:?}");
}

#[test]
fn where_each_node_takes_long_no_second_has_much_more_than_its_share_of_all_requests() {
    for seconds in [1_usize, 10, 60, 120] {
        let load = load(5_000, &vec![2; seconds]);
        let all = (5_000 * 2 * seconds) as f64;
        let share = all / SPREAD.as_secs_f64();
        let more = load.spread as f64 / share;
        assert!((1.0..2.5).contains(&more), "{seconds} s: {} requests, {share} in the mean", load.spread);
    }
}
