"""The people and mails of the bundled demo."""

import csv
import re
from importlib.resources import files
from io import StringIO

import duckdb
import pytest
from liquid import Environment

from xmit_pipeline.demo.audience import HEADERS, audience_csv
from xmit_pipeline.store.contact_files import stage_contact_file

DEMO = files("xmit_pipeline.demo")


@pytest.fixture(scope="module")
def rows():
    return list(
        csv.DictReader(StringIO(DEMO.joinpath("audience.csv").read_text(encoding="utf-8"), newline=""))
    )


def test_the_generator_makes_the_bundled_file():
    assert audience_csv().encode() == DEMO.joinpath("audience.csv").read_bytes()


def test_every_address_is_on_an_example_domain(rows):
    domains = {row["Email Address"].strip().lower().rpartition("@")[2] for row in rows}
    assert all(re.search(r"(^|\.)example\.(com|net|org)$", domain) for domain in domains if domain)


def test_the_audience_is_as_dirty_as_real_ones(rows):
    text = "".join(row["First Name"] + row["NOTES"] + row["TAGS"] + row["Last Name"] for row in rows)
    assert all(dirt in text for dirt in ("👩", "\n", "'", "<b>", "{{", '","', "\\"))
    assert any(not row["First Name"] for row in rows)


def test_the_audience_imports_but_for_its_bad_rows():
    with duckdb.connect() as con:
        result = stage_contact_file(con, DEMO / "audience.csv", {})
    assert [header for header, _ in result.columns.listing()] == list(HEADERS)
    assert (result.rows, result.staged, result.refused, result.repeated) == (2_400, 2_345, 5, 50)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_welcome_mail_reads_well_for_anyone(number):
    template = Environment(autoescape=True).from_string(
        DEMO.joinpath(f"welcome-{number}.html").read_text("utf-8")
    )
    known = template.render(firstName="<Ada>", companyName="Byron & Co", city="Cork", plan="team")
    assert "&lt;Ada&gt;" in known
    assert not re.search(r"\{[{%]|Hello\s*,|at\s*has", known + template.render())
