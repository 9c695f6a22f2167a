"""Why the house refuses something about an account: values, whose sentences are `market_refusal.<value>`."""

from __future__ import annotations

from enum import StrEnum


class MoneyRefusal(StrEnum):
    """What no sum that somebody names may be, whatever it is for."""

    CURRENCY_NOT_TAKEN = "currency_not_taken"
    SUM_TOO_LARGE = "sum_too_large"


class MarketRefusal(StrEnum):
    """In the order in which registration, sign-in and settings test them."""

    EMAIL_MALFORMED = "email_malformed"
    DISPLAY_NAME_MALFORMED = "display_name_malformed"
    LANGUAGE_UNKNOWN = "language_unknown"
    PASSPHRASE_TOO_SHORT = "passphrase_too_short"
    PASSPHRASE_TOO_LONG = "passphrase_too_long"
    PASSPHRASE_COMMON = "passphrase_common"
    TOO_MANY_TRIES = "too_many_tries"
    PASSPHRASE_WRONG = "passphrase_wrong"
    EMAIL_TAKEN = "email_taken"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_LINK_SPENT = "sign_in_link_spent"
    TOKEN_NAME_MALFORMED = "token_name_malformed"
    TOO_MANY_TOKENS = "too_many_tokens"
