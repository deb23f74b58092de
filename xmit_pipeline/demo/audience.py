"""Makes `audience.csv`, the people of the bundled demo, as Mailchimp would export them.

All of it is invented, from the word lists below, and the addresses are on domains reserved for examples.
The same seed always makes the same bytes. Some rows are as dirty as real files are.
"""

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from xmit_pipeline.model.metadata_keys import plain_letters

PEOPLE = 2_400
SEED = 20_240_229

HEADERS = (
    "Email Address", "First Name", "Last Name", "Company Name", "City", "Plan", "MEMBER_RATING", "OPTIN_TIME",
    "CONFIRM_TIME", "TIMEZONE", "LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS",
)  # fmt: skip

_FIRST_NAMES = (
    "Ada", "Amélie", "Anouk", "Ayşe", "Beatriz", "Benedikt", "Björn", "Carmen", "Chiara", "Dagny", "Dmitri",
    "Eilidh", "Emeka", "Fatima", "Fionn", "Gösta", "Greta", "Hana", "Ibrahim", "Ines", "Jadwiga", "Jae-won",
    "Joanna", "João", "Kenji", "Kwame", "Leilani", "Linnéa", "Łucja", "Mehmet", "Mirela", "Nadia", "Niamh",
    "Noor", "Óscar", "Priya", "Quentin", "Rafał", "Rosa", "Sanne", "Šárka", "Tariq", "Tove", "Uma", "Vikram",
    "Wanjiru", "Xiomara", "Yusuf", "Zoë", "Žofia", "Мила", "さくら", "美玲",
)  # fmt: skip
_LAST_NAMES = (
    "Abbott", "Åkerman", "Almeida", "Banerjee", "Castellanos", "Çelik", "D'Amico", "Dvořák", "Eriksen",
    "Fofana", "García-Ruiz", "Grünwald", "Hoàng", "Holloway", "Ivanova", "Jarvis", "Kowalczyk", "Lindqvist",
    "MacAuley", "Mbeki", "Müller", "Nakamura", "Novotná", "O'Hara", "O'Neill", "Okonkwo", "Østergaard",
    "Papadaki", "Quirke", "Rasmussen", "Şahin", "Sørensen", "St. Clair", "Teixeira", "Ueda",
    "van der Velde", "Wójcik", "Yamada", "Zhou",
)  # fmt: skip
_TRADES = (
    "Bakery", "Bicycles", "Bookshop", "Café", "Ceramics", "Clinic", "Flowers", "Garage", "Kitchen", "Laundry",
    "Library", "Nursery", "Opticians", "Pharmacy", "Records", "Roastery", "Studio", "Tailors",
)  # fmt: skip
_PLACES = (
    ("Aarhus", "Europe/Copenhagen"), ("Bergen", "Europe/Oslo"), ("Braga", "Europe/Lisbon"),
    ("Cork", "Europe/Dublin"), ("Galway", "Europe/Dublin"), ("Gdańsk", "Europe/Warsaw"),
    ("Halifax", "America/Halifax"), ("Kumasi", "Africa/Accra"), ("Leuven", "Europe/Brussels"),
    ("Málaga", "Europe/Madrid"), ("Mysuru", "Asia/Kolkata"), ("Nagoya", "Asia/Tokyo"),
    ("Portland", "America/Los_Angeles"), ("Recife", "America/Recife"), ("Wellington", "Pacific/Auckland"),
    ("Zürich", "Europe/Zurich"),
)  # fmt: skip
_PLANS = ("trial", "trial", "team", "team", "team", "studio")
_TAGS = ("spring fair", "newsletter", "beta, early", "partner", "webinar", 'says "hi"')
_DOMAINS = (
    "mail.example.com", "office.example.com", "post.example.net", "inbox.example.net", "home.example.org",
    "uni.example.org",
)  # fmt: skip
_NOTES = (
    "Met at the spring fair.\nWants a call on Tuesday.",
    "Two shops, one rota",
    "Asked: does it do holidays, sick days, and swaps?",
    'Calls us "the fern people"',
)

