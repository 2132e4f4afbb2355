"""Which accelerator people and drivers mean."""

from __future__ import annotations

import sys

import pytest

from qwenpick.catalog import Catalog, find_gpu, load, match_gpu
from qwenpick.catalog.entries import records
from qwenpick.catalog.gpus import twins, variants
from qwenpick.errors import QwenpickError
from qwenpick.units import GIB, MIB


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("rtx 4090", "rtx-4090"),
        ("4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("rtx4090", "rtx-4090"),
        ("rtx-4090", "rtx-4090"),
        ("4090 laptop", "rtx-4090-laptop"),
        ("rtx 4090 mobile", "rtx-4090-laptop"),
        ("4090d", "rtx-4090-d"),
        ("rtx 4090 48gb", "rtx-4090-48gb-modded"),
        ("a100", "a100-sxm4-80gb"),
        ("a100 80gb", "a100-sxm4-80gb"),
        ("a100 40gb", "a100-sxm4-40gb"),
        ("a100 pcie 40 GB", "a100-pcie-40gb"),
        ("h100", "h100-sxm5-80gb"),
        ("h100 94gb", "h100-nvl-94gb"),
        ("h200", "h200-sxm"),
        ("v100 16gb", "v100-sxm2-16gb"),
        ("T4", "t4"),
        ("rtx 3060", "rtx-3060-12gb"),
        ("rtx 3060 8gb", "rtx-3060-8gb"),
        ("rtx 3080", "rtx-3080-10gb"),
        ("4060 ti", "rtx-4060-ti-16gb"),
        ("a6000", "rtx-a6000"),
        ("rtx 6000 ada", "rtx-6000-ada"),
        ("rtx pro 6000", "rtx-pro-6000-blackwell-workstation"),
        ("gb10", "gb10"),
        ("dgx spark", "gb10"),
        ("orin nano", "jetson-orin-nano-8gb"),
        ("rx 7900 xtx", "rx-7900-xtx"),
        ("7900xtx", "rx-7900-xtx"),
        ("mi300x", "mi300x"),
        ("strix halo", "ryzen-ai-max-395-128gb"),
        ("strix halo 64gb", "ryzen-ai-max-395-64gb"),
        ("780m", "ryzen-7040-8040-radeon-780m"),
        ("arc b580", "arc-b580"),
        ("b580", "arc-b580"),
        ("m4 max", "m4-max-128gb"),
        ("m4max 64gb", "m4-max-64gb"),
        ("Apple M3 Ultra 512GB", "m3-ultra-512gb"),
        ("910b", "ascend-910b"),
        ("昇腾 910B", "ascend-910b"),
        ("海光K100", "hygon-k100"),
        ("昆仑芯 P800", "kunlun-p800"),
        ("沐曦C500", "metax-c500"),
        ("摩尔线程S4000", "mtt-s4000"),
        ("寒武纪MLU370", "mlu370-x8"),
        ("Atlas 300I Duo", "atlas-300i-duo"),
        ("5090d", "rtx-5090-d"),
        ("h20", "h20-96gb"),
        ("l20", "l20"),
        ("rtx pro 6000 server", "rtx-pro-6000-blackwell-server"),
        ("Mac mini M4 Pro 64GB", "m4-pro-64gb"),
        ("macbook pro m4 max 128gb", "m4-max-128gb"),
        ("m2 macbook air 16gb", "m2-16gb"),
        ("mac studio m3 ultra", "m3-ultra-512gb"),
        ("macbook neo", "macbook-neo-8gb"),
        ("ryzen ai 9 hx 370", "ryzen-ai-hx-370-radeon-890m"),
        ("3080 20g 魔改", "rtx-3080-20gb-modded"),
        ("天数 BI-V100", "iluvatar-bi-v100"),
        ("rx 5700", "rx-5700"),
        ("rx 5700 xt", "rx-5700-xt"),
        ("gtx 970", "gtx-970"),
        ("cmp 170hx", "cmp-170hx-8gb"),
        ("titan x", "titan-x-pascal"),
        ("gtx titan x", "gtx-titan-x-maxwell"),
        ("quadro t1000", "quadro-t1000-laptop"),
    ],
)
def test_a_name_as_people_write_it_means_one_part(catalog: Catalog, said: str, meant: str) -> None:
    assert find_gpu(catalog, said).id == meant


