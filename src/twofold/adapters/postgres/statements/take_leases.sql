SELECT lease, number FROM twofold.take_leases($1, $2, $3, $4)
