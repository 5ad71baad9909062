//! Writes tar archives in memory: the layers of the lab's images. Never reads one, and keeps to what ustar can say.

/// Mode of a program or a directory.
pub(crate) const EXECUTABLE: u32 = 0o755;
/// Mode of a plain file.
pub(crate) const PLAIN: u32 = 0o644;

const BLOCK: usize = 512;

/// An archive under construction.
#[derive(Debug, Default)]
pub(crate) struct Tarball(Vec<u8>);

impl Tarball {
    pub(crate) fn directory(mut self, path: &str) -> Self {
        self.entry(b'5', path, "", EXECUTABLE, &[]);
        self
    }

    pub(crate) fn file(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(b'0', path, "", mode, content);
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.entry(b'2', path, target, EXECUTABLE, &[]);
        self
    }

    /// The archive with its two closing blocks.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }

    /// POSIX.1-1988 ustar: the fields in their order, octal numbers, and a checksum that counts itself as spaces.
    fn entry(&mut self, kind: u8, path: &str, target: &str, mode: u32, content: &[u8]) {
        let mut header = [0_u8; BLOCK];
        let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        field(0, path);
        field(100, &format!("{mode:07o}"));
        field(108, "0000000");
        field(116, "0000000");
        field(124, &format!("{:011o}", content.len()));
        field(136, "00000000000");
        field(148, "        ");
        field(157, target);
        field(257, "ustar");
        field(263, "00");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_whole_blocks_and_its_checksum_holds() {
        let archive = Tarball::default().directory("bin/").file("bin/x", PLAIN, b"hello").link("y", "bin/x").finish();
        assert_eq!(archive.len(), (1 + 2 + 1 + 2) * BLOCK);
        let mut header = archive[BLOCK..2 * BLOCK].to_vec();
        let said = u32::from_str_radix(std::str::from_utf8(&header[148..154]).unwrap(), 8).unwrap();
        header[148..156].fill(b' ');
        assert_eq!(said, header.iter().map(|byte| u32::from(*byte)).sum::<u32>());
    }
}
