//! The functions that FCALL can name: what the libraries in the store mean.
//!
//! The store has the texts, which also come from its journal, a dump file or a master. They are compiled when a command asks
//! for functions and the texts have changed since.

use crate::limits;
use crate::machine::clock::Clock;
use crate::resp::Protocol;
use crate::resp::request::Arguments;
use crate::scripts::{Called, FunctionLibrary, LibraryError, LibraryFunction, ScriptLogLevel, ScriptServer};
use crate::store::FunctionLibraries;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The functions of a server.
#[derive(Debug, Default)]
pub struct Functions {
    table: RwLock<Arc<FunctionTable>>,
    /// Libraries that are about to be put into the store, so that they need not be compiled again.
    compiled: Mutex<Vec<Arc<FunctionLibrary>>>,
}

/// The libraries at one moment.
#[derive(Debug, Default)]
pub struct FunctionTable {
    /// The libraries' generation; `None` before the first look.
    generation: Option<u64>,
    /// The libraries by name.
    pub libraries: BTreeMap<Arc<[u8]>, Arc<FunctionLibrary>>,
    /// The functions by their names in lower case: their names differ in more than case.
    functions: HashMap<Vec<u8>, Arc<LibraryFunction>>,
}

impl FunctionTable {
    /// The function of this name, in any case.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Arc<LibraryFunction>> {
        self.functions.get(&name.to_ascii_lowercase()).cloned()
    }

    /// How many functions there are.
    #[must_use]
    pub fn function_count(&self) -> usize {
        self.libraries.values().map(|library| library.functions.len()).sum()
    }

    /// The memory of the libraries without the interpreters, in bytes. O(their functions).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.libraries.values().map(|library| library.memory_bytes()).sum()
    }

    /// Adds a library in place of the one that has its name.
    ///
    /// # Errors
    /// The name of a function that another library has; nothing is changed then.
    pub fn add(&mut self, library: Arc<FunctionLibrary>) -> Result<(), Box<[u8]>> {
        let of_same_name = self.remove(&library.name);
        let taken = library.functions.iter().find(|function| self.find(&function.registered.name).is_some());
        if let Some(taken) = taken {
            let name = taken.registered.name.clone();
            if let Some(back) = of_same_name {
                self.put(back);
            }
            return Err(name);
        }
        self.put(library);
        Ok(())
    }

    fn put(&mut self, library: Arc<FunctionLibrary>) {
        for function in &library.functions {
            self.functions.insert(function.registered.name.to_ascii_lowercase(), Arc::clone(function));
        }
        self.libraries.insert(Arc::clone(&library.name), library);
    }

    /// Removes a library, and returns it.
    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<FunctionLibrary>> {
        let library = self.libraries.remove(name)?;
        for function in &library.functions {
            self.functions.remove(&function.registered.name.to_ascii_lowercase());
        }
        Some(library)
    }

    /// A copy to be changed.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self { generation: None, libraries: self.libraries.clone(), functions: self.functions.clone() }
    }
}

impl Functions {
    /// The functions of `libraries` as they are now. O(1), and O(n) after a change.
    #[must_use]
    pub fn current(&self, libraries: &FunctionLibraries, clock: &Clock) -> Arc<FunctionTable> {
        let generation = Some(libraries.generation());
        let known = Arc::clone(&self.table.read());
        if known.generation == generation {
            return known;
        }
        let mut table = FunctionTable { generation, ..FunctionTable::default() };
        let compiled = std::mem::take(&mut *self.compiled.lock());
        for (name, text) in libraries.list() {
            let same = |library: &&Arc<FunctionLibrary>| library.name == name && library.text == text;
            let ready = known.libraries.get(&name).filter(same).or_else(|| compiled.iter().find(same));
            let library = ready
                .map_or_else(|| Self::load(text, None, clock).map(Arc::new), |ready| Ok(Arc::clone(ready)));
            let shown = String::from_utf8_lossy(&name);
            match library.map(|library| table.add(library)) {
                Ok(Ok(())) => {}
                Ok(Err(function)) => {
                    let function = String::from_utf8_lossy(&function);
                    tracing::warn!("the library {shown} is left out: function {function} already exists");
                }
                Err(error) => tracing::warn!("the library {shown} is left out: {error}"),
            }
        }
        let table = Arc::new(table);
        *self.table.write() = Arc::clone(&table);
        table
    }

    /// Compiles a library, and keeps it for [`Functions::current`].
    ///
    /// # Errors
    /// See [`LibraryError`].
    pub fn compile(&self, text: &[u8], clock: &Clock) -> Result<Arc<FunctionLibrary>, LibraryError> {
        let library = Arc::new(Self::load(text.into(), Some(limits::LIBRARY_LOAD), clock)?);
        let mut compiled = self.compiled.lock();
        if compiled.len() >= limits::LIBRARIES_COMPILED {
            compiled.clear();
        }
        compiled.push(Arc::clone(&library));
        Ok(library)
    }

    /// Compiles a library whose code may run for `patience`. As in Redis, what has been accepted once is loaded however long it
    /// takes: a busy machine must not lose a function.
    fn load(
        text: Arc<[u8]>,
        patience: Option<Duration>,
        clock: &Clock,
    ) -> Result<FunctionLibrary, LibraryError> {
        FunctionLibrary::load(text, &mut LoadTimer { clock, patience, started_ns: None })
    }
}

/// The server of a library that is being loaded: it only ends it when it takes too long.
struct LoadTimer<'c> {
    clock: &'c Clock,
    patience: Option<Duration>,
    /// When it was asked first.
    started_ns: Option<u64>,
}

impl ScriptServer for LoadTimer<'_> {
    fn call(&mut self, _: Arguments<'_>, _: Protocol, _: &mut Vec<u8>) -> Called {
        Called::MustEnd
    }

    fn may_call(&mut self, _: Arguments<'_>) -> Option<bool> {
        None
    }

    fn log(&mut self, _: ScriptLogLevel, message: &[u8]) {
        tracing::info!("{}", String::from_utf8_lossy(message));
    }

    fn must_end(&mut self) -> bool {
        let now_ns = self.clock.monotonic_ns();
        let elapsed_ns = now_ns - *self.started_ns.get_or_insert(now_ns);
        self.patience.is_some_and(|patience| u128::from(elapsed_ns) > patience.as_nanos())
    }
}
