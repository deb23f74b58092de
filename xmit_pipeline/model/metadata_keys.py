"""Names under which a file's columns can be used in Liquid: `Company Name` becomes `companyName`.

A name that reads like code already (`plan`, `signup_plan`, `companyName`) stays as it is.
"""

import re
import unicodedata

# the names rendering gives every message itself (SPEC 5); metadata can't carry them
BUILT_IN_NAMES = frozenset({"email", "firstName", "lastName", "unsubscribe_url"})

# words that Liquid reads as syntax or as a value of its own where a variable should stand
_LIQUID_WORDS = frozenset({
    "and", "as", "blank", "cols", "contains", "continue", "else", "empty", "false", "for", "if", "in",
    "limit", "nil", "not", "null", "offset", "or", "reversed", "true", "with",
})  # fmt: skip
_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CODE_LIKE = re.compile(r"[a-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z0-9]+")

# letters that Unicode does not take apart into a base letter and a mark
_SINGLE_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D"}
    | {"ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ł": "l", "Ł": "L", "\u0131": "i", "'": "", "\u2019": ""}
)


def is_metadata_key(name: str) -> bool:
    """Whether `{{ name }}` reaches a metadata value of that name."""
    return _SAFE.fullmatch(name) is not None and name not in _LIQUID_WORDS | BUILT_IN_NAMES


def metadata_key(header: str, position: int) -> str:
    """The Liquid-safe name for a column (SPEC 5); `column<position>`, from 1, where no letter is left."""
    plain = plain_letters(header).strip()
    key = plain if _CODE_LIKE.fullmatch(plain) else _camel_case(_WORD.findall(plain))
    if not key:
        return f"column{position}"
    return f"_{key}" if key[0].isdigit() or key in _LIQUID_WORDS else key


def plain_letters(text: str) -> str:
    """The text in ASCII: accents fall off, ligatures are written out, other scripts are dropped."""
    taken_apart = unicodedata.normalize("NFKD", text.translate(_SINGLE_LETTERS))
    return taken_apart.encode("ascii", "ignore").decode("ascii")


def _camel_case(words: list[str]) -> str:
    tamed = [word.lower() if word.isupper() else word for word in words]
    return "".join(
        word[0].lower() + word[1:] if place == 0 else word[0].upper() + word[1:]
        for place, word in enumerate(tamed)
    )
