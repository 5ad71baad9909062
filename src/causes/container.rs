//! Causes that keep a container from being created or started although its image is there.

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Right, Scope};
use crate::model::sign::Sign;
use crate::model::stage::Stage;

/// A ConfigMap or Secret of the environment, or a key in it, does not exist.
pub const CONFIG_REFERENCE_MISSING: Cause = Cause {
    id: "ConfigReferenceMissing",
    stage: Stage::Create,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The container's environment takes from a ConfigMap, Secret or key that does not exist.",
    says: "{missing}. Container {container} takes {variables} from it; its image is here, node and network are fine.",
    rules_out: "Image, node and network are fine.",
    advice: "create it, or mark the reference optional.",
    mends: "The pod then starts by itself within 15 s, no restart needed.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["configmap \"", "\" not found"]).but(&["mountvolume", "references non-existent"]),
        Sign::of(&["configmaps \"", "\" not found"]).but(&["mountvolume", "references non-existent"]),
        Sign::of(&["secret \"", "\" not found"]).but(&["mountvolume", "references non-existent"]),
        Sign::of(&["secrets \"", "\" not found"]).but(&["mountvolume", "references non-existent"]),
        Sign::of(&["couldn't find key ", " in configmap "]),
        Sign::of(&["couldn't find key ", " in secret "]),
    ],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};

/// The program the container should run is not in its image.
pub const COMMAND_NOT_FOUND: Cause = Cause {
    id: "CommandNotFound",
    stage: Stage::Start,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The command of the container does not exist in its image.",
    says: "Container {container} cannot start: its image {image} has no {command}. The image was pulled and unpacked; node and network are fine.",
    rules_out: "The image was pulled and unpacked; node and network are fine.",
    advice: "correct command: in the pod's spec, or the image (is it the right tag? has it a shell?).",
    mends: "It will not mend itself.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["exec: \"", "executable file not found in $path"]).but(&[
            "apparmor_parser",
            "exec: \"runc\"",
            "exec: \"crun\"",
        ]),
        Sign::of(&["exec: \"", "\": stat ", "no such file or directory"]).but(&["exec: \"runc\"", "exec: \"crun\""]),
        Sign::of(&["executable not found in $path"]),
        Sign::of(&["executable file `", "not found"]),
    ],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};
