//! The observers, each with its pace and what it is about: which part of the world is looked at by whom. Nothing that they
//! see is read here.

use std::path::Path;

use tokio::sync::{mpsc, watch};

use crate::cli::run::RunArgs;
use crate::client::containerd::Containerd;
use crate::client::cri::Cri;
use crate::engine::Attention;
use crate::model::ids::PodId;
use crate::model::observation::Observation;
use crate::observe::Pace;
use crate::observe::apiserver::{
    Budget, EventObserver, Limits, NodeObserver, Patience, PodObserver, Standing, StorageObserver,
};
use crate::observe::containerd::ContainerdObserver;
use crate::observe::containerd::sandboxes::SandboxObserver;
use crate::observe::cri::CriObserver;
use crate::observe::host::{
    CniDirs, CniObserver, Doubts, Heard, IntentObserver, KubeletPlaces, MarksObserver, PluginObserver,
    PressureObserver, Prober, PullRulesObserver, VolumeObserver, WordsObserver,
};
use crate::probe::apiserver::Service;

use super::{QUESTIONS, Shared};

impl Shared {
    /// As often as a part of what deserves attention says.
    fn pace(&mut self, attends: &watch::Receiver<Attention>, part: fn(&Attention) -> bool) -> Pace {
        Pace::new(self.project(attends.clone(), part), &self.timing(), self.clock)
    }

    pub(super) fn look_at_runtime(
        &mut self,
        cri: &Cri,
        attends: &watch::Receiver<Attention>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let busy = self.pace(attends, |attention| attention.busy);
        let look = self.pace(attends, |attention| attention.pulls);
        let stop = self.tasks.stop.clone();
        let images = self.project(attends.clone(), |attention| attention.images.clone());
        let lists = CriObserver::new(cri.clone(), self.clock, busy, images, &self.timing());
        self.tasks.start("runtime observer", lists.run(seen.clone(), stop.clone()));
        let pulls = ContainerdObserver::new(Containerd::new(cri), self.clock, look);
        self.tasks.start("pull observer", pulls.run(seen.clone(), stop));
    }

    /// At those in the making, and the plugins that hold them.
    pub(super) fn look_at_sandboxes(
        &mut self,
        cri: &Cri,
        args: &RunArgs,
        attends: &watch::Receiver<Attention>,
        dirs: watch::Receiver<CniDirs>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let (clock, stop) = (self.clock, self.tasks.stop.clone());
        let pace = self.pace(attends, |attention| attention.busy);
        let awaited = self.project(attends.clone(), |attention| attention.sandboxes.clone());
        let wanted = self.project(attends.clone(), |attention| attention.plugins);
        let records = SandboxObserver { containerd: Containerd::new(cri), awaited, pace: pace.clone(), clock };
        self.tasks.start("sandbox observer", records.run(seen.clone(), stop.clone()));
        let plugins = PluginObserver { root: args.host_root.clone(), dirs, wanted, pace, clock };
        self.tasks.start("plugin observer", plugins.run(seen.clone(), stop));
    }

    pub(super) fn look_at_host(
        &mut self,
        args: &RunArgs,
        dirs: watch::Receiver<CniDirs>,
        attends: &watch::Receiver<Attention>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let (root, clock) = (args.host_root.clone(), self.clock);
        let cni = CniObserver { root: root.clone(), dirs, period: self.timing().cni, clock };
        self.tasks.start("CNI observer", cni.run(seen.clone(), self.tasks.stop.clone()));
        let places = KubeletPlaces { root: args.kubelet_root.clone(), pod_logs: args.pod_logs.clone() };
        let starting = self.project(attends.clone(), |attention| attention.starting.clone());
        let pace = self.pace(attends, |attention| attention.busy);
        let marks = MarksObserver { root, places, starting, pace, clock };
        self.tasks.start("marks observer", marks.run(seen.clone(), self.tasks.stop.clone()));
    }

