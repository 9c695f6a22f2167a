"""Statements as a bank would write them, for the desk's tests: an own small writer, that shares nothing with the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from xml.sax.saxutils import escape

ACCOUNT = "622888000000000001"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One booked movement; below zero went out."""

    bank_id: str
    minor: int
    at: datetime
    end_to_end_id: str = "NOTPROVIDED"
    reference: str = ""
    holder: str = "Li Lei"
    number: str = "622202000011112222"
    code: str = "TRF"
    reverses: str | None = None
    """The bank undoes a booking: its own id, or "" where it does not say which."""


def _amount(minor: int, currency: str, exponent: int) -> str:
    text = f"{abs(minor):0{exponent + 1}d}"
    whole, part = (text[:-exponent], text[-exponent:]) if exponent else (text, "")
    sign = "CRDT" if minor >= 0 else "DBIT"
    return f'<Amt Ccy="{currency}">{whole}{"." + part if part else ""}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'


def _entry(line: Line, number: int, currency: str, exponent: int) -> str:
    side = "Dbtr" if line.minor > 0 else "Cdtr"
    parties = (
        f"<{side}><Nm>{escape(line.holder)}</Nm></{side}>"
        f"<{side}Acct><Id><Othr><Id>{line.number}</Id></Othr></Id></{side}Acct>"
    )
    reversal = "" if line.reverses is None else "<RvslInd>true</RvslInd>"
    return (
        f"<Ntry><NtryRef>{number}</NtryRef>{_amount(line.minor, currency, exponent)}{reversal}<Sts>BOOK</Sts>"
        f"<BookgDt><DtTm>{line.at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}</DtTm></BookgDt>"
        f"<AcctSvcrRef>{line.bank_id}</AcctSvcrRef><BkTxCd><Prtry><Cd>{line.code}</Cd></Prtry></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{line.reverses or line.bank_id}</AcctSvcrRef>"
        f"<EndToEndId>{line.end_to_end_id}</EndToEndId></Refs><RltdPties>{parties}</RltdPties>"
        f"<RmtInf><Ustrd>{escape(line.reference)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def statement(
    day: date,
    lines: Sequence[Line],
    *,
    opening: int = 0,
    closing: int | None = None,
    currency: str = "CNY",
    exponent: int = 2,
    account: str = ACCOUNT,
    statement_id: str = "",
    count: int | None = None,
) -> bytes:
    """One day's statement; balances and count can be made wrong."""
    closing = opening + sum(line.minor for line in lines) if closing is None else closing
    name = statement_id or f"ST-{currency}-{day:%Y%m%d}"
    begin, end = (
        datetime.combine(day, each, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in (time(), time(23, 59, 59))
    )
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(minor, currency, exponent)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, minor in (("OPBD", opening), ("CLBD", closing))
    )
    entries = "".join(_entry(line, n, currency, exponent) for n, line in enumerate(lines, start=1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M-{name}</MsgId><CreDtTm>{end}</CreDtTm></GrpHdr><Stmt><Id>{name}</Id>"
        f"<CreDtTm>{end}</CreDtTm><FrToDt><FrDtTm>{begin}</FrDtTm><ToDtTm>{end}</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>{balances}"
        f"<TxsSummry><TtlNtries><NbOfNtries>{len(lines) if count is None else count}</NbOfNtries></TtlNtries></TxsSummry>"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()
