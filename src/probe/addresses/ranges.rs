//! The ranges that host-local gives addresses out of, and how many each holds (containernetworking/plugins:
//! plugins/ipam/host-local/backend/allocator/range.go, Canonicalize). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

/// Ranges of which a pod gets one address: it gets one of each such set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RangeSet {
    /// Its subnets, as they are written.
    pub(super) name: String,
    ranges: Vec<Range>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    first: u128,
    last: u128,
    /// In the range, and never given out.
    gateway: u128,
    v6: bool,
}

impl RangeSet {
    fn of(configs: &[&Value]) -> Option<Self> {
        let parsed: Vec<(Range, &str)> = configs.iter().filter_map(|config| Range::of(config)).collect();
        let names: Vec<_> = parsed.iter().map(|(_, subnet)| *subnet).collect();
        let name = names.join(", ");
        (!parsed.is_empty()).then(|| Self { name, ranges: parsed.into_iter().map(|(range, _)| range).collect() })
    }

    /// How many addresses it can give out.
    pub(super) fn size(&self) -> u128 {
        self.ranges.iter().map(Range::size).fold(0, u128::saturating_add)
    }

    /// Whether the address is one of its own.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        let number = number(address);
        let within = |range: &Range| range.v6 == address.is_ipv6() && (range.first..=range.last).contains(&number);
        self.ranges.iter().any(within)
    }
}

impl Range {
    fn of(config: &Value) -> Option<(Self, &str)> {
        let subnet = config.get("subnet")?.as_str()?;
        let (address, length) = subnet.split_once('/')?;
        let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
        let v6 = address.is_ipv6();
        let host_bits = if v6 { 128u32 } else { 32 }.checked_sub(length)?;
        // A subnet of one or two addresses is refused by the plugin.
        let hosts = 1u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        let network = number(address) & !hosts;
        let told = |field: &str| config.get(field)?.as_str()?.parse().ok().map(number);
        let end = network | hosts;
        let range = Self {
            first: told("rangeStart").unwrap_or(network + 1),
            last: told("rangeEnd").unwrap_or(if v6 { end } else { end.saturating_sub(1) }),
            gateway: told("gateway").unwrap_or(network + 1),
            v6,
        };
        (host_bits > 1 && range.first <= range.last).then_some((range, subnet))
    }

    fn size(&self) -> u128 {
        let all = (self.last - self.first).saturating_add(1);
        all - u128::from((self.first..=self.last).contains(&self.gateway))
    }
}

fn number(of: IpAddr) -> u128 {
    match of {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The ranges of an `ipam` section: lists of lists, or one subnet in the section itself. What is no subnet
/// (`usePodCidr`) is left out.
pub(super) fn configured(ipam: &Value) -> Vec<RangeSet> {
    let listed = ipam.get("ranges").and_then(Value::as_array).into_iter().flatten();
    let sets = listed.filter_map(|set| RangeSet::of(&set.as_array()?.iter().collect::<Vec<_>>()));
    RangeSet::of(&[ipam]).into_iter().chain(sets).collect()
}

/// The ranges of flannel's `subnet.env`: `FLANNEL_SUBNET=10.244.1.1/24`, and the same for IPv6.
pub(super) fn of_flannel(env: &str) -> Vec<RangeSet> {
    let subnets = env.lines().filter_map(|line| {
        let (name, subnet) = line.split_once('=')?;
        matches!(name.trim(), "FLANNEL_SUBNET" | "FLANNEL_IPV6_SUBNET").then(|| network_of(subnet.trim()))?
    });
    subnets.filter_map(|subnet| RangeSet::of(&[&serde_json::json!({ "subnet": subnet })])).collect()
}

/// Flannel writes its own address in it, not the network's.
fn network_of(subnet: &str) -> Option<String> {
    let (address, length) = subnet.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let width: u32 = if address.is_ipv6() { 128 } else { 32 };
    let hosts = 1u128.checked_shl(width.checked_sub(bits)?).map_or(u128::MAX, |size| size - 1);
    let network = number(address) & !hosts;
    let network: IpAddr = match u32::try_from(network) {
        Ok(network) if address.is_ipv4() => Ipv4Addr::from(network).into(),
        _ => Ipv6Addr::from(network).into(),
    };
    Some(format!("{network}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sizes(ipam: &Value) -> Vec<(String, u128)> {
        configured(ipam).into_iter().map(|set| (set.name.clone(), set.size())).collect()
    }

    #[test]
    fn the_network_the_broadcast_and_the_gateway_are_not_given_out() {
        assert_eq!(sizes(&json!({"subnet": "10.244.1.0/24"})), [("10.244.1.0/24".into(), 253)]);
        assert_eq!(sizes(&json!({"subnet": "10.0.0.0/30"})), [("10.0.0.0/30".into(), 1)]);
        assert_eq!(sizes(&json!({"subnet": "fd00::/120"})), [("fd00::/120".into(), 254)]);
        let part = json!({"subnet": "10.1.0.0/16", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.19"});
        assert_eq!(sizes(&part), [("10.1.0.0/16".into(), 10)]);
    }

    #[test]
    fn a_pod_gets_one_address_of_each_set() {
        let both =
            json!({"ranges": [[{"subnet": "10.1.0.0/28"}, {"subnet": "10.2.0.0/28"}], [{"subnet": "fd00::/64"}]]});
        let sets = configured(&both);
        assert_eq!((&*sets[0].name, sets[0].size()), ("10.1.0.0/28, 10.2.0.0/28", 26));
        assert!(sets[0].holds("10.2.0.3".parse().unwrap()) && !sets[0].holds("::3".parse().unwrap()));
        assert!(sets[1].holds("fd00::3".parse().unwrap()));
        assert_eq!(sets[1].size(), (1 << 64) - 2);
    }

    #[test]
    fn flannel_tells_its_own_address_in_the_subnet() {
        let env = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_IPV6_SUBNET=fd00:0:0:1::1/64\n";
        let names: Vec<_> = of_flannel(env).into_iter().map(|set| set.name).collect();
        assert_eq!(names, ["10.244.1.0/24", "fd00:0:0:1::/64"]);
    }

    #[test]
    fn nonsense_is_no_range() {
        for subnet in ["usePodCidr", "", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/32", "x/8", "::/-1"] {
            assert!(configured(&json!({ "subnet": subnet })).is_empty(), "{subnet}");
        }
        assert!(sizes(&json!({"subnet": "::/0"}))[0].1 > 1 << 100);
        assert!(configured(&json!({"ranges": [1, [], [{}], [{"subnet": 7}]]})).is_empty());
        assert!(
            configured(&json!({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.1"})).is_empty()
        );
    }
}
