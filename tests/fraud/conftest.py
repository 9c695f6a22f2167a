"""The browser's saleroom for the tests of the operator's page."""

from __future__ import annotations

from tests.front.conftest import open_saleroom, saleroom

__all__ = ["open_saleroom", "saleroom"]
