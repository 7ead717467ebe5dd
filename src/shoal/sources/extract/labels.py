"""The words that lists use: names of columns and keys, of schemes, of countries. Editing rule: normalised spelling.

``normal`` of a word is what is compared: lower case, letters and digits of any script, nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from shoal.domain import Scheme

_ACCENT = re.compile(r"[\u0300-\u036f]")
_NOT_WORD = re.compile(r"[\W_]+")


def normal(word: str) -> str:
    """``Proxy-Port`` -> ``proxyport``."""
    if not word.isascii():
        # Accents are often left off in heads: "Direccion", "Pais".
        word = _ACCENT.sub("", unicodedata.normalize("NFKD", word))
    return _NOT_WORD.sub("", word).casefold()


def _set(words: str) -> frozenset[str]:
    return frozenset(normal(word) for word in words.split())


ADDRESS = _set(
    """
    ip host addr address ipaddress ipaddr ipv4 server hostname proxyip proxyhost proxyaddress proxyaddr
    proxyserver serveraddress hostip ipstr ipadresi adresip ipadres địachỉip عنوانip hostaddress hostaddr
    serverip ipadress ipadresse adresseip adresse direccionip direccion enderecoip indirizzoip ipадрес адрес
    айпи ip地址 地址 代理ip 代理ip地址 服务器 服务器地址 主机 ip주소 ipアドレス アドレス ホスト
    """
)
ENTRY = _set(
    """
    proxy proxies ipport hostport ipandport ipaddressport addressport proxyurl url uri endpoint proxystring
    connection socket addrport proxyipport ipaddressandport ip端口 ip地址端口 代理 代理地址 прокси ipпорт
    """
)
PORT = _set(
    """
    port proxyport serverport portnumber ports puerto porta porto anschluss порт 端口 端口号 代理端口 連接埠 openports
    tcpports 埠 포트 ポート ポート番号 connectionport portid portno portnum portnr portnumarası cổng المنفذ พอร์ต θύρα
    poort portti portnummer portunumarası numerportu numerodeporta numérodeport numerodepuerto porttinumero
    portszám
    """
)
PROTOCOL = _set(
    """
    protocol protocols proto type types scheme schemes proxytype proxytypes proxyprotocol version protokoll
    protocolo protocole protocollo tipo typ kind protocolname protocoltype protocolsupport proxyversion
    протокол тип протоколи loại giaothức tipi tür typen rodzaj soort druh protokół
    协议 类型 代理类型 协议类型 種類 プロトコル 프로토콜
    """
)
USERNAME = _set(
    """
    username user login proxyuser proxyusername proxylogin usr uname 用户名 пользователь логин
    """
)
PASSWORD = _set(
    """
    password pass passwd pwd proxypass proxypassword proxypwd 密码 пароль
    """
)
COUNTRY = _set(
    """
    countrycode country cc code isocode countryiso geo iso proxycountry land pays pais país paese 国家 国家代码
    страна countrycodealpha2 countryshort countryisocode
    """
)
PLACE = _set("geolocation geo location ipdata country ipinfo geoip countryinfo")
"""Keys whose object may hold the country code."""
_SOMEBODY = _set(
    """
    attacker banned blocked client customer destination dest dst exit external guest intruder lastlogin
    login local origin outbound outgoing peer remote source src user visitor start end first last from range
    """
)
"""Whose address it is where it is no proxy's: ``visitor_ip``, ``Source address``."""
NOT_PROXY = _set(
    """
    attacker attackers client clients player players victim victims visitor visitors
    exitip exit exitaddress exportaddress exportip outip outgoingip outboundip externalip externaladdress
    realip egress egressip originip origin clientip myip yourip publicip remoteaddr judge judges dns
    primarydns secondarydns dnsserver dnsservers nameserver nameservers resolver clientaddr peer peeraddr
    remote remoteip srcip sourceip srcaddr dstip dstaddr destinationip destip src dst localaddr localip
    listen bind gateway via xforwardedfor detectedip resolvedip exithost 出口ip 出口
    """
) | frozenset(
    whose + what
    for whose in _SOMEBODY
    for what in ("ip", "ips", "ipaddress", "ipaddr", "ipv4", "addr", "address", "host")
)
"""Keys and columns whose addresses are not the proxy: where it leaves, who asked, who judged."""
ELSEWHERE = (NOT_PROXY - _set("dns exit gateway origin outbound via")) | _set(
    "targets brokers backends bootstrapservers replicas members masters slaves hosts"
)
"""Labels of lines whose addresses are no proxies; of names in ``NOT_PROXY`` those that providers use are left out."""
NOT_ADDRESS = _set(
    """
    version release build firmware downloads software revision mask netmask subnet network cidr 版本 версия
    """
)
"""Columns in which four numbers with dots are no address: versions, networks."""

