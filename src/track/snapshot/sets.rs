//! The pre-pull sets in the picture of the node: how many of their images are here, and what holds the rest.

use crate::model::prepull::{SetProgress, Short, Waits};
use crate::model::snapshot::SetState;
use crate::model::wording::{cut_middle, one_line, size};
use crate::track::World;

/// What fails is quoted up to this length, in bytes: one line of a page.
const QUOTED: usize = 300;

/// All of them, by name.
pub(super) fn sets(world: &World) -> Vec<SetState> {
    world.prepull.values().map(|(_, set)| state(set)).collect()
}

fn state(of: &SetProgress) -> SetState {
    SetState {
        set: of.set.clone(),
        images: of.images,
        here: of.here.len(),
        failed: of.failed.len(),
        complete: of.complete(),
        holds: holds(of),
    }
}

fn holds(of: &SetProgress) -> String {
    match (&of.refused, of.failed.first(), of.missing.len()) {
        (Some(why), ..) => format!("refused: {}", cut_middle(&one_line(why), QUOTED)),
        (None, Some(failure), _) => {
            format!("{} failed: {}", failure.image, cut_middle(&one_line(&failure.text), QUOTED))
        }
        (None, None, 0) if of.complete() => String::new(),
        (None, None, 0) => "the runtime is asked what is here".to_owned(),
        (None, None, missing) => absent(of, missing.saturating_sub(of.gone)),
    }
}

/// What is to be pulled, and what is not, since it was here once.
fn absent(of: &SetProgress, to_pull: usize) -> String {
    let pulled = format!("{to_pull} to be pulled{}", of.waits.as_ref().map(waits).unwrap_or_default());
    let gone = format!("{} removed from the node, and not pulled again without keep", of.gone);
    match (to_pull, of.gone) {
        (_, 0) => pulled,
        (0, _) => gone,
        _ => format!("{pulled}; {gone}"),
    }
}

fn waits(of: &Waits) -> String {
    match of {
        Waits::Turn { at } => format!(", from {at:.0}"),
        Waits::Window { opens: Some(at) } => format!(", when its window opens at {at:.0}"),
        Waits::Window { opens: None } => ", and its window opens no more".to_owned(),
        Waits::Room(Short { image, needs: 0, room }) => {
            format!("; {} are free above minFree, too little for {image}", size(*room))
        }
        Waits::Room(Short { image, needs, room }) => {
            format!("; {image} takes {}, and {} are free above minFree", size(*needs), size(*room))
        }
        Waits::Pressure => ", when the disk has room again".to_owned(),
    }
}
