"""What counts as an address, judged beside an independent reading of the same RFCs."""

import jsonschema_rs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xmit_pipeline.sandbox.validation.addresses import domain_of, is_address

JUDGE = jsonschema_rs.validator_for({"type": "string", "format": "email"}, validate_formats=True)

ODD = st.text(alphabet="ab1.-_@+ \"'\\ü[]:,;", max_size=14)
LABEL = st.text(alphabet="ab1-", min_size=1, max_size=8)


def _has_reserved_label(labels: list[str]) -> bool:
    """Two hyphens in the third place are IDNA's; whether such a name exists is for DNS to say."""
    return any(label[2:4] == "--" for label in ".".join(labels).split("."))


@given(local=ODD, labels=st.lists(st.one_of(LABEL, ODD), max_size=4))
def test_no_address_is_taken_that_the_judge_refuses(local: str, labels: list[str]) -> None:
    address = f"{local}@{'.'.join(labels)}"
    assume(not _has_reserved_label(labels))

    assert not is_address(address) or JUDGE.is_valid(address)


@settings(max_examples=25)
@given(
    local=st.from_regex(r"[a-z0-9_%'+-]{1,20}(\.[a-z0-9]{1,20}){0,2}", fullmatch=True),
    domain=st.from_regex(r"([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\.){1,3}[a-z]{2,10}", fullmatch=True),
)
def test_ordinary_addresses_are_taken(local: str, domain: str) -> None:
    assert is_address(f"{local}@{domain}")
    assert domain_of(f"{local}@{domain.upper()}") == domain


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@@b.c",
            "a@b..c",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b-.c",
        ),
        *("a b@c.d", "a@b.c ", "a@b.c\n", "ü@b.c", "a@ü.c", "a@b_c.d", f"{'a' * 65}@b.c", f"a@{'b.' * 127}c"),
        *("a@b.c>", "Ada <a@b.c>", "a@[127.0.0.1]", "a@b.c,d@e.f"),
    ],
)
def test_these_are_no_addresses(address: str) -> None:
    assert not is_address(address)
