INSERT INTO members (member, wants, process, since, until) VALUES (:member, :names, :process, :now, :until)
ON CONFLICT (member) DO UPDATE
SET wants = excluded.wants, process = excluded.process, since = excluded.since, until = excluded.until