    /// At all that can be asked of the node itself.
    pub(super) fn probe(
        &mut self,
        args: &RunArgs,
        dirs: watch::Receiver<CniDirs>,
        heard: watch::Receiver<Heard>,
        attends: &watch::Receiver<Attention>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let doubts = self.project(attends.clone(), |Attention { way, mounts, trouble, .. }| Doubts {
            way: *way,
            mounts: mounts.clone(),
            trouble: *trouble,
        });
        let prober = Prober {
            root: args.host_root.clone(),
            kubelet: KubeletPlaces { root: args.kubelet_root.clone(), pod_logs: args.pod_logs.clone() },
            dirs,
            heard,
            doubts,
            service: Service::told(|name| std::env::var(name).ok()),
            period: self.timing().probe,
            clock: self.clock,
        };
        self.tasks.start("prober", prober.run(seen.clone(), self.tasks.stop.clone()));
    }

    pub(super) fn look_at_kubelet(
        &mut self,
        args: &RunArgs,
        attends: &watch::Receiver<Attention>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let (root, kubelet, clock) = (args.host_root.clone(), args.kubelet_root.clone(), self.clock);
        let pace = self.pace(attends, |attention| attention.pulls);
        let stop = self.tasks.stop.clone();
        let intents = IntentObserver { root: root.clone(), kubelet: kubelet.clone(), pace: pace.clone(), clock };
        self.tasks.start("pull intent observer", intents.run(seen.clone(), stop.clone()));
        let pressure = PressureObserver { root: root.clone(), pace: pace.clone(), clock };
        self.tasks.start("disk pressure observer", pressure.run(seen.clone(), stop.clone()));
        let rules = PullRulesObserver { root, kubelet, clock };
        self.tasks.start("pull rules observer", rules.run(seen.clone(), stop));
    }

    /// Only the API server tells which volumes a pod has: without it there is nothing to look for.
    pub(super) fn look_at_volumes(
        &mut self,
        args: &RunArgs,
        client: kube::Client,
        attends: &watch::Receiver<Attention>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let (clock, stop) = (self.clock, self.tasks.stop.clone());
        let waiting = self.project(attends.clone(), |attention| attention.mounting.clone());
        let pace = self.pace(attends, |attention| attention.busy);
        let (root, kubelet) = (args.host_root.clone(), args.kubelet_root.clone());
        let looks = VolumeObserver { root, kubelet, waiting: waiting.clone(), pace, clock };
        self.tasks.start("volume observer", looks.run(seen.clone(), stop.clone()));
        let patience = Patience::new(&self.timing(), self.settings.borrow().report.spread);
        let asks = StorageObserver { client, node: self.node.clone(), waiting, patience, clock };
        self.tasks.start("storage observer", asks.run(seen.clone(), stop));
    }

    pub(super) fn look_at_apiserver(
        &mut self,
        client: kube::Client,
        host_root: &Path,
        questions: mpsc::Receiver<PodId>,
        seen: &mpsc::Sender<Observation>,
    ) {
        let (clock, node, standing) = (self.clock, self.node.clone(), Standing::default());
        let stop = self.tasks.stop.clone();
        let spread = self.settings.borrow().report.spread;
        let pods =
            PodObserver { client: client.clone(), node: node.clone(), standing: standing.clone(), spread, clock };
        self.tasks.start("pod observer", pods.run(seen.clone(), stop.clone()));
        let own_node = NodeObserver { client: client.clone(), node, standing, spread, clock };
        self.tasks.start("node observer", own_node.run(seen.clone(), stop.clone()));
        // Asked only for what the kubelet's journal does not tell.
        let (unanswered, left) = mpsc::channel(QUESTIONS);
        let words = WordsObserver { root: host_root.to_owned(), unanswered, clock };
        self.tasks.start("journal observer", words.run(questions, seen.clone(), stop.clone()));
        let events = EventObserver { client, budget: Budget::new(Limits::new(self.timing().ask_again)), spread, clock };
        self.tasks.start("event observer", events.run(left, seen.clone(), stop));
    }
}
