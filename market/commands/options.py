"""What several commands share: the options that choose a configuration, and how a result is printed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

_DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where the house keeps its data."
)
_CONFIG = click.option("--config", "config_file", type=click.Path(path_type=Path), help="A TOML file of settings.")


def config_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data-dir and --config; the command gets `load`, which takes further settings and gives the LoadedConfig."""

    @wraps(function)
    def with_config(*args: Any, data_dir: Path | None, config_file: Path | None, **kwargs: Any) -> Any:
        from market.config import load_config

        def load(*, make_secrets: bool = False, **given: Any) -> Any:
            return load_config({"data_dir": data_dir, **given}, file=config_file, make_secrets=make_secrets)

        return function(*args, load=load, **kwargs)

    return _DATA_DIR(_CONFIG(with_config))


def print_json(value: object) -> None:
    """One line of JSON to stdout."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
