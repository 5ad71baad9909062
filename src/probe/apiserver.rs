//! The way from this node to the API server, apart from the agent's own client: its name, the connection, TLS, an answer; its
//! clock; and whether it is reached at its service address too, where alone it is asked if the kubelet's way is not to be
//! seen. The one probe that leaves the node. It sends no credentials.

mod clock;
mod lookup;
mod server;
mod tls;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::Node;
use super::http::{self, Answer};
use super::kubeconfig::Kubeconfig;
use super::kubelet::daemon::{self, Places};
use crate::host::Lost;
use crate::model::Time;
use crate::model::reading::{Missing, Reading};

use lookup::Lookup;
use server::Server;

/// Its id.
pub const ID: &str = "api-server";

const DIRECT: &str = "direct";
const SERVICE: &str = "service address";
const UNREACHABLE: &str = "ApiServerUnreachable";
/// Each step has this long. All of them together end before the look as a whole is given up.
const DEADLINE: Duration = Duration::from_secs(1);
/// Anybody may ask it (Kubernetes: plugin/pkg/auth/authorizer/rbac/bootstrappolicy, system:public-info-viewer).
const PATH: &str = "/livez";

/// Where every pod has the authority of the API server's certificate (Kubernetes: plugin/pkg/admission/serviceaccount).
const POD_AUTHORITY: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// The API server as a Service, as a pod is told of it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its address.
    pub at: SocketAddr,
    /// Whom to trust there: a file of this process, not of the host.
    pub authority: PathBuf,
}

impl Service {
    /// As the kubelet tells it to every container (Kubernetes: pkg/kubelet/envvars).
    #[must_use]
    pub fn told(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let address = variable("KUBERNETES_SERVICE_HOST")?.parse().ok()?;
        let port = variable("KUBERNETES_SERVICE_PORT")?.parse().ok()?;
        Some(Self { at: SocketAddr::new(address, port), authority: POD_AUTHORITY.into() })
    }

    /// Its answer, where it can be asked.
    fn ask(&self) -> Option<Answer> {
        let authority = std::fs::read(&self.authority).ok()?;
        let mut secured = tls::secure(connect(self.at).ok()?, &authority, &self.at.ip().to_string()).ok()?;
        http::ask(&mut secured, &self.at.to_string(), PATH).ok().filter(|answer| answer.status < 500)
    }
}

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    thread::scope(|scope| {
        let at = node.service.as_ref().map(|service| service.at);
        let service = at.map(|at| (at, scope.spawn(move || TcpStream::connect_timeout(&at, DEADLINE).is_ok())));
        let way = way(node);
        let service = service.map(|(at, reached)| by_service(at, reached.join().unwrap_or(false), &way));
        let clock = match &way {
            Ok((_, Some(answer))) => clock::compare(node, answer),
            _ => node.service.as_ref().and_then(Service::ask).and_then(|answer| clock::compare(node, &answer)),
        };
        [Some(direct(way)), service, clock].into_iter().flatten().collect()
    })
}

/// How far the way goes: to the end of it, or to the server's door where nobody says whom to trust there.
type Way = Result<(Server, Option<Answer>), Stop>;

/// Where the way ends too early.
#[derive(Debug)]
enum Stop {
    /// It can't be gone from here.
    Unseen(Lost),
    /// The server is not reached, or does not answer.
    Lost { api: String, failure: String },
    /// Its certificate is one of the future, by this node's clock.
    Early { now: Time, begins: Time },
    /// It answers, and the kubelet would not believe that it is the API server.
    Untrusted { flaw: String },
}

