//! What is looked for in a library: words, a kind, and the surroundings of a place.

use crate::{AssetKind, Invalid, Place};

/// Words that must all occur: 1 to 20 of them, 500 characters together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    const MOST: usize = 20;
    const LONGEST: usize = 500;

    /// The words between the spaces of a text; `None` for a text of nothing. `field` names it in a refusal.
    ///
    /// # Errors
    /// When there are more words or characters than any search needs, or control characters among them.
    pub fn new(field: &'static str, text: &str) -> Result<Option<Self>, Invalid> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let strange = words.iter().any(|word| word.chars().any(char::is_control));
        if strange || words.len() > Self::MOST || text.chars().count() > Self::LONGEST {
            let advice = "write at most 20 words, 500 characters together, none of them control characters";
            return Err(Invalid::new(field, advice));
        }
        Ok((!words.is_empty()).then_some(Self(words)))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What kind of asset is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// Of this kind; live photos are photos too.
    Is(AssetKind),
    /// A live photo: one with a moving part.
    Live,
}

/// Everything that lies no further than so many kilometres from a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vicinity {
    centre: Place,
    km: f64,
}

/// A part of the map between two latitudes and two longitudes, in degrees, that a database can look into by comparing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least latitude.
    pub south: f64,
    /// The greatest latitude.
    pub north: f64,
    /// Where it begins, going east.
    pub west: f64,
    /// Where it ends; less than `west` when it reaches across the 180th meridian.
    pub east: f64,
}

impl Vicinity {
    /// The Earth's mean radius (IUGG).
    const EARTH_KM: f64 = 6371.0088;
    /// More than any rounding of a degree below, and less than a step.
    const SLACK: f64 = 1e-6;

    /// # Errors
    /// For a distance that is not from 10 metres to 1000 kilometres.
    pub fn new(centre: Place, km: f64) -> Result<Self, Invalid> {
        if !(0.01..=1000.0).contains(&km) {
            return Err(Invalid::new("within_km", "give a distance from 0.01 to 1000 kilometres"));
        }
        Ok(Self { centre, km })
    }

    /// Whether a place lies in it, on a round Earth: within 0.5 % of the true distance, by the haversine formula.
    #[must_use]
    pub fn holds(&self, latitude: f64, longitude: f64) -> bool {
        let (here, there) = (self.centre.latitude().to_radians(), latitude.to_radians());
        let half = |a: f64, b: f64| ((a - b) / 2.0).sin().powi(2);
        let east = half(self.centre.longitude().to_radians(), longitude.to_radians());
        let chord = half(here, there) + here.cos() * there.cos() * east;
        2.0 * Self::EARTH_KM * chord.sqrt().min(1.0).asin() <= self.km
    }

    /// The least part of the map that has all of it, and a little more.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let angle = self.km / Self::EARTH_KM;
        let reach = angle.to_degrees() + Self::SLACK;
        let (south, north) = (self.centre.latitude() - reach, self.centre.latitude() + reach);
        let pole = south <= -90.0 || north >= 90.0;
        let width = (angle.sin() / self.centre.latitude().to_radians().cos()).asin().to_degrees() + Self::SLACK;
        // Around a pole every longitude is near.
        if pole || !width.is_finite() || width >= 180.0 {
            return Bounds { south, north, west: -180.0, east: 180.0 };
        }
        let around = |longitude: f64| match longitude {
            beyond if beyond < -180.0 => beyond + 360.0,
            beyond if beyond > 180.0 => beyond - 360.0,
            within => within,
        };
        let (west, east) = (self.centre.longitude() - width, self.centre.longitude() + width);
        Bounds { south, north, west: around(west), east: around(east) }
    }
}

impl Bounds {
    /// Whether they reach across the 180th meridian.
    #[must_use]
    pub fn wraps(&self) -> bool {
        self.west > self.east
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn around(latitude: f64, longitude: f64, km: f64) -> Vicinity {
        Vicinity::new(Place::new(latitude, longitude, None).unwrap(), km).unwrap()
    }

    fn holds(bounds: Bounds, latitude: f64, longitude: f64) -> bool {
        let (after, before) = (longitude >= bounds.west, longitude <= bounds.east);
        (bounds.south..=bounds.north).contains(&latitude)
            && if bounds.wraps() { after || before } else { after && before }
    }

    #[test]
    fn words_are_what_stands_between_spaces() {
        let words = Words::new("text", " 바다\t100%\n a_b ").unwrap().unwrap();
        assert_eq!(words.iter().collect::<Vec<_>>(), ["바다", "100%", "a_b"]);
        assert_eq!(Words::new("text", " \n"), Ok(None));
        assert!(Words::new("text", &"가".repeat(500)).is_ok());
        for bad in ["가".repeat(501), "a ".repeat(21), "a\u{0}".to_owned()] {
            assert_eq!(Words::new("camera", &bad).unwrap_err().field, "camera");
        }
    }

    #[test]
    fn distances_are_those_of_the_map() {
        // Paris to London is 343.5 km, by any great-circle calculator.
        let (paris, london) = ((48.8566, 2.3522), (51.5074, -0.1278));
        assert!(around(paris.0, paris.1, 344.5).holds(london.0, london.1));
        assert!(!around(paris.0, paris.1, 342.5).holds(london.0, london.1));
        assert!(around(0.0, 180.0, 12.0).holds(0.0, -179.9), "across the 180th meridian");
        assert!(around(89.99, 0.0, 3.0).holds(89.99, 180.0), "across the pole");
        for km in [0.0, -1.0, 1000.1, f64::NAN, f64::INFINITY] {
            assert!(Vicinity::new(Place::new(0.0, 0.0, None).unwrap(), km).is_err(), "{km}");
        }
    }

    #[test]
    fn bounds_are_no_larger_than_they_need_be() {
        let bounds = around(60.0, 179.9, 100.0).bounds();
        assert!(bounds.wraps());
        assert!((bounds.north - 60.899).abs() < 0.01 && (bounds.south - 59.1).abs() < 0.01, "{bounds:?}");
        assert!((bounds.east + 178.3).abs() < 0.01 && (bounds.west - 178.1).abs() < 0.01, "{bounds:?}");
        assert_eq!((around(89.9, 5.0, 50.0).bounds().west, around(-89.9, 5.0, 50.0).bounds().east), (-180.0, 180.0));
    }

    proptest! {
        #[test]
        fn whatever_is_near_lies_within_the_bounds(
            (latitude, longitude) in (-90.0..=90.0_f64, -180.0..=180.0_f64),
            km in 0.01..=1000.0_f64,
            (north, east) in (-10.0..10.0_f64, -180.0..180.0_f64),
            close: bool,
        ) {
            let vicinity = around(latitude, longitude, km);
            let east: f64 = if close { east / 90.0 } else { east };
            let there = ((latitude + north).clamp(-90.0, 90.0), (longitude + east + 540.0) % 360.0 - 180.0);
            if vicinity.holds(there.0, there.1) {
                prop_assert!(holds(vicinity.bounds(), there.0, there.1), "{:?} {:?}", vicinity.bounds(), there);
            }
            prop_assert!(vicinity.holds(latitude, longitude));
        }
    }
}
