"""The journeys of the formats share the saleroom of the lot page's tests."""

from tests.front.conftest import open_saleroom, saleroom

__all__ = ["open_saleroom", "saleroom"]
