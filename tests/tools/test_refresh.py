"""The refresh pipeline against a recorded small hub, sheets of figures and made wheels: what it proposes, and what it refuses."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tools.refresh.changes import differences, put
from tools.refresh.engines import WATCHED, changed, compare, files_of
from tools.refresh.files import main as refresh_files
from tools.refresh.files import text as files_text
from tools.refresh.hub import propose, read_listing, recorded
from tools.refresh.sheet import apply, rows

from qwenpick.catalog import Catalog
from qwenpick.catalog.read import data_directory, read_yaml
from qwenpick.readers.reading import Fetch
from tests.readers.making import bf16_of, gguf_of, safetensors

CONFIG = (Path(__file__).parents[1] / "readers" / "configs" / "Qwen3-8B.json").read_bytes()
DAY = "2027-01-04"
COUNT = 8_190_735_360


@pytest.fixture
def hub(tmp_path: Path, catalog: Catalog) -> Callable[..., Fetch]:
    """A hub that is a directory with these repositories, each of the shape of Qwen3-8B."""

    def made(*repos: str) -> Fetch:
        header, _data = safetensors(bf16_of(catalog.architectures["qwen3-8b"]))
        for repo in repos:
            (tmp_path / repo).mkdir(parents=True)
            (tmp_path / repo / "config.json").write_bytes(CONFIG)
            (tmp_path / repo / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
            (tmp_path / repo / "model.safetensors").write_bytes(header)
        return recorded(tmp_path)

    return made


def listing(*repos: tuple[str, str, int | None]) -> bytes:
    return json.dumps(
        [
            {"id": repo, "tags": [f"license:{licence}"], "safetensors": {"total": count} if count else None}
            for repo, licence, count in repos
        ]
    ).encode()


def test_what_the_catalogue_knows_proposes_nothing(catalog: Catalog, hub: Callable[..., Fetch]) -> None:
    said = read_listing(listing(("Qwen/Qwen3-8B", "apache-2.0", COUNT), ("Qwen/Qwen3-8B-FP8", "apache-2.0", None)))
    found = propose(said, catalog, hub(), DAY)
    assert not (found.entries or found.checkpoints or found.fields or found.refused)


def test_a_new_model_is_proposed_with_source_and_date(catalog: Catalog, hub: Callable[..., Fetch]) -> None:
    found = propose(read_listing(listing(("Qwen/Qwen9-8B", "apache-2.0", COUNT))), catalog, hub("Qwen/Qwen9-8B"), DAY)
    (text,) = found.entries
    assert text.startswith(f"# https://huggingface.co/Qwen/Qwen9-8B, {DAY}; licence apache-2.0\n")
    (model,) = yaml.safe_load(text)["models"]
    assert model["parameters"]["total"] == COUNT and model["checked"] == DAY
    assert any("huggingface.co/Qwen/Qwen9-8B" in source for source in model["sources"])


def test_another_precision_of_a_known_model_is_a_checkpoint(catalog: Catalog, hub: Callable[..., Fetch]) -> None:
    found = propose(read_listing(listing(("Qwen/Qwen3-8B-GPTQ-Int4", "apache-2.0", None))), catalog, hub(), DAY)
    (text,) = found.checkpoints
    assert "# qwen3-8b\n" in text and "format: gptq-int4" in text and DAY in text and not found.entries


@pytest.mark.parametrize("wrong", [False, True])
def test_the_files_of_a_gguf_repository_are_proposed_once_their_header_holds_the_model(
    tmp_path: Path, catalog: Catalog, wrong: bool
) -> None:
    repo, file = "Qwen/Qwen3-4B-Base-GGUF", "Qwen3-4B-Base-Q8_0.gguf"
    header, size = gguf_of(catalog.architectures["qwen3-8b" if wrong else "qwen3-4b"], "Q8_0")
    (tmp_path / repo).mkdir(parents=True)
    (tmp_path / repo / file).write_bytes(header)
    said = [{"id": repo, "siblings": [{"rfilename": file, "size": len(header) + size}, {"rfilename": "README.md"}]}]
    found = propose(read_listing(json.dumps(said).encode()), catalog, recorded(tmp_path), DAY)
    if wrong:
        assert not found.checkpoints and "holds 8,190,735,360 parameters, qwen3-4b-base has" in found.refused[0]
    else:
        assert f"# {file}: {len(header) + size}\n" in found.checkpoints[0] and not found.refused


@pytest.mark.parametrize(
    ("repo", "count", "why"),
    [
        ("Qwen/Qwen3-8B", COUNT + 1, "qwen3-8b: the hub counts 8,190,735,361 parameters, the catalogue 8,190,735,360"),
        ("Qwen/Qwen9-8B", COUNT + 1, "its config gives 8,190,735,360"),
        ("Qwen/Qwen9-Lost", None, "there is no 'Qwen/Qwen9-Lost' with a config.json"),
    ],
)
def test_what_contradicts_a_proven_count_is_refused(
    catalog: Catalog, hub: Callable[..., Fetch], repo: str, count: int | None, why: str
) -> None:
    found = propose(read_listing(listing((repo, "apache-2.0", count))), catalog, hub("Qwen/Qwen9-8B"), DAY)
    (refusal,) = found.refused
    assert why in refusal and not found.entries


def test_a_licence_that_moved_is_a_line_of_the_diff(catalog: Catalog, hub: Callable[..., Fetch]) -> None:
    found = propose(read_listing(listing(("Qwen/Qwen3-8B", "mit", COUNT))), catalog, hub(), DAY)
    assert found.fields == ["qwen3-8b: licence.id: apache-2.0 -> mit (https://huggingface.co/Qwen/Qwen3-8B)"]


def test_an_entry_is_put_back_as_it_stands_in_the_file() -> None:
    for name, section in (("gpus.yaml", "gpus"), ("cloud.yaml", "cloud")):
        text = (data_directory() / name).read_text(encoding="utf-8")
        records = read_yaml(text.encode())[section]
        for record in records[::60]:
            assert put(text, record, section) == text, record["id"]
        new = {**records[0], "id": "zzz-new"}
        assert [r["id"] for r in read_yaml(put(text, new, section).encode())[section]][-1] == "zzz-new"


def test_figures_of_a_sheet_are_a_diff_by_field() -> None:
    records = {r["id"]: r for r in read_yaml((data_directory() / "gpus.yaml").read_bytes())["gpus"]}
    header = "id,field,value,date,source\n"
    (row,) = rows(f"{header}rtx-4090,used_price.usd,1500,{DAY},https://example.org/prices\n")
    after = apply(row, records)
    lines = [*differences(records["rtx-4090"], after)]
    assert (
        any(line.startswith("used_price") for line in lines)
        and f"checked: {records['rtx-4090']['checked']} -> {DAY}" in lines
    )
    (row,) = rows(f"{header}a10m,rates.fp16,90e12,{DAY},https://example.org/sheet\n")
    after = apply(row, records)
    assert (
        after["rates"]["fp16"] == 90e12
        and "fp16" not in after.get("unknown", {})
        and "https://example.org/sheet" in after["source"]
    )
    for bad, why in (
        ("no-such,power_watts,1,", "there is no such GPU"),
        ("rtx-4090,memory_bytes,-1,", "memory_bytes"),
        ("rtx-4090,colour,1,", "colour"),
    ):
        (row,) = rows(f"{header}{bad}{DAY},https://example.org\n")
        with pytest.raises(ValueError, match=why):
            apply(row, records)
    old = records["rtx-4090"]["street_price"]["date"] if "street_price" in records["rtx-4090"] else None
    if old:
        (row,) = rows(f"{header}rtx-4090,street_price.usd,1,2020-01-01,https://example.org\n")
        with pytest.raises(ValueError, match="is newer"):
            apply(row, records)
    with pytest.raises(ValueError, match="not a public address"):
        list(rows(f"{header}a10,power_watts,1,{DAY},a colleague\n"))


def wheel(path: Path, name: str, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path / name, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path / name


CACHE = (
    "class KVCache:\n    step = {step}\n\n    def grow(self, n=1):\n        '''{doc}'''\n        return n * {step}\n"
)
GENERATE = "def generate_step(prompt, *, prefill_step_size: int = 2048):\n    return prompt\n"


def test_a_constant_that_moved_is_told_and_one_that_stayed_too(tmp_path: Path) -> None:
    same = wheel(
        tmp_path,
        "mlx_lm-1.whl",
        {"mlx_lm/models/cache.py": CACHE.format(step=256, doc="a"), "mlx_lm/generate.py": GENERATE},
    )
    assert [f.state for f in compare(same)] == ["same", "same"]
    files = {"mlx_lm/models/cache.py": CACHE.format(step="2 * 256", doc="b")}
    moved, gone = compare(wheel(tmp_path, "mlx_lm-2.whl", files))
    assert (moved.state, moved.engine, moved.ours) == ("moved", 512, 256) and "512" in str(moved)
    assert gone.state == "gone" and "generate_step" in str(gone)


def test_what_a_release_changed_is_told_without_comments_and_layout(tmp_path: Path) -> None:
    before = wheel(
        tmp_path,
        "mlx_lm-1.whl",
        {"mlx_lm/models/cache.py": CACHE.format(step=256, doc="a"), "mlx_lm/generate.py": GENERATE},
    )
    quiet = wheel(
        tmp_path,
        "mlx_lm-2.whl",
        {"mlx_lm/models/cache.py": "# new\n" + CACHE.format(step=256, doc="b"), "mlx_lm/generate.py": GENERATE},
    )
    loud = wheel(
        tmp_path,
        "mlx_lm-3.whl",
        {"mlx_lm/models/cache.py": CACHE.format(step=512, doc="a"), "mlx_lm/generate.py": "def other(): ...\n"},
    )
    assert [*changed(before, quiet, files_of("mlx_lm"))] == []
    assert [line.split() for line in changed(before, loud, files_of("mlx_lm"))] == [
        ["removed", "mlx_lm/generate.py:", "generate_step"],
        ["added", "mlx_lm/generate.py:", "other"],
        ["changed", "mlx_lm/models/cache.py:", "KVCache.grow"],
    ]


def test_fields_that_an_engine_resolves_later_are_read_by_their_fallback(tmp_path: Path) -> None:
    text = "class Schedule:\n    max_prefill_tokens: A[int, Arg(help='x')] = 16384\n    mamba_full_memory_ratio: A[float, Arg(fallback=0.9)] = None\n"
    found = list(compare(wheel(tmp_path, "sglang-1.whl", {"sglang/srt/arg_groups/fields/schedule.py": text})))
    assert [f.state for f in found] == ["same", "same"]


def test_every_watched_constant_of_ours_is_there() -> None:
    from tools.refresh.engines import _ours

    assert all(_ours(one.ours) is not None for one in WATCHED)


def answer(repo: str, **files: int) -> bytes:
    """What the hub says of a repository when it is asked with blobs=true."""
    siblings = [{"rfilename": name, "size": size} for name, size in files.items()]
    return json.dumps({"id": repo, "sha": "0a1b2c3d", "siblings": [*siblings, {"rfilename": "README.md"}]}).encode()


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A files.json with one rounded listing of Qwen3-8B."""
    one = {
        "repo": "Qwen/Qwen3-8B-GGUF",
        "source": "https://example.com/a",
        "checked": "2026-01-01",
        "step": 107374182,
        "mtp": False,
    }
    one |= {"files": {"Q4_K_M": {"Qwen3-8B-Q4_K_M.gguf": 5046586573}, "Q8_0": {"Qwen3-8B-Q8_0.gguf": 8697308774}}}
    record = {"id": "qwen3-8b", "source": "https://example.com/b", "checked": "2026-01-01", "published": [one]}
    (tmp_path / "files.json").write_text(files_text([record]), encoding="utf-8")
    return tmp_path


