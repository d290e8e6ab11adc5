//! The whole PicUp, as its users meet it: the real program on a fresh folder, spoken to over HTTP.
//!
//! Every test begins with a [`app::TestApp`] and ends with its `finish`, which waits until nothing is left to do, stops the
//! server, and holds the database against the store. Tests run at the same time, wait for events and never for a while.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod account;
mod acme;
mod admin;
mod albums;
mod app;
mod authorisation;
mod backup;
mod bad_files;
mod bad_input;
mod books;
mod buckets;
mod by_hand;
mod cached;
mod cdn;
mod client;
mod contracts;
mod crash;
mod database_moving;
mod database_server;
mod deletion;
mod delivery;
mod edge;
mod edge_stage;
mod edits;
mod events;
mod exiftool;
mod export;
mod faults;
mod front;
mod full_disk;
mod immich;
mod invitations;
mod keys;
mod kills;
mod library;
mod life;
mod live_photos;
mod luck;
mod media_keys;
mod moving_store;
mod nginx_exporter;
mod nginx_front;
mod parts;
mod patient;
mod pictures;
mod prometheus;
mod quota;
mod reads;
mod replicas;
mod restore;
mod restore_part;
mod restore_plain;
mod rules;
mod safe_places;
mod search;
mod servers;
mod sessions;
mod sharing;
mod system;
mod takeout;
mod token_edge;
mod tokens;
mod told;
mod trash;
mod trouble;
mod uploads;
mod usage;
