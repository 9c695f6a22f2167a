"""Which gateway takes the house's cards, from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from escrow.gateway.iso8583 import Iso8583Gateway
from escrow.gateway.switch_link import SwitchLink
from market.config import Config, ConfigError

if TYPE_CHECKING:
    from escrow.gateway.protocol import PaymentGateway


def gateway_of(config: Config) -> PaymentGateway | None:
    """None when the house takes no cards. Raises ConfigError when the provider's SDK or key is missing."""
    if config.card_gateway == "none":
        return None
    if config.card_gateway == "stripe":
        return _provider(config)
    host = urlsplit(config.bank_origin).hostname or "127.0.0.1"
    link = SwitchLink(host, config.bank_switch_on, config.bank_webhook_secret)
    return Iso8583Gateway(link, config.bank_origin, config.bank_webhook_secret)


def _provider(config: Config) -> PaymentGateway:
    if not config.stripe_key:
        raise ConfigError("card_gateway is stripe, but there is no stripe_key: set GAVELHOUSE_STRIPE_KEY.")
    try:
        from escrow.gateway.sdk import StripeGateway
    except ImportError as error:
        raise ConfigError(
            "card_gateway is stripe, but its SDK is not installed: pip install 'gavelhouse[stripe]'."
        ) from error
    return StripeGateway(config.stripe_key)
