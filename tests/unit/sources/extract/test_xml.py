"""XML lists and feeds."""

from __future__ import annotations

import pytest

from shoal.domain import Scheme
from shoal.sources.extract import extract

TWO = [("192.0.2.1:80", Scheme.HTTP), ("192.0.2.2:81", Scheme.SOCKS5)]


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><rss xmlns:prx="urn:x"><channel><item><prx:proxy><prx:ip>192.0.2.1</prx:ip>'
        "<prx:port>80</prx:port><prx:type>HTTP</prx:type></prx:proxy><prx:proxy><prx:ip>192.0.2.2</prx:ip><prx:port>81</prx:port>"
        "<prx:type>Socks5</prx:type></prx:proxy></item></channel></rss>",
        "<?xml version='1.0'?><proxies><proxy><port>80</port><type>http</type><ip>192.0.2.1</ip></proxy>\n"
        "<proxy><port>81</port><type>socks5</type><ip>192.0.2.2</ip></proxy></proxies>",
        '<proxies><proxy ip="192.0.2.1" port="80" type="http"/>'
        '<proxy ip="192.0.2.2" port="81" type="socks5"/></proxies>',
        '<?xml version="1.0"?><rss><channel><item><description><![CDATA[http://192.0.2.1:80<br />\nsocks5://192.0.2.2:81]]>'
        "</description></item></channel></rss>",
        '<?xml version="1.0"?><root><quote>&lt;table&gt;&lt;tr&gt;&lt;th&gt;IP&lt;/th&gt;&lt;th&gt;Port&lt;/th&gt;'
        "&lt;th&gt;Type"
        "&lt;/th&gt;&lt;/tr&gt;&lt;tr&gt;&lt;td&gt;192.0.2.1&lt;/td&gt;&lt;td&gt;80&lt;/td&gt;&lt;td&gt;HTTPS&lt;/td&gt;&lt;/tr&gt;"
        "&lt;tr&gt;&lt;td&gt;192.0.2.2&lt;/td&gt;&lt;td&gt;81&lt;/td&gt;&lt;td&gt;SOCKS5&lt;/td&gt;&lt;/tr&gt;&lt;/table&gt;</quote></root>",
        "<?xml version='1.0'?><list><entry>http://192.0.2.1:80</entry><entry>socks5://192.0.2.2:81</entry></list>",
    ],
)
def test_fields_attributes_and_documents_inside(text: str) -> None:
    read = extract(text.encode())
    assert read.form == "xml"
    assert [(str(candidate.endpoint), candidate.scheme) for candidate in read.candidates] == TWO


def test_entities_of_a_document_type_are_not_expanded() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "192.0.2.1:80"><!ENTITY b "&a;&a;">]><r><x>&b;</x></r>'
    assert extract(bomb.encode()).candidates == []


def test_faults_are_counted() -> None:
    text = "<?xml version='1.0'?><p><proxy><ip>192.0.2.1</ip><port>0</port></proxy>"
    text += "<proxy><ip>999.0.2.1</ip><port>1</port></proxy></p>"
    assert extract(text.encode()).refused == {"bad_port": 1, "bad_address": 1}
