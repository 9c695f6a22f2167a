"""RemittanceAdvice as UBL: one line for the invoice, one for each sum that was kept of it. Pure."""

from __future__ import annotations

from market.currencies import EXPONENTS
from market.documents.flaws import Why
from market.documents.records import Deduction, RemittanceAdvice
from market.documents.texts import amount_said
from market.documents.ubl import parts
from market.documents.ubl.xml import Child, Node, branch, document, leaf, need, refuse

OTHER = "AdditionalDocumentReference"
_ORDER = (
    "UBLVersionID ID IssueDate IssueTime Note DocumentCurrencyCode TotalDebitAmount TotalCreditAmount TotalPaymentAmount"
    f" LineCountNumeric BillingReference {OTHER} AccountingCustomerParty AccountingSupplierParty PaymentMeans"
    " RemittanceAdviceLine"
)
_REASONS = ("commission", "fees", "reserve", "refund")
_TO_ACCOUNT = "42"


def write(record: RemittanceAdvice) -> bytes:
    """The payer stands as the accounting customer; who bought stands on the invoice's line."""
    money = (record.currency, record.exponent)
    kept = sum(each.amount_minor for each in record.deductions)
    first = branch(
        "RemittanceAdviceLine",
        leaf("ID", "1"),
        parts.amount("DebitLineAmount", record.invoiced_minor, *money),
        parts.party("BuyerCustomerParty", record.buyer),
    )
    others = [
        branch(
            "RemittanceAdviceLine",
            leaf("ID", n),
            parts.amount("CreditLineAmount", each.amount_minor, *money),
            leaf("PaymentPurposeCode", each.reason),
        )
        for n, each in enumerate(record.deductions, start=2)
    ]
    children: list[Child] = [
        *parts.heading(record.number, record.issued_at, record.note),
        leaf("DocumentCurrencyCode", record.currency),
        parts.amount("TotalDebitAmount", record.invoiced_minor, *money),
        parts.amount("TotalCreditAmount", kept, *money),
        parts.amount("TotalPaymentAmount", record.remitted_minor, *money),
        leaf("LineCountNumeric", 1 + len(others)),
        branch("BillingReference", branch("InvoiceDocumentReference", leaf("ID", record.invoice_number))),
        *(parts.reference(OTHER, each) for each in record.references),
        parts.party("AccountingCustomerParty", record.payer),
        parts.party("AccountingSupplierParty", record.seller),
        branch(
            "PaymentMeans",
            leaf("PaymentMeansCode", _TO_ACCOUNT),
            leaf("PaymentDueDate", record.paid_on.isoformat()),
        ),
        first,
        *others,
    ]
    return document("RemittanceAdvice", _ORDER, children)


def read(node: Node) -> RemittanceAdvice:
    """What it says; its sums must agree."""
    currency = parts.currency_of(node, "DocumentCurrencyCode")
    total = need(node, "TotalPaymentAmount")
    remitted = parts.amount_of(total, currency)
    lines = node.all("RemittanceAdviceLine")
    deductions = tuple(_deduction(each, currency) for each in lines if each.first("CreditLineAmount") is not None)
    debits = [each for line in lines for each in line.all("DebitLineAmount")]
    invoiced = sum(parts.amount_of(each, currency) for each in debits)
    kept = sum(each.amount_minor for each in deductions)
    if invoiced - kept != remitted:
        refuse(total, Why.TOTAL, right=amount_said(invoiced - kept, EXPONENTS[currency]))
    issued = parts.issued_at(node)
    payer = parts.party_of(need(node, "AccountingCustomerParty"))
    buyer = node.first("RemittanceAdviceLine/BuyerCustomerParty")
    paid = node.first("PaymentMeans/PaymentDueDate")
    return RemittanceAdvice(
        number=parts.document_number(node),
        issued_at=issued,
        buyer=payer if buyer is None else parts.party_of(buyer),
        seller=parts.party_of(need(node, "AccountingSupplierParty")),
        payer=payer,
        references=parts.references_of(node, {}, OTHER),
        note=node.value("Note"),
        currency=currency,
        exponent=EXPONENTS[currency],
        paid_on=issued.date() if paid is None else parts.day_of(paid),
        invoice_number=need(node, "BillingReference/InvoiceDocumentReference/ID").text,
        invoiced_minor=invoiced,
        deductions=deductions,
        remitted_minor=remitted,
    )


def _deduction(line: Node, currency: str) -> Deduction:
    reason = need(line, "PaymentPurposeCode")
    if reason.text not in _REASONS:
        refuse(reason, Why.VALUE_UNKNOWN, right=", ".join(_REASONS))
    return Deduction(reason=reason.text, amount_minor=parts.amount_of(need(line, "CreditLineAmount"), currency))
