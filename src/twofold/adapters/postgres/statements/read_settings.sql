SELECT
    current_setting('server_version') AS postgresql,
    current_setting('server_version_num')::int AS version_number,
    current_database() AS database,
    quote_ident(current_user) AS role,
    pg_is_in_recovery() AS is_replica,
    current_setting('server_encoding') AS encoding,
    current_setting('fsync') AS fsync,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('full_page_writes') AS full_page_writes,
    pg_backend_pid() AS backend
