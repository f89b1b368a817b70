SELECT member, wants, lease, fence FROM twofold.roster($1)
