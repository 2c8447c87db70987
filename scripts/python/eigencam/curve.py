"""Keys, bounds and endpoints of a pyzmq socket, by the rules of the C library (src/client)."""
import ipaddress
import os
import re
import stat

import zmq
from zmq.utils import z85

_ALPHABET = re.escape("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      ".-:+=^!/*?&<>()[]{}@%$#")
_KEY = re.compile(f"[{_ALPHABET}]{{40}}")
_MAX_FILE_BYTES = 64 << 10
_OPTIONS = ((zmq.MAXMSGSIZE, 1 << 30), (zmq.HANDSHAKE_IVL, 5000), (zmq.BACKLOG, 1024))


def attach(socket, endpoints, key=None, server_key=None, insecure=False):
    """Bind or connect, with keys where they are given. Raises ValueError, zmq.ZMQError."""
    for option, value in _OPTIONS:
        socket.set(option, value)
    _join(socket, key, server_key)
    for endpoint in endpoints:
        if not endpoint.startswith("bind:"):
            socket.connect(endpoint.removeprefix("connect:"))
            continue
        address = endpoint[len("bind:"):]
        if not (server_key or insecure or is_near(address)):
            raise ValueError(f"endpoint {endpoint!r} can be reached from other hosts, by anybody "
                             "there; expected keys (from eigencam keygen), an address of this "
                             "host's own, or insecure=True")
        socket.bind(address)


def is_near(address):
    """Whether only processes of this host reach what is bound there."""
    if not address.startswith("tcp://"):
        return True
    host = address[len("tcp://"):].rpartition(":")[0]
    if host in ("localhost", "lo", "[::1]"):
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _join(socket, key, server_key):
    if server_key is None:
        if key is not None:
            raise ValueError("a key of one's own needs the other side's public key too: server_key")
        return
    if not zmq.has("curve"):
        raise ValueError(f"this ZeroMQ ({zmq.zmq_version()}) was built without CURVE, which keys "
                         "need; use one that was built with libsodium")
    socket.curve_serverkey = read_public(server_key)
    if key is None:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    else:
        secret = read_file(key, is_secret=True)
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_public(secret), secret


def read_public(text):
    """The bytes of a key's 40 characters: given as they are, or as the file of them."""
    text = os.fspath(text)
    if _is_key(text):
        return text.encode()
    if text.endswith(".key"):
        return zmq.curve_public(read_file(text, is_secret=True))
    return read_file(text)


def read_file(path, is_secret=False):
    """The one key of a file; a secret one only where nobody else may read it."""
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise ValueError(f"{path}: no file of keys")
            if is_secret:
                _check_private(path, info)
            text = file.read(_MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    words = [line.split() for line in text.split("\n")]
    keys = [line[0] for line in words if line and not line[0].startswith("#")]
    if len(keys) != 1 or not _is_key(keys[0]):
        raise ValueError(f"{path}: expected one key, as eigencam keygen writes it")
    return keys[0].encode()


def _check_private(path, info):
    if info.st_uid != os.geteuid():
        raise ValueError(f"{path} belongs to user {info.st_uid}, not to user {os.geteuid()} who "
                         "runs this; make a copy of your own and chmod 600 it")
    if info.st_mode & 0o077:
        raise ValueError(f"{path} can be reached by others (mode {info.st_mode & 0o7777:04o}): a "
                         "secret key is its owner's alone; chmod 600 it, and make another one if "
                         "others may have read it")


def _is_key(text):
    try:
        return bool(_KEY.fullmatch(text)) and len(z85.decode(text.encode())) == 32
    except (ValueError, KeyError):
        return False
