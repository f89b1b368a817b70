SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '60s';
SELECT pg_advisory_xact_lock(4683913221);
SET LOCAL lock_timeout = '5s';
