//! Whom this side trusts.

use std::path::{Path, PathBuf};

use super::pem::Source;

/// The authorities whose signatures under a peer's certificate count.
///
/// ```
/// use ropewalk_endpoints::TlsRoots;
///
/// let own = TlsRoots::from_pem_file("/etc/example/authority.pem");
/// # #[cfg(feature = "webpki-roots")]
/// let everybody = TlsRoots::bundled().and(own);
/// ```
#[derive(Clone, Debug)]
pub struct TlsRoots {
    parts: Vec<RootsPart>,
}

#[derive(Clone, Debug)]
pub(super) enum RootsPart {
    #[cfg(feature = "webpki-roots")]
    Bundled,
    #[cfg(feature = "native-certs")]
    System,
    Pem(Source),
}

impl TlsRoots {
    /// Those in a file of PEM. It is read when the configuration is built.
    pub fn from_pem_file(path: impl Into<PathBuf>) -> Self {
        Self { parts: vec![RootsPart::Pem(Source::file(path))] }
    }

    /// Those in some PEM.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Self {
        Self { parts: vec![RootsPart::Pem(Source::bytes("the authorities given", pem))] }
    }

    /// Those that Mozilla trusts, as compiled in: they are as old as the program.
    #[cfg(feature = "webpki-roots")]
    pub fn bundled() -> Self {
        Self { parts: vec![RootsPart::Bundled] }
    }

    /// Those that the operating system trusts. They are read when the configuration is built.
    #[cfg(feature = "native-certs")]
    pub fn system() -> Self {
        Self { parts: vec![RootsPart::System] }
    }

    /// Those that a client trusts if it is not told otherwise.
    pub(super) fn usual() -> Option<Self> {
        #[cfg(feature = "webpki-roots")]
        return Some(Self::bundled());
        #[cfg(all(feature = "native-certs", not(feature = "webpki-roots")))]
        return Some(Self::system());
        #[cfg(not(any(feature = "webpki-roots", feature = "native-certs")))]
        None
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.parts.extend(others.parts);
        self
    }

    pub(super) fn parts(&self) -> &[RootsPart] {
        &self.parts
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(RootsPart::path)
    }
}

impl RootsPart {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Pem(source) => source.path(),
            #[cfg(any(feature = "webpki-roots", feature = "native-certs"))]
            _ => None,
        }
    }
}
