"""What RAM of a pretended box gives, where nobody says: the memory that boxes of that make and size are sold with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.units import GIB

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu

DDR4 = 51.2e9, N_("assumed: dual-channel DDR4-3200")  # bytes/s: 2 channels x 8 bytes x 3200 MT/s
DDR5 = 89.6e9, N_("assumed: dual-channel DDR5-5600")  # 2 x 8 x 5600
SERVER = 204.8e9, N_("assumed: a server's eight channels of DDR4-3200")  # 8 x 8 x 3200
MOST_OF_A_DESKTOP = 256 * GIB  # four modules of 64 GB: no board with two channels takes more
DDR5_MODULES = (24 * GIB, 48 * GIB)  # sizes that are sold as DDR5 only
SINCE = "2022-10"  # cards sold since then (Ada, RDNA 3, Battlemage, Blackwell) mostly stand on DDR5 boards


def assumed_ram(gpus: Iterable[Gpu], ram: int | None) -> tuple[float, str]:
    """(bytes/s, what is assumed), by the size of the RAM and the age of the newest card.

    >>> assumed_ram([], 96 * GIB)[1], assumed_ram([], 64 * GIB)[1], assumed_ram([], 768 * GIB)[0]
    ('assumed: dual-channel DDR5-5600', 'assumed: dual-channel DDR4-3200', 204800000000.0)
    """
    if ram and ram > MOST_OF_A_DESKTOP:
        return SERVER
    pairs_of_ddr5 = ram is not None and any(ram in (2 * module, 4 * module) for module in DDR5_MODULES)
    recent = any((gpu.released or "") >= SINCE for gpu in gpus)
    return DDR5 if pairs_of_ddr5 or recent else DDR4
