//! A value that must not be seen: no way to print or serialise it, and it is wiped when it is dropped.

use std::fmt;
use zeroize::Zeroize;

/// A secret. `Debug` shows a mask, there is neither `Display` nor `Serialize` nor `Clone`, and [`expose`](Secret::expose)
/// is the one way to the value. What holds the value is overwritten when the secret is dropped.
///
/// ```
/// # use deploy_crypto::Secret;
/// let secret = Secret::new(String::from("correct horse"));
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.expose(), "correct horse");
/// ```
///
/// ```compile_fail
/// # use deploy_crypto::Secret;
/// println!("{}", Secret::new(String::from("correct horse")));
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into keeping. Copies that were made of it before stay where they are.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value. What is made of it is no longer guarded.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Secret(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// Tells whether it was wiped.
    struct Witness(Rc<Cell<bool>>);

    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            self.0.set(true);
        }
    }

    #[test]
    fn a_secret_is_wiped_when_it_is_dropped() {
        let wiped = Rc::new(Cell::new(false));
        let secret = Secret::new(Witness(Rc::clone(&wiped)));
        assert!(!secret.expose().0.get());
        drop(secret);
        assert!(wiped.get());
    }

    #[test]
    fn a_secret_within_a_value_is_masked_too() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only its Debug is looked at")]
        struct Settings {
            name: &'static str,
            passphrase: Option<Secret<String>>,
        }
        let settings = Settings { name: "gpg", passphrase: Some(Secret::new("correct horse".to_owned())) };
        assert_eq!(format!("{settings:?}"), "Settings { name: \"gpg\", passphrase: Some(Secret(***)) }");
    }
}
