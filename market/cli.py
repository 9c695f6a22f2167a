"""The command line, `gavelhouse`: which commands there are, and that an error is a sentence.

Each command lives in `market/commands/` and is imported when it is called, so that `--help` and `--version` are quick.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "serve": "Run the house: database, clocks and web server.",
    "demo": "Run a house with demo data, a sandbox bank and robot bidders.",
    "migrate": "Bring the database up to date.",
    "backup": "Back the house up while it goes on.",
    "restore": "Restore a backup into an empty database, and prove it.",
    "doctor": "Say what is wrong on this machine and how to mend it.",
    "user": "Register parties, make operators, send sign-in links.",
    "bank": "Run the sandbox bank.",
    "carrier": "Run the sandbox carrier.",
    "vault": "Run the vault by itself, rotate its key.",
    "replay": "Run recorded auctions through the real engine.",
    "verify": "Check the public log of a lot, and receipts.",
    "bench": "Find out what this machine can carry.",
    "config": "Show the configuration.",
    "openapi": "Print the description of the API.",
}


class LazyGroup(click.Group):
    """Commands by name from `market.commands`; only the one that is called is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"market.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"gavelhouse {version('gavelhouse')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it.")
def gavelhouse() -> None:
    """An online auction house and trading centre."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point. Exit status 0 when done, 1 when not, 2 when called wrongly, 130 when interrupted."""
    try:
        status = gavelhouse.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say, and the interpreter must not try.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _say(error)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _say(error: BaseException) -> None:
    """One sentence to stderr; the whole traceback only for who asks with GAVELHOUSE_TRACEBACK=1."""
    from market.sentences import sentence_of

    if os.environ.get("GAVELHOUSE_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    click.echo(f"gavelhouse: {sentence_of(error)}", err=True)


if __name__ == "__main__":
    main()
