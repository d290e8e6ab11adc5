//! Which objects a store has, one after the other, so that it can be compared with what the database knows. Called by `app` now and
//! then: it reads every name there is.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use picup_domain::ObjectKey;

use crate::Error;
use crate::site::{Site, Store};

impl Site {
    pub(crate) fn list(self: &Arc<Self>) -> BoxStream<'static, Result<(ObjectKey, u64), Error>> {
        match &self.store {
            Store::Memory(memory) => stream::iter(memory.list().into_iter().map(Ok)).boxed(),
            Store::S3(s3) => s3.list_objects(),
            Store::Files(files) => self.list_files(Arc::clone(files)),
        }
    }

    fn list_files(
        self: &Arc<Self>,
        files: Arc<crate::files::Files>,
    ) -> BoxStream<'static, Result<(ObjectKey, u64), Error>> {
        let site = Arc::clone(self);
        let listed = async move {
            let owners = site.on_files(&files, crate::files::Files::owners).await?;
            let assets = stream::iter(owners.into_iter().map(Ok)).and_then(move |owner| {
                let (site, files) = (Arc::clone(&site), Arc::clone(&files));
                async move {
                    let of = owner.clone();
                    let assets = site.on_files(&files, move |files| files.assets(&of)).await?;
                    let objects = stream::iter(assets.into_iter().map(Ok)).and_then(move |asset| {
                        let (site, files, owner) = (Arc::clone(&site), Arc::clone(&files), owner.clone());
                        async move { site.on_files(&files, move |files| files.objects(&owner, &asset)).await }
                    });
                    Ok::<_, Error>(objects.map_ok(|objects| stream::iter(objects.into_iter().map(Ok))).try_flatten())
                }
            });
            Ok::<_, Error>(assets.try_flatten())
        };
        stream::once(listed).try_flatten().boxed()
    }
}
