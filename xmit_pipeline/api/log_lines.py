"""Where the API's log lines go: JSON, one a line, into a file of the home; warnings also to the terminal."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

import orjson

from xmit_pipeline.api.request_log import request_id

LARGEST_FILE = 10_000_000
KEPT_FILES = 5
LOGGERS = ("xmit", "uvicorn.error")


class JsonLines(logging.Formatter):
    """`at`, `level`, `logger`, `event`, `requestId`, and whatever fields the line itself brings."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "requestId": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        text = {name: _writable(value) for name, value in line.items() if value is not None}
        return orjson.dumps(text, option=orjson.OPT_UTC_Z, default=str).decode()


def _writable(value: object) -> object:
    """Paths of requests may hold lone surrogates, which no JSON line can."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


@contextmanager
def log_lines_in(folder: Path) -> Generator[Path]:
    """All log lines of this process go to `api.jsonl` in this folder, and to where they went before afterwards.

    It is turned over at 10 MB, five times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / "api.jsonl", maxBytes=LARGEST_FILE, backupCount=KEPT_FILES)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    for handler in (file, terminal):
        handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [file, terminal], False
        logger.setLevel(logging.INFO)
    try:
        yield Path(file.baseFilename)
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        file.close()
