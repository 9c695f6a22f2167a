"""The demo's lots of the other formats: one that falls, two that are sealed, one of many units, and one that is bought."""

from __future__ import annotations

from market.demo.demo_lot import DAY, HOUR, MINUTE, DemoLot, Stage, even

FORMAT_LOTS: tuple[DemoLot, ...] = (
    DemoLot(
        photo="desk_lamp", name="falling_lamps", seller="lindqvist", category="furniture", condition="good", currency="EUR",
        format="dutch",
        title_en="Six banker’s lamps from a reading room, brass and green enamel", title_zh="阅览室铜座绿珐琅台灯六盏",
        description_en="Out of a reading room that closed in May; all six rewired to today’s standard and tested. Sold together.\n\nHeight 38 cm each. Two shades have a small chip at the rim.",
        description_zh="出自今年五月停用的阅览室，六盏均按现行标准重新布线并通过测试，整批出售。\n\n每盏高38厘米。其中两盏灯罩边沿有小磕。",
        # An euro each 15 s: it is seen to fall, and takes three hours to the floor.
        start_minor=96_000, options={"floor_minor": 24_000, "step_minor": 100, "interval_seconds": 15, "floor_seconds": 10 * MINUTE},
        worth_minor=42_000, starts_in=-6 * MINUTE, admits=("bidder", "second"),
    ),
    DemoLot(
        photo="zisha_teapot", name="sealed_teapot", seller="lindqvist", category="tea", condition="excellent", currency="CNY",
        format="sealed",
        title_en="Zisha teapot with the maker’s letter, about 1958", title_zh="紫砂壶一把，附制壶人手札，约1958年",
        description_en="Fired to a warm red-brown, 240 ml, with a letter in which its maker describes the clay. Lid and body belong together.\n\nThe letter was read and dated by two experts; copies of their opinions come with the lot.",
        description_zh="色近朱栗，容量240毫升，附制壶人谈泥料手札一通。壶盖与壶身原配。\n\n手札经两位专家释读、断代，鉴定意见复印件随拍品交付。",
        start_minor=600_000, steps=even(10_000), worth_minor=1_900_000, reserve_minor=900_000,
        options={"pricing": "second", "threshold": 2, "officers": 2},
        timed_seconds=2 * HOUR, starts_in=-HOUR, bids=3, admits=("bidder", "second"),
    ),
    DemoLot(
        photo="wall_clock", name="sealed_clock", seller="lindqvist", category="instruments", condition="good", currency="EUR",
        format="sealed",
        title_en="Clock of a signal box, oak case, about 1910", title_zh="信号楼挂钟，橡木壳，约1910年",
        description_en="Eight-day movement with a maintaining power, running. The dial is the original and has been left as it was.\n\nDiameter 42 cm.",
        description_zh="八日机芯，带维持动力，走时正常。表盘为原装，未经修饰。\n\n直径42厘米。",
        start_minor=30_000, steps=even(1_000), worth_minor=88_000,
        options={"pricing": "second", "threshold": 2, "officers": 2, "opening_seconds": 7 * DAY},
        timed_seconds=DAY, starts_in=-DAY - 40 * MINUTE, bids=5, admits=("second",), stage=Stage.TO_OPEN,
    ),
    DemoLot(
        photo="tea_cakes", name="cases_of_tea", seller="wenlan", category="tea", condition="new", currency="CNY",
        format="uniform",
        title_en="Raw Pu-erh tea, spring 2023: 40 cases of six tong", title_zh="2023年春季普洱生茶，40件（每件六提）",
        description_en="One picking of one garden in Yiwu, 40 equal cases of 15 kg, in our warehouse at Kunming. Bid for as many cases as you want: all buyers pay the same price for a case.\n\nA sample of 50 g is sent on request.",
        description_zh="易武同一茶园同一批春茶，40件，每件15公斤，存于昆明自有仓库。要几件报几件，所有成交买家按同一单价付款。\n\n可索取50克茶样。",
        start_minor=360_000, worth_minor=520_000, deposit_minor=50_000,
        options={"quantity": 40, "step_minor": 5_000, "bids_per_bidder": 5, "allows_all_or_none": True},
        timed_seconds=5 * HOUR, starts_in=-3 * HOUR, bids=6, admits=("bidder", "second"),
    ),
    DemoLot(
        photo="landscape_scroll", name="archive_boxes", seller="wenlan", category="materials", condition="new", currency="CNY",
        format="reverse",
        title_en="Wanted: 200 archive boxes for hanging scrolls, acid-free", title_zh="采购：无酸立轴档案盒200只",
        description_en="Acid-free board, pH 7.5 to 9, inner size 78 × 11 × 11 cm, with cotton ties. Delivered to Hangzhou, duty paid; delivery within 40 days.\n\nWe pay for speed: each day sooner is worth ¥60 to us, and the rule counts it.",
        description_zh="无酸纸板，pH值7.5至9，内尺寸78×11×11厘米，配棉质系带。含税送达杭州，交货期不超过40天。\n\n交货早有价值：每提前一天按60元计入综合成本。",
        start_minor=3_600_000, worth_minor=2_300_000, soft_close_seconds=2 * MINUTE,
        options={
            "decrement_minor": 10_000,
            "back_buffer_minor": 10_000,
            "attributes": [
                {
                    "key": "days", "name_en": "Delivery", "name_zh": "交货期", "unit_en": "days", "unit_zh": "天",
                    "better": "lower", "counts": "money", "weight_numerator": 6_000,
                    "lowest": "5", "highest": "60", "floor": "40",
                }
            ],
            "visibility": "rank_and_lead",
            "top_count": 2,
        },
        timed_seconds=4 * HOUR, starts_in=-2 * HOUR, bids=7, admits=("bidder", "second"),
    ),
)  # fmt: skip
