//! What an amount of storage and traffic costs at one offer.

use super::money::Money;
use super::prices::Offer;

const GB: u128 = 1_000_000_000;

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    /// Stored all month, in bytes; at least 1.
    pub(super) stored: u64,
    /// Read in the month, in bytes.
    pub(super) egress: u64,
    /// How many objects are stored; `None` leaves requests out.
    pub(super) objects: Option<u64>,
}

/// The answer. `None` where the offer has no price for as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) storage: Money,
    pub(super) egress: Option<Money>,
    /// Of the reads that the egress takes; `None` when objects were not counted.
    pub(super) requests: Option<Money>,
    pub(super) month: Option<Money>,
    /// Of writing every object once; `None` when objects were not counted.
    pub(super) fill: Option<Money>,
    /// Of reading everything that is stored once, in a month in which nothing else is read.
    pub(super) restore: Option<Money>,
}

impl Cost {
    /// What `used` costs at `offer`.
    pub(super) fn of(offer: &Offer, used: Use) -> Self {
        let storage = storage(offer, used.stored);
        let egress = egress(offer, used.stored, used.egress);
        let requests = used.objects.map(|_| reads(offer, used.reads()));
        let all = used.objects.map(|objects| reads(offer, u128::from(objects)));
        let restored = self::egress(offer, used.stored, used.stored);
        Self {
            storage,
            egress,
            requests,
            month: egress.map(|egress| storage + egress + requests.unwrap_or_default()),
            fill: used.objects.map(|objects| {
                offer.writes_usd_per_million.of_mega(u128::from(objects.saturating_sub(offer.writes_free)))
            }),
            restore: restored.map(|restored| restored + all.unwrap_or_default()),
        }
    }
}

impl Use {
    /// How many reads the egress takes, when objects are of their mean size.
    fn reads(&self) -> u128 {
        let bytes = u128::from(self.objects.unwrap_or_default()) * u128::from(self.egress);
        bytes.div_ceil(u128::from(self.stored.max(1)))
    }
}

fn storage(offer: &Offer, stored: u64) -> Money {
    let billed = u128::from(stored).max(u128::from(offer.storage_least_gb) * GB);
    offer.storage_usd_per_tb_month.of_tera(billed.saturating_sub(u128::from(offer.storage_free_gb) * GB))
}

fn egress(offer: &Offer, stored: u64, bytes: u64) -> Option<Money> {
    let times = u128::from(offer.egress_free_times_stored) * u128::from(stored);
    let free = u128::from(offer.egress_free_gb) * GB + times;
    match u128::from(bytes).saturating_sub(free) {
        0 => Some(Money::default()),
        over => offer.egress_usd_per_gb.map(|price| price.of_giga(over)),
    }
}