NOT_PORT = _set(
    """
    amount bytes clicks connections count delay downloads duration events failures hits hops id latency
    logins ms number orders packets pageviews ping price reports qty quantity rank requests responsetime score
    sessions size speed time total traffic uptime views visits 延迟 速度 数量 次数 время скорость asn zip zipcode
    postal plz prefix latitude longitude year speedms responsetimems
    """
)
"""Ends of names of columns whose numbers are no ports even where they stand behind an address."""

SCHEMES: dict[str, Scheme | None] = {
    "http": Scheme.HTTP,
    "https": Scheme.HTTPS,
    "socks4": Scheme.SOCKS4,
    "socks4a": Scheme.SOCKS4A,
    "socks5": Scheme.SOCKS5,
    "socks5h": Scheme.SOCKS5,
    "socks": None,
}
"""What stands before ``://``. ``socks`` says too little."""

FOREIGN = _set(
    """
    vmess vless trojan ss ssr shadowsocks shadowsocksr hysteria hysteria2 hy2 tuic wireguard ssh snell mieru
    anytls shadowtls naive juicity mtproto mtproxy tor direct selector urltest block dns reject
    """
)
"""Tunnels that are no proxies in our sense: their addresses must not become candidates."""

SERVICES = _set(
    """
    cassandra clickhouse couchdb database databases db elastic elasticsearch etcd ftp imap influxdb kafka
    ldap mail mariadb memcache memcached mongo mongodb mqtt mssql mysql nats ntp oracle pop3 postgres
    postgresql rabbitmq redis sftp smtp solr sqlserver statsd syslog zookeeper peer interface
    """
)
"""Services that settings name with host and port; what stands under such a name is no proxy."""

_SCHEME_WORD = re.compile(
    r"(?<![a-z0-9])(https?|ssl|connect|socks[ _-]?(?:v(?:er\.?)?)?[45](?:a|h)?|socks)(?![a-z0-9])"
)
_LABELLED = {"http": Scheme.HTTP, "https": Scheme.HTTP, "ssl": Scheme.HTTP, "connect": Scheme.HTTP}


def scheme_words(text: str) -> tuple[Scheme, ...] | None:
    """The schemes that a label names, without repeats; empty when it says ``socks`` only; None when it names none.

    A label that says HTTPS nearly always means "can CONNECT", so it claims ``Scheme.HTTP``.
    """
    found: dict[Scheme, None] = {}
    said = False
    for match in _SCHEME_WORD.finditer(text.lower()):
        said = True
        word = re.sub(r"[ _-]|v(?:er\.?)?", "", match[1])
        scheme = _LABELLED.get(word) or SCHEMES.get(word)
        if scheme is not None:
            found[scheme] = None
    return tuple(found) if said else None


_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2, and XK as every geographic database writes Kosovo."""


def country_code(text: str) -> str | None:
    """The code when the text is one in either case, else None: names of countries are not translated."""
    code = text.strip().upper()
    return code if code in COUNTRIES else None


def country_field(fields: Iterable[str]) -> str | None:
    """The first field that is a code in capitals. ``NO`` counts only in front: elsewhere it answers a question."""
    for index, field in enumerate(fields):
        if field in COUNTRIES and (index == 0 or field != "NO"):
            return field
    return None
