"""What `models` prints: a row for each model, or everything about one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qwenpick.i18n import N_, _, listed
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.words import LICENCES
from qwenpick.units import format_count, format_gb, format_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.catalog import Architecture, Catalog, Model
    from qwenpick.catalog.schema import Context

BASES = {
    "transcription": N_(" (the license was not read itself: a transcription by others)"),
    "family": N_(" (the license was not read itself: the rule of its family)"),
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
            _(LICENCES[m.licence.commercial_use]),
            m.released or "",
            m.successor or "",
        )
        for m in order
    )
    return (
        Table(columns, rows),
        Line(_("{count} models; `qwenpick models NAME` shows everything about one", count=len(models)), "dim"),
    )


def model_report(catalog: Catalog, model: Model) -> Report:
    """Everything about one model, its sources last."""
    blocks: list[Block] = [Line(model.name, "title"), _table("", _facts(model))]
    if model.architecture:
        blocks.append(
            _table(
                _("Architecture {architecture}", architecture=model.architecture), _shape(catalog.architecture(model))
            )
        )
    if model.checkpoints:
        columns = (
            Column("Format"),
            Column("Repository"),
            Column("By", optional=True),
            Column("Size", number=True, optional=True),
        )
        rows = tuple(
            (c.format, c.repo or "", "Qwen" if c.official else _("others"), format_gb(c.bytes) if c.bytes else "")
            for c in model.checkpoints
        )
        blocks.append(Table(columns, rows, _("Published weights")))
    from qwenpick.catalog.lookup import hint

    blocks += [Line(note) for note in (model.notes, hint(catalog, model)) if note]
    blocks += [Line(_("source: {source}", source=source), "dim") for source in model.sources]
    blocks.append(Line(_("checked {checked}", checked=model.checked), "dim"))
    return tuple(blocks)


def model_values(catalog: Catalog, model: Model) -> dict[str, Any]:
    """The entry as the catalogue has it, with its architecture in place of the id."""
    values = model.model_dump(mode="json", exclude_none=True)
    if model.architecture:
        values["architecture"] = catalog.architecture(model).model_dump(mode="json", exclude_none=True)
    return values


def _facts(model: Model) -> list[tuple[str, str]]:
    context, counts, licence = model.context, model.parameters, model.licence
    variant = _(", ") + _(model.variant) if model.variant and model.variant != model.kind else ""
    twin = (
        _("; the nearest open model is {alternative}", alternative=model.open_alternative)
        if model.open_alternative
        else ""
    )
    rows = [
        ("id", model.id),
        (_("series"), _("{series} ({kind}{variant})", series=model.series, kind=_(model.kind), variant=variant)),
        (_("weights"), _("open") if model.open_weights else _("API only{twin}", twin=twin)),
        (_("also called"), ", ".join(filter(None, (model.ollama, *model.aliases)))),
        (_("released"), model.released or ""),
        (_("license"), f"{licence.id}: {_(licence.clause)}{_(BASES.get(licence.basis or '', ''))}"),
        (_("license text"), licence.url or ""),
        (_("commercial use"), _(LICENCES[licence.commercial_use])),
        (_("reads, writes"), f"{_(', ').join(map(_, model.inputs))} → {_(', ').join(map(_, model.outputs))}"),
        (_("can"), listed(map(_, model.capabilities))),
        (_("thinks"), _(", ").join(filter(None, (_(model.thinking) if model.thinking else None, model.thinking_note)))),
        (_("languages"), _languages(model.languages or "")),
        (_("context"), _context(context) if context else _("not known")),
        (
            _("parameters"),
            _("{total:,}; a token uses {active:,}", total=counts.total, active=counts.active) if counts else "",
        ),
        (_("published count"), f"{counts.published:,}: {counts.difference}" if counts and counts.difference else ""),
        (_("follows"), model.predecessor or ""),
        (_("followed by"), model.successor or ""),
        (
            _("runs in"),
            ", ".join(
                _("{engine} from {version}", engine=engine, version=version)
                for engine, version in model.min_versions.items()
            ),
        ),
        (_("to run it"), model.min_versions_note or ""),
    ]
    return [(name, text) for name, text in rows if text]


def _languages(text: str) -> str:
    """`119 languages` in the reader's own; anything longer as the source has it."""
    count, _space, rest = text.partition(" ")
    return _("{count} languages", count=count) if rest == "languages" else text


def _context(context: Context) -> str:
    extended = (
        _(", {extended} with {method}", extended=format_tokens(context.extended), method=context.method)
        if context.extended
        else ""
    )
    return _(
        "{native} tokens{extended}{value}",
        native=format_tokens(context.native),
        extended=extended,
        value=f"; {context.note}" if context.note else "",
    )


def _shape(architecture: Architecture) -> list[tuple[str, str]]:
    kinds = Counter(layer.kind.replace("_", " ") for layer in architecture.layer_list)
    attention, mlp = architecture.attention, architecture.mlp
    tied = _(" (tied: input and output share one matrix)") if architecture.tied_embeddings else ""
    experts = (
        _(
            "{experts} experts, {experts_per_token} a token, each ",
            experts=mlp.experts,
            experts_per_token=mlp.experts_per_token,
        )
        if mlp.kind == "moe"
        else ""
    )
    towers = ((_("vision tower"), architecture.vision), (_("audio tower"), architecture.audio))
    rows = [
        (_("layers"), f"{architecture.num_layers}: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}"),
        (
            _("attention"),
            _(
                "{heads} heads, {kv_heads} key-value heads of {head_dim}",
                heads=attention.heads,
                kv_heads=attention.kv_heads,
                head_dim=attention.head_dim,
            ),
        ),
        (_("hidden size"), f"{architecture.hidden_size:,}"),
        (_("vocabulary"), f"{architecture.vocab_size:,}{tied}"),
        (
            _("mlp"),
            _("{experts}{intermediate_size:,} wide", experts=experts, intermediate_size=mlp.intermediate_size),
        ),
        *(
            (name, _("{parameters} parameters", parameters=format_count(tower.parameters)))
            for name, tower in towers
            if tower
        ),
        *(
            (
                extra.name,
                _("{parameters} parameters: {note}", parameters=format_count(extra.parameters), note=extra.note),
            )
            for extra in architecture.extras
        ),
    ]
    if architecture.mtp_layers:
        rows.append(
            (
                _("multi-token prediction"),
                _("{count} layers", count=architecture.mtp_layers) if architecture.mtp_layers > 1 else _("1 layer"),
            )
        )
    return rows


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    return Table((Column("Fact"), Column("Value")), tuple(rows), title)
