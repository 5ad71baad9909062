//! The table of mounts of a process (Linux: proc_pid_mountinfo(5)). Only reads what it is given.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// One mount, as a line of the table says it. Read as far as it is asked: a table may have thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it is mounted.
    pub point: Cow<'a, Path>,
    device: &'a [u8],
    rest: &'a [u8],
}

/// One mount, with what is said of its file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Number of the file system's device, `8:1`. All mounts of one file system have the same.
    pub device: String,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Type of the file system.
    pub kind: String,
    /// What is mounted: a device, or what stands for one.
    pub source: String,
    /// Options of the file system itself, not of this one mount of it.
    options: String,
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let device = fields.by_ref().nth(2)?;
        let point = path(fields.by_ref().nth(1)?);
        Some(Self { point, device, rest: fields.next()? })
    }

    /// Whether what is mounted below it elsewhere comes here, or what is mounted below it here goes elsewhere.
    #[must_use]
    pub fn follows(&self) -> bool {
        let optional = self.rest.split(|byte| *byte == b' ').skip(1).take_while(|field| *field != b"-");
        optional.into_iter().any(|field| field.starts_with(b"master:") || field.starts_with(b"shared:"))
    }

    /// All that it says; none where it ends early.
    #[must_use]
    pub fn read(&self) -> Option<Mount> {
        let mut fields = self.rest.split(|byte| *byte == b' ');
        // Any number of optional fields end at a dash.
        fields.by_ref().find(|field| *field == b"-")?;
        let [kind, source, options] = [fields.next()?, fields.next()?, fields.next()?].map(text);
        Some(Mount { device: text(self.device), point: self.point.to_path_buf(), kind, source, options })
    }
}

impl Mount {
    /// Whether the file system has this option.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|one| one == option)
    }

    /// The value of an option `name=value` of the file system.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<PathBuf> {
        let value = self.options.split(',').find_map(|one| one.strip_prefix(name)?.strip_prefix('='))?;
        Some(path(value.as_bytes()).into_owned())
    }
}

/// The mounts of a table, in the order in which they were made.
pub fn lines(table: &[u8]) -> impl Iterator<Item = Line<'_>> {
    table.split(|byte| *byte == b'\n').filter_map(Line::parse)
}

/// The mount on which a path lies that has no links in it: of the deepest ones the last, which hides the others.
#[must_use]
pub fn holding(table: &[u8], path: &Path) -> Option<Mount> {
    lines(table).filter(|line| path.starts_with(&line.point)).max_by_key(|line| line.point.components().count())?.read()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// White space and backslashes are written as `\040`.
fn path(field: &[u8]) -> Cow<'_, Path> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(Path::new(OsStr::from_bytes(field)));
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [byte, after @ ..] = rest {
        let escaped = (*byte == b'\\').then(|| octal(after)).flatten();
        bytes.push(escaped.unwrap_or(*byte));
        rest = after.get(if escaped.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    Cow::Owned(OsString::from_vec(bytes).into())
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"\
        27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n\
        30 27 8:1 / /var rw master:1 propagate_from:2 - xfs /dev/sda1 rw,attr2\n\
        31 30 8:1 /lib /var/lib ro - xfs /dev/sda1 rw,attr2\n\
        32 27 0:52 / /var rw - overlay overlay ro,lowerdir=/a:/b,upperdir=/var/with\\040space/fs\n";

    #[test]
    fn the_options_are_those_of_the_file_system_not_of_the_mount() {
        let mount = holding(TABLE, Path::new("/var/lib/kubelet")).unwrap();
        assert_eq!((&*mount.device, &*mount.kind, &*mount.source), ("8:1", "xfs", "/dev/sda1"));
        assert!(mount.has("rw") && !mount.has("ro"));
    }

    #[test]
    fn a_path_lies_on_the_deepest_mount_and_of_two_on_the_later() {
        let point = |path: &str| holding(TABLE, Path::new(path)).unwrap().kind;
        assert_eq!([point("/etc"), point("/var/log"), point("/variable")], ["ext4", "overlay", "ext4"]);
        assert_eq!(
            holding(TABLE, Path::new("/var")).unwrap().option("upperdir").unwrap(),
            Path::new("/var/with space/fs")
        );
    }

    #[test]
    fn what_is_no_table_names_no_mount() {
        for table in [&b""[..], b"\n\n", b"1 2 3 4", b"\xff \\ \\1 \\999 \\", b"1 2 3 / /a rw shared:1 ext4 x rw"] {
            assert_eq!(holding(table, Path::new("/a")), None, "{table:?}");
        }
        assert_eq!(path(b"/a\\134b\\"), Path::new("/a\\b\\"));
    }
}
