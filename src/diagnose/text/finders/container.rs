//! Facts about containers: commands, users, paths, devices.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("command", "exec: \"", "\"", Any),
    find("command", "executable file `", "`", Any),
    find("command", "exec container process `", "`", Any),
    find("command", "container command '", "'", Any),
    find("command", "container init: exec ", ":", Path),
    find("user", "non-numeric user (", ")", Any),
    find("user", "unable to find user ", ":", Word),
    find("container", "for container \"", "\"", Word),
    find("container", "of container \"", "\"", Word),
    find("container", "container: ", ")", Word),
    find("container", "restarting failed container=", " ", Word),
    find("container", "restarting failed container ", " ", Word),
    find("code", "exit code: ", " ,;:)", Number),
    find("code", "exit code ", " ,;:)", Number),
    find("code", "exited with code ", " ,;:)", Number),
    find("source", "mounting \"", "\"", Path),
    find("source", "mount source path '", "'", Path),
    find("source", "failed to stat \"", "\"", Path),
    find("source", "failed to mkdir \"", "\"", Path),
    find("source", "failed to mkdir ", ":", Path),
    find("source", "resolve symlink \"", "\"", Path),
    find("source", "type check failed: ", " ", Path),
    find("source", "mount `", "`", Path),
    find("source", "error: stat ", ":", Path),
    find("target", "to rootfs at \"", "\"", Path),
    find("volume", "for volumemount \"", "\"", Word),
    find("profile", "profile not found ", " :", Word),
    find("profile", "profile \"", "\"", Word),
    find("device", "unhealthy devices ", " ,", Word),
    find("device", "unregistered device ", " ,", Word),
    find("device", "unresolvable cdi devices ", " :,", Word),
    find("device", "device driver \"", "\"", Word),
    find("device", "lstat ", ":", Path),
    find("device", "devices unavailable for ", " ,;", Word),
    find("limit", "set memory limit ", " ", Number),
    find("limit", "set memory limit to ", " ", Number),
];

#[cfg(test)]
mod tests {
    use crate::diagnose::text::{facts, peel};

    #[test]
    fn what_a_container_lacks_is_read_from_the_runtimes_words() {
        for (fact, value, text) in [
            ("command", "/bin/cart", r#"caused \\"exec: \\\\\\"/bin/cart\\\\\\": permission denied\\""#),
            ("command", "cart", "executable file `cart` not found in $PATH: No such file or directory"),
            ("command", "/run.sh", "error during container init: exec /run.sh: no such file or directory"),
            ("user", "app", "image has non-numeric user (app), cannot verify user is non-root"),
            ("container", "web", "Back-off restarting failed container web in pod cart-0_shop(0f4c)"),
            ("container", "web", r#"image will run as root (pod: "cart-0_shop(0f4c)", container: web)"#),
            ("code", "3", "container web terminated: Error, exit code 3"),
            (
                "source",
                "/srv/cart",
                r#"failed to generate spec: failed to stat "/srv/cart": stat /srv/cart: not there"#,
            ),
            ("source", "/srv/cart", "hostPath type check failed: /srv/cart is not a directory"),
            ("target", "/etc/cart", r#"error mounting "/srv/cart" to rootfs at "/etc/cart": not a directory"#),
            ("volume", "conf", r#"failed to prepare subPath for volumeMount "conf" of container "web""#),
            ("profile", "cart", "failed to generate apparmor spec opts: apparmor profile not found cart"),
            ("device", "nvidia.com/gpu=0", "unresolvable CDI devices nvidia.com/gpu=0: unknown"),
            ("device", "/dev/fuse", "failed to generate spec: lstat /dev/fuse: no such file or directory"),
            ("limit", "4194304", "set memory limit 4194304 too low; should be at least 12582912 bytes"),
        ] {
            assert_eq!(facts(&peel(text)).get(fact), Some(value), "{text}");
        }
    }
}
