"""`gavelhouse demo`: a house with demo data, sandbox bank and carrier, and robot bidders, in one command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
    from market.child_keeper import ChildKeeper
    from market.config import Config
    from market.demo.loading import Keys
    from market.running import Running


@click.command(name="demo")
@config_options
@click.option("--port", type=int, help="The port to listen on; the bank takes the next.")
@click.option("--bank-port", type=int, help="Another port for the bank.")
@click.option("--no-robots", is_flag=True, help="Nobody bids but you.")
@click.option("--no-photos", is_flag=True, help="Do not draw the photographs (the first start is then quicker).")
@json_option
def command(
    load: Any, port: int | None, bank_port: int | None, no_robots: bool, no_photos: bool, as_json: bool
) -> None:
    """Run a house with demo data, a sandbox bank and robot bidders."""
    config = _demo_config(load, port, bank_port)
    tell = _teller(config)
    tell("Opening the database …" if (config.data_dir / "postgres").exists() else "Preparing the database …")

    # Only now what takes its time to be imported.
    from market.child_keeper import ChildKeeper
    from market.running import server_database
    from market.serving import run_house, set_up_logging

    set_up_logging(config)
    keys: list[Keys] = []

    async def prepare(running: Running) -> None:
        from market.demo import loading, wallets

        if not await loading.is_loaded(running.config):
            tell("Playing the demo's story …")
            await loading.load_story(running.config, pictures)
        else:
            await loading.load_another_round(running.config, pictures)
        keys.append(await loading.make_keys(running.config))
        await wallets.give_wallet(running.config, keys[0].passphrase)

    with server_database(config) as running, _children() as children:
        pictures = {} if no_photos else _photographs(running.config, tell)

        def on_open() -> None:
            children.append(ChildKeeper("the sandbox bank", lambda: _bank(config)))
            children.append(ChildKeeper("the sandbox carrier", lambda: _carrier(config)))
            if not no_robots and keys[0].robot_lots:
                children.append(_robots(config, keys[0]))
            _print_keys(config, keys[0], as_json)

        run_house(running, on_open, prepare)


def _demo_config(load: Any, port: int | None, bank_port: int | None) -> Config:
    """The demo keeps to a folder of its own beside the house's, unless told otherwise."""
    from market.config import default_data_dir

    loaded = load(port=port, bank_port=bank_port, make_secrets=False)
    folder: Path = loaded.config.data_dir
    if loaded.origins["data_dir"] == "default":
        folder = default_data_dir().with_name("demo" if os.geteuid() == 0 else "gavelhouse-demo")
    # Who watches the demo looks for the links; every socket and every first knock at the bank would bury them.
    level = "warning" if loaded.origins["log_level"] == "default" else None
    given = {"port": port, "bank_port": bank_port, "data_dir": folder, "log_level": level}
    config: Config = load(**given, make_secrets=True).config
    if not config.carrier_url:
        carrier_url = f"http://127.0.0.1:{config.carrier_listens_on}"
        config = load(**given, carrier_url=carrier_url, make_secrets=True).config
    return config


def _teller(config: Config) -> Callable[[str], object]:
    """Says on stderr what takes its time; nothing where that is a log of JSON lines."""
    if config.log_format == "json":
        return lambda _text: None
    return lambda text: click.echo(text, err=True)


def _photographs(config: Config, tell: Callable[[str], object]) -> Any:
    from rich.console import Console

    from market.demo.lots import LOTS
    from market.demo.photographs import photographs

    folder = Path(os.environ.get("GAVELHOUSE_DEMO_PHOTOS") or config.data_dir / "demo-photographs")
    with ExitStack() as shown:
        status = Console(stderr=True).status("")

        def progress(done: int, of: int) -> None:
            if not done:
                tell(f"Drawing {of} photographs (only this once) …")
                shown.enter_context(status)
            status.update(f"{done} of {of}")

        return photographs((lot.photo for lot in LOTS), folder, progress)


@contextmanager
def _children() -> Iterator[list[ChildKeeper | subprocess.Popen[bytes]]]:
    """Processes that end with this one: told to when it ends in order, by the kernel when it is killed."""
    children: list[ChildKeeper | subprocess.Popen[bytes]] = []
    try:
        yield children
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def _bank(config: Config) -> subprocess.Popen[bytes]:
    ports = ["--port", str(config.bank_listens_on), "--switch-port", str(config.bank_switch_on)]
    arguments = ["bank", *ports, "--house-url", config.origin]
    return _spawn(["market.cli", *arguments, "--data-dir", str(config.data_dir)], config)


def _carrier(config: Config) -> subprocess.Popen[bytes]:
    arguments = ["carrier", "--port", str(config.carrier_listens_on), "--house-url", config.origin]
    return _spawn(["market.cli", *arguments, "--data-dir", str(config.data_dir)], config)


def _robots(config: Config, keys: Keys) -> subprocess.Popen[bytes]:
    import msgspec

    url = config.origin.replace("http", "ws", 1) + "/live"
    task = msgspec.json.encode({"url": url, "tokens": keys.robot_tokens, "lots": keys.robot_lots})
    child = _spawn(["market.robots"], config)
    assert child.stdin is not None
    child.stdin.write(task + b"\n")
    child.stdin.close()
    return child


def _spawn(module_and_arguments: list[str], config: Config) -> subprocess.Popen[bytes]:
    from migrations.parent_death import die_with_parent

    environment = {**os.environ, "GAVELHOUSE_LOG_FORMAT": config.log_format, "GAVELHOUSE_LOG_LEVEL": "warning"}
    return subprocess.Popen(
        [sys.executable, "-m", *module_and_arguments],
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno(),
        env=environment,
        # Ctrl-C in a terminal reaches the whole group; these end when the house says so.
        start_new_session=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - it calls the kernel and nothing else
    )


def _print_keys(config: Config, keys: Keys, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "url": config.origin,
                "bank": config.bank_origin,
                "carrier": config.carrier_url,
                "passphrase": keys.passphrase,
                "opening_passphrase": keys.opening_passphrase,
                "links": keys.links,
                "emails": keys.emails,
            }
        )
        return
    lines = [
        "",
        f"  Gavelhouse is open at   {config.origin}",
        f"  The sandbox bank is at  {config.bank_origin}",
        f"  A sandbox carrier at    {config.carrier_url}",
        "",
        "  Sign in (each link works once; the next start prints new ones):",
        *(f"    {label:<14} {keys.emails[label]:<22} {link}" for label, link in keys.links.items()),
        "",
        f"  Passphrase of them all, where an act or an API token asks for it:  {keys.passphrase}",
        f"  Opening passphrase of operator and second officer, for sealed bids: {keys.opening_passphrase}",
        "  Stop with Ctrl-C; the next start takes seconds and finds everything as it was.",
        "",
    ]
    click.echo("\n".join(lines))
