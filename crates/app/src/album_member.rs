//! The members of an album: whom it is shared with, and what each may do.

pub use picup_database::AlbumMember;
use picup_database::{AlbumStanding, Write};
use picup_domain::{AccountId, AlbumId, AlbumRole, Email};

use crate::album::{claim, commit_changed, commit_changed_for, reaches};
use crate::attempts::{Secret, guess};
use crate::{App, Error, Visitor};

/// The most that an album may have.
pub const MOST: usize = 100;

/// The members of an album that `caller` sees, longest there first.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn list(app: &App, caller: AccountId, album: AlbumId) -> Result<Vec<AlbumMember>, Error> {
    let mut read = app.database().read().await?;
    claim(&mut read, caller, album, AlbumRole::Viewer).await?;
    Ok(read.album_members(album).await?)
}

/// Shares an album with the account of that address, and tells its members. For its managers; managers are made by its owner.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::AlbumRoleNeeded`]; [`Error::NoSuchPerson`], which counts as a wrong guess, so that nobody
/// finds out by trying who is here; [`Error::Conflict`] for the owner and for too many.
pub async fn add(
    app: &App,
    caller: AccountId,
    album: AlbumId,
    email: &Email,
    role: AlbumRole,
    visitor: &Visitor,
) -> Result<Vec<AlbumMember>, Error> {
    let mut write = app.database().write().await?;
    claim(&mut write, caller, album, to_give(role)).await?;
    drop(write);
    let account = guess(app, Secret::People(caller), visitor.address, person(app, email)).await?;
    let mut write = app.database().write().await?;
    let of_caller = claim(&mut write, caller, album, to_give(role)).await?;
    match write.album_standing(account, album).await? {
        Some(AlbumStanding { role: AlbumRole::Owner, .. }) => return Err(Error::Conflict("this is the album's owner")),
        Some(AlbumStanding { role: before, .. }) => reaches(of_caller, to_give(before))?,
        None if write.album_members(album).await?.len() >= MOST => {
            return Err(Error::Conflict("an album has at most 100 members"));
        }
        None => {}
    }
    set(app, &mut write, album, account, role).await?;
    let members = write.album_members(album).await?;
    commit_changed(app, write, album).await?;
    Ok(members)
}

/// Gives a member another role. For managers; to and from manager, for the owner.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::AlbumRoleNeeded`].
pub async fn change(
    app: &App,
    caller: AccountId,
    album: AlbumId,
    member: AccountId,
    role: AlbumRole,
) -> Result<Vec<AlbumMember>, Error> {
    let mut write = app.database().write().await?;
    let (of_caller, before) = both(&mut write, caller, album, member).await?;
    reaches(of_caller, to_give(role).max(to_give(before)))?;
    set(app, &mut write, album, member, role).await?;
    let members = write.album_members(album).await?;
    commit_changed(app, write, album).await?;
    Ok(members)
}

/// Ends a membership, and takes what was that member's out of the album. Everybody may leave; others are taken out by managers,
/// and managers by the owner.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::AlbumRoleNeeded`].
pub async fn remove(app: &App, caller: AccountId, album: AlbumId, member: AccountId) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    let (of_caller, before) = both(&mut write, caller, album, member).await?;
    reaches(of_caller, if caller == member { AlbumRole::Viewer } else { to_give(before) })?;
    let people = write.album_people(album).await?;
    write.album_member_remove(album, member).await?;
    write.share_link_delete_by(member, album).await?;
    let theirs = write.album_assets_of(album, member).await?;
    write.album_remove(of_caller.owner, album, &theirs, app.now()).await?;
    commit_changed_for(app, write, album, &people).await
}

/// Gives somebody a role. The links of who does not manage the album any more are revoked: they do not come back with the role.
async fn set(app: &App, write: &mut Write, album: AlbumId, member: AccountId, role: AlbumRole) -> Result<(), Error> {
    write.album_member_set(album, member, role, app.now()).await?;
    if role < AlbumRole::Manager {
        write.share_link_delete_by(member, album).await?;
    }
    Ok(())
}

/// What it takes to make somebody that, or to change who is.
fn to_give(role: AlbumRole) -> AlbumRole {
    if role < AlbumRole::Manager { AlbumRole::Manager } else { AlbumRole::Owner }
}

/// What `caller` may do with an album, and the role of a member of it.
async fn both(
    write: &mut Write,
    caller: AccountId,
    album: AlbumId,
    member: AccountId,
) -> Result<(AlbumStanding, AlbumRole), Error> {
    let of_caller = claim(write, caller, album, AlbumRole::Viewer).await?;
    let standing = write.album_standing(member, album).await?;
    let role = standing.map(|standing| standing.role).filter(|role| *role < AlbumRole::Owner);
    Ok((of_caller, role.ok_or(Error::NotFound("member"))?))
}

