//! What a volume lacks on its way into the pod: claim, PersistentVolume, driver, attachment, mount. The first step that was
//! seen to be missing tells; a driver comes before the attachment, which waits for it.

use std::sync::Arc;

use crate::diagnose::View;
use crate::diagnose::phrase::Facts;
use crate::model::ids::PodUid;
use crate::model::volume::{Answer, Attachment, Backing, CsiVolume, HostVolume, Source, Storage, Volume, VolumeClaim};
use crate::model::wording::cut;
use crate::track::pod::PodTrack;

use super::storage;

/// How much of the storage's own words is quoted, in bytes.
const QUOTE_AT_MOST: usize = 100;

/// How far a volume is.
#[derive(Debug, PartialEq)]
pub(super) enum State<'a> {
    /// It is in the pod's directory, or needs not be.
    Here,
    /// This is missing.
    Lacks(Lack<'a>),
    /// Nobody could tell.
    Unknown,
}

/// What is missing.
#[derive(Debug, PartialEq)]
pub(super) enum Lack<'a> {
    /// The PersistentVolumeClaim.
    Claim(&'a str),
    /// A PersistentVolume that the claim is bound to; its class.
    Binding(&'a str, Option<&'a str>),
    /// The PersistentVolume that the claim names.
    Volume(&'a str),
    /// The driver in this node's CSINode.
    Driver(&'a str),
    /// The driver's socket; the CSINode was not to be seen.
    Socket(&'a str),
    /// A VolumeAttachment for this node.
    Attachment(&'a str),
    /// The attachment itself, by that driver; what the storage said.
    Attached(&'a str, &'a str),
    /// The kubelet's word that it uses the volume.
    InUse(&'a str),
    /// The mount in the pod's directory, by that driver; it is staged on the node.
    Mount(&'a str, bool),
    /// The mount, by the kubelet itself, of that kind.
    Plugin(&'a str),
}

/// How far this volume of the pod is.
pub(super) fn of<'a>(volume: &'a Volume, track: &'a PodTrack, view: View<'a>) -> State<'a> {
    let way = Way { view, pod: &track.id.uid, storage: storage(track, view).map(|(_, known)| known) };
    match &volume.source {
        Source::Claim(name) => way.of_claim(volume, name),
        Source::Driver(driver) => match way.ready(&volume.name) {
            Some(true) => State::Here,
            ready => way.not_registered(driver).map_or_else(|| mount(ready, driver, false), State::Lacks),
        },
        Source::Plugin(kind) => match way.ready(&volume.name) {
            Some(true) => State::Here,
            Some(false) => State::Lacks(Lack::Plugin(kind)),
            None => State::Unknown,
        },
    }
}

/// All that is known of the way of one pod's volumes.
#[derive(Clone, Copy)]
struct Way<'a> {
    view: View<'a>,
    pod: &'a PodUid,
    storage: Option<&'a Storage>,
}

impl<'a> Way<'a> {
    fn of_claim(self, volume: &Volume, name: &'a str) -> State<'a> {
        let asked = self.storage.and_then(|storage| storage.volumes.iter().find(|(of, _)| *of == volume.name));
        match asked.map(|(_, answer)| answer) {
            Some(Answer::Is(claim)) => self.of_bound(claim, name),
            Some(Answer::Missing) => State::Lacks(Lack::Claim(name)),
            Some(Answer::Unknown) | None if self.all_ready() => State::Here,
            Some(Answer::Unknown) | None => State::Unknown,
        }
    }

    fn of_bound(self, claim: &'a VolumeClaim, name: &'a str) -> State<'a> {
        let Some(volume) = claim.volume.as_ref().filter(|_| claim.bound) else {
            return State::Lacks(Lack::Binding(name, claim.class.as_deref()));
        };
        let ready = self.ready(volume);
        match &claim.backing {
            _ if ready == Some(true) => State::Here,
            Answer::Missing => State::Lacks(Lack::Volume(volume)),
            Answer::Is(Backing::HostPath) => State::Here,
            Answer::Is(Backing::Csi(csi)) => self.of_driver(csi, ready),
            Answer::Is(Backing::Other) if ready.is_some() => State::Lacks(Lack::Plugin("volume")),
            Answer::Is(Backing::Other) => State::Unknown,
            Answer::Unknown => State::Unknown,
        }
    }

    fn of_driver(self, csi: &'a CsiVolume, ready: Option<bool>) -> State<'a> {
        let lack = self.not_registered(&csi.driver).or_else(|| self.not_attached(csi)).or_else(|| self.not_in_use(csi));
        lack.map_or_else(|| mount(ready, &csi.driver, self.staged(csi)), State::Lacks)
    }

    /// The CSINode is the kubelet's own list. Without it the socket must do, by which the kubelet finds a driver.
    fn not_registered(self, driver: &'a str) -> Option<Lack<'a>> {
        match self.storage.map(|storage| &storage.drivers) {
            Some(Answer::Is(drivers)) => {
                (!drivers.iter().any(|known| **known == *driver)).then_some(Lack::Driver(driver))
            }
            Some(Answer::Missing) => Some(Lack::Driver(driver)),
            Some(Answer::Unknown) | None => self.no_socket(driver).then_some(Lack::Socket(driver)),
        }
    }

    fn no_socket(self, driver: &str) -> bool {
        no_socket(self.view, driver)
    }

    /// The Node's own list is watched, and so newer than an answer.
    fn not_attached(self, csi: &'a CsiVolume) -> Option<Lack<'a>> {
        let node = self.view.world.node.node.as_ref()?;
        if csi.attaches == Some(false) || node.attached.contains(&csi.unique) {
            return None;
        }
        match (&csi.attachment, csi.attaches) {
            (Answer::Is(Attachment { error, .. }), _) => Some(Lack::Attached(&csi.driver, error)),
            (Answer::Missing, Some(true)) => Some(Lack::Attachment(&csi.driver)),
            (Answer::Unknown, Some(true)) => Some(Lack::Attached(&csi.driver, "")),
            (Answer::Missing | Answer::Unknown, _) => None,
        }
    }

    fn not_in_use(self, csi: &'a CsiVolume) -> Option<Lack<'a>> {
        let node = self.view.world.node.node.as_ref()?;
        let attached = csi.attaches != Some(false) && node.attached.contains(&csi.unique);
        (attached && !node.in_use.contains(&csi.unique)).then_some(Lack::InUse(&csi.driver))
    }

    fn staged(self, csi: &CsiVolume) -> bool {
        let look = self.view.world.volumes.host();
        look.is_some_and(|(_, look)| {
            look.staged.iter().any(|(driver, hash)| *driver == csi.driver && *hash == csi.hash)
        })
    }

    /// Whether the volume of that name is in the pod's directory; none where nobody looked.
    fn ready(self, name: &str) -> Option<bool> {
        let found = self.view.world.volumes.of(self.pod)?;
        Some(found.iter().any(|volume| *volume.name == *name && volume.ready))
    }

    /// As many volumes are there as the pod has: which is whose needs not be known then.
    fn all_ready(self) -> bool {
        let wanted =
            self.view.world.pods.get(self.pod).and_then(|track| track.pod.as_ref()).map(|pod| pod.waits.volumes.len());
        let ready = |found: &[HostVolume]| found.iter().filter(|volume| volume.ready).count();
        self.view.world.volumes.of(self.pod).map(ready).zip(wanted).is_some_and(|(ready, wanted)| ready >= wanted)
    }
}

/// No driver of that name has put its socket where the kubelet looks.
pub(super) fn no_socket(view: View<'_>, driver: &str) -> bool {
    let sockets = view.world.volumes.host().and_then(|(_, look)| look.sockets.as_ref());
    sockets.is_some_and(|sockets: &Vec<Arc<str>>| !sockets.iter().any(|socket| socket.starts_with(driver)))
}

/// Nothing else is missing: it is to be mounted by that driver.
fn mount(ready: Option<bool>, by: &str, staged: bool) -> State<'_> {
    match ready {
        Some(true) => State::Here,
        Some(false) => State::Lacks(Lack::Mount(by, staged)),
        None => State::Unknown,
    }
}

impl Lack<'_> {
    /// What the catalogue's templates say of it: one fact that chooses the words, and what else they name.
    pub(super) fn facts(&self, facts: Facts) -> Facts {
        match *self {
            Self::Claim(name) => facts.with("absent", name),
            Self::Binding(name, class) => facts.with("unbound", name).with("class", class.unwrap_or_default()),
            Self::Volume(name) => facts.with("gone", name),
            Self::Driver(driver) => facts.with("unregistered", driver),
            Self::Socket(driver) => facts.with("socketless", driver),
            Self::Attachment(driver) => facts.with("unasked", driver),
            Self::Attached(driver, error) => facts.with("unattached", driver).with("answer", cut(error, QUOTE_AT_MOST)),
            Self::InUse(driver) => facts.with("unused", driver),
            Self::Mount(driver, true) => facts.with("staged", driver),
            Self::Mount(driver, false) => facts.with("unmounted", driver),
            Self::Plugin(kind) => facts.with("plugin", kind),
        }
    }

    /// It was seen itself, rather than that it follows.
    pub(super) fn seen(&self) -> bool {
        !matches!(self, Self::Socket(_) | Self::Mount(..) | Self::Plugin(_))
    }

    /// It is the claim itself, or what the claim lacks.
    pub(super) fn of_claim(&self) -> bool {
        matches!(self, Self::Claim(_) | Self::Binding(..))
    }

    /// Where it was seen, and what.
    pub(super) fn evidence(&self) -> (&'static str, String) {
        match self {
            Self::Claim(name) => ("API server, PersistentVolumeClaim", format!("no {name}")),
            Self::Binding(name, _) => ("API server, PersistentVolumeClaim", format!("{name} is not Bound")),
            Self::Volume(name) => ("API server, PersistentVolume", format!("no {name}")),
            Self::Driver(driver) => ("API server, CSINode", format!("no driver {driver}")),
            Self::Socket(driver) => ("host, plugins_registry", format!("no socket of {driver}")),
            Self::Attachment(_) => ("API server, VolumeAttachment", "none for this volume on this node".to_owned()),
            Self::Attached(_, "") => ("Node, volumesAttached", "the volume is not listed".to_owned()),
            Self::Attached(_, error) => ("API server, VolumeAttachment", (*error).to_owned()),
            Self::InUse(_) => ("Node, volumesInUse", "the volume is not listed".to_owned()),
            Self::Plugin(_) => ("host, mounts", "none in the pod's directory".to_owned()),
            Self::Mount(_, staged) => ("host, mounts", format!("none in the pod's directory; staged: {staged}")),
        }
    }
}
