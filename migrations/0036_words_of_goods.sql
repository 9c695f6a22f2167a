-- The kind of a tea was called by the word for goods itself, so that a form had two boxes of one name
-- and a heading of a file could not be told from that of the goods. A name that operators have chosen stays.
update market.category
set attributes = (select jsonb_agg(case when kind ->> 'code' = 'kind' and kind ->> 'name_zh' = '品类'
                                        then kind || '{"name_zh": "品种"}' else kind end order by place)
                  from jsonb_array_elements(attributes) with ordinality as one (kind, place))
where code = 'green_tea' and attributes @> '[{"code": "kind", "name_zh": "品类"}]';

-- Searches ask for simplified characters now, and a post that is written in traditional ones has them beside its own words.
with said as (
  select id, concat_ws(' ', title_zh, title_en, description_zh, description_en, place, words) as text
  from market.post where state = 'open'
), plain as (
  select id, text, translate(text,
      '鐵鋼銅鋁鋅鉛錫鎳鈦錳鉻鎢鉬鋰鈷銀鈉鉀鈣鎂釩鑄錠鍍線絲網條軋熱捲帶紋圓壓鍛釘鏈鏡鍋鐘鎖鑽鋸錘針礦爐廢純質級號規標準'
      '檢測驗證書氫鹼鹽膠劑顆濃纖維樹輪顏塗層農藥穀糧麥黃綠紅藍葉龍莖棗蘋薑蔥雞鴨鵝魚蝦貝豬馬驢獸乾鮮凍醬蘭蓮參煙菸紗紡'
      '織綢緞絨繡縫紙漿機電動車輛輸運載軸齒閥縮氣燈纜開關儀錶錄設備裝製產廠業牆磚門樓築貨單價買賣購銷進稅費匯額總計數噸'
      '個雙隻盤幣國際東廣華臺灣滬連寧漢陝遼蘇魯長寬輕細舊現約貿島倉庫應訂優極選類種樣圖報詢還發問話聯絡係體積環節無來與'
      '為於從後這過時間點兩萬億幾損傷壞險賠償簽權專屬營場區縣鄉鎮處頭衛護醫學實麵餅飯飲簍籃棧櫃艙錨貼貴賬資贈賽贏鎧鈑銲'
      '釬鑼鋪鍵鉤鈕鉗鉸銑鋒鏽鑲鐳鑰隊陽陰陳隨靜頁順領題顯風飛馳驅驟鬆鬥鳳鳥鵬麗齊龜嶺嶽歐歲歷殘殼毀滅滾滿潔澤濕濟濱瀝災'
      '燒爛牽狀獨獎瑪瑤瓊甕異療監眾硯碼禮稱穩窯競筆簡簾籤粵糞紮納紐紹終組結給統絕經緊緣編緩練縱績繩繪繼續罰聖聞聲職聽肅'
      '脫腦膚艦藝蘿蘊虛蟲蠶蠟衝補襯見視覺覽觀訊記訪許訴診註評詞試詳誌認語誤說課調請論諸講謝譜議變讓豐財貫責貯賀賓賞賢賤'
      '賴贊趙跡踐軌軍軟較輔輥輯轉辦邊達遠遲適遷遺郵鄭釀釐錢錯鍊煉閃閉閘閱闆陸陣階雜離難雲霧靈韓響項須預頻顧餘館髮鬧鯉鰻'
      '鱸黨壯夠夾奪奮嬰孫寫寶將對導屆崗帥師幹廈廚廟廳強彈彎徑復徵態慶憑懸戰戲戶拋挾捨掃採揀換揚搶撐撥擇擊擋擔據擠擬擴擺'
      '攝敗敵斷暫曬術桿棟楊榮構槍樁橋檔櫻欄殺氈決沒況淨淚減渦湯溝溫漁漲漸潤濾灑煩裡颱週薦礎壽畫麼啟僅獻瓏鈴鉑鈀銠銦鎵鍺'
      '鉭鈮鋯鍶鋇銻鉍鈾釹鐠鏑鋱鑭鈰',
      '铁钢铜铝锌铅锡镍钛锰铬钨钼锂钴银钠钾钙镁钒铸锭镀线丝网条轧热卷带纹圆压锻钉链镜锅钟锁钻锯锤针矿炉废纯质级号规标准'
      '检测验证书氢碱盐胶剂颗浓纤维树轮颜涂层农药谷粮麦黄绿红蓝叶龙茎枣苹姜葱鸡鸭鹅鱼虾贝猪马驴兽干鲜冻酱兰莲参烟烟纱纺'
      '织绸缎绒绣缝纸浆机电动车辆输运载轴齿阀缩气灯缆开关仪表录设备装制产厂业墙砖门楼筑货单价买卖购销进税费汇额总计数吨'
      '个双只盘币国际东广华台湾沪连宁汉陕辽苏鲁长宽轻细旧现约贸岛仓库应订优极选类种样图报询还发问话联络系体积环节无来与'
      '为于从后这过时间点两万亿几损伤坏险赔偿签权专属营场区县乡镇处头卫护医学实面饼饭饮篓篮栈柜舱锚贴贵账资赠赛赢铠钣焊'
      '钎锣铺键钩钮钳铰铣锋锈镶镭钥队阳阴陈随静页顺领题显风飞驰驱骤松斗凤鸟鹏丽齐龟岭岳欧岁历残壳毁灭滚满洁泽湿济滨沥灾'
      '烧烂牵状独奖玛瑶琼瓮异疗监众砚码礼称稳窑竞笔简帘签粤粪扎纳纽绍终组结给统绝经紧缘编缓练纵绩绳绘继续罚圣闻声职听肃'
      '脱脑肤舰艺萝蕴虚虫蚕蜡冲补衬见视觉览观讯记访许诉诊注评词试详志认语误说课调请论诸讲谢谱议变让丰财贯责贮贺宾赏贤贱'
      '赖赞赵迹践轨军软较辅辊辑转办边达远迟适迁遗邮郑酿厘钱错炼炼闪闭闸阅板陆阵阶杂离难云雾灵韩响项须预频顾余馆发闹鲤鳗'
      '鲈党壮够夹夺奋婴孙写宝将对导届岗帅师干厦厨庙厅强弹弯径复征态庆凭悬战戏户抛挟舍扫采拣换扬抢撑拨择击挡担据挤拟扩摆'
      '摄败敌断暂晒术杆栋杨荣构枪桩桥档樱栏杀毡决没况净泪减涡汤沟温渔涨渐润滤洒烦里台周荐础寿画么启仅献珑铃铂钯铑铟镓锗'
      '钽铌锆锶钡锑铋铀钕镨镝铽镧铈') as simplified
  from said
)
update market.post set words = words || ' ' || plain.simplified
from plain where post.id = plain.id and plain.simplified <> plain.text;
