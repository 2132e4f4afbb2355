"""A plan as Kubernetes objects, as a Slurm script and as a Ray Serve config: exactly the plan's flags, on the nodes that were read."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.launch import kubernetes, launch, ray, run_of, slurm
from qwenpick.launch.run import Run
from qwenpick.launch.target import Target, object_name
from qwenpick.machine.inventory.cluster import Taint
from qwenpick.machine.simulate import simulate
from qwenpick.planning.plan import Plan
from qwenpick.recommending.request import Request
from tests.conftest import Result, validator
from tests.machine.inventory.nodes import listed, node, pod

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "machine" / "inventory" / "samples"
GIB = 2**30
Qwenpick = Callable[..., Result]


def planned(catalog: Catalog, model: str = "qwen3-8b", gpus: str = "8x h100", **asked: Any) -> Plan:
    box = simulate(catalog, [gpus] if gpus else [], None, 512 * GIB, not gpus)
    return fit(catalog, box, catalog.models[model], Request(**asked)).plan


def objects(plan: Plan, target: Target) -> dict[str, Any]:
    run = run_of(plan)
    return kubernetes.objects(run, launch(run), target)


def asked(run: Run) -> list[str]:
    """The planned command's words behind its program, without the port."""
    words = list(launch(run).serve.argv)
    at = words.index("--port")
    return words[:at] + words[at + 2 :]


