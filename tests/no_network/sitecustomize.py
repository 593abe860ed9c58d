"""No network beyond this machine: tests, and every Python process that they start, may reach loopback only.

`conftest.py` imports it, and Python does by itself in every process that a test starts, since the folder is on its
path. It is a hook of the interpreter's own audit, which no code can take out again and no library gets round that
uses Python's sockets; an `AssertionError`, so that what copes with a missing network does not cope with this.
"""

import ipaddress
import socket
import sys

_TO = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}  # place of the address in an event's arguments
_NAMES = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}


def local(host: object) -> bool:
    """Return whether a host is this machine, by its loopback address or by name."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _NAMES:
        host = arguments[_NAMES[event]]
        try:
            ipaddress.ip_address(str(host))  # nothing is asked about an address
        except ValueError:
            if not local(host):
                raise AssertionError(f"A test asks the network for {host!r}: tests reach loopback only.") from None
    elif event in _TO:
        address = arguments[_TO[event]]
        if isinstance(address, tuple) and not local(address[0]):  # of a local socket it is a path
            raise AssertionError(f"A test reaches for {address!r}: tests reach loopback only.")


sys.addaudithook(_refuse)
