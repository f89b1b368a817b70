-- Which copies of which views there are, which one answers, and up to where each is folded.
CREATE TABLE twofold_views.twofold_generations (
    view text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    fingerprint text NOT NULL,
    epoch text NOT NULL,
    shards bigint NOT NULL,
    status text NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (view, number)
);

CREATE TABLE twofold_views.twofold_pointers (
    view text COLLATE "C" PRIMARY KEY,
    generation bigint NOT NULL
);

-- mark is the whole place as one text, so that a read takes it in one go. Half a page is left free: every batch updates
-- a row here, and what it replaces goes away with the next update of the page.
CREATE TABLE twofold_views.twofold_checkpoints (
    view text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    shard bigint NOT NULL,
    epoch text NOT NULL,
    position bigint NOT NULL,
    "check" bytea NOT NULL,
    fence bigint NOT NULL,
    mark text NOT NULL GENERATED ALWAYS AS (position::text || '.' || encode("check", 'hex') || '.' || epoch) STORED,
    PRIMARY KEY (view, generation, shard)
) WITH (fillfactor = 50);

-- Which store this is: a log may have views in several databases.
CREATE TABLE twofold_views.twofold_identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id text NOT NULL
);

INSERT INTO twofold_views.twofold_identity (id) VALUES (replace(gen_random_uuid()::text, '-', ''));
