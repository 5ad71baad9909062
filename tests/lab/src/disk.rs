//! A small file system of its own under a directory, which can be filled to its last block or its last inode. It lies in a
//! file of the lab and is mounted in the lab's namespace alone: it goes with that, and its loop device with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::process::run;

/// Its inodes: some four times what the layers of the lab's images need.
const INODES: &str = "4096";
/// Below it lies what takes the space.
const FILLER: &str = "filler";
/// The last piece is a block.
const PIECES: &[u64] = &[1 << 20, 64 << 10, 4 << 10];

/// A mounted file system.
#[derive(Debug)]
pub struct Disk {
    place: PathBuf,
}

impl Disk {
    /// Makes one of `bytes` in the file `image` and mounts it at `place`.
    ///
    /// # Errors
    /// When there are no tools for it, or no loop device.
    pub fn mount(image: &Path, place: &Path, bytes: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(place)?;
        File::create(image)?.set_len(bytes)?;
        // Without a journal and reserved blocks, so that the last block is the last one for everybody.
        run(Command::new("/sbin/mkfs.ext4")
            .args(["-q", "-F", "-m", "0", "-O", "^has_journal", "-N", INODES])
            .arg(image))?;
        run(Command::new("mount").args(["-o", "loop"]).args([image, place]))?;
        Ok(Self { place: place.to_owned() })
    }

    /// Takes all of its space.
    ///
    /// # Errors
    /// When it is not space that runs out.
    pub fn fill_blocks(&self) -> anyhow::Result<()> {
        let file = File::create(self.place.join(FILLER))?;
        let mut end = 0;
        for piece in PIECES {
            loop {
                match fallocate(&file, FallocateFlags::empty(), end, *piece) {
                    Ok(()) => end += piece,
                    Err(Errno::NOSPC) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Takes so many bytes of its space.
    ///
    /// # Errors
    /// When it has no more than that.
    pub fn take(&self, bytes: u64) -> anyhow::Result<()> {
        let file = File::create(self.place.join(FILLER))?;
        Ok(fallocate(&file, FallocateFlags::empty(), 0, bytes)?)
    }

    /// Takes all of its inodes, and of its space a little.
    ///
    /// # Errors
    /// When it is not inodes that run out.
    pub fn fill_inodes(&self) -> anyhow::Result<()> {
        let filler = self.place.join(FILLER);
        std::fs::create_dir(&filler)?;
        for number in 0.. {
            match File::create(filler.join(format!("{number}"))) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives back what was taken.
    ///
    /// # Errors
    /// When nothing was.
    pub fn empty(&self) -> anyhow::Result<()> {
        let filler = self.place.join(FILLER);
        if filler.is_dir() {
            std::fs::remove_dir_all(filler)?
        } else {
            std::fs::remove_file(filler)?
        }
        Ok(())
    }
}
