//! Named steps at which a test has PicUp die, to see that what it leaves behind is put right: `crates/picup/tests/crash/`.
//!
//! Defined here for this room and for `app` above. Without the feature `crash-points`, which no release has, they are nothing.

/// The process dies here, as by `kill -9`, if a test has armed the point of that name (`FAILPOINTS="name=return"`).
#[cfg(feature = "crash-points")]
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash_point_reached($name)
    };
}

/// A named step at which tests have the process die; nothing without the feature `crash-points`.
#[cfg(not(feature = "crash-points"))]
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {};
}

/// Aborts if the point is armed. Says so first: a test takes no other death for this one.
#[cfg(feature = "crash-points")]
#[doc(hidden)]
pub fn crash_point_reached(name: &str) {
    fail::fail_point!(name, |_| {
        eprintln!("died at the crash point {name}");
        std::process::abort()
    });
}
