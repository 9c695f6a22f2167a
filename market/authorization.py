"""The one table of who may reach which route, and the guard that enforces it for HTTP and sockets.

A route without a row does not start. A handler still reads and writes only the viewer's own rows; this table is
the first lock, not the only one. Path parameters name what they carry: `{lot_id:int}`, `{case_id:int}`,
`{session_id:int}`, `{token_id:int}`, `{notice_id:int}`, `{offer_id:int}`: the guard looks up whose it is and answers 404 for another's.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from market import card_guard, limits
from market.door import BODY_SECONDS, SAFE_METHODS, bounded
from market.house import house_of
from market.http_protocol import BEGAN_AT
from market.limits import Rate
from market.problems import Problem, ProblemError, wants_json
from market.viewer import Viewer
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_log = structlog.get_logger("gavelhouse")
_QUERIES = load_queries("market", "ownership")
KIB = 1024
FORM_BYTES = 64 * KIB
UPLOAD_BYTES = 12 * KIB * KIB + FORM_BYTES  # a photo of 12 MiB, and the form around it
EVIDENCE_BYTES = 10 * KIB * KIB
EVIDENCE_FORM_BYTES = 4 * EVIDENCE_BYTES + FORM_BYTES  # a claim shows the damage from several sides at once
UPLOAD_SECONDS = 60.0
LARGEST_ID = 2**63 - 1


class Who(StrEnum):
    """The least that a viewer must be. WEBHOOK: no viewer; the handler proves the sender by signature."""

    VISITOR = "visitor"
    MEMBER = "member"
    OPERATOR = "operator"
    WEBHOOK = "webhook"


class Whose(StrEnum):
    """Whose thing the route's id names. ANY: public or house-wide. OWN: no id, only the viewer's own rows.
    The others: the id in the path must belong to the viewer, else 404.
    """

    ANY = "any"
    OWN = "own"
    OWN_LOT = "lot_id"
    OWN_DEAL = "case_id"
    OWN_SESSION = "session_id"
    OWN_TOKEN = "token_id"
    OWN_NOTICE = "notice_id"
    OWN_OFFER = "offer_id"
    OWN_CHEQUE = "cheque_id"
    OWN_DEPOSIT = "deposit_id"
    OWN_REQUEST = "request_id"
    OWN_NEGOTIATION = "negotiation_id"
    OWN_DOCUMENT = "document_id"
    OWN_CONTRACT = "contract_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    who: Who
    whose: Whose = Whose.ANY
    operator_too: bool = False
    """An operator passes the test of ownership as well."""
    body_bytes: int = FORM_BYTES
    """The largest request body: more than a form only on the routes that take photos or evidence."""
    rate: Rate | None = None
    """How often one address may ask it to change something."""


VISITOR = Row(who=Who.VISITOR)
MEMBER = Row(who=Who.MEMBER, whose=Whose.OWN)
OPERATOR = Row(who=Who.OPERATOR)
OPERATOR_UPLOAD = Row(who=Who.OPERATOR, body_bytes=UPLOAD_BYTES)
WEBHOOK = Row(who=Who.WEBHOOK)
OWN_LOT = Row(who=Who.MEMBER, whose=Whose.OWN_LOT)
OWN_LOT_UPLOAD = Row(who=Who.MEMBER, whose=Whose.OWN_LOT, body_bytes=UPLOAD_BYTES)
OWN_OFFER = Row(who=Who.MEMBER, whose=Whose.OWN_OFFER)
OWN_CHEQUE = Row(who=Who.MEMBER, whose=Whose.OWN_CHEQUE)
OWN_DEPOSIT = Row(who=Who.MEMBER, whose=Whose.OWN_DEPOSIT)
OWN_REQUEST = Row(who=Who.MEMBER, whose=Whose.OWN_REQUEST)
OWN_DOCUMENT = Row(who=Who.MEMBER, whose=Whose.OWN_DOCUMENT)
OWN_DOCUMENT_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_DOCUMENT, operator_too=True)
EDI = Row(who=Who.MEMBER, whose=Whose.OWN, body_bytes=4 * KIB * KIB)
OWN_NEGOTIATION = Row(who=Who.MEMBER, whose=Whose.OWN_NEGOTIATION)
OWN_CONTRACT = Row(who=Who.MEMBER, whose=Whose.OWN_CONTRACT)
OWN_CONTRACT_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_CONTRACT, operator_too=True)
OWN_CONTRACT_PAPER = Row(who=Who.MEMBER, whose=Whose.OWN_CONTRACT, operator_too=True, body_bytes=EVIDENCE_FORM_BYTES)
OWN_NEGOTIATION_FILES = Row(who=Who.MEMBER, whose=Whose.OWN_NEGOTIATION, body_bytes=EVIDENCE_FORM_BYTES)
OWN_DEAL = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL)
OWN_DEAL_OR_OPERATOR = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, operator_too=True)
OWN_DEAL_EVIDENCE = Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, operator_too=True, body_bytes=EVIDENCE_FORM_BYTES)

TABLE: dict[str, Row] = {
    # The house itself
    "healthz": VISITOR,
    "readyz": VISITOR,
    "metrics": OPERATOR,
    "assets": VISITOR,
    "favicon": VISITOR,
    "live": VISITOR,
    "bank_webhook": WEBHOOK,
    "carrier_webhook": Row(who=Who.WEBHOOK, body_bytes=768 * KIB),
    # Account
    "register": Row(who=Who.VISITOR, rate=limits.REGISTER),
    "sign_in": Row(who=Who.VISITOR, rate=limits.SIGN_IN),
    "sign_in_link": Row(who=Who.VISITOR, rate=limits.SIGN_IN),
    "sign_out": MEMBER,
    "account": MEMBER,
    "account_profile": MEMBER,
    "account_passphrase": MEMBER,
    "account_bank_account": MEMBER,
    "account_token_create": MEMBER,
    "account_token_revoke": Row(who=Who.MEMBER, whose=Whose.OWN_TOKEN),
    "account_session_end": Row(who=Who.MEMBER, whose=Whose.OWN_SESSION),
    "notices": MEMBER,
    "notices_read": MEMBER,
    "notice_open": Row(who=Who.MEMBER, whose=Whose.OWN_NOTICE),
    # Live lot and calendar
    "calendar": VISITOR,
    "lot": VISITOR,
    "help": VISITOR,
    # Selling and bidding
    "sell": MEMBER,
    "sell_csv": MEMBER,
    "sell_new": MEMBER,
    "sell_lot": OWN_LOT,
    "sell_rehearsal": OWN_LOT,
    "sell_lot_take_back": OWN_LOT,
    "sell_lot_withdraw": OWN_LOT,
    "sell_photos": OWN_LOT_UPLOAD,
    "sell_photo": OWN_LOT,
    "sell_after": OWN_LOT,
    "sell_lower_reserve": OWN_LOT,
    "sell_offer": OWN_LOT,
    "sell_relist": OWN_LOT,
    "photo": VISITOR,
    "lot_log": Row(who=Who.VISITOR, rate=limits.LOG_FILES),
    "verifier": VISITOR,
    "verification": VISITOR,
    "receipts": MEMBER,
    "receipt_file": MEMBER,
    "receipt_verifier": VISITOR,
    "bid_receipt": MEMBER,
    "my_bids": MEMBER,
    "my_bids_csv": MEMBER,
    "bidder_apply": MEMBER,
    "bidder_freeze": MEMBER,
    "bidder_take_back": MEMBER,
    "bidder_retract": MEMBER,
    "sales": VISITOR,
    "sale": VISITOR,
    "sale_budget": MEMBER,
    "sale_budget_figures": MEMBER,
    "lot_watch": MEMBER,
    "watching": MEMBER,
    "offer": Row(who=Who.MEMBER, whose=Whose.OWN_OFFER, operator_too=True),
    "offer_answer": OWN_OFFER,
    # Operator: lots and qualifications
    "operator": OPERATOR,
    "operator_lots": OPERATOR,
    "operator_lot": OPERATOR,
    "operator_rehearsal": OPERATOR,
    "operator_lot_approve": OPERATOR,
    "operator_lot_reject": OPERATOR,
    "operator_lot_act": OPERATOR,
    "operator_rights": OPERATOR,
    "operator_priority": OPERATOR,
    "operator_offer": OPERATOR,
    "operator_sales": OPERATOR,
    "operator_sale": OPERATOR,
    "operator_applications": OPERATOR,
    "operator_applications_csv": OPERATOR,
    "operator_application_decide": OPERATOR,
    "operator_openings": OPERATOR,
    "operator_opening": OPERATOR,
    "operator_opening_key": OPERATOR,
    "operator_opening_release": OPERATOR,
    "operator_officer": OPERATOR,
    "operator_fraud": OPERATOR,
    "operator_fraud_decide": OPERATOR,
    "operator_fraud_bar": OPERATOR,
    "operator_audit": OPERATOR,
    "operator_audit_csv": OPERATOR,
    # Deals, wallet, money
    "deals": MEMBER,
    "deal": OWN_DEAL_OR_OPERATOR,
    "deal_state": OWN_DEAL_OR_OPERATOR,
    "deal_pay": OWN_DEAL,
    "deal_ship": OWN_DEAL,
    "deal_received": OWN_DEAL,
    "deal_confirm": OWN_DEAL,
    "deal_extend": OWN_DEAL,
    "deal_cancel": OWN_DEAL_OR_OPERATOR,
    # The file of a case: its parties and the operators, and nobody else
    "deal_file_add": OWN_DEAL_EVIDENCE,
    "deal_evidence": OWN_DEAL_OR_OPERATOR,
    "deal_evidence_small": OWN_DEAL_OR_OPERATOR,
    # Claims: what each side does about one; the escrow says whose move it is
    "deal_claim": Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, body_bytes=EVIDENCE_FORM_BYTES),
    "deal_claim_offer": OWN_DEAL,
    "deal_claim_ask_return": OWN_DEAL,
    "deal_claim_send_back": OWN_DEAL,
    "deal_claim_accept": OWN_DEAL,
    "deal_claim_take_offer": OWN_DEAL,
    "deal_claim_withdraw": OWN_DEAL,
    "deal_claim_undisputed": OWN_DEAL,
    "deal_claim_returned": OWN_DEAL,
    "deal_claim_contest": OWN_DEAL,
    "deal_claim_escalate": OWN_DEAL,
    "deal_claim_appeal": OWN_DEAL,
    "operator_chargebacks": OPERATOR,
    "operator_chargeback": OPERATOR,
    "operator_chargeback_answer": OPERATOR,
    "operator_claims": OPERATOR,
    "operator_claim": OPERATOR,
    "operator_claim_take_up": OPERATOR,
    "operator_claim_arbitrate": OPERATOR,
    "operator_claim_rule": OPERATOR,
    "operator_claim_confirm": OPERATOR,
    "operator_claim_decline": OPERATOR,
    "confirmation": MEMBER,
    "wallet": MEMBER,
    "wallet_withdraw": MEMBER,
    "wallet_manager": MEMBER,
    "wallet_open": MEMBER,
    "wallet_unlock": MEMBER,
    "wallet_lock": MEMBER,
    "wallet_passphrase": MEMBER,
    "wallet_passphrase_add": MEMBER,
    "wallet_passkey_add": MEMBER,
    "wallet_protection_remove": MEMBER,
    "wallet_card_add": MEMBER,
    "wallet_card_remove": MEMBER,
    "wallet_discard": MEMBER,
    "wallet_cheques": MEMBER,
    "cheque": OWN_CHEQUE,
    "cheque_present": OWN_CHEQUE,
    "cheque_revoke": OWN_CHEQUE,
    "wallet_recorder": MEMBER,
    "wallet_statements": MEMBER,
    "wallet_statement": MEMBER,
    "wallet_top_up": MEMBER,
    "wallet_take_out": MEMBER,
    "card_payment": MEMBER,
    "card_payment_state": MEMBER,
    "deal_checkout": OWN_DEAL,
    "deal_checkout_state": OWN_DEAL,
    "deal_receipt": OWN_DEAL_OR_OPERATOR,
    "deposit_checkout": OWN_DEPOSIT,
    "phone": MEMBER,
    "phone_devices": MEMBER,
    "phone_passkey_add": MEMBER,
    "phone_passkey_remove": MEMBER,
    "phone_codes": MEMBER,
    "phone_codes_off": MEMBER,
    "phone_request": OWN_REQUEST,
    "phone_request_state": OWN_REQUEST,
    "phone_confirm": OWN_REQUEST,
    "phone_refuse": OWN_REQUEST,
    "operator_money": OPERATOR,
    "operator_cases": OPERATOR,
    "operator_case": OPERATOR,
    "operator_quarantine": OPERATOR,
    "operator_quarantine_item": OPERATOR,
    "operator_quarantine_apply": OPERATOR,
    "operator_quarantine_return": OPERATOR,
    "operator_payouts": OPERATOR,
    "operator_payouts_send": OPERATOR,
    "operator_payout_file": OPERATOR,
    "operator_payout": OPERATOR,
    "operator_payout_hold": OPERATOR,
    "operator_payout_act": OPERATOR,
    "operator_queue": OPERATOR,
    "operator_batches": OPERATOR,
    "operator_batch_new": OPERATOR,
    "operator_batch": OPERATOR,
    "operator_batch_confirm": OPERATOR,
    "operator_batch_withdraw": OPERATOR,
    "operator_statements": OPERATOR,
    "operator_statement_fetch": OPERATOR,
    "operator_statement_file": OPERATOR,
    "operator_entries": OPERATOR,
    "operator_difference_explain": OPERATOR,
    "operator_entry_decide": OPERATOR,
    "operator_days": OPERATOR,
    "operator_day_close": OPERATOR,
    "operator_day": OPERATOR,
    "operator_reports": OPERATOR,
    "operator_journal": OPERATOR,
    "operator_fees": OPERATOR,
    "operator_fees_propose": OPERATOR,
    "operator_fees_confirm": OPERATOR,
    "operator_fees_withdraw": OPERATOR,
    "operator_statement_upload": OPERATOR_UPLOAD,
    # Delivery: the two parties of the deal and the operators
    "delivery": OWN_DEAL_OR_OPERATOR,
    "delivery_consignee": OWN_DEAL,
    "delivery_book": OWN_DEAL,
    "delivery_call_off": OWN_DEAL,
    "delivery_proof": OWN_DEAL_OR_OPERATOR,
    "operator_consignments": OPERATOR,
    # Negotiations: the two parties and nobody else
    # Contracts: their two parties, the officers appointed to their papers, operators; and the certification authority
    "contracts": MEMBER,
    "contract": OWN_CONTRACT_OR_OPERATOR,
    "contract_sign": OWN_CONTRACT,
    "contract_decline": OWN_CONTRACT,
    "contract_withdraw": OWN_CONTRACT,
    "contract_amend": OWN_CONTRACT,
    "contract_paper": OWN_CONTRACT_OR_OPERATOR,
    "contract_bundle": OWN_CONTRACT_OR_OPERATOR,
    "formality_hand_in": OWN_CONTRACT_PAPER,
    "formality_judge": OWN_CONTRACT_OR_OPERATOR,
    "formality_appoint": OWN_CONTRACT_OR_OPERATOR,
    "formality_paper": OWN_CONTRACT_OR_OPERATOR,
    "duties": MEMBER,
    "operator_offices": OPERATOR,
    "operator_office_end": OPERATOR,
    "identity": MEMBER,
    "identity_certificate": MEMBER,
    "identity_key": MEMBER,
    "identity_revoke": MEMBER,
    "identity_file": MEMBER,
    "operator_certificates": OPERATOR,
    "operator_certificate_revoke": OPERATOR,
    "pki_authority": VISITOR,
    "pki_list_der": VISITOR,
    "pki_list_pem": VISITOR,
    "contract_verifier": VISITOR,
    # Boards: rules, levels and trades are public, a clearing's proof is for who has stood there
    "boards": VISITOR,
    "partners_of_post": MEMBER,
    "board": VISITOR,
    "board_enter": MEMBER,
    "board_enter_on": MEMBER,
    "board_withdraw": MEMBER,
    "board_change": MEMBER,
    "clearing": MEMBER,
    "clearing_file": MEMBER,
    "clearing_verifier": VISITOR,
    "operator_boards": OPERATOR,
    "operator_board_make": OPERATOR,
    "operator_board_state": OPERATOR,
    # Trade documents
    "edi": EDI,
    "partner": MEMBER,
    "partner_save": MEMBER,
    "partner_consent": MEMBER,
    "exchange_file": MEMBER,
    "partner_documents": MEMBER,
    "deal_documents": OWN_DEAL_OR_OPERATOR,
    "document": OWN_DOCUMENT_OR_OPERATOR,
    "document_edi": OWN_DOCUMENT_OR_OPERATOR,
    "document_xml": OWN_DOCUMENT_OR_OPERATOR,
    "document_again": OWN_DOCUMENT,
    "api.send_edi": EDI,
    "api.waiting_documents": MEMBER,
    "api.fetch_document": OWN_DOCUMENT,
    "api.deal_documents": OWN_DEAL_OR_OPERATOR,
    "api.documents": MEMBER,
    "api.document": OWN_DOCUMENT_OR_OPERATOR,
    "api.document_edifact": OWN_DOCUMENT_OR_OPERATOR,
    "api.document_ubl": OWN_DOCUMENT_OR_OPERATOR,
    "api.partner": MEMBER,
    "api.save_partner": MEMBER,
    "api.consents": MEMBER,
    "api.give_consent": MEMBER,
    "api.end_consent": MEMBER,
    "api.exchanges": MEMBER,
    "negotiations": MEMBER,
    "negotiation_new": Row(who=Who.MEMBER, whose=Whose.OWN, body_bytes=EVIDENCE_FORM_BYTES),
    "negotiation": OWN_NEGOTIATION,
    "negotiation_propose": OWN_NEGOTIATION_FILES,
    "negotiation_accept": OWN_NEGOTIATION,
    "negotiation_reject": OWN_NEGOTIATION,
    "negotiation_withdraw": OWN_NEGOTIATION,
    "negotiation_end": OWN_NEGOTIATION,
    "negotiation_say": OWN_NEGOTIATION_FILES,
    "negotiation_file": OWN_NEGOTIATION,
    "negotiation_file_small": OWN_NEGOTIATION,
    # The market of supply and demand; what a party may change of its own, the service looks up by its id
    "market": VISITOR,
    "market_post": VISITOR,
    "market_post_new": MEMBER,
    "market_post_edit": MEMBER,
    "market_post_withdraw": MEMBER,
    "market_import": Row(who=Who.MEMBER, whose=Whose.OWN, body_bytes=UPLOAD_BYTES),
    "market_template_csv": VISITOR,
    "market_mine": MEMBER,
    "market_mine_csv": MEMBER,
    "market_searches": MEMBER,
    "market_search_change": MEMBER,
    "market_data": VISITOR,
    "market_data_category": VISITOR,
    "market_data_json": VISITOR,
    "market_data_csv": VISITOR,
    "market_feed": VISITOR,
    "operator_categories": OPERATOR,
    "operator_category": OPERATOR,
    # API
    "api_docs": VISITOR,
    "openapi": VISITOR,
    "asyncapi": VISITOR,
    "api.register": Row(who=Who.VISITOR, rate=limits.REGISTER),
    "api.create_token": Row(who=Who.VISITOR, rate=limits.SIGN_IN),
    "api.list_tokens": MEMBER,
    "api.revoke_token": Row(who=Who.MEMBER, whose=Whose.OWN_TOKEN),
    "api.me": MEMBER,
    "api.change_me": MEMBER,
    "api.my_bank_account": MEMBER,
    "api.set_bank_account": MEMBER,
    "api.my_notices": MEMBER,
    "api.read_notices": MEMBER,
    "api.lots": VISITOR,
    "api.lot": VISITOR,
    "api.lot_log": VISITOR,
    "api.check_lot": MEMBER,
    "api.my_listings": MEMBER,
    "api.my_listing": Row(who=Who.MEMBER, whose=Whose.OWN_LOT, operator_too=True),
    "api.create_lot": MEMBER,
    "api.edit_lot": OWN_LOT,
    "api.add_photo": OWN_LOT_UPLOAD,
    "api.submit_lot": OWN_LOT,
    "api.withdraw_lot": OWN_LOT,
    "api.approve_lot": OPERATOR,
    "api.reject_lot": OPERATOR,
    "api.pause_lot": OPERATOR,
    "api.resume_lot": OPERATOR,
    "api.extend_lot": OPERATOR,
    "api.void_lot": OPERATOR,
    "api.place_bid": MEMBER,
    "api.bid": MEMBER,
    "api.bid_receipt": MEMBER,
    "api.signing_keys": VISITOR,
    "api.book_heads": VISITOR,
    "api.carriers": MEMBER,
    "api.delivery": OWN_DEAL_OR_OPERATOR,
    "api.set_consignee": OWN_DEAL,
    "api.book_carrier": OWN_DEAL,
    "api.call_off_carrier": OWN_DEAL,
    "api.delivery_proof": OWN_DEAL_OR_OPERATOR,
    "api.consignments": OPERATOR,
    "api.boards": VISITOR,
    "api.post_partners": MEMBER,
    "api.board": VISITOR,
    "api.board_clearings": VISITOR,
    "api.board_clearing": MEMBER,
    "api.board_orders": MEMBER,
    "api.board_fills": MEMBER,
    "api.board_enter": MEMBER,
    "api.board_acts": MEMBER,
    "api.board_order_change": MEMBER,
    "api.board_order_withdraw": MEMBER,
    "api.board_make": OPERATOR,
    "api.board_halt": OPERATOR,
    "api.board_reopen": OPERATOR,
    "api.negotiations": MEMBER,
    "api.negotiation_inquire": MEMBER,
    "api.negotiation_offer": MEMBER,
    "api.contracts": MEMBER,
    "api.contract": OWN_CONTRACT_OR_OPERATOR,
    "api.contract_record": OWN_CONTRACT,
    "api.contract_sign": OWN_CONTRACT,
    "api.contract_sign_by_wallet": OWN_CONTRACT,
    "api.contract_amend": OWN_CONTRACT,
    "api.contract_withdraw": OWN_CONTRACT,
    "api.contract_decline": OWN_CONTRACT,
    "api.contract_bundle": OWN_CONTRACT_OR_OPERATOR,
    "api.formality_hand_in": Row(
        who=Who.MEMBER, whose=Whose.OWN_CONTRACT, operator_too=True, body_bytes=EVIDENCE_BYTES
    ),
    "api.formality_judge": OWN_CONTRACT_OR_OPERATOR,
    "api.formality_appoint": OWN_CONTRACT_OR_OPERATOR,
    "api.formality_paper": OWN_CONTRACT_OR_OPERATOR,
    "api.identity": MEMBER,
    "api.identity_certificate": MEMBER,
    "api.identity_wallet_certificate": MEMBER,
    "api.identity_revoke": MEMBER,
    "api.negotiation": OWN_NEGOTIATION,
    "api.negotiation_propose": OWN_NEGOTIATION,
    "api.negotiation_accept": OWN_NEGOTIATION,
    "api.negotiation_reject": OWN_NEGOTIATION,
    "api.negotiation_withdraw": OWN_NEGOTIATION,
    "api.negotiation_say": OWN_NEGOTIATION,
    "api.negotiation_hand_in": Row(who=Who.MEMBER, whose=Whose.OWN_NEGOTIATION, body_bytes=EVIDENCE_BYTES),
    "api.negotiation_end": OWN_NEGOTIATION,
    "api.negotiation_file": OWN_NEGOTIATION,
    "api.own_postings": MEMBER,
    "api.posting_receipt": MEMBER,
    "api.lot_head": VISITOR,
    "api.lot_proof": Row(who=Who.VISITOR, rate=limits.LOG_FILES),
    "api.my_application": MEMBER,
    "api.apply": MEMBER,
    "api.freeze_deposit": MEMBER,
    "api.openings_list": OPERATOR,
    "api.opening": OPERATOR,
    "api.officers": OPERATOR,
    "api.make_officer_key": OPERATOR,
    "api.hold_ceremony": OPERATOR,
    "api.release_share": OPERATOR,
    "api.list_applications": OPERATOR,
    "api.approve_application": OPERATOR,
    "api.reject_application": OPERATOR,
    "api.retract_bid": MEMBER,
    "api.lower_reserve": OWN_LOT,
    "api.relist_lot": OWN_LOT,
    "api.lot_offers": Row(who=Who.MEMBER, whose=Whose.OWN_LOT, operator_too=True),
    "api.offer_lot": Row(who=Who.MEMBER, whose=Whose.OWN_LOT, operator_too=True),
    "api.my_offers": MEMBER,
    "api.accept_offer": OWN_OFFER,
    "api.decline_offer": OWN_OFFER,
    "api.priority_holders": OPERATOR,
    "api.confirm_priority": OPERATOR,
    "api.sales_list": VISITOR,
    "api.sale": VISITOR,
    "api.my_budget": MEMBER,
    "api.set_budget": MEMBER,
    "api.watched_lots": MEMBER,
    "api.watch_lot": MEMBER,
    "api.unwatch_lot": MEMBER,
    "api.create_sale": OPERATOR,
    "api.edit_sale": OPERATOR,
    "api.put_in_sale": OPERATOR,
    "api.take_out_of_sale": OPERATOR,
    "api.open_sale": OPERATOR,
    "api.deals": MEMBER,
    "api.deal": OWN_DEAL_OR_OPERATOR,
    "api.pay_deal": OWN_DEAL,
    "api.ship_deal": OWN_DEAL,
    "api.receive_deal": OWN_DEAL,
    "api.confirm_deal": OWN_DEAL,
    "api.extend_deal": OWN_DEAL,
    "api.cancel_deal": OWN_DEAL_OR_OPERATOR,
    "api.deal_file": OWN_DEAL_OR_OPERATOR,
    "api.write_message": OWN_DEAL_OR_OPERATOR,
    "api.hand_in_evidence": Row(who=Who.MEMBER, whose=Whose.OWN_DEAL, operator_too=True, body_bytes=EVIDENCE_BYTES),
    "api.fetch_evidence": OWN_DEAL_OR_OPERATOR,
    "api.claim": OWN_DEAL_OR_OPERATOR,
    "api.make_claim": OWN_DEAL,
    "api.release_undisputed": OWN_DEAL,
    "api.accept_claim": OWN_DEAL,
    "api.offer_refund": OWN_DEAL,
    "api.accept_offered_refund": OWN_DEAL,
    "api.withdraw_claim": OWN_DEAL,
    "api.ask_return": OWN_DEAL,
    "api.send_back": OWN_DEAL,
    "api.confirm_return": OWN_DEAL,
    "api.contest_claim": OWN_DEAL,
    "api.escalate_claim": OWN_DEAL,
    "api.appeal_ruling": OWN_DEAL,
    "api.claims_queue": OPERATOR,
    "api.claim_case": OPERATOR,
    "api.take_up_claim": OPERATOR,
    "api.take_arbitration": OPERATOR,
    "api.preview_ruling": OPERATOR,
    "api.rule_claim": OPERATOR,
    "api.confirm_ruling": OPERATOR,
    "api.decline_ruling": OPERATOR,
    "api.card_differences": OPERATOR,
    "api.explain_difference": OPERATOR,
    "api.chargebacks_list": OPERATOR,
    "api.chargeback_file": OPERATOR,
    "api.answer_chargeback": OPERATOR,
    "api.lot_confirmation": MEMBER,
    "api.wallet": MEMBER,
    "api.statement": MEMBER,
    "api.withdraw": MEMBER,
    "api.vault_wallet": MEMBER,
    "api.open_vault_wallet": MEMBER,
    "api.unlock_wallet": MEMBER,
    "api.lock_wallet": MEMBER,
    "api.change_wallet_passphrase": MEMBER,
    "api.add_card": MEMBER,
    "api.remove_card": MEMBER,
    "api.pay_deal_by_card": OWN_DEAL,
    "api.pay_deposit_by_card": OWN_DEPOSIT,
    "api.top_up": MEMBER,
    "api.card_payments": MEMBER,
    "api.card_payment": MEMBER,
    "api.pay_deal_by_change": OWN_DEAL,
    "api.pay_deal_by_cheque": OWN_DEAL,
    "api.electronic_receipt": OWN_DEAL_OR_OPERATOR,
    "api.cheques": MEMBER,
    "api.cheque": OWN_CHEQUE,
    "api.write_cheque": MEMBER,
    "api.present_cheque": OWN_CHEQUE,
    "api.revoke_cheque": OWN_CHEQUE,
    "api.small_change": MEMBER,
    "api.top_up_change": MEMBER,
    "api.take_out_change": MEMBER,
    "api.transaction_records": MEMBER,
    "api.statement_months": MEMBER,
    "api.monthly_statement": MEMBER,
    "api.ask_phone": OWN_DEAL,
    "api.phone_requests": MEMBER,
    "api.phone_request": OWN_REQUEST,
    "api.confirm_phone_request": OWN_REQUEST,
    "api.refuse_phone_request": OWN_REQUEST,
    "api.money": OPERATOR,
    "api.cases": OPERATOR,
    "api.case_file": OPERATOR,
    "api.quarantine": OPERATOR,
    "api.preview_quarantined": OPERATOR,
    "api.apply_quarantined": OPERATOR,
    "api.return_quarantined": OPERATOR,
    "api.payouts": OPERATOR,
    "api.send_payouts": OPERATOR,
    "api.payout_files": OPERATOR,
    "api.fetch_payout_file": OPERATOR,
    "api.money_queue": OPERATOR,
    "api.hold_payout": OPERATOR,
    "api.preview_batch": OPERATOR,
    "api.submit_batch": OPERATOR,
    "api.list_batches": OPERATOR,
    "api.batch_file": OPERATOR,
    "api.confirm_batch": OPERATOR,
    "api.withdraw_batch": OPERATOR,
    "api.fetch_statement": OPERATOR,
    "api.statement_entries": OPERATOR,
    "api.decide_entry": OPERATOR,
    "api.reconciliation": OPERATOR,
    "api.close_day": OPERATOR,
    "api.closed_day": OPERATOR,
    "api.journal": OPERATOR,
    "api.earned": OPERATOR,
    "api.fee_versions": OPERATOR,
    "api.propose_fees": OPERATOR,
    "api.confirm_fees": OPERATOR,
    "api.withdraw_fees": OPERATOR,
    "api.upload_statement": OPERATOR_UPLOAD,
    "api.fees_in_force": VISITOR,
    "api.audit_trail": OPERATOR,
    "api.market_categories": VISITOR,
    "api.market_posts": VISITOR,
    "api.market_post": VISITOR,
    "api.my_posts": MEMBER,
    "api.create_post": MEMBER,
    "api.edit_post": MEMBER,
    "api.withdraw_post": MEMBER,
    "api.import_posts": Row(who=Who.MEMBER, whose=Whose.OWN, body_bytes=UPLOAD_BYTES),
    "api.saved_searches_list": MEMBER,
    "api.save_search": MEMBER,
    "api.forget_search": MEMBER,
    "api.market_glance": VISITOR,
    "api.market_data_of": VISITOR,
    "api.market_feed": VISITOR,
    "api.seller_links": OPERATOR,
    "api.decide_link": OPERATOR,
    "api.suspicions": OPERATOR,
    "api.bar_from_seller": OPERATOR,
}


class RouteWithoutRow(Exception):
    """A route that nobody decided about; the server does not start with it."""


def guarded(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The same routes, each behind its row of the table. Raises RouteWithoutRow, and ValueError for a name used twice."""
    behind: list[BaseRoute] = []
    names: set[str] = set()
    for route in routes:
        assert isinstance(route, Route | WebSocketRoute | Mount), f"{route} is no kind of route that the table knows"
        name = route.name or ""
        if name not in TABLE:
            raise RouteWithoutRow(f"{route.path} is named {name!r}, which has no row in market/authorization.py")
        if name in names:
            raise ValueError(f"two routes are named {name!r}")
        names.add(name)
        # A copy: the areas' lists are theirs, and two apps in one process must not be guarded twice.
        kept = copy.copy(route)
        kept.app = Guard(route.app, name, TABLE[name])
        if isinstance(kept, Route | WebSocketRoute):
            # A number of thousands of digits is no id, and not even Python reads it.
            kept.path_regex = _of_short_numbers(kept.path_regex)
        behind.append(kept)
    return behind


