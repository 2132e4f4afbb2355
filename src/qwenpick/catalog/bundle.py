"""A catalogue as one file that can be sent: a ZIP of the data files and a manifest with their checksums, perhaps signed.

    manifest.json    {"format": 1, "date": "2026-12-24", "needs": "0.1.0", "files": {"gpus.yaml": "<SHA-256>", …}}
    manifest.sig     the Ed25519 signature of manifest.json, 64 bytes (where there is one)
    models.yaml, files.json, derivatives.yaml, gpus.yaml, cloud.yaml, date

Nothing in it is run, no name in it is used as a path, and nothing is kept of a bundle that fails one check.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping

from qwenpick.bounded import parse_json
from qwenpick.catalog.cache import NAMES
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

FORMAT = 1  # grows when an older qwenpick cannot read what is written
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
LARGEST = 16 * 2**20  # bytes of one file, unpacked


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds, checked; `signed` is whether our key signed it, None where the package holds no key."""

    date: str
    files: Mapping[str, bytes]
    signed: bool | None

    @property
    def digest(self) -> str:
        """Of its files: two bundles of one digest are the same."""
        joined = "".join(hashlib.sha256(self.files[name]).hexdigest() for name in NAMES)
        return hashlib.sha256(joined.encode("ascii")).hexdigest()[:12]


def read_bundle(content: bytes, version: str, key: bytes | None = None) -> Bundle:
    """The bundle in `content`, for a qwenpick of this version.

    Raises QwenpickError for one that is broken, foreign, too new, or not signed by `key`.
    """
    files = _unpacked(content)
    manifest = parse_json(files.pop(MANIFEST), MANIFEST)
    _refuse_foreign(manifest, version)
    said = manifest.get("files")
    if not isinstance(said, dict) or set(said) != set(NAMES):
        raise QwenpickError(_("the catalog does not name its files: {names} are needed", names=", ".join(NAMES)))
    for name in NAMES:
        if hashlib.sha256(files[name]).hexdigest() != said[name]:
            raise QwenpickError(_("{name} is not the file that was packed: its checksum differs", name=name))
    date = files["date"].decode("ascii", "replace").strip()
    if date != manifest.get("date") or not _is_day(date):
        raise QwenpickError(_("the catalog's date is '{date}', not a day such as 2026-11-29", date=date[:40]))
    signed = None
    if key is not None:
        signed = _has_signed(key, _manifest_bytes(content), files.get(SIGNATURE, b""))
        if not signed:
            raise QwenpickError(_("the catalog is not signed by the key of this qwenpick"))
    return Bundle(date, {name: files[name] for name in NAMES}, signed)


def write_bundle(files: Mapping[str, bytes], needs: str) -> bytes:
    """A bundle of the data files, unsigned; the same bytes for the same files."""
    manifest = {
        "format": FORMAT,
        "date": files["date"].decode("ascii").strip(),
        "needs": needs,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in NAMES},
    }
    return pack({MANIFEST: json.dumps(manifest, indent=1).encode("ascii"), **{name: files[name] for name in NAMES}})


def pack(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files; the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a bundle by name; no more than are known, none larger than it may be."""
    known = {MANIFEST, SIGNATURE, *NAMES}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            strange = sorted({entry.filename for entry in entries} - known)
            if strange or len(entries) > len(known) or any(entry.file_size > LARGEST for entry in entries):
                raise QwenpickError(_("that is not a qwenpick catalog: {name} is in it", name=(strange or ["…"])[0]))
            found = {entry.filename: archive.open(entry).read(LARGEST + 1) for entry in entries}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError):
        raise QwenpickError(_("that is not a qwenpick catalog: a ZIP with {name} is needed", name=MANIFEST)) from None
    if missing := sorted({MANIFEST, *NAMES} - set(found)):
        raise QwenpickError(_("the catalog lacks {names}", names=", ".join(missing)))
    return found


def _manifest_bytes(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(MANIFEST)


def _has_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of the Ed25519 `key` signed the message; False for bytes that are no key or no signature."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise QwenpickError(
            _("checking a catalog's signature needs cryptography: pip install 'qwenpick[signed]'")
        ) from None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (ValueError, InvalidSignature):
        return False
    return True


def _refuse_foreign(manifest: Mapping[str, object], version: str) -> None:
    """Raises QwenpickError for a format or a version that this qwenpick does not read."""
    if manifest.get("format") != FORMAT:
        raise QwenpickError(
            _(
                "the catalog has format {found}; this qwenpick reads {known}: update qwenpick",
                found=manifest.get("format"),
                known=FORMAT,
            )
        )
    needs = str(manifest.get("needs", ""))
    if _release(needs) > _release(version):
        raise QwenpickError(
            _("the catalog needs qwenpick {needs}; this is {version}", needs=needs[:20], version=version)
        )


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version, to be compared.

    >>> _release("0.10.1.dev3") > _release("0.9")
    True
    """
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part[:6]))
    return tuple(numbers)


def _is_day(text: str) -> bool:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
