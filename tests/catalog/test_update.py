"""`qwenpick catalog update`: a newer catalogue is checked, kept whole, and gone back from; nothing that fails a check changes anything."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from qwenpick.catalog import bundle as bundles
from qwenpick.catalog import signature
from qwenpick.catalog.bundle import MANIFEST, SIGNATURE, pack, read_bundle, write_bundle
from qwenpick.catalog.read import data_date, data_directory, shipped_files
from qwenpick.catalog.updates import install, undo
from qwenpick.errors import QwenpickError
from qwenpick.machine.doctor import old_facts
from tests.catalog.shipped import document
from tests.conftest import Result

Run = Callable[..., Result]
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


@pytest.mark.parametrize(
    ("secret", "public", "message", "signed"),
    [  # RFC 8032, section 7.1, tests 1 to 3
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ],
)  # fmt: skip
def test_signatures_are_those_of_rfc_8032(secret: str, public: str, message: str, signed: str) -> None:
    from tools.refresh.bundle import public_key, sign

    key, data, mark = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signed)
    assert public_key(bytes.fromhex(secret)) == key and sign(bytes.fromhex(secret), data) == mark
    assert signature.verify(key, data, mark)
    assert not signature.verify(key, data + b"!", mark)
    assert not signature.verify(key, data, mark[:-1] + bytes([mark[-1] ^ 1]))
    assert not signature.verify(key, data, b"") and not signature.verify(b"\xff" * 32, data, mark)


def test_with_a_key_only_what_it_signed_is_taken() -> None:
    from tools.refresh.bundle import public_key, sign

    secret = bytes(range(32))
    plain = write_bundle(newer(), "0.1.0")
    files = bundles._unpacked(plain)
    sealed = pack({**files, SIGNATURE: sign(secret, files[MANIFEST])})
    assert read_bundle(sealed, "0.1.0", public_key(secret)).signed is True
    assert read_bundle(sealed, "0.1.0").signed is None
    for content, key in ((plain, public_key(secret)), (sealed, public_key(b"\1" * 32))):
        with pytest.raises(QwenpickError, match="not signed by the key"):
            read_bundle(content, "0.1.0", key)


def test_facts_are_old_from_sixty_days_on() -> None:
    assert old_facts("2026-11-29", "2027-01-27") == ()
    (finding,) = old_facts("2026-11-29", "2027-01-28")
    assert finding.level == "advice" and "60 days ago" in finding.what and "catalog update" in finding.remedy
