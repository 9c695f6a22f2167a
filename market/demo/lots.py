"""The demo's lots: what is for sale, under which rule, and where in its life each one is when the house opens."""

from __future__ import annotations

from market.demo.demo_lot import DAY, HOUR, MINUTE, DemoLot, Stage
from market.demo.demo_lot import even as _even
from market.demo.disputes import DISPUTED_LOTS
from market.demo.format_lots import FORMAT_LOTS
from market.listing_facts import Step

__all__ = ["DAY", "HOUR", "LOTS", "MINUTE", "DemoLot", "Stage"]

_ENGLISH_LOTS: tuple[DemoLot, ...] = (
    DemoLot(
        photo="celadon_vase", seller="wenlan", category="porcelain", condition="excellent", currency="CNY",
        title_en="Guan-type celadon vase with crackled glaze", title_zh="仿官釉青瓷长颈瓶",
        description_en="Pear-shaped body, waisted neck, even grey-green glaze with a fine two-tone crackle. Unmarked, twentieth century.\n\nHeight 31.5 cm, foot 10.2 cm. No chips, no restoration; examined under ultraviolet light. From a private collection in Hangzhou, acquired 1986.",
        description_zh="梨形腹，束颈，青灰釉匀净，开片细密，俗称“金丝铁线”。无款，二十世纪。\n\n高31.5厘米，足径10.2厘米。无冲线、无修补，已用紫外灯检视。杭州私人旧藏，购于1986年。",
        start_minor=2_800_000, steps=(Step(increment_minor=100_000, below_minor=5_000_000), Step(increment_minor=200_000)),
        worth_minor=7_600_000, reserve_minor=6_200_000, deposit_minor=300_000,
        options={"buy_now_minor": 8_800_000, "buy_now_until": "reserve_met"},
        timed_seconds=3 * HOUR, extension_seconds=120, starts_in=-HOUR, bids=9,
    ),
    DemoLot(
        photo="wristwatch", seller="lindqvist", category="watches", condition="good", currency="USD",
        title_en="Steel wristwatch, blue dial, small seconds, 1962", title_zh="1962年蓝盘小秒针钢壳腕表",
        description_en="Hand-wound movement, serviced in March with papers; runs +4 s a day in three positions. Original dial, later strap.\n\nCase 36 mm without crown, lug width 18 mm. The case back carries light scratches and no engraving.",
        description_zh="手动上链机芯，今年三月保养，附单据；三方位日差约+4秒。原装表盘，表带后配。\n\n表径36毫米（不含表冠），表耳间距18毫米。底盖有轻微划痕，无刻字。",
        start_minor=120_000, steps=_even(5_000), worth_minor=410_000, deposit_minor=20_000,
        timed_seconds=HOUR, extension_seconds=60, starts_in=-40 * MINUTE, bids=12,
    ),
    DemoLot(
        photo="bicycle", seller="lindqvist", category="vehicles", condition="restored", currency="EUR",
        title_en="Steel road bicycle, lugged frame, restored 2023", title_zh="钢架公路自行车，2023年修复",
        description_en="Frame number legible, 56 cm, repainted in the original racing green. New bearings, cables and tyres; leather saddle and bar tape.\n\nRidden 200 km since the restoration. Collection in Malmö or shipped in a bicycle box.",
        description_zh="车架56厘米，车架号清晰，按原色重漆赛车绿。轴承、线缆、轮胎均已更换，真皮坐垫与把带。\n\n修复后骑行约200公里。可于马尔默自提，或装箱发运。",
        start_minor=35_000, steps=_even(2_500), worth_minor=118_000,
        timed_seconds=30 * MINUTE, extension_seconds=60, starts_in=-22 * MINUTE, bids=8,
    ),
    DemoLot(
        photo="server_rack", seller="hartmann", category="machinery", condition="good", currency="USD",
        title_en="42U rack with 12 storage servers and two switches", title_zh="42U机柜：存储服务器12台、交换机2台",
        description_en="Twelve 2U servers, each with two 16-core processors and 256 GB of memory, without disks; two 48-port switches; power rails and cables.\n\nOut of a data centre closed in June, wiped and tested. Buyer collects with a tail lift.",
        description_zh="2U服务器12台，每台双路16核、内存256 GB，不含硬盘；48口交换机2台；含电源排与线缆。\n\n来自六月关停的数据中心，已清除数据并通过测试。买方自备尾板车提货。",
        start_minor=400_000, steps=_even(25_000), worth_minor=1_250_000, deposit_minor=50_000,
        extension_seconds=300, starts_in=-12 * MINUTE, bids=10,
    ),
    DemoLot(
        photo="film_camera", seller="lindqvist", category="photography", condition="good", currency="EUR",
        title_en="Chrome 35 mm rangefinder camera with 50 mm f/2 lens", title_zh="镀铬135旁轴相机，附50毫米f/2镜头",
        description_en="Shutter times measured, within a third of a stop from 1/500 to 1 s. Rangefinder aligned, viewfinder clear. Lens without haze or fungus.\n\nThe leather is original. With case and a test roll developed in September.",
        description_zh="快门实测，1/500秒至1秒误差在三分之一档内。黄斑准确，取景器通透，镜片无雾无霉。\n\n蒙皮为原装。附皮套及九月冲洗的试机胶卷。",
        start_minor=28_000, steps=_even(1_000), worth_minor=76_000,
        timed_seconds=DAY, extension_seconds=180, starts_in=-5 * HOUR, bids=11, in_sale=True, admits=("bidder",),
    ),
    DemoLot(
        photo="tea_cakes", seller="wenlan", category="tea", condition="excellent", currency="CNY",
        title_en="Raw Pu-erh tea, spring 2009, one tong of seven cakes", title_zh="2009年春季普洱生茶，一提七饼",
        description_en="Seven cakes of 357 g in their bamboo wrapper, stored dry in Kunming. One cake opened for tasting and resealed; tasting notes by two judges enclosed.",
        description_zh="每饼357克，七饼一提，竹箬原装，昆明干仓存放。其中一饼已开样品鉴后封存，附两位评茶师记录。",
        start_minor=480_000, steps=_even(20_000), worth_minor=1_060_000,
        timed_seconds=3 * DAY, extension_seconds=300, starts_in=-DAY, bids=7,
        options={"priority_right": True}, priority="bidder",
    ),
    DemoLot(
        photo="wine_bottles", seller="wenlan", category="wine", condition="excellent", currency="EUR",
        title_en="Three bottles of Rhône red, 2005 and 2010", title_zh="罗讷河谷红葡萄酒三瓶，2005与2010年份",
        description_en="One bottle of 2005, two of 2010. Levels into the neck, labels clean, capsules intact. Bought on release and kept at 12 °C.",
        description_zh="2005年份一瓶，2010年份两瓶。液位至瓶颈，酒标洁净，封帽完好。上市时购入，12°C恒温存放。",
        start_minor=18_000, steps=_even(1_000), worth_minor=43_000,
        timed_seconds=DAY, extension_seconds=180, cap_extensions=30, starts_in=-5 * HOUR, bids=6, in_sale=True,
        admits=("bidder", "second"),
    ),
    DemoLot(
        photo="landscape_scroll", seller="wenlan", category="paintings", condition="good", currency="CNY",
        title_en="Landscape with pines and a boat, ink on paper, hanging scroll", title_zh="松江行舟图，水墨纸本，立轴",
        description_en="Signed, with one seal of the artist. Remounted in the 1990s; slight foxing at the lower margin.\n\n118 × 62 cm. Exhibited Suzhou 1998, no. 41 of the catalogue.",
        description_zh="有款，钤印一方。九十年代重裱，下边略有黄斑。\n\n118×62厘米。1998年苏州展出，图录第41号。",
        start_minor=12_000_000, steps=(Step(increment_minor=500_000, below_minor=20_000_000), Step(increment_minor=1_000_000)),
        worth_minor=31_000_000, reserve_minor=18_000_000, deposit_minor=1_500_000,
        timed_seconds=2 * DAY, extension_seconds=300, starts_in=2 * DAY,
    ),
    DemoLot(
        photo="copper_cathodes", seller="hartmann", category="materials", condition="new", currency="USD",
        title_en="Copper cathodes, grade A, 24.8 t", title_zh="A级阴极铜24.8吨",
        description_en="Cu ≥ 99.9935 %, certificate of analysis enclosed. Ten strapped bundles of about 2.48 t, in a bonded warehouse at Antwerp. Ex works; storage is free for 14 days after payment.",
        description_zh="含铜≥99.9935%，附化验单。打包十捆，每捆约2.48吨，存放于安特卫普保税仓。工厂交货；付款后免仓租14天。",
        start_minor=19_500_000, steps=_even(100_000), worth_minor=23_400_000, deposit_minor=2_000_000,
        timed_seconds=4 * HOUR, extension_seconds=180, starts_in=DAY,
    ),
    DemoLot(
        photo="solar_modules", seller="hartmann", category="materials", condition="new", currency="EUR",
        title_en="Solar modules, 410 W, one pallet of 31", title_zh="410瓦光伏组件，一托31块",
        description_en="Monocrystalline half-cut modules with black frames, factory sealed, flash list enclosed. Left over from a cancelled project.",
        description_zh="单晶半片组件，黑边框，原厂封装，附功率清单。项目取消后的余货。",
        start_minor=150_000, steps=_even(5_000), worth_minor=290_000, deposit_minor=15_000,
        timed_seconds=DAY, extension_seconds=120, starts_in=-5 * HOUR, options={"buy_now_minor": 320_000}, in_sale=True,
        admits=("bidder",),
    ),
    DemoLot(
        photo="jade_disc", seller="wenlan", category="jade", condition="good", currency="CNY",
        title_en="Jade disc (bi) with raised grain pattern, on a stand", title_zh="谷纹玉璧，附木座",
        description_en="Celadon jade with russet veins, both faces worked with rows of raised grains inside plain borders. Modern stand of zitan.\n\nDiameter 21 cm.",
        description_zh="青玉质，带褐色沁，两面满饰谷纹，内外缘起弦。附近代紫檀座。\n\n直径21厘米。",
        start_minor=6_000_000, steps=_even(200_000), worth_minor=11_000_000, deposit_minor=600_000,
        timed_seconds=DAY, extension_seconds=180, starts_in=3 * DAY, stage=Stage.SUBMITTED,
    ),
    DemoLot(
        photo="porcelain_bowl", seller="wenlan", category="porcelain", condition="excellent", currency="JPY",
        title_en="Blue and white bowl with peony scroll", title_zh="青花缠枝牡丹纹碗",
        description_en="Painted in two tones of cobalt, lappets round the foot. Diameter 24 cm. With a fitted box from Kyoto.",
        description_zh="青花发色分浓淡两层，胫部绘莲瓣纹。口径24厘米。附京都旧配木盒。",
        start_minor=180_000, steps=_even(10_000), worth_minor=520_000, deposit_minor=20_000,
        timed_seconds=DAY, extension_seconds=180, starts_in=-44 * HOUR, stage=Stage.AWAITING_PAYMENT, bids=13,
    ),
    DemoLot(
        photo="zisha_teapot", seller="wenlan", category="tea", condition="excellent", currency="CNY",
        title_en="Yixing zisha teapot, flattened round form", title_zh="宜兴紫砂扁圆壶",
        description_en="Purple clay fired to a warm red-brown, seal on the base and inside the lid. Pours without a drip; 260 ml.",
        description_zh="紫泥，色近朱栗，底款、盖款俱全。出水爽利，断水干净；容量260毫升。",
        start_minor=320_000, steps=_even(20_000), worth_minor=980_000, deposit_minor=50_000,
        timed_seconds=DAY, extension_seconds=180, starts_in=-3 * DAY, stage=Stage.FUNDED, bids=10,
    ),
    DemoLot(
        photo="wall_clock", seller="lindqvist", category="instruments", condition="restored", currency="EUR",
        title_en="Railway station wall clock, walnut, about 1925", title_zh="火车站挂钟，胡桃木壳，约1925年",
        description_en="Eight-day movement, overhauled; dial repainted to the old pattern. Diameter 48 cm.",
        description_zh="八日上弦机芯，已大修；表盘按旧样重绘。直径48厘米。",
        start_minor=24_000, steps=_even(1_000), worth_minor=61_000, deposit_minor=3_000,
        timed_seconds=DAY, extension_seconds=120, starts_in=-5 * DAY, stage=Stage.INSPECTING, bids=12,
    ),
    DemoLot(
        photo="desk_lamp", seller="lindqvist", category="furniture", condition="good", currency="USD",
        title_en="Banker’s lamp, brass and green enamel, 1930s", title_zh="铜座绿珐琅罩台灯，三十年代",
        description_en="Rewired to today’s standard, original pull chain. Height 38 cm.",
        description_zh="线路已按现行标准更换，原装拉链开关。高38厘米。",
        start_minor=15_000, steps=_even(1_000), worth_minor=39_000,
        timed_seconds=DAY, extension_seconds=120, starts_in=-8 * DAY, stage=Stage.PAID_OUT, bids=9,
    ),
    DemoLot(
        photo="milling_machine", seller="hartmann", category="machinery", condition="good", currency="CNY",
        title_en="Vertical machining centre, 850 mm, 2016", title_zh="850立式加工中心，2016年",
        description_en="Spindle 12,000 rpm, 24 tools, 14,300 hours. Ball-bar test of August enclosed. Runs under power in Suzhou; inspection by appointment.",
        description_zh="主轴12000转，刀库24把，累计14300小时。附八月球杆仪检测报告。设备在苏州通电可试，看货请预约。",
        start_minor=18_000_000, steps=_even(500_000), worth_minor=21_500_000, reserve_minor=26_000_000, deposit_minor=1_000_000,
        timed_seconds=DAY, extension_seconds=180, starts_in=-4 * DAY, stage=Stage.UNSOLD, bids=5,
    ),
)  # fmt: skip

LOTS: tuple[DemoLot, ...] = (*_ENGLISH_LOTS, *DISPUTED_LOTS, *FORMAT_LOTS)
