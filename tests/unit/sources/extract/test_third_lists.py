"""Lists written before the reader was tried on them, third set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "t-quoted-csv-nohead": '"192.0.2.117","443","GB","Elite, fast"\n"198.18.183.190","443","BR","Elite, fast"',
    "t-csv-space-head": (
        "IP Address , Port , Anonymity Level\n198.51.100.232 , 8443 , elite\n198.51.100.199 , 1080 , elite"
    ),
    "t-slash": "203.0.113.101/8000\n198.19.232.109/10808",
    "t-underscore-proto": "198.18.79.17:53281 # socks4 2625ms BR\n198.19.115.216:8118 # socks5 3748ms BR",
    "t-user-at-cols": (
        "user41:Pw429x@192.0.2.35:8080  # expires 2024-12-01\nuser9:Pw626x@198.18.214.91:5678  # expires 2024-12-01"
    ),
    "t-ssv-scheme-first": "socks5 198.19.86.184:3128 TH 5708\nsocks4 203.0.113.130:8118 ID 2413",
    "t-arrow": "0 -> http://198.19.64.145:3128 -> alive\n1 -> http://198.19.61.174:3128 -> alive",
    "t-toml-table": (
        '[proxies.p0]\nurl = "socks4://user83:Pw199x@192.0.2.122:8080"\n[proxies.p1]\nurl = "socks4'
        '://user97:Pw898x@203.0.113.84:1080"\n'
    ),
    "t-yaml-map": (
        'node0:\n  ip: "192.0.2.215"\n  port: 41258\n  proto: socks5\nnode1:\n  ip: "198.18.104.30"'
        "\n  port: 999\n  proto: http\n"
    ),
    "t-ruby": (
        "PROXIES = [\n  { host: '198.19.167.120', port: 3128, kind: :socks5 },\n  { host: '198.18.9"
        "6.144', port: 8443, kind: :socks4 },\n]\n"
    ),
    "t-kotlin": (
        'val proxies = listOf(\n    InetSocketAddress("198.18.158.131", 9050),\n    InetSocketAddre'
        'ss("192.0.2.207", 8080),\n)\n'
    ),
    "t-surge": "[Proxy]\nP0 = socks5, 198.19.36.240, 8081\nP1 = http, 203.0.113.208, 1080\n",
    "t-mail": (
        "From: a@example.com\nDate: Mon, 26 Feb 2024 10:11:12 +0000\nMessage-ID: <1.2.3.4@example.c"
        "om>\nReceived: from x ([203.0.113.9]) by y with SMTP id 25\nSubject: proxies\n\n203.0.113."
        "224:9050\n203.0.113.150:443\n-- \nBob, 10:30\n"
    ),
    "n-syslog": (
        "Feb 26 10:31:00 gw kernel: [12.3] DROP IN=eth0 SRC=198.18.48.253 DST=203.0.113.1 LEN=40 PR"
        "OTO=TCP SPT=4145 DPT=443\nFeb 26 10:31:01 gw kernel: [12.3] DROP IN=eth0 SRC=198.19.130.77"
        " DST=203.0.113.1 LEN=40 PROTO=TCP SPT=8443 DPT=443"
    ),
    "n-json-log": (
        '{"ts": "2024-02-26T10:00:00Z", "level": "info", "msg": "accepted", "remote": "198.19.152.1'
        '46:8080", "status": 200, "client_ip": "198.19.152.146", "bytes": 8080}\n{"ts": "2024-02-26'
        'T10:00:00Z", "level": "info", "msg": "accepted", "remote": "203.0.113.183:41258", "status"'
        ': 200, "client_ip": "203.0.113.183", "bytes": 41258}'
    ),
    "n-fw-csv": (
        "date,src_ip,dst_ip,src_port,dst_port\n2024-02-26,192.0.2.54,203.0.113.1,3128,443\n2024-02-"
        "26,203.0.113.145,203.0.113.1,60099,443"
    ),
    "n-ssh-config": (
        "Host h0\n  HostName 198.51.100.128\n  Port 22\n  User root\nHost h1\n  HostName 192.0.2.65"
        "\n  Port 22\n  User root\n"
    ),
    "n-changelog": (
        "## 1.2.3.4 - 2024-02-26\n- fixed 10.0.0.1 issue (#8080)\n- bump 4.5.6.7 to 4.5.6.8\n## 1.2.3.3 (443 commits)\n"
    ),
}
PROXIES = {
    "t-quoted-csv-nohead": "192.0.2.117:443 198.18.183.190:443",
    "t-csv-space-head": "198.51.100.199:1080 198.51.100.232:8443",
    "t-slash": "",
    "t-underscore-proto": "198.18.79.17:53281|socks4 198.19.115.216:8118|socks5",
    "t-user-at-cols": "user41:Pw429x@192.0.2.35:8080 user9:Pw626x@198.18.214.91:5678",
    "t-ssv-scheme-first": "198.19.86.184:3128|socks5 203.0.113.130:8118|socks4",
    "t-arrow": "198.19.61.174:3128|http 198.19.64.145:3128|http",
    "t-toml-table": "user83:Pw199x@192.0.2.122:8080|socks4 user97:Pw898x@203.0.113.84:1080|socks4",
    "t-yaml-map": "192.0.2.215:41258|socks5 198.18.104.30:999|http",
    "t-ruby": "198.18.96.144:8443 198.19.167.120:3128",
    "t-kotlin": "192.0.2.207:8080 198.18.158.131:9050",
    "t-surge": "198.19.36.240:8081 203.0.113.208:1080",
    "t-mail": "203.0.113.150:443 203.0.113.224:9050",
    "n-syslog": "",
    "n-json-log": "",
    "n-fw-csv": "",
    "n-ssh-config": "",
    "n-changelog": "",
}
CONTENT_TYPES: dict[str, str] = {}


@pytest.mark.parametrize("name", PROXIES)
def test_exactly_its_proxies_are_read(name: str) -> None:
    document = DOCUMENTS[name]
    data = document if isinstance(document, bytes) else document.encode()
    read: dict[str, set[str]] = {}
    for candidate in extract(data, content_type=CONTENT_TYPES.get(name)).candidates:
        secret = candidate.credentials
        told = f" {secret.username}:{secret.password}" if secret else ""
        read.setdefault(str(candidate.endpoint) + told, set()).add(candidate.scheme.value if candidate.scheme else "")
    expected = {entry.partition("|")[0]: entry.partition("|")[2] for entry in PROXIES[name].split()}
    assert {entry.partition(" ")[0] for entry in read} == {entry.partition("@")[2] or entry for entry in expected}
    for entry, scheme in expected.items():
        secret_text, _, endpoint = entry.rpartition("@")
        key = f"{endpoint} {secret_text}" if secret_text else endpoint
        found = read.get(key) or next(schemes for one, schemes in read.items() if one.partition(" ")[0] == endpoint)
        assert not secret_text or key in read
        assert not scheme or found == set(scheme.split(","))
