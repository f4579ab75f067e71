"""
What the HTTP library says of connections.

It logs every client that speaks no HTTP, or leaves at the wrong moment, as an error of the server, with a traceback. Such clients are port
scanners, TLS on a plain port, and half-closed connections: worth a line to whoever looks for them, and nobody's alarm.
"""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError

logger = logging.getLogger("solovirt.http.connections")


class _Clients(logging.Filter):
    """Makes what is the client's fault a line of level INFO."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError | ConnectionError):
            return True
        why = error.message if isinstance(error, HttpProcessingError) else str(error)
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        record.msg, record.args = "%s (%s)", (record.getMessage(), " ".join(why.split()))
        record.exc_info = record.exc_text = None
        return logger.isEnabledFor(logging.INFO)


logger.addFilter(_Clients())
