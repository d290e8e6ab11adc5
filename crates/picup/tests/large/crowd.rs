//! A thousand readers of one video at once, none of which an edge has yet.

use std::time::Instant;

use futures_util::StreamExt;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sha2::Digest;

use crate::edge_stage::{Stage, put};
use crate::{MEMORY, peak_kib, say};

const READERS: u64 = 1_000;
const BYTES: usize = 100_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_readers_cost_the_origin_each_byte_once() {
    let (stage, nginx) = Stage::before_nginx().await;
    let mut content = vec![0; BYTES];
    SmallRng::seed_from_u64(1).fill_bytes(&mut content);
    let path = put(&stage.objects(), "0001", &content);
    let wanted = sha2::Sha256::digest(&content);
    let (url, began) = (stage.edge.url(&stage.signed(&path)), Instant::now());
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let http = reqwest::Client::builder().no_proxy().build().unwrap();
                let mut body = http.get(url).send().await.unwrap().bytes_stream();
                let mut hasher = sha2::Sha256::new();
                while let Some(chunk) = body.next().await {
                    hasher.update(chunk.unwrap());
                }
                hasher.finalize()
            })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), wanted);
    }
    say("to a thousand readers", READERS * BYTES as u64, began);
    let peak = peak_kib(stage.edge.id().as_raw_nonzero().get());
    println!("edge: at most {} MiB", peak >> 10);
    assert_eq!(stage.count("origin_bytes_total").await, BYTES as u64);
    let asked = nginx.asked().lines().filter(|line| line.contains("GET ")).count();
    assert_eq!(asked, BYTES.div_ceil(1 << 20), "the origin was asked for a slice twice");
    assert!(peak < MEMORY, "the edge took {peak} KiB");
}