# what people and other programs put into name fields, by row: a template must survive it
_ODD_NAMES = {
    120: "Robin 🌿", 360: "👩‍🌾 Jo", 610: "<b>Max</b>", 840: "{{ firstName }}", 1_090: "{% raw %}",
    1_330: "Tom & Ann", 1_580: 'Will "Bill"', 1_820: "Kim\\", 2_070: "O'Brien, Pat",
}  # fmt: skip
_BROKEN_ADDRESSES = {
    301: "nora.example.com", 702: "ivo @mail.example.com", 1_103: "", 1_504: "lena@@post.example.net",
    1_905: "kai@büro.example.org",
}  # fmt: skip
_REPEAT_EVERY = 47
_FIRST_DAY = datetime(2024, 1, 8, 7, 30, tzinfo=UTC)


def audience_csv() -> str:
    """The whole file: the headers and PEOPLE rows, among them some that repeat an address or have none."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS)
    writer.writerows(_rows(random.Random(SEED)))  # noqa: S311  needs to repeat, not to be secret
    return text.getvalue()


def _rows(dice: random.Random) -> Iterator[list[str]]:
    earlier: list[list[str]] = []
    for number in range(PEOPLE):
        if number in _BROKEN_ADDRESSES:
            yield [_BROKEN_ADDRESSES[number], *_person(dice, number)[1:]]
        elif number and number % _REPEAT_EVERY == 0:
            yield _again(dice, dice.choice(earlier))
        else:
            earlier.append(_person(dice, number))
            yield earlier[-1]


def _person(dice: random.Random, number: int) -> list[str]:
    first, last, (city, zone) = dice.choice(_FIRST_NAMES), dice.choice(_LAST_NAMES), dice.choice(_PLACES)
    opted_in = _FIRST_DAY + timedelta(minutes=dice.randrange(500_000))
    confirmed = opted_in + timedelta(seconds=dice.randrange(20, 86_400))
    return [
        f"{_mailbox(first, last)}{number}@{dice.choice(_DOMAINS)}",
        _ODD_NAMES.get(number) or _often(dice, first, 94),
        _often(dice, last, 91),
        _often(dice, _company(dice, last, city), 88),
        city,
        dice.choice(_PLANS),
        str(dice.randrange(1, 6)),
        _stamp(opted_in),
        _stamp(confirmed),
        zone,
        _stamp(confirmed + timedelta(hours=dice.randrange(1, 2_000))),
        str(410_000_000 + number * 7),
        f"{dice.getrandbits(40):010x}",
        _often(dice, dice.choice(_NOTES), 5),
        ",".join(f'"{tag}"' for tag in sorted(dice.sample(_TAGS, dice.randrange(3)))),
    ]


def _again(dice: random.Random, row: list[str]) -> list[str]:
    """The same person a second time: the address in capitals, some fields empty, the plan another."""
    repeated = [_often(dice, value, 70) for value in row]
    repeated[0] = f" {row[0].upper()} "
    repeated[HEADERS.index("Plan")] = dice.choice(_PLANS)
    return repeated


def _often(dice: random.Random, value: str, percent: int) -> str:
    return value if dice.randrange(100) < percent else ""


def _mailbox(first: str, last: str) -> str:
    parts = ("".join(filter(str.isalnum, plain_letters(name))).lower() for name in (first, last))
    return ".".join(filter(None, parts)) + "."


def _company(dice: random.Random, last: str, city: str) -> str:
    trade = dice.choice(_TRADES)
    return dice.choice(
        (f"{city} {trade}", f"{last} & Daughters {trade}", f"{trade} {last}, {city}", f'"{last}" {trade}')
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


if __name__ == "__main__":
    Path(__file__).with_name("audience.csv").write_text(audience_csv(), encoding="utf-8", newline="")
