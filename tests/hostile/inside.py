"""Every way to spell a host that a stranger must not make us dial, and where names of a hostile zone lead."""

from __future__ import annotations

ADDRESSES = (
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.255", "100.100.100.200", "0.0.0.0", "0.1.2.3",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "192.88.99.1",
)  # fmt: skip
"""IPv4 in its usual spelling: loopback, private, link-local with the metadata address, shared, multicast, reserved."""

SIX = (
    "::1", "::", "fc00::1", "fd00:ec2::254", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "0:0:0:0:0:ffff:7f00:0001",
    "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1",
    "::7f00:1", "2001::1", "100::1", "3fff::1", "5f00::1",
)  # fmt: skip
"""IPv6: loopback, unique local, link-local, multicast, and forms that carry an IPv4 address (mapped, NAT64, 6to4)."""

SPELLINGS = (
    "2130706433", "017700000001", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "0177.0.0.01", "127.1", "127.0.1",
    "127.0.0.01", "127.000.000.001", "127.0.0.1.", "127.0.0.0x1", "0x7f.1", "0", "0x0", "1.2.3.0x4", "256.0.0.1",
)  # fmt: skip
"""IPv4 as some resolvers and C libraries read it, but no list needs it."""

NAMES = (
    "localhost", "LOCALHOST", "localhost.", "LocalHost.LocalDomain", "a.localhost", "ip6-localhost", "metadata",
    "metadata.google.internal", "instance-data.ec2.internal", "nas.local", "printer.lan", "router.home.arpa",
    "db.internal", "intranet", "redis", "wiki.intranet",
)  # fmt: skip
"""Names that mean this machine, this network or a cloud's metadata service."""

HOSTS = (*ADDRESSES, *SIX, *SPELLINGS, *NAMES)


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
