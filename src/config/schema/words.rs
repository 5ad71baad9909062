//! What the schema says of each key, and the key's default. Every key has its line here, and no line is without a key: a
//! test sees to it. `[]` stands for each item of a list, `*` for each key that is the author's own.

use serde_json::Value;

/// Path, default in JSON (empty: none), words.
type Line = (&'static str, &'static str, &'static str);

/// The words on the key at a path, and its default.
pub(super) fn of(path: &str) -> Option<(&'static str, Option<Value>)> {
    let (_, default, says) = WORDS.iter().find(|(known, ..)| *known == path)?;
    Some((says, serde_json::from_str(default).ok()))
}

/// All of them, in the order of the file.
#[rustfmt::skip]
pub(super) const WORDS: &[Line] = &[
    ("apiVersion", r#""kubewhy.dev/v1alpha1""#, "The version of this file's format."),
    ("report", "", "What is reported, and to whom."),
    ("report.events", r#""all""#, "off: to the log only. node: Events on the Node only. all: on the Node and on Pods."),
    ("report.namespaces", "", "The namespaces whose pods are reported."),
    ("report.namespaces.include", "[]", "Only pods of these namespaces, such as shop or ci-*; none: of all."),
    ("report.namespaces.exclude", "[]", "No pods of these namespaces."),
    ("report.crossNamespaceNames", "false", "Whoever reads a pod's Events may learn names of other namespaces, such as the pod it waits behind."),
    ("report.spread", r#""10s""#, "First Events are spread over this time, so that not every node writes at once."),
    ("report.slowStart", r#""off""#, "A start that took longer is told once it is over, with where the time went."),
    ("report.nodeCondition", "false", "The worst trouble of the node as a condition of its Node; needs deploy/condition."),
    ("report.runbookURL", "", "Added to each Event; {cause} stands for the cause's id."),
    ("causes", "{}", "Changes to single causes, by id."),
    ("causes.*.enabled", "", "false: it is neither told nor counted."),
    ("causes.*.after", "", "How long it must hold before it is told."),
    ("causes.*.type", "", "The type of its Events."),
    ("timing", "", "Periods of looking and waiting."),
    ("timing.busy", r#""1s""#, "Between two looks at the runtime while something starts."),
    ("timing.calm", r#""10s""#, "Between two looks at the runtime while nothing starts."),
    ("timing.status", r#""10s""#, "Between two questions for the runtime's own status."),
    ("timing.cni", r#""5s""#, "Between two looks at the CNI directories."),
    ("timing.probe", r#""10s""#, "Between two looks of one probe that finds nothing new."),
    ("timing.clear", r#""1m""#, "How long all must be well before that is said."),
    ("timing.reopen", r#""10m""#, "What comes back within this time is the same story."),
    ("timing.restartQuiet", r#""1m""#, "Quiet after a restart of the runtime."),
    ("timing.askEvents", r#""15s""#, "How long a pod must be stuck before its Events are asked for."),
    ("timing.askAgain", r#""5m""#, "Its Events are asked for at most once in this time."),
    ("log", "", "The log."),
    ("log.level", "", "What is logged, instead of what --log-level says: a level, or such as info,kubewhy=debug."),
    ("prepull", "", "Images to have before pods ask for them."),
    ("prepull.spread", r#""0s""#, "Pulls start spread over this time, by node name."),
    ("prepull.keepAtMost", r#""25%""#, "What kept images may hold of the image file system."),
    ("prepull.nodeLabels", "false", "A label of the Node says per set whether it is complete."),
    ("prepull.startupTaint", "", "Key of the taint that is taken off the Node when all its essential sets are complete, or after 10 minutes."),
    ("prepull.sets", "[]", "The sets of images."),
    ("prepull.sets[].name", "", "Its name: up to 63 of a-z, 0-9 and -, each name once."),
    ("prepull.sets[].images", "", "Images by tag or digest, such as registry.example.com/base/jre:21."),
    ("prepull.sets[].nodes", "", "The nodes it is for."),
    ("prepull.sets[].nodes.matchLabels", "{}", "Only nodes with all these labels; none: every node."),
    ("prepull.sets[].parallel", "2", "How many images are pulled at a time."),
    ("prepull.sets[].credentials", "", "Credentials for its registries."),
    ("prepull.sets[].credentials.file", "", "Path of a file in the form of ~/.docker/config.json."),
    ("prepull.sets[].credentials.providers", "", "The kubelet's credential-provider plugins, instead of a file."),
    ("prepull.sets[].credentials.providers.config", "", "What the kubelet is given as --image-credential-provider-config."),
    ("prepull.sets[].credentials.providers.binDir", "", "What the kubelet is given as --image-credential-provider-bin-dir."),
    ("prepull.sets[].credentials.anyPodMayUse", "false", "Consent: what is on the node, every pod of it may use. Without it the set is refused, unless the kubelet verifies."),
    ("prepull.sets[].first", "", "A share of the nodes goes ahead, so that a mistake can be taken back before it is everywhere."),
    ("prepull.sets[].first.share", "", "How many of all nodes, told by their names."),
    ("prepull.sets[].first.lead", "", "How long the others wait."),
    ("prepull.sets[].window", "", "When it may be pulled; none: at any hour."),
    ("prepull.sets[].window.cron", "", "When it opens: minute, hour, day, month and weekday, as in a CronJob."),
    ("prepull.sets[].window.for", "", "How long it stays open."),
    ("prepull.sets[].window.timeZone", "", "The time zone of cron, such as Europe/Berlin; none: UTC."),
    ("prepull.sets[].minFree", r#""20%""#, "What stays free of the image file system."),
    ("prepull.sets[].keep", "false", "Its images are kept from the kubelet's garbage collection."),
    ("prepull.sets[].refresh", "", "Its tags are asked for again after this time, for they may have moved; none: never."),
    ("prepull.sets[].essential", "false", "The startup taint waits for it."),
];
