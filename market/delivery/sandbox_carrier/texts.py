"""The carrier's two languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

LANGUAGES = ("zh", "en")
COOKIE = "carrier_lang"
_TEXTS = {
    "page.title": ("Parcels", "包裹"),
    "page.name": ("Sandbox Express", "沙盒快运"),
    "page.skip": ("Skip to the content", "跳到正文"),
    "page.language": ("中文", "English"),
    "page.sandbox": (
        "A carrier to try the house with. No parcel moves but by the buttons here; each press is reported to the house.",
        "供试用的承运商。包裹只随此页的按钮移动，每次操作都会通知交易中心。",
    ),
    "page.waiting": ("{count} reports wait for the house to take them.", "有 {count} 条通知等待交易中心接收。"),
    "page.empty": (
        "Nothing is booked yet. Book from a paid deal in the house.",
        "尚无托运。请在交易中心已付款的交易中托运。",
    ),
    "column.number": ("Number", "运单号"),
    "column.goods": ("Goods", "货物"),
    "column.from": ("From", "发货地"),
    "column.to": ("To", "收货地"),
    "column.state": ("State", "状态"),
    "column.act": ("Next", "操作"),
    "state.confirmed": ("booked", "已受理"),
    "state.cancelled": ("called off", "已取消"),
    "state.collected": ("collected", "已揽收"),
    "state.in_transit": ("under way", "运输中"),
    "state.out_for_delivery": ("out for delivery", "派送中"),
    "state.delivered": ("delivered", "已签收"),
    "state.returned": ("returned", "已退回"),
    "state.lost": ("lost", "已丢失"),
    "move.collected": ("Collect", "揽收"),
    "move.in_transit": ("Send on", "发往中转"),
    "move.out_for_delivery": ("Take out for delivery", "派送"),
    "move.attempted": ("Nobody there", "无人签收"),
    "move.delivered": ("Deliver", "签收"),
    "move.returned": ("Return", "退回"),
    "move.lost": ("Lose", "丢失"),
    "received_by": ("Received by", "签收人"),
    "packages": ("packages: {count}, {kilograms} kg", "{count} 件，{kilograms} 千克"),
}


def text(key: str, lang: str, **params: object) -> str:
    return _TEXTS[key][0 if lang == "en" else 1].format(**params)


def language(request: Request) -> str:
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
