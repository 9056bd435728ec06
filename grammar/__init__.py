"""The grammar of promo, its parse tables, and what editors need to know of it."""
