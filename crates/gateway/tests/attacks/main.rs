//! Known ways in which proxies were broken, against a real gateway before a process that reads requests by its own rules
//! (`upstream.rs`): a request that nobody sent would be seen there.
//!
//! | attack | the test |
//! | --- | --- |
//! | two lengths, bad `Transfer-Encoding`, both, HTTP/1.0 with it, bare CR and LF, folded headers | `smuggling`, and bytes at random: `fuzz`; without a process behind: `front.rs` |
//! | a body behind `Upgrade`, `Expect`, `GET` | `smuggling::what_follows_a_head_is_its_body_or_nothing` |
//! | HTTP/2 that says what HTTP/1.1 would read as two requests | `smuggling::what_http_2_says_is_one_request_to_a_process_of_http_1` |
//! | answers that hold another one, or of two lengths | `smuggling::an_answer_for_nobody_reaches_nobody` |
//! | headers that `Connection` names; `X-Forwarded-For` of strangers | `balance.rs`, `rules.rs`, and over HTTP/2: `smuggling` |
//! | answers that depend on what no key names | `paths::what_no_key_names_changes_no_answer`; a partial answer kept as whole: `cache.rs` |
//! | paths with two readings, escapes of escapes | `paths::no_path_leads_elsewhere_behind_the_gateway`; `front.rs` |
//! | a thousand ranges | `paths::thousands_of_ranges_are_none`; `media.rs` |
//! | heads and bodies that drip | `floods::slow_heads_and_bodies_keep_nobody_else_waiting`; `life.rs` |
//! | rapid reset, CONTINUATION, SETTINGS, PING, empty frames without end | `floods` |

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod floods;
mod frames;
mod fuzz;
mod paths;
mod smuggling;
#[path = "../support/mod.rs"]
mod support;
mod upstream;

use std::time::Duration;

use support::TestGateway;
use upstream::Upstream;

/// How long a client may be silent here.
const PATIENCE: Duration = Duration::from_millis(300);

/// A gateway that waits little, and the process behind it.
async fn stage() -> (TestGateway, Upstream) {
    let upstream = Upstream::start().await;
    let gateway = TestGateway::start_before_with(&upstream.balancer(), |settings| {
        settings.header_timeout = PATIENCE;
        settings.body_timeout = PATIENCE;
        settings.max_connections_per_address = 1_000;
    })
    .await;
    (gateway, upstream)
}
