"""What an e-mail address is (SPEC 1, 9)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xmit_pipeline.model.addresses import ADDRESS_PATTERN, NO_ADDRESS, address_fault, fold_address

LABEL = "a" * 63


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "o'brien+news@sub.example.co.uk",
        "ADA@EXAMPLE.COM",
        " \tada@example.com\u00a0\ufeff",
        "x@xn--bro-hoa.example",
        f"{'l' * 64}@{LABEL}.example.com",
        f"a@{LABEL}.{LABEL}.{LABEL}.{'b' * 60}",
    ],
)
def test_an_address_people_really_have_is_good(address):
    assert address_fault(address) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("  ", NO_ADDRESS),
        ("ada.example.com", "no @"),
        ("ada @example.com", "space"),
        ("ada@example.com\x00x", "control"),
        ("añna@example.com", "before the @"),
        ("ada@büro.example", "punycode"),
        ("ada@@example.com", "more than one"),
        ('"ada"@example.com', "quote"),
        ("Ada<ada@example.com>", "bracket"),
        (f"a@{LABEL}.{LABEL}.{LABEL}.{'b' * 61}", "254"),
        (f"{'l' * 65}@example.com", "64"),
        ("a..b@example.com", "dot"),
        (".a@example.com", "dot"),
        ("ada@localhost", "no dot"),
        ("ada@192.0.2.7", "name@example.com"),
        ("ada@-x.example", "name@example.com"),
        ("@example.com", "name@example.com"),
    ],
)
def test_a_refused_address_is_told_its_fault(text, word):
    assert word in str(address_fault(text))


def test_folding_joins_case_and_edges():
    assert fold_address(" Ada@EXAMPLE.com\u200b") == "ada@example.com"


@given(st.text())
@example("\u212aelvin@example.com")
def test_folding_never_mends_a_fault(text):
    """KELVIN SIGN folds to k in Unicode: such an address would become another person's."""
    assert address_fault(fold_address(text)) == address_fault(text)


@given(st.from_regex(ADDRESS_PATTERN, fullmatch=True))
def test_folding_a_good_address_changes_case_alone(address):
    assert fold_address(address) == address.lower() == fold_address(fold_address(address))
