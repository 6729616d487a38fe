//! One connection's state in rustls, driven through its unbuffered interface.

use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus,
    WriteTraffic,
};
use rustls::{ClientConfig, CommonState, HandshakeKind, ProtocolVersion, ServerConfig};

use super::alerts;
use super::explain::explain;
use super::provider::refusal;
use super::server_name;
use crate::tls::config_error::TlsConfigError;
use crate::tls::error::TlsError;
use crate::tls::info::{TlsInfo, TlsVersion};

/// The most that encryption adds to a record.
const RECORD_OVERHEAD: usize = 32;

/// The most that a record holds.
const RECORD_CONTENT: usize = 16 * 1024;

/// Larger than any alert or acknowledgement of new keys, so that the first try fits.
const SMALL: usize = 128;

/// One connection's state.
pub(in crate::tls) struct Session {
    side: Side,
    server_name: Option<Box<str>>,
}

enum Side {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

/// What has become of some input.
pub(in crate::tls) struct Processed {
    /// How much of it is used up. What is used only in part must be given again as it is now: it may have been changed.
    pub(in crate::tls) used: usize,
    /// Whether the peer has said that it will send no more.
    pub(in crate::tls) ended: bool,
    pub(in crate::tls) error: Option<TlsError>,
}

impl Session {
    pub(in crate::tls) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, TlsConfigError> {
        let server_name = Some(name.to_str().into());
        let connection = UnbufferedClientConnection::new(config, name).map_err(refusal)?;
        Ok(Self { side: Side::Client(Box::new(connection)), server_name })
    }

    pub(in crate::tls) fn server(config: Arc<ServerConfig>) -> Result<Self, TlsConfigError> {
        let connection = UnbufferedServerConnection::new(config).map_err(refusal)?;
        Ok(Self { side: Side::Server(Box::new(connection)), server_name: None })
    }

    pub(in crate::tls) fn is_handshaking(&self) -> bool {
        self.common().is_handshaking()
    }

    /// Appends what has to be sent unasked.
    pub(in crate::tls) fn flush(&mut self, down: &mut Vec<u8>) -> Result<(), TlsError> {
        match &mut self.side {
            Side::Client(connection) => flush(&mut ***connection, &mut [], down),
            Side::Server(connection) => flush(&mut ***connection, &mut [], down),
        }
    }

    /// Takes in records. An alert about an error is in `down`.
    pub(in crate::tls) fn receive(
        &mut self,
        input: &mut [u8],
        up: &mut Vec<u8>,
        down: &mut Vec<u8>,
    ) -> Processed {
        match &mut self.side {
            Side::Client(connection) => receive(&mut ***connection, input, up, down),
            Side::Server(connection) => {
                let (mut processed, asked) =
                    server_name::noting(|| receive(&mut ***connection, input, up, down));
                if let Some(TlsError::UnknownServerName(name)) = &mut processed.error {
                    *name = asked.as_deref().map(str::to_owned);
                }
                if let Some(error) = &processed.error {
                    alerts::correct(error, down);
                }
                if asked.is_some() {
                    self.server_name = asked;
                }
                processed
            }
        }
    }

    /// Appends `data`, encrypted. `held` is what the last [`receive`](Self::receive) has left.
    pub(in crate::tls) fn encrypt(
        &mut self,
        data: &[u8],
        held: &mut [u8],
        down: &mut Vec<u8>,
    ) -> Result<(), TlsError> {
        let size = data.len() + data.len().div_ceil(RECORD_CONTENT) * RECORD_OVERHEAD;
        self.write(held, down, size, |data_to: &mut dyn Traffic, space| data_to.encrypt(data, space))
    }

    /// Tells the peer that there will be no more, if the handshake is over.
    pub(in crate::tls) fn close(&mut self, held: &mut [u8], down: &mut Vec<u8>) -> Result<(), TlsError> {
        self.write(held, down, SMALL, |traffic: &mut dyn Traffic, space| traffic.close(space))
    }

