"""qwenpick.yaml: what it may say, what becomes of it, and how it is reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.check.fields import json_schema
from qwenpick.check.file import parse, read
from qwenpick.check.requirements import Checked, NamedBox, Requirement, Result, check, judged
from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.render.check import github, junit

GOOD = """\
# what we run
machine: {gpus: [rtx 4090], ram: 64GiB}
models:
  - model: qwen3-8b
    quant: 4bit
    context: 16k
    min_speed: 20
  - name: too big
    model: qwen3-32b
    quant: fp16
    gpu_only: true
"""


# six lists of nine references each to the list before: 9^7 values
GROWING = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdef", "bcdefg", strict=True)
)


def test_a_file_is_read_with_its_lines_and_its_machine() -> None:
    first, second = parse(GOOD, "f")
    assert (first.name, first.line, first.context, first.min_speed) == ("qwen3-8b", 4, "16k", 20)
    assert (second.name, second.line, second.gpu_only) == ("too big", 8, True)
    assert (
        first.box == second.box == NamedBox(gpus=("rtx 4090",), ram="64GiB")
        and str(first.box) == "rtx 4090, 64GiB of RAM"
    )


def test_an_entry_may_name_its_own_machine() -> None:
    text = "machine: this\nmodels:\n- {model: a, machine: boxes/lab.json}\n- {model: b, machine: {file: x.json}}\n- {model: c, context: 4096}\n"
    a, b, c = parse(text, "f")
    assert (a.box, b.box, c.box) == (NamedBox(file="boxes/lab.json"), NamedBox(file="x.json"), NamedBox())
    assert c.context == "4096" and str(c.box) == "this machine"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "f:1: a file of requirements begins with 'models:'"),
        ("modles: []", "f:1: there is no field 'modles'; did you mean models"),
        ("models: []", "f:1: models must have at least 1 entry$"),
        ("models: 5", "f:1: models must be a list, not '5'"),
        ("models:\n- 5", "f:2: entry 1 must be a table of names and values, not '5'"),
        ("models:\n- model: a\n  quan: 4bit", "f:3: there is no field 'quan'; did you mean quant"),
        ("models:\n- model: a\n- modle: b", "f:3: there is no field 'modle'; did you mean model"),
        ("models:\n- model: a\n  users: many", "f:3: users must be a whole number, not 'many'"),
        ("models:\n- model: a\n  users: 0", "f:3: users must be 1 or more, not '0'"),
        ("models:\n- model: a\n  min_speed: -1", "f:3: min_speed must be more than 0"),
        ("models:\n- model: a\n  machine: {gpu: x}", "f:3: there is no field 'gpu'; did you mean gpus"),
        ("models:\n- model: a\n  machine: {file: x, gpus: [y]}", "f:3: machine: file describes the whole box"),
        ("models:\n- model: a\n  model: b", "f:3: 'model' appears twice"),
        ("models: [", "f:.*this is not YAML"),
        ("models: !!python/object:os.system []", "f:.*not YAML"),
        ("[" * 5000, "nested too deeply|not YAML"),
        (GROWING, "more than"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_says_where(text: str, sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        faults = [one.fault for one in parse(text, "f") if one.fault]
        raise QwenpickError(faults[0])


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("{model: 5}", "model must be text, not '5'"),
        ("{model: a, prefer: sped}", "prefer must be balanced, quality, speed, context or small, not 'sped'"),
        ("{model: a, options: 3}", "options must be a table of names and values, not '3'"),
        ("{model: a, strict: maybe}", "strict must be true or false, not 'maybe'"),
        ("{model: a, min_speed: fast}", "min_speed must be a number, not 'fast'"),
        ("{together: [{model: a}]}", "together must have at least 2 entries"),
        ("{model: a, machine: {gpus: l40s}}", "gpus must be a list, not 'l40s'"),
        ("{model: a, machine: [1]}", "machine must be this, the path of a saved machine, or a table"),
        ("{model: ''}", "model must not be empty, not ''"),
    ],
)
def test_no_sentence_is_in_the_words_of_a_library(entry: str, sentence: str) -> None:
    (one,) = parse(f"models: [{entry}]", "f")
    assert one.fault and one.fault.startswith("f:1: ") and sentence in one.fault
    assert not any(word in one.fault for word in ("tuple", "instance", "dictionary", "nput should", "validation"))


def test_one_bad_entry_does_not_keep_the_others_from_being_checked(
    qwenpick: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "qwenpick.yaml"
    entries = ["{model: qwen3-8b}", "{model: qwen3-4b, users: -1}", "{quant: 4bit}", "{model: qwen3-4b}"]
    file.write_text("\n- ".join(["machine: {gpus: [rtx 4090], ram: 64GiB}\nmodels:", *entries]))
    result = qwenpick("check", str(file), "--json")
    found = json.loads(result.out)["results"]
    assert result.code == 2 and [one["status"] for one in found] == ["pass", "invalid", "invalid", "pass"]
    assert [(one["name"], one["line"]) for one in found] == [
        ("qwen3-8b", 3),
        ("qwen3-4b", 4),
        ("entry 3", 5),
        ("qwen3-4b", 6),
    ]
    assert "users must be 1 or more, not '-1'" in found[1]["message"] and found[1]["message"] in result.err


@pytest.mark.parametrize("text", ["models: [", "models: []", None])
def test_a_report_is_written_of_a_file_that_cannot_be_read(
    qwenpick: Callable[..., Any], tmp_path: Path, text: str | None
) -> None:
    file, report = tmp_path / "qwenpick.yaml", tmp_path / "out.xml"
    if text is not None:
        file.write_text(text)
    result = qwenpick("check", str(file), "--format", "junit", "--output", str(report))
    assert (result.code, result.out) == (2, "") and str(file) in result.err
    suite = ElementTree.parse(report).getroot()
    assert suite.attrib["errors"] == "1" and str(file) in suite[0][0][0].attrib["message"]
    assert "::error" in qwenpick("check", str(file), "--format", "github").out


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(QwenpickError, match=r"there is no .*qwenpick.yaml; write one \(docs/ci.md"):
        read(tmp_path / "qwenpick.yaml")


@given(text=st.text(max_size=60) | st.sampled_from(GOOD.splitlines()).flatmap(lambda line: st.just(f"models:\n{line}")))
def test_any_text_is_requirements_or_a_sentence(text: str) -> None:
    try:
        assert parse(text, "f")
    except QwenpickError as sentence:
        assert str(sentence).startswith("f")


def test_the_schema_of_the_file_is_a_json_schema_of_it() -> None:
    schema = json_schema()
    assert schema["required"] == ["models"] and schema["additionalProperties"] is False
    assert set(schema["$defs"]["Entry"]["properties"]) >= {
        "model",
        "quant",
        "runtime",
        "context",
        "users",
        "kv_cache",
        "min_speed",
        "machine",
    }


# -- checking ----------------------------------------------------------------------------------------------------------


def failing(kind: type[QwenpickError]) -> Callable[[Requirement], Any]:
    def fit(requirement: Requirement) -> Any:
        raise kind(f"no {requirement.model}")

    return fit


def test_one_that_cannot_be_asked_does_not_keep_the_others_from_it() -> None:
    wanted = [Requirement("a", "a"), Requirement("b", "b")]
    checked = check("f", wanted, failing(QwenpickError))
    assert [(r.status, r.message) for r in checked.results] == [
        ("invalid", "no a"),
        ("invalid", "no b"),
    ] and checked.code == 2


def test_hardware_that_cannot_be_read_fails_closed() -> None:
    assert check("f", [Requirement("a", "a")], failing(HardwareUnreadableError)).code == 3


@pytest.mark.parametrize(
    ("statuses", "code"),
    [((), 0), (("pass",), 0), (("pass", "fail"), 1), (("fail", "invalid"), 2), (("unreadable", "fail"), 3)],
)
def test_the_exit_code_is_that_of_the_worst(statuses: tuple[Any, ...], code: int) -> None:
    assert Checked("f", tuple(Result(Requirement("a", "a"), status, "") for status in statuses)).code == code


def test_speed_is_judged_as_each_user_sees_it(catalog: Any) -> None:
    from qwenpick.fitting.answer import fit
    from qwenpick.machine.simulate import simulate
    from qwenpick.recommending.request import Request

    box = simulate(catalog, ["rtx 4090"], None, 64 * 2**30, False)
    answer = fit(catalog, box, catalog.models["qwen3-8b"], Request(quant="4bit", context=8192))
    each = answer.plan.speed.each if answer.plan.speed else None
    assert each
    between = (each.low + each.value) / 2
    assert judged(Requirement("a", "a", min_speed=between), answer).status == "pass"
    assert judged(Requirement("a", "a", min_speed=between, strict=True), answer).status == "fail"
    assert judged(Requirement("a", "a", min_speed=each.high * 2), answer).message.startswith("too slow")


# -- reporting ---------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
STATUS = st.sampled_from(["pass", "fail", "invalid", "unreadable"])


@given(rows=st.lists(st.tuples(TEXT, TEXT, STATUS), max_size=4), file=TEXT)
def test_junit_is_well_formed_whatever_names_hold(rows: list[tuple[str, str, Any]], file: str) -> None:
    checked = Checked(file, tuple(Result(Requirement(name, name), status, message) for name, message, status in rows))
    suite = ElementTree.fromstring(junit(checked)).find("testsuite")
    assert suite is not None and len(suite.findall("testcase")) == len(rows) == int(suite.attrib["tests"])
    assert (
        len(suite.findall("testcase/failure"))
        == int(suite.attrib["failures"])
        == sum(status == "fail" for _, _, status in rows)
    )
    assert len(suite.findall("testcase/error")) == int(suite.attrib["errors"])


@given(rows=st.lists(st.tuples(TEXT, TEXT, STATUS), max_size=4), file=TEXT)
def test_github_sees_one_command_a_line_whatever_names_hold(rows: list[tuple[str, str, Any]], file: str) -> None:
    text = github(
        Checked(file, tuple(Result(Requirement(name, name, line=7), status, message) for name, message, status in rows))
    )
    lines = text.replace("\r\n", "\n").split("\n")
    assert lines[-1] == "" and all(line.startswith(("::error file=", "::notice ")) for line in lines[:-1])
    assert len(lines) - 2 == sum(status != "pass" for _, _, status in rows)


def test_an_annotation_is_escaped_as_github_reads_it() -> None:
    bad = Result(Requirement("a: b, c", "m", line=3), "fail", "50% of\nit")
    assert (
        github(Checked("q,1.yaml", (bad,))).splitlines()[0]
        == "::error file=q%2C1.yaml,line=3,title=qwenpick%3A a%3A b%2C c::no: 50%25 of%0Ait"
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "qwenpick.yaml"
    path.write_text(GOOD)
    return path


def test_the_command_answers_in_every_format(file: Path, qwenpick: Callable[..., Any], tmp_path: Path) -> None:
    for format_name in ("table", "markdown", "csv", "json", "junit", "github"):
        result = qwenpick("check", str(file), "--format", format_name)
        assert result.code == 1 and "too big" in result.out and not result.err
    values = json.loads(qwenpick("check", str(file), "--json").out)
    assert [r["status"] for r in values["results"]] == ["pass", "fail"] and values["exit_code"] == 1
    assert qwenpick("check", str(file), "--format", "junit", "--output", str(tmp_path / "out.xml")).out == ""
    assert ElementTree.parse(tmp_path / "out.xml").getroot().attrib["failures"] == "1"


def test_the_command_is_quiet_on_stdout_where_the_file_is_wrong(qwenpick: Callable[..., Any], file: Path) -> None:
    file.write_text("models: []")
    result = qwenpick("check", str(file))
    assert (result.code, result.out) == (2, "") and "models" in result.err
    assert qwenpick("check", str(file.parent / "none.yaml")).code == 2
    assert json.loads(qwenpick("check", "--schema").out)["title"] == "qwenpick.yaml"


def test_a_requirement_may_name_a_local_file(qwenpick: Callable[..., Any], file: Path, catalog: Any) -> None:
    from tests.readers.making import gguf_of, write

    weights = write(file.parent / "mine.gguf", *gguf_of(catalog.architectures["qwen3-8b"]))
    file.write_text(f"machine: {{gpus: [rtx 4090], ram: 64GiB}}\nmodels:\n- model: {weights}\n  context: 8k\n")
    values = json.loads(qwenpick("check", str(file), "--json").out)
    plan = values["results"][0]["plan"]
    assert (plan["format"], plan["verdict"]) == ("Q8_0", "fits")


def test_a_machine_that_could_not_be_read_fails_closed_through_the_command(
    qwenpick: Callable[..., Any], file: Path
) -> None:
    from qwenpick.machine.file import save
    from qwenpick.machine.hardware import Machine

    save(
        Machine(ram_total=64 * 2**30, ram_free=60 * 2**30, unreadable=("an NVIDIA GPU that no driver answers for",)),
        file.parent / "box.json",
    )
    file.write_text("machine: box.json\nmodels: [{model: qwen3-8b, quant: 4bit}]\n")
    result = qwenpick("check", str(file), "--format", "github")
    assert result.code == 3 and "hardware not readable" in result.out


def test_an_output_that_cannot_be_written_is_a_bad_request(qwenpick: Callable[..., Any], file: Path) -> None:
    result = qwenpick("check", str(file), "--output", str(file.parent / "nowhere" / "report.xml"), "--format", "junit")
    assert result.code == 2
    assert "cannot write" in result.err
