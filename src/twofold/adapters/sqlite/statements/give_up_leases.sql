UPDATE leases SET until = since WHERE owner = :member AND name IN (SELECT value FROM json_each(:names))
