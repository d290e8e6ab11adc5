//! A backup into a place that holds nothing yet: a new SQLite file, or an empty database of a server.

use std::path::Path;

use picup_domain::Sha256;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use super::backup::{ABOUT, About, Verified, verify};
use super::file::{NewFile, beside, is_free};
use super::server::{By, fill};
use super::{Watch, compare, open_file};
use crate::copy::TableSum;
use crate::dialect::Dialect;
use crate::engine::keep_a_log;
use crate::{Error, Place, migrations};

/// A library that is in its new place, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup said of itself.
    pub about: About,
    /// What it held.
    pub tables: Vec<TableSum>,
    /// How it came there.
    pub by: By,
}

/// Restores the backup in `file`, whose schema may be older. `folder` is the data folder: a copy of the backup stands there while
/// it is brought up to date. No PicUp may be serving the folder.
///
/// # Errors
/// [`Error::NotABackup`] when the file is not what was backed up, [`Error::Occupied`] when the place holds something, and what
/// else can happen to either.
pub async fn restore(file: &Path, place: &Place, folder: &Path, watch: Watch<'_>) -> Result<Restored, Error> {
    is_a_file(file)?;
    match place {
        Place::Sqlite(path) => into_file(file, path, watch).await,
        Place::MySql(server) => {
            let verified = verify(file, watch).await?;
            let staged = up_to_date(file, &verified, folder, watch).await?;
            // What was read of the file is what is copied, though it could change in between.
            let (part, options, expected) = match &staged {
                Some(staged) => (staged.part(), "mode=ro", None),
                None => (file, "immutable=1", Some(verified.tables.as_slice())),
            };
            let mut source = open_file(part, options).await?;
            let copied = fill(&mut source, server, &mark(&verified.tables), expected, watch).await?;
            source.close().await?;
            Ok(Restored { about: verified.about, tables: copied.tables, by: copied.by })
        }
    }
}

fn is_a_file(file: &Path) -> Result<(), Error> {
    let not = |reason: String| Error::NotABackup { file: file.display().to_string(), reason };
    let found = std::fs::metadata(file).map_err(|error| Error::Place(format!("{}: {error}", file.display())))?;
    match found {
        found if !found.is_file() => Err(not("it is not a file".to_owned())),
        found if found.len() == 0 => Err(not("it is empty".to_owned())),
        _ => Ok(()),
    }
}

/// A copy of an older backup with this program's schema; `None` when it has that already.
async fn up_to_date(
    file: &Path,
    verified: &Verified,
    folder: &Path,
    watch: Watch<'_>,
) -> Result<Option<NewFile>, Error> {
    if verified.schema == migrations::LATEST {
        return Ok(None);
    }
    let staged = NewFile::begin(&folder.join("restore.db"))?;
    staged.copy_of(file).await?;
    let copied = verify_copy(&staged, file, watch).await?;
    compare(&verified.tables, &copied.tables)?;
    bring_up_to_date(staged.part()).await?;
    Ok(Some(staged))
}

/// What the bytes of a copy say counts, not those of the original, which could change meanwhile.
async fn verify_copy(copy: &NewFile, of: &Path, watch: Watch<'_>) -> Result<Verified, Error> {
    verify(copy.part(), watch).await.map_err(|error| match error {
        Error::NotABackup { reason, .. } => Error::NotABackup { file: of.display().to_string(), reason },
        error => error,
    })
}

async fn into_file(file: &Path, path: &Path, watch: Watch<'_>) -> Result<Restored, Error> {
    // A log without its database would be taken for the new one's.
    for beside in beside(path) {
        is_free(&beside)?;
    }
    let new = NewFile::begin(path)?;
    new.copy_of(file).await?;
    let Verified { about, tables, .. } = verify_copy(&new, file, watch).await?;
    bring_up_to_date(new.part()).await?;
    let mut ours = open_file(new.part(), "mode=rw").await?;
    keep_a_log(&mut ours).await?;
    ours.close().await?;
    new.keep()?;
    Ok(Restored { about, tables, by: By::Copying })
}

/// Makes a PicUp's own database of a backup's copy.
async fn bring_up_to_date(part: &Path) -> Result<(), Error> {
    let mut file: AnyConnection = open_file(part, "mode=rw").await?;
    file.execute(Dialect::Sqlite.prepare_writer()).await?;
    for table in ABOUT {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE {table}"))).execute(&mut file).await?;
    }
    migrations::run(&mut file, Dialect::Sqlite).await?;
    file.close().await?;
    Ok(())
}

/// The same for the same rows, wherever the file lies.
fn mark(tables: &[TableSum]) -> String {
    let said: Vec<u8> = tables.iter().flat_map(|table| table.sha256.as_bytes().to_vec()).collect();
    format!("backup {}", Sha256::of(&said))
}
