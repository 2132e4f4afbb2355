"""What `models` prints: a row for each model, or everything about one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qwenpick.render.report import Block, Column, Line, Report, Table
from qwenpick.render.words import LICENCES
from qwenpick.units import format_count, format_gb, format_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.catalog import Architecture, Catalog, Model
    from qwenpick.catalog.schema import Context

BASES = {
    "transcription": " (the licence was not read itself: a transcription by others)",
    "family": " (the licence was not read itself: the rule of its family)",
}


def models_report(models: Sequence[Model]) -> Report:
    """One row each: the newest series first, small before large."""
    newest: dict[str, str] = {}
    for model in models:
        newest[model.series] = max(newest.get(model.series, ""), model.released or "")
    order = sorted(models, key=lambda m: (m.parameters.total if m.parameters else 0, m.id))
    order.sort(key=lambda m: (newest[m.series], m.series), reverse=True)
    columns = (
        Column("Model"),
        Column("Kind"),
        Column("Parameters", number=True),
        Column("Active", number=True),
        Column("Context", number=True),
        Column("Commercial use"),
        Column("Released", optional=True),
        Column("Followed by", optional=True),
    )
    rows = tuple(
        (
            m.id,
            m.kind,
            format_count(m.parameters.total) if m.parameters else "API" if not m.open_weights else "",
            format_count(m.parameters.active) if m.parameters else "",
            format_tokens(m.context.native) if m.context else "",
            LICENCES[m.licence.commercial_use],
            m.released or "",
            m.successor or "",
        )
        for m in models
    )
    return (
        Table(columns, rows),
        Line(f"{len(models)} models; `qwenpick models NAME` shows everything about one", "dim"),
    )


def model_report(catalog: Catalog, model: Model) -> Report:
    """Everything about one model, its sources last."""
    blocks: list[Block] = [Line(model.name, "title"), _table("", _facts(model))]
    if model.architecture:
        blocks.append(_table(f"Architecture {model.architecture}", _shape(catalog.architecture(model))))
    if model.checkpoints:
        columns = (
            Column("Format"),
            Column("Repository"),
            Column("By", optional=True),
            Column("Size", number=True, optional=True),
        )
        rows = tuple(
            (c.format, c.repo or "", "Qwen" if c.official else "others", format_gb(c.bytes) if c.bytes else "")
            for c in model.checkpoints
        )
        blocks.append(Table(columns, rows, "Published weights"))
    from qwenpick.catalog.lookup import hint

    blocks += [Line(note) for note in (model.notes, hint(catalog, model)) if note]
    blocks += [Line(f"source: {source}", "dim") for source in model.sources]
    blocks.append(Line(f"checked {model.checked}", "dim"))
    return tuple(blocks)


def model_values(catalog: Catalog, model: Model) -> dict[str, Any]:
    """The entry as the catalogue has it, with its architecture in place of the id."""
    values = model.model_dump(mode="json", exclude_none=True)
    if model.architecture:
        values["architecture"] = catalog.architecture(model).model_dump(mode="json", exclude_none=True)
    return values


def _facts(model: Model) -> list[tuple[str, str]]:
    context, counts, licence = model.context, model.parameters, model.licence
    variant = f", {model.variant}" if model.variant else ""
    twin = f"; the nearest open model is {model.open_alternative}" if model.open_alternative else ""
    rows = [
        ("id", model.id),
        ("series", f"{model.series} ({model.kind}{variant})"),
        ("weights", "open" if model.open_weights else f"API only{twin}"),
        ("also called", ", ".join(filter(None, (model.ollama, *model.aliases)))),
        ("released", model.released or ""),
        ("licence", f"{licence.id}: {licence.clause}{BASES.get(licence.basis or '', '')}"),
        ("licence text", licence.url or ""),
        ("commercial use", LICENCES[licence.commercial_use]),
        ("reads, writes", f"{', '.join(model.inputs)} → {', '.join(model.outputs)}"),
        ("can", ", ".join(model.capabilities)),
        ("thinks", ", ".join(filter(None, (model.thinking, model.thinking_note)))),
        ("languages", model.languages or ""),
        ("context", _context(context) if context else "not known"),
        ("parameters", f"{counts.total:,}; a token uses {counts.active:,}" if counts else ""),
        ("published count", f"{counts.published:,}: {counts.difference}" if counts and counts.difference else ""),
        ("follows", model.predecessor or ""),
        ("followed by", model.successor or ""),
        ("runs in", ", ".join(f"{engine} from {version}" for engine, version in model.min_versions.items())),
        ("to run it", model.min_versions_note or ""),
    ]
    return [(name, text) for name, text in rows if text]


def _context(context: Context) -> str:
    extended = f", {context.extended:,} with {context.method}" if context.extended else ""
    return f"{context.native:,} tokens{extended}{f'; {context.note}' if context.note else ''}"


def _shape(architecture: Architecture) -> list[tuple[str, str]]:
    kinds = Counter(layer.kind.replace("_", " ") for layer in architecture.layer_list)
    attention, mlp = architecture.attention, architecture.mlp
    tied = " (tied: input and output share one matrix)" if architecture.tied_embeddings else ""
    experts = f"{mlp.experts} experts, {mlp.experts_per_token} a token, each " if mlp.kind == "moe" else ""
    towers = (("vision tower", architecture.vision), ("audio tower", architecture.audio))
    rows = [
        ("layers", f"{architecture.num_layers}: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}"),
        ("attention", f"{attention.heads} heads, {attention.kv_heads} key-value heads of {attention.head_dim}"),
        ("hidden size", f"{architecture.hidden_size:,}"),
        ("vocabulary", f"{architecture.vocab_size:,}{tied}"),
        ("mlp", f"{experts}{mlp.intermediate_size:,} wide"),
        *((name, f"{format_count(tower.parameters)} parameters") for name, tower in towers if tower),
        *((extra.name, f"{format_count(extra.parameters)} parameters: {extra.note}") for extra in architecture.extras),
    ]
    if architecture.mtp_layers:
        rows.append(("multi-token prediction", f"{architecture.mtp_layers} layer{'s' * (architecture.mtp_layers > 1)}"))
    return rows


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    return Table((Column("Fact"), Column("Value")), tuple(rows), title)
