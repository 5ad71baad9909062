//! Reads the files that credentials come from: bounded in size and time. Files on mounts that hang cost a few threads, and no
//! more with each try.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::CredentialError;
use crate::prepull::asking::Asking;

/// The largest Secret there can be (Kubernetes: core/v1 MaxSecretSize).
const SIZE_AT_MOST: u64 = 1 << 20;

/// A kubelet has one or two.
const FILES_AT_MOST: usize = 64;

/// So many threads read at once.
const READERS: usize = 4;

/// Files answer within this time, or count as silent.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Reads files, a few at once.
pub(super) struct Reader(Asking);

impl Default for Reader {
    fn default() -> Self {
        Self(Asking::new(READERS, ANSWERS_WITHIN))
    }
}

impl Reader {
    /// Asks the file system something about a path.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        path: &Path,
        question: impl FnOnce(&Path) -> Result<T, CredentialError> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let about = path.to_owned();
        let answer = self.0.ask(move || question(&about)).await;
        answer.unwrap_or_else(|| Err(CredentialError::Unanswered(path.to_owned())))
    }
}

/// The content of a file.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>, CredentialError> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SIZE_AT_MOST + 1).read_to_end(&mut content));
    read.map_err(|error| unreadable(path, error))?;
    if content.len() as u64 > SIZE_AT_MOST { Err(CredentialError::TooLarge(path.to_owned())) } else { Ok(content) }
}

/// A file, or those of a directory that are configurations by their names, in the order of these (Kubernetes:
/// readCredentialProviderConfig in pkg/credentialprovider/plugin/config.go).
pub(super) fn configurations(path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, CredentialError> {
    if !fs::metadata(path).map_err(|error| unreadable(path, error))?.is_dir() {
        return Ok(vec![(path.to_owned(), whole(path)?)]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, error))? {
        let file = entry.map_err(|error| unreadable(path, error))?.path();
        let named =
            file.extension().is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|known| extension == *known));
        if named && !file.is_dir() {
            files.push(file);
        }
    }
    if files.is_empty() || files.len() > FILES_AT_MOST {
        let what =
            format!("the directory has {} files of .json, .yaml or .yml; 1 to {FILES_AT_MOST} are read", files.len());
        return Err(CredentialError::Providers(path.to_owned(), what));
    }
    files.sort();
    files.into_iter().map(|file| whole(&file).map(|content| (file, content))).collect()
}

/// What tells a program from the one that was there before.
pub(super) fn identity(path: &Path) -> Option<[i64; 4]> {
    let of = |of: Metadata| [of.mtime(), of.mtime_nsec(), of.len().cast_signed(), of.ino().cast_signed()];
    fs::metadata(path).ok().map(of)
}

fn unreadable(path: &Path, error: io::Error) -> CredentialError {
    CredentialError::Unreadable(path.to_owned(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        assert!(matches!(configurations(folder.path()), Err(CredentialError::Providers(..))), "none of it is one");
        for name in ["b.yml", "a.yaml", "c.json", "d.conf", "README"] {
            fs::write(file(name), name).unwrap();
        }
        fs::create_dir(file("0.yaml")).unwrap();
        let names: Vec<_> = configurations(folder.path()).unwrap().into_iter().map(|(path, _)| path).collect();
        assert_eq!(names, [file("a.yaml"), file("b.yml"), file("c.json")]);
        assert_eq!(configurations(&file("d.conf")).unwrap(), [(file("d.conf"), b"d.conf".to_vec())]);
        assert!(matches!(configurations(Path::new("/nowhere")), Err(CredentialError::Unreadable(..))));
    }

    #[test]
    fn what_is_larger_than_a_secret_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE_AT_MOST + 1).unwrap();
        assert!(matches!(whole(file.path()), Err(CredentialError::TooLarge(_))));
    }
}
