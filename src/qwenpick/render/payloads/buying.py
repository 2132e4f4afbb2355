"""What plan and compare answer."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from qwenpick.render.payloads.plans import MachineValues, PlanValues


class OfferValues(TypedDict):
    """Price, power and memory are of all `count` GPUs, in `nodes` boxes; ram, disk and threads are what the box, or each node, should have."""

    gpu: str
    count: int
    nodes: int
    memory: int
    longest_context: int | None
    price_usd: float | None
    price_note: str | None
    power_watts: float | None
    ram: int
    disk: int
    threads: int
    plan: PlanValues


class NamedOfferValues(TypedDict):
    """Which of the offers."""

    gpu: str
    count: int
    price_usd: float | None


class PlanCommandValues(TypedDict):
    """cheapest, comfortable (the cheapest that is), fastest (of known price, within the budget) and smallest are of the offers; null where none is.

    rent is the id of the machine for rent of the cheapest hour; after break_even_hours of it the comfortable (else the cheapest) offer is paid.
    """

    model: str
    task: str | None
    cheapest: NamedOfferValues | None
    comfortable: NamedOfferValues | None
    fastest: NamedOfferValues | None
    smallest: NamedOfferValues | None
    rent: str | None
    rent_usd_per_hour: float | None
    break_even_hours: float | None
    offers: list[OfferValues]


class OfferedValues(TypedDict):
    """A machine for rent that runs the model."""

    offer: str
    provider: str
    instance: str
    region: str
    gpu: str
    count: int
    vcpus: int | None
    ram_bytes: int | None
    spot_usd_per_hour: float | None
    price_date: str
    longest_context: int | None
    plan: PlanValues


class RentedValues(OfferedValues):
    """usd_per_million_tokens is for generated tokens with all sequences busy."""

    usd_per_hour: float
    usd_per_million_tokens: float | None


class RentedInYuanValues(OfferedValues):
    """The same of machines that are priced in yuan."""

    cny_per_hour: float
    cny_per_million_tokens: float | None


class RentedCommandValues(TypedDict):
    """What plan --cloud prints."""

    model: str
    rented: list[RentedValues]
    rented_cny: list[RentedInYuanValues]


class SideValues(TypedDict):
    """quick is whether it is as fast as --min-speed asks, left_out why recommend would not offer it, null where it would."""

    model: str
    fits: bool
    why_not: str | None
    plan: PlanValues | None
    longest_context: int | None
    sequences: int
    usable: bool
    quick: NotRequired[bool]
    left_out: NotRequired[str | None]
    quality: float | None
    seconds_to_answer: float | None


class CardValues(TypedDict):
    """plan is the usable one of four bits or more that the card would run; plans and contexts by precision (fp16, 8bit, 4bit)."""

    gpu: str
    count: NotRequired[int]
    sequences: int
    plan: PlanValues | None
    plans: dict[str, PlanValues | None]
    longest_context: dict[str, int | None]


class GotValues(TypedDict):
    """The best that a card alone runs for the task; null where nothing is usable. Gains are beside the first of the cards."""

    name: str
    gpu: str | None
    price_usd: float | None
    price_note: str | None
    quality: float | None
    seconds_to_answer: float | None
    longest_context: int | None
    points_gained: float | None
    times_as_fast: float | None
    plan: PlanValues | None


class CompareValues(TypedDict):
    """One of models (on one box), gpus (for one model) and cards (which model each gets one); the others are empty.

    best is the id of the model, or the name of the card, that goes first for the task; null where none does.
    upgrade: the first card is the one at hand.
    """

    models: list[SideValues]
    gpus: list[CardValues]
    cards: list[GotValues]
    machine: MachineValues | None
    task: str | None
    best: str | None
    upgrade: bool
