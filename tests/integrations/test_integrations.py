"""The ready-made integrations: read as their hosts read them, and run as far as they need nothing but qwenpick."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwenpick import __version__
from qwenpick.check.file import parse
from tests.conftest import Run

ROOT = Path(__file__).resolve().parents[2]
PLACES = ROOT / "integrations"
ACTION = yaml.safe_load((PLACES / "github-action" / "action.yml").read_text())
STEPS = [step for step in ACTION["runs"]["steps"] if "run" in step]
GITLAB = yaml.safe_load((PLACES / "gitlab" / "qwenpick.gitlab-ci.yml").read_text())
FITS = "machine: {gpus: [rtx 4090], ram: 64GiB}\nmodels: [{model: qwen3-8b, quant: 4bit, context: 8k}]\n"
DOES_NOT = "machine: {gpus: [rtx 3060 12gb], ram: 8GiB}\nmodels: [{model: qwen3-32b, quant: fp16}]\n"


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    """Run a script in an empty directory where `qwenpick` is on PATH; (exit code, stdout and stderr)."""
    program = tmp_path / "bin" / "qwenpick"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qwenpick "$@"\n')
    program.chmod(0o755)

    def run(script: str, **env: str) -> tuple[int, str]:
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=tmp_path, env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src"), **env},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return ended.returncode, ended.stdout + ended.stderr

    return run


def test_the_action_has_what_github_requires() -> None:
    assert ACTION["name"] and ACTION["description"] and ACTION["runs"]["using"] == "composite"
    python, *steps = ACTION["runs"]["steps"]
    assert python["uses"].startswith("actions/setup-python@") and steps == STEPS
    assert all(step["shell"] == "bash" and step["run"] for step in steps)
    assert all(field["description"] for field in [*ACTION["inputs"].values(), *ACTION["outputs"].values()])


def test_every_input_of_the_action_is_used_and_none_is_pasted_into_a_script() -> None:
    text = (PLACES / "github-action" / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    for step in STEPS:
        assert "${{" not in step["run"]  # an input in a script could hold commands; in the environment it is text
        assert all(f"${name}" in step["run"] or f"${{{name}" in step["run"] for name in step["env"])
        assert not any(name.startswith("QWENPICK_") for name in step["env"])  # those are options of every command
    outputs = re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", text)
    assert outputs == [("check", "exit-code")] and "exit-code=" in STEPS[1]["run"]


@pytest.mark.parametrize(("version", "package"), [("", "/action/../.."), ("0.2.0", "qwenpick==0.2.0")])
def test_the_action_installs_its_own_checkout_or_a_published_version(version: str, package: str, shell: Any) -> None:
    script = re.sub(r'"\S*/python" -m pip install --quiet', "echo", STEPS[0]["run"].replace("python3 -m venv", ": "))
    _code, printed = shell(
        script, WANTED=version, CHECKOUT="/action/../..", RUNNER_TEMP="/tmp", GITHUB_PATH="/dev/null"
    )
    assert printed.strip() == package


@pytest.mark.parametrize(("text", "code"), [(FITS, 0), (DOES_NOT, 1)])
def test_the_actions_check_step_ends_with_the_answer(text: str, code: int, shell: Any, tmp_path: Path) -> None:
    (tmp_path / "my $(touch x) file.yaml").write_text(text)
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    ended, printed = shell(STEPS[1]["run"], REQUIREMENTS="my $(touch x) file.yaml", JUNIT="out.xml", **files)
    assert (
        ended == code and (tmp_path / "output").read_text() == f"exit-code={code}\n" and not (tmp_path / "x").exists()
    )
    assert ("::error file=" in printed) == (code == 1)
    report, summary = (tmp_path / "out.xml").read_text(), (tmp_path / "summary").read_text()
    assert "<testsuites" in report and "requirements hold" in summary


def test_the_gitlab_job_keeps_its_report_and_ends_with_the_answer(shell: Any, tmp_path: Path) -> None:
    job = GITLAB["qwenpick"]
    (tmp_path / job["variables"]["REQUIREMENTS"]).write_text(DOES_NOT)
    ended, _ = shell("\n".join(job["script"]), REQUIREMENTS=job["variables"]["REQUIREMENTS"])
    assert ended == 1 and (tmp_path / job["artifacts"]["reports"]["junit"]).exists()
    assert job["artifacts"]["when"] == "always"


def test_the_pre_commit_hook_has_what_pre_commit_requires() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language"} <= set(hook) and hook["language"] == "python"
    assert re.search(hook["files"], "qwenpick.yaml") and not re.search(hook["files"], "docs/qwenpick.yaml")
    assert hook["pass_filenames"] is False  # check reads one file, and qwenpick.yaml is its default


def test_the_hooks_entry_checks_the_default_file(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "qwenpick.yaml").write_text(FITS)
    assert shell(yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]["entry"])[0] == 0


def test_the_init_container_sees_what_the_server_will_get() -> None:
    config, deployment = yaml.safe_load_all((PLACES / "kubernetes" / "init-container.yaml").read_text())
    (requirement,) = parse(config["data"]["qwenpick.yaml"], "qwenpick.yaml")
    assert requirement.model == "qwen3-8b" and str(requirement.box) == "this machine"
    pod = deployment["spec"]["template"]["spec"]
    (init,), (server,) = pod["initContainers"], pod["containers"]
    assert init["resources"]["limits"] == server["resources"]["limits"]
    assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
    mounts, volumes = {m["name"]: m["mountPath"] for m in init["volumeMounts"]}, {v["name"]: v for v in pod["volumes"]}
    assert init["args"] == ["check", f"{mounts['requirements']}/qwenpick.yaml"] and set(mounts) == set(volumes)
    assert volumes["requirements"]["configMap"]["name"] == config["metadata"]["name"]
    assert server["args"][server["args"].index("--max-model-len") + 1] == "32768" and requirement.context == "32k"


def test_the_dockerfile_is_made_of_instructions_that_docker_knows() -> None:
    lines = [
        line
        for line in (PLACES / "docker" / "Dockerfile").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    words = [line.split()[0] for line in lines]
    assert words[0] == "FROM" and set(words) <= {"FROM", "COPY", "RUN", "USER", "WORKDIR", "ENV", "ENTRYPOINT", "CMD"}
    assert lines[-2:] == ['ENTRYPOINT ["qwenpick"]', 'CMD ["check", "qwenpick.yaml"]'] and "USER 10001" in lines
    (run,) = (line.removeprefix("RUN ") for line in lines if line.startswith("RUN"))
    subprocess.run(["sh", "-n", "-c", run], check=True)


def test_the_example_holds_and_follows_its_own_schema(qwenpick: Run) -> None:
    import jsonschema

    from qwenpick.check.fields import json_schema

    example = PLACES / "qwenpick.yaml"
    jsonschema.validate(yaml.safe_load(example.read_text()), json_schema())
    result = qwenpick("check", str(example))
    assert result.code == 0, result.out + result.err


@pytest.mark.parametrize("name", ["ci", "release", "refresh"])
def test_a_workflow_runs_only_what_is_there(name: str) -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    assert workflow["permissions"] and workflow[True]  # YAML reads "on" as true
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            for path in re.findall(
                r"(?<![\w/.-])((?:tools|integrations|benchmarks|\.ci)/[\w./-]+)", step.get("run", "")
            ):
                assert (ROOT / path).exists(), path


def test_the_release_workflow_stops_at_a_tag_that_is_not_the_version() -> None:
    release = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    (check,) = (step["run"] for step in release["build"]["steps"] if step.get("name") == "The tag is the version")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for tag, code in ((f"v{version}", 0), ("v9.9.9", 1)):
        script = check.replace("$(python", f"$({sys.executable}")
        ended = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env={**os.environ, "GITHUB_REF_NAME": tag}, check=False
        )
        assert ended.returncode == code
    assert version == __version__
    assert release["publish"]["needs"] == "test" and release["publish"]["permissions"] == {"id-token": "write"}


def test_an_issue_about_an_estimate_asks_for_the_report_of_verify() -> None:
    forms = [yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")]
    assert any("verify --log LOG --report" in str(form) for form in forms)
    assert all({"name", "description", "body"} <= form.keys() for form in forms if "body" in form)
