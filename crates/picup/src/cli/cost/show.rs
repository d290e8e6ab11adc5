//! How costs are shown: a table for people, a line for programs. The cheapest month comes first.

use std::fmt::Write as _;

use picup_domain::ByteSize;
use serde_json::{Value, json};

use super::money::Money;
use super::prices::{Offer, Prices};
use super::{Cost, Use};
use crate::cli::output;

/// All that is to be shown.
pub(super) struct Answer {
    read: String,
    used: Use,
    /// By their month; those without a price for it stand last.
    offers: Vec<(Offer, Cost)>,
}

impl Answer {
    pub(super) fn new(prices: Prices, used: Use) -> Self {
        let costed = prices.offers.into_iter().map(|offer| {
            let cost = Cost::of(&offer, used);
            (offer, cost)
        });
        let mut offers: Vec<_> = costed.collect();
        offers.sort_by_key(|(_, cost)| (cost.month.is_none(), cost.month));
        Self { read: prices.read, used, offers }
    }

    /// The names of those that ask the least, and how much that is.
    fn cheapest(&self, of: impl Fn(&Cost) -> Option<Money>) -> (Vec<&str>, Option<Money>) {
        let least = self.offers.iter().filter_map(|(_, cost)| of(cost)).min();
        let named = self.offers.iter().filter(|(_, cost)| least.is_some() && of(cost) == least);
        (named.map(|(offer, _)| offer.name.as_str()).collect(), least)
    }

    pub(super) fn json(&self) -> anyhow::Result<()> {
        output::json(&self.value())
    }

    pub(super) fn print(&self) {
        output::text_of(&self.text());
    }

    fn value(&self) -> Value {
        let dollars = |money: Option<Money>| money.map(|money| money.to_string());
        let offers = self.offers.iter().map(|(offer, cost)| {
            json!({
                "name": offer.name,
                "storage_usd": cost.storage.to_string(),
                "egress_usd": dollars(cost.egress),
                "requests_usd": dollars(cost.requests),
                "month_usd": dollars(cost.month),
                "fill_once_usd": dollars(cost.fill),
                "restore_once_usd": dollars(cost.restore),
                "least_days": offer.least_days,
                "note": offer.note,
                "source": offer.source,
            })
        });
        json!({
            "prices_read": self.read,
            "stored_bytes": self.used.stored,
            "egress_bytes": self.used.egress,
            "objects": self.used.objects,
            "offers": offers.collect::<Vec<_>>(),
            "cheapest_month": self.cheapest(|cost| cost.month).0,
            "cheapest_restore": self.cheapest(|cost| cost.restore).0,
        })
    }

    fn text(&self) -> String {
        let mut text = format!(
            "Prices as read in {}, in US dollars without taxes. They change: check them before you decide.\n{}\n\n",
            self.read,
            self.question()
        );
        let width = self.offers.iter().map(|(offer, _)| offer.name.chars().count()).max().unwrap_or_default().max(8);
        let mut line = |name: &str, cells: [String; 6]| {
            let [storage, egress, requests, month, fill, restore] = cells;
            // Requests and filling are shown where objects were counted. Writing to a String cannot fail.
            let _ = match self.used.objects {
                Some(_) => writeln!(
                    text,
                    "{name:width$}  {storage:>10}  {egress:>10}  {requests:>10}  {month:>10}  {fill:>10}  {restore:>12}"
                ),
                None => writeln!(text, "{name:width$}  {storage:>10}  {egress:>10}  {month:>10}  {restore:>12}"),
            };
        };
        line("provider", ["storage", "egress", "requests", "month", "fill once", "restore once"].map(str::to_owned));
        for (offer, cost) in &self.offers {
            let cell = |money: Option<Money>| money.map_or_else(|| "not sold".to_owned(), |money| money.to_string());
            let cells = [Some(cost.storage), cost.egress, cost.requests, cost.month, cost.fill, cost.restore];
            line(&offer.name, cells.map(cell));
        }
        text + "\n" + &self.remarks()
    }

