UPDATE leases SET since = :now, until = :until WHERE owner = :member AND since <= :now AND until > :now
