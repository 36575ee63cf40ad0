"""The handshake of two sockets: both ends prove that they know the token, and the token itself is never sent.

Each end sends 32 random bytes and answers those of the other end with their HMAC-SHA256 under the token (RFC 2104).
"""
from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
import struct
from typing import Any

from fastnet._core.world import TOKEN
from fastnet.distributed.errors import DistError

__all__ = ["accept_peer", "greet", "new_token", "read_document", "receive_all", "token", "write_document"]

_NONCE = 32                             # bytes
_MAC = 32                               # bytes of an HMAC-SHA256
_MOST_TEXT_BYTES = 1 << 20                         # bytes of a document; authenticated peers only
_LENGTH = struct.Struct("<I")
_ACCEPTOR, _CALLER = b"fastnet acceptor", b"fastnet caller"


def new_token() -> str:
    """A random token of 128 bits."""
    return secrets.token_hex(16)


def token() -> bytes:
    """The token in the environment.

    Raises:
        DistError: there is none.
    """
    found = os.environ.get(TOKEN, "")
    if not found:
        raise DistError(f"init_process_group: expected a secret token in the environment variable {TOKEN}, the same on "
                        "all ranks. `fastnet launch` sets it; for ranks that torchrun or you start, make one with "
                        "`python -c 'import secrets; print(secrets.token_hex(16))'`")
    return found.encode()


def accept_peer(link: socket.socket, secret: bytes) -> bool:
    """Whether the process that connected here knows the token; it learns the same about this one.

    Args:
        link: the accepted socket, with a timeout.
        secret: the token.
    """
    nonce = secrets.token_bytes(_NONCE)
    link.sendall(nonce)
    answer, challenge = receive_all(link, _MAC), receive_all(link, _NONCE)
    if not hmac.compare_digest(answer, _mac(secret, _CALLER, nonce)):
        return False
    link.sendall(_mac(secret, _ACCEPTOR, challenge))
    return True


def greet(link: socket.socket, secret: bytes) -> bool:
    """The other end of `accept_peer`: whether the process that this one connected to knows the token.

    Args:
        link: the connected socket, with a timeout.
        secret: the token.
    """
    challenge = secrets.token_bytes(_NONCE)
    nonce = receive_all(link, _NONCE)
    link.sendall(_mac(secret, _CALLER, nonce) + challenge)
    try:
        answer = receive_all(link, _MAC)
    except ConnectionError:             # the acceptor closes the connection of a caller with another token
        return False
    return hmac.compare_digest(answer, _mac(secret, _ACCEPTOR, challenge))


def _mac(secret: bytes, end: bytes, nonce: bytes) -> bytes:
    """The answer to a nonce; `end` keeps one end from sending the other's own answer back."""
    return hmac.digest(secret, end + nonce, "sha256")


def write_document(link: socket.socket, document: dict[str, Any]) -> None:
    """Send a small dictionary as JSON.

    Args:
        link: a connected socket.
        document: of strings, numbers, lists and dictionaries.
    """
    text = json.dumps(document).encode()
    link.sendall(_LENGTH.pack(len(text)) + text)


def read_document(link: socket.socket) -> dict[str, Any]:
    """Receive what `write_document` sent.

    Args:
        link: a connected socket whose other end is authenticated.

    Raises:
        ConnectionError: the other end closed the connection, or sent something else.
    """
    [length] = _LENGTH.unpack(receive_all(link, _LENGTH.size))
    if length > _MOST_TEXT_BYTES:
        raise ConnectionError(f"expected a document of at most {_MOST_TEXT_BYTES} bytes, got {length}")
    try:
        found = json.loads(receive_all(link, length))
    except ValueError as e:
        raise ConnectionError(f"expected a document in JSON: {e}") from None
    if not isinstance(found, dict):
        raise ConnectionError("expected a dictionary in JSON")
    return found


def receive_all(link: socket.socket, count: int) -> bytes:
    """Receive exactly `count` bytes.

    Raises:
        ConnectionError: the connection ended before.
    """
    found = bytearray()
    while len(found) < count:
        part = link.recv(count - len(found))
        if not part:
            raise ConnectionError("the connection was closed")
        found += part
    return bytes(found)