    fn question(&self) -> String {
        let size = |bytes| ByteSize::new(bytes).unwrap_or_default();
        let mut text = format!("{} stored for a month, {} read", size(self.used.stored), size(self.used.egress));
        if let Some(objects) = self.used.objects {
            let _ = write!(text, ", {objects} objects");
        }
        text
    }

    fn remarks(&self) -> String {
        let mut text = String::new();
        let mut remark = |what: &str, (names, least): (Vec<&str>, Option<Money>)| {
            let _ = match least {
                Some(least) => writeln!(text, "{what}: {} ({least})", names.join(", ")),
                None => writeln!(text, "{what}: nobody has a price for as much"),
            };
        };
        remark("cheapest for the month", self.cheapest(|cost| cost.month));
        remark("cheapest to restore from", self.cheapest(|cost| cost.restore));
        let _ = writeln!(text, "restore once: all that is stored read once, in a month in which nothing else is");
        for (offer, _) in &self.offers {
            if let Some(days) = offer.least_days {
                let _ = writeln!(text, "{}: what is deleted earlier is billed for {days} days", offer.name);
            }
            if let Some(note) = &offer.note {
                let _ = writeln!(text, "{}: {note}", offer.name);
            }
        }
        if self.used.objects.is_none() {
            let _ = writeln!(text, "requests are not counted; say how many objects there are: --objects N");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TB: u64 = 1_000_000_000_000;

    fn answer(stored: u64, egress: u64, objects: Option<u64>) -> Answer {
        Answer::new(Prices::load(None).unwrap(), Use { stored, egress, objects })
    }

    #[test]
    fn the_cheapest_month_comes_first_and_what_is_not_sold_last() {
        let names = |answer: &Answer| answer.offers.iter().map(|(offer, _)| offer.name.clone()).collect::<Vec<_>>();
        let usual = names(&answer(TB, TB / 5, None));
        assert_eq!(usual[..3], ["Backblaze B2", "Wasabi", "Cloudflare R2"]);
        assert_eq!(usual.last().unwrap(), "Vultr Accelerated");
        let much = names(&answer(TB, 2 * TB, None));
        assert_eq!((much[0].as_str(), much.last().unwrap().as_str()), ("Backblaze B2", "Wasabi"));
    }

    #[test]
    fn the_table_says_when_it_was_read_what_is_cheapest_and_what_to_mind() {
        let text = answer(TB, TB / 5, None).text();
        for said in [
            "Prices as read in 2026",
            "check them before you decide",
            "1.0 TB stored for a month, 200.0 GB read",
            "\nBackblaze B2               5.94        0.00        5.94          0.00\n",
            "\nAWS S3 Standard           23.00        9.00       32.00         81.00\n",
            "cheapest for the month: Backblaze B2 (5.94)",
            "cheapest to restore from: Backblaze B2, Wasabi, Cloudflare R2, Vultr Standard, AWS S3 + CloudFront",
            "Wasabi: what is deleted earlier is billed for 90 days",
            "say how many objects there are",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert!(!text.contains("fill once"), "{text}");
        let counted = answer(TB, TB / 5, Some(2_000_000)).text();
        assert!(counted.contains("2000000 objects") && counted.contains("fill once"), "{counted}");
        assert!(
            counted.contains(
                "\nAWS S3 Standard           23.00        9.00        0.16       32.16       10.00         81.80\n"
            ),
            "{counted}"
        );
        assert!(answer(TB, 2 * TB, None).text().contains("not sold"));
    }

    #[test]
    fn the_line_for_programs_has_every_figure_with_its_unit() {
        let value = answer(TB, TB / 5, None).value();
        assert_eq!((&value["prices_read"], &value["stored_bytes"]), (&json!("2026"), &json!(TB)));
        let aws = value["offers"].as_array().unwrap().iter().find(|offer| offer["name"] == "AWS S3 Standard").unwrap();
        assert_eq!((&aws["month_usd"], &aws["restore_once_usd"]), (&json!("32.00"), &json!("81.00")));
        assert_eq!((&aws["requests_usd"], &aws["least_days"]), (&Value::Null, &Value::Null));
        assert_eq!(value["cheapest_month"], json!(["Backblaze B2"]));
        assert_eq!(value["cheapest_restore"].as_array().unwrap().len(), 8, "{value}");
    }
}
