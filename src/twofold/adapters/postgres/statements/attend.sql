SELECT member, wants, lease, fence FROM twofold.attend($1, $2, $3, $4, $5)