fn way(node: &Node) -> Way {
    let running = daemon::find(node).ok().flatten();
    let config = Kubeconfig::read(node, &Places::of(node, running.as_ref())).map_err(Stop::Unseen)?;
    let wrong = || Stop::Unseen(Lost::Invalid(format!("{} names no server", config.file.display())));
    let server = Server::of(&config.cluster.server).ok_or_else(wrong)?;
    let lost = |failure: String| Stop::Lost { api: server.to_string(), failure };
    let address = match lookup::find(node, &server.host) {
        Lookup::Found(address) => address,
        Lookup::Fails(failure) => return Err(lost(failure)),
        Lookup::Unseen(why) => return Err(Stop::Unseen(Lost::Unknown(why))),
    };
    let at = SocketAddr::new(address, server.port);
    let mut stream = connect(at).map_err(|error| lost(format!("no connection to {at}: {}", plain(&error))))?;
    if !server.tls {
        return answer(&mut stream, server);
    }
    let authority = config.authority(node).map_err(Stop::Unseen)?.filter(|_| !config.trusts_all());
    let Some(authority) = authority else { return Ok((server, None)) };
    let name = config.server_name().unwrap_or(&server.host).to_owned();
    let mut secured = tls::secure(stream, &authority, &name).map_err(|failure| match failure {
        tls::Failure::Untrusted(why) => {
            Stop::Untrusted { flaw: format!("it does not trust the server at {server}: {why}") }
        }
        tls::Failure::Early { now, begins } => Stop::Early { now, begins },
        tls::Failure::Broken(why) => lost(format!("TLS: {why}")),
    })?;
    answer(&mut secured, server)
}

fn answer(stream: &mut (impl Read + Write), server: Server) -> Way {
    let failure = match http::ask(stream, &server.to_string(), PATH) {
        Ok(answer) if answer.status < 500 => return Ok((server, Some(answer))),
        Ok(answer) => format!("it answers {} to {PATH}", answer.status),
        Err(error) => format!("no answer to {PATH}: {}", plain(&error)),
    };
    Err(Stop::Lost { api: server.to_string(), failure })
}

fn connect(at: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&at, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// What a person reads of an error of the system.
fn plain(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut, WouldBlock};
    match error.kind() {
        ConnectionRefused => "refused".to_owned(),
        TimedOut | WouldBlock => "nothing in time".to_owned(),
        HostUnreachable | NetworkUnreachable => "no route".to_owned(),
        _ => error.to_string(),
    }
}

fn direct(way: Way) -> Reading {
    match way {
        Ok((server, Some(answer))) => Reading::fine(ID, DIRECT, format!("{server} answers ({})", answer.status)),
        Ok((server, None)) => Reading::fine(ID, DIRECT, format!("{server} takes connections")),
        Err(Stop::Unseen(lost)) => Reading::unknown(ID, DIRECT, Missing::Access, lost.to_string()),
        Err(Stop::Lost { api, failure }) => {
            let reading = Reading::broken(ID, DIRECT, UNREACHABLE, format!("{api}: {failure}"));
            reading.with("api", api).with("failure", failure)
        }
        Err(Stop::Untrusted { flaw }) => {
            Reading::broken(ID, DIRECT, "KubeletCredentialInvalid", flaw.clone()).with("flaw", flaw)
        }
        Err(Stop::Early { now, begins }) => {
            let says = format!("its certificate begins at {begins}, and it is {now} here");
            Reading::broken(ID, DIRECT, "ClockSkewed", says)
                .with("now", now.to_string())
                .with("begins", begins.to_string())
        }
    }
}

/// The service address is a rule in this node's kernel that leads to the same servers.
fn by_service(at: SocketAddr, reached: bool, way: &Way) -> Reading {
    match (reached, way) {
        (true, _) => Reading::fine(ID, SERVICE, format!("{at} takes connections")),
        (false, Ok((server, _))) => Reading::broken(
            ID,
            SERVICE,
            "ServiceVipUnreachable",
            format!("no connection to {at}, though {server} answers"),
        )
        .with("vip", at.to_string())
        .with("api", server.to_string()),
        (false, Err(Stop::Unseen(_))) => {
            let reading = Reading::broken(ID, SERVICE, UNREACHABLE, format!("no connection to {at}"));
            reading.with("api", at.to_string()).with("failure", "no connection to its service address")
        }
        (false, Err(_)) => Reading::unknown(ID, SERVICE, Missing::Answer, format!("{at} is not reached either")),
    }
}

#[cfg(test)]
mod tests;
