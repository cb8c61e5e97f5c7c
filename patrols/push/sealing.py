"""A message for one browser: sealed so that the push service cannot read it (RFC 8291), with a
token that says who sends it (RFC 8292).

The sender's key follows from the product's own secret, so there is no second secret to keep: every
process has the same one, and after a change of the secret the officers' pages subscribe anew.
"""

from __future__ import annotations

import base64
import binascii
import functools
from dataclasses import dataclass

import http_ece
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException

CURVE = ec.SECP256R1()
# The order of the curve's group: a private key is a number from 1 to one less.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
AUTH_BYTES = 16
# Every message has this length, so that its length tells nothing.
PADDED_BYTES = 64
# A token holds so long; the standard allows 24 h.
TOKEN_S = 3600


@dataclass(frozen=True, slots=True)
class BrowserKeys:
    """What a browser gives with its subscription: its public key and the shared secret."""

    p256dh: bytes
    auth: bytes


def read_keys(p256dh: str, auth: str) -> BrowserKeys:
    """Keys as the browser spells them, base64url. Raises ValueError if they are none."""
    keys = BrowserKeys(unspell(p256dh), unspell(auth))
    ec.EllipticCurvePublicKey.from_encoded_point(CURVE, keys.p256dh)
    if len(keys.auth) != AUTH_BYTES:
        raise ValueError("the secret has another length")
    return keys


def seal(message: bytes, keys: BrowserKeys) -> bytes:
    """The body of the request to the push service, `Content-Encoding: aes128gcm`."""
    sealed: bytes = http_ece.encrypt(
        message.ljust(PADDED_BYTES),
        private_key=ec.generate_private_key(CURVE),  # for this one message
        dh=keys.p256dh,
        auth_secret=keys.auth,
        version="aes128gcm",
    )
    return sealed


@functools.lru_cache(maxsize=2)
def sender_key(secret: str) -> ec.EllipticCurvePrivateKey:
    """The key by which push services know this installation."""
    derived = HKDF(hashes.SHA256(), 48, salt=None, info=b"tandem web push sender").derive(
        secret.encode()
    )
    return ec.derive_private_key(int.from_bytes(derived) % (ORDER - 1) + 1, CURVE)


def public_key(secret: str) -> str:
    """What a browser needs in order to subscribe: the sender's public key, base64url."""
    point = sender_key(secret).public_key()
    return spell(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def sender_header(secret: str, origin: str, contact: str, now_s: int) -> str:
    """`Authorization` for a push service at `origin`; contact: an https or mailto address. Raises
    ValueError for another one."""
    claims = {"aud": origin, "sub": contact, "exp": now_s + TOKEN_S}
    try:
        header: str = Vapid02(sender_key(secret)).sign(claims)["Authorization"]
    except VapidException as error:
        raise ValueError(str(error)) from error
    return header


def spell(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unspell(text: str) -> bytes:
    """The bytes of base64url with or without padding. Raises ValueError."""
    try:
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64url") from error
