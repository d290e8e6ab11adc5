//! What `picup doctor` and the System page ask of this room: can videos be read, and does a child answer?

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::{
    child::{CHILD_PATH, Error, Media},
    processed::{Outcome, Processed},
};

/// A GIF of one pixel, the smallest picture there is.
const SMALLEST: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// How long a program may take to print its version.
const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `ffmpeg`, `ffprobe` or `media child`.
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// What was found, and if it does not work, what to do about it.
    pub advice: String,
}

impl Media {
    /// Looks whether videos and pictures can be processed here. Waits for its turn behind originals that are.
    pub async fn check(&self) -> Vec<Check> {
        let mut checks = self.program_checks().await;
        checks.push(self.child_check().await);
        checks
    }

    /// As [`Media::check`], without waiting for a turn: children that are all at work show by that that they can be started.
    pub async fn check_at_a_glance(&self) -> Vec<Check> {
        let mut checks = self.program_checks().await;
        if self.children().idle() {
            checks.push(self.child_check().await);
        }
        checks
    }

    async fn program_checks(&self) -> Vec<Check> {
        let settings = self.settings();
        vec![program_check("ffmpeg", &settings.ffmpeg).await, program_check("ffprobe", &settings.ffprobe).await]
    }

    async fn child_check(&self) -> Check {
        let name = "media child";
        let advice = match smallest_original() {
            Err(error) => format!("no memory file could be made: {error}"),
            Ok(original) => match self.process(original).await {
                Ok(Processed { outcome: Outcome::Shown { .. }, .. }) => {
                    return Check { name, ok: true, advice: "pictures are processed".into() };
                }
                Ok(Processed { outcome: Outcome::Undecodable { reason }, .. }) | Err(Error::Broken { reason, .. }) => {
                    format!(
                        "a sound picture could not be shown: the file {reason}. Raise the limits of memory and time \
                         that pictures are processed with, and see the log"
                    )
                }
                Err(error @ Error::Child { .. }) => {
                    format!("{error}. Give this machine or this service more memory, and see the log")
                }
                Err(error) => format!("{error}. The program file must stay where it was started from"),
            },
        };
        Check { name, ok: false, advice }
    }
}

fn smallest_original() -> std::io::Result<File> {
    let file = File::from(memfd_create("picup-check", MemfdFlags::CLOEXEC)?);
    std::os::unix::fs::FileExt::write_all_at(&file, SMALLEST, 0)?;
    Ok(file)
}

async fn program_check(name: &'static str, program: &Path) -> Check {
    let run = tokio::process::Command::new(program)
        .arg("-version")
        .env("PATH", CHILD_PATH)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let found = match tokio::time::timeout(VERSION_DEADLINE, run).await {
        Ok(Ok(output)) if output.status.success() => {
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok(printed.lines().next().unwrap_or_default().to_owned())
        }
        Ok(Ok(output)) => Err(output.status.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    };
    match found {
        Ok(version) => Check { name, ok: true, advice: version },
        Err(problem) => Check {
            name,
            ok: false,
            advice: format!(
                "{} does not run ({problem}): videos get no poster. Install the package ffmpeg, or set its path",
                program.display()
            ),
        },
    }
}
