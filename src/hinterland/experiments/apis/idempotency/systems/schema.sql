-- The tables of the payments server, for SQLite and PostgreSQL alike.

-- The money. One row is one charge on a customer's card.
CREATE TABLE IF NOT EXISTS charges (
    id           TEXT PRIMARY KEY,
    tenant       TEXT NOT NULL,
    order_id     TEXT NOT NULL,
    amount_cents INTEGER NOT NULL
);

-- The keys of key_in_transaction and expiring_lock. A key belongs to a tenant, remembers what was
-- asked (fingerprint) and, once the work is done, what was answered.
CREATE TABLE IF NOT EXISTS keys (
    tenant       TEXT NOT NULL,
    key          TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    answer       TEXT,
    locked_until DOUBLE PRECISION,
    PRIMARY KEY (tenant, key)
);

-- The notes of check_then_insert: no tenant and no fingerprint, because a key looks unique on its own.
CREATE TABLE IF NOT EXISTS answers (
    key    TEXT PRIMARY KEY,
    answer TEXT NOT NULL
);
