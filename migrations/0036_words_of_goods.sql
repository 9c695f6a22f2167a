-- The kind of a tea was called by the word for goods itself, so that a form had two boxes of one name
-- and a heading of a file could not be told from that of the goods. A name that operators have chosen stays.
update market.category
set attributes = (select jsonb_agg(case when kind ->> 'code' = 'kind' and kind ->> 'name_zh' = '品类'
                                        then kind || '{"name_zh": "品种"}' else kind end order by place)
                  from jsonb_array_elements(attributes) with ordinality as one (kind, place))
where code = 'green_tea' and attributes @> '[{"code": "kind", "name_zh": "品类"}]';
