//! What a container may do, as the pod says (Kubernetes: pkg/kubelet/kuberuntime/security_context.go). Pure. Knows no AppArmor, no
//! SELinux and no seccomp profile but the runtime's own.

use k8s_cri::v1 as cri;
use k8s_cri::v1::security_profile::ProfileType;
use k8s_openapi::api::core::v1::{Container, Pod, PodSecurityContext, SecurityContext};

use crate::kubelet::sandbox::namespaces;
use crate::kubelet::status::spec;

/// Whether it may do everything.
pub(in crate::kubelet) fn privileged(container: &Container) -> bool {
    container.security_context.as_ref().and_then(|own| own.privileged) == Some(true)
}

/// What CreateContainer is asked for. What a container says counts before what its pod says.
pub(super) fn context(pod: &Pod, container: &Container) -> cri::LinuxContainerSecurityContext {
    let own = container.security_context.clone().unwrap_or_default();
    let all = spec(pod).security_context.unwrap_or_default();
    let number = |value: i64| cri::Int64Value { value };
    cri::LinuxContainerSecurityContext {
        capabilities: capabilities(&own),
        privileged: privileged(container),
        namespace_options: Some(namespaces(pod)),
        run_as_user: own.run_as_user.or(all.run_as_user).map(number),
        run_as_group: own.run_as_group.or(all.run_as_group).map(number),
        supplemental_groups: all.supplemental_groups.clone().into_iter().flatten().chain(all.fs_group).collect(),
        readonly_rootfs: own.read_only_root_filesystem == Some(true),
        no_new_privs: own.allow_privilege_escalation == Some(false),
        seccomp: seccomp(&own, &all),
        ..cri::LinuxContainerSecurityContext::default()
    }
}

fn capabilities(own: &SecurityContext) -> Option<cri::Capability> {
    let asked = own.capabilities.clone()?;
    Some(cri::Capability {
        add_capabilities: asked.add.unwrap_or_default(),
        drop_capabilities: asked.drop.unwrap_or_default(),
        ..cri::Capability::default()
    })
}

fn seccomp(own: &SecurityContext, all: &PodSecurityContext) -> Option<cri::SecurityProfile> {
    let asked = own.seccomp_profile.as_ref().or(all.seccomp_profile.as_ref())?;
    let profile_type =
        if asked.type_ == "RuntimeDefault" { ProfileType::RuntimeDefault } else { ProfileType::Unconfined };
    Some(cri::SecurityProfile { profile_type: profile_type.into(), ..cri::SecurityProfile::default() })
}
