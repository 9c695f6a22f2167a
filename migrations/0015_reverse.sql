-- A purchase that ended above the buyer's hidden maximum: he may still offer the best supplier to take his bid.

alter table market.second_chance
    drop constraint second_chance_kind_known,
    add constraint second_chance_kind_known check (kind in ('runner_up', 'highest_bidder', 'best_supplier'));
