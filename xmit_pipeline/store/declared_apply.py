"""A declaration against the store: what would change, and then the change, in one transaction.

Looking is doing: the same statements run in a transaction that is taken back. So everything that can go wrong, down to
what a sequence needs to start, is known before anybody is asked.
"""

from datetime import datetime

from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.store.connection import Connection, Store, rehearsal
from xmit_pipeline.store.declared import Declaration, Differences
from xmit_pipeline.store.declared_sending import follow_domain, follow_list, follow_sender
from xmit_pipeline.store.declared_sequences import follow_sequence


def differences(store: Store, declaration: Declaration, now: datetime) -> Differences:
    """All that would change, and all that can't; nothing is."""
    with rehearsal(store) as connection:
        return _follow(connection, declaration, now)


def apply(store: Store, declaration: Declaration, now: datetime, shown: Differences) -> None:
    """Make the change that was shown. Conflict where by now it would be another one; then nothing is changed."""
    with store.transaction() as connection:
        if _follow(connection, declaration, now) != shown:
            raise Conflict(
                "The store was changed by somebody else meanwhile; nothing was applied. Look again."
            )


def _follow(connection: Connection, declaration: Declaration, now: datetime) -> Differences:
    found = Differences()
    for things, follow in (
        (declaration.domains, follow_domain),
        (declaration.senders, follow_sender),
        (declaration.lists, follow_list),
    ):
        for thing in things:
            with found.faults_at(thing.place):
                found.add(follow(connection, thing, now))
    for thing in declaration.sequences:
        with found.faults_at(thing.place):
            found.add(follow_sequence(connection, thing, now, found))
    return found