fn reads(offer: &Offer, count: u128) -> Money {
    offer.reads_usd_per_million.of_mega(count.saturating_sub(u128::from(offer.reads_free)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::prices::Prices;
    use super::*;

    const TB: u64 = 1_000_000_000_000;
    const GB: u64 = 1_000_000_000;

    fn offer(name: &str) -> Offer {
        let offers = Prices::load(None).unwrap().offers;
        offers.into_iter().find(|offer| offer.name == name).unwrap()
    }

    fn shown(money: Option<Money>) -> String {
        money.map_or_else(|| "none".to_owned(), |money| money.to_string())
    }

    /// Storage, egress, month and restore, as they are shown.
    fn told(name: &str, stored: u64, egress: u64) -> [String; 4] {
        let cost = Cost::of(&offer(name), Use { stored, egress, objects: None });
        assert_eq!((cost.requests, cost.fill), (None, None));
        [cost.storage.to_string(), shown(cost.egress), shown(cost.month), shown(cost.restore)]
    }

    #[test]
    fn a_terabyte_and_a_fifth_of_it_read() {
        for (name, wanted) in [
            // 100 GB are free: 100 × 0.09, and 900 × 0.09 for all of it.
            ("AWS S3 Standard", ["23.00", "9.00", "32.00", "81.00"]),
            ("AWS S3 + CloudFront", ["23.00", "0.00", "23.00", "0.00"]),
            ("Vultr Standard", ["18.00", "0.00", "18.00", "0.00"]),
            ("Vultr Premium", ["36.00", "0.00", "36.00", "0.00"]),
            ("Vultr Performance", ["50.00", "0.00", "50.00", "0.00"]),
            ("Vultr Accelerated", ["100.00", "0.00", "100.00", "0.00"]),
            // 10 GB are free: 990 × 0.006.
            ("Backblaze B2", ["5.94", "0.00", "5.94", "0.00"]),
            ("Wasabi", ["7.99", "0.00", "7.99", "0.00"]),
            // 990 × 0.015.
            ("Cloudflare R2", ["14.85", "0.00", "14.85", "0.00"]),
        ] {
            assert_eq!(told(name, TB, 200 * GB), wanted, "{name}");
        }
    }

    #[test]
    fn allowances_end_at_the_byte() {
        for (name, stored, egress, wanted) in [
            ("AWS S3 Standard", TB, 100 * GB, ["23.00", "0.00", "23.00", "81.00"]),
            ("AWS S3 Standard", 4 * TB, 2_100 * GB, ["92.00", "180.00", "272.00", "351.00"]),
            ("AWS S3 + CloudFront", 2 * TB, 1_500 * GB, ["46.00", "42.50", "88.50", "85.00"]),
            // The least that is billed is a TB; the second one costs as much again.
            ("Vultr Standard", 10 * GB, 0, ["18.00", "0.00", "18.00", "0.00"]),
            ("Vultr Standard", 2_500 * GB, 1_200 * GB, ["45.00", "2.00", "47.00", "15.00"]),
            // Three times what is stored, and 100 GB more.
            ("Backblaze B2", 2 * TB, 6_000 * GB, ["11.94", "0.00", "11.94", "0.00"]),
            ("Backblaze B2", 2 * TB, 6_100 * GB, ["11.94", "1.00", "12.94", "0.00"]),
            ("Backblaze B2", 10 * GB, 0, ["0.00", "0.00", "0.00", "0.00"]),
            // As much as is stored, and a byte more, which nobody sells.
            ("Wasabi", 2 * TB, 2 * TB, ["15.98", "0.00", "15.98", "0.00"]),
            ("Wasabi", 2 * TB, 2 * TB + 1, ["15.98", "none", "none", "0.00"]),
            ("Wasabi", 100 * GB, 0, ["7.99", "0.00", "7.99", "0.00"]),
            ("Cloudflare R2", 100 * TB, 500 * TB, ["1499.85", "0.00", "1499.85", "0.00"]),
        ] {
            assert_eq!(told(name, stored, egress), wanted, "{name} {stored} {egress}");
        }
    }

    /// Requests, filling and restoring, as they are shown.
    fn requests(name: &str, objects: u64, egress: u64) -> [String; 3] {
        let cost = Cost::of(&offer(name), Use { stored: TB, egress, objects: Some(objects) });
        let storage_and_egress = cost.storage + cost.egress.unwrap();
        assert_eq!(cost.month, Some(storage_and_egress + cost.requests.unwrap()));
        [shown(cost.requests), shown(cost.fill), shown(cost.restore)]
    }

    #[test]
    fn requests_are_counted_where_objects_are() {
        // A fifth is read: 400,000 × 0.40 / million. Written once: 2 × 5.00. All of it read: 81.00 and 2 × 0.40.
        assert_eq!(requests("AWS S3 Standard", 2_000_000, 200 * GB), ["0.16", "10.00", "81.80"]);
        // A million writes and ten million reads are free: 2 × 4.50, 20 × 0.36; in the month 6 million are read.
        assert_eq!(requests("Cloudflare R2", 3_000_000, 2 * TB), ["0.00", "9.00", "0.00"]);
        assert_eq!(requests("Cloudflare R2", 30_000_000, 200 * GB), ["0.00", "130.50", "7.20"]);
        assert_eq!(requests("Wasabi", 30_000_000, 200 * GB), ["0.00", "0.00", "0.00"]);
        // Part of an object is read by a whole request: 3 × 0.40 / million, less than a cent.
        assert_eq!(Use { stored: 1000, egress: 1, objects: Some(3) }.reads(), 1);
    }

    proptest! {
        #[test]
        fn more_never_costs_less_and_no_amount_is_too_much(
            stored in 1_u64..=1_000_000_000_000_000_000,
            egress in 0_u64..=1_000_000_000_000_000_000,
            objects in 1_u64..=1_000_000_000_000,
        ) {
            for offer in Prices::load(None).unwrap().offers {
                let cost = Cost::of(&offer, Use { stored, egress, objects: Some(objects) });
                let half = Cost::of(&offer, Use { stored, egress: egress / 2, objects: Some(objects) });
                prop_assert!(half.storage == cost.storage && half.requests <= cost.requests);
                if let Some(month) = cost.month {
                    prop_assert!(half.month.unwrap() <= month);
                }
            }
        }
    }
}
