"""`convscope apply` and `gradient`: many pictures, the API's numbers, nothing lost."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from app.cli import files
from app.client import Client, Retries
from app.service.compute import Compute
from app.service.compute import Run as ComputedRun
from tests.cli.conftest import NETWORK, Run, save_picture
from tests.serving import ROOT

LAYERS: Any = NETWORK["layers"]
ALL_FORMS = "png,npy,npz,safetensors,csv"


def written(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".convscope-finished.jsonl"
    }


def test_files_in_process_are_those_of_a_server(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, server: str
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for command, wanted in (("apply", "--layers=0,2"), ("gradient", "--wrt=layers.1.kernel")):
        options = [spec, photos, wanted, "-f", "png,npy", "-j", 2]
        assert convscope(command, *options, "-o", here / command).status == 0
        ended = convscope(command, *options, "-o", there / command, "--server", server)
        assert ended.status == 0
    assert written(here) == written(there)
    assert len(written(here)) == 3 * 4 + 3 * 2
    for name in written(here):
        assert (here / name).read_bytes() == (there / name).read_bytes(), name


def test_every_form_holds_the_numbers_of_the_api(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, server: str
) -> None:
    out = tmp_path / "out"
    assert convscope("apply", spec, photos / "a.png", "-o", out, "-f", ALL_FORMS).status == 0
    with Client(server) as client:
        image = client.upload(photos / "a.png")
        x = image.as_input(color="gray", range="signed", max_side=24)
        exact = client.forward(x, LAYERS).output
        picture = client.forward_file(x, LAYERS)
    np.testing.assert_array_equal(np.load(out / "a.npy"), exact)
    with np.load(out / "a.npz") as archive:
        np.testing.assert_array_equal(archive["layers.2"], exact)
        assert json.loads(str(archive["response"]))["layers"][1]["name"] == "second"
    tensors = load((out / "a.safetensors").read_bytes())
    np.testing.assert_array_equal(tensors["layers.2"], exact)
    assert (out / "a.png").read_bytes() == picture
    header, *lines = csv.reader(io.StringIO((out / "a.csv").read_text()))
    assert header[:5] == ["n", "channel", "row", "0", "1"]
    assert len(lines) == exact.shape[1] * exact.shape[2]
    for n, channel, row, *values in lines:
        line = exact[int(n), int(channel), int(row)]
        np.testing.assert_array_equal(np.array(values, np.float32), line)


def test_gradients_are_those_of_the_api(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, server: str
) -> None:
    names = ["input", "layers.1.kernel"]
    wanted = [option for name in names for option in ("--wrt", name)]
    out = tmp_path / "out"
    select = '{"type": "l2", "select": {"channels": [1]}}'
    ended = convscope(
        "gradient", spec, photos / "a.png", "-o", out, *wanted, "-f", "npy,csv", "--loss", select
    )
    assert ended.status == 0
    with Client(server) as client:
        x = client.upload(photos / "a.png").as_input(color="gray", range="signed", max_side=24)
        exact = client.backward(x, LAYERS, loss=json.loads(select), gradients=names)
    for name in names:
        np.testing.assert_array_equal(np.load(out / f"a.{name}.npy"), exact[name])
    assert (out / "a.layers.1.kernel.csv").read_text().startswith("filter,channel,row,0,1,2\n")
    assert (out / "a.input.csv").read_text().startswith("n,channel,row,0,1,")


def test_broken_file_is_told_at_the_end_and_loses_nothing_else(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff and nothing more")
    (photos / "empty.png").touch()
    (photos / "text.png").write_text("no picture")
    (photos / "moved.png").symlink_to("gone.png")
    missing = tmp_path / "missing.png"
    out = tmp_path / "out"
    ended = convscope("apply", spec, photos, missing, "-o", out, "--json")
    assert ended.status == 1
    assert written(out) == {"a.png", "b.png", "trip/c.png"}
    assert (ended.json["pictures"], ended.json["done"]) == (8, 3)
    failed = {Path(one["picture"]).name: one["detail"] for one in ended.json["failed"]}
    assert failed["missing.png"] == failed["moved.png"] == "There is no such file."
    assert failed["empty.png"] == "The file is empty."
    assert "begins like JPEG but is corrupt" in failed["broken.jpg"]
    assert "not a picture" in failed["text.png"]
    assert "3 of 8 pictures done" in ended.err
    assert all(name in ended.err for name in failed)


def test_resume_does_what_is_not_done_or_stale(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, server: str
) -> None:
    out = tmp_path / "out"
    options = [spec, photos, "-o", out, "-f", "npy", "--json", "--server", server]

    def resumed() -> tuple[int, int]:
        ended = convscope("apply", *options, "--resume")
        assert ended.status == 0
        return ended.json["done"], ended.json["skipped"]

    assert resumed() == (3, 0)
    before = np.load(out / "a.npy")
    assert resumed() == (0, 3)
    save_picture(photos / "a.png", 99)
    assert resumed() == (1, 2)
    assert not np.array_equal(np.load(out / "a.npy"), before)
    (out / "b.npy").write_bytes(b"cut")
    assert resumed() == (1, 2)
    (out / "trip" / "c.npy").unlink()
    with (out / ".convscope-finished.jsonl").open("ab") as log:
        log.write(b'\n{"name": "a", "cont')
    assert resumed() == (1, 2)
    spec.write_text(json.dumps({**NETWORK, "layers": LAYERS[:2]}))
    assert resumed() == (3, 0)
    assert resumed() == (0, 3)
    assert convscope("apply", *options).json["done"] == 3


def test_full_disk_is_told_and_leaves_no_part_of_a_file(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, sync = tmp_path / "out", os.fsync
    seen: list[int] = []

    def full(descriptor: int) -> None:
        if "/out/" in os.readlink(f"/proc/self/fd/{descriptor}"):
            seen.append(descriptor)
            if len(seen) > 1:
                raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    ended = convscope("apply", spec, photos, "-o", out, "-j", 1)
    assert ended.status == 4
    assert f"{out / 'b.png'} cannot be written: No space left on device." in ended.err
    assert "1 of 3 pictures done" in ended.err
    assert "--resume goes on from here" in ended.err
    assert written(out) == {"a.png"}


def test_full_folder_of_temporary_files_is_named(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def full(descriptor: int) -> None:
        if "/arriving/" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    ended = convscope("apply", spec, photos, "-o", tmp_path / "out")
    assert ended.status == 4
    assert "cannot be written: it is full. TMPDIR names another folder" in ended.err
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    ended = convscope("kernels")
    assert ended.status == 4
    assert f"{tmp_path / 'missing'} cannot be written: No such file or directory." in ended.err


def test_output_that_is_a_file_is_named(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file")
    ended = convscope("apply", spec, photos, "-o", tmp_path / "out")
    assert ended.status == 4
    out = re.escape(str(tmp_path / "out"))
    told = rf"convscope: {out}/\S+ cannot be written: a file stands where its folder is to be\.\n"
    assert re.fullmatch(told, ended.err)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_whole_files_and_goes_on(
    convscope: Run, spec: Path, tmp_path: Path, server: str, stop: signal.Signals
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for index in range(24):
        save_picture(photos / f"{index}.png", index, (90, 120))
    options = [str(spec), str(photos), "-o", str(out), "-f", "npy,png", "-j", "1"]
    command = [sys.executable, "-m", "app", "apply", *options]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while not (out.exists() and len(written(out)) > 6):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(stop)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert told.endswith("--resume goes on from here.\nconvscope: Interrupted.\n")
    assert "Traceback" not in told
    arrays = [name for name in written(out) if name.endswith(".npy")]
    assert 0 < len(arrays) < 24
    assert all(np.load(out / name).ndim == 4 for name in arrays)
    assert not [name for name in written(out) if name.endswith(".part")]
    ended = convscope("apply", *options, "--resume", "--json", "--server", server)
    assert ended.status == 0
    assert ended.json["skipped"] + ended.json["done"] == 24
    assert ended.json["skipped"] >= len(arrays) - 2
    assert len(written(out)) == 48


def test_results_keep_folders_and_the_ending_where_it_alone_tells_apart(
    convscope: Run, spec: Path, photos: Path
) -> None:
    save_picture(photos / "a.bmp", 4)
    out = photos / "maps"
    assert convscope("apply", spec, photos, "-o", out).status == 0
    assert written(out) == {"a.png.png", "a.bmp.png", "b.png", "trip/c.png"}
    again = convscope("apply", spec, photos, "-o", out, "--resume", "--json")
    assert (again.json["pictures"], again.json["skipped"]) == (4, 4)
    save_picture(photos / "trip" / "b.png", 5)
    ended = convscope("apply", spec, photos / "b.bmp", photos / "trip" / "b.bmp", "-o", out)
    assert ended.status == 2
    assert "would have the same name" in ended.err


def test_results_never_overwrite_a_picture(convscope: Run, spec: Path, photos: Path) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.*") if path.is_file()}
    for named in ([photos], [photos / "trip" / ".." / "a.png"], ["-f", "npz,png", photos]):
        ended = convscope("apply", spec, *named, "-o", photos)
        assert ended.status == 2
        assert f"would overwrite the picture {photos / 'a.png'}; choose another" in ended.err
    assert before == {path: path.read_bytes() for path in photos.rglob("*.*") if path.is_file()}
    # Beside each other, under names of their own, they may stand.
    assert convscope("apply", spec, photos, "-o", photos, "-f", "npz").status == 0
    assert before.items() <= {path: path.read_bytes() for path in before}.items()
    assert (photos / "trip" / "c.npz").exists()


def test_copies_of_a_picture_are_done_as_often_as_they_are_there(
    convscope: Run, spec: Path, tmp_path: Path
) -> None:
    names = [f"{index}.png" for index in range(8)]
    for name in names:
        save_picture(tmp_path / "photos" / name, 7)
    ended = convscope("apply", spec, tmp_path / "photos", "-o", tmp_path / "out", "-j", 4)
    assert (ended.status, written(tmp_path / "out")) == (0, set(names)), ended.err


def test_folder_without_pictures_is_named(convscope: Run, spec: Path, tmp_path: Path) -> None:
    ended = convscope("apply", spec, tmp_path, "-o", tmp_path / "out")
    assert ended.status == 2
    assert f"There are no pictures in {tmp_path}." in ended.err


def test_dead_server_is_named(convscope: Run, spec: Path, photos: Path, tmp_path: Path) -> None:
    there = "http://127.0.0.1:9"
    ended = convscope("apply", spec, photos, "-o", tmp_path / "out", "--server", there)
    assert ended.status == 3
    assert ended.err == f"convscope: No server answers at {there}.\n"


def test_spec_that_is_illegal_whatever_the_picture_stops_before_the_first_one(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path
) -> None:
    layers = [{"type": "conv3d"}, {"type": "relu", "slope": 1}]
    spec.write_text(json.dumps({"layers": layers, "render": {"colormap": "jet"}}))
    ended = convscope("apply", spec, photos, "-o", tmp_path / "out")
    assert ended.status == 2
    assert "/layers/0/type: The type is missing or unknown; legal are " in ended.err
    assert "/layers/1/slope: There is no such field here" in ended.err
    assert "/render/colormap: Expected one of gray" in ended.err
    layers = [{"type": "relu"}, {"type": "conv2d", "kernel": [[1]], "stride": 0, "groups": 0}]
    spec.write_text(json.dumps({"layers": layers}))
    ended = convscope("apply", spec, photos, "-o", tmp_path / "out", "--layers", "1,2,-3")
    assert ended.status == 2
    assert "/layers/1/stride: Stride is 0, but must be an integer ≥ 1" in ended.err
    assert "/layers/1/groups: " in ended.err
    for index in (2, -3):
        assert f"/return/layers: There is no layer {index} among 2; legal: -2 to 1." in ended.err
    spec.write_text(json.dumps({"layers": layers[:1]}))
    for name in ("output", "layers.1.output", "layers.0.kernel"):
        ended = convscope("gradient", spec, photos, "-o", tmp_path / "out", "--wrt", name)
        assert ended.status == 2
        assert f"/return/gradients: There is no gradient '{name}' of 1 layers" in ended.err
    assert not (tmp_path / "out").exists()


def test_pictures_that_fail_alike_are_told_together(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path
) -> None:
    spec.write_text(json.dumps({"layers": [{"type": "conv2d", "kernel": [[[[1]]]]}]}))
    every = convscope("apply", spec, photos, "-o", tmp_path / "out", "-q")
    (photos / "a.png").write_bytes(b"no picture")
    some = convscope("apply", spec, photos, "-o", tmp_path / "out", "-q")
    for ended, named in ((every, ["  every picture"]), (some, ["b.bmp", "c.png"])):
        assert ended.status == 1
        assert ended.err.count("1 on its channel axis, but the input has C = 3 channels") == 1
        assert "3 failed" in ended.err
        assert all(f"{name}\n" in ended.err for name in named)


def test_pictures_wait_for_each_other_as_long_as_it_takes(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Compute.forward

    def slowly(*arguments: Any, **options: Any) -> ComputedRun:
        time.sleep(0.3)
        return compute(*arguments, **options)

    monkeypatch.setattr(Compute, "forward", slowly)
    monkeypatch.setattr(Retries, "pause", lambda *_: None)
    monkeypatch.setenv("CONVSCOPE_COMPUTE_SLOTS", "1")
    monkeypatch.setenv("CONVSCOPE_QUEUE_SECONDS", "0.1")
    ended = convscope("apply", spec, photos, "-o", tmp_path / "out", "-j", 3)
    assert (ended.status, len(written(tmp_path / "out"))) == (0, 3), ended.err


def test_members_for_other_commands_are_passed_over(
    convscope: Run, spec: Path, photos: Path, tmp_path: Path
) -> None:
    more = {
        "loss": {"type": "l2"},
        "return": {"layers": [0], "gradients": ["layers.0.kernel"], "channels": [0]},
        "at": {"feature": {}},
        "wrt": "input",
        "dtype": "float64",
    }
    spec.write_text(json.dumps({**NETWORK, **more}))
    for command, shape in (("apply", (1, 1, 18, 12)), ("gradient", (1, 1, 3, 3))):
        out = tmp_path / command
        assert convscope(command, spec, photos / "a.png", "-o", out, "-f", "npy").status == 0
        array = np.load(out / "a.npy")
        assert (array.shape, array.dtype) == (shape, np.float64)


class Terminal(io.StringIO):
    """What stderr is for a person."""

    def isatty(self) -> bool:
        return True


def test_terminal_shows_a_bar_with_rate_and_time_left_unless_it_is_to_be_quiet(
    convscope: Run,
    spec: Path,
    photos: Path,
    tmp_path: Path,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ["apply", spec, photos, "-o", tmp_path / "out", "--server", server]
    for quiet in ([], ["--quiet"]):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert convscope(*options, *quiet).status == 0
        shown = terminal.getvalue()
        assert bool(re.search(r"3/3 \[00:\d\d<00:00, .*picture", shown)) is (not quiet)
        assert ("3 of 3 pictures done" in shown) is (not quiet)


@pytest.mark.parametrize("command", ["apply", "gradient"])
def test_spec_that_asks_for_no_numbers_makes_files_all_the_same(
    convscope: Run, photos: Path, tmp_path: Path, command: str
) -> None:
    for name, returning in (("with", {}), ("without", {"return": {"data": False}})):
        spec = tmp_path / f"{name}.json"
        spec.write_text(json.dumps({**NETWORK, **returning}))
        ended = convscope(command, spec, photos / "a.png", "-f", "png,npz,npy", "-o", name)
        assert ended.status == 0, ended.err
    assert (
        written(tmp_path / "with") == written(tmp_path / "without") == {"a.png", "a.npz", "a.npy"}
    )
    for name in ("a.png", "a.npy"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
