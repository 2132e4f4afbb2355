"""Files that people lay over the catalogue: what is wrong is said, what is right is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwenpick.catalog import find_gpu, load
from qwenpick.catalog.check import check
from qwenpick.errors import QwenpickError

GPU = (
    "gpus:\n"
    "  - {id: my-card, name: My Card, vendor: nvidia, segment: consumer, memory_bytes: 17179869184, "
    "status: shipping, source: the box, checked: '2026-11-24'}\n"
)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_valid_file_has_no_problems_and_is_laid_over_the_shipped_one(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.yaml", GPU)
    assert check(file) == []
    catalog = load([file], own=False)
    assert find_gpu(catalog, "my card").id == "my-card"
    assert find_gpu(catalog, "rtx 4090").id == "rtx-4090"


def test_an_entry_of_the_same_id_replaces_the_shipped_one_and_the_last_file_wins(tmp_path: Path) -> None:
    one = write(tmp_path / "1.yaml", GPU.replace("my-card", "rtx-4090"))
    two = write(tmp_path / "2.yaml", GPU.replace("my-card", "rtx-4090").replace("My Card", "Other Card"))
    assert load([one], own=False).gpus["rtx-4090"].name == "My Card"
    assert load([one, two], own=False).gpus["rtx-4090"].name == "Other Card"
    assert len(load([one, two], own=False).gpus) == len(load(own=False).gpus)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty; it needs a list 'architectures', 'models', 'gpus' or 'cloud'"),
        ("- a\n", "line 1: the file must be a mapping with architectures, models, files, derivatives, gpus, cloud, not list"),
        ("modles: []\n", "line 1: unknown section 'modles'; did you mean models? it can be architectures, models, files, derivatives, gpus, cloud"),
        ("models: 3\n", "line 1: 'models' must be a list of entries, each starting with '- id:'"),
        ("models:\n- name: x\n", "line 2: this model has no 'id'; add one, for example 'id: my-model'"),
        ("models: [\n - {a: b\n", "line 2, column 2: this is not YAML: did not find expected node content "
         "(check indentation, colons and quotes there)"),
        (GPU.replace("vendor: nvidia", "vendor: nvidea"), "line 2: gpu 'my-card': 'vendor' is 'nvidea'; did you mean nvidia? "
         "it can be nvidia, amd, intel, apple, ascend, hygon, kunlunxin, metax, mthreads, cambricon, thead, iluvatar, enflame, biren, "
         "qualcomm, other"),
        (GPU.replace("memory_bytes", "memory_byte"), "line 2: gpu 'my-card': unknown field 'memory_byte'; did you mean memory_bytes?"),
        (GPU.replace("17179869184", "16GB"), "line 2: gpu 'my-card': 'memory_bytes' must be a whole number, not '16GB'"),
        (GPU.replace("vendor: nvidia", "vendor: nvidia, bandwidth: 1008"),
         "line 2: gpu 'my-card': 'bandwidth' must be at least 1,000,000,000, not 1008"),
        (GPU.replace("17179869184", "-1"), "line 2: gpu 'my-card': 'memory_bytes' must be more than 0, not -1"),
        (GPU.replace("source: the box, ", ""), "line 2: gpu 'my-card': field 'source' is missing; add it"),
        (GPU.replace("'2026-11-24'", "2026"), "line 2: gpu 'my-card': 'checked' must be text; put 2026 in quotes"),
        (GPU.replace("2026-11-24", "٢٠٢٦"), "line 2: gpu 'my-card': 'checked' is '٢٠٢٦'; write a date such as 2026-11-23"),
        (GPU.replace("'2026-11-24'", "yesterday"), "line 2: gpu 'my-card': 'checked' is 'yesterday'; write a date such as 2026-11-23"),
        (GPU.replace("my-card", "My Card"), "line 2: gpu 'My Card': 'id' is 'My Card'; write lower-case letters, digits, dots, plus and hyphens"),
        (GPU.replace("name: My Card,", "name: My Card, name: X,"), "line 2: 'name' appears again (first on line 2); keep one"),
        (GPU + GPU.removeprefix("gpus:\n"), "line 3: gpu 'my-card' appears twice in this file; remove one or give it another id"),
        ("cloud:\n- {id: a, provider: p, instance: i, gpu: rtx-409, gpu_name: g, region: r, price_date: '2026', source: s, checked: '2026'}\n",
         "line 2: cloud offer 'a': gpu 'rtx-409' is not in the catalog; did you mean rtx-4090?"),
    ],
)  # fmt: skip
def test_a_problem_names_line_entry_field_and_remedy(tmp_path: Path, content: str, problem: str) -> None:
    file = write(tmp_path / "mine.yaml", content)
    assert check(file) == [problem]
    with pytest.raises(QwenpickError) as error:
        load([file], own=False)
    assert str(error.value) == f"{file}: {problem}"


def test_faults_inside_a_layer_are_named_by_their_place(tmp_path: Path) -> None:
    layers = "[{kind: full_attentoin}, {kind: full_attention, heads: 1, kv_heads: 1, head_dim: 1, qkv_bais: true}]"
    entry = (
        "id: a, model_type: q, vocab_size: 1, hidden_size: 2, tied_embeddings: true, num_layers: 2, "
        f"layers: {layers}, mlp: {{kind: dense, intermediate_size: 1}}, source: x, checked: '2026'"
    )
    assert check(write(tmp_path / "a.yaml", f"architectures:\n- {{{entry}}}\n")) == [
        "line 2: architecture 'a': 'layers.1.kind' must be one of 'full_attention', 'sliding_attention', 'linear_attention'",
        "line 2: architecture 'a': unknown field 'layers.2.qkv_bais'; did you mean qkv_bias?",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00\x00",
        b"a: &x [*x]\n",
        b"\x00",
        b"? [1, 2]\n: 3\n",
        b"!!python/object:os.system x\n",
        b"models: [5, [], {id: [1]}]\n",
    ],
)
def test_garbage_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = write(tmp_path / "g.yaml", content)
    assert check(file)
    with pytest.raises(QwenpickError):
        load([file], own=False)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert check(tmp_path / "no.yaml") == [f"cannot read '{tmp_path / 'no.yaml'}': no such file or directory"]
    with pytest.raises(QwenpickError, match="cannot read"):
        load([tmp_path / "no.yaml"], own=False)


def test_the_persons_own_file_is_read_without_being_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qwenpick").mkdir()
    write(tmp_path / "qwenpick" / "catalog.yaml", GPU)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "my-card" in load().gpus
    assert "my-card" not in load(own=False).gpus


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    documentation = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text(encoding="utf-8")
    example = documentation.split("```yaml\n")[1].split("```")[0]
    assert check(write(tmp_path / "example.yaml", example)) == []
