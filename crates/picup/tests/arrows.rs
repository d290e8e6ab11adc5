//! The house's shape: which crate may depend on which (ARCHITECTURE.md), and which may not write unsafe code.
//!
//! A new arrow is a decision, not an import: change the picture and this list together, or do without it.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The only arrows between our crates. Development dependencies may point to `testkit` besides.
const ARROWS: [(&str, &[&str]); 12] = [
    ("picup", &["api", "gateway", "app", "database", "storage", "media", "delivery", "exporter", "vault", "domain"]),
    ("api", &["app", "domain"]),
    ("app", &["database", "storage", "media", "delivery", "domain"]),
    ("gateway", &["delivery"]),
    ("database", &["domain"]),
    ("storage", &["domain"]),
    ("media", &[]),
    ("delivery", &[]),
    ("exporter", &[]),
    ("vault", &[]),
    ("domain", &[]),
    ("testkit", &[]),
];

/// The crates that may write unsafe code, each piece with its reason: FFI and what happens between fork and exec.
const UNSAFE: [&str; 1] = ["media"];

fn workspace() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    MetadataCommand::new().cargo_path(env!("CARGO")).manifest_path(manifest).no_deps().exec().unwrap()
}

/// The crate's name in the house, `storage` for `picup-storage`; `None` for somebody else's.
fn room(name: &str) -> Option<&str> {
    if name == "picup" { Some(name) } else { name.strip_prefix("picup-") }
}

fn wrong_arrows<'a>(packages: impl IntoIterator<Item = &'a Package>) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for package in packages {
        let from = room(&package.name).unwrap_or(&package.name);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            wrong.insert(format!("{from} is not in the picture"));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(to) = room(&dependency.name) else { continue };
            let for_tests = dependency.kind == DependencyKind::Development && to == "testkit";
            if !allowed.contains(&to) && !for_tests {
                wrong.insert(format!("{from} -> {to} ({})", dependency.kind));
            }
        }
    }
    wrong
}

#[test]
fn only_the_drawn_arrows_exist() {
    let workspace = workspace();
    let members = workspace.workspace_packages();
    assert!(members.len() >= 9, "the whole workspace is looked at");
    assert_eq!(wrong_arrows(members), BTreeSet::new());
}

#[test]
fn a_wrong_arrow_is_seen() {
    let workspace = workspace();
    let package = |name: &str| workspace.packages.iter().find(|package| *package.name == *name).unwrap().clone();
    // The gateway with the database's dependencies: it would reach `domain`, which only looks harmless.
    let mut gateway = package("picup-gateway");
    gateway.dependencies = package("picup-database").dependencies;
    assert_eq!(wrong_arrows([&gateway]), BTreeSet::from(["gateway -> domain (normal)".to_owned()]));
}

#[test]
fn no_crate_but_media_may_write_unsafe_code() {
    for package in workspace().workspace_packages() {
        let name = room(&package.name).unwrap();
        for target in &package.targets {
            let is_root = target.is_lib() || target.is_bin();
            if is_root && !UNSAFE.contains(&name) {
                let source = std::fs::read_to_string(&target.src_path).unwrap();
                let forbids = source.lines().any(|line| line.trim() == "#![forbid(unsafe_code)]");
                assert!(forbids, "{} opens with #![forbid(unsafe_code)]", target.src_path);
            }
        }
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints_and_versions() {
    for package in workspace().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}: lints", package.name);
        let lines = manifest.lines().skip_while(|line| !line.contains("dependencies]"));
        let own = lines.filter(|line| line.contains('=') && line.contains("version")).collect::<Vec<_>>();
        assert!(own.is_empty(), "{}: versions stand in the workspace's Cargo.toml, not here: {own:?}", package.name);
    }
}
