"""Pack the catalogue so that `qwenpick catalog update` takes it, and sign it where there is a key.

    python -m tools.refresh.bundle --out qwenpick-catalogue.zip [--needs 0.1.0] [--key secret.key]

The key is 32 random bytes that stay with whoever publishes; its public half goes into data/catalog.pub (--public writes it).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from qwenpick.catalog.bundle import MANIFEST, NAMES, SIGNATURE, pack, read_bundle, write_bundle
from qwenpick.catalog.signature import BASE, Q, encode, times

DATA = Path(__file__).parents[2] / "data"


def public_key(secret: bytes) -> bytes:
    """The 32 bytes by which signatures of this key are verified (RFC 8032, section 5.1.5)."""
    return encode(times(_scalar(secret), BASE))


def sign(secret: bytes, message: bytes) -> bytes:
    """The 64 bytes of a signature (RFC 8032, section 5.1.6). Slow and not constant in time: for a publisher's own machine."""
    prefix = hashlib.sha512(secret).digest()[32:]
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % Q
    shown = encode(times(nonce, BASE))
    hashed = int.from_bytes(hashlib.sha512(shown + public_key(secret) + message).digest(), "little") % Q
    return shown + ((nonce + hashed * _scalar(secret)) % Q).to_bytes(32, "little")


def _scalar(secret: bytes) -> int:
    if len(secret) != 32:
        raise ValueError("a key has 32 bytes")
    digest = int.from_bytes(hashlib.sha512(secret).digest()[:32], "little")
    return digest & (1 << 254) - 8 | 1 << 254


def main() -> None:
    """Write the bundle and print its SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--needs", default="0.1.0", help="the oldest qwenpick that reads these files")
    parser.add_argument("--key", type=Path, help="32 secret bytes")
    parser.add_argument("--public", type=Path, help="write the key's public half there")
    options = parser.parse_args()
    content = write_bundle({name: (DATA / name).read_bytes() for name in NAMES}, options.needs)
    if options.key:
        secret = options.key.read_bytes()
        files = dict(read_bundle(content, options.needs).files)
        manifest = _manifest(content)
        content = pack({MANIFEST: manifest, SIGNATURE: sign(secret, manifest), **files})
        if options.public:
            options.public.write_bytes(public_key(secret))
    options.out.write_bytes(content)
    print(f"{options.out}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


def _manifest(content: bytes) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(MANIFEST)


if __name__ == "__main__":
    main()
