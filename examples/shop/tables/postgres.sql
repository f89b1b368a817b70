-- The shop's own tables on PostgreSQL, in the schema that the connection's search path begins with: public.
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    store_id TEXT NOT NULL,
    status VARCHAR(20) NOT NULL CHECK (status IN ('placed', 'paid', 'shipped', 'cancelled')),
    total NUMERIC(10, 2) NOT NULL CHECK (total > 0),
    business_day DATE NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS order_items (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (order_id),
    product_id TEXT NOT NULL,
    department TEXT NOT NULL,
    qty INTEGER NOT NULL CHECK (qty >= 0),
    price NUMERIC(10, 2) NOT NULL CHECK (price >= 0),
    retail_discount NUMERIC(10, 2) NOT NULL,
    coupon_discount NUMERIC(10, 2) NOT NULL,
    coupon_match_discount NUMERIC(10, 2) NOT NULL,
    UNIQUE (order_id, product_id)
);
