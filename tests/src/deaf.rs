//! An address to which no connection can be made.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// A listener that accepts nothing and whose backlog is full: a connection attempt neither succeeds nor fails.
#[derive(Debug)]
pub struct Deaf {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Deaf {
    /// Listens and fills the backlog. `None` if this system completes connections regardless.
    #[must_use]
    pub fn start() -> Option<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        let any = SocketAddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).ok()?;
        listener.listen(0).ok()?;
        let address = listener.local_addr().ok()?.as_socket()?;
        let mut waiting = Vec::new();
        for _ in 0..32 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
                Ok(stream) => waiting.push(stream),
                Err(_) => {
                    return Some(Self {
                        address,
                        _listener: listener,
                        _waiting: waiting,
                    });
                }
            }
        }
        None
    }

    /// The address of the listener.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