def test_every_id_and_every_full_name_means_itself(catalog: Catalog) -> None:
    for gpu in catalog.gpus.values():
        assert find_gpu(catalog, gpu.id).id == gpu.id
        assert find_gpu(catalog, gpu.name).name.split(" (")[0] == gpu.name.split(" (")[0], gpu.name


@pytest.mark.parametrize(
    ("said", "slower", "faster"),
    [("rtx 3060 ti", "rtx-3060-ti", "rtx-3060-ti-gddr6x"), ("gtx 1650", "gtx-1650-gddr5", "gtx-1650-gddr6")],
)
def test_of_boards_that_differ_in_their_bus_alone_the_slower_is_planned_and_the_others_named(
    catalog: Catalog, said: str, slower: str, faster: str
) -> None:
    gpu = find_gpu(catalog, said)
    assert gpu.id == slower
    (other,) = twins(catalog, gpu)
    assert other.id == faster and (other.bandwidth or 0) > (gpu.bandwidth or 0)


@pytest.mark.parametrize("said", ["xeon 6", "Ryzen 9 9950X", "core i7-14700k", "EPYC 9654"])
def test_a_processor_is_not_taken_for_a_gpu(catalog: Catalog, said: str) -> None:
    with pytest.raises(QwenpickError, match="is a processor; --cpu-only"):
        find_gpu(catalog, said)


def test_an_unknown_gpu_is_answered_with_the_nearest_name(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError) as error:
        find_gpu(catalog, "rtx-9999")
    assert (
        str(error.value)
        == "there is no GPU 'rtx-9999' in the catalog (qwenpick gpus lists them; or give its memory: --vram 8GiB)"
    )


def test_a_name_of_several_different_parts_is_refused_with_the_choices(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match=r"'rtx 6000' can mean quadro-rtx-6000, rtx-6000-ada, rtx-pro-6000"):
        find_gpu(catalog, "rtx 6000")


def test_a_memory_size_that_is_not_sold_is_refused_with_the_sizes_that_are(catalog: Catalog) -> None:
    with pytest.raises(
        QwenpickError,
        match=r"there is no 'm4 pro 13gb' with that memory; there is m4-pro-24gb, m4-pro-48gb, m4-pro-64gb",
    ):
        find_gpu(catalog, "m4 pro 13gb")


@pytest.mark.parametrize(
    ("driver_name", "total_mib", "pci_id", "meant"),
    [
        ("Tesla T4", 15360, None, "t4"),
        ("NVIDIA A10G", 23028, None, "a10g"),
        ("NVIDIA GeForce RTX 4090", 24564, "10de:2684", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", 49140, "10de:2684", "rtx-4090-48gb-modded"),
        ("NVIDIA GeForce RTX 2080 Ti", 22528, None, "rtx-2080-ti-22gb-modded"),
        ("NVIDIA GeForce RTX 3060", 8192, None, "rtx-3060-8gb"),
        ("NVIDIA GeForce RTX 3060", 12288, None, "rtx-3060-12gb"),
        ("NVIDIA GeForce RTX 5060 Ti", 8151, "10de:2d04", "rtx-5060-ti-8gb"),
        ("NVIDIA GeForce RTX 5060 Ti", 16311, "10de:2d04", "rtx-5060-ti-16gb"),
        ("NVIDIA H100 80GB HBM3", 81559, None, "h100-sxm5-80gb"),
        ("NVIDIA H100 NVL", 95830, None, "h100-nvl-94gb"),
        ("NVIDIA H100", 95830, "10de:2339", "h100-sxm5-94gb-custom"),
        ("NVIDIA Graphics Device", 95830, "10de:233f", "h100-nvl-94gb"),
        ("NVIDIA A40", 49140, None, "a40"),
        ("Tesla P40", 23040, None, "p40"),
        ("NVIDIA A2", 15356, "10de:25b6/10de:157e", "a2"),
        ("NVIDIA A16", 15356, "10de:25b6/10de:14a9", "a16"),
        ("", 48935, "10de:2bb3/10de:204d", "rtx-pro-5000-blackwell-48gb"),
        ("", 73000, "10de:2bb3/10de:227a", "rtx-pro-5000-blackwell-72gb"),
        ("NVIDIA GB10", None, None, "gb10"),
        ("NVIDIA Corporation Device [10de:2e12]", None, "10de:2e12", "gb10"),
        ("Orin (nvgpu)", 31232, None, "jetson-agx-orin-32gb"),
        ("NVIDIA GH200 480GB", 97871, None, "gh200-96gb"),
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9984, None, "a100-sxm4-80gb"),
        ("GRID A100-40C", 40960, None, "a100-sxm4-40gb"),
        ("AMD Radeon RX 7900 XTX (RADV NAVI31)", 24560, None, "rx-7900-xtx"),
        ("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]", 20464, "1002:744c", "rx-7900-xt"),
        ("AMD Radeon 8060S Graphics", 98304, "1002:1586", "ryzen-ai-max-395-96gb"),
        ("Apple M4 Max", 131072, None, "m4-max-128gb"),
        ("Apple M3 Max", 36864, None, "m3-max-36gb"),
        ("Intel(R) Arc(TM) A770 Graphics", 16288, "8086:56a0", "arc-a770-16gb"),
    ],
)
def test_a_probed_device_is_matched_by_pci_id_name_and_memory(
    catalog: Catalog, driver_name: str, total_mib: int | None, pci_id: str | None, meant: str
) -> None:
    gpu = match_gpu(catalog, driver_name, total_mib * MIB if total_mib else None, pci_id)
    assert gpu is not None and gpu.id == meant


