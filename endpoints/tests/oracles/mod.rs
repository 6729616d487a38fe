//! What three readers of PROXY headers say, in the same words.

use std::net::SocketAddr;

use ppp::PartialResult;
use ropewalk_endpoints::{ProxyHeader, ProxyHeaderError, ProxyOptions, ProxySslTlv, ProxyTlv};
use ropewalk_reactor::Address;

/// What a reader says about some input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict<E = ()> {
    /// More has to come.
    Incomplete,
    Bad(E),
    Good(Header),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) length: usize,
    /// The kind of addresses, and both.
    pub(crate) addresses: Option<(Kind, SocketAddr, SocketAddr)>,
    /// In words; `None` if they are malformed.
    pub(crate) tlvs: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Tcp,
    Udp,
}

pub(crate) fn ours(input: &[u8]) -> Verdict<ProxyHeaderError> {
    let mut options = ProxyOptions::default();
    options.limit = 65_551;
    let (header, length) = match ProxyHeader::parse(input, &options) {
        Err(error) => return Verdict::Bad(error),
        Ok(None) => return Verdict::Incomplete,
        Ok(Some(header)) => header,
    };
    let addresses = header.addresses().and_then(|addresses| match addresses {
        (Address::Tcp(peer), Address::Tcp(host)) => Some((Kind::Tcp, *peer, *host)),
        (Address::Udp(peer), Address::Udp(host)) => Some((Kind::Udp, *peer, *host)),
        // The others do not read these, or as bare bytes.
        _ => None,
    });
    let tlvs = header.tlvs().map(|tlv| describe_ours(&tlv)).collect();
    Verdict::Good(Header { length, addresses, tlvs: Some(tlvs) })
}

fn describe_ours(tlv: &ProxyTlv<'_>) -> String {
    match tlv {
        ProxyTlv::Checksum => "checksum".to_owned(),
        ProxyTlv::Alpn(value) => raw(1, value),
        ProxyTlv::Authority(value) => raw(2, value.as_bytes()),
        ProxyTlv::Noop(value) => raw(4, &vec![0; value.len()]),
        ProxyTlv::UniqueId(value) => raw(5, value),
        ProxyTlv::NetworkNamespace(value) => raw(0x30, value.as_bytes()),
        ProxyTlv::Other { kind, value } => raw(*kind, value),
        ProxyTlv::Ssl(ssl) => {
            let flags = [ssl.uses_tls, ssl.certificate_in_connection, ssl.certificate_in_session];
            let details: Vec<String> = ssl.tlvs().map(|tlv| describe_detail(&tlv)).collect();
            format!("ssl {flags:?} {} {details:?}", ssl.verify)
        }
        other => panic!("{other:?}"),
    }
}

fn describe_detail(tlv: &ProxySslTlv<'_>) -> String {
    match tlv {
        ProxySslTlv::Version(text) => raw(0x21, text.as_bytes()),
        ProxySslTlv::CommonName(text) => raw(0x22, text.as_bytes()),
        ProxySslTlv::Cipher(text) => raw(0x23, text.as_bytes()),
        ProxySslTlv::SignatureAlgorithm(text) => raw(0x24, text.as_bytes()),
        ProxySslTlv::KeyAlgorithm(text) => raw(0x25, text.as_bytes()),
        ProxySslTlv::Other { kind, value } => raw(*kind, value),
        other => panic!("{other:?}"),
    }
}

fn raw(kind: u8, value: &[u8]) -> String {
    format!("{kind:#x} {}", value.escape_ascii())
}

/// The crate `proxy-header`.
pub(crate) fn proxy_header(input: &[u8]) -> Verdict {
    let (header, length) = match proxy_header::ProxyHeader::parse(input, proxy_header::ParseConfig::default())
    {
        Err(proxy_header::Error::BufferTooShort) => return Verdict::Incomplete,
        Err(_) => return Verdict::Bad(()),
        Ok(header) => header,
    };
    let addresses = header.proxied_address().map(|addresses| {
        let kind = match addresses.protocol {
            proxy_header::Protocol::Stream => Kind::Tcp,
            proxy_header::Protocol::Datagram => Kind::Udp,
        };
        (kind, addresses.source, addresses.destination)
    });
    let tlvs = header.tlvs().map(|tlv| tlv.ok().and_then(|tlv| describe_theirs(&tlv))).collect();
    Verdict::Good(Header { length, addresses, tlvs })
}

