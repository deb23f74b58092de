"""What counts as an e-mail address, and the form in which two spellings of one are the same.

The rule is the practical part of RFC 5321: an ASCII dot-atom, `@`, and a dotted ASCII host name. Patterns
are written so that Python and RE2 (DuckDB) read them alike; the store builds its SQL from these constants.
"""

import re
import string

ADDRESS_LENGTH = 254
LOCAL_PART_LENGTH = 64

# what spreadsheets and web forms leave around a pasted address, among it the no-break and zero-width space
ADDRESS_EDGES = " \t\r\n\f\v\u00a0\u200b\ufeff"

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
ADDRESS_PATTERN = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP_LABEL}"

NO_ADDRESS = "There is no e-mail address."
NOT_AN_ADDRESS = "This is not an e-mail address; one looks like name@example.com."

# why an address fails, the first that matches; only asked for those that fail, NOT_AN_ADDRESS where none does
ADDRESS_FAULTS = (
    (r"^[^@]*$", "This is not an e-mail address: it has no @."),
    (r"[\x00-\x20\x7f]", "The address holds a space or a control character."),
    (
        r"[^\x00-\x7f][^@]*@",
        "The part before the @ holds letters outside ASCII, which few mail servers take.",
    ),
    (r"[^\x00-\x7f]", "The domain holds letters outside ASCII; give its punycode form (xn--...)."),
    (r"@[^@]*@", "The address holds more than one @."),
    (r'["(),:;<>\[\]\\]', "The address holds a quote, a bracket, a comma or a colon; give the bare address."),
    (rf"^.{{{ADDRESS_LENGTH + 1}}}", f"The address is longer than {ADDRESS_LENGTH} characters."),
    (
        rf"^[^@]{{{LOCAL_PART_LENGTH + 1}}}",
        f"The part before the @ is longer than {LOCAL_PART_LENGTH} characters.",
    ),
    (r"^\.|\.\.|\.@", "A dot begins or ends the part before the @, or follows another dot."),
    (r"@[^.]*$", "The domain has no dot; an address on the internet ends like example.com."),
)

_ADDRESS = re.compile(ADDRESS_PATTERN)
_FAULTS = tuple((re.compile(pattern), sentence) for pattern, sentence in ADDRESS_FAULTS)
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold_address(text: str) -> str:
    """The address without its edges and in lower case: the key of a contact (SPEC 1).

    Only ASCII letters are folded, so folding never turns a refused address into a good one.
    """
    return text.strip(ADDRESS_EDGES).translate(_ASCII_LOWER)


def address_fault(text: str) -> str | None:
    """Why this can't be mailed, as a sentence; None for a good address, whatever its case and edges."""
    address = text.strip(ADDRESS_EDGES)
    if not address:
        return NO_ADDRESS
    if _is_good(address):
        return None
    return next((sentence for pattern, sentence in _FAULTS if pattern.search(address)), NOT_AN_ADDRESS)


def _is_good(address: str) -> bool:
    fits = len(address) <= ADDRESS_LENGTH and address.find("@") <= LOCAL_PART_LENGTH
    return fits and _ADDRESS.fullmatch(address) is not None
