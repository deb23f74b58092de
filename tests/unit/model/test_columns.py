"""Headers of contact files and the fields they become (SPEC 5 last line, SPEC 10 `xmit import`)."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from liquid import Environment

from xmit_pipeline.model.columns import map_columns, shown
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.metadata_keys import BUILT_IN_NAMES, is_metadata_key, metadata_key


def fields(*headers, **overrides):
    return dict(map_columns(headers, overrides).listing())


def refusal(headers, overrides=None):
    with pytest.raises(BadInput) as raised:
        map_columns(headers, overrides or {})
    return str(raised.value)


def test_a_mailchimp_export_is_recognised():
    headers = (
        "Email Address",
        "First Name",
        "Last Name",
        "Company Name",
        "MEMBER_RATING",
        "TIMEZONE",
        "TAGS",
    )
    assert list(fields(*headers).values()) == [
        "email", "firstName", "lastName", "companyName", "memberRating", "timezone", "tags",
    ]  # fmt: skip


def test_a_hubspot_export_is_recognised():
    headers = ("Record ID", "First Name", "Last Name", "Email", "Unsubscribed from all email")
    assert list(fields(*headers).values()) == [
        "recordId", "firstName", "lastName", "email", "status, unsubscribedFromAllEmail",
    ]  # fmt: skip


def test_a_listmonk_export_is_recognised():
    assert fields("uuid", "email", "name", "attributes", "status", "created_at") == {
        "uuid": "uuid",
        "email": "email",
        "name": "firstName, lastName",
        "attributes": "metadata",
        "status": "status",
        "created_at": "created_at",
    }


@pytest.mark.parametrize(
    "header", ["email", "EMAIL", "e-mail", "E-Mail Address", "mail", "\ufeffEmail ", "e_mail"]
)
def test_plain_spellings_of_email_are_recognised(header):
    assert list(fields(header).values()) == ["email"]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("firstName", "firstName"),
        ("first_name", "firstName"),
        ("FNAME", "firstName"),
        ("Given name", "firstName"),
        ("surname", "lastName"),
        ("Last-Name", "lastName"),
        ("Time Zone", "timezone"),
        ("UNSUB_TIME", "status, unsubTime"),
        ("CLEAN_TIME", "status, cleanTime"),
        ("Marketing contact status", "marketingContactStatus"),
    ],
)
def test_plain_spellings_of_fields_are_recognised(header, field):
    assert fields("email", header)[header] == field


def test_a_full_name_yields_to_its_parts():
    assert fields("email", "name", "surname")["name"] == "name"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Company Name", "companyName"),
        ("company_name", "company_name"),
        ("signedUpAt", "signedUpAt"),
        ("LTV (USD)", "ltvUsd"),
        ("Größe", "grosse"),
        ("Œuvre d'art", "oeuvreDart"),
        ("2nd phone", "_2ndPhone"),
        ("Limit", "_limit"),
        ("会社名", "column3"),
        ("", "column3"),
    ],
)
def test_a_header_becomes_a_liquid_name(header, key):
    assert metadata_key(header, 3) == key


@given(st.text())
def test_every_made_key_is_readable_by_liquid(header):
    key = metadata_key(header, 1)
    assume(key not in BUILT_IN_NAMES)
    assert is_metadata_key(key)
    assert Environment().from_string("{{ %s }}" % key).render(**{key: "value"}) == "value"  # noqa: UP031


@pytest.mark.parametrize(
    "word", ["and", "empty", "for", "limit", "nil", "true", "unsubscribe_url", "2nd", "a b"]
)
def test_a_name_that_liquid_cannot_read_is_no_key(word):
    assert not is_metadata_key(word)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (("Email", "E-mail"), "email"),
        (("email", "Plan", "plan"), "plan"),
        (("email", "fname", "first"), "firstName"),
    ],
)
def test_columns_of_one_name_are_refused_by_name(headers, name):
    one, other = headers[-2:]
    sentence = refusal(headers)
    assert f'"{one}" and "{other}"' in sentence
    assert f"both become {name}" in sentence
    assert f'--map "{other}=-"' in sentence


def test_a_refused_pair_imports_as_the_sentence_says():
    headers = ("email", "Plan", "plan")
    [remedy, leave_out] = re.findall(r'--map "(.*?)"', refusal(headers))
    assert fields(*headers, **dict([remedy.split("=")]))["plan"] == "otherName"
    assert fields(*headers, **dict([leave_out.split("=")]))["plan"] == "-"


def test_two_columns_of_the_same_header_are_refused():
    assert 'both called "Email"' in refusal(("Email", "Email"))


def test_a_column_named_as_a_built_in_is_refused():
    assert 'unsubscribe_url" would become' in refusal(("email", "unsubscribe_url"))


def test_a_file_without_addresses_is_refused_with_its_headers():
    """SPEC 9."""
    sentence = refusal(("Who", "Where\nto"))
    assert '"Who", "Where to"' in sentence
    assert '--map "Who=email"' in sentence


def test_an_override_wins_over_recognition():
    mapped = map_columns(
        ("Email", "Work mail", "name", "attributes"),
        {"Email": "private", "work  MAIL": "email", "name": "nick", "attributes": "-"},
    )
    assert [field for _, field in mapped.listing()] == ["private", "email", "nick", "-"]


def test_a_long_header_can_be_named_as_shown():
    header = "How many people work in your organisation, counting those who help at weekends?"
    mapped = map_columns(("email", header), {shown(header): "seats"})
    assert mapped.listing()[1] == (shown(header), "seats")


def test_an_override_prefers_the_exact_header():
    assert fields("email", "Plan", "plan", plan="level") == {
        "email": "email",
        "Plan": "plan",
        "plan": "level",
    }


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"nowhere": "x"}, 'no column "nowhere"'),
        ({"city": "home town"}, '--map "city=homeTown"'),
        ({"city": "for"}, '--map "city=_for"'),
        ({"city": "unsubscribe_url"}, "built in"),
    ],
)
def test_an_override_that_cannot_be_is_refused(override, words):
    assert words in refusal(("email", "city"), override)
