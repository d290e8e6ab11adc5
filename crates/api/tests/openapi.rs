//! The OpenAPI file beside this crate is what clients are generated from: it must say what the code does.

#[test]
fn the_file_says_what_the_code_does() {
    let written = include_str!("../openapi.json");
    let current = serde_json::to_string_pretty(&picup_api::document()).unwrap();
    assert!(
        written.trim_end() == current,
        "crates/api/openapi.json is stale; run: cargo run -p picup-api --example openapi > crates/api/openapi.json \
         and then, in web/: npm run api"
    );
}

#[test]
fn every_operation_has_its_own_id_and_says_what_can_go_wrong() {
    let document = serde_json::to_value(picup_api::document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
            assert!(ids.insert(id.to_owned()), "two operations are called {id}");
            assert!(!operation["responses"].as_object().unwrap().is_empty(), "{method} {path} has no responses");
        }
    }
}