async fn person(app: &App, email: &Email) -> Result<AccountId, Error> {
    let account = app.database().read_fresh().await?.account_by_email(email).await?;
    let account = account.filter(|account| account.disabled_at.is_none());
    Ok(account.ok_or(Error::NoSuchPerson)?.id)
}

#[cfg(test)]
mod tests {
    use picup_domain::{AlbumTitle, AssetId};

    use super::*;
    use crate::asset::Outcome;
    use crate::testing::TestApp;
    use crate::upload::tests::keep;
    use crate::{account, album, asset, trash};

    struct Stage {
        app: TestApp,
        owner: AccountId,
        album: AlbumId,
    }

    impl Stage {
        async fn new() -> Self {
            let app = TestApp::new().await;
            let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
            let album = album::create(&app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap().row.id;
            Self { app, owner, album }
        }

        async fn person(&self, name: &str) -> AccountId {
            account::create(&self.app, TestApp::account(&format!("{name}@example.com"))).await.unwrap()
        }

        async fn member(&self, name: &str, role: AlbumRole) -> AccountId {
            let id = self.person(name).await;
            self.share(self.owner, name, role).await.unwrap();
            id
        }

        async fn share(&self, by: AccountId, name: &str, role: AlbumRole) -> Result<Vec<AlbumMember>, Error> {
            let email = Email::new(&format!("{name}@example.com")).unwrap();
            add(&self.app, by, self.album, &email, role, &TestApp::visitor()).await
        }

        async fn shown(&self, to: AccountId) -> Vec<AssetId> {
            let assets = album::assets(&self.app, to, self.album, None, 10).await.unwrap();
            assets.page.assets.iter().map(|asset| asset.id).collect()
        }
    }

    fn needs(result: Result<impl Sized, Error>, role: AlbumRole) -> bool {
        matches!(result, Err(Error::AlbumRoleNeeded(needed)) if needed == role)
    }

    #[tokio::test]
    async fn each_role_may_what_it_may_and_a_stranger_nothing() {
        let stage = Stage::new().await;
        let Stage { app, owner, album: id } = &stage;
        let (id, first) = (*id, keep(app, *owner, b"first").await);
        album::add(app, *owner, id, &[first]).await.unwrap();
        let viewer = stage.member("vera", AlbumRole::Viewer).await;
        let contributor = stage.member("carl", AlbumRole::Contributor).await;
        let manager = stage.member("mona", AlbumRole::Manager).await;
        let stranger = stage.person("sid").await;

        for (who, role) in [
            (*owner, AlbumRole::Owner),
            (viewer, AlbumRole::Viewer),
            (contributor, AlbumRole::Contributor),
            (manager, AlbumRole::Manager),
        ] {
            let seen = album::fetch(app, who, id).await.unwrap();
            assert_eq!((seen.row.role, seen.row.members, seen.row.owner), (role, 3, *owner));
            assert_eq!(seen.cover_right.is_some(), who != *owner);
            assert_eq!(album::list(app, who, None, 10).await.unwrap().albums.len(), 1);
            assert!(stage.shown(who).await.contains(&first));
            assert!(asset::fetch(app, who, first).await.is_ok());
            let own = keep(app, who, role.as_str().as_bytes()).await;
            let adds = album::add(app, who, id, &[own]).await;
            let renames = album::change(app, who, id, &album::Change::default()).await;
            let orders = album::order(app, who, id, &[first], None).await;
            match role {
                AlbumRole::Viewer => {
                    assert!(needs(adds, AlbumRole::Contributor));
                    assert!(needs(album::remove(app, who, id, &[first]).await, AlbumRole::Contributor));
                }
                _ => assert_eq!(adds.unwrap(), [(own, Outcome::Done)]),
            }
            if role < AlbumRole::Manager {
                assert!(needs(renames, AlbumRole::Manager) && needs(orders, AlbumRole::Manager));
            } else {
                assert!(renames.is_ok() && orders.is_ok());
            }
            if role < AlbumRole::Owner {
                assert!(needs(album::delete(app, who, id).await, AlbumRole::Owner));
            }
        }

        let none = |result: Result<_, Error>| matches!(result, Err(Error::NotFound(_)));
        assert!(none(album::fetch(app, stranger, id).await.map(drop)));
        assert!(none(album::assets(app, stranger, id, None, 10).await.map(drop)));
        assert!(none(asset::fetch(app, stranger, first).await.map(drop)));
        assert!(none(album::add(app, stranger, id, &[]).await.map(drop)));
        assert!(none(album::remove(app, stranger, id, &[first]).await.map(drop)));
        assert!(none(album::change(app, stranger, id, &album::Change::default()).await.map(drop)));
        assert!(none(album::order(app, stranger, id, &[first], None).await.map(drop)));
        assert!(none(album::delete(app, stranger, id).await));
        assert!(none(list(app, stranger, id).await.map(drop)));
        assert!(none(stage.share(stranger, "sid", AlbumRole::Viewer).await.map(drop)));
        assert!(none(change(app, stranger, id, viewer, AlbumRole::Manager).await.map(drop)));
        assert!(none(remove(app, stranger, id, viewer).await));
        assert!(album::list(app, stranger, None, 10).await.unwrap().albums.is_empty());
    }

