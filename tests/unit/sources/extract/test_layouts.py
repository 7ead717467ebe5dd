"""Layouts met on real sites, rebuilt by hand with made-up addresses; none is a copy of a page."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

FIRST = "192.0.2.1:3128"
BOTH = [FIRST, "198.51.100.2:8080"]

ONE = ("one proxy a call", "port by exclusive or")
LAYOUTS: dict[str, str] = {
    "textarea in a modal": (
        "<html><body><div class='modal fade' id='raw'><textarea>Free proxies from x.net\n"
        "Updated at 2024-01-02 10:20:30 UTC.\n"
        "\n"
        "192.0.2.1:3128\n"
        "198.51.100.2:8080\n"
        "</textarea></div></body></html>"
    ),
    "array in a script": (
        '<html><script>const fpsList = [{"ip": "192.0.2.1", "last_check_time": "2024-01-02 10'
        ':20:30", "port": "3128", "speed": 0},{"ip": "198.51.100.2", "last_check_time": "2024'
        '-01-02 10:20:30", "port": "8080"}];\n'
        "let totalCount='1.1.1.1';</script></html>"
    ),
    "head in Chinese, cells full of blanks": (
        "<table><thead><tr><th>\n"
        "\t\t\tIP地址</th><th>\n"
        "\t端口</th><th>地理位置</th><th>运营商</th><th>最后检测</th></tr></thead><tbody><tr><td>\n"
        "\t\t\t192.0.2.1\t\t</td><td>\n"
        "\t\t\t3128\t\t</td><td>\n"
        "\t北京</td><td>电信</td><td>2024/01/02 10:20:30</td></tr><tr><td>198.51.100.2</td><td>808"
        "0</td><td></td><td></td><td></td></tr></table>"
    ),
    "lines with br": (
        "<div>192.0.2.1:3128<br />\n\t\t198.51.100.2:8080<br />\n<script>var _hmt = _hmt || [];</script></div>"
    ),
    "joined and reversed by script": (
        "<table><tr><th>Proxy IP</th><th>Proxy Port</th><th>Last Check</th><th>Proxy Speed</t"
        "h><th>Proxy Country</th></tr><tr data-proxy-id='11'><td><abbr title=''><script>docum"
        'ent.write("192.0." + "2.1".concat(""))</script></abbr></td><td>3128</td><td><time>2 '
        'mins</time></td><td>100 ms</td><td>US</td></tr><tr><td><script>document.write("2.001'
        '.15.891".split("").reverse().join(""))</script></td><td><a href=\'/x\'>8080</a></td><t'
        "d/><td/><td/></tr></table>"
    ),
    "head cells that are td": (
        "<div class='table_block'><table><thead><tr><td>IP address</td><td>Port</td><td>Count"
        "ry, City</td><td>Speed</td><td>Type</td><td>Anonymity</td></tr></thead><tbody><tr><t"
        "d>192.0.2.1</td><td>3128</td><td><i class='flag-icon flag-icon-br'></i><div><span cl"
        "ass=country>Brazil</span></div></td><td>100ms</td><td>HTTP, HTTPS</td><td>no</td></t"
        "r><tr><td>198.51.100.2</td><td>8080</td><td></td><td></td><td>SOCKS4</td><td>High</t"
        "d></tr></tbody></table></div>"
    ),
    "base64 written by script": (
        "<table id=proxy_list><thead><tr><th>IP</th><th>Port</th><th>Protocol</th></tr></thea"
        "d><tr><td style='text-align:center' class='left'><script type='text/javascript'>docu"
        "ment.write(Base64.decode(\"MTkyLjAuMi4x\"))</script></td><td style=''><span class='fpo"
        "rt'>3128</span></td><td><small>HTTP</small></td></tr><tr><td><script>document.write("
        "Base64.decode(\"MTk4LjUxLjEwMC4y\"))</script></td><td><span class='fport'>8080</span><"
        "/td><td><small>SOCKS5</small></td></tr></table>"
    ),
    "link cells": (
        "<table><thead><tr><th>IP</th><th>Port</th><th>Type</th></tr></thead><tr><td><a href="
        "'/192.0.2.1/3128#http'>192.0.2.1</a></td><td><a href=#>3128</a></td><td>HTTPS</td></"
        "tr><tr><td><a>198.51.100.2</a></td><td><a>8080</a></td><td>HTTP</td></tr></table>"
    ),
    "entries as links": (
        "<table><tr><td><a href='/192.0.2.1/3128#http'>192.0.2.1:3128</a></td></tr><tr><td><a"
        " href='/198.51.100.2/8080'>198.51.100.2:8080</a></td></tr></table>"
    ),
    "labelled cells": (
        "<table><tr><td><input type=checkbox value='192.0.2.1|r1' name='proxyIp[]'></td><td d"
        "ata-label='IP:port '>192.0.2.1:3128</td></tr><tr><td></td><td data-label='IP:port '>"
        "198.51.100.2:8080</td></tr></table>"
    ),
    "flag and links": (
        "<table><tbody><tr><td><img src='/flags/cn.svg'/><a href='/addr?x'>192.0.2.1</a></td>"
        "<td>3128</td><td><a>China</a></td></tr><tr><td><a>198.51.100.2</a></td><td>8080</td>"
        "<td></td></tr></tbody></table>"
    ),
    "base64 in data attributes": (
        "<table><tr><th>#</th><th>IP address</th><th>Port</th></tr><tr><td>1</td><td data-ip="
        "'MTkyLjAuMi4x'></td><td data-port='MzEyOA=='></td></tr><tr><td>2</td><td data-ip='MT"
        "k4LjUxLjEwMC4y'></td><td data-port='ODA4MA=='></td></tr></table>"
    ),
    "blocks as a table": (
        "<div class='row header'><div>IP</div><div>Country</div><div>Port</div></div><div cla"
        "ss='row'><div class=c>192.0.2.1</div><div class=c>US</div><div class=c>3128</div></d"
        "iv><div class='row'><div>198.51.100.2</div><div>DE</div><div>8080</div></div>"
    ),
    "list items as cells": (
        "<ul class='hdr'><li>IP</li><li>PORT</li></ul><ul class='l2'><span><li>192.0.2.1</li>"
        "</span><span style='width:100px;'><li class='port GEA'>3128</li></span><li>高匿</li></"
        "ul><ul class='l2'><span><li>198.51.100.2</li></span><span><li>8080</li></span></ul>"
    ),
    "service with protocols": (
        '{"data": [{"_id": "x", "ip": "192.0.2.1", "anonymityLevel": "elite", "asn": "AS1", "'
        'city": "X", "country": "US", "port": "3128", "protocols": ["socks4"], "workingPercen'
        't": null}, {"_id": "y", "ip": "198.51.100.2", "port": "8080", "protocols": ["http"]}'
        '], "total": 2}'
    ),
    "service with both spellings": (
        '{"shown_records": 2, "proxies": [{"alive": true, "ip": "192.0.2.1", "port": 3128, "p'
        'roxy": "http://192.0.2.1:3128", "protocol": "http", "ssl": false, "ip_data": {"count'
        'ryCode": "US", "as": "AS1"}}, {"ip": "198.51.100.2", "port": 8080, "proxy": "socks4:'
        '//198.51.100.2:8080", "protocol": "socks4"}]}'
    ),
    "service with ipPort": (
        '{"data": [{"ipPort": "192.0.2.1:3128", "ip": "192.0.2.1", "port": "3128", "country":'
        ' "BR", "type": "http", "support": {"https": 1}}, {"ipPort": "198.51.100.2:8080", "ip'
        '": "198.51.100.2", "port": "8080", "type": "http"}], "count": 2}'
    ),
    "one proxy a call": (
        '{"supportsHttps": true, "protocol": "socks5", "ip": "192.0.2.1", "port": "3128", "ip'
        'Port": "192.0.2.1:3128", "curl": "socks5://192.0.2.1:3128", "websites": {"amazon": t'
        "rue}}"
    ),
    "pool export": (
        '{"proxies": [{"id": 1, "ip": "192.0.2.1", "port": 3128, "is_valid": true, "country":'
        ' "US", "location": "1,2"}, {"ip": "198.51.100.2", "port": 8080}]}'
    ),
    "strings in an object": ('{"code": 200, "data": {"proxies": ["192.0.2.1:3128", "198.51.100.2:8080"], "count": 2}}'),
    "vendor download": ("192.0.2.1:3128:ab:cd\r\n198.51.100.2:8080:ab:cd\r\n"),
    "annotated": ("Proxy list (#400)\nIP\n192.0.2.1:3128 US-H-S + \n198.51.100.2:8080 RU-A! -\n"),
    "array with geolocation": (
        '[{"proxy": "http://192.0.2.1:3128", "protocol": "http", "ip": "192.0.2.1", "port": 3'
        '128, "https": false, "anonymity": "transparent", "score": 1, "geolocation": {"countr'
        'y": "ZZ", "city": "Unknown"}}, {"proxy": "socks5://198.51.100.2:8080", "protocol": "'
        'socks5", "ip": "198.51.100.2", "port": 8080, "https": true}]'
    ),
    "printed objects": ("<Proxy US 0.42s [HTTP: High] 192.0.2.1:3128>\n<Proxy RU 1.2s [SOCKS5] 198.51.100.2:8080>\n"),
    "environment": ('http_proxy=http://192.0.2.1:3128\nexport HTTPS_PROXY="http://198.51.100.2:8080"\n'),
    "proxychains": ("[ProxyList]\n# comment\nsocks5 192.0.2.1 3128 user pass\nhttp\t198.51.100.2\t8080\n"),
    "PAC file": ('function FindProxyForURL(u,h){ return "PROXY 192.0.2.1:3128; SOCKS 198.51.100.2:8080; DIRECT"; }'),
    "telegram links": (
        "https://t.me/socks?server=192.0.2.1&port=3128&user=a&pass=b\ntg://socks?server=198.51.100.2&port=8080\n"
    ),
    "SQL": ("INSERT INTO p VALUES (1,'192.0.2.1',3128,'US'),(2,'198.51.100.2',8080,'DE');"),
    "YAML list": ("- ip: 192.0.2.1\n  port: 3128\n- ip: 198.51.100.2\n  port: 8080\n"),
    "key and value": ("ip=192.0.2.1\nport=3128\n\nip=198.51.100.2\nport=8080\n"),
    "two lines an entry": ("192.0.2.1\n3128\n198.51.100.2\n8080\n"),
    "python literal": ("proxies = ['192.0.2.1:3128', \"198.51.100.2:8080\"]"),
    "script literal": ("var list = [\n  '192.0.2.1:3128',\n  '198.51.100.2:8080',\n];"),
    "label in front": ("HTTP 192.0.2.1:3128\nSOCKS5\t198.51.100.2:8080"),
    "dash between": ("192.0.2.1 - 3128\n198.51.100.2 - 8080"),
    "markdown links": ("* [192.0.2.1:3128](http://192.0.2.1:3128)\n* [198.51.100.2:8080](http://198.51.100.2:8080)\n"),
    "time first": ("Last checked;IP;Port\n10:20;192.0.2.1;3128\n10:21;198.51.100.2;8080"),
    "quoted commas": ('ip,port,city\n192.0.2.1,3128,"Paris, France"\n198.51.100.2,8080,"Berlin, DE"'),
    "log of a checker": ("2024-01-02 10:20:30 192.0.2.1:3128 OK 200\n2024-01-02 10:20:31 198.51.100.2:8080 OK 200"),
    "bold and spaced": ("<blockquote>Here: <b>192.0.2.1</b>:3128<br>and 198.51.100.2 : 8080</blockquote>"),
    "state of a framework": (
        '<html><script id="__NEXT_DATA__" type="application/json">{"props":{"pageProps":{"pro'
        'xies":[{"ip":"192.0.2.1","port":3128,"country":{"code":"US"}},{"ip":"198.51.100.2","'
        'port":8080}]}}}</script></html>'
    ),
    "state inside a string": (
        '<html><script>self.__next_f.push([1,"{\\"ip\\":\\"192.0.2.1\\",\\"port\\":3128},{\\"ip\\":\\"'
        '198.51.100.2\\",\\"port\\":8080}"])</script></html>'
    ),
    "port by exclusive or": (
        "<script>a=5;b=a^3;c=6^b;</script><table><tr><td><font class=spy14>192.0.2.1<script>d"
        'ocument.write("<font class=spy2>:<\\/font>"+(a^6)+(b^7)+(c^2)+(8^0))</script></font><'
        "/td></tr></table>"
    ),
    "page packed whole": (
        "<html><body><script>document.write(atob('PHRhYmxlPjx0cj48dGQ+MTkyLjAuMi4xPC90ZD48dGQ"
        "+MzEyODwvdGQ+PC90cj48dHI+PHRkPjE5OC41MS4xMDAuMjwvdGQ+PHRkPjgwODA8L3RkPjwvdHI+PC90YWJ"
        "sZT4='))</script></body></html>"
    ),
    "clipboard attribute": (
        "<div><button data-clipboard-text='192.0.2.1:3128'>Copy</button><button data-clipboar"
        "d-text='198.51.100.2:8080'>Copy</button></div>"
    ),
    "title repeated": (
        "<table><tr><td title='192.0.2.1:3128'>192.0.2.1:3128</td></tr><tr><td title='198.51."
        "100.2:8080'>198.51.100.2:8080</td></tr></table>"
    ),
    "inputs": (
        "<table><tr><td><input value='192.0.2.1:3128'></td></tr><tr><td><input value='198.51."
        "100.2:8080'></td></tr></table>"
    ),
    "heads of rows": (
        "<table><tr><th scope=row>192.0.2.1</th><td>3128</td></tr><tr><th scope=row>198.51.10"
        "0.2</th><td>8080</td></tr></table>"
    ),
    "port in front": (
        "<table><tr><td>3128</td><td>192.0.2.1</td></tr><tr><td>8080</td><td>198.51.100.2</td></tr></table>"
    ),
    "code": ("<p><code>192.0.2.1:3128</code> <code>198.51.100.2:8080</code></p>"),
    "links": (
        "<a href='http://192.0.2.1:3128'>http://192.0.2.1:3128</a><br><a href='socks5://198.5"
        "1.100.2:8080'>socks5://198.51.100.2:8080</a>"
    ),
    "hard blanks": ("<p>192.0.2.1&nbsp;&nbsp;3128</p><p>198.51.100.2&nbsp;8080</p>"),
    "port in an element": (
        "<table><tr><td><span>192.0.2.1</span><span class=port>:3128</span></td></tr><tr><td>"
        "198.51.100.2<em>:8080</em></td></tr></table>"
    ),
    "title row": (
        "<table><tr><th colspan=9>List</th></tr><tr><th>No</th><th>Proxy IP</th><th>Country</"
        "th><th>Port</th></tr><tr><td>1</td><td>192.0.2.1</td><td>US</td><td>3128</td></tr><t"
        "r><td>2</td><td>198.51.100.2</td><td>DE</td><td>8080</td></tr></table>"
    ),
    "row between": (
        "<table><tr><th>IP</th><th>Country</th><th>Port</th></tr><tr><td colspan=3>ad</td></t"
        "r><tr><td>192.0.2.1</td><td>US</td><td>3128</td></tr><tr><td>198.51.100.2</td><td>DE"
        "</td><td>8080</td></tr></table>"
    ),
    "arrows in the head": (
        "<table><tr><th>IP ↑↓</th><th>Country</th><th>Port ↑↓</th></tr><tr><td>192.0.2.1</td>"
        "<td>US</td><td>3128</td></tr><tr><td>198.51.100.2</td><td>DE</td><td>8080</td></tr><"
        "/table>"
    ),
    "wordy head": (
        "<table><tr><th>IP Address (IPv4)</th><th>Country</th><th>Port number</th></tr><tr><t"
        "d>192.0.2.1</td><td>US</td><td>3128</td></tr><tr><td>198.51.100.2</td><td>DE</td><td"
        ">8080</td></tr></table>"
    ),
    "gap without head": (
        "<table><tr><td>192.0.2.1</td><td>US</td><td>3128</td></tr><tr><td>198.51.100.2</td><"
        "td>DE</td><td>8080</td></tr></table>"
    ),
    "one string": ('{"status":"ok","list":"192.0.2.1:3128,198.51.100.2:8080"}'),
    "arrays as rows": ('{"data":[["192.0.2.1",3128,"US"],["198.51.100.2",8080,"DE"]]}'),
    "columns and rows": ('{"columns":["ip","port"],"rows":[["192.0.2.1","3128"],["198.51.100.2","8080"]]}'),
    "address as key": ('{"192.0.2.1":{"port":3128},"198.51.100.2":{"port":8080}}'),
    "address object": (
        '[{"address":{"host":"192.0.2.1","port":3128}},{"address":{"host":"198.51.100.2","port":8080}}]'
    ),
    "feed titles": (
        "<?xml version='1.0'?><feed><entry><title>192.0.2.1:3128</title></entry><entry><title"
        ">198.51.100.2:8080</title></entry></feed>"
    ),
    "packed list": ("MTkyLjAuMi4xOjMxMjgKMTk4LjUxLjEwMC4yOjgwODAK"),
    "packed URLs": ("aHR0cDovLzE5Mi4wLjIuMTozMTI4CnNvY2tzNTovLzE5OC41MS4xMDAuMjo4MDgwCg=="),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_proxies_of_a_layout_are_found(layout: str) -> None:
    read = extract(LAYOUTS[layout].encode())
    found = list(dict.fromkeys(str(candidate.endpoint) for candidate in read.candidates))
    assert found == ([FIRST] if layout in ONE else BOTH)


NOISE: dict[str, str] = {
    "log": ("2024-01-02 10:20:30 host sshd[123]: Failed password for root from 192.0.2.8 port 52344 ssh2\n"),
    "nginx": (
        '192.0.2.8 - - [10/Oct/2023:13:55:36 +0000] "GET /x HTTP/1.1" 200 2326 "-" "Mozilla/5'
        '.0 Chrome/110.0.5481.178"\n'
    ),
    "ping": ("Ping 192.0.2.8 80 ms\n"),
    "range": ("192.0.2.8 - 192.0.2.255\n192.0.2.0/24\n"),
    "hosts": ("127.0.0.1 localhost\n::1 localhost\n0.0.0.0 ads.example.com\n"),
    "requirements": ("pkg==1.2.3.4\nfoo>=2.0\n"),
    "yamlcfg": ("version: 1.2.3.4\nport: 80\nhost: 0.0.0.0\n"),
    "dns": ("nameserver 192.0.2.8\nnameserver 192.0.2.9\n"),
    "htmlver": (
        "<html><body><p>Version 1.2.3.4</p><p>80</p><footer>Server 10.0.0.1 in 20 ms</footer>"
        "<div>Your IP: 192.0.2.8</div><div>80</div><table><tr><th>IP</th><th>Hits</th></tr><t"
        "r><td>192.0.2.8</td><td>120</td></tr></table></body></html>"
    ),
    "whois": ("<table><tr><td>IP</td><td>192.0.2.8</td></tr><tr><td>ASN</td><td>13335</td></tr></table>"),
    "urls": (
        "https://raw.example.com/a/b/main/http.txt\n"
        "https://api.example.com:8443/v2/?x=1\n"
        "http://example.com:8080/list\n"
    ),
    "ipv6time": ("10:20:30 fe80::1\n2024:01:02:03:04\n"),
    "mac": ("00:1a:2b:3c:4d:5e\naa:bb:cc:dd:ee:ff\n"),
    "css": ("a{margin:0 1px 2px;grid-area:1/2/3/4}\n"),
    "json_other": ('{"server": "nginx", "port": 80, "host": "example", "time": "10:20", "url": "https://x.example/a"}'),
    "package": (
        '{"name": "x", "version": "1.2.3.4", "scripts": {"a": "b:8080"}, "repository": {"type'
        '": "git", "url": "https://github.example:443/x/y"}, "proxy": "http://localhost:3000/'
        'api"}'
    ),
    "readme": (
        "# Title\n"
        "\n"
        "Last update: 2024-01-02 10:20\n"
        "Contact: a@b.example:25\n"
        "See [docs](https://x.example:8080/docs)\n"
        "node v1.2.3:8080\n"
        "main.rs:10:5\n"
    ),
    "stack": ('  File "a.py", line 20\nat Foo.bar(Foo.java:123)\nindex.js:10\nsrc/app.ts:100\n'),
    "emails": ("user@example.com:password123\nfoo@example.org:hunter2\n"),
    "combo": ("user:pass@example.com\nhttps://login.example.com:user:pass\n"),
    "html_json": (
        '<html><script>var cfg={"host":"api.example.com","port":443,"ip":"192.0.2.8"};</script><body>hi</body></html>'
    ),
    "jsonld": (
        '<html><script type="application/ld+json">{"@type":"Place","address":{"streetAddress"'
        ':"1 Main"},"url":"https://a.example:443"}</script></html>'
    ),
    "latlon": ("12.345.67.89 100\n"),
    "phone": ("tel 555.123.4567.890:12\n"),
}


@pytest.mark.parametrize("kind", NOISE)
def test_other_texts_hold_no_proxy(kind: str) -> None:
    assert extract(NOISE[kind].encode()).candidates == []
