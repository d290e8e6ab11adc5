//! A log whose lines are JSON objects, with the names of nginx's variables as keys.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::format::{Mismatch, Spans};
use crate::wanted::Wanted;

/// Finds the wanted values of `line` and writes them into `values`, where `spans` point. What is no string, number or truth value is
/// nothing.
pub(crate) fn read(wanted: &Wanted, line: &[u8], values: &mut Vec<u8>, spans: &mut Spans) -> Result<(), Mismatch> {
    values.clear();
    let read = match std::str::from_utf8(line) {
        Ok(text) => object(wanted, text, values, spans),
        // nginx passes on whatever bytes a client sends.
        Err(_) => object(wanted, &String::from_utf8_lossy(line), values, spans),
    };
    read.map_err(|_| Mismatch::NoObject)
}

fn object(wanted: &Wanted, text: &str, values: &mut Vec<u8>, spans: &mut Spans) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    (&mut json).deserialize_map(Object { wanted, values, spans })?;
    json.end()
}

struct Object<'a> {
    wanted: &'a Wanted,
    values: &'a mut Vec<u8>,
    spans: &'a mut Spans,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(slot) = map.next_key_seed(Key(self.wanted))? {
            let Some(slot) = slot else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let begin = self.values.len();
            let is_value = map.next_value_seed(Value(self.values))?;
            self.spans[slot] = is_value.then_some(begin..self.values.len());
        }
        Ok(())
    }
}

/// A key: the place of a wanted variable, or `None`.
struct Key<'a>(&'a Wanted);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.slot(name))
    }
}

/// A value, written as text; `false` when it is none.
struct Value<'a>(&'a mut Vec<u8>);

impl Value<'_> {
    fn write(self, value: fmt::Arguments<'_>) -> bool {
        use std::io::Write as _;
        // Nothing can go wrong when memory is written to.
        let _ = self.0.write_fmt(value);
        true
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(true)
    }

    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        Ok(self.write(format_args!("{number}")))
    }

    fn visit_i64<E>(self, number: i64) -> Result<bool, E> {
        Ok(self.write(format_args!("{number}")))
    }

    fn visit_f64<E>(self, number: f64) -> Result<bool, E> {
        Ok(self.write(format_args!("{number}")))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<bool, E> {
        Ok(self.write(format_args!("{truth}")))
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status_and_time(line: &[u8]) -> Result<[Option<String>; 2], Mismatch> {
        let mut wanted = Wanted::default();
        wanted.add("status");
        wanted.add("request_time");
        let (mut values, mut spans) = (vec![1, 2], vec![None; 2]);
        read(&wanted, line, &mut values, &mut spans)?;
        let value = |slot: usize| spans[slot].clone().map(|span| String::from_utf8(values[span].to_vec()).unwrap());
        Ok([value(0), value(1)])
    }

    #[test]
    fn values_are_found_whatever_kind_they_are() {
        let both = |status: &str, time: &str| Ok([Some(status.to_owned()), Some(time.to_owned())]);
        assert_eq!(
            status_and_time(br#"{"a":{"status":1},"status":"2\u0030\"0","request_time":0.005}"#),
            both("20\"0", "0.005")
        );
        assert_eq!(status_and_time(br#"{"request_time":1,"status":true,"x":[1,{}]}"#), both("true", "1"));
        assert_eq!(
            status_and_time(b"{\"x\":\"\xff\",\"status\":-1,\"request_time\":\"\xff\"}"),
            both("-1", "\u{fffd}")
        );
        assert_eq!(status_and_time(br#"{"status":null,"request_time":[1]}"#), Ok([None, None]));
    }

    #[test]
    fn what_is_no_object_is_told() {
        for line in [&b"[]"[..], b"", b"{", b"{\"status\":}", b"{} {}", b"200"] {
            assert_eq!(status_and_time(line), Err(Mismatch::NoObject));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..60), json in "\\{\"status\":[ \"{}\\[\\]0-9e.,:\\\\]{0,20}\\}") {
            let _ = status_and_time(&line);
            let _ = status_and_time(json.as_bytes());
        }
    }
}
