"""The only module that knows GiB from GB: reading and printing sizes and context lengths.

Inside qwenpick sizes are `int` bytes and contexts are `int` tokens; units exist at the edges only.
"""

from __future__ import annotations

import re

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
KB, MB, GB, TB = 10**3, 10**6, 10**9, 10**12

# A bare letter is binary, as Docker, Kubernetes' "Gi" users and the engines' own flags read it; "GB" is decimal.
_BYTE_UNITS = {
    "kib": KIB, "mib": MIB, "gib": GIB, "tib": TIB,
    "ki": KIB, "mi": MIB, "gi": GIB, "ti": TIB,
    "k": KIB, "m": MIB, "g": GIB, "t": TIB,
    "kb": KB, "mb": MB, "gb": GB, "tb": TB,
    "b": 1,
}  # fmt: skip
_NUMBER_UNIT = re.compile(r"\s*(\d+(?:[.,_]\d+)*)\s*([a-zA-Z]*)\s*", re.ASCII)
_LONGEST = 40  # characters of a size or a context that anybody writes
MOST_BYTES = 2**60  # 1 EiB: more than any machine
MOST_TOKENS = 2**24  # of a context, a batch or a cache: far beyond what any Qwen reads
MOST_SEQUENCES = 100_000


def parse_bytes(text: str) -> int:
    """Bytes of a size as people write it: `24GiB`, `24 GB`, `512MiB`, `24g`. A number without a unit is refused.

    >>> parse_bytes("24GiB"), parse_bytes("24 GB")
    (25769803776, 24000000000)
    """
    match = _NUMBER_UNIT.fullmatch(text) if len(text) <= _LONGEST else None
    if match:
        number, unit = _number(match[1]), match[2].lower()
        if unit in _BYTE_UNITS and number is not None:
            if number * _BYTE_UNITS[unit] > MOST_BYTES:
                raise QwenpickError(_("no machine has {text}: at most 1 EiB (2^60 bytes) is read", text=text.strip()))
            return round(number * _BYTE_UNITS[unit])
        if not unit and number is not None:
            raise QwenpickError(
                _(
                    "size '{text}' has no unit; write {number}GiB (2^30) or {number}GB (10^9)",
                    text=text,
                    number=match[1],
                )
            )
    raise QwenpickError(_("cannot read size '{text}'; write it like 24GiB, 24GB or 512MiB", text=shown(text)))


def parse_memory(text: str) -> int:
    """Bytes of RAM or VRAM as it is sold: `GB` and a bare number are GiB, `TB` is TiB, everything else is read as `parse_bytes` does.

    >>> parse_memory("24GB") == parse_memory("24") == parse_memory("24GiB") == 24 * GIB
    True
    """
    match = _NUMBER_UNIT.fullmatch(text)
    unit = {"": "GiB", "gb": "GiB", "tb": "TiB"}.get(match[2].lower()) if match else None
    return parse_bytes(f"{match[1]}{unit}" if match and unit else text)


def parse_rate(text: str) -> float:
    """Bytes/s of a bandwidth as people write it, always decimal: `89.6GB/s`, `89.6 GB`, `89.6` (GB/s), `1.2TB/s`.

    >>> parse_rate("89.6GB/s"), parse_rate("102")
    (89600000000.0, 102000000000.0)
    """
    match = _NUMBER_UNIT.fullmatch(re.sub(r"(?i)(/s|ps)\s*$", "", text))
    if match:
        number, factor = _number(match[1]), {"": GB, "mb": MB, "gb": GB, "tb": TB, "g": GB}.get(match[2].lower())
        if number and factor:
            return float(number * factor)
    raise QwenpickError(_("cannot read bandwidth '{text}'; write it like 89.6GB/s", text=text))


def parse_tokens(text: str) -> int:
    """Tokens of a context length as people write it: `32768`, `32k` (x 1024), `1M` (x 1,000,000, as in Qwen2.5-1M).

    >>> parse_tokens("32k"), parse_tokens("128K"), parse_tokens("40,960")
    (32768, 131072, 40960)
    """
    match = _NUMBER_UNIT.fullmatch(text) if len(text) <= _LONGEST else None
    if match:
        number, unit = _number(match[1]), match[2].lower()
        factor = {"": 1, "k": 1024, "ki": 1024, "m": 1_000_000}.get(unit)
        if factor is not None and number is not None and (tokens := round(number * factor)) > 0:
            if tokens > MOST_TOKENS:
                raise QwenpickError(
                    _(
                        "no model reads {text} tokens: at most {most:,} are planned for",
                        text=text.strip(),
                        most=MOST_TOKENS,
                    )
                )
            return tokens
    raise QwenpickError(
        _("cannot read '{text}' as a number of tokens; write it like 32768, 32k or 128K", text=shown(text))
    )


