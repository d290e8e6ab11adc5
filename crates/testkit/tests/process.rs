//! The picup process, stood in for by small shell scripts that take the same arguments.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::path::PathBuf;

use picup_testkit::{Error, PicupProcess, ProcessBuilder, TempDir, fresh_folder, run};
use rustix::process::test_kill_process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A program that does `what`, and the folder it is in.
fn program(what: &str) -> (TempDir, PathBuf) {
    let folder = fresh_folder();
    let path = folder.path().join("program");
    // Written by another process: a file that this one has open for writing while another test forks cannot be run.
    let mut write = std::process::Command::new("sh");
    write.args(["-c", "printf '%s' \"$1\" > \"$0\"; chmod 755 \"$0\""]).arg(&path).arg(format!("#!/bin/sh\n{what}\n"));
    assert!(write.status().unwrap().success());
    (folder, path)
}

/// A server that answers 503 a few times and 200 from then on, in the place of picup's own.
async fn answers(not_ready: u32) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 10];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"GET /ready");
            let status = if number < not_ready { "503 Service Unavailable" } else { "200 OK" };
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        }
    });
    address
}

async fn started(what: &str) -> (TempDir, PicupProcess) {
    let (folder, path) = program(what);
    let address = answers(3).await;
    let process = ProcessBuilder::new(path, folder.path().join("data")).listen(address).arg("--more").start();
    let process = process.await.unwrap();
    (folder, process)
}

#[tokio::test]
async fn is_started_as_users_start_it_and_waited_for() {
    let (_folder, process) = started("echo args: \"$@\"; echo 'open http://x/#setup=abc' >&2; exec sleep 100").await;
    let link = process.output().wait_for("the link", |line| line.strip_prefix("open ").map(str::to_owned)).await;
    assert_eq!(link.unwrap(), "http://x/#setup=abc");
    let arguments = process.output().wait_for("arguments", |line| line.strip_prefix("args: ").map(str::to_owned)).await;
    let data = process.data_dir().display();
    assert_eq!(arguments.unwrap(), format!("serve --data-dir {data} --listen {} --more", process.address()));
    assert!(process.resident_bytes().unwrap() > 4096);
    assert!(!process.ready_after().is_zero());
    assert_eq!(process.url("/api"), format!("http://{}/api", process.address()));
}

#[tokio::test]
async fn an_early_end_is_noticed_with_what_was_said() {
    let (folder, path) = program("echo 'the folder is locked' >&2; exit 3");
    let error = ProcessBuilder::new(path, folder.path()).start().await.unwrap_err();
    assert!(matches!(&error, Error::Ended { status, .. } if status.code() == Some(3)), "{error}");
    assert!(error.to_string().contains("the folder is locked"), "{error}");
}

#[tokio::test]
async fn sigterm_lets_it_finish() {
    let what = "trap 'echo drained; kill $!; exit 0' TERM; echo up; sleep 100 & wait";
    let (_folder, mut process) = started(what).await;
    process.output().wait_for("up", |line| (line == "up").then_some(())).await.unwrap();
    assert!(process.terminate().await.unwrap().success());
    assert!(process.output().text().contains("drained"));
}

#[tokio::test]
async fn kill_and_drop_leave_no_children() {
    for dropped in [true, false] {
        let (_folder, mut process) = started("sleep 100 & echo child $!; wait").await;
        let child = |line: &str| rustix::process::Pid::from_raw(line.strip_prefix("child ")?.parse().ok()?);
        let child = process.output().wait_for("the child", child).await.unwrap();
        assert!(test_kill_process(child).is_ok());
        if dropped {
            drop(process);
        } else {
            assert!(!process.kill().await.unwrap().success());
        }
        let gone = async {
            // A killed orphan stays until its new parent has looked at it.
            let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            while !state().is_empty() && !state().contains(") Z ") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
    }
}

#[tokio::test]
async fn restarts_on_the_same_folder_and_address() {
    let (_folder, process) = started("echo started; exec sleep 100").await;
    let (folder, address, id) = (process.data_dir().to_owned(), process.address(), process.id());
    let process = process.restart().await.unwrap();
    assert_eq!((process.data_dir(), process.address()), (folder.as_path(), address));
    assert_ne!(process.id(), id);
}

#[tokio::test]
async fn commands_are_run_to_their_end() {
    let (_folder, path) = program("echo \"$1\"; echo problem >&2; exit 2");
    let finished = run(&path, ["import"]).await.unwrap();
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(2), "import\n"));
    assert_eq!(finished.stderr, "problem\n");
}
