"""The Noise handshake of the sealed link, and the functions of the section Functions of PROTOCOL.md.

Written from proto/PROTOCOL.md and from the Noise specification, revision 34: `Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s`. It keeps a
trace of `h` and `ck` after each step, for the test vectors.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAME = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
PROLOGUE = b"paso sealed 1"
NO_PSK = bytes(32)

CHACHA, AES = 1, 2


class Forged(Exception):
    """What came is not authentic."""


def digest(data: bytes) -> bytes:
    """`hash(x)` of the text."""
    return hashlib.blake2s(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """`mac(k, x)` of the text: 16 bytes."""
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def derive(key: bytes, label: bytes) -> bytes:
    """`derive(k, label)` of the text: 32 bytes."""
    return hashlib.blake2s(label, key=key).digest()


def public_key(private: bytes) -> bytes:
    """The public key of a private one."""
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _exchange(private: bytes, public: bytes) -> bytes:
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:  # a public key of small order
        raise Forged from error


def aead_seal(cipher: int, key: bytes, nonce: bytes, associated: bytes, data: bytes) -> bytes:
    """`aead(k, n, a, x)` of the text; AES-128-GCM takes the first 16 bytes of the key."""
    if cipher == AES:
        return AESGCM(key[:16]).encrypt(nonce, data, associated)
    return ChaCha20Poly1305(key).encrypt(nonce, data, associated)


def aead_open(cipher: int, key: bytes, nonce: bytes, associated: bytes, data: bytes) -> bytes:
    """The inverse of `aead_seal`; raises `Forged`."""
    try:
        if cipher == AES:
            return AESGCM(key[:16]).decrypt(nonce, data, associated)
        return ChaCha20Poly1305(key).decrypt(nonce, data, associated)
    except InvalidTag as error:
        raise Forged from error


def _hkdf(key: bytes, data: bytes, outputs: int) -> list[bytes]:
    secret = hmac.new(key, data, hashlib.blake2s).digest()
    blocks: list[bytes] = []
    for number in range(1, outputs + 1):
        previous = blocks[-1] if blocks else b""
        blocks.append(hmac.new(secret, previous + bytes([number]), hashlib.blake2s).digest())
    return blocks


@dataclass
class Symmetric:
    """Noise's SymmetricState and CipherState."""

    ck: bytes
    h: bytes
    key: bytes | None = None
    count: int = 0
    trace: list[tuple[str, bytes, bytes]] = field(default_factory=list)

    @classmethod
    def start(cls, responder: bytes) -> Symmetric:
        """After the name, the prologue and the responder's static key, which the initiator knows beforehand."""
        first = digest(NAME) if len(NAME) > 32 else NAME.ljust(32, b"\0")
        state = cls(ck=first, h=first)
        state.note("name")
        state.mix_hash(PROLOGUE)
        state.note("prologue")
        state.mix_hash(responder)
        state.note("<- s")
        return state

    def copy(self) -> Symmetric:
        """To try another pre-shared key from the same point."""
        return Symmetric(self.ck, self.h, self.key, self.count, list(self.trace))

    def note(self, step: str) -> None:
        """Keeps `h` and `ck` as they are after a step."""
        self.trace.append((step, self.h, self.ck))

    def mix_hash(self, data: bytes) -> None:
        self.h = digest(self.h + data)

    def mix_key(self, data: bytes) -> None:
        self.ck, self.key = _hkdf(self.ck, data, 2)
        self.count = 0

    def mix_key_and_hash(self, data: bytes) -> None:
        self.ck, middle, self.key = _hkdf(self.ck, data, 3)
        self.mix_hash(middle)
        self.count = 0

    def ephemeral(self, public: bytes) -> None:
        """The token `e`: in a pattern with a pre-shared key it is mixed into the key, too."""
        self.mix_hash(public)
        self.mix_key(public)

    def _nonce(self) -> bytes:
        nonce = bytes(4) + self.count.to_bytes(8, "little")
        self.count += 1
        return nonce

    def seal(self, data: bytes) -> bytes:
        assert self.key is not None
        sealed = aead_seal(CHACHA, self.key, self._nonce(), self.h, data)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        assert self.key is not None
        data = aead_open(CHACHA, self.key, self._nonce(), self.h, sealed)
        self.mix_hash(sealed)
        return data

    def split(self) -> tuple[bytes, bytes]:
        """The key for packets to the responder, and the one for packets to the initiator."""
        first, second = _hkdf(self.ck, b"", 2)
        return first, second


class Initiator:
    """proxy1's part of one handshake."""

    def __init__(self, static: bytes, responder: bytes, ephemeral: bytes) -> None:
        self.static, self.responder, self.ephemeral = static, responder, ephemeral
        self.state = Symmetric.start(responder)

    def write(self, payload: bytes) -> bytes:
        """The Noise message of an initiation."""
        state, public = self.state, public_key(self.ephemeral)
        state.ephemeral(public)
        state.note("e")
        state.mix_key(_exchange(self.ephemeral, self.responder))
        state.note("es")
        static = state.seal(public_key(self.static))
        state.note("s")
        state.mix_key(_exchange(self.static, self.responder))
        state.note("ss")
        sealed = state.seal(payload)
        state.note("payload")
        return public + static + sealed

    def read(self, message: bytes, psk: bytes) -> tuple[bytes, tuple[bytes, bytes], Symmetric]:
        """A response's payload, the keys, and the state at the end. Raises `Forged`; then another key may be tried."""
        state, public = self.state.copy(), message[:32]
        state.ephemeral(public)
        state.note("e")
        state.mix_key(_exchange(self.ephemeral, public))
        state.note("ee")
        state.mix_key(_exchange(self.static, public))
        state.note("se")
        state.mix_key_and_hash(psk)
        state.note("psk")
        payload = state.open(message[32:])
        state.note("payload")
        return payload, state.split(), state


class Responder:
    """proxy2's part of one handshake."""

    def __init__(self, static: bytes, message: bytes) -> None:
        """Reads the Noise message of an initiation; raises `Forged`."""
        state = self.state = Symmetric.start(public_key(static))
        self.remote_ephemeral = message[:32]
        state.ephemeral(self.remote_ephemeral)
        state.note("e")
        state.mix_key(_exchange(static, self.remote_ephemeral))
        state.note("es")
        self.client = state.open(message[32:80])
        state.note("s")
        state.mix_key(_exchange(static, self.client))
        state.note("ss")
        self.payload = state.open(message[80:])
        state.note("payload")

    def write(self, ephemeral: bytes, psk: bytes, payload: bytes) -> tuple[bytes, tuple[bytes, bytes]]:
        """The Noise message of a response, and the keys."""
        state, public = self.state, public_key(ephemeral)
        state.ephemeral(public)
        state.note("e")
        state.mix_key(_exchange(ephemeral, self.remote_ephemeral))
        state.note("ee")
        state.mix_key(_exchange(ephemeral, self.client))
        state.note("se")
        state.mix_key_and_hash(psk)
        state.note("psk")
        sealed = state.seal(payload)
        state.note("payload")
        return public + sealed, state.split()
