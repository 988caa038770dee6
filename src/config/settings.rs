//! The configuration of a running server.

use super::error::{DirectiveError, NoEffect};
use super::fields::Config;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The configuration of a running server, which CONFIG SET replaces.
///
/// Some components keep copies of settings. Changes take effect one after the other, so the copies match the last
/// change.
#[derive(Debug)]
pub struct Settings {
    current: RwLock<Arc<Config>>,
    /// The number of changes so far.
    pub(super) changes: AtomicU64,
    /// Held from before a change until it has taken effect. Readers of the configuration do not wait for it.
    changing: Mutex<()>,
}

impl Settings {
    /// Settings with the initial configuration `config`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { current: RwLock::new(Arc::new(config)), changes: AtomicU64::new(0), changing: Mutex::new(()) }
    }

    /// The number of changes so far, to notice one. O(1).
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes directives, all or none. Then calls `apply`, which puts the new configuration into effect, before another
    /// change can begin. If `apply` refuses it, the old one is put into effect again.
    ///
    /// # Errors
    /// As [`Config::set_live`], or the refusal.
    pub fn set(
        &self,
        pairs: &[(&str, &str)],
        apply: impl Fn(&Config) -> Result<(), NoEffect>,
    ) -> Result<(), (usize, DirectiveError)> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        let changed = Arc::new(before.set_live(pairs)?);
        self.replace(&changed);
        apply(&changed).map_err(|NoEffect { directive, why }| {
            self.replace(&before);
            // What was in effect a moment ago can be put into effect again.
            let _ = apply(&before);
            let index = pairs.iter().position(|(name, _)| Config::own_name(name) == Some(directive));
            (index.unwrap_or(0), DirectiveError::BadValue(why))
        })
    }

    /// Changes settings that CONFIG SET cannot change. `change` has put them into effect.
    pub fn change(&self, change: impl FnOnce(&mut Config)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Config::clone(&self.current());
        change(&mut changed);
        self.replace(&Arc::new(changed));
    }

    fn replace(&self, config: &Arc<Config>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(config);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Calls `apply` with the current configuration: for a component that is created after the start. No change happens
    /// during the call.
    pub fn apply(&self, apply: impl FnOnce(&Config)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        apply(&self.current());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    /// Two CONFIG SETs at once could take effect in the wrong order: the later one was the setting, the earlier one was
    /// applied last. CONFIG GET appendfsync returned `no`, and every reply waited for an fdatasync.
    #[test]
    fn a_setting_and_its_effect_are_of_the_same_change() {
        const ROUNDS: u64 = 200;
        let settings = Settings::new(Config::default());
        let (effect, rounds, mut apart) = (AtomicU64::new(0), Barrier::new(3), 0);
        let apply = |config: &Config| {
            // Effects take different times, during which the other threads continue.
            (0..config.timeout_s % 7 * 4).for_each(|_| thread::yield_now());
            effect.store(config.timeout_s, Ordering::Relaxed);
            Ok(())
        };
        let changer = |own: u64| {
            for round in 0..ROUNDS {
                rounds.wait();
                settings
                    .set(&[("timeout", &(round * 2 + own).to_string())], apply)
                    .expect("a live directive");
                rounds.wait();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| changer(0));
            scope.spawn(|| changer(1));
            for _ in 0..ROUNDS {
                rounds.wait();
                settings.apply(|config| apply(config).expect("it never refuses"));
                rounds.wait();
                apart += u64::from(effect.load(Ordering::Relaxed) != settings.current().timeout_s);
            }
        });
        assert_eq!(apart, 0, "rounds of {ROUNDS} that left setting and effect apart");
    }

    #[test]
    fn a_change_that_cannot_take_effect_is_undone() {
        let settings = Settings::new(Config::default());
        let effect = AtomicU64::new(0);
        let apply = |config: &Config| {
            effect.store(config.timeout_s, Ordering::Relaxed);
            let refusal = NoEffect { directive: "maxclients", why: "too many".into() };
            if config.maxclients > 100_000 { Err(refusal) } else { Ok(()) }
        };
        settings.set(&[("timeout", "7")], apply).unwrap();
        let refused = settings.set(&[("timeout", "8"), ("MAXCLIENTS", "100001")], apply);
        assert_eq!(refused, Err((1, DirectiveError::BadValue("too many".into()))));
        assert_eq!((settings.current().timeout_s, effect.load(Ordering::Relaxed)), (7, 7));
        assert_eq!(settings.current().maxclients, Config::default().maxclients);
    }
}
