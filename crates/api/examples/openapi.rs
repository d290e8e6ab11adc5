//! Prints the OpenAPI document: `cargo run -p picup-api --example openapi > crates/api/openapi.json`.

#![forbid(unsafe_code)]

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&picup_api::document())?);
    Ok(())
}
