"""Pages written before the reader was tried on them, third set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "p1-table-badge": (
        "<table><thead><tr><th>Flag</th><th>Endpoint</th><th>Kind</th></tr></thead><tr><td><img src"
        "=/f/th.png></td><td><code>198.18.252.139</code><span class=sep>:</span><code>9050</code></"
        "td><td><span class='badge'>SOCKS5</span></td></tr><tr><td><img src=/f/th.png></td><td><cod"
        "e>198.19.67.25</code><span class=sep>:</span><code>8443</code></td><td><span class='badge'"
        ">SOCKS5</span></td></tr></table>"
    ),
    "p1-greek": (
        "<table><tr><th>Διεύθυνση</th><th>Θύρα</th><th>"
        "Χώρα</th></tr><tr><td>198.19.208.122</td><td>8"
        "080</td><td>BR</td></tr><tr><td>198.18.173.198</td><td>8443</td><td>CN</td></tr></table>"
    ),
    "p1-far-port": (
        "<table><tr><th>Address</th><th>Uptime</th><th>Hops</th><th>Port</th></tr><tr><td>192.0.2.6"
        "2</td><td>99</td><td>12</td><td>3128</td></tr><tr><td>198.18.80.105</td><td>99</td><td>12<"
        "/td><td>3128</td></tr></table>"
    ),
    "p1-const-template": "<script>const D=`198.51.100.54:60099\n203.0.113.63:8080`;show(D.split('\\n'))</script>",
    "p1-atob-json": (
        "<script>var d=JSON.parse(atob('W3siaXAiOiAiMTk4LjUxLjEwMC4xNDgiLCAicG9ydCI6IDUzMjgxfSwgeyJ"
        "pcCI6ICIxOTguMTkuMTU1LjE3OCIsICJwb3J0IjogOTk5fV0='));</script>"
    ),
    "p1-js-slice-rev": (
        "<script>function d(s){return s.split('').reverse().join('')}</script><table><tr><td><scrip"
        "t>document.write(d('27.79.81.891'))</script></td><td><script>document.write(d('344'))</scr"
        "ipt></td></tr><tr><td><script>document.write(d('222.2.0.291'))</script></td><td><script>do"
        "cument.write(d('8213'))</script></td></tr></table>"
    ),
    "p1-hex-ip": (
        "<table><tr><th>IP</th><th>Port</th></tr><tr><td><script>document.write([0xc6,0x13,0x99,0xc"
        "4].join('.'))</script></td><td>60099</td></tr><tr><td><script>document.write([0xc6,0x12,0x"
        "6a,0x96].join('.'))</script></td><td>1080</td></tr></table>"
    ),
    "p1-pre-table": (
        "<pre>IP Address        Port   Country\n---------------------------------\n198.51.100.38   "
        "  8000   United Kingdom\n203.0.113.221     443    United Kingdom\n</pre>"
    ),
    "p1-list-br-mixed": (
        "<b>Updated 10:45</b><br><i>1.</i> 192.0.2.77:8888 <small>(United States, 3414 ms)</small><"
        "br><i>2.</i> 198.18.31.47:443 <small>(Germany, 3688 ms)</small>"
    ),
    "p1-definition-div": (
        "<div class='proxy-item'><div class='label'>Host</div><div class='value'>198.19.34.49</div>"
        "<div class='label'>Port</div><div class='value'>999</div><div class='label'>Latency</div><"
        "div class='value'>8696</div></div><div class='proxy-item'><div class='label'>Host</div><di"
        "v class='value'>198.18.216.242</div><div class='label'>Port</div><div class='value'>999</d"
        "iv><div class='label'>Latency</div><div class='value'>2382</div></div>"
    ),
    "p1-custom-elements": (
        "<px-list><px-item host='203.0.113.66' port='443' proto='socks4'></px-item><px-item host='1"
        "98.19.218.59' port='53281' proto='http'></px-item></px-list><div>a</div>"
    ),
    "p1-json-graph": (
        '{"nodes": [{"node": {"ipv4": "198.51.100.169", "openPorts": [{"portNumber": 8080, "service'
        '": "http-proxy"}]}}, {"node": {"ipv4": "198.18.225.31", "openPorts": [{"portNumber": 41258'
        ', "service": "http-proxy"}]}}]}'
    ),
    "p1-json-strings-mixed": '{"status": "ok", "result": ["198.19.83.249:5678:GB:2377", "203.0.113.6:10808:ID:6602"]}',
    "p1-json-socket": (
        '{"proxies": [{"socket": "198.51.100.117:999", "type": ["http"], "exit": {"ip": "203.0.113.'
        '200", "port": 0}}, {"socket": "198.51.100.104:8080", "type": ["socks5"], "exit": {"ip": "2'
        '03.0.113.200", "port": 0}}]}'
    ),
    "p1-json-keyed-proto": (
        '{"socks50": {"ip": "198.18.211.86", "port": "8000"}, "socks51": {"ip": "203.0.113.37", "port": "1080"}}'
    ),
    "p1-xml-ns": (
        "<?xml version='1.0'?><p:list xmlns:p='urn:x'><p:server><p:ipAddress>192.0.2.207</p:ipAddre"
        "ss><p:port type='int'>41258</p:port></p:server><p:server><p:ipAddress>192.0.2.117</p:ipAdd"
        "ress><p:port type='int'>5678</p:port></p:server></p:list>"
    ),
    "p1-plist": (
        '<?xml version="1.0"?><plist version="1.0"><array><dict><key>host</key><string>198.18.10.18'
        "1</string><key>port</key><integer>80</integer></dict><dict><key>host</key><string>198.18.1"
        "46.235</string><key>port</key><integer>4145</integer></dict></array></plist>"
    ),
    "n-dns-page": (
        "<table><tr><th>Provider</th><th>Primary DNS</th><th>Latency</th></tr><tr><td>X</td><td>198"
        ".18.196.27</td><td>5453</td></tr><tr><td>X</td><td>198.18.134.85</td><td>6093</td></tr></t"
        "able>"
    ),
    "n-game-servers": "<p>Join our server: play.example.com:25565 or 10:30 UTC</p><p>v1.20.4.1 released</p>",
    "n-sitemap": (
        "<?xml version='1.0'?><urlset><url><loc>http://example.com:8080/a</loc><lastmod>2024-02-26T"
        "10:00:00+00:00</lastmod></url></urlset>"
    ),
}
PROXIES = {
    "p1-table-badge": "198.18.252.139:9050|socks5 198.19.67.25:8443|socks5",
    "p1-greek": "198.18.173.198:8443 198.19.208.122:8080",
    "p1-far-port": "192.0.2.62:3128 198.18.80.105:3128",
    "p1-const-template": "198.51.100.54:60099 203.0.113.63:8080",
    "p1-atob-json": "198.19.155.178:999 198.51.100.148:53281",
    "p1-js-slice-rev": "192.0.2.222:3128 198.18.97.72:443",
    "p1-hex-ip": "198.18.106.150:1080 198.19.153.196:60099",
    "p1-pre-table": "198.51.100.38:8000 203.0.113.221:443",
    "p1-list-br-mixed": "192.0.2.77:8888 198.18.31.47:443",
    "p1-definition-div": "198.18.216.242:999 198.19.34.49:999",
    "p1-custom-elements": "198.19.218.59:53281|http 203.0.113.66:443|socks4",
    "p1-json-graph": "198.18.225.31:41258 198.51.100.169:8080",
    "p1-json-strings-mixed": "198.19.83.249:5678 203.0.113.6:10808",
    "p1-json-socket": "198.51.100.104:8080|socks5 198.51.100.117:999|http",
    "p1-json-keyed-proto": "198.18.211.86:8000 203.0.113.37:1080",
    "p1-xml-ns": "192.0.2.117:5678 192.0.2.207:41258",
    "p1-plist": "198.18.10.181:80 198.18.146.235:4145",
    "n-dns-page": "",
    "n-game-servers": "",
    "n-sitemap": "",
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
