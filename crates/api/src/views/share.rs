//! From the rooms' types to the wire's: what is shared, and with whom.

use picup_app::album_member::AlbumMember as MemberRow;
use picup_app::asset::Asset as AssetView;
use picup_app::share::{Link, Opened};

use super::{address, kind, moment, placeholder, state};
use crate::wire::{AlbumMember, AlbumMembers, AlbumRole, ShareLink, ShareOpened, SharedAsset, SharedOriginal};

pub(crate) const fn role(role: picup_domain::AlbumRole) -> AlbumRole {
    match role {
        picup_domain::AlbumRole::Viewer => AlbumRole::Viewer,
        picup_domain::AlbumRole::Contributor => AlbumRole::Contributor,
        picup_domain::AlbumRole::Manager => AlbumRole::Manager,
        picup_domain::AlbumRole::Owner => AlbumRole::Owner,
    }
}

pub(crate) fn members(rows: Vec<MemberRow>) -> AlbumMembers {
    let member = |row: MemberRow| AlbumMember {
        account: row.account.into(),
        name: row.name.as_str().to_owned(),
        email: row.email.as_str().to_owned(),
        role: role(row.role),
        added_at: moment(row.added_at),
    };
    AlbumMembers { members: rows.into_iter().map(member).collect() }
}

pub(crate) fn link(link: Link) -> ShareLink {
    let Link { row, over, link } = link;
    ShareLink {
        id: row.id.into(),
        album: row.album.map(Into::into),
        title: row.title,
        count: row.asset_count,
        password: row.password.is_some(),
        download: row.download,
        created_at: moment(row.created_at),
        expires_at: row.expires_at.map(moment),
        over,
        link,
    }
}

pub(crate) fn opened(opened: Opened) -> ShareOpened {
    ShareOpened {
        title: opened.row.title,
        by: opened.by,
        count: opened.row.asset_count,
        download: opened.row.download,
        expires_at: opened.row.expires_at.map(moment),
        access_token: opened.access_token,
        access_expires_at: moment(opened.expires_at),
        media_seconds: opened.media_seconds,
    }
}

pub(crate) fn asset((view, download): (AssetView, bool)) -> SharedAsset {
    let AssetView { row, thumbnail, preview, original, right, .. } = view;
    let right = right.as_deref();
    SharedAsset {
        id: row.id.into(),
        kind: kind(row.facts.kind),
        state: state(row.state),
        day: row.day.to_string(),
        width: row.facts.width,
        height: row.facts.height,
        duration_ms: row.facts.duration_ms,
        placeholder: placeholder(row.facts.placeholder.as_ref()),
        thumbnail: thumbnail.map(|key| address(&key, right)),
        preview: preview.map(|key| address(&key, right)),
        original: download.then(|| SharedOriginal {
            file_name: row.file_name.as_str().to_owned(),
            bytes: row.bytes.get(),
            url: address(&original, right),
        }),
    }
}