def parse_amount(text: str) -> int:
    """How many tokens or samples a data set has, in thousands of a thousand: `250k`, `100M`, `1.5B`.

    >>> parse_amount("100M"), parse_amount("1.5B")
    (100000000, 1500000000)
    """
    match = _NUMBER_UNIT.fullmatch(text) if len(text) <= _LONGEST else None
    if match:
        number, unit = _number(match[1]), match[2].lower()
        factor = {"": 1, "k": 1000, "m": 1_000_000, "b": 1_000_000_000}.get(unit)
        if factor is not None and number is not None and (amount := round(number * factor)) > 0:
            return amount
    raise QwenpickError(
        _("cannot read '{text}' as an amount of data; write it like 250k, 100M or 1.5B", text=shown(text))
    )


def parse_dollars(text: str) -> float:
    """USD as people write them: `1500`, `$1,500`, `1.5k`.

    >>> parse_dollars("$1,500"), parse_dollars("1.5k")
    (1500.0, 1500.0)
    """
    match = _NUMBER_UNIT.fullmatch(text.strip().removeprefix("$")) if len(text) <= _LONGEST else None
    if match and (number := _number(match[1])) is not None and match[2].lower() in ("", "k", "usd"):
        return number * (1000 if match[2].lower() == "k" else 1)
    raise QwenpickError(_("cannot read the budget '{text}'; write it like 1500 or $1,500", text=shown(text)))


def _number(digits: str) -> float | None:
    """'1_024' and '1,024' are 1024; '1.5' and '1,5' are one and a half; '1.5.2' is nothing."""
    if re.fullmatch(r"\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?", digits):
        return float(digits.replace(",", "").replace("_", ""))
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None


def format_bytes(size: int, digits: int = 2) -> str:
    """A size with its unit, in binary units: GiB from 1 GiB up, MiB below.

    >>> format_bytes(16381470720), format_bytes(5 * MIB), format_bytes(-3 * GIB)
    ('15.26 GiB', '5 MiB', '-3.00 GiB')
    """
    if abs(size) >= GIB:
        return f"{size / GIB:,.{digits}f} GiB"
    if abs(size) >= MIB or size == 0:
        return f"{size / MIB:.0f} MiB"
    return f"{size / KIB:.0f} KiB"


def format_gb(size: int) -> str:
    """A download size as hubs print it, in decimal GB, or TB.

    >>> format_gb(5027783232), format_gb(2007900000000)
    ('5.03 GB', '2.01 TB')
    """
    return f"{size / TB:.2f} TB" if size >= TB else f"{size / GB:.2f} GB"


def format_tokens(tokens: int) -> str:
    """A context length, exactly, as `parse_tokens` reads it back: in k (1,024) or M (1,000,000) where it is whole, in tokens otherwise.

    >>> format_tokens(32768), format_tokens(1010000), format_tokens(10000)
    ('32k', '1.01M', '10,000')
    """
    if tokens >= 1_000_000 and tokens % 10_000 == 0:
        return f"{tokens / 1e6:g}M"
    return f"{tokens // 1024}k" if tokens >= 1024 and tokens % 1024 == 0 else f"{tokens:,}"


def format_longest(tokens: int) -> str:
    """The longest context that fits, rounded down to whole k or hundredths of M: what is printed fits.

    >>> format_longest(126208), format_longest(1010000), format_longest(900)
    ('123k', '1.01M', '900')
    """
    if tokens >= 1_000_000:
        return f"{tokens // 10_000 / 100:g}M"
    return f"{tokens // 1024}k" if tokens >= 1024 else f"{tokens}"


def format_count(parameters: int) -> str:
    """A parameter count, as models are named.

    >>> format_count(8190735360), format_count(596049920)
    ('8.19B', '0.60B')
    """
    return f"{parameters / 1e9:.2f}B" if parameters < 1e12 else f"{parameters / 1e12:.2f}T"
