"""Pages written before the reader was tried on them, first set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "json-columns": (
        '{"columns": ["id", "ip_address", "port", "type"], "rows": [[0, "198.18.227.76", 5678, "soc'
        'ks5"], [1, "192.0.2.169", 53281, "http"]]}'
    ),
    "json-columnar": '{"ip": ["198.18.63.162", "198.51.100.179"], "port": [8443, 3128], "country": ["GB", "ID"]}',
    "json-graphql": (
        '{"data": {"proxies": {"edges": [{"cursor": "YXJyYXk=", "node": {"id": "UHJveHk6MQ==", "add'
        'ress": {"host": "198.18.147.74", "port": 10808}, "protocol": "SOCKS4", "exitIp": "203.0.11'
        '3.201"}}, {"cursor": "YXJyYXk=", "node": {"id": "UHJveHk6MQ==", "address": {"host": "198.1'
        '8.115.19", "port": 4145}, "protocol": "HTTP", "exitIp": "203.0.113.201"}}], "pageInfo": {"'
        'hasNextPage": true}}}}'
    ),
    "json-ports-array": (
        '[{"host": "192.0.2.80", "ports": [9050, 9051], "ssl": false}, {"host": "198.18.94.120", "p'
        'orts": [3128, 3129], "ssl": false}]'
    ),
    "json-per-country": (
        '{"US": {"http": ["192.0.2.30:10808", "203.0.113.236:8080"], "socks5": ["198.18.92.32:5678"'
        ']}, "DE": {"http": [], "socks4": ["192.0.2.102:8888"]}}'
    ),
    "json-lines": (
        '{"anonymity": "high", "host": "198.18.56.156", "export_address": ["203.0.113.233"], "count'
        'ry": "BR", "type": "socks4", "from": "freeproxylists", "port": 443, "response_time": 0.79}'
        '\n{"anonymity": "high", "host": "203.0.113.43", "export_address": ["203.0.113.233"], "coun'
        'try": "CN", "type": "socks5", "from": "freeproxylists", "port": 8080, "response_time": 0.7'
        "9}"
    ),
    "json-webshare": (
        '{"count": 6, "next": null, "results": [{"id": "d-1", "username": "user71", "password": "Pw'
        '524x", "proxy_address": "192.0.2.25", "port": 3128, "valid": true, "last_verification": "2'
        '024-02-26T10:00:00-08:00", "country_code": "ID", "ports": {"http": 3128, "socks5": 3128}},'
        ' {"id": "d-1", "username": "user19", "password": "Pw522x", "proxy_address": "198.18.219.14'
        '6", "port": 60099, "valid": true, "last_verification": "2024-02-26T10:00:00-08:00", "count'
        'ry_code": "TH", "ports": {"http": 60099, "socks5": 60099}}]}'
    ),
    "clash": (
        "port: 7890\nsocks-port: 7891\nexternal-controller: 127.0.0.1:9090\ndns:\n  enable: true\n "
        ' nameserver: [1.1.1.1, 8.8.8.8:53]\nproxies:\n  - {name: "a", type: http, server: 192.0.2.'
        "76, port: 10808, username: user20, password: Pw939x}\n  - name: b\n    type: socks5\n    s"
        "erver: 198.19.110.183\n    port: 8081\n    udp: true\n  - {name: c, type: ss, server: 203."
        '0.113.97, port: 1080, cipher: aes-128-gcm, password: "x"}\n  - {name: d, type: vmess, serv'
        'er: 198.51.100.7, port: 10808, uuid: 0000-1111}\n  - name: "e: [x]"\n    server: 198.19.11'
        '7.154\n    port: "8080"\n    type: http\n    tls: true\nproxy-groups:\n  - {name: auto, ty'
        "pe: url-test, proxies: [a, b], url: 'http://www.example.com:80/204', interval: 300}\nrules"
        ":\n  - IP-CIDR,203.0.113.0/24,DIRECT\n  - DOMAIN,example.com,a\n"
    ),
    "sing-box": (
        '{"log": {"level": "info"}, "dns": {"servers": [{"address": "tls://8.8.8.8:853"}, {"address'
        '": "1.1.1.1"}]}, "inbounds": [{"type": "mixed", "listen": "127.0.0.1", "listen_port": 2080'
        '}], "outbounds": [{"type": "selector", "outbounds": ["a"]}, {"type": "socks", "tag": "a", '
        '"server": "203.0.113.131", "server_port": 4145, "version": "5", "username": "user12", "pas'
        'sword": "Pw304x"}, {"type": "http", "tag": "b", "server": "198.19.28.153", "server_port": '
        '60099}, {"type": "shadowsocks", "server": "198.18.66.90", "server_port": 8080, "method": "'
        'x", "password": "y"}, {"type": "vless", "server": "198.19.97.248", "server_port": 41258, "'
        'uuid": "u"}, {"type": "direct"}]}'
    ),
    "xml-attrs": (
        '<?xml version="1.0"?><ProxyList generated="2024-02-26 10:31"><Proxy Host="198.19.58.82" Po'
        'rt="53281" Type="HTTP" Delay="5837"/><Proxy Host="198.18.142.115" Port="41258" Type="SOCKS'
        '4" Delay="129"/></ProxyList>'
    ),
    "xml-elements": (
        "<proxies><entry><address>198.18.223.117</address><details><portNumber>60099</portNumber><s"
        "peed>7824</speed></details></entry><entry><address>203.0.113.26</address><details><portNum"
        "ber>3128</portNumber><speed>8215</speed></details></entry></proxies>"
    ),
    "xml-text": "<list><version>1.2.3.4</version><p>203.0.113.119:8118</p><p>203.0.113.193:5678</p></list>",
    "html-200": (
        "<table><tr><th>Proxy</th><th>Port</th><th>Hits</th></tr><tr><td>203.0.113.84<td>9050<td>48"
        "69<tr><td>198.19.121.38<td>4145<td>2909</table>"
    ),
    "html-decoys": (
        "<html><head><style>.a1{display:none}.zz{display:inline}</style></head><body><!-- old: 203."
        '0.113.222:8080 --><table><tr><th>IP</th><th>Port</th></tr><tr><td><span class="zz">203</sp'
        'an><span style="display:none">77</span>.<span class=a1>12</span>0<div style="display:none"'
        '>9</div>.113<span></span>.101</td><td>8000</td></tr><tr><td><span class="zz">198</span><sp'
        'an style="display:none">77</span>.<span class=a1>12</span>19<div style="display:none">9</d'
        "iv>.196<span></span>.238</td><td>8080</td></tr></table><div hidden>198.51.100.222:3128</di"
        "v><template><p>198.51.100.223:3128</p></template><noscript>No JS</noscript></body></html>"
    ),
    "nothing-page": (
        '<html><head><script src="https://cdn.example.com:443/jquery-3.6.0.1.min.js"></script></hea'
        "d><body><p>Your IP: 203.0.113.5</p><p>DNS servers 8.8.8.8 and 8.8.4.4</p><table><tr><th>Ve"
        "rsion</th><th>Downloads</th></tr><tr><td>1.2.3.4</td><td>8080</td></tr><tr><td>2.0.0.1</td"
        '><td>443</td></tr></table><a href="http://example.com:8080/x">link</a><span>10:30</span></'
        "body></html>"
    ),
    "div-grid": (
        "<div class=grid><div class=head><div>IP</div><div>Port</div><div>Speed</div></div><div cla"
        "ss=row><div class=cell>198.51.100.183</div><div class=cell>5678</div><div class=cell>5155<"
        "/div></div><div class=row><div class=cell>198.18.157.68</div><div class=cell>4145</div><di"
        "v class=cell>2437</div></div></div>"
    ),
    "ul-spans": (
        "<ul class=proxy-list><li class=proxy>SOCKS4</li><li><ul><li class=proxy><script>Proxy('MTk"
        "yLjAuMi4xNTI6OTk5')</script></li><li class=https>-</li><li class=speed>7290kbit</li></ul><"
        "/li><li class=proxy>SOCKS4</li><li><ul><li class=proxy><script>Proxy('MjAzLjAuMTEzLjYzOjgw"
        "MDA=')</script></li><li class=https>-</li><li class=speed>3629kbit</li></ul></li></ul>"
    ),
    "copy-buttons": (
        '<table><tr><td>0</td><td><button class=btn data-clipboard-text="198.18.136.206:60099">Copy'
        '</button></td><td>China</td></tr><tr><td>1</td><td><button class=btn data-clipboard-text="'
        '203.0.113.16:80">Copy</button></td><td>United States</td></tr></table>'
    ),
    "entities": (
        "<p>&#49;&#57;&#56;&#46;&#49;&#56;&#46;&#49;&#56;&#48;&#46;&#50;&#50;&#55;&#58;&#51;&#49;&#"
        "50;&#56;<br>&#49;&#57;&#56;&#46;&#53;&#49;&#46;&#49;&#48;&#48;&#46;&#49;&#52;&#57;&#58;&#5"
        "6;&#52;&#52;&#51;<br></p>"
    ),
    "dl-list": (
        "<dl><dt>IP</dt><dd>198.19.93.32</dd><dt>Port</dt><dd>53281</dd><dt>Ping</dt><dd>8242</dd><"
        "dt>IP</dt><dd>198.18.140.246</dd><dt>Port</dt><dd>443</dd><dt>Ping</dt><dd>7223</dd></dl>"
    ),
    "js-arith-inline": (
        "<table><tr><td>198.19.65.243</td><td><script>document.write(87-7)</script></td><td>Thailan"
        "d</td></tr><tr><td>198.51.100.12</td><td><script>document.write(1087-7)</script></td><td>B"
        "razil</td></tr></table>"
    ),
}
PROXIES = {
    "json-columns": "192.0.2.169:53281|http 198.18.227.76:5678|socks5",
    "json-columnar": "198.18.63.162:8443 198.51.100.179:3128",
    "json-graphql": "198.18.115.19:4145 198.18.147.74:10808",
    "json-ports-array": "192.0.2.80:9050 192.0.2.80:9051 198.18.94.120:3128 198.18.94.120:3129",
    "json-per-country": "192.0.2.102:8888|socks4 192.0.2.30:10808|http 198.18.92.32:5678|socks5 203.0.113.236:8080",
    "json-lines": "198.18.56.156:443|socks4 203.0.113.43:8080|socks5",
    "json-webshare": "user71:Pw524x@192.0.2.25:3128 user19:Pw522x@198.18.219.146:60099",
    "clash": "user20:Pw939x@192.0.2.76:10808|http 198.19.110.183:8081|socks5 198.19.117.154:8080|https",
    "sing-box": "198.19.28.153:60099|http user12:Pw304x@203.0.113.131:4145|socks5",
    "xml-attrs": "198.18.142.115:41258|socks4 198.19.58.82:53281|http",
    "xml-elements": "198.18.223.117:60099 203.0.113.26:3128",
    "xml-text": "203.0.113.119:8118 203.0.113.193:5678",
    "html-200": "198.19.121.38:4145 203.0.113.84:9050",
    "html-decoys": "198.19.196.238:8080 203.0.113.101:8000",
    "nothing-page": "",
    "div-grid": "198.18.157.68:4145 198.51.100.183:5678",
    "ul-spans": "192.0.2.152:999 203.0.113.63:8000",
    "copy-buttons": "198.18.136.206:60099 203.0.113.16:80",
    "entities": "198.18.180.227:3128 198.51.100.149:8443",
    "dl-list": "198.18.140.246:443 198.19.93.32:53281",
    "js-arith-inline": "198.19.65.243:80 198.51.100.12:1080",
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
