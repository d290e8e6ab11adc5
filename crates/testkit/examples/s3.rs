//! An S3 service with a bucket and a key, for the tests in the browser: does with addresses that were given away what Amazon does, prints
//! how it is reached as one line of JSON, and ends when its input does.

use std::io::Read;

use picup_testkit::S3Server;

#[allow(clippy::print_stdout, reason = "its one line of output is what it is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = S3Server::start_like_amazon()?;
    println!(
        r#"{{"endpoint":"{}","bucket":"{}","id":"{}","secret":"{}"}}"#,
        server.endpoint(),
        server.bucket(),
        server.access_key(),
        server.secret_key()
    );
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
