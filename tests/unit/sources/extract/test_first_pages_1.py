"""Pages written before the reader was tried on them, first set. Addresses are of documentation blocks."""

from __future__ import annotations

import pytest

from shoal.sources.extract import extract

DOCUMENTS: dict[str, str | bytes] = {
    "free-proxy-list": (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Free Proxy List - Just C'
        'hecked Proxy List</title>\n<link rel="stylesheet" href="/assets/css/bootstrap.min.css?v=3.'
        '3.7"></head><body><div class="modal-body"><textarea class="form-control" readonly="readonl'
        'y" rows="12" onclick="select(this)">Free proxies from free-proxy-list.net\nUpdated at 2024'
        "-05-05 10:11:02 UTC.\n\n198.51.100.146:4145\n198.18.107.25:80\n</textarea></div><div class"
        '="table-responsive fpl-list"><table class="table table-striped table-bordered"><thead><tr>'
        "<th>IP Address</th><th>Port</th><th>Code</th><th class='hm'>Country</th><th>Anonymity</th>"
        "<th class='hm'>Google</th><th class='hx'>Https</th><th class='hm'>Last Checked</th></tr></"
        "thead><tbody><tr><td>198.51.100.146</td><td>4145</td><td>CN</td><td class='hm'>China</td><"
        "td>anonymous</td><td class='hm'>no</td><td class='hx'>yes</td><td class='hm'>10 mins ago</"
        "td></tr><tr><td>198.18.107.25</td><td>80</td><td>TH</td><td class='hm'>Thailand</td><td>an"
        "onymous</td><td class='hm'>no</td><td class='hx'>yes</td><td class='hm'>55 mins ago</td></"
        "tr></tbody></table></div>\n<p>Version 4.19.2.1 of our API, call +1 202 555 0143</p></body>"
        "</html>"
    ),
    "spys.one": (
        '<html><head><title>Free proxy list</title></head><body><script type="text/javascript">eval'
        "(function(p,r,o,x,y,s){y=function(c){return(c<r?'':y(parseInt(c/r)))+((c=c%r)>35?String.fr"
        "omCharCode(c+29):c.toString(36))};if(!''.replace(/^/,String)){while(o--){s[y(o)]=x[o]||y(o"
        ")}x=[function(y){return s[y]}];y=function(){return'\\\\w+'};o=1};while(o--){if(x[o]){p=p.r"
        "eplace(new RegExp('\\\\b'+y(o)+'\\\\b','g'),x[o])}}return p}('0=1;2=3;4=5;6=7;8=9;a=b;c=d;"
        "e=f;g=h;i=j;k=l^0;m=n^2;o=p^4;q=r^6;s=t^8;u=v^a;w=x^c;y=z^e;A=B^g;C=D^i;E=F;G=H;I=J;K=L;M="
        "t;N=O;P=Q;R=S;T=U;V=W;',60,59,'s9t0^5^u1v2^9^k1l2^6^o5p6^1^q7r8^4^m3n4^7^w3x4^8^g7h8^2^i9j"
        "0^0^y5z6^3^ZeroBig0^1024^OneBig1^1842^TwoBig2^2660^ThreeBig3^3478^FourBig4^4296^FiveBig5^5"
        "114^SixBig6^5932^SevenBig7^6750^EightBig8^7568^NineBig9^8386^D0g^1029^D1g^1850^D2g^2656^D3"
        "g^3476^D4g^D5g^5112^D6g^5922^D7g^6747^D8g^7576^D9g^8392'.split('\\u005e'),0,{}))</script><"
        'table width="100%" BORDER=0 CELLPADDING=1 CELLSPACING=1><tr class=spy1x><td colspan=1><fon'
        "t class=spy14>Proxy address:port</font></td><td>Proxy type</td><td>Anonymity</td></tr><tr "
        'class=spy1x onmouseover="this.style.background=\'#002424\'" onmouseout="this.style.backgro'
        'und=\'#19373A\'"><td colspan=1><font class=spy14>192.0.2.24<script type="text/javascript">'
        'document.write("<font class=spy2>:<\\/font>"+(EightBig8^D8g)+(ZeroBig0^D0g)+(ZeroBig0^D0g)'
        "+(ZeroBig0^D0g))</script></font></td><td colspan=1><a href='/en/http-proxy-list/'><font cl"
        "ass=spy1>HTTP</font></a></td><td colspan=1><font class=spy5>HIA</font></td><td colspan=1><"
        'acronym title="last check"><font class=spy14>China</font></acronym></td><td colspan=1><fon'
        "t class=spy1>1.5128</font></td><td colspan=1><font class=spy14>26-feb-2024 <font class=spy"
        "5>09:31</font></font></td></tr><tr class=spy1x onmouseover=\"this.style.background='#00242"
        "4'\" onmouseout=\"this.style.background='#19373A'\"><td colspan=1><font class=spy14>198.51"
        '.100.156<script type="text/javascript">document.write("<font class=spy2>:<\\/font>"+(NineB'
        "ig9^D9g)+(NineBig9^D9g)+(NineBig9^D9g))</script></font></td><td colspan=1><a href='/en/htt"
        "p-proxy-list/'><font class=spy1>HTTP</font></a></td><td colspan=1><font class=spy5>HIA</fo"
        'nt></td><td colspan=1><acronym title="last check"><font class=spy14>United States</font></'
        "acronym></td><td colspan=1><font class=spy1>1.6527</font></td><td colspan=1><font class=sp"
        "y14>26-feb-2024 <font class=spy5>09:31</font></font></td></tr></table></body></html>"
    ),
    "hidemy.name": (
        '<div class="table_block"><table><thead><tr><th><div>IP address</div></th><th><div>Port</di'
        "v></th><th><div>Country, City</div></th><th><div>Speed</div></th><th><div>Type</div></th><"
        "th><div>Anonymity</div></th><th><div>Latest update</div></th></tr></thead><tbody><tr><td>1"
        '98.51.100.152</td><td>8000</td><td><i class="flag-icon flag-icon-id"></i> <span class="cou'
        'ntry">Indonesia</span> <span class="city">Ohio</span></td><td><div class="bar"><div class='
        '"line g" style="width:32%"></div><p>1153 ms</p></div></td><td>SOCKS4, SOCKS5</td><td>High<'
        '/td><td>3 minutes</td></tr><tr><td>198.18.132.142</td><td>8118</td><td><i class="flag-icon'
        ' flag-icon-br"></i> <span class="country">Brazil</span> <span class="city">Ohio</span></td'
        '><td><div class="bar"><div class="line g" style="width:32%"></div><p>8943 ms</p></div></td'
        "><td>SOCKS4, SOCKS5</td><td>High</td><td>43 minutes</td></tr></tbody></table></div>"
    ),
    "proxynova": (
        '<table class="table" id="tbl_proxy_list"><thead><tr><th><span>Proxy IP</span></th><th>Prox'
        "y Port</th><th>Last Check</th><th>Proxy Speed</th><th>Uptime</th><th>Proxy Country</th><th"
        '>Anonymity</th></tr></thead><tbody><tr data-proxy-id="90000">\n<td align="left"><abbr titl'
        'e="proxy"><script>document.write("198.51".concat(".100.78"))</script> </abbr></td>\n<td al'
        'ign="left">\n   8081                </td>\n<td align="left"><time class="icon icon-check t'
        'imeago" datetime="2024-02-26 10:41:05Z"></time></td>\n<td align="left"><div class="progres'
        's-bar" data-value="72.4" title="1234"></div><small>1556 ms</small></td>\n<td style="text-a'
        'lign:center !important;"><span class="uptime-high">83%</span><span> (12)</span></td>\n<td '
        'align="left"><img src="/assets/images/blank.gif" class="flag flag-cn" alt="cn"/> <a href="'
        '/proxy-server-list/country-cn/">China<span class="proxy-city"> - Ohio </span></a></td>\n<t'
        'd align="left"><span class="proxy_elite text-success">Elite</span></td></tr><tr data-proxy'
        '-id="90001">\n<td align="left"><abbr title="proxy"><script>document.write("xx198.18.".subs'
        'tr(2) + "148.205yy".substring(0, 7))</script> </abbr></td>\n<td align="left">\n   9050    '
        '            </td>\n<td align="left"><time class="icon icon-check timeago" datetime="2024-0'
        '2-26 10:41:05Z"></time></td>\n<td align="left"><div class="progress-bar" data-value="72.4"'
        ' title="1234"></div><small>5982 ms</small></td>\n<td style="text-align:center !important;"'
        '><span class="uptime-high">83%</span><span> (12)</span></td>\n<td align="left"><img src="/'
        'assets/images/blank.gif" class="flag flag-us" alt="us"/> <a href="/proxy-server-list/count'
        'ry-us/">United States<span class="proxy-city"> - Ohio </span></a></td>\n<td align="left"><'
        'span class="proxy_elite text-success">Elite</span></td></tr><tr><td colspan="7"><script as'
        'ync src="https://pagead2.example/js/adsbygoogle.js"></script><ins class="adsbygoogle" data'
        '-ad-client="ca-pub-1234567890"></ins></td></tr></tbody></table>'
    ),
    "proxy-list.download": (
        '[{"LISTA": [{"IP": "198.19.130.190", "PORT": "60099", "ANON": "Elite", "COUNTRY": "Russian'
        ' Federation", "ISO": "RU", "PING": "4160", "LATEST": "2024-02-26"}, {"IP": "198.51.100.29"'
        ', "PORT": "5678", "ANON": "Elite", "COUNTRY": "Russian Federation", "ISO": "RU", "PING": "'
        '8988", "LATEST": "2024-02-26"}], "PAGS": 1}]'
    ),
    "geonode": (
        '{"data": [{"_id": "60d5f0c7aa1e3e1f3c9a1b2c", "ip": "198.19.41.125", "anonymityLevel": "el'
        'ite", "asn": "AS13335", "city": "Jakarta", "country": "DE", "created_at": "2023-08-02T10:1'
        '1:12.013Z", "google": false, "isp": "PT 1.1.1.1 Net", "lastChecked": 1708939865, "latency"'
        ': 41.6, "org": "x", "port": "8080", "protocols": ["http"], "region": null, "responseTime":'
        ' 7784, "speed": 1, "upTime": 99.9, "upTimeSuccessCount": 123, "workingPercent": null}, {"_'
        'id": "60d5f0c7aa1e3e1f3c9a1b2c", "ip": "203.0.113.82", "anonymityLevel": "elite", "asn": "'
        'AS13335", "city": "Jakarta", "country": "US", "created_at": "2023-08-02T10:11:12.013Z", "g'
        'oogle": false, "isp": "PT 1.1.1.1 Net", "lastChecked": 1708939865, "latency": 41.6, "org":'
        ' "x", "port": "4145", "protocols": ["socks4"], "region": null, "responseTime": 6863, "spee'
        'd": 1, "upTime": 99.9, "upTimeSuccessCount": 123, "workingPercent": null}], "total": 9000,'
        ' "page": 1, "limit": 500}'
    ),
    "proxyscrape-v4": (
        '{"shown_records": 9, "total_records": 2000, "limit": 2000, "skip": 0, "nextpage": false, "'
        'proxies": [{"alive": true, "alive_since": 1708939865.1, "anonymity": "elite", "average_tim'
        'eout": 311.2, "first_seen": 1708939865.1, "ip_data": {"as": "AS4837 CHINA UNICOM", "asname'
        '": "CHINA169", "city": "X", "country": "Indonesia", "lat": 34.7, "lon": 113.6, "query": "2'
        '03.0.113.99", "timezone": "Asia/Shanghai"}, "ip_data_last_update": 1708939865, "last_seen"'
        ': 1708939865.2, "port": 8081, "protocol": "socks5", "proxy": "socks5://203.0.113.243:8081"'
        ', "ssl": false, "timeout": 422.0, "times_alive": 300, "times_dead": 4, "uptime": 98.1, "ip'
        '": "203.0.113.243"}, {"alive": true, "alive_since": 1708939865.1, "anonymity": "elite", "a'
        'verage_timeout": 311.2, "first_seen": 1708939865.1, "ip_data": {"as": "AS4837 CHINA UNICOM'
        '", "asname": "CHINA169", "city": "X", "country": "United States", "lat": 34.7, "lon": 113.'
        '6, "query": "203.0.113.99", "timezone": "Asia/Shanghai"}, "ip_data_last_update": 170893986'
        '5, "last_seen": 1708939865.2, "port": 60099, "protocol": "http", "proxy": "http://203.0.11'
        '3.150:60099", "ssl": false, "timeout": 496.0, "times_alive": 300, "times_dead": 4, "uptime'
        '": 98.1, "ip": "203.0.113.150"}]}'
    ),
    "freeproxy.world": (
        '<table class="layui-table"><thead><tr><td>IP adress</td><td>Port</td><td>Country</td><td>C'
        "ity</td><td>Speed</td><td>Type</td><td>Anonymity</td><td>Last check</td></tr></thead><tbod"
        'y><tr><td class="show-ip-div">\n198.51.100.95\n</td><td><a href="/?port=8888">8888</a></td'
        '><td><a href="/?country=GB" title="United Kingdom"><span class="table-country">United King'
        'dom</span></a></td><td>City</td><td><div class="n-bar-wrapper"><p class="n-bar"><span styl'
        'e="width:13%"></span></p><p>797 ms</p></div></td><td><a href="/?type=http">http</a></td><t'
        'd><a href="/?anonymity=4">High</a></td><td>2 mins ago</td></tr><tr><td class="show-ip-div"'
        '>\n198.51.100.208\n</td><td><a href="/?port=8081">8081</a></td><td><a href="/?country=BR" '
        'title="Brazil"><span class="table-country">Brazil</span></a></td><td>City</td><td><div cla'
        'ss="n-bar-wrapper"><p class="n-bar"><span style="width:13%"></span></p><p>7602 ms</p></div'
        '></td><td><a href="/?type=socks5">socks5</a></td><td><a href="/?anonymity=4">High</a></td>'
        "<td>2 mins ago</td></tr></tbody></table>"
    ),
    "89ip-table": (
        '<table class="layui-table"><thead><tr><th>IP地址'
        "</th><th>端口</th><th>地理位置</th><th>运营商</th><th>最"
        "后检测</th></tr></thead><tbody><tr>\n\t\t<td>\n\t\t\t198"
        ".18.191.69\t\t</td>\n\t\t<td>\n\t\t\t999\t\t</td>\n\t\t<td>\n\t\t\t"
        "中国北京\t\t</td>\n\t\t<td>\n\t\t\t电信\t\t</td>\n\t\t<td>\n\t\t\t2024"
        "/02/26 10:30:02\t\t</td>\n\t</tr><tr>\n\t\t<td>\n\t\t\t198.19.41.86\t\t</td>\n\t\t<td>\n\t"
        "\t\t8081\t\t</td>\n\t\t<td>\n\t\t\t中国北京\t\t</td>\n\t\t<td>\n\t\t\t"
        "电信\t\t</td>\n\t\t<td>\n\t\t\t2024/02/26 10:30:02\t\t</td>"
        "\n\t</tr></tbody></table>"
    ),
    "89ip-api": (
        '<script type="text/javascript" src="https://static.example/js/jquery-1.11.1.min.js"></scri'
        'pt>\n<div style="padding-left:20px;">\n198.19.16.110:80<br>198.51.100.9:41258<br>'
        "高效高匿名代理IP提取地址：http://www.example.com/tqdl.html"
        "?api=1&num=60&port=8080<br>更好用的代理ip请访问：https:/"
        "/www.example.com <br></div>"
    ),
    "ip3366-gb2312": (
        b'<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312"><title>'
        b'\xb9\xfa\xc4\xda\xb8\xdf\xc4\xe4\xb4\xfa\xc0\xed</title></head><body><table class="table '
        b'table-bordered table-striped"><thead><tr><th>IP</th><th>PORT</th><th>\xc4\xe4\xc3\xfb\xb6'
        b"\xc8</th><th>\xc0\xe0\xd0\xcd</th><th>\xce\xbb\xd6\xc3</th><th>\xcf\xec\xd3\xa6\xcb\xd9"
        b"\xb6\xc8</th><th>\xd7\xee\xba\xf3\xd1\xe9\xd6\xa4\xca\xb1\xbc\xe4</th></tr></thead><tbody"
        b"><tr><td>198.18.238.116</td><td>999</td><td>\xb8\xdf\xc4\xe4\xb4\xfa\xc0\xedIP</td><td>HT"
        b"TP</td><td>\xb8\xdf\xc4\xe4_BR</td><td>7\xc3\xeb</td><td>2024/2/26 11:30:05</td></tr><tr>"
        b"<td>203.0.113.37</td><td>8443</td><td>\xb8\xdf\xc4\xe4\xb4\xfa\xc0\xedIP</td><td>HTTPS</t"
        b"d><td>\xb8\xdf\xc4\xe4_CN</td><td>1\xc3\xeb</td><td>2024/2/26 11:30:05</td></tr></tbody><"
        b"/table></body></html>"
    ),
    "kuaidaili-old": (
        "<table><thead><tr><th>IP</th><th>PORT</th><th>"
        "匿名度</th></tr></thead><tbody><tr><td data-title"
        '="IP">198.18.137.169</td><td data-title="PORT">8888</td><td data-title="'
        '匿名度">高匿名</td><td data-title="类型">HTTP</td><td '
        'data-title="最后验证时间">2024-02-26 10:31:01</td></'
        'tr><tr><td data-title="IP">198.18.116.143</td><td data-title="PORT">8888</td><td data-titl'
        'e="匿名度">高匿名</td><td data-title="类型">HTTP</td><'
        'td data-title="最后验证时间">2024-02-26 10:31:01</td'
        "></tr></tbody></table>"
    ),
    "kuaidaili-fps": (
        '<html><body><div id=table></div><script>\nconst fpsList = [{"ip": "203.0.113.75", "last_ch'
        'eck_time": "2024-02-26 10:31:01", "port": "9050", "speed": 3769, "location": "\\u4e2d\\u56'
        'fd \\u6c5f\\u82cf \\u5357\\u901a"}, {"ip": "198.51.100.34", "last_check_time": "2024-02-26'
        ' 10:31:01", "port": "8443", "speed": 4907, "location": "\\u4e2d\\u56fd \\u6c5f\\u82cf \\u5'
        "357\\u901a\"}];\nlet totalCount = '5555';\n$('#x').text(\"v1.2.3.4\");</script></body></h"
        "tml>"
    ),
    "66ip-mo": (
        b"<html><head><meta charset=gbk></head><body>\r\n\t\t\r\n192.0.2.158:4145<br />\r\n\t\t198."
        b"18.155.120:8081<br />\r\n<script>var a=1;</script>66\xc3\xe2\xb7\xd1\xb4\xfa\xc0\xed\xcd"
        b"\xf8</body></html>"
    ),
    "66ip-table": (
        b"<table width='100%' border=\"2px\"><tr><td>ip</td><td>\xb6\xcb\xbf\xda\xba\xc5</td><td>"
        b"\xb4\xfa\xc0\xed\xce\xbb\xd6\xc3</td><td>\xb4\xfa\xc0\xed\xc0\xe0\xd0\xcd</td><td>\xd1"
        b"\xe9\xd6\xa4\xca\xb1\xbc\xe4</td></tr><tr><td>198.51.100.3</td><td>999</td><td>\xb1\xb1"
        b"\xbe\xa9\xca\xd0</td><td>\xb8\xdf\xc4\xe4\xb4\xfa\xc0\xed</td><td>2024\xc4\xea02\xd4\xc22"
        b"6\xc8\xd510\xca\xb1 \xd1\xe9\xd6\xa4</td></tr><tr><td>203.0.113.62</td><td>41258</td><td>"
        b"\xb1\xb1\xbe\xa9\xca\xd0</td><td>\xb8\xdf\xc4\xe4\xb4\xfa\xc0\xed</td><td>2024\xc4\xea02"
        b"\xd4\xc226\xc8\xd510\xca\xb1 \xd1\xe9\xd6\xa4</td></tr></table>"
    ),
    "ihuan": (
        "<div class=table-responsive><table class='table table-hover table-bordered'><thead><tr><th"
        ">IP地址</th><th>端口</th><th>地理位置</th><th>运营商</th>"
        "<th>HTTPS</th><th>POST</th><th>匿名</th><th>访问速度"
        "</th><th>入库时间</th></tr></thead><tbody><tr><td>"
        "<a href='/ip/MjAzLjAuMTEzLjEyMQ==.html'>203.0.113.121</a></td><td>53281</td><td><a href='/"
        "address/x.html'><img src='//img.example/flag/cn.svg' title='"
        "中国'></a>中国 北京</td><td><a href='#'>电信</a></td><"
        "td>不支持</td><td>支持</td><td><a>高匿</a></td><td>1."
        "73秒</td><td>37分34秒前</td></tr><tr><td><a href='"
        "/ip/MjAzLjAuMTEzLjYx.html'>203.0.113.61</a></td><td>80</td><td><a href='/address/x.html'><"
        "img src='//img.example/flag/cn.svg' title='中国'"
        "></a>中国 北京</td><td><a href='#'>电信</a></td><td>"
        "不支持</td><td>支持</td><td><a>高匿</a></td><td>7.25秒"
        "</td><td>37分34秒前</td></tr></tbody></table></di"
        "v>"
    ),
    "zdaye-text": (
        "<div class=cont>198.19.212.207:8000@HTTP#[高匿名]"
        "中国 上海 电信<br>\n192.0.2.235:9050@HTTP#[高匿名]中国 上海 "
        "电信<br></div>"
    ),
    "xiladaili": (
        "<table class=fl-table><thead><tr><th>代理IP</th>"
        "<th>代理协议</th><th>IP匿名度</th><th>IP位置</th><th>响应"
        "速度</th></tr></thead><tbody><tr><td>198.51.100."
        "32:41258</td><td>HTTP,HTTPS代理</td><td>高匿代理服务</"
        "td><td>中国</td><td>8.1</td><td>2024年2月26日 10:31"
        "</td><td>5</td></tr><tr><td>198.51.100.123:10808</td><td>HTTP,HTTPS"
        "代理</td><td>高匿代理服务</td><td>中国</td><td>4.238</td"
        "><td>2024年2月26日 10:31</td><td>5</td></tr></tbo"
        "dy></table>"
    ),
    "jiangxianli": (
        '{"code": 0, "msg": "成功", "data": {"current_pag'
        'e": 1, "data": [{"unique_id": "ab12", "ip": "192.0.2.201", "port": "60099", "country": "'
        '中国", "ip_address": "中国 北京", "anonymity": 2, "p'
        'rotocol": "http", "isp": "电信", "speed": 5768, '
        '"validated_at": "2024-02-26 10:31:01", "created_at": "2024-02-26 10:31:01"}, {"unique_id":'
        ' "ab12", "ip": "198.19.75.153", "port": "1080", "country": "'
        '中国", "ip_address": "中国 北京", "anonymity": 2, "p'
        'rotocol": "socks4", "isp": "电信", "speed": 5443'
        ', "validated_at": "2024-02-26 10:31:01", "created_at": "2024-02-26 10:31:01"}], "first_pag'
        'e_url": "http://ip.example.com/api/proxy_ips?page=1", "from": 1, "last_page": 9, "path": "'
        'http://ip.example.com:8899/api/proxy_ips", "per_page": 15, "to": 8, "total": 80}}'
    ),
    "mimvp-image": (
        "<table><tr><td class='free-proxylist-tbl-id'>1</td><td class='free-proxylist-tbl-proxy-ip'"
        ">198.51.100.67</td><td class='free-proxylist-tbl-proxy-port'><img src=common/ygrandimg.php"
        "?id=1&port=MmDiYmtvapW12cDgwODA= /></td><td class='free-proxylist-tbl-proxy-type' title='H"
        "TTP'>HTTP</td><td title='2024-02-26 10:22'>120</td></tr><tr><td class='free-proxylist-tbl-"
        "id'>2</td><td class='free-proxylist-tbl-proxy-ip'>192.0.2.27</td><td class='free-proxylist"
        "-tbl-proxy-port'><img src=common/ygrandimg.php?id=2&port=MmDiYmtvapW12cDgwODA= /></td><td "
        "class='free-proxylist-tbl-proxy-type' title='HTTP'>HTTP</td><td title='2024-02-26 10:22'>1"
        "20</td></tr></table>"
    ),
    "port-image-alt": (
        "<table><tr><th>IP</th><th>Port</th><th>Response</th></tr><tr><td>198.51.100.108</td><td><i"
        'mg src="/port/0.png" alt="53281"></td><td>7856</td></tr><tr><td>198.19.120.202</td><td><im'
        'g src="/port/1.png" alt="80"></td><td>7095</td></tr></table>'
    ),
}
PROXIES = {
    "free-proxy-list": "198.18.107.25:80 198.51.100.146:4145",
    "spys.one": "192.0.2.24:8000|http 198.51.100.156:999|http",
    "hidemy.name": "198.18.132.142:8118 198.51.100.152:8000",
    "proxynova": "198.18.148.205:9050 198.51.100.78:8081",
    "proxy-list.download": "198.19.130.190:60099 198.51.100.29:5678",
    "geonode": "198.19.41.125:8080|http 203.0.113.82:4145|socks4",
    "proxyscrape-v4": "203.0.113.150:60099|http 203.0.113.243:8081|socks5",
    "freeproxy.world": "198.51.100.208:8081|socks5 198.51.100.95:8888|http",
    "89ip-table": "198.18.191.69:999 198.19.41.86:8081",
    "89ip-api": "198.19.16.110:80 198.51.100.9:41258",
    "ip3366-gb2312": "198.18.238.116:999 203.0.113.37:8443",
    "kuaidaili-old": "198.18.116.143:8888 198.18.137.169:8888",
    "kuaidaili-fps": "198.51.100.34:8443 203.0.113.75:9050",
    "66ip-mo": "192.0.2.158:4145 198.18.155.120:8081",
    "66ip-table": "198.51.100.3:999 203.0.113.62:41258",
    "ihuan": "203.0.113.121:53281 203.0.113.61:80",
    "zdaye-text": "192.0.2.235:9050|http 198.19.212.207:8000|http",
    "xiladaili": "198.51.100.123:10808 198.51.100.32:41258",
    "jiangxianli": "192.0.2.201:60099 198.19.75.153:1080",
    "mimvp-image": "",
    "port-image-alt": "198.19.120.202:80 198.51.100.108:53281",
}
CONTENT_TYPES: dict[str, str] = {
    "free-proxy-list": "text/html",
    "proxy-list.download": "application/json",
    "66ip-table": "text/html; charset=gb2312",
}


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
