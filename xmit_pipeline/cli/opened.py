"""The store and settings that a command works with."""

from collections.abc import Generator
from contextlib import contextmanager

from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store.connection import EmbeddedStore


@contextmanager
def opened_store(settings: Settings | None = None) -> Generator[tuple[EmbeddedStore, Settings]]:
    """The store that the settings name, or the environment; given up when the command ends."""
    settings = settings or read_settings()
    store = EmbeddedStore(settings.database)
    try:
        yield store, settings
    finally:
        store.close()