/// `None` if it is malformed within.
fn describe_theirs(tlv: &proxy_header::Tlv<'_>) -> Option<String> {
    use proxy_header::Tlv;
    Some(match tlv {
        Tlv::Crc32c(_) => "checksum".to_owned(),
        Tlv::Noop(length) => raw(4, &vec![0; *length]),
        Tlv::Alpn(value) | Tlv::UniqueId(value) | Tlv::Custom(_, value) => raw(tlv.kind(), value),
        Tlv::Ssl(ssl) => {
            let flags = [ssl.client_ssl(), ssl.client_cert_conn(), ssl.client_cert_sess()];
            let details: Option<Vec<String>> =
                ssl.tlvs().map(|tlv| tlv.ok().and_then(|tlv| describe_theirs(&tlv))).collect();
            format!("ssl {flags:?} {} {:?}", ssl.verify(), details?)
        }
        Tlv::Authority(text)
        | Tlv::Netns(text)
        | Tlv::SslVersion(text)
        | Tlv::SslCn(text)
        | Tlv::SslCipher(text)
        | Tlv::SslSigAlg(text)
        | Tlv::SslKeyAlg(text) => raw(tlv.kind(), text.as_bytes()),
        other => panic!("{other:?}"),
    })
}

/// The crate `ppp`. It does not look into TLVs, so those are left out.
pub(crate) fn ppp(input: &[u8]) -> Verdict {
    match ppp::HeaderResult::parse(input) {
        result if result.is_incomplete() => Verdict::Incomplete,
        ppp::HeaderResult::V1(Ok(header)) => {
            let addresses = match header.addresses {
                ppp::v1::Addresses::Unknown => None,
                ppp::v1::Addresses::Tcp4(ip) => Some(pair(
                    Kind::Tcp,
                    (ip.source_address, ip.source_port),
                    (ip.destination_address, ip.destination_port),
                )),
                ppp::v1::Addresses::Tcp6(ip) => Some(pair(
                    Kind::Tcp,
                    (ip.source_address, ip.source_port),
                    (ip.destination_address, ip.destination_port),
                )),
            };
            Verdict::Good(Header { length: header.header.len(), addresses, tlvs: Some(Vec::new()) })
        }
        ppp::HeaderResult::V2(Ok(header)) => {
            let tlvs = header.tlvs().all(|tlv| tlv.is_ok()).then(Vec::new);
            let header =
                Header { length: header.as_bytes().len(), addresses: binary_addresses(&header), tlvs };
            Verdict::Good(header)
        }
        ppp::HeaderResult::V1(Err(_)) | ppp::HeaderResult::V2(Err(_)) => Verdict::Bad(()),
    }
}

fn binary_addresses(header: &ppp::v2::Header<'_>) -> Option<(Kind, SocketAddr, SocketAddr)> {
    let kind = match (header.command, header.protocol) {
        (ppp::v2::Command::Local, _) | (_, ppp::v2::Protocol::Unspecified) => return None,
        (_, ppp::v2::Protocol::Stream) => Kind::Tcp,
        (_, ppp::v2::Protocol::Datagram) => Kind::Udp,
    };
    match header.addresses {
        ppp::v2::Addresses::Unspecified | ppp::v2::Addresses::Unix(_) => None,
        ppp::v2::Addresses::IPv4(ip) => Some(pair(
            kind,
            (ip.source_address, ip.source_port),
            (ip.destination_address, ip.destination_port),
        )),
        ppp::v2::Addresses::IPv6(ip) => Some(pair(
            kind,
            (ip.source_address, ip.source_port),
            (ip.destination_address, ip.destination_port),
        )),
    }
}

fn pair(
    kind: Kind,
    peer: impl Into<SocketAddr>,
    host: impl Into<SocketAddr>,
) -> (Kind, SocketAddr, SocketAddr) {
    (kind, peer.into(), host.into())
}