@cache
def _of_short_numbers(path: re.Pattern[str]) -> re.Pattern[str]:
    """Compiled once in a process: there are some hundred."""
    short = path.pattern.replace("[0-9]+", "[0-9]{1,19}")
    return path if short == path.pattern else re.compile(short)


class Guard:
    """One route's row, enforced: who, then whose, then how often and how much."""

    def __init__(self, app: ASGIApp, name: str, row: Row) -> None:
        self._app = app
        self.name = name
        self.row = row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        scope.setdefault("state", {})["route_name"] = self.name
        if self._asks_to_sign_in(connection):
            path = scope["path"] + (f"?{connection.url.query}" if connection.url.query else "")
            await RedirectResponse(f"/sign-in?next={quote(path)}", 303)(scope, receive, send)
            return
        self._check_who(connection.user)
        if any(isinstance(value, int) and value > LARGEST_ID for value in connection.path_params.values()):
            raise ProblemError(Problem.NOT_FOUND)
        await self._check_whose(connection)
        if scope["type"] == "http":
            self._check_rate(connection)
            receive = bounded(
                receive,
                declared=connection.headers.get("content-length"),
                most=self.row.body_bytes,
                seconds=UPLOAD_SECONDS if self.row.body_bytes > FORM_BYTES else BODY_SECONDS,
                since=scope["state"].get(BEGAN_AT),
            )
            receive = await self._without_card(connection, receive)
        await self._app(scope, receive, send)

    async def _without_card(self, connection: HTTPConnection, receive: Receive) -> Receive:
        """Uploads and the bank's own notices are not looked into."""
        media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if (
            connection.scope["method"] in SAFE_METHODS
            or media_type not in card_guard.MEDIA_TYPES
            or self.row.who is Who.WEBHOOK
            or self.row.body_bytes != FORM_BYTES
        ):
            return receive
        looked = await card_guard.body_without_card(receive, media_type, card_guard.meant_by(self.name))
        if looked is None:
            raise ProblemError(Problem.CARD_NUMBER)
        return looked

    def _asks_to_sign_in(self, connection: HTTPConnection) -> bool:
        """A visitor who follows a link to a member's page is led there by way of signing in."""
        needs_party = self.row.who in (Who.MEMBER, Who.OPERATOR)
        reads_page = connection.scope["type"] == "http" and connection.scope["method"] in ("GET", "HEAD")
        return needs_party and reads_page and not connection.user.is_signed_in and not wants_json(connection)

    def _check_who(self, viewer: Viewer) -> None:
        if self.row.who in (Who.VISITOR, Who.WEBHOOK):
            return
        if not viewer.is_signed_in:
            raise ProblemError(Problem.SIGN_IN_REQUIRED, headers={"WWW-Authenticate": "Bearer"})
        if self.row.who is Who.OPERATOR and not viewer.is_operator:
            _log.info("access_refused", route=self.name, party=viewer.party_id)
            raise ProblemError(Problem.FORBIDDEN)

    async def _check_whose(self, connection: HTTPConnection) -> None:
        if self.row.whose in (Whose.ANY, Whose.OWN):
            return
        viewer: Viewer = connection.user
        if self.row.operator_too and viewer.is_operator:
            return
        house = house_of(connection)
        async with house.pool.acquire() as conn:
            if viewer.id not in await owners(conn, self.row.whose, connection.path_params[self.row.whose.value]):
                _log.info("access_refused", route=self.name, party=viewer.party_id)
                raise ProblemError(Problem.NOT_FOUND)

    def _check_rate(self, connection: HTTPConnection) -> None:
        if self.row.rate is None or connection.scope["method"] in ("GET", "HEAD"):
            return
        address = limits.address_key(connection.client.host if connection.client else "")
        wait = house_of(connection).buckets.take(self.row.rate, address, monotonic())
        if wait > 0:
            raise ProblemError(Problem.TOO_MANY_REQUESTS, headers={"Retry-After": str(int(wait) + 1)})


_OWNERS = {
    Whose.OWN_LOT: _QUERIES.lot_owners,
    Whose.OWN_DEAL: _QUERIES.deal_owners,
    Whose.OWN_SESSION: _QUERIES.session_owners,
    Whose.OWN_TOKEN: _QUERIES.token_owners,
    Whose.OWN_NOTICE: _QUERIES.notice_owners,
    Whose.OWN_OFFER: _QUERIES.offer_owners,
    Whose.OWN_CHEQUE: _QUERIES.cheque_owners,
    Whose.OWN_DEPOSIT: _QUERIES.deposit_owners,
    Whose.OWN_REQUEST: _QUERIES.phone_request_owners,
    Whose.OWN_NEGOTIATION: _QUERIES.negotiation_owners,
    Whose.OWN_DOCUMENT: _QUERIES.document_owners,
    Whose.OWN_CONTRACT: _QUERIES.contract_owners,
}


async def owners(conn: Connection, whose: Whose, thing_id: int) -> Sequence[int]:
    """The ids of the parties whose thing it is; none when there is no such thing."""
    if not 0 < thing_id < 2**63:
        return ()
    found: Sequence[int] | None = await conn.fetchval(_OWNERS[whose], thing_id)
    return found or ()
