-- The shop's own tables on SQLite. Amounts are whole cents: SQLite has no decimals. Times are UTC text.
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    store_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('placed', 'paid', 'shipped', 'cancelled')),
    total INTEGER NOT NULL CHECK (total > 0),
    business_day TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS order_items (
    id INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (order_id),
    product_id TEXT NOT NULL,
    department TEXT NOT NULL,
    qty INTEGER NOT NULL CHECK (qty >= 0),
    price INTEGER NOT NULL CHECK (price >= 0),
    retail_discount INTEGER NOT NULL,
    coupon_discount INTEGER NOT NULL,
    coupon_match_discount INTEGER NOT NULL,
    UNIQUE (order_id, product_id)
) STRICT;
