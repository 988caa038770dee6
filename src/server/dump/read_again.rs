//! The same data read again, from elsewhere than the dump file.

use super::Dump;
use crate::store::Store;
use std::sync::Arc;

impl Dump {
    /// Replaces the store's contents by what `read` puts into an empty one, all under the store's locks. The journal is not told,
    /// because nothing has changed.
    pub(in crate::server) fn read_again(
        &self,
        read: impl FnOnce(&Arc<Store>) -> Result<(), String>,
    ) -> Result<(), String> {
        let fresh = Arc::new(self.store.sibling());
        let frozen = self.store.freeze();
        read(&fresh)?;
        frozen.replace_by(&fresh);
        Ok(())
    }
}
