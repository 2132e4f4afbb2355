"""Pack the catalogue so that `qwenpick catalog update` takes it, and sign it where there is a key.

    python -m tools.refresh.bundle --out qwenpick-catalogue.zip [--needs 0.1.0] [--key secret.key]

The key is 32 random bytes that stay with whoever publishes; its public half goes into data/catalog.pub (--public writes it).
Whoever signs needs cryptography (`pip install '.[signed]'`).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qwenpick.catalog.bundle import MANIFEST, NAMES, SIGNATURE, pack, read_bundle, write_bundle

DATA = Path(__file__).parents[2] / "data"


def public_key(secret: bytes) -> bytes:
    """The 32 bytes by which signatures of this key are verified."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(secret: bytes, message: bytes) -> bytes:
    """The 64 bytes of a signature."""
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


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
