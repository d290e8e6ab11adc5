//! Children and ffprobes that behave badly. An actor is a link to this program under the name of its part; beside the
//! link it may leave a file that tells the test what it did.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{Resource, Rlimit, setrlimit},
};

/// Makes a link of that name in `folder`.
pub(crate) fn cast(folder: &Path, part: &str) -> PathBuf {
    let link = folder.join(part);
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &link).unwrap();
    link
}

/// Plays the part this program was started as, if it is one.
pub(crate) fn play(arguments: &[String]) -> Option<ExitCode> {
    let link = Path::new(arguments.first()?);
    match link.file_name()?.to_str()? {
        "hangs" => hang(link),
        "crashes" => std::process::abort(),
        "crashes-once" => {
            if File::create_new(link.with_extension("done")).is_ok() {
                std::process::abort();
            }
            Some(picup_media::child_main(&arguments[2]))
        }
        "knows-and-crashes" => {
            say_facts();
            std::process::abort()
        }
        "gives-up" => Some(ExitCode::FAILURE),
        "is-killed" => {
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
            None
        }
        "is-killed-late" => {
            say_facts();
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
            None
        }
        "is-confined" => {
            for (resource, most) in [(Resource::As, 1 << 30), (Resource::Cpu, 5), (Resource::Core, 0)] {
                setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).unwrap();
            }
            Some(picup_media::child_main(&arguments[2]))
        }
        "knows-and-babbles" => {
            say_facts();
            std::io::stdout().write_all(&[0x5a; 4096]).unwrap();
            Some(ExitCode::SUCCESS)
        }
        "babbles" => {
            std::io::stdout().write_all(&[0x5a; 4096]).unwrap();
            Some(ExitCode::SUCCESS)
        }
        "floods" => loop {
            // Facts of two bytes again and again, an order no sound child uses.
            if std::io::stdout().write_all(b"\x01\0\0\0\x02{}").is_err() {
                return Some(ExitCode::SUCCESS);
            }
        },
        "shouts" => {
            (0..100_000).for_each(|_| eprintln!("what a file! what a file! what a file!"));
            Some(picup_media::child_main(&arguments[2]))
        }
        _ => None,
    }
}

/// Answers as a child does that has looked at a picture and not decoded it yet.
fn say_facts() {
    let facts = br#"{"format":"png","facts":{"iso":100}}"#;
    let mut frame = vec![1];
    frame.extend(u32::try_from(facts.len()).unwrap().to_be_bytes());
    frame.extend(facts);
    let mut out = std::io::stdout();
    out.write_all(&frame).and_then(|()| out.flush()).unwrap();
}

/// Holds a lock, says so, and never ends by itself.
fn hang(link: &Path) -> ! {
    let lock = File::create(link.with_extension("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    // A pipe's other end is a file that opens when somebody wants to know.
    let told = link.with_extension("told");
    if told.exists() {
        File::create(told).unwrap().write_all(b"!").unwrap();
    }
    loop {
        std::thread::park();
    }
}

/// A place where a hanging actor tells that it has begun; make it before the actor starts.
pub(crate) fn bell(link: &Path) -> PathBuf {
    let told = link.with_extension("told");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &told, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    told
}

/// Waits until the actor has rung.
pub(crate) fn wait_for(bell: &Path) {
    File::open(bell).unwrap().read_exact(&mut [0]).unwrap();
}

/// Returns once no actor of that link is alive; if one lives on, the test never ends.
pub(crate) fn wait_for_end(link: &Path) {
    let lock = File::open(link.with_extension("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
}
