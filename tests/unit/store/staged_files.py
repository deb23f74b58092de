"""Stages a contact file for a test and gathers what came of it."""

import json
from dataclasses import dataclass

from xmit_pipeline.store.contact_files import StagedFile, stage_contact_file


@dataclass(frozen=True)
class Import:
    """What staging a file came to."""

    file: StagedFile
    contacts: list[dict]
    refused: list[tuple]

    @property
    def only(self):
        [contact] = self.contacts
        return contact

    @property
    def reasons(self):
        return {line: reason for line, _, reason in self.refused}


def staged(con, path, content, overrides=None):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = stage_contact_file(con, path, overrides or {})
    names = [name for name, *_ in con.execute("DESCRIBE staged_contact").fetchall()]
    contacts = [
        dict(zip(names, row, strict=True))
        for row in con.execute("FROM staged_contact ORDER BY line").fetchall()
    ]
    for contact in contacts:
        contact["metadata"] = json.loads(contact["metadata"])
    return Import(file, contacts, con.execute("FROM refused_row ORDER BY line").fetchall())
