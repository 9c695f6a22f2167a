"""`gavelhouse verify`: check a lot's public log and receipts, a receipt for a posting, the proof of a clearing, or a
contract's bundle; the same programs that the pages offer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import click

from market.commands.options import json_option

_NEITHER = (
    "this is neither the log of a lot nor a receipt for a posting. A log is the file lot-N.jsonl that the page of a closed"
    ' lot offers: one JSON object a line, the first with "file":"gavelhouse-log". A receipt for a posting is one JSON object'
    ' with "kind":"gavelhouse.posting_receipt.v1", as /wallet/receipts offers it. The bundle of a contract has'
    ' "kind":"gavelhouse.contract_bundle.v1"; the contract\'s page offers it.'
)
_DAMAGED = (
    "the file is damaged: something that the house writes there is missing or is not what it should be. Download it again,"
    " and check it as it came, without opening it in an editor."
)
_BID_RECEIPT = 'it is one JSON object with "key" and "signature", as the house gives it for a bid: save it from the page of the lot.'


@click.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--receipt", multiple=True, type=click.Path(path_type=Path), help="A receipt to look up in the log.")
@click.option("--key", help="The house's public key as you noted it, in hexadecimal.")
@click.option("--authority", type=click.Path(path_type=Path), help="The authority's certificate (PEM), for a contract.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, file: Path, receipt: tuple[Path, ...], key: str | None, authority: Path | None, as_json: bool
) -> None:
    """Check FILE: the public log of a lot (signatures, chain of hashes, winner and price), a receipt for a posting, the
    proof of a board's clearing, or the signed bundle of a contract.

    Exit status 0: genuine; 1: not; 2: a file can't be read.
    """
    try:
        data, receipts = file.read_bytes(), {one: one.read_bytes() for one in receipt}
        root = None if authority is None else authority.read_bytes()
    except OSError as error:
        click.echo(f"gavelhouse verify: {error}", err=True)
        ctx.exit(2)
    try:
        found = {"genuine": True, **_shown_by(data, key, receipts, root)}
    except ValueError as fault:
        found = {"genuine": False, "fault": str(fault)}
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("GENUINE" if found.pop("genuine") else "NOT GENUINE")
        for name, value in found.items():
            click.echo(f"  {name}: {value}")
    ctx.exit(0 if "fault" not in found else 1)


def _shown_by(
    data: bytes, key: str | None, receipts: Mapping[Path, bytes], authority: bytes | None
) -> dict[str, object]:
    """What the file comes to. Raises ValueError with a sentence: a verifier's own, or what a right file would be."""
    from auction import verifier
    from escrow import receipt_verifier
    from market.contracting import verifier as contract_verifier
    from market.matching import verifier as clearing_verifier

    if contract_verifier.KIND.encode() in data and data.count(b"\n") <= 1:
        return _checked(partial(contract_verifier.verify, authority=authority), data, key)
    if clearing_verifier.KIND.encode() in data and data.count(b"\n") <= 1:
        return _checked(clearing_verifier.verify, data, key)
    is_receipt = receipt_verifier.KIND.encode() in data and data.count(b"\n") <= 1
    if not is_receipt and not data.lstrip().startswith(b"{"):
        raise ValueError(_NEITHER)
    given = [_bid_receipt(path, text) for path, text in receipts.items()]
    try:
        # Short for their readers, and without types.
        if is_receipt:
            return dict(receipt_verifier.verify(data, key))  # type: ignore[no-untyped-call]
        return dict(verifier.verify(data, key, given))  # type: ignore[no-untyped-call]
    except Exception as fault:
        if type(fault) is ValueError:
            raise
        # What a verifier doesn't name is what a damaged file has made Python raise.
        raise ValueError(
            _DAMAGED if is_receipt or b'"gavelhouse-log"' in data.partition(b"\n")[0] else _NEITHER
        ) from fault


def _checked(verify: Callable[..., Mapping[str, object]], data: bytes, key: str | None) -> dict[str, object]:
    """What a verifier of single signed files finds."""
    try:
        return dict(verify(data, key))
    except Exception as fault:
        if type(fault) is ValueError:
            raise
        raise ValueError(_DAMAGED) from fault


def _bid_receipt(path: Path, text: bytes) -> object:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in ("key", "signature")):
        raise ValueError(f"{path} is no receipt for a bid: {_BID_RECEIPT}")
    return said
