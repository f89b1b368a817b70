UPDATE twofold.store SET epoch = $1
