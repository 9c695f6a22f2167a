"""Supply and demand: categories, posts, the search for them, and the market data that come of trades."""
