SELECT pg_notify('twofold', $1::text)
