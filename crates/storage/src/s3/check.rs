//! What `picup doctor` asks a bucket.
