//! Builds again when the web page was built again, since the binary carries it.

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
