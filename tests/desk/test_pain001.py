"""The payout file against the schema of ISO 20022, as an independent package carries it, and read by that package's eyes."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

import xmlschema

from escrow.facts import Payout, PayoutPurpose, PayoutState
from escrow.pain001 import payout_file

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def _payout(n: int, currency: str) -> Payout:
    return Payout(
        id=n,
        party_id=n,
        purpose=PayoutPurpose.SALE,
        source=f"payable:{n}",
        currency=currency,
        amount_minor=123_450 + n,
        case_id=n,
        quarantine_id=None,
        state=PayoutState.QUEUED,
        end_to_end_id=f"GH-O-AB7K2{n}",
        holder='李雷 & "韩梅梅" <ltd>\x0b',
        number="622202000011112222",
        queued_at=NOW,
    )


def test_a_payout_file_is_what_iso_20022_says_it_is() -> None:
    schema = xmlschema.XMLSchema(str(files("sepaxml").joinpath("schemas/pain.001.001.03.xsd")))
    for currency, exponent, amounts in (("CNY", 2, ["1234.51", "1234.52"]), ("JPY", 0, ["123451", "123452"])):
        payouts = [_payout(n, currency) for n in (1, 2)]
        written = payout_file(
            message_id="GH20260302ABCDEF0123456789", debtor="The House", debtor_account="622888000000000001",
            exponent=exponent, payouts=payouts, now=NOW,
        )  # fmt: skip
        assert [error.reason for error in schema.iter_errors(written)] == []
        read = schema.to_dict(written)["CstmrCdtTrfInitn"]  # type: ignore[index]
        (block,) = read["PmtInf"]  # type: ignore[index]
        paid = block["CdtTrfTxInf"]
        assert [str(one["Amt"]["InstdAmt"]["$"]) for one in paid] == amounts
        assert [one["PmtId"]["EndToEndId"] for one in paid] == [one.end_to_end_id for one in payouts]
        assert paid[0]["Cdtr"]["Nm"] == '李雷 & "韩梅梅" <ltd>'