@pytest.mark.parametrize(
    "driver_name", ["JMJWOA-Generic-GPU", "Apple Paravirtual device", "", "NVIDIA Graphics Device"]
)
def test_a_device_that_nothing_identifies_matches_nothing(catalog: Catalog, driver_name: str) -> None:
    assert match_gpu(catalog, driver_name, 8 * GIB) is None


def test_a_name_with_an_impossible_memory_matches_nothing(catalog: Catalog) -> None:
    # an intercepted NVML reported 17592186044134 MiB
    assert match_gpu(catalog, "NVIDIA GeForce RTX 4070", 17592186044134 * MIB) is None


@pytest.mark.parametrize(
    ("said", "near"),
    [("rtx 3009", "rtx-3090"), ("rtx 5007 ti", "rtx-5070-ti"), ("k40", ""), ("uhd 630", ""), ("gt 730", "")],
)
def test_a_suggestion_has_the_digits_that_were_said(catalog: Catalog, said: str, near: str) -> None:
    with pytest.raises(QwenpickError) as error:
        find_gpu(catalog, said)
    assert (f"did you mean {near}?" in str(error.value)) if near else ("did you mean" not in str(error.value))


@pytest.mark.parametrize(
    ("name", "pci", "gib", "meant"),
    [
        ("AMD Radeon Graphics", "1002:73ff", 8, "rx-6600"),
        ("AMD Radeon RX 6600 XT", "1002:73ff", 8, "rx-6600-xt"),
        ("Radeon RX 6600 XT", "1002:73ff", 8, "rx-6600-xt"),
        ("AMD Radeon Graphics", "1002:73df", 12, "rx-6700-xt"),
        ("AMD Radeon Graphics", "1002:743f", 4, "rx-6400"),
        ("AMD Radeon Graphics", "1002:744c", 24, "rx-7900-xtx"),
        ("AMD Radeon Graphics", "1002:744c", 20, "rx-7900-xt"),
    ],
)
def test_of_boards_with_one_pci_id_the_slowest_that_the_memory_allows(
    catalog: Catalog, name: str, pci: str, gib: int, meant: str
) -> None:
    found = match_gpu(catalog, name, gib * GIB, pci)
    assert found is not None
    assert found.id == meant


def test_an_id_with_spaces_is_that_id_whatever_else_holds_the_words(catalog: Catalog) -> None:
    assert find_gpu(catalog, "rx 590").id == "rx-590"  # not MLU590
    assert find_gpu(catalog, "RTX PRO 6000D Blackwell").id == "rtx-pro-6000d-blackwell"
    assert find_gpu(catalog, "rtx 3050 laptop").id == "rtx-3050-6gb-laptop"  # of laptop parts the slowest


def test_alike_parts_are_found_in_the_lines_of_the_cache_as_among_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["qwenpick.catalog.gpus"]
    shipped = load(own=False)

    def alike() -> dict[str, tuple[list[str], list[str]]]:
        some = [shipped.gpus[key] for key in list(shipped.gpus)[::2]]
        return {gpu.id: ([g.id for g in variants(shipped, gpu)], [g.id for g in twins(shipped, gpu)]) for gpu in some}

    found = alike()
    assert sum(len(same) > 1 for same, _twins in found.values()) > 10
    assert sum(bool(others) for _same, others in found.values()) > 1
    monkeypatch.setattr(module, "mentioning", lambda entries, _text: records(entries).items())
    assert alike() == found
