"""Lists written before the reader was tried on them, first set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "discord-paste": (
        "**FRESH PROXIES** @everyone <:fire:123456789012345678>\n```\n198.19.46.240:8000\n198.19.14"
        "4.237:443\n192.0.2.140:8000\n```\n> 203.0.113.164:60099 "
        "✅ 120ms\n- 192.0.2.2:3128 | Elite\n• 203.0.113.1"
        "36:80 — USA\njoin discord.gg/abcd1234 • today a"
        "t 10:31 AM\n"
    ),
    "pastebin-raw": ("198.18.219.194:3128\r\n198.19.87.152:41258\r\n\r\n== total 8 == expires 2024-03-01 10:00 ==\r\n"),
    "bbcode-forum": (
        "[b]HTTP:[/b]\n[code]\n198.18.16.63:8118\n192.0.2.136:8080\n198.19.160.30:41258\n[/code]\n["
        'b]SOCKS5:[/b]\n[quote="bob"]192.0.2.216:41258[/quote]\n[color=red]198.19.158.179:10808[/co'
        "lor]\n[url=http://198.19.32.44:80]click[/url]\nPosted 26-02-2024, 10:31 PM  IP: logged  #1"
        "2\n"
    ),
    "excel-csv": (
        '\ufeff"IP";"Порт";"Страна";"Тип";"Проверен"\r\n"198.1'
        '8.59.46";"9050";"United Kingdom";"SOCKS4";"26.02.2024 10:31"\r\n"192.0.2.26";"60099";"Indo'
        'nesia";"SOCKS5";"26.02.2024 10:31"\r\n'
    ),
    "utf16-text": (
        b"\xff\xfe2\x000\x003\x00.\x000\x00.\x001\x001\x003\x00.\x001\x000\x007\x00:\x004\x001\x004"
        b"\x005\x00\r\x00\n\x001\x009\x008\x00.\x001\x008\x00.\x005\x00.\x003\x000\x00:\x001\x000"
        b"\x008\x000\x00"
    ),
    "utf16be-nobom": (
        b"\x001\x009\x002\x00.\x000\x00.\x002\x00.\x001\x000\x003\x00:\x009\x000\x005\x000\x00\n"
        b"\x001\x009\x002\x00.\x000\x00.\x002\x00.\x008\x00:\x004\x001\x002\x005\x008"
    ),
    "tsv-nohead": (
        "203.0.113.17\t8443\tGB\t5707\tsocks4\t2024-02-26 10:31:00\n198.18.200.158\t443\tUS\t1758\t"
        "socks5\t2024-02-26 10:31:00"
    ),
    "yaml-list": (
        "proxies:\n  http:\n    - 198.19.161.34:60099\n    - 192.0.2.127:8118\n  socks5:\nupdated: "
        "2024-02-26 10:31:00\n"
    ),
    "toml": (
        'title = "proxies 1.2.3"\nupdated = 2024-02-26T10:31:00Z\n\n[[proxy]]\nserver = "192.0.2.89'
        '"\nserver_port = 1080\nprotocol = "socks4"\nweight = 10\n\n[[proxy]]\nserver = "192.0.2.19'
        '5"\nserver_port = 8888\nprotocol = "socks4"\nweight = 10\n\n'
    ),
    "ini": (
        "; exported 2024-02-26 10:31\n[proxy0]\nhost=198.18.136.94\nport=5678\ntype=socks4\ntimeout"
        "=3000\nuser=user41\npassword=Pw329x\n\n[proxy1]\nhost=198.19.43.239\nport=8000\ntype=http"
        "\ntimeout=3000\nuser=user29\npassword=Pw293x\n\n"
    ),
    "pac": (
        'function FindProxyForURL(url, host) {\n  if (isInNet(dnsResolve(host), "10.0.0.0", "255.0.'
        '0.0") || shExpMatch(host, "*.local:8080")) return "DIRECT";\n  if (shExpMatch(url, "http:*'
        '")) return "PROXY 198.51.100.215:9050; PROXY 198.18.175.151:8081; DIRECT";\n  if (isInNet('
        'myIpAddress(), "192.168.1.0", "255.255.255.0")) return \'SOCKS5 198.19.132.9:999; SOCKS 19'
        '8.51.100.196:10808\';\n  return "HTTPS 198.19.55.45:80; DIRECT";\n}'
    ),
    "proxychains": (
        "# proxychains.conf  VER 3.1\nstrict_chain\nproxy_dns\ntcp_read_time_out 15000\n# localnet "
        "127.0.0.0/255.0.0.0\n#       Examples:\n#            \tsocks5\t192.168.67.78\t1080\tlamer"
        "\tsecret\n#\t\thttp\t192.168.89.3\t8080\tjustu\thidden\n[ProxyList]\nsocks5 \t203.0.113.14"
        " 8000\nhttp\t198.18.93.248\t10808\tuser70\tPw496x\nsocks4  198.18.5.61 999\nhttp 198.18.25"
        "5.107   8080\nsocks5 203.0.113.140 8888 user91 Pw283x\n"
    ),
    "env-curl": (
        'export http_proxy=http://198.19.110.117:60099\nexport HTTPS_PROXY="http://user96:Pw157x@19'
        '2.0.2.234:8000/"\nset ALL_PROXY=socks5h://198.51.100.13:9050\ncurl -x 203.0.113.130:60099 '
        "https://api.example.com/ip\ncurl --socks5-hostname 198.51.100.24:8081 http://example.com:8"
        "080/\nwget -e use_proxy=yes -e http_proxy=198.18.245.60:9050 http://example.org\ngit confi"
        "g --global http.proxy http://192.0.2.211:5678\nexport no_proxy=localhost,127.0.0.1,10.0.0."
        "0/8\n"
    ),
    "squid-log": (
        "1708939800.123    3668 198.51.100.113 TCP_MISS/200 11004 GET http://example.com/a.css - HI"
        "ER_DIRECT/203.0.113.7 text/css\n1708939800.223    3668 198.51.100.113 TCP_TUNNEL/200 5678 "
        "CONNECT mail.example.org:443 user0 HIER_DIRECT/198.51.100.20 -\n1708939801.123    7499 198"
        ".19.195.225 TCP_MISS/200 22497 GET http://example.com/a.css - HIER_DIRECT/203.0.113.7 text"
        "/css\n1708939801.223    7499 198.19.195.225 TCP_TUNNEL/200 8118 CONNECT mail.example.org:4"
        "43 user1 HIER_DIRECT/198.51.100.20 -"
    ),
    "nginx-log": (
        '192.0.2.253 - - [26/Feb/2024:10:10:12 +0000] "GET /api/v1?port=80 HTTP/1.1" 200 8888 "http'
        '://example.com:8080/page" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/121.0.0.0 Safa'
        'ri/537.36"\n203.0.113.23 - - [26/Feb/2024:10:11:12 +0000] "GET /api/v1?port=80 HTTP/1.1" 2'
        '00 5678 "http://example.com:8080/page" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/1'
        '21.0.0.0 Safari/537.36"'
    ),
    "short-log": (
        "198.19.5.122 200 GET /index.html\n198.19.5.122 404 POST /login\n198.19.34.87 200 GET /inde"
        "x.html\n198.19.34.87 404 POST /login"
    ),
    "traceback": (
        'Traceback (most recent call last):\n  File "/app/file.py", line 20, in <module>\nfile.py:2'
        "0: error: x\nmain.go:42:13: undefined: y\nsrc/index.ts:80 warning\nutils.rs:8080\nat Objec"
        "t.<anonymous> (/srv/app.js:1080:12)\nserver.log:3128 Connection\npanic: 12:30:45\n"
    ),
    "nmap-grep": (
        "# Nmap 7.94 scan initiated Mon Feb 26 10:11:12 2024 as: nmap -oG - 203.0.113.0/24\nHost: 1"
        "92.0.2.95 ()\tStatus: Up\nHost: 192.0.2.95 (h0.example.net)\tPorts: 9050/open/tcp//http-pr"
        "oxy///, 22/closed/tcp//ssh///\tIgnored State: filtered (98)\nHost: 198.18.10.222 ()\tStatu"
        "s: Up\nHost: 198.18.10.222 (h1.example.net)\tPorts: 60099/open/tcp//http-proxy///, 22/clos"
        "ed/tcp//ssh///\tIgnored State: filtered (98)\n# Nmap done at Mon Feb 26 10:20:00 2024 -- 2"
        "56 IP addresses (5 hosts up) scanned in 31.22 seconds\n"
    ),
    "masscan-list": (
        "#masscan\nopen tcp 8080 198.19.100.53 1708939860\nopen tcp 443 203.0.113.248 1708939861\n# end\n"
    ),
    "masscan-stdout": (
        "Discovered open port 80/tcp on 198.51.100.22                                    \nDiscover"
        "ed open port 8081/tcp on 192.0.2.238                                    \n"
    ),
    "sql-dump": (
        "-- MySQL dump 10.13  Distrib 8.0.36\n-- Host: 127.0.0.1:3306    Database: proxies\nCREATE "
        "TABLE `proxies` (`id` int(11) NOT NULL, `ip` varchar(15), `port` int(5));\nINSERT INTO `pr"
        "oxies` (`id`, `ip`, `port`, `type`, `checked`) VALUES (0,'192.0.2.201',8000,'socks5','2024"
        "-02-26 10:31:02'),(1,'198.19.66.250',9050,'socks4','2024-02-26 10:31:02');\n-- Dump comple"
        "ted on 2024-02-26 10:31:02\n"
    ),
    "py-literals": (
        "import requests\nPROXIES = [\n    ('203.0.113.32', 999),\n    ('198.19.103.116', 80),\n   "
        " ('198.19.216.128', 999),\n]\nHTTP = ['192.0.2.119:53281', '203.0.113.238:8080']\nproxies "
        "= {'http': 'http://192.0.2.22:8118', 'https': 'http://192.0.2.22:8118'}\nsocks = dict(host"
        '="198.18.123.90", port=8118)\npool.add("192.0.2.170", 8000)\nX = {"ip": "198.51.100.62", "'
        'port": 8443}\nTIMEOUT = 10\n'
    ),
    "nbsp-zwsp": (
        "\u200b198.51.100.25:4145\n198.18.96.237\xa0:\xa08081\n203.0"
        ".113.109\u200b:\u200b443\n203.0.113.94\u30008118\n\xa0198.51.100.1"
        "53:999\xa0\n\u200d198.\u200d19.\u200d0.\u200d29:8000"
    ),
    "full-width": (
        "１９８．５１．１００．１１３：９９９\n203.0.113.8：1080\n198。18。188"
        "。159:8081\n２０３．０．１１３．１８５：３１２８\u3000高匿\nIP：198.51.100."
        "48 端口：4145\n地址：198.51.100.17，端口：8443，类型：HTTP"
    ),
    "nothing-text": (
        "Our office: +1 (202) 555-0143, ext. 8080. Meet at 10:30:45 on 2024-02-26.\nNetwork 203.0.1"
        "13.0/24 and 198.51.100.0/22 are ours.\nMAC 00:1A:2B:3C:4D:5E, uuid 550e8400-e29b-41d4-a716"
        "-446655440000.\nRelease 10.15.7.1 build 8080, Chrome 121.0.6167.85 / 537.36\nFirmware 1.2."
        "3.4-80 changelog\nratio 16:9 and 1.5:3\nServer nginx/1.24.0:80?\nDNS 8.8.8.8 and 1.1.1.1\n"
        "ISBN 978-3-16-148410-0\n"
    ),
    "ipv6-table": (
        "| address | port | type |\n|---|---|---|\n| 2001:db8::1 | 8080 | http |\n| 2001:db8:0:1::a"
        "bcd | 1080 | socks5 |\n| [2001:db8::3] | 3128 | http |\n"
    ),
    "ipv6-lines": (
        "[2001:db8::1]:8080\nhttp://[2001:db8:1::2]:3128\nsocks5://u:p@[2001:db8::5]:1080\n[2001:db"
        "8::9]:1080:bob:secret\n2001:db8:0:0:0:0:0:7 8888\n"
    ),
    "idn-hosts": (
        "proxy.example.com:8080\nбеспл-прокси.example.or"
        "g:3128\nsocks5://münchen.example.net:1080\nxn--m"
        "nchen-3ya.example.com:8000\ngate.example.co.uk:7777:user-1:pa55\nhttp://user:pass@gw.examp"
        "le.io:22225\n"
    ),
    "creds-orders": (
        "198.18.235.23:8081:user25:Pw278x\nuser72:Pw931x@203.0.113.22:443\n198.51.100.122:10808@use"
        "r3:Pw875x\nuser77:Pw967x:198.18.178.99:8443\nhttp://user71:Pw290x@203.0.113.113:8888\nsock"
        "s5://198.19.65.4:10808:user80:Pw135x\n192.0.2.121:8888|user13|Pw422x\n192.0.2.41;443;user2"
        "4;Pw357x\n198.18.138.82:5678 user82:Pw694x\n198.51.100.141 80 user81 Pw504x"
    ),
    "annotated": (
        "# Proxy list\n203.0.113.234:5678 US-H-S +\n198.18.187.156:8443 RU-N! -\n1. 203.0.113.155:8"
        "888\n2) 192.0.2.39:5678 - elite - 0.3s\n192.0.2.62:443 (Germany) [HTTPS] 120ms\nHTTP 192.0"
        ".2.140:10808\n[SOCKS5] 198.18.12.183:8443\nIP: 198.51.100.82 Port: 8443 Country: US\n"
    ),
    "one-line-commas": "198.51.100.180:41258,203.0.113.150:8081",
    "one-line-spaces": "192.0.2.143:80 203.0.113.211:1080",
    "proxybroker": (
        "<Proxy BR 0.30s [HTTP: Anonymous, HTTPS] 198.51.100.189:8443>\n<Proxy CN 0.31s [HTTP] 203.0.113.226:8000>"
    ),
    "base64-whole": "MTk4LjE4Ljk3Ljg2OjgwCjE5OC4xOC42OS41ODo4ODg4",
    "ansi-log-check": (
        "\x1b[32m[+]\x1b[0m 10:31:00 socks4://192.0.2.197:8888 alive, 2530ms, exit 203.0.113.240\n"
        "\x1b[32m[+]\x1b[0m 10:31:01 socks5://198.51.100.77:3128 alive, 7742ms, exit 203.0.113.240"
    ),
}
PROXIES = {
    "discord-paste": (
        "192.0.2.140:8000 192.0.2.2:3128 198.19.144.237:443 198.19.46.240:8000 203.0.113.136:80 203.0.113.164:60099"
    ),
    "pastebin-raw": "198.18.219.194:3128 198.19.87.152:41258",
    "bbcode-forum": (
        "192.0.2.136:8080 192.0.2.216:41258 198.18.16.63:8118 198.19.158.179:10808 198.19.160.30:41258 198.19.32.44:80"
    ),
    "excel-csv": "192.0.2.26:60099|socks5 198.18.59.46:9050|socks4",
    "utf16-text": "198.18.5.30:1080 203.0.113.107:4145",
    "utf16be-nobom": "192.0.2.103:9050 192.0.2.8:41258",
    "tsv-nohead": "198.18.200.158:443|socks5 203.0.113.17:8443|socks4",
    "yaml-list": "192.0.2.127:8118|http 198.19.161.34:60099|http",
    "toml": "192.0.2.195:8888|socks4 192.0.2.89:1080|socks4",
    "ini": "user41:Pw329x@198.18.136.94:5678|socks4 user29:Pw293x@198.19.43.239:8000|http",
    "pac": (
        "198.18.175.151:8081 198.19.132.9:999|socks5 198.19.55.45:80|https 198.51.100.196:10808 198"
        ".51.100.215:9050|http"
    ),
    "proxychains": (
        "198.18.255.107:8080 198.18.5.61:999|socks4 user70:Pw496x@198.18.93.248:10808|http 203.0.11"
        "3.14:8000|socks5 user91:Pw283x@203.0.113.140:8888"
    ),
    "env-curl": (
        "192.0.2.211:5678 user96:Pw157x@192.0.2.234:8000 198.18.245.60:9050 198.19.110.117:60099|ht"
        "tp 198.51.100.13:9050|socks5 198.51.100.24:8081|socks5 203.0.113.130:60099"
    ),
    "squid-log": "",
    "nginx-log": "",
    "short-log": "",
    "traceback": "",
    "nmap-grep": "192.0.2.95:9050 198.18.10.222:60099",
    "masscan-list": "198.19.100.53:8080 203.0.113.248:443",
    "masscan-stdout": "192.0.2.238:8081 198.51.100.22:80",
    "sql-dump": "192.0.2.201:8000|socks5 198.19.66.250:9050|socks4",
    "py-literals": (
        "192.0.2.119:53281 192.0.2.170:8000 192.0.2.22:8118 198.18.123.90:8118 198.19.103.116:80 19"
        "8.19.216.128:999 198.51.100.62:8443 203.0.113.238:8080 203.0.113.32:999"
    ),
    "nbsp-zwsp": (
        "198.18.96.237:8081 198.19.0.29:8000 198.51.100.153:999 198.51.100.25:4145 203.0.113.109:443 203.0.113.94:8118"
    ),
    "full-width": (
        "198.18.188.159:8081 198.51.100.113:999 198.51.100.17:8443 198.51.100.48:4145 203.0.113.185"
        ":3128 203.0.113.8:1080"
    ),
    "nothing-text": "",
    "ipv6-table": "[2001:db8:0:1::abcd]:1080 [2001:db8::1]:8080 [2001:db8::3]:3128",
    "ipv6-lines": (
        "[2001:db8:1::2]:3128 [2001:db8::1]:8080 [2001:db8::5]:1080 [2001:db8::7]:8888 bob:secret@[2001:db8::9]:1080"
    ),
    "idn-hosts": (
        "user-1:pa55@gate.example.co.uk:7777 user:pass@gw.example.io:22225 proxy.example.com:8080 x"
        "n----9sbmnjewfckgh.example.org:3128 xn--mnchen-3ya.example.com:8000 xn--mnchen-3ya.example"
        ".net:1080"
    ),
    "creds-orders": (
        "user13:Pw422x@192.0.2.121:8888 user24:Pw357x@192.0.2.41:443 user82:Pw694x@198.18.138.82:56"
        "78 user77:Pw967x@198.18.178.99:8443 user25:Pw278x@198.18.235.23:8081 user80:Pw135x@198.19."
        "65.4:10808 user3:Pw875x@198.51.100.122:10808 user81:Pw504x@198.51.100.141:80 user71:Pw290x"
        "@203.0.113.113:8888 user72:Pw931x@203.0.113.22:443"
    ),
    "annotated": (
        "192.0.2.140:10808|http 192.0.2.39:5678 192.0.2.62:443 198.18.12.183:8443|socks5 198.18.187"
        ".156:8443 198.51.100.82:8443 203.0.113.155:8888 203.0.113.234:5678"
    ),
    "one-line-commas": "198.51.100.180:41258 203.0.113.150:8081",
    "one-line-spaces": "192.0.2.143:80 203.0.113.211:1080",
    "proxybroker": "198.51.100.189:8443 203.0.113.226:8000",
    "base64-whole": "198.18.69.58:8888 198.18.97.86:80",
    "ansi-log-check": "192.0.2.197:8888|socks4 198.51.100.77:3128|socks5",
}
CONTENT_TYPES: dict[str, str] = {"pastebin-raw": "text/plain; charset=utf-8"}


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
