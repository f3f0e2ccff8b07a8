"""The commands that compute: what is asked, what is printed, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from app.cli import exits, telling
from app.cli.batch import Batch, Outcome
from app.cli.exits import CommandError
from app.cli.forms import Work
from app.cli.making import ByApi, Maker
from app.cli.pictures import sources
from app.cli.reaching import reached
from app.cli.refusing import in_lines, refuse_illegal, refuse_overwriting
from app.cli.specs import Spec, read_loss, read_spec
from app.client import (
    AsyncClient,
    ConvscopeError,
    Forbidden,
    Problem,
    ServerFailed,
    StoreFull,
    Unauthorized,
)
from app.settings import Settings, usable_cores

Options = dict[str, Any]


def run(command: str, options: Options, settings: Settings) -> int:
    """Run a command and return its exit status.

    Raises:
        CommandError: It was refused, or there is no answer.
    """
    commands = {
        "apply": _batch,
        "gradient": _batch,
        "explain": _explain,
        "shapes": _shapes,
        "gradcheck": _gradcheck,
        "kernels": _kernels,
    }
    try:
        return asyncio.run(_told(commands[command](options, settings)))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _told(work: Coroutine[Any, Any, int]) -> int:
    """Return what the work returns, the client's errors as those of the command."""
    task = asyncio.current_task()
    # A batch system's SIGTERM ends things as Ctrl-C does; Windows has no such thing.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, lambda: task and task.cancel()
        )
    try:
        return await work
    except ConvscopeError as error:
        raise CommandError(_in_words(error), _status(error)) from error


def _status(error: ConvscopeError) -> int:
    if isinstance(error, StoreFull):
        return exits.NOT_WRITTEN
    if isinstance(error, Problem) and not isinstance(
        error, Unauthorized | Forbidden | ServerFailed
    ):
        return exits.REFUSED
    return exits.NO_SERVER


def _in_words(error: ConvscopeError) -> str:
    """Return an error as a sentence, or several faults as a line each."""
    if isinstance(error, Problem) and error.errors:
        return in_lines([(one["pointer"], one["detail"]) for one in error.errors])
    return str(error)


async def _batch(options: Options, settings: Settings) -> int:
    spec = read_spec(options["spec"])
    work = _gradients(spec, options) if "wrt" in options else _maps(spec, options)
    found = sources(options["images"], options["output"])
    refuse_overwriting(found, options["output"], work.endings(options["forms"]))
    outcome = Outcome(len(found))
    server = options["server"]
    if server is not None and options.get("dask"):
        raise CommandError("Either a server computes or a cluster: --server or --dask.")
    try:
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(reached(server, settings))
            await refuse_illegal(client, spec, work)
            maker, jobs = await _maker(stack, client, spec, work, options, settings)
            batch = Batch(
                spec,
                work,
                options["forms"],
                options["output"],
                options["resume"],
                jobs,
                options["quiet"],
            )
            await batch.run(maker, found, outcome)
    except (asyncio.CancelledError, ConvscopeError, CommandError):
        if outcome.done or outcome.skipped:
            print(f"{outcome.in_words()}\n--resume goes on from here.", file=sys.stderr)
        raise
    if options["json"]:
        telling.print_json(outcome.told())
    if outcome.failed or not options["quiet"]:
        print(outcome.in_words(), file=sys.stderr)
    return exits.SOMETHING_FAILED if outcome.failed else exits.DONE


async def _maker(
    stack: contextlib.AsyncExitStack,
    client: AsyncClient,
    spec: Spec,
    work: Work,
    options: Options,
    settings: Settings,
) -> tuple[Maker, int]:
    """Return who makes the files, and of how many pictures at the same time."""
    address, server, jobs = options.get("dask"), options["server"], options["jobs"]
    if address is None and server is None and work.kind == "forward":
        address = settings.dask
    if not address:
        by_api = ByApi(client, spec, work, options["forms"], keeps=server is not None)
        return by_api, jobs or usable_cores()
    from app.cli.cluster import item_work, on_cluster

    item = item_work(spec, work, options["forms"], settings)
    cluster = await stack.enter_async_context(
        on_cluster(address, item, work, options["forms"], jobs)
    )
    return cluster, cluster.jobs


