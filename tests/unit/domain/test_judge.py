import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from shoal.domain.judge import DOCUMENTS, judge_mac

PINNED = {
    "/doc/page.html": "47fa751ce258afdcacde21f1423de1b2c6b2dffbc60baa14905fa12bf6a23a1b",
    "/doc/script.js": "48dfbfadbd20093c22fa29bc8d33429055cd3b8e2a90395e57185a7271e6a1c7",
    "/doc/data.json": "31273411b1e3e6c0e7be90cb260cdef97a38ec1194d629380b0adf16ce662a84",
    "/doc/image.png": "3c30be07c3fd2c0f63dfb418627c98283d08912020189e5bc62d352e3aa5d39e",
}


def test_documents_are_the_same_in_every_release() -> None:
    # Checkers and judges of different releases compare them byte for byte: a change here breaks all of those in use.
    assert {path: hashlib.sha256(document.body).hexdigest() for path, document in DOCUMENTS.items()} == PINNED


def test_the_page_is_long_enough_to_be_tampered_with() -> None:
    assert len(DOCUMENTS["/doc/page.html"].body) > 2048


@given(st.binary(min_size=1, max_size=150), st.text("0123456789abcdef"), st.ip_addresses().map(str))
def test_the_signature_is_hmac_sha256_over_nonce_and_address(key: bytes, nonce: str, address: str) -> None:
    assert judge_mac(key, nonce, address) == hmac.new(key, f"{nonce}\n{address}".encode(), "sha256").hexdigest()


def test_the_signature_binds_key_nonce_and_address() -> None:
    macs = {judge_mac(*args) for args in ((b"k", "1", "a"), (b"l", "1", "a"), (b"k", "2", "a"), (b"k", "1", "b"))}
    assert len(macs) == 4
