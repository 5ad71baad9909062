//! Why there are no credentials, in words for the operator. None of them holds what was read from a file or heard from a
//! plugin.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::model::wording;

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file can't be read.
    #[error("credentials file {path}: {kind}; mount it into the agent", path = .0.display(), kind = .1.kind())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It did not answer.
    #[error("credentials file {path} could not be read in time; look at its mount", path = .0.display())]
    Unanswered(PathBuf),
    /// It is not what it should be. The parser's own words are withheld: they quote the file.
    #[error("credentials file {path} is broken at line {line}, column {column}", path = .0.display(), line = .1, column = .2)]
    Broken(PathBuf, u64, u64),
    /// It is larger than any Secret.
    #[error("credentials file {path} is larger than a Secret can be", path = .0.display())]
    TooLarge(PathBuf),
    /// The kubelet would not start with this configuration of plugins.
    #[error("credential providers of {path}: {what}", path = .0.display(), what = .1)]
    Providers(PathBuf, String),
    /// A plugin could not be asked, or gave no answer that the kubelet would use.
    #[error("credential provider {0}: {1}")]
    Plugin(String, PluginError),
}

/// Why a plugin gave no credentials.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no such program.
    #[error("{path} is not there; binDir names the directory of the kubelet's plugins (--image-credential-provider-bin-dir)", path = .0.display())]
    Missing(PathBuf),
    /// The program is there, and what it needs to run is not.
    #[error("{path} can't run here: a container from scratch has no host programs; run kubewhy on the host, or use credentials from a file", path = .0.display())]
    Unrunnable(PathBuf),
    /// It may not be executed.
    #[error("{path} may not be executed; look at its mode and whether it is mounted noexec", path = .0.display())]
    Forbidden(PathBuf),
    /// It could not be started for another reason.
    #[error("{path} does not start: {kind}", path = .0.display(), kind = .1)]
    Start(PathBuf, io::ErrorKind),
    /// It took too long and was killed.
    #[error("it gave no answer within {span} and was killed", span = wording::span(*.0))]
    Late(Duration),
    /// It failed. What it said is withheld: the agent's log has a line of it, with secrets removed.
    #[error("it failed ({0}); the agent's log has its words")]
    Failed(ExitStatus),
    /// It printed more than any answer can hold, and was killed.
    #[error("its answer is too large")]
    TooLarge,
    /// It printed something else.
    #[error("its answer is not the CredentialProviderResponse of {0} that it was asked for")]
    Answer(String),
    /// It serves pods only.
    #[error(
        "it wants the token of a pod's service account (tokenAttributes), and pre-pulling has no pod; use credentials from a file"
    )]
    NeedsPod,
}