    fn write(
        &mut self,
        held: &mut [u8],
        down: &mut Vec<u8>,
        size: usize,
        write: impl FnMut(&mut dyn Traffic, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), TlsError> {
        match &mut self.side {
            Side::Client(connection) => with_traffic(&mut ***connection, held, down, size, write),
            Side::Server(connection) => with_traffic(&mut ***connection, held, down, size, write),
        }
    }

    /// What the handshake has agreed on, once it is over.
    pub(in crate::tls) fn info(&self) -> Option<TlsInfo> {
        let common = self.common();
        if common.is_handshaking() {
            return None;
        }
        Some(TlsInfo {
            version: version(common.protocol_version()?)?,
            cipher_suite: cipher_suite(common)?,
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            server_name: self.server_name.as_deref().map(str::to_owned),
            peer_certificates: certificates(common),
            resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    fn common(&self) -> &CommonState {
        match &self.side {
            Side::Client(connection) => connection,
            Side::Server(connection) => connection,
        }
    }
}

/// What both sides have in common; rustls says it for each.
trait Records {
    type Data;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    fn common(&self) -> &CommonState;
}

impl Records for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

impl Records for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

/// A connection that may send.
trait Traffic {
    fn encrypt(&mut self, data: &[u8], space: &mut [u8]) -> Result<usize, EncryptError>;

    fn close(&mut self, space: &mut [u8]) -> Result<usize, EncryptError>;
}

impl<Data> Traffic for WriteTraffic<'_, Data> {
    fn encrypt(&mut self, data: &[u8], space: &mut [u8]) -> Result<usize, EncryptError> {
        WriteTraffic::encrypt(self, data, space)
    }

    fn close(&mut self, space: &mut [u8]) -> Result<usize, EncryptError> {
        self.queue_close_notify(space)
    }
}

fn receive<R: Records>(records: &mut R, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Processed {
    let mut processed = Processed { used: 0, ended: false, error: None };
    loop {
        let was_handshaking = records.common().is_handshaking();
        let rest = &mut input[processed.used..];
        let size = rest.len();
        let UnbufferedStatus { mut discard, state } = records.process(rest);
        let step = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                up.reserve(size);
                loop {
                    match traffic.next_record() {
                        None => break Ok(true),
                        Some(Err(error)) => break Err(error),
                        Some(Ok(record)) => {
                            discard += record.discard;
                            up.extend_from_slice(record.payload);
                        }
                    }
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, down).map(|()| true),
            Ok(ConnectionState::TransmitTlsData(transmit)) => {
                transmit.done();
                Ok(true)
            }
            Ok(ConnectionState::PeerClosed) => {
                processed.ended = true;
                Ok(true)
            }
            Ok(
                ConnectionState::BlockedHandshake
                | ConnectionState::WriteTraffic(_)
                | ConnectionState::Closed,
            ) => Ok(false),
            // Early data is not switched on, and states that are new to rustls are not asked for either.
            Ok(state) => Err(rustls::Error::General(format!("unexpected state {state:?}"))),
            Err(error) => Err(error),
        };
        processed.used += discard;
        match step {
            Ok(true) => {}
            Ok(false) => return processed,
            Err(error) => {
                let rest = &mut input[processed.used..];
                processed.error = Some(explain(error, rest, was_handshaking));
                // The alert; that it cannot be made as well would not be news.
                let _ = flush(records, rest, down);
                return processed;
            }
        }
    }
}

/// Appends what is ready to be sent. Nothing of `input` is processed.
fn flush<R: Records>(records: &mut R, input: &mut [u8], down: &mut Vec<u8>) -> Result<(), TlsError> {
    while records.common().wants_write() {
        match records.process(input).state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, down).map_err(internal)?,
            Ok(state) => return Err(TlsError::Internal(format!("unexpected state {state:?}"))),
            Err(error) => return Err(internal(error)),
        }
    }
    Ok(())
}

fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, down: &mut Vec<u8>) -> Result<(), rustls::Error> {
    let result = append(down, SMALL, |space| {
        data.encode(space).map_err(|error| match error {
            EncodeError::InsufficientSize(error) => Full::Needs(error.required_size),
            error => Full::Fails(error),
        })
    });
    result.map_err(|error| rustls::Error::General(error.to_string()))
}

/// Calls `write` with the connection in the state in which it may send; not at all if it may not, or no more.
fn with_traffic<R: Records>(
    records: &mut R,
    held: &mut [u8],
    down: &mut Vec<u8>,
    size: usize,
    mut write: impl FnMut(&mut dyn Traffic, &mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), TlsError> {
    loop {
        let UnbufferedStatus { state, .. } = records.process(held);
        match state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let result = append(down, size, |space| {
                    write(&mut traffic, space).map_err(|error| match error {
                        EncryptError::InsufficientSize(error) => Full::Needs(error.required_size),
                        error => Full::Fails(error),
                    })
                });
                return result.map_err(|error| TlsError::Internal(error.to_string()));
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, down).map_err(internal)?,
            Ok(ConnectionState::TransmitTlsData(transmit)) => transmit.done(),
            Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => return Ok(()),
            Ok(state) => return Err(TlsError::Internal(format!("unexpected state {state:?}"))),
            Err(error) => return Err(internal(error)),
        }
    }
}

/// Why something could not be written.
enum Full<E> {
    /// It takes this much space.
    Needs(usize),
    Fails(E),
}

/// Has `write` write behind the end of `down`: with `size` of space, or with more if it asks for it.
fn append<E>(
    down: &mut Vec<u8>,
    mut size: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Full<E>>,
) -> Result<(), E> {
    let start = down.len();
    loop {
        down.resize(start + size, 0);
        match write(&mut down[start..]) {
            Ok(written) => {
                down.truncate(start + written);
                return Ok(());
            }
            Err(Full::Needs(required)) => size = required,
            Err(Full::Fails(error)) => {
                down.truncate(start);
                return Err(error);
            }
        }
    }
}

fn internal(error: rustls::Error) -> TlsError {
    TlsError::Internal(error.to_string())
}

fn version(version: ProtocolVersion) -> Option<TlsVersion> {
    match version {
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
        _ => None,
    }
}

/// rustls has its own prefix for the suites of TLS 1.3.
fn cipher_suite(common: &CommonState) -> Option<String> {
    let name = common.negotiated_cipher_suite()?.suite().as_str()?;
    Some(name.replacen("TLS13_", "TLS_", 1))
}

fn certificates(common: &CommonState) -> Vec<Vec<u8>> {
    common.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
}
