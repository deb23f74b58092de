"""Where the API's log lines go: JSON, one a line, into a file of the home; warnings also to the terminal."""

import logging
import sys
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


def write_log(folder: Path) -> Path:
    """Send all log lines of this process to `api.jsonl` in this folder; answers the file.

    It is turned over at 10 MB, five times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / "api.jsonl", maxBytes=LARGEST_FILE, backupCount=KEPT_FILES)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    for handler in (file, terminal):
        handler.setFormatter(JsonLines())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [file, terminal]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return Path(file.baseFilename)
