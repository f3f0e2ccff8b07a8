"""`convscope apply --dask`: the files of one process, made by several, whoever of them dies."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from app.engine.kernels import PresetKernel, RandomKernel
from app.engine.layers import Conv2d
from app.engine.network import forward
from app.service import cluster
from tests.cluster.conftest import Processes, Run, save_picture
from tests.serving import ROOT

SPEC: Any = {
    "input": {"sample": "cat", "color": "gray", "max_side": 24},
    "layers": [
        {"type": "conv2d", "kernel": {"preset": "sobel_x"}, "padding": "same"},
        {"type": "conv2d", "kernel": {"random": {"filters": 3, "size": [2, 3]}}, "name": "second"},
    ],
    "render": {"legend": True},
}


def saved(path: Path, spec: Any) -> Path:
    path.write_text(json.dumps(spec))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".convscope-finished.jsonl"
    }


def test_files_of_a_cluster_are_those_of_one_process(
    convscope: Run, processes: Processes, tmp_path: Path
) -> None:
    for number in range(4):
        save_picture(tmp_path / "photos" / f"trip/{number}.png", number)
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "photos" / "empty.png").touch()
    spec = saved(tmp_path / "spec.json", SPEC | {"return": {"layers": "all", "dtype": "uint8"}})
    exact = saved(tmp_path / "exact.json", SPEC)
    on_cluster = ("--dask", processes.address)
    for name, asked in (
        ("coded", [spec, "photos", "-f", "png,npy,csv"]),
        ("exact", [exact, "photos", "-f", "png,npy,npz,safetensors,csv"]),
    ):
        here = convscope("apply", *asked, "-o", f"{name}-here", "--json")
        there = convscope("apply", *asked, "-o", f"{name}-there", "--json", *on_cluster)
        assert here.status == there.status == 1
        assert there.json["done"] == 4
        faults = [sorted(one.json["failed"], key=str) for one in (here, there)]
        assert faults[0] == faults[1]
        expected, found = files(tmp_path / f"{name}-here"), files(tmp_path / f"{name}-there")
        assert expected.keys() == found.keys()
        for file, content in expected.items():
            if file.endswith("npz"):  # it tells how long things took
                with np.load(tmp_path / f"{name}-there" / file) as archive:
                    assert "second" in str(archive["response"])
                    np.testing.assert_array_equal(
                        archive["layers.1"], load(expected[f"{file[:-3]}safetensors"])["layers.1"]
                    )
            elif file.endswith("safetensors"):
                np.testing.assert_equal(load(found[file]), load(content))
            else:
                assert found[file] == content, file

    (tmp_path / "exact-there" / "trip" / "3.png").unlink()
    again = convscope("apply", *asked, "-o", "exact-there", "--json", "--resume", *on_cluster)
    assert (again.json["done"], again.json["skipped"]) == (1, 3)

    refused = convscope("apply", exact, "photos", "-o", "x", *on_cluster, "--server", "http://a")
    assert (refused.status, "--server or --dask" in refused.err) == (2, True)
    illegal = saved(tmp_path / "illegal.json", {"layers": [{"type": "relu", "slope": 1}]})
    assert convscope("apply", illegal, "photos", "-o", "x", *on_cluster).status == 2
    assert not (tmp_path / "x").exists()


def test_a_picture_of_a_file_is_tiled_by_the_workers_as_by_one_process(
    convscope: Run, processes: Processes, tmp_path: Path
) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (3, 900, 200)).astype(np.uint8)
    np.save(tmp_path / "picture.npy", picture)
    spec = saved(tmp_path / "spec.json", SPEC)
    asked = ["tile", spec, "picture.npy", "--memory", 1, "-o"]
    assert convscope(*asked, "here.npy").status == 0
    assert convscope(*asked, "there.npy", "--dask", processes.address).status == 0
    layers = [
        Conv2d(PresetKernel("sobel_x"), padding="same"),
        Conv2d(RandomKernel(3, (2, 3)), name="second"),
    ]
    whole = forward(layers, picture[None].astype(np.float32)).output
    for name in ("here.npy", "there.npy"):
        np.testing.assert_array_equal(np.load(tmp_path / name), whole, strict=True)
    np.save(tmp_path / "words.npy", np.array([["a", "b"]]))
    (tmp_path / "empty.npy").touch()
    below = (tmp_path / "picture.npy").read_bytes().replace(b"(3, 900", b"(3, -90")
    (tmp_path / "below.npy").write_bytes(below)
    for name, layers, words in (
        ("picture.npy", [{"type": "flatten"}], "Layer 0 is flatten, which is not computed in band"),
        ("picture.npy", [{"type": "dense"}], "spec.json: At /layers/0"),
        ("none.npy", [], "none.npy: the file cannot be read: No such file"),
        ("words.npy", [], "words.npy: this is no .npy file of a picture"),
        ("empty.npy", [], "empty.npy: this is no .npy file of a picture"),
        ("below.npy", [], "below.npy: this is no .npy file of a picture"),
        ("spec.json", [], "spec.json: this is no .npy file of a picture"),
    ):
        saved(spec, {"layers": layers})
        ended = convscope("tile", spec, name, "-o", "x.npy")
        assert (ended.status, words in ended.err, ended.err.count("\n")) == (2, True, 1), ended
    saved(spec, {"layers": []})
    ended = convscope("tile", spec, "picture.npy", "-o", tmp_path / "." / "picture.npy")
    assert (ended.status, "is the picture itself" in ended.err) == (2, True)
    np.testing.assert_array_equal(np.load(tmp_path / "picture.npy"), picture)
    assert convscope("tile", spec, "picture.npy", "-o", "spec.json/x.npy").status == 4
    assert ". is a folder" in convscope("tile", spec, "picture.npy", "-o", ".").err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "below.npy",
        "empty.npy",
        "here.npy",
        "picture.npy",
        "spec.json",
        "there.npy",
        "words.npy",
    ]


def wait_for_files(folder: Path, count: int, process: "subprocess.Popen[str]") -> None:
    while len(list(folder.glob("*.npy"))) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_who_dies_costs_nothing(
    convscope: Run, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [
        {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": [5, 5]}}, "padding": 2},
        {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": [5, 5]}}, "padding": 2},
        {"type": "global_avg_pool"},
    ]
    spec = saved(tmp_path / "spec.json", {"layers": layers})
    for number in range(14):
        save_picture(tmp_path / "photos" / f"{number}.png", number, (200 + number, 240))
    assert convscope("apply", spec, "photos", "-o", "here", "-f", "npy").status == 0

    command = [sys.executable, "-m", "app", "apply", str(spec), "photos", "-f", "npy", "-q"]
    command += ["--dask", processes.address, "-j", "4", "-o"]

    def started(output: str) -> "subprocess.Popen[str]":
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen(
            [*command, output], cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment
        )
        (tmp_path / output).mkdir(exist_ok=True)
        wait_for_files(tmp_path / output, 3, process)
        return process

    process = started("there")
    processes.workers[0].kill()
    assert process.communicate(timeout=60) == (None, "")
    assert process.returncode == 0
    assert files(tmp_path / "there") == files(tmp_path / "here")

    process = started("half")
    processes.scheduler.kill()
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 3
    assert told.splitlines()[-2:] == [
        "--resume goes on from here.",
        f"convscope: The Dask scheduler at {processes.address} does not answer any more.",
    ]
    done = files(tmp_path / "half")
    assert 3 <= len(done) < 14
    assert done.items() <= files(tmp_path / "here").items()
    ended = convscope("apply", spec, "photos", "-o", "half", "-f", "npy", "--resume", "--json")
    assert ended.json["skipped"] == len(done)
    assert files(tmp_path / "half") == files(tmp_path / "here")

    shutil.rmtree(tmp_path / "half")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    ended = convscope("apply", spec, "photos", "-o", "half", "--dask", processes.address)
    assert ended.status == 3
    assert ended.err == f"convscope: There is no Dask scheduler at {processes.address}.\n"
    assert not (tmp_path / "half").exists()
