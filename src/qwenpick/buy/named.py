"""GPUs as they are named to be compared, how many of each, and the box that they are compared in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu
    from qwenpick.machine.hardware import Machine


@dataclass(frozen=True, slots=True)
class Cards:
    """`count` of one GPU in a box."""

    gpu: Gpu
    count: int = 1

    @property
    def name(self) -> str:
        """`2 x GeForce RTX 3090`."""
        return f"{self.count} x {self.gpu.name}" if self.count > 1 else self.gpu.name


@dataclass(frozen=True, slots=True)
class Rest:
    """What a box has beside its GPUs: RAM in bytes, the system, and what the desktop keeps of a GPU; None is what is usual."""

    ram: int | None = None
    system: str | None = None
    reserve: int | None = None

    def box(self, catalog: Catalog, cards: Cards) -> Machine:
        """These cards in such a box."""
        from qwenpick.machine.simulate import simulate

        words = cards.gpu.id if cards.count == 1 else f"{cards.count}x {cards.gpu.id}"
        return simulate(catalog, [words], ram=self.ram, system=self.system, reserve=self.reserve)


USUAL = Rest()


def read_cards(catalog: Catalog, words: str) -> Cards:
    """What `2x rtx 3090` means. Raises QwenpickError with the nearest name."""
    from qwenpick.catalog import find_gpu
    from qwenpick.machine.gpu_words import counted

    count, name = counted(words)
    return Cards(find_gpu(catalog, name), count)


def one_of(catalog: Catalog, words: str) -> Gpu:
    """The GPU of that name, of which it is asked how many it takes. Raises QwenpickError where the words say a number."""
    cards = read_cards(catalog, words)
    if cards.count > 1:
        raise QwenpickError(_("plan says how many of a GPU it takes: name it once, --gpu '{name}'", name=cards.gpu.id))
    return cards.gpu