def _maps(spec: Spec, options: Options) -> Work:
    """Return the work of `apply`."""
    returning = _returning(spec)
    returning.pop("gradients", None)
    wanted = returning.pop("layers", "last") if options["layers"] is None else options["layers"]
    returning.pop("layers", None)
    count = len(spec.layers)
    chosen = {"last": [-1], "all": list(range(count))}.get(str(wanted), wanted)
    if not (isinstance(chosen, list) and chosen and all(type(one) is int for one in chosen)):
        raise CommandError(f"{spec.path}: layers to return are last, all, or a list of indices.")
    indices = [index + count if -count <= index < 0 else index for index in chosen]
    return Work(
        "forward",
        spec.layers,
        spec.take("dtype"),
        returning,
        {f"layers.{index}": index for index in indices},
        spec.members.get("render"),
    )


def _returning(spec: Spec) -> dict[str, Any]:
    """Return the spec's `return` for files, which need the numbers whatever the spec says of it."""
    return {name: one for name, one in spec.members.get("return", {}).items() if name != "data"}


def _gradients(spec: Spec, options: Options) -> Work:
    """Return the work of `gradient`."""
    returning = _returning(spec)
    returning.pop("layers", None)
    asked = returning.pop("gradients", ["input"])
    names = options["wrt"] or asked
    if not isinstance(names, list) or not names:
        raise CommandError(f"{spec.path}: gradients to return are a list of names.")
    given = spec.with_members(loss=read_loss(options["loss"])).take("dtype", "loss")
    return Work(
        "backward",
        spec.layers,
        given,
        returning,
        {name: name for name in names},
        spec.members.get("render"),
    )


def _spec_with_loss(options: Options) -> Spec:
    given = {name: options.get(name) for name in ("at", "wrt", "step", "seed")}
    return read_spec(options["spec"]).with_members(loss=read_loss(options.get("loss")), **given)


async def _input(client: AsyncClient, spec: Spec, options: Options) -> Any:
    """Return what is computed on: the picture of the command line, else the spec's own input."""
    path: Path | None = options["image"]
    if options.get("shape"):
        return {"shape": options["shape"]}
    if path is not None:
        try:
            return spec.on((await client.upload(path)).id)
        except OSError as error:
            raise CommandError(f"{path}: the file cannot be read: {error.strerror}.") from error
        except Problem as problem:
            raise CommandError(f"{path}: {problem.detail}", _status(problem)) from problem
    if spec.input is None:
        raise CommandError(f"{spec.path}: the spec has no input; give a picture.")
    return spec.input


async def _explain(options: Options, settings: Settings) -> int:
    spec = _spec_with_loss(options)
    if "at" not in spec.members:
        raise CommandError("Which number? Say --at KIND:FIELD=N,…, such as feature:row=3,col=4.")
    async with reached(options["server"], settings) as client:
        x = await _input(client, spec, options)
        told = await client.explain(x, spec.layers, **spec.take("at", "loss", "dtype"))
    _show(told, telling.explanation, options)
    return exits.DONE


async def _shapes(options: Options, settings: Settings) -> int:
    spec = read_spec(options["spec"])
    async with reached(options["server"], settings) as client:
        x = await _input(client, spec, options)
        told = await client.shapes(x, spec.layers, **spec.take("dtype"))
    _show(told, telling.shapes, options)
    illegal = any(layer["errors"] for layer in told["layers"])
    return exits.SOMETHING_FAILED if illegal else exits.DONE


async def _gradcheck(options: Options, settings: Settings) -> int:
    spec = _spec_with_loss(options)
    asked = spec.take("loss", "wrt", "indices", "step", "seed")
    async with reached(options["server"], settings) as client:
        x = await _input(client, spec, options)
        told = await client.gradcheck(x, spec.layers, **asked)
    _show(told, telling.gradcheck, options)
    return exits.DONE if told["verdict"] == "pass" else exits.SOMETHING_FAILED


async def _kernels(options: Options, settings: Settings) -> int:
    async with reached(options["server"], settings) as client:
        listed = await client.kernels()
    name = options["name"]
    if name is None:
        told = [telling.kernel_json(one) for one in listed.values()]
        _show(told, lambda _: telling.kernels(listed), options)
    elif name in listed:
        _show(telling.kernel_json(listed[name]), lambda _: telling.kernel(listed[name]), options)
    else:
        raise CommandError(f"There is no kernel {name}; legal are {', '.join(listed)}.")
    return exits.DONE


def _show(told: Any, in_words: Callable[[Any], str], options: Options) -> None:
    if options["json"]:
        telling.print_json(told)
    else:
        telling.print_text(in_words(told))
