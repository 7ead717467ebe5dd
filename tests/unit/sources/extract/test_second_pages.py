"""Pages written before the reader was tried on them, second set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "vietnamese-table": (
        "<table><tr><th>Địa chỉ IP</th><th>Cổng</th><th"
        ">Quốc gia</th><th>Tốc độ</th></tr><tr><td>192."
        "0.2.183</td><td>443</td><td>Việt Nam</td><td>5"
        "424 ms</td></tr><tr><td>198.18.138.116</td><td>8443</td><td>Vi"
        "ệt Nam</td><td>2367 ms</td></tr></table>"
    ),
    "polish-shuffled": (
        "<table><tr><th>Kraj</th><th>Typ</th><th>Adres IP</th><th>Port</th><th>Czas</th></tr><tr><t"
        "d>Brazil</td><td>SOCKS5</td><td>198.18.240.105</td><td>8118</td><td>1000ms</td></tr><tr><t"
        "d>Russian Federation</td><td>HTTP</td><td>198.18.18.231</td><td>8118</td><td>8648ms</td></"
        "tr></table>"
    ),
    "port-first": (
        "<table><tr><th>Port</th><th>Proxy</th><th>Ping</th></tr><tr><td>8118</td><td>192.0.2.11</t"
        "d><td>4364</td></tr><tr><td>8000</td><td>192.0.2.199</td><td>2238</td></tr></table>"
    ),
    "turkish": (
        "<table><tr><th>IP Adresi</th><th>Port Numarası"
        "</th><th>Ülke</th><th>Gecikme</th></tr><tr><td"
        ">198.18.43.237</td><td>8888</td><td>BR</td><td>5522</td></tr><tr><td>198.19.80.84</td><td>"
        "3128</td><td>GB</td><td>7628</td></tr></table>"
    ),
    "arabic": (
        "<table><tr><th>عنوان IP</th><th>المنفذ</th><th"
        ">البلد</th></tr><tr><td>198.18.246.186</td><td"
        ">8443</td><td>مصر</td></tr><tr><td>198.51.100."
        "26</td><td>9050</td><td>مصر</td></tr></table>"
    ),
    "css-content-port": (
        "<style>.k0::after{content:'9050'}.k1::after{content:'60099'}</style><ul><li>192.0.2.21:<sp"
        "an class='x k0'></span> DE</li><li>203.0.113.235:<span class='x k1'></span> ID</li></ul>"
    ),
    "reversed-css": (
        "<table><tr><th>IP</th><th>Port</th></tr><tr><td><span style='direction:rtl;unicode-bidi:bi"
        "di-override'>091.311.91.891</span></td><td>80</td></tr><tr><td><span style='direction:rtl;"
        "unicode-bidi:bidi-override'>61.2.0.291</span></td><td>8000</td></tr></table>"
    ),
    "js-array-rows": (
        "<script>var list=[];list.push(['203.0.113.135','8080','BR',4249]);list.push(['198.18.131.2"
        "10','8000','TH',2292]);render(list)</script>"
    ),
    "js-objects-bare": (
        "<script>window.proxies=[{addr:'198.19.11.44',port:3128,t:'socks5',up:0.3070},{addr:'198.51"
        ".100.183',port:443,t:'socks4',up:0.3402}];</script>"
    ),
    "next-data": (
        '<div id=__next></div><script id="__NEXT_DATA__" type="application/json">{"props": {"pagePr'
        'ops": {"initial": {"list": [{"id": 0, "address": "198.18.3.175", "port": 999, "protocols":'
        ' ["socks5"], "uptime": 99.1}, {"id": 1, "address": "198.51.100.30", "port": 1080, "protoco'
        'ls": ["socks5"], "uptime": 99.1}]}}}, "buildId": "1.2.3.4"}</script>'
    ),
    "rsc-push": (
        '<script>self.__next_f.push([1,"5:[\\"$\\",\\"div\\",null,{\\"items\\":[{\\"ip\\": \\"198.1'
        '9.182.190\\", \\"port\\": 80}, {\\"ip\\": \\"198.19.67.107\\", \\"port\\": 999}]}]\\n"])</'
        "script>"
    ),
    "json-parse-string": (
        '<script>var data = JSON.parse(\'[{"host": "198.18.21.181", "port": "53281", "type": "socks'
        '5"}, {"host": "198.51.100.253", "port": "8888", "type": "http"}]\');</script>'
    ),
    "vue-props": (
        '<proxy-table :rows=\'[{"ip": "198.51.100.105", "port": 53281}, {"ip": "203.0.113.41", "por'
        't": 443}]\' title="x"></proxy-table><div></div>'
    ),
    "data-json-attr": (
        '<div class=row data-proxy="{&quot;ip&quot;:&quot;198.19.181.107&quot;,&quot;port&quot;:844'
        '3}"></div><div data-proxy="{&quot;ip&quot;:&quot;198.51.100.196&quot;,&quot;port&quot;:312'
        '8}"></div>'
    ),
    "inputs": (
        "<table><tr><td><input type=text value='192.0.2.162' readonly></td><td><input value='1080'>"
        "</td><td>RU</td></tr><tr><td><input type=text value='198.19.192.76' readonly></td><td><inp"
        "ut value='1080'></td><td>US</td></tr></table>"
    ),
    "select-options": (
        "<select><option value='198.51.100.165:5678'>Indonesia (6264 ms)</option><option value='192"
        ".0.2.67:8443'>Russian Federation (7682 ms)</option></select>"
    ),
    "aria-grid": (
        "<div role=table><div role=row><span role=columnheader>Server</span><span role=columnheader"
        ">Port</span></div><div role=row><span role=cell>203.0.113.61</span><span role=cell>4145</s"
        "pan><span role=cell>2070</span></div><div role=row><span role=cell>203.0.113.192</span><sp"
        "an role=cell>443</span><span role=cell>3544</span></div></div>"
    ),
    "cards": (
        "<div class=card><h3>China proxy</h3><p class=ip>IP: <strong>203.0.113.48</strong></p><p>Po"
        "rt: <strong>8000</strong></p><p>Type: SOCKS4</p><p>Speed: 882 ms</p></div><div class=card>"
        "<h3>Brazil proxy</h3><p class=ip>IP: <strong>203.0.113.121</strong></p><p>Port: <strong>80"
        "00</strong></p><p>Type: SOCKS4</p><p>Speed: 4162 ms</p></div>"
    ),
    "colspan-th-rows": (
        "<table><tr><th colspan=4>Top proxies 26.02.2024</th></tr><tr><th>No</th><th>Host</th><th>P"
        "ort</th><th>Up</th></tr><tr><th>0</th><td>203.0.113.136</td><td>41258</td><td>99</td></tr>"
        "<tr><th>1</th><td>203.0.113.74</td><td>8080</td><td>99</td></tr></table>"
    ),
    "vertical-records": (
        "<table><tr><th>IP</th><td>198.51.100.185</td></tr><tr><th>Port</th><td>10808</td></tr><tr>"
        "<th>Protocol</th><td>socks4</td></tr></table><table><tr><th>IP</th><td>198.51.100.182</td>"
        "</tr><tr><th>Port</th><td>9050</td></tr><tr><th>Protocol</th><td>socks4</td></tr></table>"
    ),
    "tag-soup-font": (
        "<TABLE BORDER=1><TR BGCOLOR=gray><TD><B>IP</B><TD><B>Port</B><TD>Anon<TR><TD><FONT SIZE=2>"
        "198.51.100.109</FONT><TD><FONT SIZE=2>5678</FONT><TD>yes<TR><TD><FONT SIZE=2>198.19.231.16"
        "4</FONT><TD><FONT SIZE=2>8080</FONT><TD>yes</TABLE>"
    ),
    "octets-split": (
        "<table><tr><th>IP</th><th>Port</th></tr><tr><td><i>192</i><em>.</em><i>0</i><em>.</em><i>2"
        "</i><em>.</em><i>61</i></td><td>53281</td></tr><tr><td><i>198</i><em>.</em><i>18</i><em>.<"
        "/em><i>231</i><em>.</em><i>20</i></td><td>1080</td></tr></table>"
    ),
    "js-xor-decode": (
        "<script>var k=77;var p0=8187^k;document.write('<div>203.0.113.92:'+p0+'</div>');var p1=413"
        "19^k;document.write('<div>192.0.2.199:'+p1+'</div>');</script>"
    ),
    "unescape-page": (
        "<script>document.write(unescape('%3c%70%3e%31%39%32%2e%30%2e%32%2e%32%31%37%3a%31%30%38%30"
        "%38%3c%2f%70%3e%3c%70%3e%31%39%38%2e%31%39%2e%36%37%2e%37%3a%34%31%34%35%3c%2f%70%3e'))</s"
        "cript>"
    ),
    "charcode-array": (
        "<script>document.write([49,57,56,46,53,49,46,49,48,48,46,52,54,58,56,49,49,56].map(functio"
        "n(c){return String.fromCharCode(c)}).join('')+'<br>');document.write([49,57,50,46,48,46,50"
        ",46,49,51,56,58,54,48,48,57,57].map(function(c){return String.fromCharCode(c)}).join('')+'"
        "<br>');</script>"
    ),
    "js-function-port": (
        "<script>function port(x){return x-1000;}</script><table><tr><td>198.18.16.220</td><td><scr"
        "ipt>document.write(port(1999))</script></td></tr><tr><td>198.19.177.192</td><td><script>do"
        "cument.write(port(9000))</script></td></tr></table>"
    ),
    "getelement-fill": (
        "<table><tr><td>198.18.189.21</td><td id='pt0'></td></tr><tr><td>192.0.2.72</td><td id='pt1"
        "'></td></tr></table><script>document.getElementById('pt0').innerHTML='9050';document.getEl"
        "ementById('pt1').innerHTML='9050';</script>"
    ),
    "blog-post": (
        "<article><h1>Free proxies for February</h1><p>Hi all, version 2.4.1.0 of the tool is out. "
        "Here are today's HTTP proxies:</p><p>198.51.100.147:9050, 192.0.2.221:53281, 203.0.113.154"
        ":8118 and 198.19.223.127:41258.</p><p>For SOCKS: socks5://198.18.175.116:41258 / socks5://"
        "198.51.100.136:8000</p><p>Comments (12) · 10:4"
        "5 · Call 555-0100</p></article>"
    ),
    "json-string-list": '{"count": 6, "list": "192.0.2.50:443 192.0.2.220:4145"}',
    "json-nested-endpoint": (
        '{"items": [{"endpoint": {"ip": "198.19.30.10", "ports": {"socks5": 8888}}, "geo": {"countr'
        'y": {"iso": "RU"}}, "asn": {"ip_range": "203.0.113.0/24"}}, {"endpoint": {"ip": "192.0.2.6'
        '4", "ports": {"socks4": 8000}}, "geo": {"country": {"iso": "US"}}, "asn": {"ip_range": "20'
        '3.0.113.0/24"}}]}'
    ),
    "json-short-keys": ('[{"i": "198.19.53.91", "p": 9050, "c": "CN"}, {"i": "203.0.113.190", "p": 8888, "c": "RU"}]'),
    "json-arrays": '[[0, "203.0.113.8", 60099, "socks5", "TH"], [1, "198.51.100.1", 4145, "socks5", "BR"]]',
    "json-arrays-strport": (
        '{"aaData": [["<b>198.19.160.109</b>", "10808", "United States", "2804 ms"], ["<b>192.0.2.2'
        '8</b>", "41258", "Russian Federation", "3544 ms"]], "iTotalRecords": "6"}'
    ),
    "json-datatables-html": (
        '{"html": "<table><tr><th>IP</th><th>Port</th></tr><tr><td>198.18.196.204</td><td>3128</td>'
        '</tr><tr><td>203.0.113.158</td><td>8118</td></tr></table>", "next": 2}'
    ),
    "json-ip-port-obj": (
        '{"TH0": {"server": "socks4://198.51.100.74:3128", "username": "user6", "password": "Pw845x'
        '"}, "DE1": {"server": "socks4://198.51.100.212:8888", "username": "user64", "password": "P'
        'w510x"}}'
    ),
    "json-playwright-like": (
        '{"data": [{"attributes": {"ipAddress": "192.0.2.133", "portNumber": 8000, "proxyType": "HT'
        'TP"}, "type": "proxies", "id": "0"}, {"attributes": {"ipAddress": "198.51.100.86", "portNu'
        'mber": 8000, "proxyType": "HTTP"}, "type": "proxies", "id": "1"}]}'
    ),
    "json-es-hits": (
        '{"took": 3, "hits": {"total": {"value": 6}, "hits": [{"_index": "p", "_id": "198.18.173.6:'
        '5678", "_source": {"ip": "198.18.173.6", "port": 5678, "@timestamp": "2024-02-26T10:00:00Z'
        '"}}, {"_index": "p", "_id": "192.0.2.44:53281", "_source": {"ip": "192.0.2.44", "port": 53'
        '281, "@timestamp": "2024-02-26T10:00:00Z"}}]}}'
    ),
    "json-fofa": (
        '{"error": false, "size": 6, "results": [["198.18.244.184:10808", "198.18.244.184", "10808"'
        ', "BR"], ["198.19.225.127:3128", "198.19.225.127", "3128", "RU"]]}'
    ),
    "shodan-jsonl": (
        '{"ip_str": "203.0.113.150", "port": 5678, "transport": "tcp", "data": "HTTP/1.1 400 Bad Re'
        'quest\\r\\nServer: squid/4.10:80\\r\\n", "location": {"country_code": "DE"}, "hostnames": '
        '[]}\n{"ip_str": "198.18.41.91", "port": 60099, "transport": "tcp", "data": "HTTP/1.1 400 B'
        'ad Request\\r\\nServer: squid/4.10:80\\r\\n", "location": {"country_code": "CN"}, "hostnam'
        'es": []}'
    ),
    "foxyproxy-xml": (
        '<foxyproxy><proxies><proxy name="RU" enabled="true"><manualconf host="198.18.158.111" port'
        '="8081" socksversion="5" isSocks="false"/></proxy><proxy name="RU" enabled="true"><manualc'
        'onf host="198.51.100.74" port="8443" socksversion="5" isSocks="true"/></proxy></proxies></'
        "foxyproxy>"
    ),
    "proxifier": (
        '<?xml version="1.0" encoding="UTF-8"?><ProxifierProfile version="101"><ProxyList><Proxy id'
        '="100" type="SOCKS5"><Address>203.0.113.106</Address><Port>4145</Port><Options>48</Options'
        '><Authentication enabled="true"><Username>user28</Username><Password>Pw112x</Password></Au'
        'thentication></Proxy><Proxy id="101" type="HTTP"><Address>198.19.2.213</Address><Port>8888'
        '</Port><Options>48</Options><Authentication enabled="true"><Username>user23</Username><Pas'
        "sword>Pw934x</Password></Authentication></Proxy></ProxyList></ProxifierProfile>"
    ),
    "versions-table": (
        "<table><tr><th>Package</th><th>Version</th><th>Build</th></tr><tr><td>a</td><td>1.2.3.4</t"
        "d><td>8080</td></tr><tr><td>b</td><td>10.0.19.41</td><td>443</td></tr></table>"
    ),
    "schedule-page": (
        "<p>Open 10:30-18:45. Score 3:1. Room 8080. Tel: 030/1234:80. Section 1.2.3.4: 80 points. I"
        "Pv4 203.0.113.5 (port unknown)</p><p>Subnet 203.0.113.0/24 port 80</p>"
    ),
    "ip-blacklist": (
        "<table><tr><th>IP</th><th>Abuse reports</th><th>Country</th></tr><tr><td>192.0.2.139</td><"
        "td>10808</td><td>CN</td></tr><tr><td>192.0.2.241</td><td>3128</td><td>CN</td></tr></table>"
    ),
    "nmap-xml": (
        '<?xml version="1.0"?><nmaprun><host><status state="up"/><address addr="198.19.144.100" add'
        'rtype="ipv4"/><ports><port protocol="tcp" portid="3128"><state state="open"/><service name'
        '="http-proxy"/></port></ports></host><host><status state="up"/><address addr="203.0.113.12'
        '3" addrtype="ipv4"/><ports><port protocol="tcp" portid="999"><state state="open"/><service'
        ' name="http-proxy"/></port></ports></host></nmaprun>'
    ),
    "spoofed-decoy-input": (
        "<table><tr><th>IP</th><th>Port</th></tr><tr><td><s style='display:none'>203.0.113.211</s>1"
        "98.18.37.82</td><td><span class='d' style='position:absolute;left:-9999px'>99</span>3128</"
        "td></tr><tr><td><s style='display:none'>203.0.113.211</s>198.51.100.137</td><td><span clas"
        "s='d' style='position:absolute;left:-9999px'>99</span>8888</td></tr></table>"
    ),
    "html-in-jsonp": (
        'callback({"code":200,"list":"<li>198.19.12.81<\\/li><li>1080<\\/li><li>198.51.100.212<\\/l'
        'i><li>53281<\\/li>"});'
    ),
    "windows-1251": (
        b"<html><head><meta charset=windows-1251></head><body><table><tr><th>IP \xe0\xe4\xf0\xe5"
        b"\xf1</th><th>\xcf\xee\xf0\xf2</th><th>\xd1\xf2\xf0\xe0\xed\xe0</th><th>\xd2\xe8\xef</th><"
        b"/tr><tr><td>203.0.113.242</td><td>5678</td><td>\xd0\xee\xf1\xf1\xe8\xff</td><td>SOCKS4</t"
        b"d></tr><tr><td>192.0.2.118</td><td>999</td><td>\xd0\xee\xf1\xf1\xe8\xff</td><td>SOCKS4</t"
        b"d></tr></table></body></html>"
    ),
    "cp1251-meta-only": (
        b"<html><head><meta charset=windows-1251></head><body><table><tr><th>\xc0\xe4\xf0\xe5\xf1</"
        b"th><th>\xcf\xee\xf0\xf2</th><th>\xc7\xe0\xe4\xe5\xf0\xe6\xea\xe0</th></tr><tr><td>203.0.1"
        b"13.208</td><td>3128</td><td>477</td></tr><tr><td>198.18.14.107</td><td>1080</td><td>6925<"
        b"/td></tr></table></body></html>"
    ),
    "tooltip-title": (
        "<table><tr><td><span title='198.18.46.100:1080'>show</span></td><td>Thailand</td></tr><tr>"
        "<td><span title='198.51.100.67:41258'>show</span></td><td>Germany</td></tr></table>"
    ),
    "onclick-copy": (
        "<ul><li><a href=# onclick=\"copy('198.51.100.196','8888')\">copy</a> Germany</li><li><a "
        "href=# onclick=\"copy('203.0.113.76','443')\">copy</a> Brazil</li></ul>"
    ),
    "ipv6-html": (
        "<table><tr><th>IP</th><th>Port</th></tr><tr><td>2001:db8::1</td><td>8080</td></tr><tr><td>"
        "2001:db8:a::2</td><td>3128</td></tr></table>"
    ),
    "host-table": (
        "<table><tr><th>Host</th><th>Port</th><th>Type</th></tr><tr><td>gw1.example.com</td><td>808"
        "0</td><td>HTTP</td></tr><tr><td>gw2.example.net</td><td>1080</td><td>SOCKS5</td></tr></tab"
        "le>"
    ),
}
PROXIES = {
    "vietnamese-table": "192.0.2.183:443 198.18.138.116:8443",
    "polish-shuffled": "198.18.18.231:8118|http 198.18.240.105:8118|socks5",
    "port-first": "192.0.2.11:8118 192.0.2.199:8000",
    "turkish": "198.18.43.237:8888 198.19.80.84:3128",
    "arabic": "198.18.246.186:8443 198.51.100.26:9050",
    "css-content-port": "192.0.2.21:9050 203.0.113.235:60099",
    "reversed-css": "192.0.2.16:8000 198.19.113.190:80",
    "js-array-rows": "198.18.131.210:8000 203.0.113.135:8080",
    "js-objects-bare": "198.19.11.44:3128 198.51.100.183:443",
    "next-data": "198.18.3.175:999|socks5 198.51.100.30:1080|socks5",
    "rsc-push": "198.19.182.190:80 198.19.67.107:999",
    "json-parse-string": "198.18.21.181:53281 198.51.100.253:8888",
    "vue-props": "198.51.100.105:53281 203.0.113.41:443",
    "data-json-attr": "198.19.181.107:8443 198.51.100.196:3128",
    "inputs": "192.0.2.162:1080 198.19.192.76:1080",
    "select-options": "192.0.2.67:8443 198.51.100.165:5678",
    "aria-grid": "203.0.113.192:443 203.0.113.61:4145",
    "cards": "203.0.113.121:8000 203.0.113.48:8000",
    "colspan-th-rows": "203.0.113.136:41258 203.0.113.74:8080",
    "vertical-records": "198.51.100.182:9050 198.51.100.185:10808",
    "tag-soup-font": "198.19.231.164:8080 198.51.100.109:5678",
    "octets-split": "192.0.2.61:53281 198.18.231.20:1080",
    "js-xor-decode": "192.0.2.199:41258 203.0.113.92:8118",
    "unescape-page": "192.0.2.217:10808 198.19.67.7:4145",
    "charcode-array": "192.0.2.138:60099 198.51.100.46:8118",
    "js-function-port": "198.18.16.220:999 198.19.177.192:8000",
    "getelement-fill": "192.0.2.72:9050 198.18.189.21:9050",
    "blog-post": (
        "192.0.2.221:53281 198.18.175.116:41258|socks5 198.19.223.127:41258 198.51.100.136:8000 198"
        ".51.100.147:9050 203.0.113.154:8118"
    ),
    "json-string-list": "192.0.2.220:4145 192.0.2.50:443",
    "json-nested-endpoint": "192.0.2.64:8000|socks4 198.19.30.10:8888|socks5",
    "json-short-keys": "198.19.53.91:9050 203.0.113.190:8888",
    "json-arrays": "198.51.100.1:4145|socks5 203.0.113.8:60099|socks5",
    "json-arrays-strport": "192.0.2.28:41258 198.19.160.109:10808",
    "json-datatables-html": "198.18.196.204:3128 203.0.113.158:8118",
    "json-ip-port-obj": "user64:Pw510x@198.51.100.212:8888|socks4 user6:Pw845x@198.51.100.74:3128|socks4",
    "json-playwright-like": "192.0.2.133:8000|http 198.51.100.86:8000|http",
    "json-es-hits": "192.0.2.44:53281 198.18.173.6:5678",
    "json-fofa": "198.18.244.184:10808 198.19.225.127:3128",
    "shodan-jsonl": "198.18.41.91:60099 203.0.113.150:5678",
    "foxyproxy-xml": "198.18.158.111:8081 198.51.100.74:8443",
    "proxifier": "user23:Pw934x@198.19.2.213:8888|http user28:Pw112x@203.0.113.106:4145|socks5",
    "versions-table": "",
    "schedule-page": "",
    "ip-blacklist": "",
    "nmap-xml": "198.19.144.100:3128 203.0.113.123:999",
    "spoofed-decoy-input": "198.18.37.82:3128 198.51.100.137:8888",
    "html-in-jsonp": "198.19.12.81:1080 198.51.100.212:53281",
    "windows-1251": "192.0.2.118:999|socks4 203.0.113.242:5678|socks4",
    "cp1251-meta-only": "198.18.14.107:1080 203.0.113.208:3128",
    "tooltip-title": "198.18.46.100:1080 198.51.100.67:41258",
    "onclick-copy": "198.51.100.196:8888 203.0.113.76:443",
    "ipv6-html": "[2001:db8::1]:8080 [2001:db8:a::2]:3128",
    "host-table": "gw1.example.com:8080 gw2.example.net:1080|socks5",
}
CONTENT_TYPES: dict[str, str] = {"windows-1251": "text/html; charset=windows-1251"}


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
