//! `picup cost`: what a library would cost with each provider, and what it would cost to get it back.
//!
//! It asks nobody: the prices are those of a file that says when they were read.

mod money;
mod prices;
mod reckon;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use picup_domain::ByteSize;

use super::Failure;

use prices::Prices;
use reckon::{Cost, Use};
use show::Answer;

/// An exabyte. Nobody's photos take more; who writes more has slipped.
const MOST_BYTES: u64 = 1_000_000_000_000_000_000;
const MOST_OBJECTS: u64 = 1_000_000_000_000;

#[derive(Debug, Args)]
pub(super) struct CostArgs {
    /// How much is stored, such as 1TB
    #[arg(long, value_name = "SIZE", value_parser = stored, allow_hyphen_values = true)]
    stored: ByteSize,
    /// How much of it is read in a month, such as 200GB
    #[arg(long, value_name = "SIZE", value_parser = egress, allow_hyphen_values = true)]
    egress: ByteSize,
    /// How many objects are stored (a photo takes about three); without it, requests are not counted
    #[arg(long, value_name = "N", value_parser = objects, allow_hyphen_values = true)]
    objects: Option<u64>,
    /// A file with other prices than PicUp's own, in the same form
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CostArgs) -> Result<ExitCode, Failure> {
    let prices = Prices::load(args.prices.as_deref())?;
    let used = Use { stored: args.stored.get(), egress: args.egress.get(), objects: args.objects };
    let answer = Answer::new(prices, used);
    if args.json {
        answer.json()?
    } else {
        answer.print()
    }
    Ok(ExitCode::SUCCESS)
}

fn stored(text: &str) -> Result<ByteSize, String> {
    match size(text)? {
        size if size.get() == 0 => Err("nothing stored costs nothing; write for example 1TB".to_owned()),
        size => Ok(size),
    }
}

fn egress(text: &str) -> Result<ByteSize, String> {
    size(text)
}

fn size(text: &str) -> Result<ByteSize, String> {
    if text.trim_start().starts_with('-') {
        return Err(format!("'{text}' is less than nothing; write for example 200GB"));
    }
    let size: ByteSize = text.parse().map_err(|invalid: picup_domain::Invalid| invalid.advice)?;
    if size.get() > MOST_BYTES {
        return Err(format!("{size} are more than an exabyte; see that the unit is right"));
    }
    Ok(size)
}

fn objects(text: &str) -> Result<u64, String> {
    let count: Option<u64> = text.trim().parse().ok();
    count
        .filter(|count| (1..=MOST_OBJECTS).contains(count))
        .ok_or_else(|| format!("'{text}' is no number of objects; write one from 1 to {MOST_OBJECTS}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_that_cannot_be_meant_are_told() {
        assert_eq!(stored("1TB"), Ok(ByteSize::new(1_000_000_000_000).unwrap()));
        assert_eq!(egress("0"), Ok(ByteSize::new(0).unwrap()));
        assert_eq!(objects("1"), Ok(1));
        for (said, says) in [
            (stored("0GB"), "nothing stored"),
            (stored("-1TB"), "less than nothing"),
            (stored("2000PB"), "more than an exabyte"),
            (stored("99999999999PB"), "is not a size"),
            (egress("5 bananas"), "is not a size"),
            (egress("1.5TB"), "is not a size"),
            (egress("-0"), "less than nothing"),
        ] {
            let said = said.unwrap_err();
            assert!(said.contains(says), "{said}");
        }
        for bad in ["0", "-1", "1e6", "many", "1000000000001", ""] {
            assert!(objects(bad).unwrap_err().contains("write one from 1"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "-?[0-9]{0,25} ?[kmgtpib]{0,3}|.*") {
            let _ = (stored(&text), egress(&text), objects(&text));
        }
    }
}
