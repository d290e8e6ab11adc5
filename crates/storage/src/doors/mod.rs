//! The doors of a store: what `app` and the gateway's origin call. Each says which place is asked; what is done there is said in the
//! module of that name beside this one.

mod looks;
mod objects;
mod parts;
mod uploads;
