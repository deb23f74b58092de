"""How a command ends when something went wrong: one sentence on standard error, never a traceback."""

import tempfile
import traceback
from pathlib import Path

from xmit_pipeline.model.errors import XmitError


def sentence_for(error: Exception) -> str:
    """What to tell the person; for what nobody foresaw, where the details were put."""
    if isinstance(error, XmitError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = error.filename or "the disk"
        return (
            f"{where} can't be used: {error.strerror}. "
            "Check the path and its permissions and space; XMIT_HOME names another folder for all state."
        )
    return f"This should not have happened: {_in_short(error)}. {_details_kept(error)}"


def _in_short(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}".rstrip(".: ")


def _details_kept(error: Exception) -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="xmit-error-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return "Its details could not be written down."
    return f"Please report it with {Path(file.name)}, which holds the details."
