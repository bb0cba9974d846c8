"""`kserve-agent proxy` before a component, `balance` before several, `dump` for events. The composition root."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web

from kserve_agent.balance import Balancer
from kserve_agent.batches import MAX_LATENCY, MAX_SIZE, Batcher
from kserve_agent.dump import application
from kserve_agent.events import Source
from kserve_agent.logger import EventSender
from kserve_agent.proxy import MAX_BODY, Logging, Proxy


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    asyncio.run({"dump": _dump, "proxy": _proxy, "balance": _balance}[args.command](args))
    return 0


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="kserve-agent", description="What KServe's agent does before a component.")
    commands = root.add_subparsers(dest="command", required=True)
    dump = commands.add_parser("dump", help="show the events that are sent here")
    proxy = commands.add_parser("proxy", help="log and batch what goes to a component")
    balance = commands.add_parser("balance", help="spread connections over several instances")
    balance.add_argument("--grpc_port", type=int, default=9000)
    for port in ("http", "grpc"):
        balance.add_argument(f"--{port}", action="append", default=[], metavar="HOST:PORT", help="an instance")
    for command in (dump, proxy, balance):
        command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
        command.add_argument("--http_port", type=int, default=9081)
    proxy.add_argument("--component", required=True, metavar="HOST:PORT")
    proxy.add_argument("--log_url", help="where events are sent; without, nothing is logged")
    proxy.add_argument("--log_mode", choices=("all", "request", "response"), default="all")
    proxy.add_argument("--inference_service", default="")
    proxy.add_argument("--namespace", default="default")
    proxy.add_argument("--component_name", default="predictor")
    proxy.add_argument("--metadata_headers", default="", help="names of headers, separated by commas")
    proxy.add_argument("--metadata_annotation", action="append", default=[], metavar="NAME=VALUE")
    proxy.add_argument("--batcher", action="store_true", help="put V1 predictions into batches")
    proxy.add_argument("--max_batchsize", type=int, default=MAX_SIZE)
    proxy.add_argument("--max_latency", type=int, default=MAX_LATENCY, help="milliseconds")
    proxy.add_argument("--max_concurrency", type=int, default=0, help="requests at once; others wait (0: no limit)")
    return root


async def _balance(args: argparse.Namespace) -> None:
    http, grpc = Balancer(args.http), Balancer(args.grpc, refusal=b"")
    async with AsyncExitStack() as stack:
        for balancer, port in ((http, args.http_port), (grpc, args.grpc_port)):
            await stack.enter_async_context(await asyncio.start_server(balancer.handle, args.host, port))
        await _asked_to_end().wait()


async def _dump(args: argparse.Namespace) -> None:
    def show(text: str) -> None:
        print(text, flush=True)  # the composition root

    await _serve(application(show), args)


async def _proxy(args: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        # A prediction may take as long as it takes; the ingress has the bound.
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)))
        proxy = Proxy(args.component, session)
        if args.batcher:
            proxy.batcher = Batcher(proxy.post, args.max_batchsize, args.max_latency)
        if args.log_url:
            sender = EventSender(args.log_url, session)
            sender.start()
            stack.push_async_callback(sender.close)
            proxy.logging = Logging(sender, _source(args), args.log_mode)
        if args.max_concurrency:
            proxy.turns = asyncio.Semaphore(args.max_concurrency)
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        await _serve(app, args)


def _source(args: argparse.Namespace) -> Source:
    return Source(
        inference_service=args.inference_service,
        namespace=args.namespace,
        component=args.component_name,
        metadata_headers=tuple(filter(None, args.metadata_headers.split(","))),
        annotations=dict(text.split("=", 1) for text in args.metadata_annotation if "=" in text),
    )


async def _serve(app: web.Application, args: argparse.Namespace) -> None:
    """Until SIGTERM or SIGINT; then requests on their way are answered."""
    stopped = _asked_to_end()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, args.host, args.http_port).start()
        await stopped.wait()
    finally:
        await runner.cleanup()


def _asked_to_end() -> asyncio.Event:
    """Set at SIGTERM and SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
