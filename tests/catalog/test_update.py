"""`qwenpick catalog update`: a newer catalogue is checked, kept whole, and gone back from; nothing that fails a check changes anything."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from qwenpick.catalog import bundle as bundles
from qwenpick.catalog.bundle import MANIFEST, SIGNATURE, pack, read_bundle, write_bundle
from qwenpick.catalog.read import data_date, data_directory, shipped_files
from qwenpick.catalog.updates import install, undo
from qwenpick.errors import QwenpickError
from qwenpick.machine.doctor import old_facts
from tests.catalog.shipped import document
from tests.conftest import Run

LATER = b"2027-02-03\n"


@pytest.fixture(autouse=True)
def a_data_directory_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, another_catalogue: object) -> None:
    """What one test installs is no other's catalogue."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def some_of(name: str, one: str) -> bytes:
    """A shipped file with this entry alone: whole catalogues take seconds to check."""
    linked = {"predecessor", "successor"}
    chosen = {
        kind: [{key: value for key, value in e.items() if key not in linked} for e in entries if e["id"] == one]
        for kind, entries in document(name).items()
    }
    return json.dumps(chosen, indent=1).encode()


@cache
def some() -> dict[str, bytes]:
    return {
        "models.yaml": some_of("models.yaml", "qwen3-8b"),
        "files.json": b"{}",
        "derivatives.yaml": b"derivatives: []\n",
        "gpus.yaml": some_of("gpus.yaml", "rtx-4090"),
        "cloud.yaml": b"cloud: []\n",
        "date": data_date().encode() + b"\n",
    }


def newer(**changed: bytes) -> dict[str, bytes]:
    """The files, of a later day and changed."""
    return {**some(), "date": LATER, **{name.replace("_", "."): content for name, content in changed.items()}}


def repacked(content: bytes, **manifest: object) -> bytes:
    """The bundle with fields of its manifest changed."""
    files = bundles._unpacked(content)
    said = {**json.loads(files[MANIFEST]), **manifest}
    return pack({**files, MANIFEST: json.dumps(said).encode()})


def test_an_update_is_used_at_once_and_undone(qwenpick: Run, tmp_path: Path) -> None:
    gpus = some()["gpus.yaml"].replace(b'"GeForce RTX 4090"', b'"GeForce RTX 4090 (new)"', 1)
    assert gpus != some()["gpus.yaml"]
    file = tmp_path / "later.zip"
    file.write_bytes(write_bundle(newer(gpus_yaml=gpus), "0.1.0"))
    before = data_date()
    done = qwenpick("catalog", "update", str(file))
    assert done.code == 0 and "2027-02-03" in done.err and "--undo" in done.err and "no key" in done.err
    assert "facts of 2027-02-03" in qwenpick("--version").out
    assert "GeForce RTX 4090 (new)" in qwenpick("gpus", "rtx-4090").out
    assert json.loads(qwenpick("gpus", "rtx-4090", "--json").out)["catalog_date"] == "2027-02-03"
    assert "updated" in qwenpick("catalog", "where").out and "shipped" not in qwenpick("catalog", "where").out
    again = qwenpick("catalog", "update", str(file))
    assert again.code == 2 and "nothing to do" in again.err
    assert qwenpick("catalog", "update", "--undo").code == 0
    assert data_date() == before and "(new)" not in qwenpick("gpus", "rtx-4090").out
    assert qwenpick("catalog", "update", "--undo").code == 2


