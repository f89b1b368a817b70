UPDATE leases SET until = since WHERE owner = :member
