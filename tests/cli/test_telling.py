"""The commands that tell: explain, shapes, gradcheck, kernels, and what they refuse."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli.forms import as_csv
from app.client import Client
from tests.cli.conftest import NETWORK, Run
from tests.serving import ROOT

LAYERS: Any = NETWORK["layers"]
X: Any = NETWORK["input"]


def test_json_is_what_the_api_answers(convscope: Run, spec: Path, server: str) -> None:
    at = {"kernel_gradient": {"layer": 0, "row": 1, "col": 2}}
    with Client(server) as client:
        explained = client.explain(X, LAYERS, at, loss={"type": "l2"})
        shapes = client.shapes(X, LAYERS)
        checked = client.gradcheck(X, LAYERS, wrt="layers.1.kernel", seed=3)
        kernels = client.kernels()
    place = "kernel_gradient:layer=0,row=1,col=2"
    for extra in ([], ["--server", server]):
        options = [spec, "--json", *extra]
        assert convscope("explain", *options, "--at", place, "--loss", "l2").json == explained
        assert convscope("shapes", *options).json == shapes
        given = ["--wrt", "layers.1.kernel", "--seed", 3]
        assert convscope("gradcheck", *options, *given).json == checked
        named = {one["name"]: one["matrix"] for one in convscope("kernels", "--json", *extra).json}
        assert named == {name: kernel.matrix.tolist() for name, kernel in kernels.items()}


def test_text_tells_it_to_people(convscope: Run, spec: Path, photos: Path) -> None:
    shapes = convscope("shapes", spec, photos / "a.png")
    assert shapes.status == 0
    assert "input 1×1×18×24" in shapes.out
    assert "second" in shapes.out
    explained = convscope("explain", spec, photos / "a.png", "--at", "feature:layer=0,row=3,col=4")
    assert explained.status == 0
    assert explained.out.count("kernel[0,0,") == 9
    assert "layers.0.output[0,0,3,4] = " in explained.out
    checked = convscope("gradcheck", spec, photos / "a.png", "--wrt", "layers.0.kernel")
    assert checked.status == 0
    assert checked.out.startswith("layers.0.kernel: pass\n")
    assert checked.out.count("pass") == 10
    assert "sobel_x " in convscope("kernels").out
    assert "-2   0   2" in convscope("kernels", "sobel_x").out


def test_shapes_of_a_shape_alone_report_illegal_layers_in_place(convscope: Run, spec: Path) -> None:
    ended = convscope("shapes", spec, "--shape", "2,1,1,9")
    assert ended.status == 1
    assert "input 2×1×1×9" in ended.out
    assert "/layers/1" in ended.out
    assert ended.err == ""


def test_yaml_says_what_json_says(convscope: Run, spec: Path, tmp_path: Path) -> None:
    text = """
    input: {sample: cat, color: gray, range: signed, max_side: 24}
    layers:
      - type: conv2d
        kernel: {preset: sobel_x}
        stride: [1, 2]
        padding: same
      - {type: conv2d, kernel: {random: {filters: 3, size: [2, 3]}}, name: second}
      - {type: leaky_relu, slope: 125e-3}
    """
    (tmp_path / "spec.yaml").write_text(text)
    asked = ["--at", "feature:row=2", "--json"]
    found = convscope("explain", "spec.yaml", *asked)
    assert found.status == 0
    assert found.json == convscope("explain", spec, *asked).json
    (tmp_path / "flow.yml").write_text("{layers: [{type: relu, name: whole}]}")
    assert "whole" in convscope("shapes", "flow.yml", "--shape", "3").out


def test_mark_that_some_editors_put_first_is_passed_over(
    convscope: Run, spec: Path, tmp_path: Path
) -> None:
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + spec.read_bytes())
    assert convscope("shapes", "marked.json").out == convscope("shapes", spec).out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not valid JSON: Expecting property name"),
        ('{"layers": [], "layers": []}', "holds the same key twice"),
        ('{"layer": []}', "a spec is an object with a list of layers"),
        ("[1]", "a spec is an object with a list of layers"),
        ('{"layers": [], "los": 1}', "has no member 'los'; legal are input, layers"),
        ('{"layers": [], "input": 3}', "input is an object"),
        ("layers: [\n", "this is not valid YAML: "),
        ("layers: []\nlayers: []\n", "holds the same key twice at line 1"),
        ("layers: " + "[" * 3000, "the YAML is nested too deeply"),
        ("layers: [{type: relu, name: 2026-01-01}]", "holds what JSON cannot write"),
        ("\x00", "this is neither JSON nor YAML"),
        ('{"layers": []}', "the spec has no input; give a picture"),
        ('{"layers": [], "input": {"sample": "dog"}}', "There is no sample of this name"),
        ('{"layers": [{"type": "relux"}], "input": {"array": [1]}}', "/layers/0/type: The type"),
    ],
)
def test_spec_that_is_none_is_refused_in_a_sentence(
    convscope: Run, tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "spec").write_text(text)
    ended = convscope("shapes", "spec")
    assert (ended.status, ended.out) == (2, "")
    assert sentence in ended.err
    assert ended.err.startswith("convscope: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["shapes", "missing.json"], "missing.json: there is no such spec."),
        (["shapes", "."], ".: the spec cannot be read: Is a directory."),
        (["shapes", "spec.json", "none.png"], "none.png: the file cannot be read: No such file"),
        (["shapes", "spec.json", "spec.json"], "spec.json: The content is not a picture"),
        (["explain", "spec.json"], "Which number? Say --at"),
        (["explain", "spec.json", "--at", "feature:layer=9"], "There is no layer 9; legal: 0 to 2"),
        (["explain", "spec.json", "--at", "pixel:row=1"], "'pixel:row=1' is not of the form"),
        (["explain", "spec.json", "--at", "feature:row"], "'feature:row' is not of the form"),
        (["gradcheck", "spec.json", "--wrt", "weights"], "/wrt: "),
        (["gradcheck", "spec.json", "--step", "0"], "/step: "),
        (["gradcheck", "spec.json", "--loss", "{"], "--loss: The text is not valid JSON"),
        (["gradcheck", "spec.json", "--loss", "lasso"], "/loss/type: The type is missing"),
        (["kernels", "sobol"], "There is no kernel sobol; legal are identity"),
        (["apply", "spec.json", "a.png", "-o", "out", "-f", "jpg"], "'jpg' is not one or several"),
        (["apply", "spec.json", "a.png", "-o", "out", "-j", "0"], "'0' is not a whole number"),
        (["apply", "spec.json", "a.png"], "the following arguments are required: -o"),
        (
            ["gradient", "spec.json", "a.png", "-o", "out", "--dask", "tcp://a"],
            "maps alone; for gr",
        ),
        (["serve", "--port", "99999"], "'99999' is not a port from 0 to 65535"),
        (["kernels", "--server", "nonsense"], "'nonsense' is no address"),
    ],
)
def test_bad_command_is_refused_in_a_sentence(
    convscope: Run, spec: Path, arguments: list[str], sentence: str
) -> None:
    ended = convscope(*arguments)
    assert ended.status == (3 if "--server" in arguments else 2)
    assert sentence in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_address_below_a_server_is_refused(
    convscope: Run, spec: Path, photos: Path, server: str
) -> None:
    where = ["--server", f"{server}/api/v1"]
    for asked in (["kernels"], ["apply", spec, photos, "-o", "out"]):
        ended = convscope(*asked, *where)
        assert ended.status == 3
        assert f"There is no Convscope at {server}/api/v1; an address is such" in ended.err


def test_broken_setting_is_refused(convscope: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_LAYERS", "many")
    ended = convscope("kernels")
    assert ended.status == 2
    assert "CONVSCOPE_LAYERS must be a number" in ended.err


def test_help_imports_nothing_heavy_and_tells_the_exit_statuses() -> None:
    script = "import sys; from app.cli import main\n"
    script += "try: main(['--help'])\nexcept SystemExit: print(sorted(sys.modules))"
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "130  interrupted" in told.stdout
    for heavy in ("numpy", "httpx", "fastapi", "PIL", "yaml", "tqdm", "asyncio"):
        assert f"'{heavy}'" not in told.stdout


def test_blas_is_told_to_leave_threads_to_the_engine(
    convscope: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "")
    for given, expected in ((None, "1"), ("2", "2")):
        if given is None:
            monkeypatch.delenv("OPENBLAS_NUM_THREADS")
        else:
            monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
        convscope("shapes", "missing.json")
        assert os.environ["OPENBLAS_NUM_THREADS"] == expected


def test_reader_that_has_enough_ends_the_command_quietly() -> None:
    command = [sys.executable, "-m", "app", "kernels", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_output_that_cannot_be_written_is_told(how: list[str]) -> None:
    command = [sys.executable, "-m", "app", "kernels", *how]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 4
    assert ended.stderr == (
        "convscope: standard output cannot be written: No space left on device.\n"
    )


def test_command_without_an_output_or_with_few_letters_ends_well() -> None:
    closed = f"exec '{sys.executable}' -m app kernels >&-"
    subprocess.run(["/bin/sh", "-c", closed], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "app", "explain", "--help"]
    few = {**os.environ, "PYTHONIOENCODING": "ascii"}
    told = subprocess.run(command, cwd=ROOT, env=few, capture_output=True, check=True)
    assert told.stderr == b""


def test_csv_tells_every_number_again_and_names_its_axes() -> None:
    generator = np.random.default_rng(1)
    for shape, names in (
        ((2, 3, 2, 4), "n,channel,row,0,1,2,3"),
        ((2, 3, 4), "n,channel,0,1,2,3"),
        ((2, 3), "n,0,1,2"),
        ((3,), "0,1,2"),
    ):
        for dtype in (np.float32, np.float64):
            array = generator.normal(size=shape).astype(dtype) * 1e-9
            header, *lines = as_csv(array).decode().splitlines()
            assert header == names
            values = [line.split(",")[len(shape) - 1 :] for line in lines]
            np.testing.assert_array_equal(np.array(values, dtype).reshape(shape), array)


def test_spec_may_come_from_stdin(
    convscope: Run, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(spec.read_bytes())))
    told = convscope("shapes", "-", "--shape", "1,1,9,8", "--json")
    assert told.json["input"]["shape"] == [1, 1, 9, 8]
