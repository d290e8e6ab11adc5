//! A part of a backup: of a PicUp that was brought back, only some accounts are kept, or of one account only some albums.
//!
//! This works on a database in a place of its own, before anything else is made of it. The destinations are forgotten, too: whoever
//! knows of copies looks after them, and what is not in this part any more would be taken for deleted.

use std::collections::HashSet;

use picup_database::Album;
use picup_domain::{AccountId, AlbumId, AssetId, Email};

use crate::{App, Error, asset, deletion};

/// How many are looked up at once.
const PAGE: u32 = 500;

/// What is to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The accounts.
    pub accounts: Vec<Email>,
    /// The titles of the albums of the only account; none for all that it has.
    pub albums: Vec<String>,
}

/// Removes everything else from a database whose objects have not been brought back.
///
/// # Errors
/// [`Error::Backup`] when there is no such account or album: then nothing was removed.
pub async fn keep_only(app: &App, part: &Part) -> Result<(), Error> {
    let accounts = app.database().read_fresh().await?.account_list().await?;
    for email in &part.accounts {
        if !accounts.iter().any(|account| account.email == *email) {
            return Err(Error::Backup(format!("there is no account {email} in the backup as of then")));
        }
    }
    let (kept, others): (Vec<_>, Vec<_>) = accounts.iter().partition(|account| part.accounts.contains(&account.email));
    let albums = match (kept.as_slice(), part.albums.as_slice()) {
        (_, []) => None,
        ([one], titles) => Some((one.id, chosen(app, one.id, titles).await?)),
        _ => return Err(Error::Backup("albums are chosen of one account; name it alone".to_owned())),
    };
    let mut write = app.database().write().await?;
    write.destination_forget_all().await?;
    write.commit().await?;
    super::give_up_uploads(app.database()).await?;
    for other in others {
        deletion::erase_all(app, other.id).await?;
    }
    match albums {
        Some((owner, albums)) => keep_albums(app, owner, &albums).await,
        None => Ok(()),
    }
}

/// The albums of those titles.
async fn chosen(app: &App, owner: AccountId, titles: &[String]) -> Result<Vec<AlbumId>, Error> {
    let all = albums(app, owner).await?;
    for title in titles {
        if !all.iter().any(|album| album.title.as_str() == title) {
            return Err(Error::Backup(format!("there is no album '{title}' of that account in the backup as of then")));
        }
    }
    let chosen = all.into_iter().filter(|album| titles.iter().any(|title| album.title.as_str() == title));
    Ok(chosen.map(|album| album.id).collect())
}

async fn albums(app: &App, owner: AccountId) -> Result<Vec<Album>, Error> {
    let mut all: Vec<Album> = Vec::new();
    loop {
        let before = all.last().map(|album| album.id);
        let page = app.database().read_fresh().await?.album_list(owner, before, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn keep_albums(app: &App, owner: AccountId, kept: &[AlbumId]) -> Result<(), Error> {
    let mut wanted: HashSet<AssetId> = HashSet::new();
    for album in kept {
        let mut after = None;
        loop {
            let page = app.database().read_fresh().await?.album_page(*album, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.cursor());
            wanted.extend(page.iter().map(|member| member.asset.id));
        }
    }
    let all = app.database().read_fresh().await?.asset_ids(owner, u32::MAX).await?;
    let others: Vec<AssetId> = all.into_iter().filter(|id| !wanted.contains(id)).collect();
    for batch in others.chunks(asset::AT_ONCE as usize) {
        asset::delete_forever(app, owner, batch, None).await?;
    }
    let others: Vec<AlbumId> = albums(app, owner).await?.into_iter().map(|album| album.id).collect();
    let mut write = app.database().write().await?;
    for album in others.iter().filter(|id| !kept.contains(id)) {
        write.album_delete(owner, *album).await?;
    }
    Ok(write.commit().await?)
}
