"""`gavelhouse doctor`: what is wrong on this machine and how to mend it. Exit status 1 when something is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
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
        _show(findings, well)
    return 0 if well else 1


def _show(findings: list[Finding], well: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    marks = {"good": "[green]good[/]", "warning": "[yellow]note[/]", "bad": "[red]bad[/]"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for item in findings:
        table.add_row(marks[item.verdict], item.check, f"{item.seen}\n[bold]{item.mend}[/]" if item.mend else item.seen)
    console = Console()
    console.print(table)
    console.print("The house can open." if well else "The house can't open like this; mend what is marked bad.")