def test_the_hubs_answer_takes_the_place_of_a_rounded_listing(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repo = "Qwen/Qwen3-8B-GGUF"
    (listed / repo).mkdir(parents=True)
    sizes = {
        "Qwen3-8B-Q4_K_M.gguf": 5_027_783_488,
        "UD-Q8_K_XL/Qwen3-8B-UD-Q8_K_XL-00001-of-00002.gguf": 6 * 10**9,
        "UD-Q8_K_XL/Qwen3-8B-UD-Q8_K_XL-00002-of-00002.gguf": 4 * 10**9,
        "BF16/Qwen3-8B-BF16-00001-of-00002.gguf": 9 * 10**9,
        "mmproj-F16.gguf": 900_000_000,
        "Qwen3-8B-imatrix.gguf": 5_000_000,
        "notes.gguf": 7,
    }
    (listed / repo / "repo.json").write_bytes(answer(repo, **sizes))
    where = ["--recorded", str(listed), "--data", str(listed / "files.json"), "--day", DAY, "--write"]
    assert refresh_files(where) == 1
    said = capsys.readouterr().out
    assert "Q8_0: {'Qwen3-8B-Q8_0.gguf': 8697308774} -> nothing" in said  # no longer there
    assert (
        f"left out: {repo}: BF16: 1 of 2 parts" in said
        and f"left out: {repo}: notes.gguf: its name says no format" in said
    )
    (record,) = json.loads((listed / "files.json").read_text(encoding="utf-8"))["files"]
    (one,) = record["published"]
    assert one["source"] == "https://huggingface.co/Qwen/Qwen3-8B-GGUF/tree/0a1b2c3d" and one["checked"] == DAY
    assert "step" not in one and one["mtp"] is False and list(one["projectors"]) == ["mmproj-F16.gguf"]
    assert {name: sum(files.values()) for name, files in one["files"].items()} == {
        "Q4_K_M": 5_027_783_488,
        "UD-Q8_K_XL": 10**10,
    }
    assert refresh_files(where) == 0  # what is known proposes nothing


def test_a_rounded_listing_adds_formats_and_takes_none_away(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def app(day: str, **sizes: str) -> int:
        path = "https://huggingface.co/Qwen/Qwen3-8B-GGUF/resolve/main/"
        quants = [{"path": f"{path}Qwen3-8B-{name}.gguf", "file_size": size} for name, size in sizes.items()]
        other = {
            "path": "https://huggingface.co/someone/Qwen3-8B-GGUF/resolve/main/Qwen3-8B-Q5_0.gguf",
            "file_size": "9 GB",
        }
        (listed / "app.json").write_text(json.dumps({"models": [{"quants": [*quants, other]}]}), encoding="utf-8")
        source = ["--source", "https://example.com/app", "--day", day]
        return refresh_files(
            ["--app", str(listed / "app.json"), "--data", str(listed / "files.json"), *source, "--write"]
        )

    assert app("2025-12-31", Q6_K="6.3 GB") == 0  # older than what is known
    assert app("2026-02-01", Q4_K_M="4.7 GB", Q6_K="6.3 GB") == 1
    assert "Q6_K: nothing -> {'Qwen3-8B-Q6_K.gguf': 6764573491}" in capsys.readouterr().out
    (record,) = json.loads((listed / "files.json").read_text(encoding="utf-8"))["files"]
    assert [[*one["files"]] for one in record["published"]] == [["Q4_K_M", "Q6_K"], ["Q8_0"]]


def test_the_shipped_listings_are_written_as_the_tool_writes_them() -> None:
    shipped = (data_directory() / "files.json").read_text(encoding="utf-8")
    assert files_text(json.loads(shipped)["files"]) == shipped
