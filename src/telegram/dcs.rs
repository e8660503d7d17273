//! Telegram's data centres: environments, numbers, addresses, and the RSA keys that prove them.
//!
//! An account is stored at one data centre, its *home*; an error `*_MIGRATE_X` names another. The table starts with the
//! addresses built into every client and is refreshed from `help.getConfig`, within limits: only known data centres,
//! only addresses that do not need a proxy secret, and a few per data centre.
//!
//! The built-in addresses are those of TDLib's `td/telegram/net/ConnectionCreator.cpp` (tdlib/td@022d6020).
//!
//! Spec: api/datacenter

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

mod keys;

pub use keys::keys;

/// One of Telegram's two environments, each with separate data centres, accounts and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Environment {
    /// The environment with real users.
    #[default]
    Production,
    /// The environment for testing.
    Test,
}

/// Added to the number of a data centre of the test environment.
const TEST_OFFSET: i32 = 10_000;

/// Number by which the key exchange, and MTProxy, name a data centre: 10000 more in the test environment, negative if it
/// serves `media` alone.
///
/// Spec: mtproto/auth_key#presenting-proof-of-work-server-authentication
#[must_use]
pub const fn dc_number(environment: Environment, dc: i32, media: bool) -> i32 {
    let number = match environment {
        Environment::Production => dc,
        Environment::Test => dc.saturating_add(TEST_OFFSET),
    };
    if media { number.saturating_neg() } else { number }
}

/// The port to try first; 80 and 5222 are the others.
pub const PORT: u16 = 443;

/// Maximum number of addresses kept for one data centre.
pub const MAX_ADDRESSES: usize = 8;

/// Addresses of the production data centres, from DC 1.
const PRODUCTION: &[(Ipv4Addr, Ipv6Addr)] = &[
    (Ipv4Addr::new(149, 154, 175, 50), Ipv6Addr::new(0x2001, 0xb28, 0xf23d, 0xf001, 0, 0, 0, 0xa)),
    (Ipv4Addr::new(149, 154, 167, 51), Ipv6Addr::new(0x2001, 0x67c, 0x4e8, 0xf002, 0, 0, 0, 0xa)),
    (Ipv4Addr::new(149, 154, 175, 100), Ipv6Addr::new(0x2001, 0xb28, 0xf23d, 0xf003, 0, 0, 0, 0xa)),
    (Ipv4Addr::new(149, 154, 167, 91), Ipv6Addr::new(0x2001, 0x67c, 0x4e8, 0xf004, 0, 0, 0, 0xa)),
    (Ipv4Addr::new(149, 154, 171, 5), Ipv6Addr::new(0x2001, 0xb28, 0xf23f, 0xf005, 0, 0, 0, 0xa)),
];

/// Addresses of the test data centres, from DC 1.
const TEST: &[(Ipv4Addr, Ipv6Addr)] = &[
    (Ipv4Addr::new(149, 154, 175, 10), Ipv6Addr::new(0x2001, 0xb28, 0xf23d, 0xf001, 0, 0, 0, 0xe)),
    (Ipv4Addr::new(149, 154, 167, 40), Ipv6Addr::new(0x2001, 0x67c, 0x4e8, 0xf002, 0, 0, 0, 0xe)),
    (Ipv4Addr::new(149, 154, 175, 117), Ipv6Addr::new(0x2001, 0xb28, 0xf23d, 0xf003, 0, 0, 0, 0xe)),
];

const fn built_in(environment: Environment) -> &'static [(Ipv4Addr, Ipv6Addr)] {
    match environment {
        Environment::Production => PRODUCTION,
        Environment::Test => TEST,
    }
}

/// Returns the built-in IPv4 address of a data centre; `None` if there is no such data centre.
///
/// ```
/// use nanogram::telegram::dcs::{self, Environment};
/// assert_eq!(dcs::address(Environment::Production, 2), Some(([149, 154, 167, 51], 443).into()));
/// assert_eq!(dcs::address(Environment::Test, 4), None);
/// ```
#[must_use]
pub fn address(environment: Environment, dc_id: u8) -> Option<SocketAddr> {
    pair(environment, dc_id).map(|(v4, _)| (*v4, PORT).into())
}

/// Returns the built-in IPv6 address of a data centre; `None` if there is no such data centre.
#[must_use]
pub fn address_v6(environment: Environment, dc_id: u8) -> Option<SocketAddr> {
    pair(environment, dc_id).map(|(_, v6)| (*v6, PORT).into())
}

/// Returns the environment and data centre that have `ip` as a built-in address.
#[must_use]
pub fn whose(ip: IpAddr) -> Option<(Environment, u8)> {
    [Environment::Production, Environment::Test].into_iter().find_map(|environment| {
        let at = built_in(environment).iter().position(|(v4, v6)| ip == *v4 || ip == *v6)?;
        Some((environment, u8::try_from(at).ok()?.saturating_add(1)))
    })
}

