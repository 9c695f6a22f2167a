"""Who takes part in the demo: two bidders, three sellers, an operator, an officer, and the robots' parties."""

from __future__ import annotations

from msgspec import Struct


class Person(Struct, frozen=True, kw_only=True):
    key: str
    name: str
    email: str
    language: str = "en"
    is_operator: bool = False
    is_robot: bool = False


PEOPLE: tuple[Person, ...] = (
    Person(key="operator", name="Su Wen", email="operator@demo.example", is_operator=True),
    Person(key="officer", name="Lin Qiao", email="officer@demo.example", language="zh", is_operator=True),
    Person(key="wenlan", name="文澜阁", email="wenlan@demo.example", language="zh"),
    Person(key="lindqvist", name="Lindqvist & Daughter", email="lindqvist@demo.example"),
    Person(key="hartmann", name="Hartmann Industrial", email="hartmann@demo.example"),
    Person(key="bidder", name="陈静", email="chenjing@demo.example", language="zh"),
    Person(key="second", name="Ada Marsh", email="ada@demo.example"),
    Person(key="robot_1", name="Robot Tallis", email="tallis@robots.example", is_robot=True),
    Person(key="robot_2", name="Robot Byrd", email="byrd@robots.example", is_robot=True),
    Person(key="robot_3", name="Robot Dowland", email="dowland@robots.example", is_robot=True),
    Person(key="robot_4", name="Robot Gibbons", email="gibbons@robots.example", is_robot=True),
)

SHOWN = {
    "bidder": "bidder",
    "second": "second bidder",
    "wenlan": "seller",
    "operator": "operator",
    "officer": "second officer",
}
"""Whose sign-in links are printed, and as what."""

OFFICERS = ("operator", "officer")
"""Who opens sealed bids, together."""

BUYERS = ("bidder", "second", "robot_1", "robot_2", "robot_3", "robot_4")
ROBOTS = tuple(person.key for person in PEOPLE if person.is_robot)
