"""`gavelhouse doctor`: what is wrong on this machine and how to mend it. Exit status 1 when something is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
    from market.config import Config
    from market.doctor import Finding


@click.command(name="doctor")
@config_options
@click.option("--port", type=int, help="The port that the house is to listen on.")
@json_option
def command(load: Any, port: int | None, as_json: bool) -> int:
    """Say what is wrong on this machine and how to mend it."""
    from market.doctor.database import database_findings
    from market.doctor.machine import examine_machine

    loaded = load(port=port)
    findings = [*examine_machine(loaded)]
    # Where the folder or the programs are no good, the database would only repeat it.
    if not any(item.verdict == "bad" and item.check in ("data folder", "postgres") for item in findings):
        findings += database_findings(loaded.config)
    well = all(item.verdict != "bad" for item in findings)
    if as_json:
        print_json({"well": well, "findings": findings})
    else:
        _show(findings, _conclusion(loaded.config, well))
    return 0 if well else 1


def _conclusion(config: Config, well: bool) -> str:
    from market import data_folder

    house = data_folder.open_house_on(config.data_dir)
    if house:
        open_at = f"A house is open on {config.data_dir}: {house.origin} (process {house.pid})"
        return f"{open_at}." if well else f"{open_at}; mend what is marked bad."
    if not well:
        return "The house can't open like this; mend what is marked bad."
    if data_folder.is_held(config.data_dir):
        return (
            f"Process {data_folder.holder(config.data_dir)} works on {config.data_dir}; no other house can open on it."
        )
    return "The house can open."


def _show(findings: list[Finding], conclusion: str) -> None:
    from rich.console import Console
    from rich.table import Table

    marks = {"good": "[green]good[/]", "warning": "[yellow]note[/]", "bad": "[red]bad[/]"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for item in findings:
        table.add_row(marks[item.verdict], item.check, f"{item.seen}\n[bold]{item.mend}[/]" if item.mend else item.seen)
    console = Console()
    console.print(table)
    console.print(conclusion, soft_wrap=True)
