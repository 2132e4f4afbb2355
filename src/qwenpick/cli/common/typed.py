"""What Typer could not read of a command line, in one sentence of ours: what is wrong, and what would be right."""

from __future__ import annotations

import errno
import os
import re
from itertools import takewhile
from typing import Any

from qwenpick.bounded import reason
from qwenpick.cli.commands import COMMANDS
from qwenpick.errors import did_you_mean, edits, shown
from qwenpick.i18n import _

USUAL = {"help": "qwenpick -h", "version": "qwenpick --version", "-v": "--version", "-V": "--version"}
# what engines and other tools call an option -> what it is called here
ELSEWHERE = {
    "--ctx": "--context", "--ctx-size": "--context", "--context-length": "--context", "--context-size": "--context", "--max-model-len": "--context",
    "--num-ctx": "--context", "--quantization": "--quant", "--precision": "--quant", "--dtype": "--quant", "--engine": "--runtime",
    "--backend": "--runtime", "--cpu": "--cpu-only", "--memory": "--ram", "--usecase": "--task", "--use-case": "--task", "--concurrency": "--users",
    "--parallel": "--users", "--max-num-seqs": "--users", "--cache-type": "--kv-cache", "--kv-cache-dtype": "--kv-cache", "--output": "--format",
    "--verbose": "--explain", "--top": "--limit", "--language": "--lang",
}  # fmt: skip
WRITTEN = frozenset({"--save", "--html", "--output", "--write", "--to"})  # options that name a file to write

# words that are the beginning of a GPU's name and never all of it
_BRANDS = frozenset(
    "rtx gtx rx arc geforce radeon nvidia amd intel tesla quadro titan instinct jetson dgx strix".split()
)


def unquoted(arguments: list[str]) -> str | None:
    """What is wrong where a GPU's name of several words was typed without quotes, so that only its first word is the name; None where none was.

    >>> unquoted(["fit", "qwen3-8b", "--gpu", "rtx", "4070", "ti", "--ram", "64"])
    "a name of several words stands in quotes: --gpu 'rtx 4070 ti'"
    """
    for at, word in enumerate(arguments):
        first, option = word.removeprefix("--gpu="), word.startswith("--gpu=") or arguments[at - 1 : at] == ["--gpu"]
        rest = [*takewhile(lambda each: not re.match("-|.*qwen", each, re.I), arguments[at + 1 :])]
        rest = rest if option else rest[:1]  # what compare takes next may be another GPU
        if first.casefold() in _BRANDS and rest and (option or "compare" in arguments[:at]):
            name = shown(f"'{' '.join([first, *rest])}'", 80)
            return _("a name of several words stands in quotes: {name}", name=f"--gpu {name}" if option else name)
    return None


def typed_wrong(error: Any, arguments: list[str]) -> str:
    """The sentence for one of Typer's errors: an option or argument that it cannot read."""
    kind, message = type(error).__name__, shown(error.format_message(), 300)
    if kind == "NoSuchOption":
        command, near = next((word for word in arguments if word in COMMANDS), None), _near(error)
        if command and not near and arguments[0].partition("=")[0] == error.option_name:
            return _(  # before the command stand only --version and --lang
                "{name} stands after the command: qwenpick {command} … {name}",
                name=shown(error.option_name, 80),
                command=command,
            )
        return _("there is no option {name}{near}", name=shown(error.option_name, 80), near=near)
    if kind == "MissingParameter":
        return _("{name} is missing", name=_name(error.param))
    if kind == "BadOptionUsage":
        return _("{name} needs a value", name=shown(error.option_name or "", 80))
    if kind == "BadParameter" and getattr(error, "param", None) is not None:
        return _wrong_value(_name(error.param), error.message)
    command = next((word for word in arguments if word in COMMANDS), "")
    known = getattr(getattr(getattr(error, "ctx", None), "command", None), "commands", COMMANDS)
    if kind == "NoArgsIsHelpError":
        return _("{command} needs one of: {known}", command=command, known=", ".join(known))
    if wrong := re.search(r"command '(.*?)'", message, re.DOTALL):
        name = wrong[1]
        near = _("; did you mean {near}?", near=USUAL[name]) if name in USUAL else did_you_mean(name, known)
        return _("there is no command '{name}'{near}", name=shown(name, 80), near=near)
    if extra := re.search(r"\(s\) \((.*)\)", message, re.DOTALL):
        words = shown(extra[1], 80)
        if command == "recommend":
            return _("recommend takes no '{words}'; for a GPU write --gpu '{words}'", words=words)
        return _("{command} takes no further '{words}'", command=read_as(error, arguments), words=words)
    return message


def read_as(error: Any, arguments: list[str]) -> str:
    """The command that Typer was reading, with that of a group: `catalog add`; empty before any was read."""
    context = getattr(error, "ctx", None)
    return (
        str(context.command_path).partition(" ")[2]
        if context
        else next((w for w in arguments[:1] if w in COMMANDS), "")
    )


def _near(error: Any) -> str:
    name = error.option_name
    if name in USUAL:
        return _("; did you mean {near}?", near=USUAL[name])
    context = getattr(error, "ctx", None)
    known = (
        [word for option in context.command.params for word in option.opts if word.startswith("--")] if context else []
    )
    if ELSEWHERE.get(name) in (*known, "--lang"):
        return _("; did you mean {near}?", near=ELSEWHERE[name])
    return did_you_mean(name, [word for word in known if name[2:3] == word[2:3] or edits(name, word, 1) <= 1], 2)


def _name(parameter: Any) -> str:
    """`--users`; an argument by its metavar."""
    if parameter.param_type_name == "option":
        return str(parameter.opts[0])
    return str(parameter.metavar or parameter.name).strip("[]").upper()


def _wrong_value(name: str, message: str) -> str:
    if found := re.search(r"greater than or equal to (\S+)", message):
        return _("{name} must be {least} or more", name=name, least=found[1])
    if found := re.search(r"less than or equal to (\S+)", message):
        return _("{name} must be {most} or less", name=name, most=found[1])
    if "integer" in message:
        return _("{name} must be a whole number", name=name)
    if "number" in message or "float" in message:
        return _("{name} must be a number", name=name)
    if found := re.search(r"[Pp]ath '(.*)' is not (readable|writable)", message):
        denied = reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        if name in WRITTEN:
            return _("cannot write {path}: {problem}", path=shown(found[1], 200), problem=denied)
        return _("cannot read '{path}': {reason}", path=shown(found[1], 200), reason=denied)
    return f"{name}: {message}"
