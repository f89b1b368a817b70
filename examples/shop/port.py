"""A port to be served on."""

import errno
import socket

FIRST = 8000
TRIED = 20
_BACKLOG = 2048


class PortBusyError(Exception):
    """Somebody else listens there. The text says what to do."""


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens on *port* of *host*; on the first free one from 8000 when None, and it says so.

    Raises PortBusyError when there is none, OSError when the address cannot be used at all.
    """
    wanted = range(FIRST, FIRST + TRIED) if port is None else range(port, port + 1)
    for candidate in wanted:
        bound = _bound(host, candidate)
        if bound is not None:
            if candidate != wanted.start:
                print(f"port {wanted.start} is busy: taking {candidate}", flush=True)
            return bound
    raise PortBusyError(f"port {wanted.start} of {host} is busy; --port names another one, and --port 0 takes any")


def _bound(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return bound
