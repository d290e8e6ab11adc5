//! Lives that end on the way of the photos to another store.

use std::path::Path;

use picup_testkit::{S3Server, run};

use crate::app::BINARY;

/// Has the photos move into the bucket, and waits until they have.
pub(crate) async fn leave(service: &S3Server, folder: &Path, data: &Path) {
    let (url, endpoint) = (format!("s3://{}/photos", service.bucket()), service.endpoint());
    let (key, data) = (folder.join("bucket-key"), data.to_str().unwrap());
    let arguments = ["storage", "move", "--to", &url, "--endpoint", &endpoint, "--data-dir", data, "--json"];
    let moved = run(BINARY, arguments.into_iter().chain(["--access-key-file", key.to_str().unwrap()])).await.unwrap();
    assert!(moved.status.success(), "{}{}", moved.stdout, moved.stderr);
}

/// The books are to look where the photos are now.
pub(crate) fn tell_the_books(objects: &Path, data: &Path) {
    let file = data.join("picup.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{settings}# objects: {}\n", objects.display())).unwrap();
}