@pytest.mark.parametrize(("runtime", "program"), [("vllm", 2), ("sglang", 3), ("llamacpp", 1)])
def test_the_container_has_exactly_the_planned_words(catalog: Catalog, runtime: str, program: int) -> None:
    plan = planned(catalog, runtime=runtime)
    container = objects(plan, Target("nvidia.com/gpu", 1, 4, 8 * GIB))["deployment"]["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert " ".join(asked(run_of(plan))[program:]) in " ".join(container["command"])
    assert ":latest" not in container["image"] and ":" in container["image"]


def test_it_asks_for_what_was_planned_where_it_was_planned(catalog: Catalog) -> None:
    taints = (
        Taint("nvidia.com/gpu", "present", "NoSchedule"),
        Taint("team", None, "NoExecute"),
        Taint("x", "y", "PreferNoSchedule"),
    )
    target = Target("nvidia.com/mig-3g.40gb", 2, 8, 16 * GIB, 1, 3, {"nvidia.com/gpu.product": "NVIDIA-A100"}, taints)
    found = objects(planned(catalog), target)
    spec = found["deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "8", "memory": "16Gi"},
        "limits": {"nvidia.com/mig-3g.40gb": "2"},
    }
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-A100"}
    assert spec["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        {"key": "team", "operator": "Exists", "effect": "NoExecute"},
    ]
    assert found["deployment"]["spec"]["replicas"] == 3
    assert {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}} in spec["volumes"]
    assert found["persistentvolumeclaim"]["spec"]["accessModes"] == ["ReadWriteMany"]
    # 9.4e9 bytes of FP8 and a tenth
    assert found["persistentvolumeclaim"]["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert found["service"]["spec"]["selector"] == found["deployment"]["spec"]["selector"]["matchLabels"]
    assert {probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")} == {"/health"}


def test_devices_that_are_handed_out_by_claims_are_claimed(catalog: Catalog) -> None:
    found = objects(planned(catalog), Target("gpu.nvidia.com", 1, 4, 8 * GIB))
    spec = found["deployment"]["spec"]["template"]["spec"]
    assert "limits" not in spec["containers"][0]["resources"]
    assert spec["containers"][0]["resources"]["claims"] == [{"name": "gpus"}]
    assert spec["resourceClaims"] == [{"name": "gpus", "resourceClaimTemplateName": "qwen3-8b"}]
    (request,) = found["resourceclaimtemplate"]["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {"deviceClassName": "gpu.nvidia.com", "count": 1}


@pytest.mark.parametrize("runtime", ["vllm", "sglang"])
def test_several_nodes_are_a_leader_worker_set_that_its_schema_accepts(catalog: Catalog, runtime: str) -> None:
    plan = planned(catalog, "qwen3-32b", runtime=runtime)
    found = objects(plan, Target("nvidia.com/gpu", 8, 32, 64 * GIB, nodes=2, replicas=2))
    group = found["leaderworkerset"]
    jsonschema.validate(group, json.loads((HERE / "lws_schema.json").read_text()))
    template = group["spec"]["leaderWorkerTemplate"]
    assert (template["size"], group["spec"]["replicas"]) == (2, 2)
    leader, worker = (
        template[name]["spec"]["containers"][0]["command"] for name in ("leaderTemplate", "workerTemplate")
    )
    assert leader[:3] == worker[:3]
    assert leader[leader.index("--nnodes") + 1] == "$(LWS_GROUP_SIZE)"
    assert worker[worker.index("--node-rank") + 1] == "$(LWS_WORKER_INDEX)"
    assert ("--headless" in worker, "--headless" in leader) == (runtime == "vllm", False)
    assert found["service"]["spec"]["selector"]["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    assert "readinessProbe" not in template["workerTemplate"]["spec"]["containers"][0]


def test_a_word_that_kubernetes_would_fill_in_is_kept_as_it_is(catalog: Catalog) -> None:
    plan = planned(catalog)
    run = run_of(plan)
    assert kubernetes._literal("$(HOME) $x $$(y)") == "$$(HOME) $x $$$(y)"
    assert "&id" not in kubernetes.document(
        kubernetes.launch(run, launch(run), Target("nvidia.com/gpu", 1, 4, 8 * GIB))
    )


def test_a_names_dots_are_no_part_of_an_object_name() -> None:
    assert object_name("qwen3.5-397b-a17b") == "qwen3-5-397b-a17b"
    assert object_name("..") == "model"


def test_the_kind_of_node_that_was_read_is_the_one_that_is_asked_for(qwenpick: Qwenpick, tmp_path: Path) -> None:
    labels = {
        "nvidia.com/gpu.product": "NVIDIA-L4",
        "nvidia.com/gpu.memory": "23034",
        "node.kubernetes.io/instance-type": "g6.12xlarge",
    }
    taint = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}
    file = tmp_path / "nodes.json"
    nodes = [node(labels, {"nvidia.com/gpu": "4"}, name=name, taints=[taint]) for name in ("a", "b")]
    file.write_text(json.dumps(listed(*nodes, pod({"nvidia.com/gpu": "3"}, on="a"))))
    result = qwenpick("launch", "qwen3-4b", "--cluster", str(file), "--replicas", "4")
    documents = [document for document in yaml.safe_load_all(result.out) if document]
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert (result.code, deployment["spec"]["replicas"]) == (0, 4)
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert spec["tolerations"][0]["key"] == "dedicated"
    assert "tolerates dedicated: ask whose nodes these are" in result.out
    refused = qwenpick("launch", "qwen3-4b", "--cluster", str(file), "--replicas", "9")
    assert (refused.code, refused.out) == (1, "")


def test_a_batch_script_asks_for_the_gres_that_was_read(qwenpick: Qwenpick) -> None:
    sample = str(SAMPLES / "slurm-24.11-scontrol-show-nodes.busy.json")
    result = qwenpick("launch", "qwen3-8b", "--cluster", sample, "--replicas", "2", "--runtime", "vllm")
    lines = result.out.splitlines()
    assert result.code == 0 and lines[0] == "#!/bin/bash"
    options = dict(line.removeprefix("#SBATCH --").partition("=")[::2] for line in lines if line.startswith("#SBATCH"))
    assert options["gres"] in ("gpu:a100:1", "gpu:l40s:1")
    assert (options["partition"], options["array"], options["nodes"]) == ("gpu", "1-2", "1")
    assert "exec vllm serve Qwen/Qwen3-8B" in result.out and "CUDA_VISIBLE_DEVICES" not in result.out
    if bash := shutil.which("bash"):
        assert subprocess.run([bash, "-n"], input=result.out, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("form", "needed"), [("--kubernetes", None), ("--docker", None), ("--slurm", "vllm"), ("--systemd", "vllm")]
)
def test_every_form_says_in_json_what_it_needs_and_what_it_was_planned_for(
    qwenpick: Qwenpick, form: str, needed: str | None
) -> None:
    """A container brings its engine; a batch script starts the node's own."""
    said = json.loads(qwenpick("launch", "qwen3-8b", "--runtime", "vllm", "--gpu", "h100", form, "--json").out)
    assert (said["needs"] or {}).get("program") == needed
    assert (said["task"], said["usable"], said["thinking"]) == ("chat", True, "low")


@pytest.mark.parametrize("form", ["--docker", "--kubernetes", "--slurm"])
def test_every_form_thinks_as_recommended(qwenpick: Qwenpick, form: str) -> None:
    """A translation is not worth a thought's wait: the plain command switched it off, Kubernetes' and Slurm's left it on."""
    asked = ["launch", "qwen3-8b", "--runtime", "vllm", "--gpu", "h100"]
    assert "enable_thinking" not in qwenpick(*asked, form).out
    assert "enable_thinking" in qwenpick(*asked, "--task", "translation", form).out


UNEVEN = [
    "launch", "qwen3-8b", "--runtime", "vllm", "--gpu", "rtx 5070 ti", "--gpu", "rtx 5090", "--ram", "64",
    "-o", "pipeline_parallel_size=2", "-o", "pp_layer_partition=12,24",
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ((), "VLLM_PP_LAYER_PARTITION=12,24 CUDA_DEVICE_ORDER=PCI_BUS_ID vllm serve"),
        (("--docker",), "-e VLLM_PP_LAYER_PARTITION=12,24 -e CUDA_DEVICE_ORDER=PCI_BUS_ID"),
        (("--compose",), "VLLM_PP_LAYER_PARTITION: 12,24\n      CUDA_DEVICE_ORDER: PCI_BUS_ID"),
        (("--systemd",), 'Environment="VLLM_PP_LAYER_PARTITION=12,24"\nEnvironment="CUDA_DEVICE_ORDER=PCI_BUS_ID"'),
        (("--kubernetes",), "name: VLLM_PP_LAYER_PARTITION\n          value: 12,24"),
        # exec takes no variables before the name of a program
        (("--slurm",), "exec env VLLM_PP_LAYER_PARTITION=12,24 CUDA_DEVICE_ORDER=PCI_BUS_ID vllm serve"),
        (("--ray",), "VLLM_PP_LAYER_PARTITION: 12,24"),
    ],
)
def test_uneven_stages_are_said_in_every_form(qwenpick: Qwenpick, form: tuple[str, ...], said: str) -> None:
    result = qwenpick(*UNEVEN, *form)
    assert result.code == 0 and said in result.out
    if form == ("--ray",):  # Ray Serve LLM runs vLLM alone
        return
    other = qwenpick(*("sglang" if word == "vllm" else word for word in UNEVEN), *form)
    serve = "python -m sglang.launch_server"
    assert other.code == 0 and said.replace("VLLM_", "SGLANG_").replace("vllm serve", serve) in other.out


def test_a_sampler_without_flashinfer_is_said_by_its_variable(qwenpick: Qwenpick) -> None:
    box = ["launch", "qwen3-8b", "--runtime", "vllm", "--gpu", "h200"]
    assert "VLLM_USE_FLASHINFER_SAMPLER" not in qwenpick(*box).out
    assert "VLLM_USE_FLASHINFER_SAMPLER=0 vllm serve" in qwenpick(*box, "-o", "flashinfer_sampler=false").out


# srun and scontrol as far as the script uses them, and engines that say what they were told
STUBS = {
    "scontrol": "echo node7; echo node8; echo node9",
    "srun": """n=1
while [ "${1#--}" != "$1" ] || [ "$1" = -w ]; do
  case $1 in --ntasks=*) n=${1#--ntasks=} ;; -w) shift ;; esac; shift
done
i=0; while [ $i -lt $n ]; do SLURM_NODEID=$i "$@"; i=$((i + 1)); done""",
    "vllm": 'echo "vllm $*"',
    "python": 'echo "python $*"',
    "hostname": "echo 10.0.0.7",
    "ray": ":",
    "python3": ":",
}


def started(text: str, tmp_path: Path) -> list[str]:
    """What a script starts, a line a command, in the order of the nodes."""
    for name, content in STUBS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{content}\n")
        (tmp_path / name).chmod(0o755)
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("no bash")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_NODELIST": "node[7-9]"}
    done = subprocess.run([bash], input=text, text=True, check=True, capture_output=True, env=env, timeout=60)
    return done.stdout.splitlines()


def test_over_several_nodes_vllm_starts_once_a_node(catalog: Catalog, tmp_path: Path) -> None:
    run = run_of(planned(catalog, "qwen3-32b", runtime="vllm"))
    text = slurm.script(run, launch(run), Target("gpu:h100", 8, 32, 64 * GIB, nodes=3, partitions=("batch",)))
    assert "#SBATCH --nodes=3" in text and "#SBATCH --gres=gpu:h100:8" in text and "#SBATCH --partition=batch" in text
    first, *others = started(text, tmp_path)
    # vLLM refuses --nnodes beside Ray (config/parallel.py); all but the first serve nobody
    assert "ray" not in first and " --port 8000 --host 0.0.0.0 --nnodes 3 --node-rank 0 --master-addr node7" in first
    assert [line.partition(" --nnodes ")[2] for line in others] == [
        f"3 --node-rank {rank} --master-addr node7 --headless" for rank in (1, 2)
    ]
    assert "HEAD_ADDRESS" not in "\n".join([first, *others]) and "in comments" not in text


def test_over_several_nodes_sglang_starts_once_a_node(catalog: Catalog, tmp_path: Path) -> None:
    run = run_of(planned(catalog, "qwen3-32b", runtime="sglang"))
    lines = started(slurm.script(run, launch(run), Target("gpu", 8, 32, 64 * GIB, nodes=2)), tmp_path)
    assert all(line.startswith("python -m sglang.launch_server --model-path Qwen/Qwen3-32B") for line in lines)
    assert [line.partition(" --nnodes ")[2] for line in lines] == [
        f"2 --node-rank {rank} --dist-init-addr node7:20000" for rank in (0, 1)
    ]


def test_before_0_12_vllm_runs_on_a_ray_cluster_inside_the_job(catalog: Catalog, tmp_path: Path) -> None:
    run = run_of(planned(catalog, "qwen3-32b", runtime="vllm", options={"version": "0.11.0"}))
    text = slurm.script(run, launch(run), Target("gpu", 8, 32, 64 * GIB, nodes=3))
    assert "--nodes=2 --ntasks=2" in text and "vLLM and Ray" in text
    (line,) = started(text, tmp_path)
    assert line.endswith("--distributed-executor-backend ray") and "--nnodes" not in line


def test_a_model_on_several_machines_is_started_by_what_knows_them(qwenpick: Qwenpick) -> None:
    asked = ["launch", "qwen3-coder-480b-a35b-instruct", "--quant", "bf16", "--gpu", "8x h100", "--ram", "1TB"]
    asked += ["--nodes", "2", "--link", "ib400", "--users", "8", "--runtime", "vllm"]
    assert "in comments the others'" in qwenpick(*asked).out
    for form in ("--kubernetes", "--slurm"):
        written = qwenpick(*asked, form)
        assert written.code == 0 and "in comments" not in written.out
    for form in ("--docker", "--compose", "--exec"):
        refused = qwenpick(*asked, form)
        assert (refused.code, refused.out) == (2, "") and "machine" in refused.err
    old = qwenpick(*asked, "-o", "version=0.11.0")
    assert old.code == 2 and "Ray" in old.err


def test_a_script_with_files_writes_them_first(catalog: Catalog) -> None:
    run = run_of(planned(catalog, runtime="transformers"))
    text = slurm.script(run, launch(run), Target("gpu", 1, 4, 8 * GIB))
    assert text.index("cat > run.py") < text.index("exec python run.py")


def test_ray_serves_what_vllm_would_be_told(catalog: Catalog) -> None:
    run = run_of(planned(catalog, "qwen3-32b", "4x l40s", runtime="vllm", quant="fp16"))
    content = ray.config(run, Target("GPU", 2, 8, 16 * GIB, replicas=3, labels={"ray.io/accelerator-type": "L40S"}))
    jsonschema.validate(content, json.loads((HERE / "ray_serve_schema.json").read_text()))
    (model,) = content["applications"][0]["args"]["llm_configs"]
    assert (model["accelerator_type"], model["deployment_config"]["num_replicas"]) == ("L40S", 3)
    words = list(launch(run).serve.argv)
    for name, value in model["engine_kwargs"].items():
        flag = f"--{name.replace('_', '-')}"
        assert flag in words
        assert (
            value is True or json.loads(json.dumps(value)) == ray.keywords([flag, words[words.index(flag) + 1]])[name]
        )
    odd = ray.config(run, Target("GPU", 2, 8, 16 * GIB, labels={"ray.io/accelerator-type": "GeForce-RTX-4090"}))
    assert "accelerator_type" not in odd["applications"][0]["args"]["llm_configs"][0]


def test_files_are_written_to_a_directory_and_their_names_said(qwenpick: Qwenpick, tmp_path: Path) -> None:
    box = ("--gpu", "2x l40s", "--ram", "256GiB")
    result = qwenpick("launch", "qwen3-8b", *box, "--kubernetes", "--write", str(tmp_path / "out"))
    assert result.code == 0
    assert [Path(line).name for line in result.out.splitlines()] == [
        "persistentvolumeclaim.yaml",
        "deployment.yaml",
        "service.yaml",
    ]
    assert yaml.safe_load((tmp_path / "out" / "deployment.yaml").read_text())["kind"] == "Deployment"


def test_a_cluster_wants_a_model_by_name(qwenpick: Qwenpick) -> None:
    result = qwenpick("launch", "--cluster", str(SAMPLES / "kubernetes-nodes.json"))
    assert result.code == 2 and "name the model" in result.err


def test_json_carries_the_files(qwenpick: Qwenpick) -> None:
    result = qwenpick("launch", "qwen3-8b", "--gpu", "2x l40s", "--ram", "256GiB", "--slurm", "--json")
    content = json.loads(result.out)
    validator("launch").validate(content)
    assert content["serve"]["argv"] == ["sbatch", "qwen3-8b.sbatch"]
    assert shlex.split(content["files"]["qwen3-8b.sbatch"].splitlines()[0].removeprefix("#!")) == ["/bin/bash"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--kubernetes", "--slurm"), "one form at a time"),
        (("--kubernetes", "--docker"), "a manifest is for serving on a cluster"),
        (("--ray", "--runtime", "sglang"), "Ray Serve LLM runs vLLM"),
        (("--kubernetes", "--runtime", "ollama"), "manifests are written for"),
        (("--write", "x"), "--write goes with"),
        (("--replicas", "2"), "--replicas goes with"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(qwenpick: Qwenpick, words: tuple[str, ...], sentence: str) -> None:
    result = qwenpick("launch", "qwen3-8b", "--gpu", "2x l40s", "--ram", "256GiB", *words)
    assert (result.code, result.out) == (2, "") and sentence in result.err


@pytest.mark.parametrize("form", ["--docker", "--compose", "--kubernetes"])
def test_of_a_model_that_no_engine_of_a_form_has_another_server_is_named(qwenpick: Qwenpick, form: str) -> None:
    # neither vLLM's registry nor srt/models has qwen3_tts; vLLM-Omni's does
    result = qwenpick("launch", "qwen3-tts", "--gpu", "rtx 4090", form)
    assert (result.code, result.out) == (2, "")
    assert "vLLM-Omni" in result.err and "--runtime" not in result.err


def test_several_words_of_a_flag_are_a_list_for_ray(qwenpick: Qwenpick) -> None:
    asked = "launch qwen3.5-9b --quant bf16 --runtime vllm --gpu h100 --context 8k --ray".split()
    for sizes, numbers in (("1,2,4", [1, 2, 4]), ("[1,2]", [1, 2]), ("8", [8])):
        written = yaml.safe_load(qwenpick(*asked, "-o", f"cudagraph_capture_sizes={sizes}").out)
        (model,) = written["applications"][0]["args"]["llm_configs"]
        assert model["engine_kwargs"]["cudagraph_capture_sizes"] == numbers


def test_copies_are_replicas_of_ray_and_of_a_mixture_one_group(qwenpick: Qwenpick) -> None:
    def written(asked: str) -> dict[str, Any]:
        (found,) = yaml.safe_load(qwenpick(*f"launch {asked} --runtime vllm --ray".split()).out)["applications"]
        return dict(found)

    dense = written("qwen3-32b --quant fp8 --gpu 4xh100 -o data_parallel_size=4")
    (model,) = dense["args"]["llm_configs"]
    assert model["deployment_config"]["num_replicas"] == 4 and "data_parallel_size" not in model["engine_kwargs"]
    mixed = written("qwen3-30b-a3b --quant bf16 --gpu 2xh100 -o data_parallel_size=2 -o enable_expert_parallel=true")
    model = mixed["args"]["llm_config"]
    assert (
        mixed["import_path"] == "ray.serve.llm:build_dp_openai_app" and model["deployment_config"]["num_replicas"] == 1
    )
    assert (model["engine_kwargs"]["data_parallel_size"], model["engine_kwargs"]["enable_expert_parallel"]) == (2, True)
