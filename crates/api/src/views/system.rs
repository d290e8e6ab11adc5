//! The report on the whole, as it goes over the wire.

use picup_app::system::{
    Accounts, Advice, Delivery, Failed, Jobs, Media, Queue, ReplicaReport, Report, Row, State, Store, Uploads,
};
use picup_domain::Timestamp;

use super::backup::backup;
use super::moment;
use crate::wire::{
    System, SystemAccounts, SystemAdvice, SystemAssets, SystemCache, SystemDamaged, SystemDatabase, SystemDelivery,
    SystemFailedJob, SystemJobs, SystemMedia, SystemQueue, SystemQuota, SystemRefused, SystemReplica, SystemReplicas,
    SystemRow, SystemState, SystemStore, SystemUploads,
};

/// The report of a process with these roles.
pub(crate) fn report(report: Report, roles: &[&str], now: Timestamp) -> System {
    let vitals = report.database.found;
    System {
        state: state(report.state()),
        looked_at: moment(report.looked_at),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: moment(report.started_at),
        uptime_seconds: (now.seconds() - report.started_at.seconds()).max(0).unsigned_abs(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        database: SystemDatabase {
            row: row(&report.database),
            reachable: vitals.is_some(),
            engine: report.engine.to_owned(),
            answer_ms: vitals.map(|vitals| vitals.answered_in.as_secs_f64() * 1000.0),
            schema: vitals.map(|vitals| vitals.schema),
            bytes: vitals.map(|vitals| vitals.bytes),
        },
        replicas: report.replicas.map(replicas),
        stores: report.stores.into_iter().map(store).collect(),
        backup: report.backup.map(backup),
        queue: report.queue.map(queue),
        media: media(report.media),
        delivery: delivery(report.delivery),
        uploads: report.uploads.map(uploads),
        accounts: report.accounts.map(accounts),
    }
}

fn state(state: State) -> SystemState {
    match state {
        State::Good => SystemState::Good,
        State::Attention => SystemState::Attention,
        State::Bad => SystemState::Bad,
    }
}

pub(super) fn row<T>(row: &Row<T>) -> SystemRow {
    let told = |advice: &Advice| SystemAdvice {
        code: advice.code.to_owned(),
        state: state(advice.state),
        detail: advice.detail.clone(),
    };
    SystemRow { state: state(row.state()), advice: row.advice.iter().map(told).collect() }
}

fn replicas(found: Row<Vec<ReplicaReport>>) -> SystemReplicas {
    let row = row(&found);
    let server = |replica: ReplicaReport| SystemReplica {
        name: replica.name,
        serving: replica.serving,
        lag_seconds: replica.lag.map(|lag| lag.as_secs_f64()),
    };
    SystemReplicas { row, servers: found.found.into_iter().map(server).collect() }
}

fn store(found: Row<Store>) -> SystemStore {
    let (row, Store { kind, writable, space }) = (row(&found), found.found);
    SystemStore {
        row,
        kind: kind.to_owned(),
        writable,
        free_bytes: space.map(|space| space.free),
        total_bytes: space.map(|space| space.total),
        kept_free_bytes: space.map(|space| space.kept),
    }
}

fn delivery(found: Row<Delivery>) -> SystemDelivery {
    let (row, Delivery { bytes, refused, cache }) = (row(&found), found.found);
    let refused = refused.into_iter().map(|(reason, times)| SystemRefused { reason: reason.to_owned(), times });
    SystemDelivery {
        row,
        bytes,
        refused: refused.collect(),
        cache: cache.map(|cache| SystemCache {
            hits: cache.hits,
            misses: cache.misses,
            origin_bytes: cache.origin_bytes,
            held_bytes: cache.held_bytes,
        }),
    }
}

fn queue(found: Row<Queue>) -> SystemQueue {
    let (row, Queue { kinds, failed }) = (row(&found), found.found);
    let jobs = |Jobs { counts, due_since }| SystemJobs {
        kind: counts.kind,
        waiting: counts.pending,
        running: counts.leased,
        given_up: counts.failed,
        due_since: due_since.map(moment),
    };
    let failed_job = |job: Failed| SystemFailedJob {
        id: job.id.into(),
        kind: job.kind,
        attempts: job.attempts,
        error: job.error,
        since: moment(job.since),
        account: job.account.map(|email| email.as_str().to_owned()),
        asset: job.asset.map(Into::into),
    };
    SystemQueue {
        row,
        kinds: kinds.into_iter().map(jobs).collect(),
        failed: failed.into_iter().map(failed_job).collect(),
    }
}

fn media(found: Row<Media>) -> SystemMedia {
    let (row, Media { assets, damaged, children, sandbox }) = (row(&found), found.found);
    let of_account =
        |(email, assets): (picup_domain::Email, u64)| SystemDamaged { account: email.as_str().to_owned(), assets };
    SystemMedia {
        row,
        assets: assets.map(|counts| SystemAssets {
            processing: counts.processing,
            ready: counts.ready,
            unviewable: counts.unviewable,
            damaged: counts.damaged,
            damaged_motions: counts.damaged_motions,
        }),
        damaged: damaged.into_iter().map(of_account).collect(),
        children: children.alive as u64,
        children_limit: children.limit as u64,
        sandbox: sandbox.to_owned(),
    }
}

fn uploads(found: Row<Uploads>) -> SystemUploads {
    SystemUploads { row: row(&found), open: found.found.open, reserved_bytes: found.found.reserved }
}

fn accounts(found: Row<Accounts>) -> SystemAccounts {
    let (row, Accounts { accounts, used, near, near_count }) = (row(&found), found.found);
    let quotas = near.into_iter().filter_map(|(email, quota)| {
        let held_bytes = quota.used.get().saturating_add(quota.reserved.get());
        Some(SystemQuota { account: email.as_str().to_owned(), held_bytes, quota_bytes: quota.limit?.get() })
    });
    SystemAccounts { row, accounts, used_bytes: used, near_quota: quotas.collect(), near_quota_count: near_count }
}
