"""An accelerator: memory, bandwidth, rates, names that people and drivers give it, prices."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from qwenpick.catalog.fact import Date, Fact, Id, Line, Positive
from qwenpick.catalog.vendors import Vendor

PCI_ID = r"^[0-9a-f]{4}:[0-9a-f]{4}(/[0-9a-f]{4}:[0-9a-f]{4})?$"

LEAST_RATE = 1e9  # bytes/s or FLOP/s; what is less was written in GB/s or TFLOP/s


class Price(Fact):
    """What it cost, where and when: prices move weekly. `usd` to `usd_to`, `cny` to `cny_to` are ranges where the source gives one."""

    usd: float | None = Field(default=None, gt=0)
    usd_to: float | None = Field(default=None, gt=0)
    cny: float | None = Field(default=None, gt=0)
    cny_to: float | None = Field(default=None, gt=0)
    text: str | None = Field(default=None, description="The source's own words, beside the figure")
    date: Date | None = None
    source: str | None = None


class Rates(Fact):
    """Dense rates in FLOP/s (OP/s for int8), without sparsity, of one device. `*_supported` says what the hardware has units for."""

    fp16: float | None = Field(default=None, ge=LEAST_RATE, description="Tensor units, FP32 accumulation")
    fp16_basis: str | None = Field(
        default=None, description="datasheet, computed from units x clock, or whose estimate"
    )
    fp16_accumulate16: float | None = Field(default=None, ge=LEAST_RATE, description="Tensor units, FP16 accumulation")
    fp16_vector: float | None = Field(default=None, ge=LEAST_RATE, description="Without tensor units")
    int8: float | None = Field(default=None, ge=LEAST_RATE)
    fp8: float | None = Field(default=None, ge=LEAST_RATE)
    fp4: float | None = Field(default=None, ge=LEAST_RATE)
    bf16_supported: bool | None = None
    fp8_supported: bool | None = None
    fp4_supported: bool | None = None


class EngineBuild(Fact):
    """An engine that runs on an accelerator in a build of its own: the vendor's fork or plug-in."""

    engine: str
    build: str = Field(description="The fork or plug-in, with its version where it is known")
    note: str | None = None
    source: str


class Unknown(Fact):
    """Why a figure that planning needs is absent: nothing is missing without a reason on parts of the last six years."""

    memory_bytes: str | None = None
    bandwidth: str | None = None
    fp16: str | None = Field(default=None, description="Of the matrix units")
    power_watts: str | None = None


class Gpu(Fact):
    """An accelerator as sold. All figures but power and price are of one device as the driver shows it (an MI250 board shows two)."""

    id: Id
    name: Line
    name_zh: Line | None = Field(default=None, description="As it is called in Chinese")
    vendor: Vendor
    segment: Literal["consumer", "workstation", "datacenter", "laptop", "soc"]
    generation: str | None = None
    aliases: tuple[str, ...] = Field(default=(), description="Names that drivers report; not unique: match with memory")
    nicknames: tuple[str, ...] = Field(
        default=(), description="What people call it: wins over other parts whose name contains these words"
    )
    compute_capability: str | None = Field(default=None, description="NVIDIA 8.9, AMD gfx1151, Metal")
    memory_bytes: Positive | None = Field(
        default=None, description="As sold: GiB for a marketing GB, decimal where the notes say so"
    )
    usable_bytes: Positive | None = Field(
        default=None, description="What the driver reports as total, where it was seen; Apple: Metal's working set"
    )
    usable_note: str | None = None
    cuda_bytes: Positive | None = Field(
        default=None, description="What CUDA gives as the total, where logs of engines print it: less than the driver's"
    )
    memory_type: str | None = None
    unified: bool = Field(default=False, description="Its memory is the machine's RAM")
    devices_per_board: Positive = 1
    bandwidth: float | None = Field(default=None, ge=LEAST_RATE, description="Bytes/s")
    rates: Rates = Field(default_factory=Rates)
    power_watts: float | None = Field(default=None, gt=0, description="Of the board")
    power_note: str | None = Field(default=None, description="Which limit that is, where there are several")
    nvlink_bandwidth: float | None = Field(default=None, ge=LEAST_RATE, description="Bytes/s, both directions together")
    pcie_generation: Positive | None = None
    pcie_lanes: Positive | None = None
    pci_ids: tuple[Annotated[str, StringConstraints(pattern=PCI_ID)], ...] = Field(
        default=(), description="vendor:device, with /subvendor:subdevice where parts share the device id"
    )
    released: Date | None = None
    status: Literal["shipping", "discontinued", "announced", "rumoured"]
    sold_until: Date | None = Field(default=None, description="When its maker stopped selling it")
    launch_price: Price | None = None
    street_price: Price | None = Field(default=None, description="Of new parts")
    used_price: Price | None = None
    cloud_price: Price | None = Field(default=None, description="USD an hour; the shipped file leaves it to cloud.yaml")
    engines: tuple[EngineBuild, ...] = ()
    unknown: Unknown = Field(default_factory=Unknown)
    notes: str | None = None
    source: str
    checked: Date


ON_SALE = frozenset({"consumer", "workstation", "datacenter", "soc"})
