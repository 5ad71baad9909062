//! The kubelet's client certificate: from when until when it is valid. Of the file that holds it and its key only the
//! certificate is read, which stands first; whether the API server accepts it is not asked.

mod dates;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Node;
use super::kubeconfig::{Kept, Kubeconfig};
use super::kubelet::daemon::{self, Places};
use crate::host::{Lost, Process};
use crate::model::reading::{Missing, Reading, Unit};
use crate::model::wording::span;
use crate::model::{Time, since};

use dates::Validity;

/// Its id.
pub const ID: &str = "kubelet-certificate";

const INVALID: &str = "KubeletCredentialInvalid";
/// The kubelet asks for a new one after 70 to 90 % of a certificate's life (Kubernetes:
/// staging/src/k8s.io/client-go/util/certificate/certificate_manager.go, nextRotationDeadline): past this share that has failed.
const NOT_RENEWED: f64 = 0.95;
/// A certificate is smaller.
const SIZE_AT_MOST: usize = 16 << 10;
const END: &[u8] = b"-----END CERTIFICATE-----";
/// By default (Kubernetes: cmd/kubeadm/app/constants/constants.go).
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let running = daemon::find(node).ok().flatten();
    let places = Places::of(node, running.as_ref());
    let usual = || Kept::File(places.certificates.join("kubelet-client-current.pem"));
    let reading = match Kubeconfig::read(node, &places) {
        Ok(config) => of_kept(node, config.certificate(), true),
        Err(Lost::Missing) => unbound(node, &places, running.as_ref()).unwrap_or_else(|| of_kept(node, usual(), false)),
        Err(_) => of_kept(node, usual(), false),
    };
    vec![reading]
}

/// The kubeconfig that the kubelet was told of is not there, and nothing to get one with.
fn unbound(node: &Node, places: &Places, running: Option<&Process>) -> Option<Reading> {
    let kubeconfig = places.kubeconfig.as_ref().filter(|_| running.is_some())?;
    let bootstrap = places.bootstrap.clone().unwrap_or_else(|| PathBuf::from(BOOTSTRAP));
    matches!(node.root().find(&bootstrap), Err(Lost::Missing)).then(|| {
        let flaw = format!("neither {} nor {} is there", kubeconfig.display(), bootstrap.display());
        Reading::broken(ID, "", INVALID, flaw.clone()).with("flaw", flaw)
    })
}

/// `named` says whether the kubelet's kubeconfig names that place, or it is the usual one.
fn of_kept(node: &Node, kept: Kept, named: bool) -> Reading {
    let none = |says: &str| Reading::unknown(ID, "", Missing::Subject, says);
    match kept {
        Kept::Nowhere => none("the kubelet logs in without a certificate"),
        Kept::Inline(pem) => judge(node.now, "its kubeconfig", dates::of_pem(&pem)),
        Kept::File(file) => match certificate(node, &file) {
            Ok(pem) => judge(node.now, &file.display().to_string(), dates::of_pem(&pem)),
            Err(Lost::Missing) if named => invalid(format!("its certificate {} is missing", file.display())),
            Err(Lost::Missing) => none("no client certificate is kept at the usual place"),
            Err(lost) => Reading::unknown(ID, "", Missing::Access, lost.to_string()),
        },
    }
}

fn judge(now: Time, place: &str, validity: Option<Validity>) -> Reading {
    let Some(Validity { begins, ends }) = validity else {
        return Reading::unknown(ID, "", Missing::Answer, format!("{place} holds no certificate that can be read"));
    };
    let (life, lived) = (since(begins, ends), since(begins, now));
    if now >= ends {
        return invalid(format!("its certificate expired {} ago, on {}", span(since(ends, now)), day(ends)));
    }
    if now < begins {
        return invalid(format!("its certificate is not valid before {begins}, or the clock is wrong"));
    }
    let left = format!("valid for {} more, until {}", span(since(now, ends)), day(ends));
    let reading = if lived.as_secs_f64() > NOT_RENEWED * life.as_secs_f64() {
        let soon = format!("its certificate is {left}, and was not renewed");
        Reading::suspect(ID, "", INVALID, soon.clone()).with("soon", soon)
    } else {
        Reading::fine(ID, "", left)
    };
    reading.of_amount(seconds(lived), seconds(life), Unit::Seconds)
}

fn invalid(flaw: String) -> Reading {
    Reading::broken(ID, "", INVALID, flaw.clone()).with("flaw", flaw)
}

fn day(of: Time) -> String {
    of.strftime("%Y-%m-%d").to_string()
}

fn seconds(of: Duration) -> f64 {
    of.as_secs_f64()
}

/// The file up to the end of its first certificate. What stands behind it, its key, is not read: hence byte by byte.
fn certificate(node: &Node, file: &Path) -> Result<Vec<u8>, Lost> {
    let opened = node.root().open(file)?;
    let mut pem = Vec::new();
    #[expect(clippy::unbuffered_bytes, reason = "a buffer would hold what follows the certificate")]
    for byte in opened.bytes().take(SIZE_AT_MOST) {
        pem.push(byte.map_err(|error| Lost::Unknown(format!("{}: {error}", file.display())))?);
        if pem.ends_with(END) {
            break;
        }
    }
    Ok(pem)
}

#[cfg(test)]
mod tests;
