"""What `check` says: a table, JSON values, JUnit XML for CI servers, and annotations for GitHub."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from qwenpick.cleaning import workflow_data, workflow_property
from qwenpick.i18n import N_, _
from qwenpick.render.forms.report import Column, Line, Report, Table, Tone
from qwenpick.render.values import plan_values
from qwenpick.units import format_bytes, format_tokens

if TYPE_CHECKING:
    from qwenpick.check.requirements import Checked, Result, Status
    from qwenpick.render.payloads.running import CheckValues

WORDS: dict[Status, str] = {
    "pass": N_("ok"),
    "fail": N_("no"),
    "invalid": N_("cannot be asked"),
    "unreadable": N_("hardware not readable"),
    "error": N_("internal error"),
}
_TONES: dict[Status, Tone] = {"pass": "good", "fail": "bad", "invalid": "warn", "unreadable": "warn", "error": "bad"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_report(checked: Checked) -> Report:
    """A row per requirement, and how many hold."""
    columns = (
        Column("requirement"),
        Column("answer"),
        Column("needs", number=True, optional=True),
        Column("context", number=True, optional=True),
        Column("users", number=True, optional=True),
        Column("machine", optional=True),
        Column("why"),
    )
    rows = tuple(_row(result) for result in checked.results)
    tones = tuple("warn" if result.warning else _TONES[result.status] for result in checked.results)
    good = sum(result.code == 0 for result in checked.results)
    closing: Tone = "good" if checked.code == 0 else "bad"
    slow = [
        Line(f"{result.requirement.name}: {result.warning}", "warn") for result in checked.results if result.warning
    ]
    return (
        Table(columns, rows, tones=tones),
        *slow,
        Line(_("{good} of {count} requirements hold ({file})", good=good, count=len(rows), file=checked.file), closing),
    )


def _row(result: Result) -> tuple[str, ...]:
    plan = result.answer.plan if result.answer else None
    return (
        result.requirement.name,
        _(WORDS[result.status]),
        format_bytes(plan.memory.total) if plan else "",
        format_tokens(plan.work.context) if plan else str(result.requirement.context or ""),
        str(result.requirement.users),
        str(result.requirement.box),
        result.message,
    )


def check_values(checked: Checked) -> CheckValues:
    """The same as JSON values."""
    return {
        "file": checked.file,
        "exit_code": checked.code,
        "results": [
            {
                "name": result.requirement.name,
                "model": result.requirement.model,
                "line": result.requirement.line,
                "machine": str(result.requirement.box),
                "status": result.status,
                "exit_code": result.code,
                "message": result.message,
                "warning": result.warning,
                "min_speed": result.requirement.min_speed,
                "plan": plan_values(result.answer.plan) if result.answer else None,
            }
            for result in checked.results
        ],
    }


def junit(checked: Checked) -> str:
    """JUnit XML as Jenkins and GitLab read it: a failure where it does not hold, an error where it could not be asked."""
    failures = sum(result.status == "fail" for result in checked.results)
    errors = sum(result.code > 1 for result in checked.results)
    count = f'tests="{len(checked.results)}" failures="{failures}" errors="{errors}" time="0"'
    cases = "".join(_case(checked.file, result) for result in checked.results)
    suite = f'<testsuite name="qwenpick" {count}>\n{cases}</testsuite>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="qwenpick" {count}>\n{suite}\n</testsuites>\n'


def _case(file: str, result: Result) -> str:
    where = f"file={_attribute(file)} line={_attribute(str(result.requirement.line))}"
    head = f'<testcase classname={_attribute(f"qwenpick.{result.requirement.box}")} name={_attribute(result.requirement.name)} {where} time="0"'
    if result.status == "pass":
        return f"{head}><system-out>{_text(result.message)}</system-out></testcase>\n"
    tag = "failure" if result.status == "fail" else "error"
    return f"{head}><{tag} type={_attribute(result.status)} message={_attribute(result.message)}>{_text(result.message)}</{tag}></testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def github(checked: Checked) -> str:
    """Workflow commands that GitHub shows beside the line of the file: an error per requirement that does not hold, a notice at the end."""
    found = [
        f"::error file={workflow_property(checked.file)},line={result.requirement.line},"
        f"title={workflow_property(f'qwenpick: {result.requirement.name}')}::{workflow_data(f'{_(WORDS[result.status])}: {result.message}')}"
        for result in checked.results
        if result.code
    ]
    good = len(checked.results) - len(found)
    held = _("{good} of {count} requirements hold", good=good, count=len(checked.results))
    slow = [
        f"::warning file={workflow_property(checked.file)},line={result.requirement.line},"
        f"title={workflow_property(f'qwenpick: {result.requirement.name}')}::{workflow_data(result.warning)}"
        for result in checked.results
        if result.warning
    ]
    return "\n".join([*found, *slow, f"::notice title=qwenpick::{workflow_data(held)}", ""])
