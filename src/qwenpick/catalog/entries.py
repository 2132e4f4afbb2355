"""Entries by id that are validated when first used: one model of a catalogue of hundreds costs one validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)
Record = Mapping[str, Any]


class Entries(Mapping[str, T], Generic[T]):
    """A read-only mapping from id to entry. `records` gives the raw records, by id, when first needed; `beside` what lies elsewhere."""

    def __init__(
        self,
        kind: type[T],
        records: Callable[[], Mapping[str, Record]],
        beside: Callable[[str], Record] | None = None,
    ) -> None:
        self._kind = kind
        self._read = records
        self._beside = beside
        self._records: Mapping[str, Record] | None = None
        self._entries: dict[str, T] = {}

    @property
    def records(self) -> Mapping[str, Record]:
        """The raw records by id, as they stand in the file."""
        if self._records is None:
            self._records = self._read()
        return self._records

    def __getitem__(self, key: str) -> T:
        if key not in self._entries:
            record = self.records[key]
            self._entries[key] = self._kind.model_validate({**self._beside(key), **record} if self._beside else record)
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __contains__(self, key: object) -> bool:
        return key in self.records


def mentioning(entries: Mapping[str, T], text: str) -> Iterable[tuple[str, Record]]:
    """(id, raw record) of the entries that have this text, or number, somewhere, of ASCII in any case; of the shipped ones few others are read."""
    found = records(entries)
    quick = getattr(found, "mentioning", None)
    return quick(text) if quick else found.items()


def records(entries: Mapping[str, T]) -> Mapping[str, Record]:
    """The raw records of a mapping of entries, without validating them where it is lazy."""
    return entries.records if isinstance(entries, Entries) else {key: vars(entry) for key, entry in entries.items()}
