//! What happens to a test's S3 server behind the service's back: what lies on its disk, and what becomes of that.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::{Error, S3Server};

impl S3Server {
    /// The keys of all its objects, in order. They are looked for on its disk: it does not have to run.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn keys(&self) -> Result<Vec<String>, Error> {
        let bucket = self.folder().join(self.bucket());
        let (mut keys, mut folders) = (Vec::new(), vec![bucket.clone()]);
        while let Some(folder) = folders.pop() {
            for path in entries(&folder).map_err(Error::io("list a bucket"))? {
                match path.strip_prefix(&bucket) {
                    Ok(key) if !path.is_dir() => keys.push(key.to_string_lossy().into_owned()),
                    _ => folders.push(path),
                }
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Turns one bit of the middle of an object, as a disk does that fails: its length, its time and its tag stay.
    ///
    /// # Errors
    /// When there is no such object, or nothing in it.
    pub fn corrupt(&self, key: &str) -> Result<(), Error> {
        flip(&self.file(key)).map_err(Error::io(format!("corrupt {key}")))
    }

    /// Removes an object, as a disk does that is lost.
    ///
    /// # Errors
    /// When there is no such object.
    pub fn lose(&self, key: &str) -> Result<(), Error> {
        std::fs::remove_file(self.file(key)).map_err(Error::io(format!("lose {key}")))
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder().join(self.bucket()).join(key)
    }
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn flip(path: &Path) -> std::io::Result<()> {
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    let metadata = file.metadata()?;
    let (mut byte, at) = ([0], metadata.len() / 2);
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 1], at)?;
    file.set_modified(metadata.modified()?)
}
