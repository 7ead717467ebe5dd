"""Delimited lists with and without a head."""

from __future__ import annotations

import pytest

from shoal.domain import Credentials, Scheme
from shoal.sources.extract import extract


@pytest.mark.parametrize(
    "text",
    [
        "ip,port,country,type\n192.0.2.1,80,US,http\n192.0.2.2,81,US,http",
        "ip;port;country;type\n192.0.2.1;80;US;http\n192.0.2.2;81;US;http",
        "IP Address\tPort\tCode\tProtocol\n192.0.2.1\t80\tUS\tHTTP\n192.0.2.2\t81\tUS\tHTTPS",
        '"ip","anonymityLevel","country","port","protocols"\n"192.0.2.1","elite","US","80","http"\n"192.0.2.2","x","US","81","http"',
        "country,type,port,host\nUS,http,80,192.0.2.1\nUS,http,81,192.0.2.2\n",
        "\ufeffcountry,protocol,proxy\r\nUS,http,192.0.2.1:80\r\nUS,https,192.0.2.2:81\r\n",
        "# list of today\n\nip,port,cc,type\n192.0.2.1,80,US,http\n192.0.2.2,81,US,http",
        "代理IP,国家代码,端口,类型\n192.0.2.1,US,80,HTTP\n192.0.2.2,US,81,HTTP",
        "192.0.2.1,80,US,http\n192.0.2.2,81,US,http",
        '"192.0.2.1";"80";"US";"HTTP"\n"192.0.2.2";"81";"US";"HTTP"',
        "192.0.2.1\t80\tUS\thttp\n192.0.2.2\t81\tUS\thttp",
        "US,192.0.2.1,80,http\nUS,192.0.2.2,81,http",
    ],
)
def test_columns_are_found_by_their_head_or_their_content(text: str) -> None:
    read = extract(text.encode(), name="list.csv")
    assert [(str(c.endpoint), c.scheme) for c in read.candidates] == [
        ("192.0.2.1:80", Scheme.HTTP),
        ("192.0.2.2:81", Scheme.HTTP),
    ]
    assert read.refused == {}


def test_columns_for_credentials_and_exit_address() -> None:
    text = "exit_ip,ip,port,username,password,protocol\n192.0.2.9,192.0.2.1,80,user,pa;ss,socks5\n"
    (candidate,) = extract(text.encode()).candidates
    assert str(candidate.endpoint) == "192.0.2.1:80"
    assert candidate.credentials == Credentials("user", "pa;ss")
    assert candidate.scheme is Scheme.SOCKS5


def test_faults_are_counted_and_quotes_that_never_close_end_with_their_line() -> None:
    text = 'ip,port\n192.0.2.1,0\n999.1.1.1,80\n"192.0.2.2,81\n192.0.2.3,82\n192.0.2.4,8\x000\n' + "x" * 9000 + "\n"
    read = extract(text.encode())
    assert "192.0.2.3:82" in [str(candidate.endpoint) for candidate in read.candidates]
    assert read.refused["bad_port"] == 1
    assert read.refused["bad_address"] == 1
    assert read.refused["too_long"] == 1
    assert read.refused["malformed"] == 1
    assert read.form == "csv"
