//! SQL, migrations and the job queue.

#![forbid(unsafe_code)]
