SELECT twofold.give_up_leases($1, $2)
