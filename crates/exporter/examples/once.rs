//! Reads one log from its start to its end and prints its metrics, as `picup nginx-exporter --once` does: for `bench/exporter`, without
//! the rest of PicUp in the program.

#![forbid(unsafe_code)]

use picup_exporter::{Exporter, Namespace, Parser, Settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(format), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("say a format and a file".into());
    };
    let namespace = Namespace { files: vec![file], ..Namespace::new("nginx", Parser::Text(format)) };
    let exporter = Exporter::new(&Settings {
        host: String::new(),
        port: 0,
        metrics_path: "/metrics".to_owned(),
        namespaces: vec![namespace],
    })?;
    exporter.read_once()?;
    print!("{}", exporter.metrics());
    Ok(())
}
