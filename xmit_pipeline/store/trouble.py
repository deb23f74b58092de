"""What is open at present and needs a person to hear of it, under keys that last as long as the opening."""

from datetime import datetime

from xmit_pipeline.store.circuits import open_circuit
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.health import critical_domains
from xmit_pipeline.store.holds import holds
from xmit_pipeline.store.ticks import last_tick


def troubles(connection: Connection, now: datetime) -> dict[str, str]:
    """A sentence for each open circuit, domain in critical health, held step or sender, and a tick that refused to
    send, by a lasting key.
    """
    found = {
        f"health {name}": f"{name}: {words}. Its warmup, where it is active, is paused; see who was mailed."
        for name, words in critical_domains(connection, now).items()
    }
    circuit = open_circuit(connection)
    if circuit is not None:
        found[f"circuit {circuit.id}"] = circuit.told
    for hold in holds(connection):
        found[f"{hold.kind} {hold.name} {hold.held_at:%Y-%m-%dT%H:%M:%SZ}"] = (
            f"The {hold.kind} {hold.name} is held: {hold.reason}."
        )
    tick = last_tick(connection)
    if tick is not None and tick["superseded"] and tick["note"]:
        found["tick refused"] = tick["note"]
    return found