def test_undo_goes_back_one_step() -> None:
    for day in (b"2027-01-01\n", b"2027-02-01\n"):
        install(read_bundle(write_bundle({**some(), "date": day}, "0.1.0"), "0.1.0"), data_date())
    assert data_date() == "2027-02-01"
    assert (undo() or "").startswith("2027-01-01") and data_date() == "2027-01-01"
    assert undo() is None and shipped_files()[0].parent == data_directory()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: b"", "a ZIP with manifest.json is needed"),
        (lambda: b"PK\x03\x04 broken", "a ZIP with manifest.json is needed"),
        (lambda: pack({"../evil.py": b"1"}), "../evil.py is in it"),
        (lambda: pack({MANIFEST: b"{}"}), "lacks cloud.yaml"),
        (lambda: repacked(write_bundle(newer(), "0.1.0"), format=2), "has format 2"),
        (lambda: write_bundle(newer(), "99.0"), "needs qwenpick 99.0"),
        (lambda: repacked(write_bundle(newer(), "0.1.0"), date="2027-02-04"), "date is '2027-02-03'"),
        (lambda: repacked(write_bundle(newer(), "0.1.0"), files={}), "does not name its files"),
        (
            lambda: pack({**bundles._unpacked(write_bundle(newer(), "0.1.0")), "gpus.yaml": b"gpus: []"}),
            "its checksum differs",
        ),
        (lambda: write_bundle(newer(gpus_yaml=b"gpus:\n- {id: x}\n"), "0.1.0"), "the catalog is wrong"),
        (lambda: write_bundle(newer(gpus_yaml=b"{"), "0.1.0"), "cannot be read"),
        (lambda: write_bundle(some(), "0.1.0"), "nothing to do"),
    ],
)
def test_what_fails_a_check_changes_nothing(qwenpick: Run, tmp_path: Path, made: Callable[[], bytes], why: str) -> None:
    file = tmp_path / "bad.zip"
    file.write_bytes(made())
    found = qwenpick("catalog", "update", str(file))
    assert found.code == 2 and why in found.err and "Traceback" not in found.err
    assert shipped_files()[0].parent == data_directory()


def test_a_count_that_the_tensors_contradict_is_refused(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.zip"
    models = some()["models.yaml"].replace(b'"total": 8190735360', b'"total": 8190735361', 1)
    file.write_bytes(write_bundle(newer(models_yaml=models), "0.1.0"))
    found = qwenpick("catalog", "update", str(file))
    assert found.code == 2 and re.search(r"parameters.total is 8,190,735,361, its tensors are 8,190,735,360", found.err)


def test_a_digest_and_an_address_are_held_to(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "later.zip"
    file.write_bytes(write_bundle(newer(), "0.1.0"))
    assert "SHA-256 differs" in qwenpick("catalog", "update", str(file), "--sha256", "0" * 64).err
    assert "not an https address" in qwenpick("catalog", "update", "http://example.org/later.zip").err
    right = hashlib.sha256(file.read_bytes()).hexdigest().upper()
    assert qwenpick("catalog", "update", str(file), "--sha256", right).code == 0


def sealed(secret: bytes) -> bytes:
    """A newer catalogue that this key signed."""
    from tools.refresh.bundle import sign

    files = bundles._unpacked(write_bundle(newer(), "0.1.0"))
    return pack({**files, SIGNATURE: sign(secret, files[MANIFEST])})


def test_with_a_key_only_what_it_signed_is_taken() -> None:
    from tools.refresh.bundle import public_key

    ours, another = bytes(range(32)), b"\1" * 32
    assert read_bundle(sealed(ours), "0.1.0", public_key(ours)).signed is True
    assert read_bundle(sealed(ours), "0.1.0").signed is None
    files = bundles._unpacked(sealed(ours))
    mark = files[SIGNATURE]
    for content, key in (
        (write_bundle(newer(), "0.1.0"), public_key(ours)),
        (sealed(another), public_key(ours)),
        (sealed(ours), b"\xff" * 32),
        (sealed(ours), b"too short"),
        (pack({**files, SIGNATURE: mark[:-1] + bytes([mark[-1] ^ 1])}), public_key(ours)),
        (repacked(sealed(ours), needs="0.1.1"), public_key(ours)),
    ):
        with pytest.raises(QwenpickError, match="not signed by the key"):
            read_bundle(content, "0.2.0", key)


def test_without_the_library_a_signature_is_not_taken_on_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(QwenpickError, match=r"needs cryptography: pip install 'qwenpick\[signed\]'"):
        read_bundle(sealed(bytes(32)), "0.1.0", bytes(32))
    assert read_bundle(sealed(bytes(32)), "0.1.0").signed is None


def test_facts_are_old_from_sixty_days_on() -> None:
    assert old_facts("2026-11-29", "2027-01-27") == ()
    (finding,) = old_facts("2026-11-29", "2027-01-28")
    assert finding.level == "advice" and "60 days ago" in finding.what and "catalog update" in finding.remedy
