SELECT name, owner, fence FROM leases WHERE since <= :now AND until > :now
