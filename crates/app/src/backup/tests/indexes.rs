//! What people call what the copies hold, for those who have no PicUp.

use futures_util::TryStreamExt;
use picup_domain::{AlbumTitle, Sha256};
use picup_storage::BackupName;

use super::*;
use crate::album;
use crate::backup::catalogue_now;

impl Stage {
    /// The names of the indexes at a destination.
    fn indexes(&self, at: usize) -> Vec<BackupName> {
        let there = self.there(at);
        there
            .iter()
            .filter_map(|name| name.parse().ok())
            .filter(|name| matches!(name, BackupName::Index { .. }))
            .collect()
    }

    async fn lines(&self, at: usize) -> Vec<serde_json::Value> {
        let name = self.indexes(at).pop().unwrap();
        let backup = backup_in(self.folders[at].path(), false, None, &self.recovery);
        let content = backup.open_content(&name, Some(&self.recovery)).await.unwrap();
        let chunks: Vec<bytes::Bytes> = content.try_collect().await.unwrap();
        let text = String::from_utf8(chunks.concat()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn every_catalogue_has_an_index_beside_it_that_names_each_original_and_goes_with_it() {
    let it = Stage::new(&[true, false]).await;
    let files = it.upload(0..3).await;
    it.copied().await;
    let sea = album::create(&it, it.owner, AlbumTitle::new("Sea").unwrap()).await.unwrap();
    album::add(&it, it.owner, sea.row.id, &[files[1].0]).await.unwrap();
    flip(&it.file(0, &files[2].1, 1), |_| 40);
    it.scrub(|_| {}).await;
    it.copied().await;
    for name in ["one", "two"] {
        catalogue_now(&it, name).await.unwrap();
    }
    assert!(it.indexes(0)[0].is_sealed() && !it.indexes(1)[0].is_sealed());
    for at in [0, 1] {
        let lines = it.lines(at).await;
        assert_eq!(lines.len(), 3);
        for (number, (_, key)) in files.iter().enumerate() {
            let line = lines.iter().find(|line| line["key"] == key.to_string()).unwrap();
            let content = format!("f{number}");
            assert_eq!(line["sha256"], Sha256::of(content.as_bytes()).to_string());
            assert_eq!((line["bytes"].as_u64(), line["account"].as_str()), (Some(2), Some("ada@example.com")));
            assert_eq!(line["albums"], if number == 1 { serde_json::json!(["Sea"]) } else { serde_json::json!([]) });
            assert!(line["captured"].as_str().unwrap().starts_with("2023-11-14T22:13:2"), "{line}");
            let generation = if at == 0 && number == 2 { 2 } else { 1 };
            assert_eq!(line["generation"], generation);
            let name = it.targets()[at].0.name_of(key, generation).to_string();
            assert_eq!(line["name"], name);
            assert!(it.there(at).contains(&name));
        }
    }
    // Of a day that is over the last stays, and nothing that is older than the retention.
    it.clock.advance(Duration::from_secs(60));
    catalogue_now(&it, "one").await.unwrap();
    assert_eq!(it.indexes(0).len(), 2);
    it.clock.advance(2 * DAY);
    catalogue_now(&it, "one").await.unwrap();
    let stamps = |kind: &str| {
        let there = it.there(0).into_iter();
        let of_kind = there.filter_map(|name| name.strip_prefix(kind).map(|stamp| stamp[..23].to_owned()));
        of_kind.collect::<Vec<_>>()
    };
    assert_eq!(stamps("catalogue/").len(), 2);
    assert_eq!(stamps("catalogue/"), stamps("index/"));
}