/// Returns true unless the address is in a private network, which rules out Telegram.
const fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_private() || ip.is_link_local()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

fn pair(environment: Environment, dc_id: u8) -> Option<&'static (Ipv4Addr, Ipv6Addr)> {
    built_in(environment).get(usize::from(dc_id.checked_sub(1)?))
}

/// The relevant fields of a `dcOption` in `help.getConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offer<'a> {
    /// The data centre, `id`.
    pub dc_id: i32,
    /// The address `ip_address`, IPv4 or IPv6.
    pub ip_address: &'a str,
    /// The port, `port`.
    pub port: i32,
    /// True for `media_only`, `tcpo_only` (obfuscation with a secret) or `cdn`, which plain connections cannot use.
    pub is_special: bool,
}

/// Addresses of the data centres of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DcTable {
    environment: Environment,
    has_built_in: bool,
    offered: BTreeMap<u8, Vec<SocketAddr>>,
}

impl DcTable {
    /// Creates a table of the built-in addresses.
    #[must_use]
    pub const fn new(environment: Environment) -> Self {
        Self { environment, has_built_in: true, offered: BTreeMap::new() }
    }
    /// Returns the environment of the data centres.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }
    /// Returns true if the built-in addresses are used in addition to the stored ones.
    #[must_use]
    pub const fn has_built_in(&self) -> bool {
        self.has_built_in
    }
    /// Removes Telegram's addresses, for servers that are not Telegram's.
    pub const fn drop_built_in(&mut self) {
        self.has_built_in = false;
    }
    /// Converts a data centre number sent by a server; `None` if it is unknown and must not be followed.
    #[must_use]
    pub fn known(&self, dc_id: i32) -> Option<u8> {
        // Only built-in data centres: a forged redirect must not lead to an arbitrary number.
        u8::try_from(dc_id).ok().filter(|id| pair(self.environment, *id).is_some())
    }
    /// Returns the addresses of a data centre: the stored ones, then the built-in ones, each with IPv4 before IPv6.
    ///
    /// An auth key belongs to a data centre, not to an address. If one address is unreachable, another one may work,
    /// such as that of the other IP version. If a stored address is in a private network, the built-in addresses are
    /// omitted, because that address belongs to a private server.
    pub fn addresses(&self, dc_id: u8) -> impl Iterator<Item = SocketAddr> + '_ {
        let offered = self.offered.get(&dc_id).map_or(&[][..], Vec::as_slice);
        let built_in = [address(self.environment, dc_id), address_v6(self.environment, dc_id)];
        // A key of a private server must not be tried with Telegram.
        let has_built_in = self.has_built_in && offered.iter().all(|addr| is_public(addr.ip()));
        let others = built_in.into_iter().flatten().filter(move |addr| has_built_in && !offered.contains(addr));
        let (v4, v6) = (offered.iter().filter(|a| a.is_ipv4()), offered.iter().filter(|a| a.is_ipv6()));
        v4.chain(v6).copied().chain(others)
    }
    /// Returns the address to try first.
    #[must_use]
    pub fn address(&self, dc_id: u8) -> Option<SocketAddr> {
        self.addresses(dc_id).next()
    }
    /// Stores the addresses from `help.getConfig`. Data centres that it does not list keep their addresses.
    ///
    /// `test_mode` is from the same reply. A reply from the other environment changes nothing.
    pub fn refresh<'a>(&mut self, test_mode: bool, offers: impl IntoIterator<Item = Offer<'a>>) {
        // Test and production numbers overlap, so their addresses must not be mixed.
        if test_mode != (self.environment == Environment::Test) {
            return;
        }
        // Collected first: a data centre that is listed loses its earlier addresses, the others keep theirs.
        let mut fresh = Self::new(self.environment);
        for offer in offers.into_iter().filter(|offer| !offer.is_special) {
            let place = offer.ip_address.parse::<IpAddr>().ok().zip(u16::try_from(offer.port).ok());
            if let Some(((ip, port), dc_id)) = place.zip(self.known(offer.dc_id)) {
                fresh.add(dc_id, SocketAddr::new(ip, port));
            }
        }
        self.offered.append(&mut fresh.offered);
    }
    /// Adds an address that is tried before the built-in ones. Returns true if the table now contains it.
    ///
    /// Returns false if the data centre is unknown, the limit is reached, or `addr` is not usable as an address.
    pub fn add(&mut self, dc_id: u8, addr: SocketAddr) -> bool {
        // Such addresses cannot be connected to.
        let is_place = addr.port() != 0 && !addr.ip().is_unspecified() && !addr.ip().is_multicast();
        if !is_place || pair(self.environment, dc_id).is_none() {
            return false;
        }
        let addresses = self.offered.entry(dc_id).or_default();
        // The addresses come from a server, so their number is limited.
        if !addresses.contains(&addr) && addresses.len() < MAX_ADDRESSES {
            addresses.push(addr);
        }
        addresses.contains(&addr)
    }
    /// Adds an address that is tried before all others of its data centre. The last address is dropped if there are too
    /// many.
    pub fn put_first(&mut self, dc_id: u8, addr: SocketAddr) -> bool {
        let before = self.offered.remove(&dc_id).unwrap_or_default();
        let is_there = self.add(dc_id, addr);
        for other in before {
            self.add(dc_id, other);
        }
        is_there
    }
    /// Returns the stored addresses without the built-in ones, for saving.
    pub fn offered(&self) -> impl Iterator<Item = (u8, SocketAddr)> + '_ {
        self.offered.iter().flat_map(|(dc_id, addresses)| addresses.iter().map(|a| (*dc_id, *a)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn offer(dc_id: i32, ip_address: &str, port: i32) -> Offer<'_> {
        Offer { dc_id, ip_address, port, is_special: false }
    }

    #[test]
    fn the_table_knows_five_and_three() {
        for (environment, count) in [(Environment::Production, 5), (Environment::Test, 3)] {
            let table = DcTable::new(environment);
            for dc_id in 0..=u8::MAX {
                let is_known = (1..=count).contains(&dc_id);
                assert_eq!(table.known(dc_id.into()), is_known.then_some(dc_id));
                assert_eq!(table.addresses(dc_id).count(), if is_known { 2 } else { 0 });
                for addr in table.addresses(dc_id) {
                    assert_eq!(whose(addr.ip()), Some((environment, dc_id)));
                }
            }
            assert_eq!([-1, 0, 258, i32::MAX].map(|id| table.known(id)), [None; 4]);
        }
        assert_eq!(whose([127, 0, 0, 1].into()), None);
    }

    #[test]
    fn a_config_replaces_what_it_names() {
        let mut table = DcTable::new(Environment::Production);
        let v6 = "2001:67c:4e8:f002::b";
        let media = Offer { is_special: true, ..offer(2, "149.154.167.222", 443) };
        table.refresh(
            false,
            [offer(2, v6, 443), offer(2, "149.154.167.41", 80), media, offer(203, "91.105.192.100", 443)],
        );
        let two = ["149.154.167.41:80".parse().unwrap(), format!("[{v6}]:443").parse().unwrap()];
        let built_in = [address(Environment::Production, 2).unwrap(), address_v6(Environment::Production, 2).unwrap()];
        assert_eq!(table.addresses(2).collect::<Vec<_>>(), [two, built_in].concat(), "those built in come last");
        assert_eq!(table.address(1), address(Environment::Production, 1));
        assert_eq!(table.offered().count(), 2);

        let before = table.clone();
        table.refresh(true, [offer(2, "10.0.0.1", 443)]);
        for (ip, port) in
            [("", 443), ("venus", 443), ("0.0.0.0", 443), ("224.0.0.1", 443), ("1.2.3.4", 0), ("1.2.3.4", -1)]
        {
            table.refresh(false, [offer(2, ip, port)]);
        }
        assert_eq!(table, before, "of the other environment, or no addresses at all");
    }

    #[test]
    fn without_what_is_built_in_only_what_was_offered_is_given() {
        let mut table = DcTable::new(Environment::Production);
        table.drop_built_in();
        let (first, second) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        assert!(table.add(2, first) && table.put_first(2, second) && !table.put_first(9, first));
        assert_eq!(table.addresses(2).collect::<Vec<_>>(), [second, first]);
        assert_eq!((table.address(4), table.known(4)), (None, Some(4)));
    }

    #[test]
    fn an_address_of_one_family_is_followed_by_those_of_the_data_centre() {
        let mut table = DcTable::new(Environment::Production);
        let built_in = [address(Environment::Production, 4).unwrap(), address_v6(Environment::Production, 4).unwrap()];
        assert!(table.put_first(4, built_in[1]));
        assert_eq!(table.addresses(4).collect::<Vec<_>>(), [built_in[1], built_in[0]]);
        for private in ["127.0.0.1:443", "10.0.0.1:443", "[::1]:443", "[fd00::1]:443", "[fe80::1]:443"] {
            let mut table = DcTable::new(Environment::Production);
            table.put_first(4, private.parse().unwrap());
            assert_eq!(table.addresses(4).collect::<Vec<_>>(), [private.parse().unwrap()]);
        }
    }

    #[test]
    fn a_table_does_not_grow_without_end() {
        let mut table = DcTable::new(Environment::Test);
        let ips: Vec<_> = (1..100).map(|i| format!("10.0.0.{i}")).collect();
        for _ in 0..2 {
            table.refresh(true, ips.iter().flat_map(|ip| [offer(1, ip, 443), offer(4, ip, 443)]));
            assert_eq!(table.offered().count(), MAX_ADDRESSES);
        }
    }
}
