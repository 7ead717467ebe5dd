"""Pages written before the reader was tried on them, first set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "cool-proxy": (
        '<table><tr><th>IP</th><th>Port</th><th>Type</th></tr><tr><td style="text-align:left; font-'
        'weight:bold;"><script type="text/javascript">document.write(Base64.decode(str_rot13("ZGx4Y'
        'wHkYwRjZP42Zj==")))</script></td><td>10808</td><td>Anonymous</td><td>United States</td></t'
        'r><tr><td style="text-align:left; font-weight:bold;"><script type="text/javascript">docume'
        'nt.write(Base64.decode(str_rot13("ZwNmYwNhZGRmYwVjZj==")))</script></td><td>9050</td><td>A'
        "nonymous</td><td>China</td></tr></table>"
    ),
    "free-proxy.cz": (
        "<table id=proxy_list><thead><tr><th>IP address</th><th>Port</th><th>Protocol</th></tr></th"
        'ead><tbody><tr><td style="text-align:center" class="left"><script type="text/javascript">d'
        "ocument.write(Base64.decode(\"MjAzLjAuMTEzLjIyOQ==\"))</script></td><td style=''><span cla"
        'ss="fport" style=\'\'>80</span></td><td><small>SOCKS5</small></td><td class="left"><div st'
        'yle="padding-left:2px"><img src="/flags/blank.gif" class="flag flag-us" alt="China" /> <a '
        'href="/en/proxylist/country/CN/all/ping/all">China</a></div></td><td><small>Ohio</small></'
        'td><td class="small"><small>High anonymity</small></td><td> <div class="progress"><div cla'
        'ss="fill" style="width:90%;"></div></div> <small>722 kB/s</small></td></tr><tr><td style="'
        'text-align:center" class="left"><script type="text/javascript">document.write(Base64.decod'
        "e(\"MjAzLjAuMTEzLjM0\"))</script></td><td style=''><span class=\"fport\" style=''>4145</sp"
        'an></td><td><small>SOCKS4</small></td><td class="left"><div style="padding-left:2px"><img '
        'src="/flags/blank.gif" class="flag flag-us" alt="Brazil" /> <a href="/en/proxylist/country'
        '/BR/all/ping/all">Brazil</a></div></td><td><small>Ohio</small></td><td class="small"><smal'
        'l>High anonymity</small></td><td> <div class="progress"><div class="fill" style="width:90%'
        ';"></div></div> <small>101 kB/s</small></td></tr></tbody></table>'
    ),
    "gatherproxy-hex": (
        "<html><body><table id=tblproxy><tr><th>Last update</th><th>IP</th><th>Port</th></tr><scrip"
        't type="text/javascript">\n gp.insertPrx({"PROXY_CITY": "", "PROXY_COUNTRY": "Indonesia", '
        '"PROXY_IP": "198.18.93.56", "PROXY_LAST_UPDATE": "1 24", "PROXY_PORT": "1FB6", "PROXY_REFS'
        '": null, "PROXY_STATE": "", "PROXY_STATUS": "OK", "PROXY_TIME": "1583", "PROXY_TYPE": "Tra'
        'nsparent", "PROXY_UID": null, "PROXY_UPTIMELD": "4/1"});\n</script><script type="text/java'
        'script">\n gp.insertPrx({"PROXY_CITY": "", "PROXY_COUNTRY": "Germany", "PROXY_IP": "198.51'
        '.100.207", "PROXY_LAST_UPDATE": "1 24", "PROXY_PORT": "50", "PROXY_REFS": null, "PROXY_STA'
        'TE": "", "PROXY_STATUS": "OK", "PROXY_TIME": "1973", "PROXY_TYPE": "Transparent", "PROXY_U'
        'ID": null, "PROXY_UPTIMELD": "4/1"});\n</script></table></body></html>'
    ),
    "proxydb": (
        "<div style='display:none' data-rnnumt='37'></div><table><thead><tr><th>Proxy</th><th>Type<"
        "/th></tr></thead><tbody><tr><td><script>\n var n = '81.891'.split('').reverse().join('');"
        "\n var yxy = /* */ atob('\\x4c\\x6a\\x63\\x75\\x4e\\x54\\x55\\x3d'.replace(/\\\\x([0-9A-Fa"
        "-f]{2})/g,function(){return String.fromCharCode(parseInt(arguments[1], 16))}));\n var pp ="
        " (5630 - ([]+[])) + 11 + +document.querySelector('[data-rnnumt]').getAttribute('data-rnnum"
        "t');\n document.write('<a href=\"/' + n + yxy + '/' + pp + '#http\" title=\"x\">' + n +"
        " yxy + String.fromCharCode(58) + pp + '</a>');\n</script></td><td>HTTP</td><td>Elite</td><"
        "td>DE</td></tr><tr><td><script>\n var n = '94.81.891'.split('').reverse().join('');\n var "
        "yxy = /* */ atob('\\x4c\\x6a\\x45\\x31\\x4d\\x51\\x3d\\x3d'.replace(/\\\\x([0-9A-Fa-f]{2})"
        "/g,function(){return String.fromCharCode(parseInt(arguments[1], 16))}));\n var pp = (8070 "
        "- ([]+[])) + 11 + +document.querySelector('[data-rnnumt]').getAttribute('data-rnnumt');\n "
        "document.write('<a href=\"/' + n + yxy + '/' + pp + '#http\" title=\"x\">' + n + yxy + S"
        "tring.fromCharCode(58) + pp + '</a>');\n</script></td><td>HTTP</td><td>Elite</td><td>CN</t"
        "d></tr></tbody></table>"
    ),
    "premproxy-class": (
        "<script>$(document).ready(function(){$('.r0c5').html(443);$('.r1c5').html(443);});</script"
        "><table><tr class=anon><td data-label='IP:port '><span><input type=checkbox name=proxyIp[]"
        " value='198.51.100.169|r0c5'></span>198.51.100.169:<span class='r0c5'></span></td><td data"
        "-label='Anonymity Type: '>anonymous</td><td data-label='Checked: '>Feb-26, 10:41</td></tr>"
        "<tr class=anon><td data-label='IP:port '><span><input type=checkbox name=proxyIp[] value='"
        "198.18.21.187|r1c5'></span>198.18.21.187:<span class='r1c5'></span></td><td data-label='An"
        "onymity Type: '>anonymous</td><td data-label='Checked: '>Feb-26, 10:41</td></tr></table>"
    ),
    "xroxy-href": (
        "<tr class='row0'><td><a href='proxy:name=XROXY proxy&amp;host=198.18.141.246&amp;port=8118"
        "&amp;notes=http://www.example.com&amp;isSocks=false&amp;foxyProxyMode=this'><img src=/imag"
        "es/fox.gif></a></td><td><a href='?port=8118#table'>8118</a></td><td>Anonymous</td></tr><tr"
        " class='row0'><td><a href='proxy:name=XROXY proxy&amp;host=203.0.113.96&amp;port=999&amp;n"
        "otes=http://www.example.com&amp;isSocks=false&amp;foxyProxyMode=this'><img src=/images/fox"
        ".gif></a></td><td><a href='?port=999#table'>999</a></td><td>Anonymous</td></tr>"
    ),
    "proxyranker-split": (
        "<table><tr class='hdr'><th>#</th><th>IP address</th><th>Location</th><th>Response</th><th>"
        "Type</th><th>Port</th></tr><tr><td>0</td><td><a href='/192.0.2.191/'>192.0.2.191</a></td><"
        "td>Indonesia</td><td>2997 ms</td><td>Anonymous</td><td><span title='Proxy port'>8443</span"
        "></td></tr><tr><td>1</td><td><a href='/198.18.213.54/'>198.18.213.54</a></td><td>Brazil</t"
        "d><td>2227 ms</td><td>Anonymous</td><td><span title='Proxy port'>8888</span></td></tr></ta"
        "ble>"
    ),
    "samair-vars": (
        '<script type="text/javascript">b=0;c=1;d=2;f=3;g=4;h=5;j=6;k=7;m=8;n=9;</script><table id='
        'proxylist><tr><td>198.19.38.89<script type="text/javascript">document.write(":"+f+c+d+m)</'
        "script></td><td>high-anonymous</td><td>Feb-26, 10:11</td><td>Germany</td></tr><tr><td>192."
        '0.2.27<script type="text/javascript">document.write(":"+n+b+h+b)</script></td><td>high-ano'
        "nymous</td><td>Feb-26, 10:11</td><td>Thailand</td></tr></table>"
    ),
    "my-proxy": (
        '<div class="list">198.19.148.157:8118#US<br>198.51.100.254:10808#CN<br><div class="to-lock"><br></div></div>'
    ),
    "advanced.name": (
        "<table id=table_proxies><thead><tr><th>#</th><th>IP</th><th>Port</th><th>Types</th></tr></"
        'thead><tbody><tr><td>0</td><td data-ip="MTkyLjAuMi4xMjE="></td><td data-port="ODA4MQ=="></'
        "td><td><a href=/x>HTTP</a> <a>ELITE</a></td><td>China</td><td>788 ms</td><td>00:00:12</td>"
        '</tr><tr><td>1</td><td data-ip="MTk4LjE5LjExOC4xODM="></td><td data-port="ODg4OA=="></td><'
        "td><a href=/x>SOCKS5</a> <a>ELITE</a></td><td>Indonesia</td><td>1073 ms</td><td>00:01:12</"
        "td></tr></tbody></table>"
    ),
    "openproxy-nuxt": (
        '<!doctype html><html data-n-head-ssr><body><div id="__nuxt"></div><script>window.__NUXT__='
        '(function(a,b,c){return {layout:"default",data:[{premium:b,title:"FRESH HTTP",date:1708939'
        '865000,protocols:[1],country:c,data:[{code:a,count:4,items:["192.0.2.238:8888","192.0.2.26'
        ':60099"]},{code:a,count:4,items:[]},{code:a,count:4,items:[]},]}],error:b,serverRendered:c'
        '}}("US",null,true));</script><script src="/_nuxt/3d4f.js" defer></script></body></html>'
    ),
    "checkerproxy": (
        '[{"id": 1234567, "local_id": 0, "report_id": "2024-02-26", "addr": "198.19.85.162:4145", "'
        'type": 4, "kind": 2, "timeout": 8807, "cookie": true, "referer": true, "post": true, "ip":'
        ' "203.0.113.250", "addr_geo_iso": "BR", "addr_geo_country": "Brazil", "addr_geo_city": "x"'
        ', "ip_geo_iso": "US", "created_at": "2024-02-26T10:00:00", "skip": false, "from_cache": fa'
        'lse}, {"id": 1234568, "local_id": 1, "report_id": "2024-02-26", "addr": "198.19.164.248:10'
        '808", "type": 1, "kind": 2, "timeout": 1239, "cookie": true, "referer": true, "post": true'
        ', "ip": "203.0.113.250", "addr_geo_iso": "TH", "addr_geo_country": "Thailand", "addr_geo_c'
        'ity": "x", "ip_geo_iso": "US", "created_at": "2024-02-26T10:00:00", "skip": false, "from_c'
        'ache": false}]'
    ),
    "github-readme": (
        "# Free Proxy List ![badge](https://img.shields.io/badge/proxies-1234-blue) v2.1.0.4\n\nLas"
        "t updated: 2024-02-26 10:31:02 UTC+03:30\n\n| # | IP | Port | Protocol | Country | Latency"
        " (ms) |\n|:--|:---|-----:|:--------:|---------|----|\n| 1 | `198.19.182.150` | 9050 | HTTP"
        " | 🇺🇸 United States | 6055 |\n| 2 | `203.0.113."
        "88` | 60099 | HTTP | 🇺🇸 China | 4572 |\n\n## Usa"
        "ge\n```bash\npip install requests==2.31.0\npython -m http.server 8000\ncurl -x http://IP:P"
        "ORT http://localhost:8080\n```\nBuy me a coffee: https://example.com:443/donate\n"
    ),
    "telegram-preview": (
        '<div class="tgme_widget_message_text js-message_text" dir="auto">'
        '🔥 Fresh SOCKS5<br/><a href="https://t.me/socks'
        '?server=198.19.171.193&amp;port=41258&amp;user=user33&amp;pass=Pw680x" target="_blank">Con'
        'nect</a><br/><a href="https://t.me/socks?server=192.0.2.192&amp;port=8000&amp;user=user47&'
        'amp;pass=Pw108x" target="_blank">Connect</a></div><div class="tgme_widget_message_text"><a'
        ' href="https://t.me/proxy?server=203.0.113.15&amp;port=443&amp;secret=ee1603010200010001fc'
        '030386e24c3add6d656469612e737465616d">MTProto</a><a href="https://t.me/proxy?server=198.51'
        '.100.69&amp;port=443&amp;secret=ee1603010200010001fc030386e24c3add6d656469612e737465616d">'
        'MTProto</a></div><span class="tgme_widget_message_views">1.2K</span><time datetime="2024-0'
        '2-26T10:11:12+00:00">10:11</time>'
    ),
    "reddit-json": (
        '[{"kind": "Listing", "data": {"children": [{"kind": "t3", "data": {"title": "Free proxies '
        '26.02.2024", "selftext": "Enjoy\\n\\n198.51.100.67:80\\n\\n192.0.2.166:8000\\n\\n192.0.2.9'
        '4:1080\\n\\n198.18.153.69:10808\\n\\nedit: thx", "selftext_html": "&lt;p&gt;Enjoy&lt;/p&gt'
        ";\\n&lt;p&gt;198.51.100.67:80&lt;/p&gt;\\n&lt;p&gt;192.0.2.166:8000&lt;/p&gt;\\n&lt;p&gt;1"
        '92.0.2.94:1080&lt;/p&gt;\\n&lt;p&gt;198.18.153.69:10808&lt;/p&gt;", "created_utc": 1708939'
        '865.0, "ups": 31}}, {"kind": "t1", "data": {"body": "this works: 192.0.2.167:5678 and 203.'
        '0.113.100:5678 too, not 192.168.0.1 my router"}}]}}]'
    ),
    "rss-prx": (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:prx="http://www.example.com'
        '/rss/1.0"><channel><title>Proxy RSS</title><link>http://www.example.com:80/</link><pubDate'
        ">Mon, 26 Feb 2024 10:11:12 GMT</pubDate><item><title>USA</title><prx:proxy><prx:ip>198.18."
        "170.60</prx:ip><prx:port>8081</prx:port><prx:type>Elite</prx:type><prx:ssl>true</prx:ssl><"
        "prx:check_timestamp>02/26 10:11:01</prx:check_timestamp><prx:country_code>ID</prx:country_"
        "code><prx:latency>4724</prx:latency><prx:reliability>9100</prx:reliability></prx:proxy><pr"
        "x:proxy><prx:ip>198.18.4.200</prx:ip><prx:port>80</prx:port><prx:type>Elite</prx:type><prx"
        ":ssl>true</prx:ssl><prx:check_timestamp>02/26 10:11:01</prx:check_timestamp><prx:country_c"
        "ode>BR</prx:country_code><prx:latency>2534</prx:latency><prx:reliability>9100</prx:reliabi"
        "lity></prx:proxy></item></channel></rss>"
    ),
    "atom-escaped": (
        "<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>Daily</title><update"
        "d>2024-02-26T10:11:12Z</updated><entry><id>tag:blogger.com,1999:blog-1.post-2</id><content"
        " type='html'>&lt;div&gt;List&lt;br /&gt;192.0.2.7:9050&lt;br /&gt;198.19.44.152:8080&lt;br"
        " /&gt;&lt;/div&gt;&lt;img src=&quot;https://1.example.com/x.png&quot;&gt;</content></entry"
        "></feed>"
    ),
    "rss-cdata": (
        '<rss version="2.0"><channel><item><title>Proxies</title><description><![CDATA[<table><tr><'
        "td>IP</td><td>Port</td></tr><tr><td>192.0.2.74</td><td>10808</td></tr><tr><td>198.18.9.132"
        "</td><td>8000</td></tr></table>]]></description></item></channel></rss>"
    ),
    "masscan-json": (
        '[\n{   "ip": "203.0.113.73",   "timestamp": "1708939865", "ports": [ {"port": 4145, "proto'
        '": "tcp", "status": "open", "reason": "syn-ack", "ttl": 50} ] },\n{   "ip": "192.0.2.171",'
        '   "timestamp": "1708939865", "ports": [ {"port": 8888, "proto": "tcp", "status": "open", '
        '"reason": "syn-ack", "ttl": 50} ] }\n]\n'
    ),
    "json-keyed-addr": (
        '{"updated": "2024-02-26", "proxies": {"198.18.93.143": {"port": 41258, "country": "BR", "m'
        's": 534}, "203.0.113.17": {"port": 10808, "country": "GB", "ms": 5562}}}'
    ),
    "json-keyed-hostport": (
        '{"198.19.88.17:10808": {"type": "socks4", "last": 1708939865, "ok": 3}, "198.51.100.42:414'
        '5": {"type": "socks5", "last": 1708939865, "ok": 3}}'
    ),
}
PROXIES = {
    "cool-proxy": "198.51.100.63:10808 203.0.113.203:9050",
    "free-proxy.cz": "203.0.113.229:80|socks5 203.0.113.34:4145|socks4",
    "gatherproxy-hex": "198.18.93.56:8118 198.51.100.207:80",
    "proxydb": "198.18.49.151:8118 198.18.7.55:5678",
    "premproxy-class": "198.18.21.187:443 198.51.100.169:443",
    "xroxy-href": "198.18.141.246:8118 203.0.113.96:999",
    "proxyranker-split": "192.0.2.191:8443 198.18.213.54:8888",
    "samair-vars": "192.0.2.27:9050 198.19.38.89:3128",
    "my-proxy": "198.19.148.157:8118 198.51.100.254:10808",
    "advanced.name": "192.0.2.121:8081|http 198.19.118.183:8888|socks5",
    "openproxy-nuxt": "192.0.2.238:8888 192.0.2.26:60099",
    "checkerproxy": "198.19.164.248:10808 198.19.85.162:4145",
    "github-readme": "198.19.182.150:9050|http 203.0.113.88:60099|http",
    "telegram-preview": "user47:Pw108x@192.0.2.192:8000|socks5 user33:Pw680x@198.19.171.193:41258|socks5",
    "reddit-json": (
        "192.0.2.166:8000 192.0.2.167:5678 192.0.2.94:1080 198.18.153.69:10808 198.51.100.67:80 203.0.113.100:5678"
    ),
    "rss-prx": "198.18.170.60:8081 198.18.4.200:80",
    "atom-escaped": "192.0.2.7:9050 198.19.44.152:8080",
    "rss-cdata": "192.0.2.74:10808 198.18.9.132:8000",
    "masscan-json": "192.0.2.171:8888 203.0.113.73:4145",
    "json-keyed-addr": "198.18.93.143:41258 203.0.113.17:10808",
    "json-keyed-hostport": "198.19.88.17:10808|socks4 198.51.100.42:4145|socks5",
}
CONTENT_TYPES: dict[str, str] = {"rss-prx": "application/rss+xml"}


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
