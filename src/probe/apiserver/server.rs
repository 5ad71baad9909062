//! An API server's address as a kubeconfig writes it. Pure.

use std::fmt;

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Server {
    /// Of `https://host:port/path`; nothing where it is no such URL.
    pub(super) fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']')?;
                (host, after.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(if tls { 443 } else { 80 }), |port| port.parse().ok())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        (!host.is_empty() && host.chars().all(plain)).then(|| Self { host: host.to_owned(), port, tls })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_kubeconfigs_write_them_and_nothing_else_is_an_address() {
        for (url, shown) in [
            ("https://api.example.com:6443", "api.example.com:6443"),
            ("https://10.0.0.2/k8s/clusters/c-1", "10.0.0.2:443"),
            ("https://[fd00::2]:6443", "[fd00::2]:6443"),
            ("http://localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(Server::of(url).unwrap().to_string(), shown);
        }
        for url in [
            "",
            "api.example.com",
            "unix:///x",
            "https://",
            "https://a:b",
            "https://u:p@x",
            "https://[::1",
            "https://a b",
        ] {
            assert_eq!(Server::of(url), None, "{url}");
        }
    }
}
