"""Lists written before the reader was tried on them, second set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "mediawiki": (
        '{| class="wikitable"\n! IP !! Port !! Country\n|-\n| 198.19.71.58 || 4145 || United Kingdo'
        "m\n|-\n| 203.0.113.20 || 999 || United States\n|}\n"
    ),
    "rst-table": (
        "=============== ===== =======\nIP              Port  Type\n=============== ===== =======\n"
        "198.51.100.78   443   http\n198.19.130.253  8000  socks5\n=============== ===== =======\n"
    ),
    "ascii-box": (
        "+-----------------+-------+--------+\n| host            | port  | proto  |\n+-------------"
        "----+-------+--------+\n| 192.0.2.247     |  8081 | socks4 |\n| 198.19.158.107  | 41258 | "
        "socks5 |\n+-----------------+-------+--------+\n6 rows in set (0.00 sec)\n"
    ),
    "unicode-box": (
        "┌─────┬──────┐\n│ IP  │ Port │\n├─────┼──────┤\n│"
        " 203.0.113.32 │ 3128 │\n│ 198.51.100.129 │ 4125"
        "8 │\n└─────┴──────┘\n"
    ),
    "psql": (
        "  id |       ip       | port\n-----+----------------+------\n   0 | 198.51.100.135 | 5678"
        "\n   1 | 198.51.100.178 | 3128\n(6 rows)\n"
    ),
    "pg-copy": (
        "COPY public.proxies (id, ip, port, proto, seen) FROM stdin;\n0\t203.0.113.68\t443\tsocks5"
        "\t2024-02-26 10:31:01\n1\t203.0.113.93\t3128\tsocks4\t2024-02-26 10:31:01\n\\.\n"
    ),
    "csv-ident-cols": (
        "proxy_ip,proxy_port,proxy_user,proxy_pass,geo\n203.0.113.186,9050,user33,Pw261x,US\n192.0."
        "2.31,10808,user56,Pw396x,US"
    ),
    "csv-url-col": "id,url,latency\n0,socks4://203.0.113.127:3128,2591\n1,socks4://203.0.113.145:4145,5801",
    "csv-unknown-head": ("Adresse,Tür,Stadt\n198.19.253.232,9050,Köln\n198.18.5.121,8000,Köln"),
    "csv-exit-col": (
        "ip,port,exit_ip,protocol\n203.0.113.24,3128,203.0.113.77,http\n198.19.21.22,53281,203.0.113.77,socks4"
    ),
    "yaml-block-cred": (
        "- name: p\n  scheme: http\n  host: 198.18.205.239\n  port: 8443\n  username: user72\n  pas"
        "sword: 'Pw346x'\n- name: p\n  scheme: http\n  host: 198.51.100.238\n  port: 443\n  usernam"
        "e: user83\n  password: 'Pw659x'\n"
    ),
    "yaml-flow": (
        "proxies_list:\n  - {ip: 198.18.195.188, port: 9050, type: socks4}\n  - {ip: 198.51.100.234"
        ", port: 8081, type: http}\n"
    ),
    "docker-env": (
        "version: '3.8'\nservices:\n  a:\n    image: foo/bar:1.2.3.4\n    ports:\n      - \"8080:8"
        '0"\n    environment:\n      - HTTP_PROXY=http://198.19.8.245:8443\n      HTTPS_PROXY: http'
        "://198.18.134.5:4145\n"
    ),
    "env-file": (
        "PROXY_HOST=198.19.195.105\nPROXY_PORT=9050\nPROXY_USER=user19\nPROXY_PASS=Pw386x\nDB_HOST="
        "db.example.com\nDB_PORT=5432\n"
    ),
    "java-props": ("proxy.0.host=203.0.113.129\nproxy.0.port=443\nproxy.1.host=198.19.166.188\nproxy.1.port=999"),
    "java-opts": "java -Dhttp.proxyHost=192.0.2.84 -Dhttp.proxyPort=8000 -jar a.jar\n",
    "checker-log": (
        "[2024-02-26 10:31:00] INFO checker.py:42 - 192.0.2.40:8118 -> OK 3831ms (exit 203.0.113.24"
        "0)\n[2024-02-26 10:31:01] INFO checker.py:42 - 198.18.181.55:8118 -> OK 3162ms (exit 203.0"
        ".113.240)"
    ),
    "iptables": (
        "Chain INPUT (policy DROP)\nnum  target     prot opt source               destination\n0   "
        " ACCEPT     tcp  --  192.0.2.206       0.0.0.0/0            tcp dpt:443\n1    ACCEPT     t"
        "cp  --  192.0.2.133       0.0.0.0/0            tcp dpt:3128"
    ),
    "netstat": (
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State\ntcp        0   "
        "   0 192.168.1.5:5000       198.51.100.19:5678      ESTABLISHED\ntcp        0      0 192.1"
        "68.1.5:5001       203.0.113.197:3128      ESTABLISHED"
    ),
    "sshd-log": (
        "Feb 26 10:31:00 host sshd[8443]: Failed password for root from 198.18.15.45 port 40000 ssh"
        "2\nFeb 26 10:31:01 host sshd[443]: Failed password for root from 203.0.113.102 port 40001 "
        "ssh2"
    ),
    "haproxy-log": (
        "Feb 26 10:31:00 lb haproxy[123]: 203.0.113.194:10808 [26/Feb/2024:10:31:02.123] fe be/s1 0"
        '/0/1/5/6 200 1234 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"\nFeb 26 10:31:01 lb haproxy[123]'
        ": 192.0.2.179:443 [26/Feb/2024:10:31:02.123] fe be/s1 0/0/1/5/6 200 1234 - - ---- 1/1/0/0/"
        '0 0/0 "GET / HTTP/1.1"'
    ),
    "hosts-file": (
        "127.0.0.1 localhost\n198.18.173.155 host0.example.net # web 80\n192.0.2.2 host1.example.net # web 80"
    ),
    "traceroute": (
        "traceroute to example.com (203.0.113.9), 30 hops max, 60 byte packets\n 1  r0.example.net "
        "(198.19.149.140)  36.93 ms  1.2 ms  3.4 ms\n 2  r1.example.net (192.0.2.236)  60.89 ms  1."
        "2 ms  3.4 ms"
    ),
    "ping-out": (
        "64 bytes from 198.18.244.213: icmp_seq=0 ttl=54 time=345.3 ms\n64 bytes from 198.51.100.72"
        ": icmp_seq=1 ttl=54 time=277.3 ms"
    ),
    "vpn-ovpn-dev": "client\ndev tun\nproto tcp\nremote 203.0.113.5 443\nresolv-retry infinite\nverb 3\n",
    "ss-links": (
        "ss://YWVzLTI1Ni1nY206cGFzcw@203.0.113.4:8388#a\nvmess://eyJhZGQiOiIyMDMuMC4xMTMuNSIsInBvcn"
        "QiOiI0NDMifQ==\ntrojan://pw@203.0.113.6:443?sni=x#b\nsocks5://198.19.162.11:1080\nhttp://u"
        "ser26:Pw371x@198.51.100.89:8118#c\n"
    ),
    "b64-socks-link": "socks://dXNlcjg3OlB3NjEyeA==@192.0.2.7:53281#name\n",
    "chinese-annot": ("0、198.51.100.92：53281（高匿，HTTP）\n198.18.149.69:443@SOCKS4#中国 广东"),
    "emoji-telegram": (
        "🇺🇸 `198.18.182.87` : `8000` ⚡7937ms`\n🇺🇸 `198.18.55.210` : `1080` ⚡1542ms\n📢 @channel  #proxy"
    ),
    "telegram-labels": (
        "🌐 IP: 198.18.183.17\n🔌 Port: 41258\n📡 Type: SOCK"
        "S4\n⏱ Ping: 4567\n➖➖➖➖\n🌐 IP: 198.51.100.240\n🔌 Po"
        "rt: 999\n📡 Type: SOCKS4\n⏱ Ping: 3981\n➖➖➖➖\n"
    ),
    "server-port-en": ("Proxy 0\nHost - 198.51.100.171\nPort - 53281\n\nProxy 1\nHost - 192.0.2.132\nPort - 60099\n\n"),
    "pipes-meta": (
        "HTTP | 198.51.100.118:443 | RU | Elite | 505 ms | 26.02.2024\nSOCKS4 | 198.51.100.154:80 |"
        " BR | Elite | 7838 ms | 26.02.2024"
    ),
    "port-before-quirk": "RU\t3014\t192.0.2.147\t8443\nRU\t7155\t198.51.100.159\t8000",
    "semicolon-list": "203.0.113.18:41258;198.18.134.51:8000;",
    "heading-sections": (
        "HTTP\n192.0.2.236:8118\n198.19.64.159:53281\n\nSOCKS4:\n198.51.100.211:1080\n198.51.100.11"
        "8:8080\n\n### SOCKS5 Proxies (2)\n192.0.2.119:8118\n198.51.100.107:8888"
    ),
    "cr-only": "203.0.113.128:8080\r198.18.125.71:8000",
    "zero-padded-port-ok": "198.18.181.202:05678\n198.19.76.55:01080",
    "trailing-junk": (
        "203.0.113.115:4145,\n192.0.2.126:9050;\n\"198.18.244.181:8000\",\n'192.0.2.189:1080'\n<198"
        ".18.210.213:53281>\n(192.0.2.198:999)"
    ),
    "go-slice": 'var proxies = []string{\n\t"socks4://192.0.2.79:1080",\n\t"http://192.0.2.204:60099",\n}\n',
    "php-array": (
        "<?php\n$proxies = array(\n  array('ip' => '192.0.2.241', 'port' => 8081, 'type' => 'socks4"
        "'),\n  array('ip' => '203.0.113.145', 'port' => 5678, 'type' => 'socks5'),\n);\n"
    ),
    "perl-hash": "%p = (\n  '192.0.2.35' => 10808,\n  '198.19.74.247' => 80,\n);\n",
    "nmap-normal": (
        "Starting Nmap 7.94 at 2024-02-26 10:11 UTC\nNmap scan report for h0.example.net (192.0.2.2"
        "11)\nHost is up (0.012s latency).\nPORT     STATE  SERVICE\n22/tcp   open   ssh\n8000/tcp "
        "open   http-proxy\n9999/tcp closed abyss\n\nNmap scan report for h1.example.net (198.51.10"
        "0.121)\nHost is up (0.012s latency).\nPORT     STATE  SERVICE\n22/tcp   open   ssh\n999/tc"
        "p open   http-proxy\n9999/tcp closed abyss\n\n"
    ),
    "shiftjis-text": (
        b"# \x8b\xf8\x83\x8a\x83X\x83g\n198.19.173.226:80\t\x93\xfa\x96{\n192.0.2.13:8443\t\x93\xfa\x96{"
    ),
    "host-list-labeled": "proxy: gw.example.com:8080\nbackup proxy = http://gw2.example.com:3128\n",
}
PROXIES = {
    "mediawiki": "198.19.71.58:4145 203.0.113.20:999",
    "rst-table": "198.19.130.253:8000|socks5 198.51.100.78:443|http",
    "ascii-box": "192.0.2.247:8081|socks4 198.19.158.107:41258|socks5",
    "unicode-box": "198.51.100.129:41258 203.0.113.32:3128",
    "psql": "198.51.100.135:5678 198.51.100.178:3128",
    "pg-copy": "203.0.113.68:443|socks5 203.0.113.93:3128|socks4",
    "csv-ident-cols": "user56:Pw396x@192.0.2.31:10808 user33:Pw261x@203.0.113.186:9050",
    "csv-url-col": "203.0.113.127:3128|socks4 203.0.113.145:4145|socks4",
    "csv-unknown-head": "198.18.5.121:8000 198.19.253.232:9050",
    "csv-exit-col": "198.19.21.22:53281|socks4 203.0.113.24:3128|http",
    "yaml-block-cred": "user72:Pw346x@198.18.205.239:8443|http user83:Pw659x@198.51.100.238:443|http",
    "yaml-flow": "198.18.195.188:9050|socks4 198.51.100.234:8081|http",
    "docker-env": "198.18.134.5:4145 198.19.8.245:8443",
    "env-file": "user19:Pw386x@198.19.195.105:9050",
    "java-props": "198.19.166.188:999 203.0.113.129:443",
    "java-opts": "192.0.2.84:8000",
    "checker-log": "192.0.2.40:8118 198.18.181.55:8118",
    "iptables": "",
    "netstat": "",
    "sshd-log": "",
    "haproxy-log": "",
    "hosts-file": "",
    "traceroute": "",
    "ping-out": "",
    "vpn-ovpn-dev": "",
    "ss-links": "198.19.162.11:1080 198.51.100.89:8118",
    "b64-socks-link": "user87:Pw612x@192.0.2.7:53281",
    "chinese-annot": "198.18.149.69:443|socks4 198.51.100.92:53281|http",
    "emoji-telegram": "198.18.182.87:8000 198.18.55.210:1080",
    "telegram-labels": "198.18.183.17:41258|socks4 198.51.100.240:999|socks4",
    "server-port-en": "192.0.2.132:60099 198.51.100.171:53281",
    "pipes-meta": "198.51.100.118:443|http 198.51.100.154:80|socks4",
    "port-before-quirk": "192.0.2.147:8443 198.51.100.159:8000",
    "semicolon-list": "198.18.134.51:8000 203.0.113.18:41258",
    "heading-sections": (
        "192.0.2.119:8118|socks5 192.0.2.236:8118|http 198.19.64.159:53281 198.51.100.107:8888 198."
        "51.100.118:8080 198.51.100.211:1080|socks4"
    ),
    "cr-only": "198.18.125.71:8000 203.0.113.128:8080",
    "zero-padded-port-ok": "198.18.181.202:5678 198.19.76.55:1080",
    "trailing-junk": (
        "192.0.2.126:9050 192.0.2.189:1080 192.0.2.198:999 198.18.210.213:53281 198.18.244.181:8000 203.0.113.115:4145"
    ),
    "go-slice": "192.0.2.204:60099|http 192.0.2.79:1080|socks4",
    "php-array": "192.0.2.241:8081 203.0.113.145:5678",
    "perl-hash": "192.0.2.35:10808 198.19.74.247:80",
    "nmap-normal": "192.0.2.211:8000 198.51.100.121:999",
    "shiftjis-text": "192.0.2.13:8443 198.19.173.226:80",
    "host-list-labeled": "gw.example.com:8080 gw2.example.com:3128",
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
