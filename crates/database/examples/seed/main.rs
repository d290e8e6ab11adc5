//! Fills a database with a library of any size, for tests and benches of what PicUp is like when it holds a great deal.
//!
//! One account on a SQLite file:
//!
//! ```sh
//! picup user create ada@example.org --password-file FILE --data-dir DIR
//! cargo run -p picup-database --example seed -- --data-dir DIR --email ada@example.org --assets 1000000
//! ```
//!
//! Many accounts with albums on a MariaDB server (`bench/seed` starts one and calls this):
//!
//! ```sh
//! cargo run --release -p picup-database --example seed -- --url mysql://root@127.0.0.1:3306/picup \
//!   --accounts 300 --assets 100000 --albums 10 --objects-of 0 --like ada@example.org
//! ```
//!
//! Twenty years of days, the same ones at every run. The books (used bytes, counts a day, counts of albums) are exactly what
//! the rows add up to; `picup user usage --verify` shows it. It makes rows and no files: whoever wants pictures to be answered
//! puts them where their keys say. PicUp must not be running.

#![forbid(unsafe_code)]

mod library;
mod many;
mod one;
mod rows;

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::str::FromStr;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "say --data-dir DIR --email EMAIL --assets N, or --url mysql://… --accounts N --assets N --albums N \
     --objects-of N --like EMAIL (assets and albums are those of each account)";

fn main() -> Outcome<()> {
    let mut said = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        said.insert(name, words.next().ok_or(USAGE)?);
    }
    if said.contains_key("--url") {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        return runtime.block_on(many::fill(many::Wish {
            url: take(&mut said, "--url")?,
            accounts: take(&mut said, "--accounts")?,
            assets: take(&mut said, "--assets")?,
            albums: take(&mut said, "--albums")?,
            objects_of: take(&mut said, "--objects-of")?,
            like: take(&mut said, "--like")?,
        }));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (data_dir, email): (String, String) = (take(&mut said, "--data-dir")?, take(&mut said, "--email")?);
    runtime.block_on(one::fill(Path::new(&data_dir), &email, take(&mut said, "--assets")?))
}

fn take<T: FromStr>(said: &mut HashMap<String, String>, name: &str) -> Outcome<T> {
    let value = said.remove(name).ok_or(USAGE)?;
    value.parse().map_err(|_| format!("{name} cannot be {value}; {USAGE}").into())
}
