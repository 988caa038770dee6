//! What the argument of `rankd import` names: a dump, an append-only file, or a server.

use super::files::{head_of, is_head_of_dump};
use super::{aof, aof_manifest};
use crate::net::address::ServerAddress;
use std::path::{Path, PathBuf};

/// Where an import reads the data.
pub(super) enum ImportSource {
    /// An RDB file.
    Dump(PathBuf),
    /// The files of an append-only file, in order.
    Aof(Vec<PathBuf>),
    /// A running server.
    Live(ServerAddress),
}

/// Finds out what `source` names.
pub(super) fn find(source: &str) -> Result<ImportSource, String> {
    if source.contains("://") {
        return source.parse().map(ImportSource::Live);
    }
    let path = Path::new(source);
    if !path.is_dir() {
        return find_file(path);
    }
    let aof = aof::find(path)?;
    let dump = Some(path.join("dump.rdb")).filter(|dump| dump.is_file());
    match (aof, dump) {
        (Some(aof), None) => Ok(ImportSource::Aof(aof.files)),
        (None, Some(dump)) => Ok(ImportSource::Dump(dump)),
        // Which of the two Redis would read is in its configuration, not here.
        (Some(aof), Some(dump)) => Err(format!(
            "{source} holds an append-only file and a dump; name the one to read: {} or {}",
            aof.place.display(),
            dump.display()
        )),
        (None, None) => Err(format!("{source}: neither an append-only file nor a dump.rdb is here")),
    }
}

/// What the file at `path` is, by its first bytes.
fn find_file(path: &Path) -> Result<ImportSource, String> {
    let at_path = |what: &str| Err(format!("{}: {what}", path.display()));
    if aof_manifest::is_manifest(path) {
        return aof_manifest::files(path).map(ImportSource::Aof);
    }
    let head = head_of(path)?;
    if head.is_empty() {
        return at_path("it is empty");
    }
    let is_dump = is_head_of_dump(&head);
    if !is_dump && !matches!(head[0], b'*' | b'#') {
        return at_path(
            "neither an RDB file (which begins with REDIS or VALKEY) nor an append-only file (with * or #)",
        );
    }
    if let Some(manifest) = aof::manifest_of(path)? {
        return Err(format!(
            "{} is a part of the append-only file that {} lists; name the directory",
            path.display(),
            manifest.display()
        ));
    }
    // An old append-only file can begin with a dump. Only its name distinguishes it from a dump.
    let is_aof = path.extension().is_some_and(|extension| extension == "aof");
    let path = path.to_owned();
    Ok(if is_dump && !is_aof { ImportSource::Dump(path) } else { ImportSource::Aof(vec![path]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_source_is_found_from_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let of = |name: &str| find(&directory.path().join(name).to_string_lossy());
        let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
        assert!(of("").is_err_and(|error| error.contains("neither an append-only file nor a dump.rdb")));
        write("dump.rdb", b"REDIS0012");
        assert!(matches!(of(""), Ok(ImportSource::Dump(_))));
        assert!(matches!(of("dump.rdb"), Ok(ImportSource::Dump(_))));
        write("appendonly.aof", b"REDIS0012");
        assert!(matches!(of("appendonly.aof"), Ok(ImportSource::Aof(files)) if files.len() == 1));
        assert!(of("").is_err_and(|error| error.contains("name the one to read")));
        assert!(of("missing").is_err_and(|error| error.contains("missing")));
        assert!(matches!(find("redis://localhost"), Ok(ImportSource::Live(_))));
        assert!(find("http://localhost").is_err());
    }
}
