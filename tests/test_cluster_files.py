"""The files that start a campaign on a Ray cluster of Slurm or Kubernetes: that they work, and fit this project."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from helpers import ROOT
from test_cli import invoke

from hcl.companion.parameters import seconds_of

FOLDER = ROOT / "book" / "cluster"
SBATCH = FOLDER / "ray.sbatch"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = re.search(r"^ray==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
# Fields of KubeRay's ray.io/v1, from its API reference.
_JOB = {
    "activeDeadlineSeconds", "backoffLimit", "clusterSelector", "deletionStrategy", "entrypoint", "entrypointNumCpus",
    "entrypointNumGpus", "entrypointResources", "jobId", "managedBy", "metadata", "rayClusterSpec", "runtimeEnvYAML",
    "shutdownAfterJobFinishes", "submissionMode", "submitterConfig", "submitterPodTemplate", "suspend",
    "ttlSecondsAfterFinished",
}  # fmt: skip
_CLUSTER = {
    "autoscalerOptions", "enableInTreeAutoscaling", "headGroupSpec", "headServiceAnnotations", "rayVersion", "suspend",
    "workerGroupSpecs",
}  # fmt: skip
_HEAD = {"enableIngress", "headService", "rayStartParams", "serviceType", "template"}
_WORKERS = {
    "groupName", "maxReplicas", "minReplicas", "numOfHosts", "rayStartParams", "replicas", "scaleStrategy", "template",
}  # fmt: skip


def campaign_takes(command):
    """Whether `hcl campaign` takes the options of a command, but for those that need a cluster to be there."""
    words = command.split()
    return words[:2] == ["hcl", "campaign"] and invoke(*words[1:], "--plan").exit_code == 0


# Slurm


def slurm(folder, *, nodes=2, ray=None):
    """A folder with an environment in which Slurm's commands, and Ray's unless it is there, are stand-ins."""
    bin = folder / ".venv" / "bin"
    bin.mkdir(parents=True)
    (bin / "activate").write_text(f'export PATH="{bin}:$PATH"\n')
    bodies = {
        "scontrol": f"test \"$*\" = 'show hostnames NODES' && printf 'node%s\\n' $(seq {nodes})",
        # Slurm's own options up to the command, which is what it is to run.
        "srun": 'while case "$1" in -w) shift; true;; -*) true;; *) false;; esac; do echo "srun $1" >&2; shift; done\n'
        'test "$1" = hostname && echo "127.0.0.1 fe80::1" || exec "$@"',
        "ray": ray or 'echo "ray $@" >&2; while test "$1" != --; do shift; done; shift; exec "$@"',
        "hcl": 'echo "$PWD: hcl $@"',
    }
    for name, body in bodies.items():
        (bin / name).write_text(f"#!/bin/sh\n{body}\n")
        (bin / name).chmod(0o755)
    return {
        "PATH": "/usr/bin:/bin", "SLURM_SUBMIT_DIR": str(folder), "SLURM_JOB_NODELIST": "NODES",
        "SLURM_JOB_NUM_NODES": str(nodes), "SLURM_CPUS_PER_TASK": "32", "SLURM_GPUS_ON_NODE": "8",
    }  # fmt: skip


def run(environment, *figures):
    return subprocess.run(
        ["bash", str(SBATCH), *figures], capture_output=True, text=True, check=True, env=environment, timeout=900
    )


def test_the_batch_file_starts_ray_on_every_node_and_the_campaign_on_one(tmp_path):
    assert subprocess.run(["bash", "-n", str(SBATCH)], check=False).returncode == 0
    done = run(slurm(tmp_path), "fig03", "fig04")
    told = done.stderr.splitlines()
    assert "srun --nodes=2" in told and "srun --ntasks=2" in told and "srun --cpus-per-task=32" in told
    start = next(line for line in told if line.startswith("ray "))
    assert start.startswith(
        "ray symmetric-run --address 127.0.0.1:6379 --min-nodes 2 --num-cpus=32 --num-gpus=8 -- hcl campaign"
    )
    where, _, command = done.stdout.strip().partition(": ")
    assert where == str(tmp_path)
    assert command.startswith("hcl campaign fig03 fig04 --profile paper --engine ray --address auto --gpus 1 --cores 4")
    assert campaign_takes(command)
    assert not campaign_takes(command.replace("--gpus", "--gpu")), "an option that there is not would be found"


def test_a_campaign_ends_before_its_job_and_its_nodes_hold_what_runs_ask_for():
    text = SBATCH.read_text(encoding="utf-8")
    given = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", text, re.MULTILINE))
    hours, minutes, _ = map(int, given["time"].split(":"))
    assert seconds_of(re.search(r"--budget (\w+)", text)[1]) + 600 <= 3600 * hours + 60 * minutes
    assert given["ntasks-per-node"] == "1", "one Ray a node"
    cores = int(re.search(r"HCL_CORES:-(\d+)", text)[1])
    assert int(given["gpus-per-node"]) * cores <= int(given["cpus-per-task"])


def test_what_is_asked_of_ray_is_there():
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'hcl[cluster]'")
    from ray.scripts.scripts import start
    from ray.scripts.symmetric_run import symmetric_run

    assert ray.__version__ == PINNED
    own = {option for each in symmetric_run.params for option in each.opts}
    passed_on = {option for each in start.params for option in each.opts}
    asked = re.search(r"symmetric-run(.*?) -- ", SBATCH.read_text(encoding="utf-8"), re.DOTALL)[1]
    options = set(re.findall(r"--[\w-]+", asked))
    assert options == {"--address", "--min-nodes", "--num-cpus", "--num-gpus"} and options <= own | passed_on
    assert {"--address", "--min-nodes"} <= own
    (least,) = re.findall(r"ray>=([\d.]+)", " ".join(PROJECT["optional-dependencies"]["cluster"]))
    assert tuple(map(int, least.split("."))) >= (2, 49), "symmetric-run is there from 2.49 on"


_ALONE = """
import fcntl, socket, struct, subprocess, sys
up = struct.pack("16sh14s", b"lo", 0x1 | 0x8 | 0x40, b"")  # loopback, which is down in a network of one's own
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, up)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/tmp/ray"], check=True)
sys.exit(subprocess.run(["bash", *sys.argv[1:]]).returncode)
"""
_UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--mount", "--fork", "--mount-proc"]


@pytest.mark.slow
def test_the_batch_file_makes_a_campaign_with_ray_itself(tmp_path):
    """On one node: processes, network and /tmp/ray of its own, since the end of it stops every Ray that it sees."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'hcl[cluster]'")
    Path("/tmp/ray").mkdir(exist_ok=True)
    if shutil.which("unshare") is None or subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("no namespaces of one's own here")
    bin = Path(sys.executable).parent
    environment = slurm(tmp_path, nodes=1, ray=f'PATH="$PATH:{bin}" exec {bin}/ray "$@"')
    (tmp_path / ".venv/bin/hcl").write_text(f'#!/bin/sh\nexec {sys.executable} -m hcl "$@"\n')
    environment |= {
        "SLURM_CPUS_PER_TASK": "2", "SLURM_GPUS_ON_NODE": "0", "HCL_PROFILE": "smoke", "HCL_GPUS": "0",
        "HCL_CORES": "1", "HCL_RUNS": str(tmp_path / "runs"), "PYTHONPATH": os.environ["PYTHONPATH"],
        "HOME": str(tmp_path), "RAY_raylet_start_wait_time_s": "300",
    }  # fmt: skip
    done = subprocess.run(
        [*_UNSHARE, sys.executable, "-c", _ALONE, str(SBATCH), "fidelity_gradient"],
        capture_output=True, text=True, env=environment, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Finished 8, failed 0, left 0." in done.stdout
    assert len(list((tmp_path / "runs" / "smoke").glob("synthetic-*/provenance.json"))) == 8


# Kubernetes


@pytest.fixture(scope="module")
def kubernetes():
    volume, job = yaml.safe_load_all((FOLDER / "rayjob.yaml").read_text(encoding="utf-8"))
    return volume, job


def test_the_job_has_the_fields_of_kuberay_and_no_others(kubernetes):
    _, job = kubernetes
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    for fields, known in ((spec, _JOB), (cluster, _CLUSTER), (head, _HEAD), (workers, _WORKERS)):
        assert set(fields) <= known
    for group in (head, workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "a map of strings"
        assert set(group["template"]["spec"]) == {"containers", "securityContext", "volumes"}
    assert spec["shutdownAfterJobFinishes"] is True and spec["backoffLimit"] > 0
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]


def test_no_run_is_on_the_head_and_workers_hold_what_runs_ask_for(kubernetes):
    _, job = kubernetes
    cluster, words = job["spec"]["rayClusterSpec"], job["spec"]["entrypoint"].split()
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (worker,) = cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"]
    limits = worker["resources"]["limits"]
    gpus, cores = (float(words[words.index(option) + 1]) for option in ("--gpus", "--cores"))
    assert worker["resources"]["requests"] == limits
    assert int(limits["nvidia.com/gpu"]) / gpus * cores <= int(limits["cpu"])
    assert campaign_takes(job["spec"]["entrypoint"])


def test_all_pods_see_the_same_records_and_data_on_a_volume_that_all_may_write_to(kubernetes):
    volume, job = kubernetes
    assert volume["kind"] == "PersistentVolumeClaim" and volume["spec"]["accessModes"] == ["ReadWriteMany"]
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,), (claimed,) = pod["containers"], pod["volumes"]
        assert claimed["persistentVolumeClaim"]["claimName"] == volume["metadata"]["name"]
        (mount,) = container["volumeMounts"]
        assert mount["name"] == claimed["name"]
        given = {each["name"]: each["value"] for each in container["env"]}
        assert all(given[name].startswith(f"{mount['mountPath']}/") for name in ("HCL_RUNS", "HCL_DATA"))


def test_the_image_has_the_ray_and_python_of_this_project_and_what_a_campaign_imports(kubernetes):
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    ray, python = re.search(r"^FROM rayproject/ray:([\d.]+)-py3(\d+)$", text, re.MULTILINE).groups()
    assert ray == PINNED == kubernetes[1]["spec"]["rayClusterSpec"]["rayVersion"]
    assert f">=3.{python}" == PROJECT["requires-python"]
    for sources in re.findall(r"^COPY --chown=\S+ (.*) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    extras = re.search(r'hcl\[([\w,]+)\]"', text)[1].split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])
    others = re.findall(r'"(\w+>=[\d.]+)"', text)
    assert {"typer", "rich"} == {name.partition(">")[0] for name in others}
    assert set(others) <= set(PROJECT["optional-dependencies"]["companion"])


def test_the_page_offers_and_shows_the_files():
    page = (ROOT / "notebooks" / "cluster.py").read_text(encoding="utf-8")
    for path in FOLDER.iterdir():
        assert f"{{download}}`{path.name} <../cluster/{path.name}>`" in page
        assert f"{{literalinclude}} ../cluster/{path.name}" in page
        assert all(len(line) <= 80 for line in path.read_text(encoding="utf-8").splitlines()), path.name
