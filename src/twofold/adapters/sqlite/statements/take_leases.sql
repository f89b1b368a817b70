INSERT INTO leases (name, owner, fence, since, until)
SELECT DISTINCT value, :member, :now, :now, :until FROM json_each(:names) WHERE true
ON CONFLICT (name) DO UPDATE
SET owner = excluded.owner,
    fence = iif(since <= :now AND until > :now, fence, max(fence + 1, :now)),
    since = :now,
    until = :until
WHERE owner = :member OR since > :now OR until <= :now
RETURNING name, fence
