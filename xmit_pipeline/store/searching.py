"""How people are found by a text: in the address, or in the name as one reads it."""

FOUND_BY_TEXT = """(contains(contact.email, lower($q))
    OR contains(lower(contact.first_name), lower($q))
    OR contains(lower(contact.last_name), lower($q))
    OR (contains($q, ' ')
        AND contains(lower(concat_ws(' ', contact.first_name, contact.last_name)), lower($q))))"""
"""A condition on `contact` and `$q`. Only a text with a space can lie across both names, so only it joins them."""