    #[tokio::test]
    async fn members_are_managed_by_managers_and_managers_by_the_owner() {
        let stage = Stage::new().await;
        let Stage { app, owner, album: id } = &stage;
        let manager = stage.member("mona", AlbumRole::Manager).await;
        let other = stage.member("max", AlbumRole::Manager).await;
        let contributor = stage.member("carl", AlbumRole::Contributor).await;
        stage.person("vera").await;
        assert!(needs(stage.share(contributor, "vera", AlbumRole::Viewer).await, AlbumRole::Manager));
        assert!(needs(stage.share(manager, "vera", AlbumRole::Manager).await, AlbumRole::Owner));
        assert!(needs(stage.share(manager, "max", AlbumRole::Viewer).await, AlbumRole::Owner), "not by adding again");
        assert_eq!(stage.share(manager, "vera", AlbumRole::Viewer).await.unwrap().len(), 4);
        assert!(matches!(stage.share(manager, "ada", AlbumRole::Viewer).await, Err(Error::Conflict(_))));
        assert!(matches!(stage.share(manager, "nobody", AlbumRole::Viewer).await, Err(Error::NoSuchPerson)));

        assert!(needs(change(app, manager, *id, other, AlbumRole::Viewer).await, AlbumRole::Owner));
        assert!(needs(change(app, manager, *id, contributor, AlbumRole::Manager).await, AlbumRole::Owner));
        assert!(needs(change(app, contributor, *id, contributor, AlbumRole::Manager).await, AlbumRole::Owner));
        assert!(change(app, manager, *id, contributor, AlbumRole::Viewer).await.is_ok());
        assert!(matches!(change(app, manager, *id, *owner, AlbumRole::Viewer).await, Err(Error::NotFound("member"))));
        assert!(needs(remove(app, manager, *id, other).await, AlbumRole::Owner));
        assert!(needs(remove(app, contributor, *id, manager).await, AlbumRole::Owner));
        assert!(matches!(remove(app, manager, *id, *owner).await, Err(Error::NotFound("member"))));
        assert!(remove(app, *owner, *id, other).await.is_ok());
        assert!(remove(app, manager, *id, manager).await.is_ok(), "everybody may leave");
        assert!(album::fetch(app, manager, *id).await.is_err());
        assert_eq!(list(app, contributor, *id).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn contributors_take_their_own_out_and_leave_with_it() {
        let stage = Stage::new().await;
        let Stage { app, owner, album: id } = &stage;
        let carl = stage.member("carl", AlbumRole::Contributor).await;
        let (hers, his, more) =
            (keep(app, *owner, b"1").await, keep(app, carl, b"2").await, keep(app, carl, b"3").await);
        assert_eq!(album::add(app, carl, *id, &[his, hers]).await.unwrap()[1].1, Outcome::NotFound, "not his to add");
        album::add(app, *owner, *id, &[hers]).await.unwrap();
        album::add(app, carl, *id, &[more]).await.unwrap();
        assert_eq!(stage.shown(*owner).await, [his, hers, more]);
        let removed = album::remove(app, carl, *id, &[hers, his]).await.unwrap();
        assert_eq!(removed, [(hers, Outcome::NotFound), (his, Outcome::Done)]);

        trash::put(app, carl, &[more]).await.unwrap();
        assert_eq!(stage.shown(*owner).await, [hers], "what its owner throws away is gone from everywhere");
        assert!(asset::fetch(app, *owner, more).await.is_err());
        trash::restore(app, carl, &[more]).await.unwrap();
        assert!(asset::fetch(app, *owner, more).await.is_ok());
        remove(app, *owner, *id, carl).await.unwrap();
        assert_eq!(stage.shown(*owner).await, [hers]);
        assert_eq!(album::fetch(app, *owner, *id).await.unwrap().row.asset_count, 1);
        assert!(asset::fetch(app, *owner, more).await.is_err());
        assert!(asset::fetch(app, carl, hers).await.is_err());
    }

    #[tokio::test]
    async fn who_is_here_is_not_found_out_by_trying() {
        let stage = Stage::new().await;
        for number in 0..10 {
            let result = stage.share(stage.owner, &format!("guess{number}"), AlbumRole::Viewer).await;
            assert!(matches!(result, Err(Error::NoSuchPerson)));
        }
        let result = stage.share(stage.owner, "ada", AlbumRole::Viewer).await;
        assert!(matches!(result, Err(Error::TooManyGuesses { .. })));
    }
}
