SELECT head, last_message_id, recorded
FROM twofold.append(
    $1, $2, $3, $4::text::bigint[],
    $5, $6::text::bigint[], $7::text::smallint[], $8, $9::text::integer[], $10, $11, $12,
    $13, $14, $15::text::bigint[],
    $16, $17, $18::text::smallint[], $19, $20::text::bigint[], $21::text::bigint[], $22::text::integer[],
    $23::text::bigint[], $24, $25, $26, $27, $28, $29, $30, $31, $32::text::bigint[])
