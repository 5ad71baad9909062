//! Whose turn it is among those that are wanted, and for what the others wait.

use std::num::NonZeroU32;

use super::candidate::Candidate;
use super::wants::Want;
use super::{Fetch, Line, Told, running};
use crate::model::intent::AtOnce;
use crate::track::pull::Pulls;

/// What is known of pods, by their place.
type Known = Vec<(usize, Fetch)>;

/// A pull whose records don't tell for which image it is, and the want that it is taken to serve.
type Head<'a> = (Want, &'a Candidate<'a>);

/// Such a pull is for the first that may be its own; the others wait for what the kubelet's rules tell.
pub(super) fn with_pulls(mut wants: Vec<Want>, pulls: &Pulls, live: &[Candidate<'_>]) -> Known {
    let mut heads: Vec<Head<'_>> = Vec::new();
    for open in live.iter().filter(|running| running.open()) {
        if let Some(next) = wants.iter().position(|want| want.may_be_of(open)) {
            heads.push((wants.remove(next), open));
        }
    }
    share(&mut heads, &mut wants);
    let served = heads.iter().flat_map(|head| {
        let by = told(head, &heads, &wants, pulls, live);
        head.0.pods.iter().map(move |pod| (*pod, running(head.1.pull, by)))
    });
    let served: Known = served.collect();
    // Whose it is can't be told among those who came together, so nothing is said of the others.
    wants.retain(|want| !heads.iter().any(|head| rivals(head, want)));
    let ahead: Vec<_> = live.iter().map(|running| running.pull.pull.lease.clone()).collect();
    let queued = wants.iter().flat_map(|want| {
        let line = line(want, &wants, pulls, live.len());
        let fetch = line.map(|line| Fetch::Queued { ahead: ahead.clone(), line });
        want.pods.iter().filter_map(move |pod| Some((*pod, fetch.clone()?)))
    });
    served.into_iter().chain(queued).collect()
}

/// A pull that names a repository serves whoever else waits for the same image.
fn share(heads: &mut [Head<'_>], wants: &mut Vec<Want>) {
    for (head, _) in heads.iter_mut().filter(|(_, running)| !running.pull.nameless()) {
        let alike = wants.extract_if(.., |want| want.alike(head)).flat_map(|want| want.pods);
        let alike: Vec<usize> = alike.collect();
        head.pods.extend(alike);
    }
}

/// That pull may as well be for the other want.
fn rivals((want, running): &Head<'_>, other: &Want) -> bool {
    want.together(other) && running.may_be_for(&other.image)
}

/// How it is known that a pull is for its want: others that came with it, or more pulls than the kubelet runs, leave a guess.
fn told(head: &Head<'_>, heads: &[Head<'_>], rest: &[Want], pulls: &Pulls, live: &[Candidate<'_>]) -> Told {
    let (want, open) = head;
    let differs = |other: &Head<'_>| match open.pull.nameless() {
        true => want.together(&other.0) && other.1.pull.pull.document.is_some() != open.pull.pull.document.is_some(),
        false => !want.alike(&other.0) && rivals(head, &other.0),
    };
    let foreign = matches!(pulls.rules.at_once, AtOnce::AtMost(most) if live.len() > many(most));
    match &want.intent {
        _ if foreign || rest.iter().any(|other| rivals(head, other)) || heads.iter().any(differs) => Told::Guess,
        Some(_) => Told::Intent,
        None => Told::Turn,
    }
}

/// What a want without a pull waits for. The kubelet's turn is only said where its own records say that it was asked.
fn line(want: &Want, all: &[Want], pulls: &Pulls, running: usize) -> Option<Line> {
    match pulls.rules.at_once {
        AtOnce::AtMost(most) if running < many(most) => None,
        AtOnce::AtMost(at_once) if want.intent.is_some() => Some(Line::Kubelet { at_once, before: before(want, all) }),
        AtOnce::All => None,
        _ => (running > 0).then_some(Line::Unknown),
    }
}

/// How many come before it, where that is certain.
fn before(want: &Want, all: &[Want]) -> Option<usize> {
    let mine = all.iter().position(|other| std::ptr::eq(other, want))?;
    let certain = all.iter().enumerate().all(|(at, other)| at == mine || !want.together(other));
    certain.then_some(mine)
}

/// Where the runtime shows no pulls, the kubelet's records and rules tell which run.
pub(super) fn without_pulls(wants: Vec<Want>, pulls: &Pulls) -> Known {
    let (most, at_once) = match pulls.rules.at_once {
        AtOnce::Unknown => return Vec::new(),
        AtOnce::AtMost(most) => (many(most), most),
        AtOnce::All => (wants.len(), NonZeroU32::MAX),
    };
    let unsure = wants.get(most).zip(wants.get(most.wrapping_sub(1))).is_some_and(|(next, last)| next.together(last));
    if unsure {
        return Vec::new();
    }
    let (run, wait) = wants.split_at(most.min(wants.len()));
    let run = run.iter().flat_map(|want| {
        let began = want.intent.as_ref().map(|(image, seen)| pulls.first_since(image).unwrap_or(*seen));
        want.pods.iter().filter_map(move |pod| Some((*pod, Fetch::Asked { began: began? })))
    });
    let wait = wait.iter().flat_map(|want| {
        let line = Line::Kubelet { at_once, before: before(want, wait) };
        let fetch = want.intent.is_some().then_some(Fetch::Queued { ahead: Vec::new(), line });
        want.pods.iter().filter_map(move |pod| Some((*pod, fetch.clone()?)))
    });
    run.chain(wait).collect()
}

fn many(most: NonZeroU32) -> usize {
    usize::try_from(most.get()).unwrap_or(usize::MAX)
}
